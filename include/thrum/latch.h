/* SPDX-License-Identifier: MIT */
/*
 * latch: a count that threads bring down to 0 and others wait for; C++'s std::latch, made reusable.
 *
 * Eight bytes. All-zero memory is an open latch; nothing allocates, nothing needs destroying.
 *
 * Cost        asking is one load; waiting at an open latch too. A count-down is one read-modify-write,
 *             inlined, and no system call; the one that opens makes one call when somebody sleeps
 *             (one in vain after a wait that timed out). At an open latch it is two.
 * Count       from 0 to THRUM_LATCH_MAX. A count-down stops at 0: at an open latch it does nothing.
 * Reset       only an open latch takes a new count. Every earlier waiter gets through, even
 *             when the reset follows at once and before any of them has run: a generation in the
 *             word, raised by every opening, tells them. It has 30 bits: a waiter that does not run
 *             once while the latch opens exactly 2^30 times, or a multiple, waits for another.
 * Freed       the last user may free it as soon as it got through, or found it open, even if the
 *             count-downs have not returned yet: after its operation on the word a count-down
 *             touches the latch no more (a FUTEX_WAKE on its address may follow). Of several
 *             waiters each must have returned.
 * Processes   thrum_latch_init_shared, in memory that processes share, at any address.
 * Fork        a child that inherits waiters' traces calls thrum_latch_reset_after_fork.
 *
 *     static thrum_latch ready_workers = THRUM_LATCH_INIT(4);
 *
 *     thrum_latch_count_down(&ready_workers);                   // each worker, once
 *     ...
 *     thrum_latch_wait(&ready_workers);                         // until all four have
 *
 * Memory order: a count-down that lowers the count is a release; a wait that returns THRUM_OK and a
 * thrum_latch_try_wait that returns true are acquires that pair with all of them. A reset that
 * succeeds is both: it sees what a wait would, and publishes to the waits that follow it. A timeout,
 * a false answer, a count-down that finds the latch open and thrum_latch_count are relaxed.
 *
 * Any thread may call everything; a signal handler everything but thrum_latch_wait and
 * thrum_latch_wait_until.
 */
#ifndef THRUM_LATCH_H
#define THRUM_LATCH_H

#include <thrum/atomic.h>
#include <thrum/deadline.h>

/* The largest count. */
#define THRUM_LATCH_MAX INT32_MAX

typedef struct thrum_latch {
    thrum_u64 state; /* two flags, the count below 0, the generation; src/futex/latch.c has the table */
} thrum_latch;

/* One count in the word. Exploration raises it, and so narrows the generation above. */
#ifndef THRUM_LATCH_ONE_
#define THRUM_LATCH_ONE_ (UINT64_C(1) << 2)
#endif

/* `count` must be 0 to THRUM_LATCH_MAX: nothing checks it here. */
#define THRUM_LATCH_INIT(count) {{(0u - THRUM_CAST_(uint32_t, count)) * THRUM_LATCH_ONE_}}

THRUM_STATIC_ASSERT(sizeof(thrum_latch) == 8, "a latch is eight bytes");

THRUM_BEGIN_DECLS

THRUM_API void thrum_latch_counted_(thrum_latch *latch, uint64_t seen) THRUM_COLD;
THRUM_API thrum_result thrum_latch_count_down_slow_(thrum_latch *latch, int32_t n) THRUM_COLD;
THRUM_API thrum_result thrum_latch_wait_slow_(thrum_latch *latch, thrum_deadline deadline) THRUM_COLD;
THRUM_API thrum_result thrum_latch_reset_(thrum_latch *latch, int32_t count) THRUM_COLD;

/* THRUM_OK; THRUM_INVALID for a negative count, and the object is left as it was. */
THRUM_API THRUM_MUST_USE thrum_result thrum_latch_init(thrum_latch *latch, int32_t count);
/* The same in memory that processes share. */
THRUM_API THRUM_MUST_USE thrum_result thrum_latch_init_shared(thrum_latch *latch, int32_t count);

/* How far the word is from open: the count below 0; 0 and above are open. */
THRUM_INLINE int32_t thrum_latch_below_(uint64_t word) {
    return (int32_t)(uint32_t)(word / THRUM_LATCH_ONE_);
}

/* What is still to be counted down, at the moment of looking; 0: open. */
THRUM_INLINE int32_t thrum_latch_count(const thrum_latch *latch) {
    const int32_t below = thrum_latch_below_(thrum_u64_load_relaxed(&latch->state));
    return below < 0 ? -below : 0;
}

/* Whether the latch is open. Never waits. */
THRUM_INLINE bool thrum_latch_try_wait(const thrum_latch *latch) {
    /* latch.T1: acquire, pairs with latch.T2 */
    return thrum_latch_below_(thrum_u64_load_acquire(&latch->state)) >= 0;
}

/* Lowers the count by one; the last opens the latch and lets every waiter through. */
THRUM_INLINE void thrum_latch_count_down(thrum_latch *latch) {
    /* latch.T2: release, pairs with latch.T1, latch.T3 and latch.T4 */
    const uint64_t seen = thrum_u64_fetch_add_release(&latch->state, THRUM_LATCH_ONE_);
    if (THRUM_UNLIKELY(thrum_latch_below_(seen) >= -1)) thrum_latch_counted_(latch, seen);
}

/* Lowers the count by n in one step, or to 0. THRUM_OK; THRUM_INVALID when n is below 1. */
THRUM_INLINE thrum_result thrum_latch_count_down_n(thrum_latch *latch, int32_t n) {
    THRUM_ANNOUNCE_RELEASE_(latch);
    return thrum_latch_count_down_slow_(latch, n);
}

/* Waits until the latch is open; at once when it is. Not a cancellation point. */
THRUM_INLINE void thrum_latch_wait(thrum_latch *latch) {
    if (thrum_latch_try_wait(latch)) return;
    (void)thrum_latch_wait_slow_(latch, THRUM_FOREVER);
    THRUM_ANNOUNCE_ACQUIRE_(latch);
}

/*
 * Waits until the latch is open, but not beyond the deadline. THRUM_OK or THRUM_TIMEOUT. At an open
 * latch it returns THRUM_OK whatever the deadline. Signals neither shorten nor lengthen the wait.
 */
THRUM_INLINE thrum_result thrum_latch_wait_until(thrum_latch *latch, thrum_deadline deadline) {
    if (thrum_latch_try_wait(latch)) return THRUM_OK;
    const thrum_result result = thrum_latch_wait_slow_(latch, deadline);
    if (result == THRUM_OK) THRUM_ANNOUNCE_ACQUIRE_(latch);
    return result;
}

/*
 * Gives an open latch a new count; 0 leaves it open. THRUM_OK; THRUM_INVALID when the latch is not
 * open or the count is negative: then nothing has changed.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_latch_reset(thrum_latch *latch, int32_t count) {
    THRUM_ANNOUNCE_RELEASE_(latch);
    const thrum_result result = thrum_latch_reset_(latch, count);
    if (result == THRUM_OK) THRUM_ANNOUNCE_ACQUIRE_(latch);
    return result;
}

/*
 * In the only thread of a forked child: forgets the waiters; the count stays. One that processes
 * share is left as it is.
 */
THRUM_API void thrum_latch_reset_after_fork(thrum_latch *latch);

/*
 * Writes the state as text ("latch: count 3, generation 0"), cut to `size` bytes with its final NUL,
 * and returns the length of the whole text, as snprintf does.
 */
THRUM_API size_t thrum_latch_describe(const thrum_latch *latch, char *text, size_t size);

THRUM_END_DECLS

#endif
