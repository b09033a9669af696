/* SPDX-License-Identifier: MIT */
/* says: unused.result */
/* flags: -Werror */
#include <thrum/event.h>
#include <thrum/lock.h>

void use(thrum_lock *lock, thrum_event *event);
void use(thrum_lock *lock, thrum_event *event) {
    (void)thrum_event_wait_until(event, thrum_after_ms(5)); /* takes nothing: may be ignored */
    thrum_event_wait_until(event, thrum_after_ms(5));
#ifdef RIGHT
    if (thrum_lock_acquire_until(lock, thrum_after_ms(5)) != THRUM_OK) return;
#else
    thrum_lock_acquire_until(lock, thrum_after_ms(5));
#endif
    thrum_lock_release(lock);
}
