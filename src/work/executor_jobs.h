/* SPDX-License-Identifier: MIT */
/* The jobs that have not begun, first in first out; the argument is in executor_jobs.c. */
#ifndef THRUM_SRC_WORK_EXECUTOR_JOBS_H
#define THRUM_SRC_WORK_EXECUTOR_JOBS_H

#include "../rcu/rank.h"

#include <thrum/executor.h>
#include <thrum/lock.h>

#ifndef THRUM_EXECUTOR_BLOCK
#define THRUM_EXECUTOR_BLOCK 128 /* jobs in a block; an exploration of interleavings makes it 1 or 2 */
#endif
#ifndef THRUM_EXECUTOR_FRONT
#define THRUM_EXECUTOR_FRONT 64 /* places of the front, an even number; an exploration makes it 2 */
#endif

/* Small, because its way from one processor to another is most of what an empty job costs. */
typedef struct thrum_executor_job_ {
    thrum_job *job; /* NULL: the argument is a future, which knows the job and its argument */
    void *argument;
} thrum_executor_job_;

typedef struct thrum_executor_block_ {
    thrum_u64 next; /* an address; 0: none yet */
    thrum_u32 filled;
    thrum_executor_job_ jobs[THRUM_EXECUTOR_BLOCK];
} thrum_executor_block_;

/* A job in the front. Atomic, because a taker that comes too late reads what the mover writes. */
typedef struct thrum_executor_place_ {
    thrum_u64 job, argument; /* addresses */
} thrum_executor_place_;

typedef struct thrum_executor_jobs_ {
    /* The putter's: there is one at a time, which is the caller's matter. */
    thrum_executor_block_ *last;
    uint32_t put_at;
    thrum_u64 puts;
    char apart_1[THRUM_CACHE_LINE];
    /* The mover's. */
    thrum_lock taking; /* of these, and of changes of the front */
    uint32_t take_at, known;
    thrum_executor_block_ *first;
    char apart_2[THRUM_CACHE_LINE];
    thrum_u64 moved; /* into the front, of all jobs */
    char apart_3[THRUM_CACHE_LINE];
    thrum_u64 takes; /* out of it */
    char apart_4[THRUM_CACHE_LINE];
    thrum_u64 spare; /* a block, as an address; 0: none */
    thrum_executor_place_ front[THRUM_EXECUTOR_FRONT];
} thrum_executor_jobs_;
THRUM_RANK(7, jobs->taking);

/* False: no memory. */
bool thrum_executor_jobs_init_(thrum_executor_jobs_ *jobs);
void thrum_executor_jobs_free_(thrum_executor_jobs_ *jobs);

/* False: no memory, and it is not there. */
bool thrum_executor_jobs_put_(thrum_executor_jobs_ *jobs, const thrum_executor_job_ *job);
/* False: there is none. */
bool thrum_executor_jobs_take_(thrum_executor_jobs_ *jobs, thrum_executor_job_ *job);
/* How many there are, at the moment of looking. */
uint64_t thrum_executor_jobs_count_(const thrum_executor_jobs_ *jobs);

/*
 * executor_blocks.c: an empty block, the spare one first; NULL: no memory. Gives one back, to be the spare
 * one; NULL: there shall be none.
 */
thrum_executor_block_ *thrum_executor_block_get_(thrum_u64 *spare);
void thrum_executor_block_give_(thrum_u64 *spare, thrum_executor_block_ *block);

#endif
