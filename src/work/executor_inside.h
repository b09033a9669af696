/* SPDX-License-Identifier: MIT */
/* What an executor is inside; shared by its sources. */
#ifndef THRUM_SRC_WORK_EXECUTOR_INSIDE_H
#define THRUM_SRC_WORK_EXECUTOR_INSIDE_H

#include "../rcu/rank.h"
#include "../thread/context.h"
#include "executor_crew.h"

#include <thrum/thread.h>

/* What a worker's thread is at, as far as functions of the caller's are concerned. */
typedef enum thrum_executor_at_ {
    THRUM_EXECUTOR_AT_START,
    THRUM_EXECUTOR_AT_INITIALISER,
    THRUM_EXECUTOR_AT_BREAKING, /* the initialiser has failed, and the hook was told */
    THRUM_EXECUTOR_AT_WORK,     /* with no job */
    THRUM_EXECUTOR_AT_JOB,
    THRUM_EXECUTOR_AT_TELLING /* the job has ended, and its end is being told */
} thrum_executor_at_;

typedef struct thrum_executor_worker_ {
    thrum_executor_hand_ hand;
    thrum_executor_at_ at;
    thrum_future *future; /* of the job; NULL: nobody asks */
    struct thrum_executor *executor;
    struct thrum_executor_worker_ *next;
    thrum_thread *thread;
    thrum_thread *before; /* the thread whose place this one takes */
    thrum_context_ own;   /* while a job's is in force */
} thrum_executor_worker_;

struct thrum_executor {
    thrum_executor_crew_ crew;
    thrum_u32 handles;    /* references of others; all of them together are one of the next */
    thrum_u32 references; /* and each worker has one */
    thrum_lock
        roster; /* of the workers' list, their threads, and the next number; may be taken within the crew's */
    thrum_executor_worker_ *workers;
    uint32_t named;
    struct thrum_executor *next, **place; /* in the list of all, executor_process.c */
    thrum_executor_config config;
    char prefix[THRUM_NAME_SIZE];
};
THRUM_RANK(6, executor->roster);

/* executor_end.c */
void thrum_executor_drop_(struct thrum_executor *executor);
/*
 * Takes every job that has not begun; its future, if any, is cancelled (THRUM_CANCELLED), or gets the result.
 */
void thrum_executor_refuse_pending_(struct thrum_executor *executor, thrum_result result);

/* executor_context.c */
/* The mark of a job whose argument is a block with the job itself and its context; it is not called. */
thrum_job thrum_executor_wrapped_;
thrum_result thrum_executor_wrap_slow_(struct thrum_executor *executor, thrum_executor_job_ *job);
thrum_context_ thrum_executor_unwrap_slow_(thrum_executor_job_ *job);

/*
 * Gives the job copies of what the calling thread hands down, and puts them with it into a block. THRUM_OK,
 * also where there are none; else nothing has changed.
 */
static inline thrum_result thrum_executor_wrap_(struct thrum_executor *executor, thrum_executor_job_ *job) {
    if (THRUM_LIKELY(thrum_local_context_now_.count == 0)) return THRUM_OK;
    return thrum_executor_wrap_slow_(executor, job);
}

/* The job as it was, and its context, which is empty where it has none; the block is freed. */
static inline thrum_context_ thrum_executor_unwrap_(thrum_executor_job_ *job) {
    const thrum_context_ none = {0, NULL};
    return THRUM_LIKELY(job->job != thrum_executor_wrapped_) ? none : thrum_executor_unwrap_slow_(job);
}

/* executor_worker.c */
/* Starts a worker that the crew counts already. Not THRUM_OK: it is still counted. */
thrum_result thrum_executor_worker_start_(struct thrum_executor *executor);
void thrum_executor_worker_obey_(struct thrum_executor *executor, const thrum_executor_orders_ *orders);
/* Whether the calling thread is one of the executor's. */
bool thrum_executor_worker_is_own_(const struct thrum_executor *executor);

/* executor_process.c: the list of those that the process's end shuts down. */
thrum_result thrum_executor_list_(struct thrum_executor *executor);
void thrum_executor_unlist_(struct thrum_executor *executor);

#endif
