/* SPDX-License-Identifier: MIT */
/* needs: THRUM_ANALYSED_ */
/* flags: -DTHRUM_THREAD_SAFETY -Wthread-safety -Werror */
/* says: reading variable 'served' requires holding */
#include <thrum.h>

static thrum_lock guard;
static long served THRUM_GUARDED_BY(guard);

long serve(void);
long serve(void) {
    long now = 0;
    THRUM_WITH(&guard) now = ++served;
#ifdef RIGHT
    return now;
#else
    return now + served;
#endif
}
