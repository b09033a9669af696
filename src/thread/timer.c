/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. A timer is a thread whose run waits for `finished`, which a cancel sets; not set in time, it
 * calls.
 *
 * timer.I1: `fate_` leaves OPEN once: the thread makes it CALLED, and then calls, or a cancel makes it
 *     CANCELLED.
 * timer.I2: a cancel sets `finished` if it has made or found it CANCELLED; the thread sets it after the call.
 *     So `finished` never comes before the end of a call.
 */
#include "../atomic/law.h"
#include "../atomic/tell.h"

#include <stddef.h>
#include <stdio.h>
#include <thrum/timer.h>

enum { OPEN, CALLED, CANCELLED };

/* Whether it is so now. relaxed: it only chooses; the start and `finished` order what is around it. */
static bool decide(thrum_timer *timer, uint32_t fate) {
    uint32_t before = OPEN;
    return thrum_u32_cas_relaxed(&timer->fate_, &before, fate) || before == fate; /* timer.I1 */
}

static thrum_result run(thrum_thread *self) {
    thrum_timer *const timer = (thrum_timer *)((char *)self - offsetof(thrum_timer, thread));
    if (thrum_event_wait_until(&timer->finished, thrum_after(timer->seconds)) == THRUM_TIMEOUT &&
        decide(timer, CALLED))
        timer->function(timer->argument);
    THRUM_LAW(timer.I1, thrum_u32_load_relaxed(&timer->fate_) != OPEN);
    THRUM_TELL_OWN_RELEASE(&timer->finished);
    thrum_event_set(&timer->finished); /* timer.I2 */
    return THRUM_OK;
}

thrum_result thrum_timer_init(thrum_timer *timer, double seconds, thrum_timer_function *function,
                              void *argument) {
    if (seconds < 0) seconds = 0;
    thrum_deadline due;
    const thrum_result checked = thrum_deadline_from_seconds(seconds, &due);
    if (checked != THRUM_OK) return checked;
    thrum_thread thread;
    const thrum_thread_config config = {.run = run, .daemon = THRUM_DAEMON_NO};
    const thrum_result result = thrum_thread_init(&thread, &config);
    if (result != THRUM_OK) return result;
    *timer = (thrum_timer){thread, THRUM_EVENT_INIT, {OPEN}, seconds, function, argument};
    return THRUM_OK;
}

thrum_result thrum_timer_start(thrum_timer *timer) {
    return thrum_thread_start(&timer->thread);
}

void thrum_timer_cancel(thrum_timer *timer) {
    if (!decide(timer, CANCELLED)) return;
    THRUM_TELL_OWN_RELEASE(&timer->finished);
    thrum_event_set(&timer->finished); /* timer.I2 */
}

thrum_result thrum_timer_join(thrum_timer *timer) {
    return thrum_thread_join(&timer->thread, NULL);
}

void thrum_timer_release(thrum_timer *timer) {
    thrum_thread_release(&timer->thread);
}

static const char *state_of(const thrum_timer *timer) {
    const bool started = thrum_thread_ident(&timer->thread) != 0;
    const bool runs = thrum_thread_is_alive(&timer->thread);
    const bool finished = thrum_event_is_set(&timer->finished); /* after `runs`: it is set before the end */
    if (!started) return finished ? "cancelled" : "not started";
    if (runs) return finished ? "cancelled" : "pending";
    return finished ? "finished" : "failed";
}

size_t thrum_timer_describe(const thrum_timer *timer, char *text, size_t size) {
    const int length = snprintf(text, size, "timer of %g s: %s", timer->seconds, state_of(timer));
    return length < 0 ? 0 : (size_t)length;
}
