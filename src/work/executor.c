/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. Making executors, handing jobs over, and the end. The crew (executor_crew.c) decides which worker
 * works.
 *
 * executor.R1: an executor has a reference for all its handles together, and one for each worker until that
 *     leaves. With the last handle it is shut down, so the workers leave.
 * executor.R2: a job is in the crew's list only while there is a worker: the first one is started, while the
 *     crew's lock is held, before the first job is put. Workers leave only when the executor is closed and
 *     there are no jobs.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../atomic/law.h"
#include "../atomic/tell.h"
#include "executor_inside.h"
#include "future_inside.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thrum/cpus.h>

enum { MOST_BY_DEFAULT = 32, DIGITS = 11 };

int thrum_executor_default_workers(void) {
    const uint32_t cpus = thrum_cpus_look();
    return cpus < MOST_BY_DEFAULT - 4 ? (int)cpus + 4 : MOST_BY_DEFAULT;
}

/* ---- making and freeing ---- */

static thrum_result check(int workers, const thrum_executor_config *config) {
    if (workers <= 0 || (config->stack_size && config->stack_size < THRUM_STACK_MIN)) return THRUM_INVALID;
    if (config->prefix && strlen(config->prefix) + DIGITS >= THRUM_NAME_SIZE) return THRUM_OVERFLOW;
    return THRUM_OK;
}

thrum_result thrum_executor_new(thrum_executor **made, int workers, const thrum_executor_config *config) {
    static const thrum_executor_config plain;
    static thrum_u32 unnamed;
    if (!config) config = &plain;
    const thrum_result wrong = check(workers, config);
    if (wrong != THRUM_OK) return wrong;
    thrum_executor *const executor = calloc(1, sizeof *executor);
    if (!executor) return THRUM_NO_MEMORY;
    executor->config = *config;
    executor->crew.most = (uint32_t)workers;
    thrum_u32_store_relaxed(&executor->handles, 1); /* relaxed: nobody knows it yet */
    thrum_u32_store_relaxed(&executor->references, 1);
    const thrum_result result =
        thrum_executor_jobs_init_(&executor->crew.jobs) ? thrum_executor_list_(executor) : THRUM_NO_MEMORY;
    if (result != THRUM_OK) {
        thrum_executor_jobs_free_(&executor->crew.jobs);
        free(executor);
        return result;
    }
    if (config->prefix)
        strcpy(executor->prefix, config->prefix);
    else /* relaxed: only the number must be its own */
        (void)snprintf(executor->prefix, sizeof executor->prefix, "executor-%u",
                       thrum_u32_fetch_add_relaxed(&unnamed, 1));
    *made = executor;
    return THRUM_OK;
}

thrum_executor *thrum_executor_retain(thrum_executor *executor) {
    thrum_u32_fetch_add_relaxed(&executor->handles, 1); /* relaxed: the adder has one */
    return executor;
}

void thrum_executor_release(thrum_executor *executor) {
    if (!executor) return;
    if (thrum_u32_fetch_sub_acq_rel(&executor->handles, 1) != 1) return; /* executor.A1 */
    thrum_executor_crew_close_(&executor->crew, THRUM_CLOSED);           /* executor.R1 */
    thrum_executor_drop_(executor);
}

/* ---- jobs ---- */

/* While the crew's lock is held. */
static thrum_result start_first(thrum_executor *executor) {
    thrum_executor_crew_count_(&executor->crew);
    const thrum_result result = thrum_executor_worker_start_(executor);
    if (result != THRUM_OK) thrum_executor_crew_discount_(&executor->crew);
    return result;
}

static thrum_result hand_over(thrum_executor *executor, const thrum_executor_job_ *job,
                              thrum_executor_orders_ *orders) {
    thrum_executor_crew_ *const crew = &executor->crew;
    thrum_result result = THRUM_OK;
    thrum_lock_acquire(&crew->lock);
    if (THRUM_UNLIKELY(thrum_u32_load_relaxed(&crew->workers) == 0)) { /* executor.R2 */
        result = (thrum_result)thrum_u32_load_relaxed(&crew->refusal);
        if (result == THRUM_OK) result = start_first(executor);
    }
    THRUM_LAW(executor.R2, result != THRUM_OK || thrum_u32_load_relaxed(&crew->workers) > 0);
    if (THRUM_LIKELY(result == THRUM_OK)) result = thrum_executor_crew_submit_(crew, job, orders);
    thrum_lock_release(&crew->lock);
    return result;
}

static void drop_context(thrum_executor_job_ *job) {
    thrum_context_ context = thrum_executor_unwrap_(job);
    thrum_context_drop_(&context);
}

/* What is handed over for a job with a future; NULL: no memory. */
static thrum_future *make_future(thrum_executor_job_ *handed) {
    thrum_future *made;
    if (thrum_future_new(&made) != THRUM_OK) return NULL;
    made->job = *handed;
    *handed = (thrum_executor_job_){NULL, thrum_future_retain(made)};
    return made;
}

thrum_result thrum_executor_submit(thrum_executor *executor, thrum_job *job, void *argument,
                                   thrum_future **future) {
    thrum_executor_job_ handed = {job, argument};
    thrum_future *made = NULL;
    thrum_executor_orders_ orders;
    if (!job) return THRUM_INVALID;
    thrum_result result = thrum_executor_wrap_(executor, &handed);
    if (THRUM_UNLIKELY(result != THRUM_OK)) return result;
    if (future) {
        made = make_future(&handed);
        if (!made) result = THRUM_NO_MEMORY;
    }
    if (THRUM_LIKELY(result == THRUM_OK)) {
        THRUM_TELL_OWN_RELEASE(executor);
        result = hand_over(executor, &handed, &orders);
    }
    if (THRUM_LIKELY(result == THRUM_OK)) {
        if (future) *future = made;
        thrum_executor_worker_obey_(executor, &orders);
    } else {
        drop_context(made ? &made->job : &handed);
        thrum_future_release(made);
        thrum_future_release(made);
    }
    return result;
}

/* ---- the end ---- */

thrum_result thrum_executor_shutdown(thrum_executor *executor, int how) {
    if (how & ~(THRUM_SHUTDOWN_WAIT | THRUM_SHUTDOWN_CANCEL_PENDING)) return THRUM_INVALID;
    thrum_executor_crew_close_(&executor->crew, THRUM_CLOSED);
    if (how & THRUM_SHUTDOWN_CANCEL_PENDING) thrum_executor_refuse_pending_(executor, THRUM_CANCELLED);
    return how & THRUM_SHUTDOWN_WAIT ? thrum_executor_join_until(executor, THRUM_FOREVER) : THRUM_OK;
}

thrum_result thrum_executor_join_until(thrum_executor *executor, thrum_deadline deadline) {
    if (thrum_executor_worker_is_own_(executor)) return THRUM_DEADLOCK;
    if (thrum_event_wait_until(&executor->crew.ended, deadline) != THRUM_OK) return THRUM_TIMEOUT;
    /* They have left; of their threads only the ends may be to come (executor.K1 in executor_worker.c). */
    thrum_result result = THRUM_OK;
    for (const thrum_executor_worker_ *worker = executor->workers; worker && result == THRUM_OK;
         worker = worker->next)
        result = thrum_thread_join_until(worker->thread, NULL, deadline);
    return result;
}

/* ---- asking ---- */

size_t thrum_executor_workers(const thrum_executor *executor) {
    return thrum_u32_load_relaxed(&executor->crew.workers);
}

size_t thrum_executor_pending(const thrum_executor *executor) {
    return (size_t)thrum_executor_jobs_count_(&executor->crew.jobs);
}

size_t thrum_executor_describe(const thrum_executor *executor, char *text, size_t size) {
    const thrum_result refusal = (thrum_result)thrum_u32_load_relaxed(&executor->crew.refusal);
    const int length =
        snprintf(text, size, "executor \"%s\": %s, %zu of %u workers, %zu jobs pending", executor->prefix,
                 refusal == THRUM_OK       ? "open"
                 : refusal == THRUM_BROKEN ? "broken"
                                           : "shut down",
                 thrum_executor_workers(executor), executor->crew.most, thrum_executor_pending(executor));
    return length < 0 ? 0 : (size_t)length;
}
