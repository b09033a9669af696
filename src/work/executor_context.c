/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. A job that inherits lies in a block with its context, and the block's address takes the place of
 * the argument: so jobs that inherit nothing stay as small as they are.
 */
#include "executor_inside.h"

#include <stdlib.h>

typedef struct block {
    thrum_executor_job_ job;
    thrum_context_ context;
} block;

int thrum_executor_wrapped_(void *argument, void **value) {
    (void)argument, (void)value;
    return 0;
}

thrum_result thrum_executor_wrap_slow_(thrum_executor *executor, thrum_executor_job_ *job) {
    thrum_context_ context = {0, NULL};
    const thrum_result result = thrum_context_copy_(&context, executor->config.context);
    if (context.count == 0) return result; /* as it is where the copy failed */
    block *const b = malloc(sizeof *b);
    if (!b) {
        thrum_context_drop_(&context);
        return THRUM_NO_MEMORY;
    }
    *b = (block){*job, context};
    *job = (thrum_executor_job_){thrum_executor_wrapped_, b};
    return THRUM_OK;
}

thrum_context_ thrum_executor_unwrap_slow_(thrum_executor_job_ *job) {
    block *const b = job->argument;
    const thrum_context_ context = b->context;
    *job = b->job;
    free(b);
    return context;
}
