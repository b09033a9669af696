/* SPDX-License-Identifier: MIT */
/*
 * executor: a thread pool. Submit, map, a block that waits for all, a session for each worker, and a job that
 * fails.
 */
#include "crew.h"

enum { WORKERS = 3, ITEMS = 5, REQUESTS = 100 };

static int square(void *item, void **value) {
    int *n = item;
    if (*n < 0) return thrum_job_error(22, "%d has no square here", *n);
    *n *= *n;
    *value = n;
    return 0;
}

/* ---- a session for each worker: opened at its first job, closed when it ends ---- */

typedef struct session {
    int requests;
} session;

static thrum_u32 opened, closed, asked;

static thrum_result open_session(void *unused, void *unused_too) {
    (void)unused, (void)unused_too;
    thrum_u32_fetch_add_relaxed(&opened, 1);
    return THRUM_OK;
}

static void close_session(void *p, void *unused) {
    (void)unused;
    thrum_u32_fetch_add_relaxed(&closed, 1);
    thrum_u32_fetch_add_relaxed(&asked, (uint32_t)((session *)p)->requests);
}

static thrum_local sessions = THRUM_LOCAL_INIT(sizeof(session), open_session, close_session, NULL);

static int ask(void *unused, void **unused_too) {
    (void)unused, (void)unused_too;
    session *mine = thrum_local_get(&sessions);
    if (!mine) return 1;
    mine->requests++;
    return 0;
}

int main(void) {
    thrum_executor *pool;
    if (thrum_executor_new(&pool, WORKERS, NULL) != THRUM_OK) return 1;

    int seven = 7, minus = -1;
    thrum_future *good, *bad;
    if (thrum_executor_submit(pool, square, &seven, &good) != THRUM_OK) return 1;
    if (thrum_executor_submit(pool, square, &minus, &bad) != THRUM_OK) return 1;
    void *value;
    if (thrum_future_result(good, &value) == THRUM_OK) printf("submit: %d\n", *(int *)value);
    thrum_future_failure failure;
    if (thrum_future_error(bad, &failure) == THRUM_OK) printf("failed: %s\n", failure.message);
    thrum_future_release(good);
    thrum_future_release(bad);

    int items[ITEMS] = {1, 2, 3, 4, 5};
    thrum_results squares;
    if (thrum_executor_map(pool, &squares, square, items, ITEMS, sizeof items[0], THRUM_FOREVER) != THRUM_OK)
        return 1;
    printf("map:");
    while (thrum_results_next(&squares, &value) == THRUM_OK) printf(" %d", *(int *)value);
    printf("\n");
    thrum_results_end(&squares);

    thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT);
    printf("after the shutdown: %s\n", thrum_result_name(thrum_executor_submit(pool, ask, NULL, NULL)));
    thrum_executor_release(pool);

    thrum_result result;
    THRUM_WITH_EXECUTOR(&pool, WORKERS, NULL, &result) {
        for (int i = 0; i < REQUESTS; i++)
            if (thrum_executor_submit(pool, ask, NULL, NULL) != THRUM_OK) break;
    } /* all are done, and the workers have ended */
    const uint32_t count = thrum_u32_load_relaxed(&opened);
    printf("sessions: one to three of them: %s, all closed: %s, requests: %u\n",
           crew_yes(count >= 1 && count <= WORKERS), crew_yes(thrum_u32_load_relaxed(&closed) == count),
           thrum_u32_load_relaxed(&asked));
    thrum_shutdown();
}
