/* SPDX-License-Identifier: MIT */
/* What a future is inside; shared by future.c, future_wait.c and the executor. */
#ifndef THRUM_SRC_WORK_FUTURE_INSIDE_H
#define THRUM_SRC_WORK_FUTURE_INSIDE_H

#include "../rcu/rank.h"
#include "executor_jobs.h"

#include <thrum/future.h>
#include <thrum/lock.h>
#include <thrum/queue.h>

/* One of several that are waited for: listed with its future until that is done, or the watch ends. */
typedef struct thrum_future_node_ {
    struct thrum_future_node_ *next, **place; /* place NULL: not listed */
    struct thrum_future_watch_ *watch;
    thrum_future *future;
    thrum_simple_queue_node completed;
} thrum_future_node_;

typedef struct thrum_future_call_ {
    struct thrum_future_call_ *next;
    thrum_future_callback *callback;
    void *argument;
} thrum_future_call_;

struct thrum_future {
    thrum_u32 references;
    thrum_u32 state;
    thrum_event done;
    thrum_lock lock; /* of the two lists */
    thrum_u32 asked; /* somebody was told how it ended */
    int code;
    thrum_result result;
    void *value;
    char *message; /* from malloc, or NULL */
    thrum_future_node_ *nodes;
    thrum_future_call_ *calls, **last_call;
    thrum_executor_job_ job; /* of an executor's: what is to be run */
};
THRUM_RANK(8, future->lock);

/* Makes it done with a result of the executor's own, and no text. */
thrum_result thrum_future_break_(thrum_future *future, thrum_result result);

/* future_wait.c. The node's future is done, and it is listed no more; no lock is held. */
void thrum_future_tell_(thrum_future_node_ *node);
/* Whether it is listed now; false: the future is done. Undoes it; false: it was told, or is about to be. */
bool thrum_future_list_(thrum_future_node_ *node);
bool thrum_future_unlist_(thrum_future_node_ *node);

#endif
