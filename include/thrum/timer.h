/* SPDX-License-Identifier: MIT */
/*
 * timer: a thread that waits for a time and then calls a function once; Python's threading.Timer. For more
 * than a few timers, use a scheduler (thrum/scheduler.h), which runs any number on one thread.
 *
 * Floor 4, in libthrum. The timer lies in the caller's memory, and may be freed when it has been joined and
 * released, or when it was never started.
 *
 * Time        counts from the start; never early. CLOCK_MONOTONIC. Nothing and less runs at once.
 * Thread      `&timer.thread` is its thread: name, is_alive and the like are a thread's. It is no daemon: a
 *             pending timer keeps the process alive until it has fired or is cancelled.
 * Finished    an event that is set by a cancel that comes in time, or else after the call has returned,
 *             cancelled meanwhile or not; not when the function failed, which the exception hook is told.
 *
 *     thrum_timer timer;
 *     if (thrum_timer_init(&timer, 0.5, remind, NULL) != THRUM_OK) return false;
 *     if (thrum_timer_start(&timer) != THRUM_OK) return false;
 *     ...
 *     thrum_timer_cancel(&timer);                               // too late, or nothing is called
 *     thrum_timer_join(&timer);
 *     thrum_timer_release(&timer);
 *
 * Memory order: what happened before the start happens before the function; the function before a join, and
 * before a wait for `finished`.
 *
 * Any thread; not signal handlers.
 */
#ifndef THRUM_TIMER_H
#define THRUM_TIMER_H

#include <thrum/event.h>
#include <thrum/thread.h>

typedef void thrum_timer_function(void *argument);

typedef struct thrum_timer {
    thrum_thread thread;
    thrum_event finished;
    thrum_u32 fate_;
    double seconds;
    thrum_timer_function *function;
    void *argument;
} thrum_timer;

THRUM_BEGIN_DECLS

/*
 * A timer of so many seconds; below 0 counts as 0. THRUM_OK; THRUM_INVALID: not a number; THRUM_OVERFLOW:
 * above THRUM_TIMEOUT_MAX; THRUM_NO_MEMORY.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_timer_init(thrum_timer *timer, double seconds,
                                                       thrum_timer_function *function, void *argument);

/* Starts it; results of thrum_thread_start. A timer starts once. */
THRUM_API THRUM_MUST_USE thrum_result thrum_timer_start(thrum_timer *timer);

/*
 * Before the start: it will start and do nothing. While it waits: the function is not called, and the thread
 * ends at once. Later: no effect. Never waits.
 */
THRUM_API void thrum_timer_cancel(thrum_timer *timer);

/* Waits until its thread has ended; results of thrum_thread_join. */
THRUM_API thrum_result thrum_timer_join(thrum_timer *timer);

/*
 * Writes the state as text ("timer of 0.5 s: pending"; not started, cancelled, finished, failed), cut to
 * `size` bytes with its final NUL, and returns the length of the whole text, as snprintf does. Pending is one
 * whose function has not returned.
 */
THRUM_API size_t thrum_timer_describe(const thrum_timer *timer, char *text, size_t size);

/* Gives the thread's reference back, joined or not started. */
THRUM_API void thrum_timer_release(thrum_timer *timer);

THRUM_END_DECLS

#endif
