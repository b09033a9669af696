/* SPDX-License-Identifier: MIT */
/* needs: THRUM_ANALYSED_ */
/* flags: -DTHRUM_THREAD_SAFETY -Wthread-safety -Werror */
/* says: calling function 'next_number' requires holding */
#include <thrum.h>

static thrum_lock guard;
static long last THRUM_GUARDED_BY(guard);

static long next_number(void) THRUM_REQUIRES(guard);
static long next_number(void) {
    return ++last;
}

long draw(void);
long draw(void) {
#ifdef RIGHT
    if (thrum_lock_acquire_until(&guard, thrum_after_ms(5)) != THRUM_OK) return 0;
    THRUM_ASSUME_HELD(&guard);
    const long number = next_number();
    (void)thrum_lock_release(&guard);
    return number;
#else
    return next_number();
#endif
}
