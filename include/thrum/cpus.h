/* SPDX-License-Identifier: MIT */
/*
 * cpus: on how many processors the process can run at once; Python's os.process_cpu_count(), and what a
 * container allows, which that does not see.
 *
 * Floor 2. Two things limit it: the affinity masks of the caller and of the process's first thread, whichever
 * processor either may use; and the quota of processor time of each control group that the process is in
 * (cpu.max, or cpu.cfs_quota_us of version 1), in whole processors. One and a half are one: a second thread
 * that runs all the time would use up the quota before its period is over, and then the process stands still
 * for the rest of it. The policy of spinning (thrum/park.h) and thrum_executor_default_workers ask here.
 *
 *     int rounds = thrum_cpus() > 1 ? 100 : 0;                  // alone, nobody can answer meanwhile
 *     while (rounds-- > 0) thrum_cpu_pause();
 *
 * Cost        thrum_cpus: a load, but for the first call in a process. thrum_cpus_look: two system calls,
 *             and a tenth of a second after the last reading a few files.
 * Limit       a quota of a group whose path is longer than about 1,000 bytes, or of a group that the process
 *             cannot see (a container sees its own), is not seen: the answer is larger then. So it is where
 *             /proc cannot be read; masks that cannot be read count as two processors.
 * Fork        a child goes on with both.
 *
 * Async-signal-safe. errno is kept. Neither call is a cancellation point.
 */
#ifndef THRUM_CPUS_H
#define THRUM_CPUS_H

#include <thrum/cpu.h>

THRUM_BEGIN_DECLS

/*
 * As many as the last look found, anybody's; at least 1. The library looks when it has spun in vain a number
 * of times, so that a change is found by those to whom it matters. Any thread. No memory order.
 */
THRUM_API uint32_t thrum_cpus(void);

/* Looks, and says how many there are; at least 1. Any thread. No memory order. */
THRUM_API uint32_t thrum_cpus_look(void);

THRUM_END_DECLS

#endif
