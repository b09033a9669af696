/* SPDX-License-Identifier: MIT */
/*
 * future: a result that somebody will have later; Python's concurrent.futures.Future, wait and as_completed.
 *
 * Floor 5, in libthrum. A counted object, used by pointer. An executor (thrum/executor.h) makes one for a
 * job; or a program makes one with thrum_future_new, and sets its result itself.
 *
 * States      pending -> running -> finished, or pending -> cancelled -> cancelled and notified. Finished,
 *             with a value or with an error, and cancelled are "done": nothing changes any more what it says.
 *             Notified: the thread that would have run it has seen that it is not to.
 * Cost        waiting for one that is done is a load. Setting a result takes the future's own lock for a
 *             moment, and makes a system call if somebody sleeps. No lock is held while callbacks run or
 *             sleepers are woken.
 * Errors      a code and a text. One that nobody asked for is told to the exception hook (thrum/hooks.h),
 *             when the last reference is released: a failure does not go unnoticed because nobody looked.
 * Freed       when the last reference is released.
 * Fork        the child must not wait for what a thread of its parent would have set.
 *
 *     thrum_future *answer;
 *     if (thrum_future_new(&answer) != THRUM_OK) return false;
 *     ask(thrum_future_retain(answer));                         // sets it elsewhere, and releases it
 *     ...
 *     void *page;
 *     if (thrum_future_result_until(answer, &page, thrum_after_ms(50)) == THRUM_OK) use(page);
 *     thrum_future_release(answer);
 *
 * Memory order: what happened before the result, an error or a cancel was set happens before every call that
 * finds it done, and before the callbacks. States that are not done are relaxed.
 *
 * Any thread that has a reference may call everything; signal handlers nothing. No call is a cancellation
 * point.
 */
#ifndef THRUM_FUTURE_H
#define THRUM_FUTURE_H

#include <thrum/deadline.h>
#include <thrum/event.h>
#include <thrum/result.h>

typedef struct thrum_future thrum_future;

typedef enum thrum_future_state {
    THRUM_FUTURE_PENDING,
    THRUM_FUTURE_RUNNING,
    THRUM_FUTURE_FINISHED,
    THRUM_FUTURE_CANCELLED,
    THRUM_FUTURE_CANCELLED_AND_NOTIFIED
} thrum_future_state;

/* Why there is no value. Of one that has a value: 0 and "". The text lives as long as the future. */
typedef struct thrum_future_failure {
    int code;
    const char *message;
} thrum_future_failure;

typedef void thrum_future_callback(thrum_future *future, void *argument);

/* What thrum_future_wait waits for. */
typedef enum thrum_future_when {
    THRUM_ALL_COMPLETED,
    THRUM_FIRST_COMPLETED,
    THRUM_FIRST_FAILED /* or all, when none fails; a cancelled one has not failed */
} thrum_future_when;

THRUM_BEGIN_DECLS

/*
 * Makes a pending one, with one reference, the caller's. THRUM_OK; THRUM_NO_MEMORY, and *future is left
 * alone.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_future_new(thrum_future **future);

/* One more reference; hands the future back. */
THRUM_API thrum_future *thrum_future_retain(thrum_future *future);

/* Gives a reference back. NULL: nothing. */
THRUM_API void thrum_future_release(thrum_future *future);

/* ---- asking ---- */

THRUM_API thrum_future_state thrum_future_state_of(const thrum_future *future);

/* Whether it is finished or cancelled. */
THRUM_API bool thrum_future_done(const thrum_future *future);
THRUM_API bool thrum_future_running(const thrum_future *future);
THRUM_API bool thrum_future_cancelled(const thrum_future *future);

/*
 * Waits until it is done. THRUM_OK, and the value in *value, unless NULL; THRUM_FAILED: thrum_future_error
 * says why; THRUM_BROKEN, THRUM_NO_THREAD: an executor could not run it; THRUM_CANCELLED. *value is left
 * alone unless THRUM_OK.
 */
THRUM_API thrum_result thrum_future_result(thrum_future *future, void **value);
/* Never waits: THRUM_TIMEOUT when it is not done. */
THRUM_API THRUM_MUST_USE thrum_result thrum_future_try_result(thrum_future *future, void **value);
/* Waits up to the deadline: THRUM_TIMEOUT then, and the future is as it was. */
THRUM_API THRUM_MUST_USE thrum_result thrum_future_result_until(thrum_future *future, void **value,
                                                                thrum_deadline deadline);

/* Waits until it is done. THRUM_OK, and *failure says how it failed or that it did not; THRUM_CANCELLED. */
THRUM_API THRUM_MUST_USE thrum_result thrum_future_error(thrum_future *future, thrum_future_failure *failure);
/* Never waits: THRUM_TIMEOUT when it is not done. */
THRUM_API THRUM_MUST_USE thrum_result thrum_future_try_error(thrum_future *future,
                                                             thrum_future_failure *failure);
/* Waits up to the deadline: THRUM_TIMEOUT then. */
THRUM_API THRUM_MUST_USE thrum_result thrum_future_error_until(thrum_future *future,
                                                               thrum_future_failure *failure,
                                                               thrum_deadline deadline);

/*
 * An event that is set once it is done, for thrum_wait_any. Not to be set or cleared; lives as long as the
 * future.
 */
THRUM_API thrum_event *thrum_future_done_event(thrum_future *future);

/*
 * `callback` is called once it is done: in the thread that makes it so, after those that were added before;
 * or at once, here, when it is done already. One that fails or exits (thrum/hooks.h) ends alone; the
 * exception hook is told of a failure. One that calls pthread_exit ends its thread after the callbacks that
 * follow it have been called, and a C++ exception goes on after them. A future that is released and was never
 * done calls nothing. THRUM_OK; THRUM_NO_MEMORY: it is not added.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_future_add_callback(thrum_future *future,
                                                                thrum_future_callback *callback,
                                                                void *argument);

/*
 * THRUM_OK: it is cancelled, by this call or an earlier one; THRUM_STATE: it runs or is finished, and goes
 * on.
 */
THRUM_API thrum_result thrum_future_cancel(thrum_future *future);

/*
 * The state as text, for logs and debuggers, cut to `size` with its final NUL; the length of the whole, as
 * snprintf.
 */
THRUM_API size_t thrum_future_describe(const thrum_future *future, char *text, size_t size);

/* ---- for the thread that has the result to give ---- */

/*
 * Says that the work begins: it can no longer be cancelled. THRUM_OK; THRUM_CANCELLED: it was cancelled, and
 * now knows that this was noticed: do nothing; THRUM_STATE: it was begun or finished before.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_future_start(thrum_future *future);

/* Finishes it, begun or not. THRUM_OK; THRUM_STATE: it is done, and keeps what it has. */
THRUM_API THRUM_MUST_USE thrum_result thrum_future_set_result(thrum_future *future, void *value);
/* The same with an error, its text as by printf, cut to 255 bytes. Also THRUM_INVALID: the code is 0. */
THRUM_API THRUM_MUST_USE thrum_result thrum_future_set_error(thrum_future *future, int code,
                                                             const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* ---- several at once ---- */

/*
 * Waits for some of `count` futures, of which the caller keeps a reference each; one that is named twice
 * counts once. THRUM_OK; THRUM_NO_MEMORY. Either way done[i], unless `done` is NULL, says which are done at
 * the end. Of no futures it returns at once.
 */
THRUM_API thrum_result thrum_future_wait(thrum_future *const *futures, size_t count, thrum_future_when when,
                                         bool *done);
/* The same up to the deadline: also THRUM_TIMEOUT. */
THRUM_API thrum_result thrum_future_wait_until(thrum_future *const *futures, size_t count,
                                               thrum_future_when when, bool *done, thrum_deadline deadline);

/*
 * Gives each of several futures once, in the order in which they are done; those that are done at the
 * beginning first, in their own order.
 *
 *     thrum_as_completed pages;
 *     if (thrum_as_completed_init(&pages, futures, count, THRUM_FOREVER) != THRUM_OK) return false;
 *     thrum_future *page;
 *     while (thrum_as_completed_next(&pages, &page) == THRUM_OK) use_page_of(page);
 *     thrum_as_completed_destroy(&pages);
 *
 * Belongs to one thread.
 */
typedef struct thrum_as_completed {
    struct thrum_future_watch_ *watch_;
    size_t left_;
    thrum_deadline deadline_;
} thrum_as_completed;

/*
 * The caller keeps a reference of each until the destroy. The deadline is one for all. THRUM_OK;
 * THRUM_NO_MEMORY.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_as_completed_init(thrum_as_completed *completed,
                                                              thrum_future *const *futures, size_t count,
                                                              thrum_deadline deadline);
/* Waits for the next one. THRUM_OK, and it is in *future; THRUM_EMPTY: all were given; THRUM_TIMEOUT. */
THRUM_API THRUM_MUST_USE thrum_result thrum_as_completed_next(thrum_as_completed *completed,
                                                              thrum_future **future);
/* At any moment, once. The futures that were not given are left alone. */
THRUM_API void thrum_as_completed_destroy(thrum_as_completed *completed);

THRUM_END_DECLS

#endif
