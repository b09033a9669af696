/* SPDX-License-Identifier: MIT */
/*
 * executor: a pool of threads that run jobs; Python's concurrent.futures.ThreadPoolExecutor.
 *
 * Floor 5, in libthrum. A counted object, used by pointer. A job is a function with an argument; it is run
 * once, by one of the workers, and what becomes of it is told by a future (thrum/future.h), if one was asked
 * for.
 *
 *     thrum_executor *pool;
 *     if (thrum_executor_new(&pool, thrum_executor_default_workers(), NULL) != THRUM_OK) return false;
 *
 *     thrum_future *size;
 *     if (thrum_executor_submit(pool, measure, page, &size) != THRUM_OK) return false;
 *     void *value;
 *     if (thrum_future_result(size, &value) == THRUM_OK) use(value);
 *     thrum_future_release(size);
 *
 *     thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT);
 *     thrum_executor_release(pool);
 *
 * Order       jobs begin in the order in which they were submitted, and end as they end.
 * Workers     are started one by one, when a job comes and no idle worker is there for it, up to the given
 *             number; they are no daemons. The one that fell idle last is woken first. One at a time is woken
 *             or looks for work: a worker that finds a job and sees more wakes the next. So a burst of jobs
 *             costs few wakes, and they come from the workers.
 * Cost        submitting is a lock, which only submitters and idle workers take, and no memory but a block
 *             for each 128 jobs; with a future, that. A wake is a system call. An idle worker looks for some
 *             microseconds before it sleeps.
 * Waiting     a job may submit jobs, wait for them, cancel them, and shut the executor down. A job that waits
 *             for another job of its own full pool waits for ever: workers do not help out.
 * Failing     a job fails by not returning 0, by thrum_thread_fail (thrum/hooks.h), or by a C++ exception
 *             (thrum.hpp). With a future, that holds the code and the text; without one the exception hook is
 *             told, once. A job that calls thrum_thread_exit has done its work, with that value. Both end the
 *             job, not its worker. A job that calls pthread_exit, or is cancelled, has done its work with the
 *             value NULL; it ends its thread, and another one takes its place. Where none can be had, the
 *             ending thread does the jobs that are left.
 * Signals     workers block all signals but those that their own faults raise: signals that are sent to the
 *             process are for the threads that the program starts. A program that a job executes inherits
 *             that: posix_spawnattr_setsigmask gives it another mask.
 * Cancelling  a job is pending until a worker has taken it. A shutdown that cancels right after the submits
 *             may find that no worker has come so far, and cancel them all.
 * Inherited   a job has copies of the values that its submitter has of inherited locals (thrum/local.h), and
 *             no others of these: neither its worker's nor those of an earlier job.
 * Process     the process's end (thrum/thread.h) shuts every executor down, and waits for all jobs that were
 *             submitted.
 * Freed       when the last reference is released and the workers have ended.
 * Fork        the child has no workers: it must not use an executor of its parent's, and none of it is waited
 *             for. Its memory stays the child's until that ends. A job that forks must not return there.
 *
 * Memory order: what happened before the submit happens before the job, and the job before what its future's
 * header says. What a job did happens before a shutdown that waited for it.
 *
 * Any thread that has a reference may call everything, jobs too; signal handlers nothing.
 */
#ifndef THRUM_EXECUTOR_H
#define THRUM_EXECUTOR_H

#include <thrum/deadline.h>
#include <thrum/future.h>
#include <thrum/local.h>
#include <thrum/result.h>
#include <thrum/with.h>

typedef struct thrum_executor thrum_executor;

/*
 * 0: it has done its work, and *value, NULL until it is set, is what the future gives. Anything else is an
 * error's code.
 */
typedef int thrum_job(void *argument, void **value);

/* Runs in each worker before its first job. Not 0: the executor is broken. */
typedef int thrum_executor_initialiser(void *argument);

/*
 * Is given the argument of each job without a future that will not be run: its pool was shut down and
 * cancels, or is broken. The argument of one with a future is the business of the future's owner.
 */
typedef void thrum_executor_drop(void *job_argument, void *argument);

/* All-zero is a config. */
typedef struct thrum_executor_config {
    const char *prefix; /* workers are named prefix_0, prefix_1, …; NULL: "executor-N" */
    thrum_executor_initialiser *initialise; /* may be NULL */
    thrum_executor_drop *drop;              /* may be NULL */
    void *argument;                         /* of both */
    size_t stack_size;                      /* of the workers; 0: thrum_stack_size decides */
    thrum_context context; /* whether jobs begin with copies of their submitters' inherited locals */
} thrum_executor_config;

/* How thrum_executor_shutdown behaves: nothing, or some of these added. */
enum {
    THRUM_SHUTDOWN_WAIT = 1,          /* until the last worker has ended */
    THRUM_SHUTDOWN_CANCEL_PENDING = 2 /* the jobs that have not begun are not run */
};

THRUM_BEGIN_DECLS

/* thrum_cpus_look(), which knows of quotas, and 4; at most 32. Jobs mostly wait for something. */
THRUM_API int thrum_executor_default_workers(void);

/*
 * Makes an executor of at most so many workers, with one reference, the caller's; the config may be NULL.
 * THRUM_OK; THRUM_INVALID: not a positive number, or a stack below THRUM_STACK_MIN; THRUM_OVERFLOW: a prefix
 * that leaves no room for the number in THRUM_NAME_SIZE; THRUM_NO_MEMORY; THRUM_FINALIZING: the process is
 * ending. *executor is left alone unless THRUM_OK.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_executor_new(thrum_executor **executor, int workers,
                                                         const thrum_executor_config *config);

/* One more reference; hands the executor back. */
THRUM_API thrum_executor *thrum_executor_retain(thrum_executor *executor);

/*
 * Gives a reference back. The last one shuts it down, without waiting: what was submitted is still done.
 * NULL: nothing.
 */
THRUM_API void thrum_executor_release(thrum_executor *executor);

/*
 * Hands a job over. With `future` not NULL a future for it is put there, with a reference for the caller.
 * THRUM_OK; THRUM_CLOSED: it was shut down; THRUM_BROKEN: an initialiser failed; THRUM_NO_MEMORY;
 * THRUM_NO_THREAD and THRUM_FINALIZING: there is no worker, and none could be started; THRUM_INVALID: no job;
 * what a copier of an inherited local returned that failed.
 * Unless THRUM_OK nothing has changed. Never waits for room: a program that submits faster than the
 * workers work bounds it by a semaphore.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_executor_submit(thrum_executor *executor, thrum_job *job,
                                                            void *argument, thrum_future **future);

/*
 * Says why a job fails: `return thrum_job_error(ENOENT, "no page %s", name);`. Hands the code back. The text,
 * as by printf, is cut to 255 bytes. In a job, for the job.
 */
THRUM_API int thrum_job_error(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));

/*
 * Refuses jobs from now on; what was submitted is still done, unless it is to be cancelled; then the workers
 * end. Again and again, by anybody. THRUM_OK; THRUM_DEADLOCK: one of its own jobs is to wait for the workers.
 * Then all is done but the waiting. THRUM_INVALID: `how` has other bits, and nothing has changed.
 */
THRUM_API thrum_result thrum_executor_shutdown(thrum_executor *executor, int how);

/*
 * Waits until a shutdown is complete, but not beyond the deadline. THRUM_OK; THRUM_TIMEOUT; THRUM_DEADLOCK:
 * as above.
 */
THRUM_API thrum_result thrum_executor_join_until(thrum_executor *executor, thrum_deadline deadline);

/* How many workers there are at the moment; how many jobs have not begun. */
THRUM_API size_t thrum_executor_workers(const thrum_executor *executor);
THRUM_API size_t thrum_executor_pending(const thrum_executor *executor);

/*
 * The state as text, for logs and debuggers, cut to `size` with its final NUL; the length of the whole, as
 * snprintf.
 */
THRUM_API size_t thrum_executor_describe(const thrum_executor *executor, char *text, size_t size);

/* ---- for a block ---- */

/*
 * Python's `with ThreadPoolExecutor(5) as pool:`. Makes an executor, runs the block that follows, and on
 * every way out, as of THRUM_WITH, shuts it down, waits for all jobs and releases it. *result says what
 * making it answered; unless THRUM_OK the block is skipped.
 *
 *     thrum_result result;
 *     THRUM_WITH_EXECUTOR(&pool, 5, NULL, &result) {
 *         if (thrum_executor_submit(pool, measure, page, NULL) != THRUM_OK) break;
 *     }                                                         // it is done
 */
#define THRUM_WITH_EXECUTOR(executor, workers, config, result) \
    THRUM_WITH_BLOCK_(THRUM_GUARD_NAME_(__COUNTER__),          \
                      thrum_executor_enter_(executor, workers, config, result))

THRUM_INLINE void thrum_executor_leave_(void *executor) {
    (void)thrum_executor_shutdown((thrum_executor *)executor, THRUM_SHUTDOWN_WAIT);
    thrum_executor_release((thrum_executor *)executor);
}

THRUM_INLINE THRUM_MUST_USE thrum_guard_ thrum_executor_enter_(thrum_executor **executor, int workers,
                                                               const thrum_executor_config *config,
                                                               thrum_result *result) {
    *result = thrum_executor_new(executor, workers, config);
    const thrum_guard_ guard = {thrum_executor_leave_, *result == THRUM_OK ? *executor : NULL, NULL};
    return guard;
}

/* ---- map ---- */

/*
 * The results of one job on many items, in the items' order.
 *
 *     thrum_results sizes;
 *     if (thrum_executor_map(pool, &sizes, measure, pages, count, sizeof pages[0],
 *                            THRUM_FOREVER) != THRUM_OK) return false;
 *     void *value;
 *     while (thrum_results_next(&sizes, &value) == THRUM_OK) use(value);
 *     thrum_results_end(&sizes);                                // cancels what has not begun
 *
 * Belongs to one thread.
 */
typedef struct thrum_results {
    thrum_future **futures_;
    size_t count_, next_;
    thrum_deadline deadline_;
} thrum_results;

/*
 * Submits the job once for each item of an array, with the item's address as argument. The deadline is one
 * for all results. THRUM_OK; THRUM_NO_MEMORY, and results of submit: then what was submitted is cancelled,
 * what had begun already is waited for, and nothing is to be ended. The items must live until
 * thrum_results_end has returned.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_executor_map(thrum_executor *executor, thrum_results *results,
                                                         thrum_job *job, void *items, size_t count,
                                                         size_t size, thrum_deadline deadline);

/*
 * Waits for the next item's result. THRUM_OK, and the value in *value; THRUM_EMPTY: all were given. Where it
 * is an error it says what thrum_future_result says, and the item counts as given; thrum_results_failure says
 * more. THRUM_TIMEOUT: the item does not count as given.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_results_next(thrum_results *results, void **value);

/* Why the item given last has no value. Lives until thrum_results_end. Of one that has: 0 and "". */
THRUM_API thrum_future_failure thrum_results_failure(const thrum_results *results);

/*
 * Ends it, at any moment, once: jobs that have not begun are cancelled, those that have are waited for, so
 * that the items are the caller's again.
 */
THRUM_API void thrum_results_end(thrum_results *results);

THRUM_END_DECLS

#endif
