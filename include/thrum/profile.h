/* SPDX-License-Identifier: MIT */
/*
 * profile: where threads wait, how long, and whose hold they wait for. In the ordinary build, in production.
 *
 * Floor 2. A program is started with a file's name, and writes it as it ends:
 *
 *     THRUM_PROFILE=waits ./server && thrum-report waits
 *
 * or counts for a while, when it is told to, and writes what it has counted to any open file:
 *
 *     thrum_profile_begin();
 *     handle(request);
 *     thrum_profile_end();
 *     if (thrum_profile_write(STDERR_FILENO) != THRUM_OK) return;
 *
 * Counted     each wait that sleeps (thrum/waited.h): by kind and address of the object, by the place of the
 *             program that waits, and by the place that released the object meanwhile. How many waits, how
 *             long together, the longest, and how many of each length.
 * Holder      of a lock, an rlock and a rwlock: where the hold ended that the waiter met as it went to sleep.
 *             A thread that holds a lock often, or long, is met more often. Of a semaphore: where a permit
 *             was released to a waiter. It is not known of a lock that processes share, of one that was free
 *             again when the waiter asked, and of short holds of a rwlock.
 * Places      are those of the call that waits or releases. In a program that is built without optimisation
 *             they lie in the header's function; of an object inside another of this library, in the library.
 * Cost        off: none, but for a call in a path that sleeps. On: a waiter asks the holder, once a wait, to
 *             release the lock by the way that wakes sleepers. The fast paths are the same instructions.
 * Memory      a table of fixed size. What has no place in it is counted by kind.
 * THRUM_PROFILE    names the file, in which %p stands for the process's number. It is made when the process
 *             begins, and every process that was begun with it adds what it has counted when it exits; of
 *             forked children only with a %p. A process that ends otherwise adds nothing. Ignored where the
 *             process has more rights than its caller.
 * Fork        a child counts anew: rcu and the floors above it see to it; a program that uses nothing of them
 *             calls thrum_profile_reset_after_fork.
 * Copies      each copy of the library (thrum/self.h) counts the waits of its own.
 *
 * Any thread; signal handlers. It carries no memory order; errno is kept.
 */
#ifndef THRUM_PROFILE_H
#define THRUM_PROFILE_H

#include <thrum/result.h>

THRUM_BEGIN_DECLS

/* Counts from now on, beside what was counted before. */
THRUM_API void thrum_profile_begin(void);

/* Counts no more. What was counted stays. */
THRUM_API void thrum_profile_end(void);

/* Whether it counts. */
THRUM_API bool thrum_profile_counts(void);

/*
 * Writes what was counted so far, as text for thrum-report, to an open file. THRUM_OK; THRUM_FAILED: the file
 * took less than all of it. Not a cancellation point.
 */
THRUM_API thrum_result thrum_profile_write(int fd);

/*
 * In the only thread of a forked child: forgets what the parent has counted. rcu, and what stands on it, call
 * it.
 */
THRUM_API void thrum_profile_reset_after_fork(void);

THRUM_END_DECLS

#endif
