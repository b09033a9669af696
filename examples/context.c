/* SPDX-License-Identifier: MIT */
/*
 * An inherited local: the id of a request, set once, is known to the jobs, the timer and the threads that
 * serve it, and to those that these start; and to nobody else.
 */
#include "crew.h"

typedef struct request {
    int id;
} request;

static thrum_result copy_request(void *to, const void *from, void *unused) {
    (void)unused;
    *(request *)to = *(const request *)from;
    return THRUM_OK;
}

static thrum_local current = THRUM_LOCAL_INHERITED(sizeof(request), NULL, NULL, copy_request, NULL);

static void say(const char *what) {
    const request *r = thrum_local_peek(&current);
    if (r)
        printf("request %d: %s\n", r->id, what);
    else
        printf("no request: %s\n", what);
}

static void begin_request(int id) {
    request *r = thrum_local_get(&current);
    if (!r) exit(1);
    r->id = id;
    say("begins");
}

static void *log_it(void *unused) {
    say("is logged by a thread");
    return unused;
}

static thrum_executor *pool;

static int look_up(void *unused, void **unused_too) {
    (void)unused, (void)unused_too;
    say("is looked up by a job");
    crew_end(crew_spawn((thrum_thread_config){.target = log_it})); /* inherits from the job */
    return 0;
}

static void remind(void *unused) {
    (void)unused;
    say("a timer reminds of it");
}

static void serve(int id) {
    begin_request(id);
    thrum_future *found;
    if (thrum_executor_submit(pool, look_up, NULL, &found) != THRUM_OK) exit(1);
    if (thrum_future_result(found, NULL) != THRUM_OK) exit(1);
    thrum_future_release(found);
    thrum_timer timer;
    if (thrum_timer_init(&timer, 0.005, remind, NULL) != THRUM_OK) exit(1);
    if (thrum_timer_start(&timer) != THRUM_OK) exit(1);
    thrum_timer_join(&timer);
    thrum_timer_release(&timer);
    thrum_local_clear(&current); /* what is made from now on belongs to no request */
}

int main(void) {
    if (thrum_executor_new(&pool, 2, NULL) != THRUM_OK) return 1;
    serve(1);
    serve(2);
    thrum_future *idle;
    if (thrum_executor_submit(pool, look_up, NULL, &idle) != THRUM_OK) return 1;
    thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT);
    thrum_future_release(idle);
    thrum_executor_release(pool);

    begin_request(3);
    crew_end(crew_spawn((thrum_thread_config){.target = log_it, .context = THRUM_CONTEXT_EMPTY}));
    thrum_local_destroy(&current);
    thrum_shutdown();
}
