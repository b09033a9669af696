/* SPDX-License-Identifier: MIT */
/*
 * future: a promise kept by another thread, one that is broken, one that nobody wants any more, and several
 * at once.
 */
#include "crew.h"

enum { PAGES = 4 };

static int numbers[PAGES] = {10, 20, 30, 40};

static thrum_future *promise(void) {
    thrum_future *future;
    if (thrum_future_new(&future) != THRUM_OK) exit(1);
    return future;
}

static void tell(thrum_future *future, void *name) {
    printf("callback: %s is %s\n", (const char *)name,
           thrum_future_cancelled(future) ? "cancelled" : "finished");
}

static void *keep(void *future) {
    if (thrum_future_start(future) == THRUM_OK) (void)!thrum_future_set_result(future, &numbers[0]);
    return NULL;
}

static void *keep_all(void *p) {
    thrum_future **futures = p;
    for (int i = PAGES - 1; i >= 0; i--) (void)!thrum_future_set_result(futures[i], &numbers[i]);
    return NULL;
}

int main(void) {
    static char first[] = "the first", third[] = "the third";
    void *value;
    thrum_future *future = promise();
    if (thrum_future_add_callback(future, tell, first) != THRUM_OK) return 1;
    printf("not yet: %s\n", thrum_result_name(thrum_future_try_result(future, &value)));
    thrum_thread *thread = crew_spawn((thrum_thread_config){.target = keep, .argument = future});
    crew_end(thread);
    if (thrum_future_result(future, &value) == THRUM_OK) printf("kept: %d\n", *(int *)value);
    printf("too late to cancel: %s\n", thrum_result_name(thrum_future_cancel(future)));
    thrum_future_release(future);

    future = promise();
    thrum_future_failure failure;
    if (thrum_future_set_error(future, 404, "no page %s", "index") != THRUM_OK) return 1;
    printf("broken: %s", thrum_result_name(thrum_future_result(future, &value)));
    if (thrum_future_error(future, &failure) == THRUM_OK) printf(", %d, %s\n", failure.code, failure.message);
    thrum_future_release(future);

    future = promise();
    if (thrum_future_add_callback(future, tell, third) != THRUM_OK) return 1;
    thrum_future_cancel(future);
    printf("the thread that was to keep it hears: %s\n", thrum_result_name(thrum_future_start(future)));
    thrum_future_release(future);

    thrum_future *futures[PAGES];
    for (int i = 0; i < PAGES; i++) futures[i] = promise();
    thread = crew_spawn((thrum_thread_config){.target = keep_all, .argument = futures});
    thrum_as_completed completed;
    if (thrum_as_completed_init(&completed, futures, PAGES, THRUM_FOREVER) != THRUM_OK) return 1;
    int given = 0;
    while (thrum_as_completed_next(&completed, &future) == THRUM_OK) given++;
    thrum_as_completed_destroy(&completed);
    printf("as completed: %d, each once\n", given);
    crew_end(thread);
    for (int i = 0; i < PAGES; i++) thrum_future_release(futures[i]);
    thrum_shutdown();
}
