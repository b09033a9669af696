/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. What the threads of an executor do, and who takes their place.
 *
 * K1: a worker is one place in the crew, and at any time one thread's. A job that ends its thread leaves the
 *     place to another one, which first joins it; where none can be had, the ending thread goes on working
 *     from inside its unwinding. So no job is lost, and who has joined the last threads has joined all.
 * K2: workers are listed before their thread starts and until the executor is freed.
 * K3: the failure of a job is its future's matter. It is taken out of the thread, whose end then reports
 *     nothing.
 */
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

/* ---- one job ---- */

static void fail(const thrum_executor_worker_ *worker, int code, const char *why) {
    thrum_failing_ *const failing = thrum_here_.failing;
    if (worker->future) {
        (void)!thrum_future_set_error(worker->future, code, "%s", why);
    } else {
        if (why != failing->message) thrum_hooks_describe_(failing, code, "%s", why);
        thrum_hooks_report_(failing);
    }
}

/* How the job that runs has ended. */
static void end_job(thrum_executor_worker_ *worker, int code, void *value) {
    char why[64];
    thrum_failing_ *const failing = thrum_here_.failing;
    failing->failed = false; /* K3 */
    if (code == 0) {
        if (worker->future) (void)!thrum_future_set_result(worker->future, value);
    } else if (failing->code == code && failing->message[0]) {
        fail(worker, code, failing->message);
    } else {
        (void)snprintf(why, sizeof why, "the job returned %d", code);
        failing->frames = 0;
        fail(worker, code, why);
    }
    worker->busy = false;
    thrum_future_release(worker->future);
}

static void run_job(thrum_executor_worker_ *worker, const thrum_executor_job_ *handed) {
    thrum_future *const future = handed->job ? NULL : handed->argument;
    const thrum_executor_job_ *const what = future ? &future->job : handed;
    if (future && thrum_future_start(future) != THRUM_OK) {
        thrum_future_release(future); /* cancelled, and now it knows that this was noticed */
        return;
    }
    void *value = NULL;
    worker->busy = true;
    worker->future = future;
    thrum_here_.failing->message[0] = 0;
    const int code = what->job(what->argument, &value);
    end_job(worker, code, value);
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

static void work(thrum_executor_worker_ *worker);

static void leave(thrum_executor_worker_ *worker) {
    own = NULL;
    thrum_executor_drop_(worker->executor);
}

static bool initialise(thrum_executor_worker_ *worker) {
    const thrum_executor_config *const config = &worker->executor->config;
    if (!config->initialise) return true;
    thrum_here_.failing->message[0] = 0;
    const int code = config->initialise(config->argument);
    if (code == 0) return true;
    if (!thrum_here_.failing->message[0] || thrum_here_.failing->code != code)
        thrum_hooks_describe_(thrum_here_.failing, code, "the initialiser returned %d", code);
    return false;
}

/* The initialiser has failed: the pool is broken. */
static void break_pool(thrum_executor_worker_ *worker) {
    thrum_here_.failing->failed = false;
    thrum_hooks_report_(thrum_here_.failing);
    thrum_executor_crew_close_(&worker->executor->crew, THRUM_BROKEN);
    thrum_executor_refuse_pending_(worker->executor, THRUM_BROKEN);
    thrum_executor_crew_leave_(&worker->executor->crew, &worker->hand);
    leave(worker);
}

static void *begin(void *p) {
    thrum_executor_worker_ *const worker = p;
    if (worker->before) { /* K1 */
        (void)thrum_thread_join(worker->before, NULL);
        thrum_thread_release(worker->before);
        worker->before = NULL;
    }
    own = worker;
    worker->initialised = false;
    work(worker);
    return NULL;
}

static thrum_result make_thread(thrum_executor_worker_ *worker, const char *name, thrum_thread **thread) {
    const thrum_thread_config config = {.target = begin,
                                        .argument = worker,
                                        .name = name,
                                        .daemon = THRUM_DAEMON_NO,
                                        .stack_size = worker->executor->config.stack_size};
    return thrum_thread_new(thread, &config);
}

/* Another thread for the calling one's place. */
static bool replace(thrum_executor_worker_ *worker) {
    thrum_thread *const ending = worker->thread;
    thrum_thread *fresh;
    if (make_thread(worker, thrum_thread_name(ending).text, &fresh) != THRUM_OK) return false;
    thrum_lock *const lock = &worker->executor->roster;
    worker->before = ending;
    thrum_lock_acquire(lock);
    worker->thread = fresh;
    thrum_lock_release(lock);
    own = NULL; /* from its start on the worker is the other thread's */
    if (thrum_thread_start(fresh) == THRUM_OK) return true;
    own = worker;
    worker->before = NULL;
    thrum_lock_acquire(lock);
    worker->thread = ending;
    thrum_lock_release(lock);
    thrum_thread_release(fresh);
    return false;
}

/* A job, or the initialiser, ends the thread. */
static void be_replaced(void *unused) {
    (void)unused;
    thrum_executor_worker_ *const worker = own;
    if (!worker) return;         /* an end within the end: all is done */
    thrum_self_forget_guards_(); /* of a job that called pthread_exit, in blocks that nobody unwound */
    const thrum_failing_ *const failing = thrum_here_.failing;
    if (!worker->initialised) {
        if (!failing->failed)
            thrum_hooks_describe_(thrum_here_.failing, 1, "the initialiser ended its thread");
        break_pool(worker);
        return;
    }
    const int code = failing->failed ? (failing->code ? failing->code : 1) : 0;
    if (failing->failed) thrum_here_.failing->code = code;
    if (worker->busy) end_job(worker, code, thrum_here_.record->value);
    thrum_here_.record->value = NULL;
    if (!replace(worker)) work(worker); /* K1 */
}

static void work(thrum_executor_worker_ *worker) {
    thrum_executor *const executor = worker->executor;
    thrum_executor_job_ job;
    thrum_executor_hand_ *sleeper;
    pthread_cleanup_push(be_replaced, NULL);
    if (!worker->initialised && !initialise(worker)) {
        break_pool(worker);
    } else {
        worker->initialised = true;
        while (thrum_executor_crew_next_(&executor->crew, &worker->hand, &job, &sleeper)) {
            if (sleeper) thrum_event_set(&sleeper->called);
            THRUM_TELL_OWN_ACQUIRE(executor);
            run_job(worker, &job);
        }
        leave(worker);
    }
    pthread_cleanup_pop(0);
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
        executor->workers = worker; /* K2 */
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
    thrum_u32_fetch_add_relaxed(&executor->references, 1); /* relaxed: who adds one has one */
    const thrum_result result = thrum_thread_start(worker->thread);
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
