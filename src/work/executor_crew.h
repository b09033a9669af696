/* SPDX-License-Identifier: MIT */
/*
 * Which workers of an executor are idle, what wakes them, and when another one is needed; see
 * executor_crew.c.
 */
#ifndef THRUM_SRC_WORK_EXECUTOR_CREW_H
#define THRUM_SRC_WORK_EXECUTOR_CREW_H

#include "../rcu/rank.h"
#include "executor_jobs.h"

#include <thrum/event.h>

/* A worker, as the crew sees it. All-zero but for `idle`, which is true, before its first turn. */
typedef struct thrum_executor_hand_ {
    struct thrum_executor_hand_ *below; /* the worker that fell asleep before it */
    thrum_event called;
    bool idle;     /* counted as such */
    bool searches; /* and it is the one that looks for work */
} thrum_executor_hand_;

typedef struct thrum_executor_crew_ {
    thrum_executor_jobs_ jobs; /* its puts under the lock */
    char apart[THRUM_CACHE_LINE];
    thrum_lock lock;              /* of all below */
    thrum_u32 refusal;            /* a thrum_result: what submits hear; THRUM_OK while they are welcome */
    thrum_executor_hand_ *asleep; /* the last one on top */
    thrum_u32 workers;
    uint32_t most;
    uint32_t idle;
    bool searching;            /* some worker looks for work, or is on its way to */
    thrum_deadline not_before; /* when the next start may be tried, after one that was refused */
    thrum_event ended;         /* it is closed, and the last worker has left */
} thrum_executor_crew_;
THRUM_RANK(5, crew->lock);

/* What a submitter is to do after it released the lock. */
typedef struct thrum_executor_orders_ {
    thrum_executor_hand_ *wake; /* NULL: nobody */
    bool start;                 /* start a worker, which is counted already */
} thrum_executor_orders_;

/* THRUM_OK, or what submits hear, or THRUM_NO_MEMORY. While the lock is held. */
thrum_result thrum_executor_crew_submit_(thrum_executor_crew_ *crew, const thrum_executor_job_ *job,
                                         thrum_executor_orders_ *orders);

/*
 * The worker's next job, waited for, and whom it is to wake before it begins (NULL: nobody). False: it has
 * left.
 */
bool thrum_executor_crew_next_(thrum_executor_crew_ *crew, thrum_executor_hand_ *hand,
                               thrum_executor_job_ *job, thrum_executor_hand_ **wake);

/*
 * Counts a worker that is to be started, as idle; and takes that back, if it was refused. While the lock is
 * held.
 */
void thrum_executor_crew_count_(thrum_executor_crew_ *crew);
void thrum_executor_crew_discount_(thrum_executor_crew_ *crew);

/* A worker leaves without a next turn; NULL: one that was counted and could not be started. */
void thrum_executor_crew_leave_(thrum_executor_crew_ *crew, const thrum_executor_hand_ *hand);

/* From now on submits hear this, and the workers leave when there are no more jobs. The first one counts. */
void thrum_executor_crew_close_(thrum_executor_crew_ *crew, thrum_result refusal);

#endif
