/* SPDX-License-Identifier: MIT */
/* What the tests of executors share. */
#ifndef THRUM_TESTS_EXECUTOR_PARTS_H
#define THRUM_TESTS_EXECUTOR_PARTS_H

#include "refuse.h"

#include <string.h>

#include <thrum.h>

static inline thrum_executor *make_with(int workers, const thrum_executor_config *config) {
    thrum_executor *pool = NULL;
    CHECK_EQ(thrum_executor_new(&pool, workers, config), THRUM_OK);
    return pool;
}

static inline thrum_executor *make(int workers) {
    return make_with(workers, NULL);
}

static inline void end(thrum_executor *pool) {
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    CHECK_EQ(thrum_executor_workers(pool), 0);
    thrum_executor_release(pool);
}

static inline thrum_future *submit(thrum_executor *pool, thrum_job *job, void *argument) {
    thrum_future *future = NULL;
    CHECK_EQ(thrum_executor_submit(pool, job, argument, &future), THRUM_OK);
    return future;
}

static inline void *result_of(thrum_future *future) {
    void *value = NULL;
    CHECK_EQ(thrum_future_result(future, &value), THRUM_OK);
    thrum_future_release(future);
    return value;
}

/* What the exception hook was told. */
static thrum_lock told_lock;

static struct {
    unsigned times;
    int code;
    char message[256];
    char thread[THRUM_NAME_SIZE];
} told;

static inline void note_failure(const thrum_failure *failure) {
    THRUM_WITH(&told_lock) {
        told.times++;
        told.code = failure->code;
        strcpy(told.message, failure->message);
        strcpy(told.thread, failure->thread ? thrum_thread_name(failure->thread).text : "?");
    }
}

static inline int double_it(void *argument, void **value) {
    *value = (char *)argument + 1;
    return 0;
}

static inline int say_nothing(void *argument, void **value) {
    CHECK(*value == NULL);
    (void)argument;
    return 0;
}

/* A job that runs until `open` is set. */
typedef struct gate {
    thrum_event open;
    thrum_semaphore entered;
    pid_t worker;
} gate;

static inline int pass(void *argument, void **value) {
    gate *const g = argument;
    thrum_semaphore_release(&g->entered);
    thrum_event_wait(&g->open);
    *value = g;
    return 0;
}

static thrum_u32 ran;

static inline int count(void *argument, void **value) {
    (void)argument, (void)value;
    thrum_u32_fetch_add_relaxed(&ran, 1);
    return 0;
}

static inline int end_the_thread(void *argument, void **value) {
    (void)argument, (void)value;
    pthread_exit(NULL);
}

static inline void check_failure(thrum_future *future, int code, const char *message) {
    void *value = &code;
    CHECK_EQ(thrum_future_result(future, &value), THRUM_FAILED);
    CHECK(value == &code);
    thrum_future_failure failure = {0, ""};
    CHECK_EQ(thrum_future_error(future, &failure), THRUM_OK);
    CHECK_EQ(failure.code, code);
    CHECK(strcmp(failure.message, message) == 0);
    thrum_future_release(future);
}

static thrum_local session = THRUM_LOCAL_INIT(sizeof(int), NULL, NULL, NULL);

static inline int count_session(void *argument, void **value) {
    (void)argument, (void)value;
    return ++*(int *)thrum_local_get(&session);
}

/* clone3 and clone fail from then on, and only an ending thread is left to go on. */
static inline int refuse_threads(void *argument, void **value) {
    (void)argument, (void)value;
    refuse(SYS_clone3, EAGAIN);
    refuse(SYS_clone, EAGAIN);
    return 0;
}

#endif
