/* SPDX-License-Identifier: MIT */
/* What the tests of contexts share. */
#ifndef THRUM_TESTS_CONTEXT_PARTS_H
#define THRUM_TESTS_CONTEXT_PARTS_H

#include "threads.h"

#include <thrum.h>

typedef struct request {
    int id;
    uint64_t copied_by;
} request;

enum { NONE = -1 };
static thrum_u32 live; /* values made and not destroyed */
static thrum_result refusal;

static inline thrum_result begin_request(void *p, void *unused) {
    (void)unused;
    *(request *)p = (request){0, 0};
    thrum_u32_fetch_add_relaxed(&live, 1);
    return THRUM_OK;
}

static inline thrum_result copy_request(void *p, const void *from, void *unused) {
    (void)unused;
    if (refusal != THRUM_OK) return refusal;
    *(request *)p = (request){((const request *)from)->id, thrum_get_ident()};
    thrum_u32_fetch_add_relaxed(&live, 1);
    return THRUM_OK;
}

static inline void end_request(void *p, void *unused) {
    (void)p, (void)unused;
    thrum_u32_fetch_sub_relaxed(&live, 1);
}

static thrum_local current =
    THRUM_LOCAL_INHERITED(sizeof(request), begin_request, end_request, copy_request, NULL);

static inline int id_now(void) {
    const request *const r = thrum_local_peek(&current);
    return r ? r->id : NONE;
}

static inline void set_id(int id) {
    request *const r = thrum_local_get(&current);
    CHECK(r);
    r->id = id;
}

static inline unsigned live_now(void) {
    return thrum_u32_load_relaxed(&live);
}

static uint64_t copied_by;

static inline void *note_id(void *id) {
    *(int *)id = id_now();
    const request *const r = thrum_local_peek(&current);
    copied_by = r ? r->copied_by : 0;
    return NULL;
}

static inline void start_and_join(thrum_thread *thread) {
    CHECK_EQ(thrum_thread_start(thread), THRUM_OK);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    thrum_thread_release(thread);
}

static inline thrum_result copy_number(void *p, const void *from, void *unused) {
    (void)unused;
    *(int *)p = *(const int *)from;
    return THRUM_OK;
}

static inline void note_id_in_timer(void *id) {
    *(int *)id = id_now();
}

static thrum_executor *pool;

static inline void make_pool(const thrum_executor_config *config) {
    CHECK_EQ(thrum_executor_new(&pool, 1, config), THRUM_OK);
}

static inline void end_pool(void) {
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    thrum_executor_release(pool);
}

static inline thrum_future *submit(thrum_job *job, void *argument) {
    thrum_future *future;
    CHECK_EQ(thrum_executor_submit(pool, job, argument, &future), THRUM_OK);
    return future;
}

static inline thrum_result finish(thrum_future *future) {
    const thrum_result result = thrum_future_result(future, NULL);
    thrum_future_release(future);
    return result;
}

static thrum_event go, busy;

static inline int wait_for_go(void *unused, void **value) {
    (void)unused, (void)value;
    thrum_event_set(&busy);
    thrum_event_wait(&go);
    return 0;
}

#endif
