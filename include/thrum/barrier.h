/* SPDX-License-Identifier: MIT */
/*
 * barrier: a number of threads wait for each other, again and again; Python's threading.Barrier.
 *
 * Forty bytes. It needs its initialiser: of an all-zero one every call says THRUM_INVALID, or does
 * nothing. Nothing allocates, nothing needs destroying.
 *
 * Cost        a wait is one read-modify-write; a waiter spins for a while, yielding its processor, before
 *             it sleeps. One wake call a cycle, and only when a party sleeps.
 * Cycle       when as many as `parties` have arrived, the action runs, if there is one, in the thread
 *             that came last; then all leave, each with another index from 0 to parties - 1, the
 *             order of arrival. It can be used again at once. More threads than parties may use it.
 * Action      runs once a cycle, before anyone leaves, with nothing locked: it may ask for the state,
 *             abort, and wait elsewhere. A wait for its own barrier is THRUM_DEADLOCK. A party that
 *             arrives meanwhile waits until the action has ended, and counts for the next cycle.
 * Broken      by a wait that times out, by an action that fails or is left by a C++ exception, by
 *             thrum_barrier_abort, and by a thread that ends within the action. Every waiter leaves with
 *             THRUM_BROKEN, and so does every party that arrives, until thrum_barrier_reset. A cycle
 *             that is complete and has run its action stays complete: its parties return THRUM_OK.
 * Freed       when every party's call has returned, except that of the party with the last index: it
 *             need not have, for after completing the cycle it touches the barrier no more (a
 *             FUTEX_WAKE on its address may follow). After a break: when every call has returned.
 * Generation  26 bits, raised by every complete cycle: a party that does not run once while others
 *             complete exactly 2^26 more cycles, or a multiple, misses its own. That takes more
 *             threads than parties.
 * Processes   thrum_barrier_init_shared, without an action, in memory that processes share, at any
 *             address. A party that dies is missed by the others until a deadline or an abort.
 * Fork        a child calls thrum_barrier_reset_after_fork.
 *
 *     static thrum_barrier phase = THRUM_BARRIER_INIT(4);
 *
 *     int32_t index;
 *     if (thrum_barrier_wait(&phase, &index) != THRUM_OK) return false;
 *     if (index == 0) tick();                                   // one of the four
 *
 * Memory order: what any party wrote before it arrived, and what the action wrote, is visible to every
 * party that leaves with THRUM_OK; what a party wrote before, to the action. A break is a release, and a
 * THRUM_BROKEN that it causes an acquire. Timeouts, refusals and functions that only look are relaxed.
 *
 * Any thread may call everything; a signal handler everything but the waits.
 */
#ifndef THRUM_BARRIER_H
#define THRUM_BARRIER_H

#include <thrum/atomic.h>
#include <thrum/deadline.h>
#include <thrum/self.h>

/* The most parties. */
#define THRUM_BARRIER_MAX INT32_MAX
/* A default of this many nanoseconds is none: thrum_barrier_wait waits without a limit. */
#define THRUM_BARRIER_NO_TIMEOUT INT64_MAX

typedef thrum_result thrum_barrier_action(void *argument);

typedef struct thrum_barrier {
    thrum_u64 state; /* the arrived in the low half; above it flags and the generation */
    int32_t parties;
    int32_t unused_;
    int64_t timeout_ns;
    thrum_barrier_action *action;
    void *argument;
} thrum_barrier;

/* Nothing checks the parties here: 1 to THRUM_BARRIER_MAX. */
#define THRUM_BARRIER_INIT_WITH(parties, action, argument, timeout_ns) \
    { {0}, (parties), 0, (timeout_ns), (action), (argument) }
#define THRUM_BARRIER_INIT(parties) \
    THRUM_BARRIER_INIT_WITH(parties, THRUM_NULL_, THRUM_NULL_, THRUM_BARRIER_NO_TIMEOUT)

THRUM_STATIC_ASSERT(sizeof(thrum_barrier) <= 48, "a barrier is at most forty-eight bytes");
THRUM_STATIC_ASSERT(sizeof(void *) != 8 || sizeof(thrum_barrier) == 40, "a barrier is forty bytes");

/* What thrum_barrier_arrive_ answers to the last party when there is an action: it is to run it. */
#define THRUM_BARRIER_ACT_ THRUM_STATE

THRUM_BEGIN_DECLS

THRUM_API thrum_result thrum_barrier_arrive_(thrum_barrier *barrier, const thrum_deadline *deadline,
                                             int32_t *index);
/* Runs the action, and ends the cycle. */
THRUM_API thrum_result thrum_barrier_act_(thrum_barrier *barrier, int32_t *index) THRUM_COLD;

/*
 * A barrier for so many parties, without an action and a default timeout. THRUM_OK; THRUM_INVALID
 * when parties is below 1: the object is left as it was.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_barrier_init(thrum_barrier *barrier, int32_t parties);

/*
 * The same with an action, or NULL, and its argument, and with the time that thrum_barrier_wait
 * waits: THRUM_BARRIER_NO_TIMEOUT, or nanoseconds from the call; 0 and below do not wait.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_barrier_init_with(thrum_barrier *barrier, int32_t parties,
                                                              thrum_barrier_action *action, void *argument,
                                                              int64_t timeout_ns);

/*
 * The same with the timeout in seconds, checked as by thrum_deadline_from_seconds: THRUM_INVALID also for NaN
 * and negative numbers, THRUM_OVERFLOW above THRUM_TIMEOUT_MAX; rounded up to whole nanoseconds.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_barrier_init_seconds(thrum_barrier *barrier, int32_t parties,
                                                                 thrum_barrier_action *action, void *argument,
                                                                 double seconds);

/* In memory that processes share: without an action. */
THRUM_API THRUM_MUST_USE thrum_result thrum_barrier_init_shared(thrum_barrier *barrier, int32_t parties,
                                                                int64_t timeout_ns);

/* `deadline` NULL: the barrier's own timeout. */
THRUM_INLINE thrum_result thrum_barrier_pass_(thrum_barrier *barrier, const thrum_deadline *deadline,
                                              int32_t *index) {
    THRUM_ANNOUNCE_RELEASE_(barrier);
    thrum_result result = thrum_barrier_arrive_(barrier, deadline, index);
    if (THRUM_UNLIKELY(result == THRUM_BARRIER_ACT_)) result = thrum_barrier_act_(barrier, index);
    THRUM_ANNOUNCE_ACQUIRE_(barrier);
    return result;
}

/*
 * Waits until all parties have arrived; not longer than the barrier's own timeout. THRUM_OK: *index,
 * unless index is NULL, is this party's alone. THRUM_TIMEOUT: the time was over, and the barrier is
 * broken now. THRUM_BROKEN: it is, or was while this thread waited. THRUM_DEADLOCK: the caller is
 * inside the action. THRUM_INVALID: there are no parties. Every other result is the action's, which
 * failed in this thread. Not a cancellation point.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_barrier_wait(thrum_barrier *barrier, int32_t *index) {
    return thrum_barrier_pass_(barrier, NULL, index);
}

/*
 * The same up to a deadline instead, which may be THRUM_FOREVER. The last to arrive succeeds
 * whatever the deadline. Signals neither shorten nor lengthen the wait.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_barrier_wait_until(thrum_barrier *barrier, int32_t *index,
                                                                  thrum_deadline deadline) {
    return thrum_barrier_pass_(barrier, &deadline, index);
}

/* Breaks the barrier, at once: for every waiter, and every party that arrives later. Idempotent. */
THRUM_API void thrum_barrier_abort(thrum_barrier *barrier);

/*
 * Makes the barrier whole and empty. Every waiter leaves with THRUM_BROKEN first; a party that arrives
 * meanwhile waits for that. A barrier that is whole and empty stays as it is, and so does one whose action
 * runs: that cycle is complete.
 */
THRUM_API void thrum_barrier_reset(thrum_barrier *barrier);

/* The number of parties; 0: not initialised. */
THRUM_INLINE int32_t thrum_barrier_parties(const thrum_barrier *barrier) {
    return barrier->parties;
}

/* How many wait, at the moment of looking: while the action runs all, on a broken barrier 0. */
THRUM_API int32_t thrum_barrier_waiting(const thrum_barrier *barrier);

/* Whether the barrier is broken, at the moment of looking. */
THRUM_API bool thrum_barrier_broken(const thrum_barrier *barrier);

/*
 * In the only thread of a forked child: forgets every waiter. The barrier is empty then, and whole unless it
 * was broken. A barrier that processes share is left as it is.
 */
THRUM_API void thrum_barrier_reset_after_fork(thrum_barrier *barrier);

/*
 * Writes the state as text ("barrier: 1 of 4 wait, generation 7"), cut to `size` bytes with its final
 * NUL, and returns the length of the whole text, as snprintf does.
 */
THRUM_API size_t thrum_barrier_describe(const thrum_barrier *barrier, char *text, size_t size);

THRUM_END_DECLS

#endif
