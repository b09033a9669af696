/* SPDX-License-Identifier: MIT */
/*
 * futex: the kernel's sleep-if-unchanged, and the other calls on which the whole library rests.
 *
 * Floor 2. src/futex/futex.c is the only file that names a system call, reads the clock or gives
 * up the processor. A program that defines all the functions of this header itself (a test with a
 * script, an explorer of interleavings) replaces the kernel at link time.
 *
 * For builders of primitives of their own:
 *
 *     while (thrum_u32_load_acquire(&ready) == 0)
 *         thrum_futex_wait(&ready, 0, THRUM_FUTEX_ANY, false, THRUM_FOREVER);
 *     ...
 *     thrum_u32_store_release(&ready, 1);
 *     thrum_futex_wake(&ready, INT_MAX, THRUM_FUTEX_ANY, false);
 *
 * The futex orders nothing by itself as far as C11 is concerned: order comes from the operations
 * on the word. A wake may be made on memory that has been freed meanwhile: it finds nobody, or
 * wakes a stranger, for which every wait must be ready.
 */
#ifndef THRUM_FUTEX_H
#define THRUM_FUTEX_H

#include <thrum/atomic.h>
#include <thrum/deadline.h>

typedef enum thrum_futex_outcome {
    THRUM_FUTEX_WOKEN,       /* a wake chose this thread, perhaps one meant for an earlier object */
    THRUM_FUTEX_CHANGED,     /* the word was not as expected: nothing was waited for */
    THRUM_FUTEX_INTERRUPTED, /* a signal handler ran, or the kernel gave up: nobody chose it */
    THRUM_FUTEX_TIMED_OUT    /* the deadline passed and no wake had chosen it */
} thrum_futex_outcome;

/*
 * Channels: sleepers on one word can be told apart. A wake reaches those sleepers whose channels
 * have a bit in common with its own.
 */
#define THRUM_FUTEX_ANY 0xFFFFFFFFu

/* At most so many words in thrum_futex_wait_any: the kernel's limit. */
#define THRUM_FUTEX_WAIT_ANY_MAX 128

typedef struct thrum_futex_choice {
    const thrum_u32 *word;
    uint32_t expected;
    bool shared;
} thrum_futex_choice;

THRUM_BEGIN_DECLS

/*
 * Sleeps while *word is `expected`, until woken or until the deadline. `shared` says that the
 * word lies in memory that processes share; the wake must say the same. May return early for any
 * reason: the caller looks again. `errno` is kept. Not a cancellation point.
 *
 * Where a sandbox refuses the call, with any errno and from any moment on, the wait naps and looks at the
 * word, for 6 ms at most, and THRUM_FUTEX_TIMED_OUT comes at the deadline all the same. Where a sandbox
 * refuses a wake, every sleep of the process that begins later lasts 4 ms at most, and its caller looks for
 * what it was not told. A thread that slept already when the first wake of the process was refused sleeps
 * until its deadline, or until another thread wakes it.
 */
THRUM_API thrum_futex_outcome thrum_futex_wait(const thrum_u32 *word, uint32_t expected, uint32_t channels,
                                               bool shared, thrum_deadline deadline);

/*
 * Wakes at most `count` sleepers of the word, in the order in which they fell asleep; returns how
 * many. Signal handlers too. `errno` is kept.
 */
THRUM_API int thrum_futex_wake(const thrum_u32 *word, int count, uint32_t channels, bool shared);

/*
 * If *from is `expected`: wakes at most `wake` sleepers of `from` and moves at most `move` of the
 * others to sleep on `to`, in the channels of their own. Returns how many were woken or moved, -1 when
 * *from was different or the call was refused.
 */
THRUM_API int thrum_futex_requeue(const thrum_u32 *from, uint32_t expected, int wake, int move,
                                  const thrum_u32 *to, bool shared);

/*
 * Sleeps while each word is as expected. `*refused` becomes true when the kernel (before Linux
 * 5.16) has no such call, the kernel or a sandbox refuses it with any errno, or `count` is not 1 to
 * THRUM_FUTEX_WAIT_ANY_MAX: nothing was waited for then. One waiter may swallow wakes on several of the
 * words.
 */
THRUM_API thrum_futex_outcome thrum_futex_wait_any(const thrum_futex_choice *choices, unsigned count,
                                                   bool *refused, thrum_deadline deadline);

/* Nanoseconds of CLOCK_MONOTONIC. Signal handlers too. */
THRUM_API uint64_t thrum_futex_now_ns(void);

/* Sleeps until the deadline, which must not be THRUM_FOREVER; signals may end it early. */
THRUM_API void thrum_futex_nap(thrum_deadline deadline);

/*
 * Lets another thread have this processor, if one is ready to run. Under SCHED_DEADLINE the caller gives up
 * the rest of its runtime, until its next period.
 */
THRUM_API void thrum_futex_yield(void);

/* Whether a yield costs the calling thread no more than a turn: false under SCHED_DEADLINE. A system call. */
THRUM_API THRUM_MUST_USE bool thrum_futex_may_yield(void);

/* A full fence of the calling thread: sequentially consistent. Signal handlers too. */
THRUM_API void thrum_futex_fence(void);

/*
 * A full fence in every running thread of the process, the caller's included, made by the kernel; those that
 * do not run made theirs when they were switched away from. False, and no fence was made, where the kernel or
 * a sandbox has no private expedited membarrier. `errno` is kept.
 */
THRUM_API THRUM_MUST_USE bool thrum_futex_fence_all(void);

/*
 * The calling thread as the kernel numbers it, its process in the upper half; never 0, and another one after
 * a fork. Two system calls.
 */
THRUM_API uint64_t thrum_futex_thread(void);

/*
 * Whether that thread is a former one of this process, and is no more: what it did before is visible then.
 * False where it lives, its number has been given to a later thread, it is another process's, or the kernel
 * does not say.
 */
THRUM_API THRUM_MUST_USE bool thrum_futex_thread_is_gone(uint64_t thread);

/*
 * On how many processors the caller and its process's first thread may run, by their affinity
 * masks; at least 1. Two system calls. thrum/cpus.h knows of quotas, too.
 */
THRUM_API unsigned thrum_futex_usable_cpus(void);

THRUM_END_DECLS

#endif
