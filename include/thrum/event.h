/* SPDX-License-Identifier: MIT */
/*
 * event: a flag that threads wait for; Python's threading.Event.
 *
 * Four bytes. All-zero memory is a clear event; nothing allocates, nothing needs destroying.
 *
 * Cost        asking is one load; waiting on a set event too; a set that nobody waits for is one
 *             read-modify-write and no system call (one call in vain after a wait that timed out).
 * Set, clear  a set lets every thread through that waits at that moment, even when a clear follows
 *             at once and before any of them has run: a generation in the word tells them. A thread
 *             waits from the moment when its announcement is in the word, which is before it
 *             sleeps; while it still spins, it may miss a set that is cleared at once. The
 *             generation is raised only by a set that sees waiters, and has 29 bits: a waiter past
 *             which exactly 2^29 such sets go, or a multiple, without its running once, waits for
 *             another.
 * Freed       when every waiter's call has returned and no set or clear is still to come, even while
 *             the call of the set that let them through has not returned.
 * Processes   thrum_event_init_shared, in memory that processes share, at any address. A setter that
 *             dies within its call may leave sleepers to the next set.
 * Fork        a child that inherits waiters' traces calls thrum_event_reset_after_fork.
 *
 *     static thrum_event stop = THRUM_EVENT_INIT;
 *
 *     while (thrum_event_wait_until(&stop, thrum_after_ms(100)) == THRUM_TIMEOUT) tick();
 *     ...
 *     thrum_event_set(&stop);                                   // a signal handler may
 *
 * Memory order: a set is a release, and so is a set of an event that is set already; a wait that
 * returns THRUM_OK, a thrum_event_is_set that returns true and a thrum_event_clear are acquires
 * that pair with it: a thread that clears the event and then looks for work misses none. A
 * timeout and a false answer are relaxed.
 *
 * Any thread may call everything; a signal handler thrum_event_set, thrum_event_clear,
 * thrum_event_is_set and thrum_event_try_wait.
 */
#ifndef THRUM_EVENT_H
#define THRUM_EVENT_H

#include <thrum/atomic.h>
#include <thrum/deadline.h>

typedef struct thrum_event {
    thrum_u32 state;
} thrum_event;

#define THRUM_EVENT_INIT {{0}}

THRUM_STATIC_ASSERT(sizeof(thrum_event) == 4, "an event is four bytes");

/* The bits of the word; src/futex/event.c says who sets and who clears each. */
#define THRUM_EVENT_SET_ ((uint32_t)1 << 0)
#define THRUM_EVENT_SHARED_ ((uint32_t)1 << 1)
#define THRUM_EVENT_WAITERS_ ((uint32_t)1 << 31)

THRUM_BEGIN_DECLS

THRUM_API void thrum_event_set_slow_(thrum_event *event) THRUM_COLD;
THRUM_API thrum_result thrum_event_wait_slow_(thrum_event *event, thrum_deadline deadline) THRUM_COLD;

/* Makes a clear event, for the threads of one process. The same as all-zero memory. */
THRUM_INLINE void thrum_event_init(thrum_event *event) {
    thrum_u32_store_relaxed(&event->state, 0);
}

/* Makes a clear event in memory that processes share. */
THRUM_INLINE void thrum_event_init_shared(thrum_event *event) {
    thrum_u32_store_relaxed(&event->state, THRUM_EVENT_SHARED_);
}

/* Whether the event is set, at the moment of looking. */
THRUM_INLINE bool thrum_event_is_set(const thrum_event *event) {
    /* event.E1: acquire, pairs with event.E2 */
    return (thrum_u32_load_acquire(&event->state) & (THRUM_EVENT_SET_ | THRUM_EVENT_WAITERS_)) ==
           THRUM_EVENT_SET_;
}

/* The same as thrum_event_is_set: the form of the wait that never waits. */
THRUM_INLINE bool thrum_event_try_wait(const thrum_event *event) {
    return thrum_event_is_set(event);
}

/* Sets the event and lets every waiter through. Idempotent; publishes the caller's writes anew. */
THRUM_INLINE void thrum_event_set(thrum_event *event) {
    /* event.E2: release, pairs with event.E1 and event.E3 */
    if (THRUM_UNLIKELY(thrum_u32_mark_release_(&event->state, THRUM_EVENT_SET_)))
        thrum_event_set_slow_(event);
}

/* Clears the event. Idempotent. It sees what the sets that it takes back have published. */
THRUM_INLINE void thrum_event_clear(thrum_event *event) {
    /*
     * event.E4: acquire, pairs with event.E2: a set is not taken back unseen. As a read-modify-write it keeps
     * the release sequence of the set before it, for the waiters which that set lets through.
     */
    thrum_u32_fetch_and_acquire(&event->state, ~THRUM_EVENT_SET_);
}

/* Waits until the event is set; at once when it is. Not a cancellation point. */
THRUM_INLINE void thrum_event_wait(thrum_event *event) {
    if (thrum_event_is_set(event)) return;
    (void)thrum_event_wait_slow_(event, THRUM_FOREVER);
    THRUM_ANNOUNCE_ACQUIRE_(event);
}

/*
 * Waits until the event is set, but not beyond the deadline. THRUM_OK or THRUM_TIMEOUT. On an
 * event that is set it returns THRUM_OK whatever the deadline. Signals neither shorten nor
 * lengthen the wait.
 */
THRUM_INLINE thrum_result thrum_event_wait_until(thrum_event *event, thrum_deadline deadline) {
    if (thrum_event_is_set(event)) return THRUM_OK;
    const thrum_result result = thrum_event_wait_slow_(event, deadline);
    if (result == THRUM_OK) THRUM_ANNOUNCE_ACQUIRE_(event);
    return result;
}

/*
 * In the only thread of a forked child: forgets the waiters; the event stays set or clear. One
 * that processes share is left as it is.
 */
THRUM_API void thrum_event_reset_after_fork(thrum_event *event);

/*
 * Writes the state as text ("event: set"), cut to `size` bytes with its final NUL, and returns
 * the length of the whole text, as snprintf does.
 */
THRUM_API size_t thrum_event_describe(const thrum_event *event, char *text, size_t size);

THRUM_END_DECLS

#endif
