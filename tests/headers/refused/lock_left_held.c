/* SPDX-License-Identifier: MIT */
/* needs: THRUM_ANALYSED_ */
/* flags: -DTHRUM_THREAD_SAFETY -Wthread-safety -Werror */
/* says: guard. is not held on every path */
#include <thrum.h>

static thrum_lock guard;
static long served THRUM_GUARDED_BY(guard);

bool serve(long most);
bool serve(long most) {
    thrum_lock_acquire(&guard);
#ifdef RIGHT
    const bool full = served >= most;
    served += !full;
    (void)thrum_lock_release(&guard);
    return !full;
#else
    if (served < most) {
        served++;
        (void)thrum_lock_release(&guard);
    }
    return true;
#endif
}
