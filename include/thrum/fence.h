/* SPDX-License-Identifier: MIT */
/*
 * fence: a full memory fence of which one side pays all and the other nothing.
 *
 * Floor 2. Two threads each store and then look at what the other stores. Without a fence both may look
 * too early, and miss each other. Often one side does so all the time (a producer, which looks whether a
 * consumer sleeps), the other seldom (a consumer, which looks a last time before it sleeps):
 *
 *     thrum_u32_store_release(&full, 1);                        // often
 *     thrum_fence_light();
 *     if (thrum_u32_load_relaxed(&sleepers)) wake_one();
 *     ...
 *     thrum_u32_fetch_add_relaxed(&sleepers, 1);                // seldom
 *     const bool fenced = thrum_fence_heavy();
 *     if (!thrum_u32_load_acquire(&full)) sleep_until(fenced ? THRUM_FOREVER : thrum_after_ms(1));
 *
 * Law         a light fence and a heavy one, in whatever order they happen, are as two full fences: at least
 *             one of the two looks sees the other's store. Two light ones give nothing; two heavy ones do.
 * Cost        light: a load and a branch, no fence instruction; a full fence where the kernel refuses
 *             membarrier, and two system calls the first time in a process. Heavy: a system call that
 *             interrupts the processors on which the process runs.
 * Fork        a child goes on with both.
 *
 * ThreadSanitizer knows nothing of fences: they order no plain data here, only which thread sees which store.
 *
 * The idea of an asymmetric fence is liburcu's and the kernel's membarrier(2).
 */
#ifndef THRUM_FENCE_H
#define THRUM_FENCE_H

#include <thrum/atomic.h>

THRUM_BEGIN_DECLS

/* Whether light fences may be none: once the first one, of either side, was made. */
THRUM_API extern thrum_u32 thrum_fence_asymmetric_;
THRUM_API void thrum_fence_full_(void) THRUM_COLD;

/* The light side. Any thread, signal handlers too. */
THRUM_INLINE void thrum_fence_light(void) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    if (THRUM_UNLIKELY(!thrum_u32_load_relaxed(&thrum_fence_asymmetric_))) thrum_fence_full_();
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/*
 * The heavy side. Any thread. True: every light side is on one side of it. False: a sandbox refuses the
 * system call to this thread and not to others, and a light side may have missed it: look again after a
 * while. errno is kept.
 */
THRUM_API THRUM_MUST_USE bool thrum_fence_heavy(void);

THRUM_END_DECLS

#endif
