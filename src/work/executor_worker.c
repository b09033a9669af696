/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. What the threads of an executor do, and which thread takes their place.
 *
 * executor.K1: a worker is one place in the crew, and at any time one thread's. A job that fails or exits
 *     ends, and its thread goes on with the next. One that calls pthread_exit, or is cancelled, leaves the
 *     place to another thread, which first joins the ending one. Where no other can be had, the ending thread
 *     goes on: every way out leads back to its beginning, so jobs that end it, one after the other, do not
 *     nest. No job is lost, and a thread that has joined the last threads has joined all.
 * executor.K2: workers are listed before their thread starts and until the executor is freed.
 * executor.K3: the failure of a job is its own: each has its record of it, and the thread does not fail.
 * executor.K4: `at` says what the thread is in the midst of before it calls a function of the caller's. So
 *     the thread goes on with what it had begun when the function left, and nothing is told twice.
 */
#include "../rcu/own_thread.h"
#include "../thread/record.h"
#include "executor_inside.h"
#include "future_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

static __thread thrum_executor_worker_ *own; /* NULL: not a worker, or no more */

bool thrum_executor_worker_is_own_(const thrum_executor *executor) {
    return own && own->executor == executor;
}

/* What a thread that works for a worker is at. Lies on its stack. */
typedef struct shift {
    thrum_executor_worker_ *worker;
    thrum_failing_ failing; /* of the job that runs, or of the initialiser: executor.K3 */
    thrum_left_ left;       /* how the thread came out of what it was in the midst of */
    void *value;
    bool ending; /* a job has called pthread_exit, or was cancelled */
} shift;

/* ---- one job ---- */

static void fail(const thrum_executor_worker_ *worker, thrum_failing_ *failing, int code, const char *why) {
    if (worker->future) {
        THRUM_IGNORE_(thrum_future_set_error(worker->future, code, "%s", why));
    } else {
        if (why != failing->message) thrum_hooks_describe_(failing, code, "%s", why);
        thrum_hooks_report_(failing);
    }
}

/* The job has ended, and nobody has been told, or all have. */
static void release_future(thrum_executor_worker_ *worker) {
    thrum_future *const future = worker->future;
    worker->at = THRUM_EXECUTOR_AT_WORK;
    worker->future = NULL;
    thrum_future_release(future);
}

/* How the job that runs has ended. */
static void end_job(shift *s, int code, void *value) {
    char why[64];
    thrum_executor_worker_ *const worker = s->worker;
    thrum_context_leave_(&worker->own);     /* still the job's: what a destructor does is its end, too */
    worker->at = THRUM_EXECUTOR_AT_TELLING; /* executor.K4 */
    if (code == 0) {
        if (worker->future) THRUM_IGNORE_(thrum_future_set_result(worker->future, value));
    } else if (s->failing.code == code && s->failing.message[0]) {
        fail(worker, &s->failing, code, s->failing.message);
    } else {
        (void)snprintf(why, sizeof why, "the job returned %d", code);
        s->failing.frames = 0;
        fail(worker, &s->failing, code, why);
    }
    release_future(worker);
}

static void forget_failure(thrum_failing_ *failing) {
    failing->failed = false;
    failing->code = 0;
    failing->message[0] = 0;
}

static void run_job(shift *s, thrum_executor_job_ *handed) {
    thrum_executor_worker_ *const worker = s->worker;
    thrum_future *const future = handed->job ? NULL : handed->argument;
    thrum_executor_job_ *const what = future ? &future->job : handed;
    thrum_context_ context = thrum_executor_unwrap_(what);
    if (future && thrum_future_start(future) != THRUM_OK) {
        thrum_future_release(future); /* cancelled, and now it knows that this was noticed */
        thrum_context_drop_(&context);
        return;
    }
    void *value = NULL;
    worker->at = THRUM_EXECUTOR_AT_JOB;
    worker->future = future;
    forget_failure(&s->failing);
    thrum_context_enter_(&worker->own, context);
    const int code = what->job(what->argument, &value);
    end_job(s, code, value);
}

int thrum_job_error(int code, const char *format, ...) {
    thrum_failing_ *const failing = thrum_here_.failing;
    if (!failing) return code;
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(failing->message, sizeof failing->message, format, arguments);
    va_end(arguments);
    failing->code = code;
    failing->frames = 0;
    return code;
}

/* ---- the thread ---- */

static void leave(thrum_executor_worker_ *worker) {
    own = NULL;
    thrum_executor_drop_(worker->executor);
}

static void initialise(shift *s) {
    thrum_executor_worker_ *const worker = s->worker;
    const thrum_executor_config *const config = &worker->executor->config;
    worker->at = THRUM_EXECUTOR_AT_INITIALISER;
    forget_failure(&s->failing);
    const int code = config->initialise ? config->initialise(config->argument) : 0;
    if (code == 0)
        worker->at = THRUM_EXECUTOR_AT_WORK;
    else if (!s->failing.message[0] || s->failing.code != code)
        thrum_hooks_describe_(&s->failing, code, "the initialiser returned %d", code);
}

/* The initialiser has failed: the pool is broken. */
static void break_pool(shift *s) {
    thrum_executor_worker_ *const worker = s->worker;
    if (worker->at == THRUM_EXECUTOR_AT_INITIALISER) {
        worker->at = THRUM_EXECUTOR_AT_BREAKING; /* executor.K4 */
        thrum_hooks_report_(&s->failing);
    }
    thrum_executor_crew_close_(&worker->executor->crew, THRUM_BROKEN);
    thrum_executor_refuse_pending_(worker->executor, THRUM_BROKEN);
    thrum_executor_crew_leave_(&worker->executor->crew, &worker->hand);
    leave(worker);
}

static void work(void *shift);

static void *begin(void *p) {
    thrum_executor_worker_ *const worker = p;
    thrum_own_thread_begin_();
    if (worker->before) { /* executor.K1 */
        (void)thrum_thread_join(worker->before, NULL);
        thrum_thread_release(worker->before);
        worker->before = NULL;
    }
    own = worker;
    worker->at = THRUM_EXECUTOR_AT_START;
    shift s = {.worker = worker, .left = THRUM_LEFT_RETURNING};
    do s.left = thrum_hooks_call_(work, &s, &s.failing, &s.value); /* executor.K1 */
    while (s.left != THRUM_LEFT_RETURNING);
    return NULL;
}

static thrum_result make_thread(thrum_executor_worker_ *worker, const char *name, thrum_thread **thread) {
    const thrum_thread_config config = {.target = begin,
                                        .argument = worker,
                                        .name = name,
                                        .daemon = THRUM_DAEMON_NO,
                                        .stack_size = worker->executor->config.stack_size,
                                        .context = THRUM_CONTEXT_EMPTY};
    return thrum_thread_new(thread, &config);
}

/* A start from which the new thread has the signals of the library's own, whichever the starter blocks. */
static thrum_result start(thrum_thread *thread) {
    sigset_t before;
    thrum_own_thread_block_(&before);
    const thrum_result result = thrum_thread_start(thread);
    thrum_own_thread_unblock_(&before);
    return result;
}

/* Another thread for the calling one's place. */
static bool replace(thrum_executor_worker_ *worker) {
    thrum_thread *const ending = worker->thread;
    thrum_thread *fresh;
    if (make_thread(worker, thrum_thread_name(ending).text, &fresh) != THRUM_OK) return false;
    thrum_executor *const executor = worker->executor;
    worker->before = ending;
    thrum_lock_acquire(&executor->roster);
    worker->thread = fresh;
    thrum_lock_release(&executor->roster);
    own = NULL; /* from its start on the worker is the other thread's */
    if (start(fresh) == THRUM_OK) return true;
    own = worker;
    worker->before = NULL;
    thrum_lock_acquire(&executor->roster);
    worker->thread = ending;
    thrum_lock_release(&executor->roster);
    thrum_thread_release(fresh);
    return false;
}

/* Goes on with what the thread was in the midst of when a function of the caller's ended it. */
static void resume(shift *s) {
    thrum_executor_worker_ *const worker = s->worker;
    thrum_failing_ *const failing = &s->failing;
    if (s->left == THRUM_LEFT_ENDING) s->ending = true;
    switch (worker->at) {
    case THRUM_EXECUTOR_AT_START:
        initialise(s);
        break;
    case THRUM_EXECUTOR_AT_INITIALISER:
        if (s->left != THRUM_LEFT_FAILING)
            thrum_hooks_describe_(failing, 1, "the initialiser ended its thread");
        break;
    case THRUM_EXECUTOR_AT_JOB:
        if (s->left == THRUM_LEFT_FAILING) {
            if (!failing->code) failing->code = 1;
            end_job(s, failing->code, NULL);
        } else {
            end_job(s, 0, s->value);
        }
        break;
    case THRUM_EXECUTOR_AT_TELLING:
        release_future(worker);
        break;
    case THRUM_EXECUTOR_AT_BREAKING:
    case THRUM_EXECUTOR_AT_WORK:
        break;
    }
}

/* Works until there is nothing left to do, or another thread has the worker. */
static void work(void *p) {
    shift *const s = p;
    thrum_executor_worker_ *const worker = s->worker;
    thrum_executor *const executor = worker->executor;
    thrum_executor_job_ job;
    thrum_executor_hand_ *sleeper;
    resume(s);
    if (worker->at != THRUM_EXECUTOR_AT_WORK) {
        break_pool(s);
        return;
    }
    for (;;) {
        if (THRUM_UNLIKELY(s->ending) && replace(worker)) return;
        if (!thrum_executor_crew_next_(&executor->crew, &worker->hand, &job, &sleeper)) break;
        if (sleeper) thrum_event_set(&sleeper->called);
        THRUM_TELL_OWN_ACQUIRE(executor);
        run_job(s, &job);
    }
    leave(worker);
}

/* ---- starting ---- */

/* A listed worker whose thread is not started yet; NULL: no memory. */
static thrum_executor_worker_ *list_worker(thrum_executor *executor) {
    thrum_executor_worker_ *const worker = calloc(1, sizeof *worker);
    if (!worker) return NULL;
    worker->executor = executor;
    worker->hand.idle = true;
    thrum_lock_acquire(&executor->roster);
    char name[THRUM_NAME_SIZE + 16];
    (void)snprintf(name, sizeof name, "%s_%u", executor->prefix, executor->named);
    if (make_thread(worker, name, &worker->thread) == THRUM_OK) {
        executor->named++;
        worker->next = executor->workers;
        executor->workers = worker; /* executor.K2 */
    }
    thrum_lock_release(&executor->roster);
    if (worker->thread) return worker;
    free(worker);
    return NULL;
}

static void unlist_worker(thrum_executor_worker_ *worker) {
    thrum_executor *const executor = worker->executor;
    thrum_lock_acquire(&executor->roster);
    thrum_executor_worker_ **place = &executor->workers;
    while (*place != worker) place = &(*place)->next;
    *place = worker->next;
    thrum_lock_release(&executor->roster);
    thrum_thread_release(worker->thread);
    free(worker);
}

thrum_result thrum_executor_worker_start_(thrum_executor *executor) {
    thrum_executor_worker_ *const worker = list_worker(executor);
    if (!worker) return THRUM_NO_MEMORY;
    thrum_u32_fetch_add_relaxed(&executor->references, 1); /* relaxed: the adder has one */
    const thrum_result result = start(worker->thread);
    if (result == THRUM_OK) return THRUM_OK;
    unlist_worker(worker);
    thrum_u32_fetch_sub_relaxed(&executor->references, 1); /* relaxed: the caller has one, too */
    return result;
}

/* One that is refused is not asked for again at every job. */
static void give_up(thrum_executor_crew_ *crew) {
    thrum_lock_acquire(&crew->lock);
    crew->not_before = thrum_after_ms(100);
    thrum_lock_release(&crew->lock);
    thrum_executor_crew_leave_(crew, NULL);
}

void thrum_executor_worker_obey_(thrum_executor *executor, const thrum_executor_orders_ *orders) {
    if (orders->wake) thrum_event_set(&orders->wake->called);
    if (orders->start && thrum_executor_worker_start_(executor) != THRUM_OK) give_up(&executor->crew);
}
