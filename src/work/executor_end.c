/* SPDX-License-Identifier: MIT */
/* Floor 5. What ends with an executor: its jobs that have not begun, and at last its memory. */
#include "../atomic/tell.h"
#include "../thread/record.h"
#include "executor_inside.h"
#include "future_inside.h"

#include <stdlib.h>

void thrum_executor_drop_(thrum_executor *executor) {
    THRUM_TELL_OWN_RELEASE(&executor->references);
    /* executor.A1: release, and acquire: the free comes after all that others did with it */
    if (thrum_u32_fetch_sub_acq_rel(&executor->references, 1) != 1) return;
    THRUM_TELL_OWN_ACQUIRE(&executor->references);
    thrum_executor_unlist_(executor);
    while (executor->workers) {
        thrum_executor_worker_ *const worker = executor->workers;
        executor->workers = worker->next;
        thrum_thread_release(worker->thread);
        free(worker);
    }
    thrum_executor_jobs_free_(&executor->crew.jobs);
    free(executor);
}

static void refuse(thrum_future *future, thrum_result result) {
    if (result == THRUM_CANCELLED)
        (void)thrum_future_cancel(future);
    else
        THRUM_IGNORE_(thrum_future_break_(future, result));
}

struct refusal {
    thrum_executor *executor;
    thrum_result result;
    thrum_future *future;   /* being refused; its callbacks may be left in any way */
    thrum_context_ context; /* of a job that was */
};

static bool refuse_one(void *p) {
    struct refusal *const refusal = p;
    thrum_executor *const executor = refusal->executor;
    thrum_future *const refused = refusal->future;
    refusal->future = NULL;
    if (refused)
        THRUM_IGNORE_(thrum_future_start(refused)); /* one that is cancelled knows that this was noticed */
    thrum_future_release(refused);
    thrum_context_drop_(&refusal->context);
    thrum_executor_job_ job;
    if (!thrum_executor_jobs_take_(&executor->crew.jobs, &job)) return false;
    THRUM_TELL_OWN_ACQUIRE(executor);
    refusal->context = thrum_executor_unwrap_(job.job ? &job : &((thrum_future *)job.argument)->job);
    if (!job.job) {
        refusal->future = job.argument;
        refuse(refusal->future, refusal->result);
    } else if (executor->config.drop) {
        executor->config.drop(job.argument, executor->config.argument);
    }
    return true;
}

void thrum_executor_refuse_pending_(thrum_executor *executor, thrum_result result) {
    struct refusal refusal = {executor, result, NULL, {0, NULL}};
    thrum_hooks_each_(refuse_one, &refusal);
}
