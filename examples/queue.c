/* SPDX-License-Identifier: MIT */
/* queue: two workers take jobs until there are no more; the program waits for all of them to be done. */
#include "crew.h"

#include <thrum.h>

enum { WORKERS = 2, JOBS = 100, BOUND = 8 };

static thrum_queue jobs;
static int squares[JOBS];
static thrum_u32 dropped;

static void work(unsigned number) {
    (void)number;
    void *job;
    while (thrum_queue_get(&jobs, &job) == THRUM_OK) {
        int *const square = job;
        const int n = (int)(square - squares);
        *square = n * n;
        thrum_queue_task_done(&jobs);
    }
}

static void drop(void *job, void *unused) {
    (void)job, (void)unused;
    thrum_u32_fetch_add_relaxed(&dropped, 1);
}

int main(void) {
    if (thrum_queue_init(&jobs, &(thrum_queue_config){.bound = BOUND, .drop = drop}) != THRUM_OK) return 1;
    for (int i = 0; i < BOUND; i++)
        if (thrum_queue_put(&jobs, &squares[i]) != THRUM_OK) return 1;
    printf("without workers it is full: %s\n",
           thrum_result_name(thrum_queue_try_put(&jobs, &squares[BOUND])));

    crew workers = {.size = 0};
    while (workers.size < WORKERS) crew_start(&workers, work);
    for (int i = BOUND; i < JOBS; i++)
        if (thrum_queue_put(&jobs, &squares[i]) != THRUM_OK) return 1;
    thrum_queue_join(&jobs);
    printf("done: the last square is %d\n", squares[JOBS - 1]);
    printf("once too often: %s\n", thrum_result_name(thrum_queue_task_done(&jobs)));

    thrum_queue_shutdown(&jobs);
    printf("after the shutdown: %s\n", thrum_result_name(thrum_queue_put(&jobs, squares)));
    crew_join(&workers);
    printf("the workers have left, %u jobs were dropped\n", thrum_u32_load_relaxed(&dropped));
    thrum_queue_destroy(&jobs);
    return 0;
}
