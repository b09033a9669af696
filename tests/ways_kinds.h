/* SPDX-License-Identifier: MIT */
/* The kinds of functions that the library calls: how each is used, and what holds afterwards. */
#ifndef THRUM_TESTS_WAYS_KINDS_H
#define THRUM_TESTS_WAYS_KINDS_H

#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thrum.h>
#include <unistd.h>

typedef enum way { RETURN, FAIL, EXIT, END, CANCELLATION, PROCESS_EXIT, WAYS } way;
static const char *const ways[WAYS] = {"return",       "thrum_thread_fail", "thrum_thread_exit",
                                       "pthread_exit", "cancellation",      "exit"};

enum { STATUS = 5, CODE = 6 };

static way chosen;
static thrum_u32 left, told,
    others; /* calls that were left so; reports; functions called after the one left */
static thrum_u32 traced;
static thrum_lock outer, inner;

static void count(thrum_u32 *counter) {
    thrum_u32_fetch_add_relaxed(counter, 1);
}

static uint32_t number(const thrum_u32 *counter) {
    return thrum_u32_load_relaxed(counter);
}

/* What every function does: the first call of all is left in the chosen way, holding something. */
static void leave(void) {
    if (thrum_u32_fetch_add_relaxed(&left, 1)) {
        count(&others);
        return;
    }
    THRUM_WITH(&inner) {
        switch (chosen) {
        case FAIL:
            thrum_thread_fail(CODE, "left");
        case EXIT:
            thrum_thread_exit(&left);
        case END:
            pthread_exit(NULL);
        case CANCELLATION:
            pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &(int){0});
            pthread_cancel(pthread_self());
            pthread_testcancel();
            abort();
        case PROCESS_EXIT:
            exit(STATUS);
        default:
            break;
        }
    }
}

/* Where the process ends, its end comes to the others wherever they are; a call beside it may be refused. */
static void be_ended(void) {
    while (chosen == PROCESS_EXIT) pause();
}
static void submit(thrum_executor *pool, thrum_job *function, thrum_future **future) {
    const thrum_result result = thrum_executor_submit(pool, function, NULL, future);
    if (result == THRUM_CLOSED) be_ended();
    CHECK_EQ(result, THRUM_OK);
}

static void tell(const thrum_failure *failure) {
    if (failure->code == CODE && strcmp(failure->message, "left") == 0) count(&told);
}

static void trace(thrum_trace_event event, void *function, void *call_site) {
    (void)event, (void)function, (void)call_site;
    count(&traced);
}

/* ---- the kinds: their use in a thread, and what holds afterwards in the main thread ---- */

static bool returned(void) {
    return chosen == RETURN;
}

static void use_target(void) {
    leave();
}

static thrum_once once;
static thrum_result run_once(void *unused) {
    (void)unused;
    leave();
    return THRUM_OK;
}
static void use_once(void) {
    CHECK_EQ(thrum_once_run(&once, run_once, NULL), THRUM_OK);
}
static void check_once(void) {
    CHECK_EQ(thrum_once_done(&once), returned());
    CHECK_EQ(thrum_once_run_until(&once, run_once, NULL, THRUM_NOW), THRUM_OK); /* it was open */
}

static thrum_result act(void *unused) {
    (void)unused;
    leave();
    return THRUM_OK;
}
static thrum_barrier barrier = THRUM_BARRIER_INIT_WITH(1, act, NULL, THRUM_BARRIER_NO_TIMEOUT);
static void use_barrier(void) {
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_OK);
}
static void check_barrier(void) {
    CHECK_EQ(thrum_barrier_broken(&barrier), !returned());
    thrum_barrier_reset(&barrier);
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_OK);
}

static thrum_monitor monitor;
static int ask(void *unused) {
    (void)unused;
    leave();
    return 1;
}
static void use_predicate(void) {
    THRUM_WITH(&monitor) CHECK_EQ(thrum_monitor_wait_for(&monitor, ask, NULL, THRUM_FOREVER), THRUM_OK);
}
static void check_predicate(void) {
    char text[80];
    (void)thrum_monitor_describe(&monitor, text, sizeof text);
    CHECK(!strstr(text, "1 waiting"));
    /* C without -fexceptions releases nothing where the C library ends the thread. */
    if (chosen != END && chosen != CANCELLATION) CHECK(thrum_monitor_try_acquire(&monitor));
}

static thrum_result initialise(void *value, void *unused) {
    (void)unused;
    *(int *)value = 1;
    leave();
    return THRUM_OK;
}
static thrum_local made = THRUM_LOCAL_INIT(sizeof(int), initialise, NULL, NULL);
static void use_initialiser(void) {
    CHECK(thrum_local_get(&made));
}
static void check_initialiser(void) {
    CHECK(thrum_local_get(&made));
    thrum_local_destroy(&made);
}

static void destroy(void *value, void *unused) {
    (void)value, (void)unused;
    leave();
}
static thrum_local destroyed = THRUM_LOCAL_INIT(sizeof(int), NULL, destroy, NULL);
static thrum_local destroyed_too = THRUM_LOCAL_INIT(sizeof(int), NULL, destroy, NULL);
static void use_destructor(void) {
    CHECK(thrum_local_get(&destroyed) && thrum_local_get(&destroyed_too));
    thrum_local_clear(&destroyed);
    CHECK(!thrum_local_peek(&destroyed));
}
static void check_destructor(void) {
    CHECK_EQ(number(&others), 1); /* the other value, when the thread ended */
}
static void use_last_destructor(void) {
    CHECK(thrum_local_get(&destroyed) && thrum_local_get(&destroyed_too));
}

static void visit(const char *name, void *value, void *unused) {
    (void)name, (void)value, (void)unused;
    leave();
}
static thrum_attributes attributes = THRUM_ATTRIBUTES_INIT;
static void use_visitor(void) {
    CHECK_EQ(thrum_attributes_set(&attributes, "name", NULL), THRUM_OK);
    thrum_attributes_each(&attributes, visit, NULL);
}

static thrum_snapshot snapshot;
static thrum_result make(const void *now, void *unused, void **next) {
    (void)now, (void)unused;
    leave();
    *next = &snapshot;
    return THRUM_OK;
}
static void use_snapshot(void) {
    CHECK_EQ(thrum_snapshot_update(&snapshot, make, NULL, NULL), THRUM_OK);
}
static void check_snapshot(void) {
    const void *const now = thrum_snapshot_read_begin(&snapshot);
    CHECK(now == (returned() ? &snapshot : NULL));
    thrum_snapshot_read_end();
    CHECK_EQ(thrum_snapshot_update(&snapshot, make, NULL, NULL), THRUM_OK);
    thrum_snapshot_clear(&snapshot);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}

static thrum_map *map;
static bool visit_entry(thrum_map_key key, void *value, void *unused) {
    (void)key, (void)value, (void)unused;
    leave();
    return true;
}
static void use_map(void) {
    CHECK_EQ(thrum_map_new(&map, NULL), THRUM_OK);
    CHECK_EQ(thrum_map_put(map, thrum_key("a"), &map), THRUM_OK);
    thrum_map_each(map, visit_entry, NULL);
}
static void check_map(void) {
    thrum_map_free(map);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK); /* no read section is left open */
}

static thrum_future *future;
static void call_back(thrum_future *of, void *unused) {
    CHECK(of == future && !unused);
    leave();
}
static void use_callback(void) {
    CHECK_EQ(thrum_future_new(&future), THRUM_OK);
    for (int i = 0; i < 3; i++) CHECK_EQ(thrum_future_add_callback(future, call_back, NULL), THRUM_OK);
    CHECK_EQ(thrum_future_set_result(future, NULL), THRUM_OK);
}
static void check_callback(void) {
    CHECK_EQ(number(&others), 2);
    CHECK_EQ(thrum_future_try_result(future, NULL), THRUM_OK);
    thrum_future_release(future);
}

static void hook(const thrum_failure *failure) {
    (void)failure;
    count(&told);
    leave();
}
static void use_hook(void) {
    thrum_set_excepthook(hook);
    CHECK_EQ(thrum_future_new(&future), THRUM_OK);
    CHECK_EQ(thrum_future_set_error(future, 1, "nobody asks"), THRUM_OK);
    thrum_future_release(future);
}
static void check_hook(void) {
    CHECK_EQ(number(&told), 1);
}

static void trace_and_leave(thrum_trace_event event, void *function, void *call_site) {
    trace(event, function, call_site);
    if (event == THRUM_TRACE_CALL) leave();
}
static void use_trace(void) {
    thrum_set_trace_all_threads(trace_and_leave);
    thrum_set_profile_all_threads(trace);
    thrum_trace_enter(NULL, NULL);
}

static void drop(void *item, void *unused) {
    CHECK(item == &others && !unused);
    leave();
}
static thrum_queue queue;
static void use_drop(void) {
    const thrum_queue_config config = {.drop = drop};
    CHECK_EQ(thrum_queue_init(&queue, &config), THRUM_OK);
    for (int i = 0; i < 3; i++) CHECK_EQ(thrum_queue_put(&queue, &others), THRUM_OK);
    thrum_queue_shutdown_now(&queue);
}
static void check_drop(void) {
    CHECK_EQ(number(&others), 2);
    CHECK_EQ(thrum_queue_join_until(&queue, THRUM_NOW), THRUM_OK); /* all are done */
    thrum_queue_destroy(&queue);
}

static int job(void *unused, void **value) {
    (void)unused;
    *value = &queue;
    leave();
    return 0;
}
static void use_job(void) {
    thrum_executor *pool;
    thrum_future *first, *second;
    void *value = NULL;
    CHECK_EQ(thrum_executor_new(&pool, 1, NULL), THRUM_OK);
    submit(pool, job, &first);
    submit(pool, job, &second);
    const thrum_result result = thrum_future_result(first, &value);
    CHECK_EQ(result, chosen == FAIL ? THRUM_FAILED : THRUM_OK);
    CHECK(value == (returned() ? (void *)&queue : chosen == EXIT ? (void *)&left : NULL));
    CHECK_EQ(thrum_future_result(second, &value), THRUM_OK);
    CHECK(value == &queue);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    thrum_executor_release(pool);
    thrum_future_release(first);
    thrum_future_release(second);
}
static void use_unheard_job(void) {
    thrum_executor *pool;
    CHECK_EQ(thrum_executor_new(&pool, 1, NULL), THRUM_OK);
    for (int i = 0; i < 3; i++) submit(pool, job, NULL);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    thrum_executor_release(pool);
}
static void check_two_others(void) {
    CHECK_EQ(number(&others), 2);
}

static int prepare(void *unused) {
    (void)unused;
    leave();
    return 0;
}
static void use_worker_initialiser(void) {
    thrum_executor *pool;
    const thrum_executor_config config = {.initialise = prepare};
    CHECK_EQ(thrum_executor_new(&pool, 1, &config), THRUM_OK);
    thrum_future *pending;
    submit(pool, job, &pending);
    CHECK_EQ(thrum_future_result(pending, NULL), returned() ? THRUM_OK : THRUM_BROKEN);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    thrum_executor_release(pool);
    thrum_future_release(pending);
}

static thrum_event go_on;
static int wait_to_go_on(void *unused, void **value) {
    (void)unused, (void)value;
    thrum_event_wait(&go_on);
    return 0;
}
static thrum_executor *dropping;
static void drop_job(void *argument, void *unused) {
    CHECK(argument == &others && !unused);
    if (chosen == PROCESS_EXIT) thrum_event_set(&go_on); /* the end waits for the job that runs */
    leave();
}
static void use_job_drop(void) {
    const thrum_executor_config config = {.drop = drop_job};
    CHECK_EQ(thrum_executor_new(&dropping, 1, &config), THRUM_OK);
    thrum_future *running;
    CHECK_EQ(thrum_executor_submit(dropping, wait_to_go_on, NULL, &running), THRUM_OK);
    while (!thrum_future_running(running)) thrum_futex_nap(thrum_after_ms(1));
    thrum_future_release(running);
    for (int i = 0; i < 3; i++) CHECK_EQ(thrum_executor_submit(dropping, job, &others, NULL), THRUM_OK);
    CHECK_EQ(thrum_executor_shutdown(dropping, THRUM_SHUTDOWN_CANCEL_PENDING), THRUM_OK);
}
static void check_job_drop(void) {
    CHECK_EQ(number(&others), 2);
    thrum_event_set(&go_on);
    CHECK_EQ(thrum_executor_shutdown(dropping, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    thrum_executor_release(dropping);
}

static thrum_scheduler scheduler;
static thrum_scheduled entries[3];
static thrum_semaphore called;
static void be_called(void *unused) {
    (void)unused;
    (void)!thrum_semaphore_release(&called);
    leave();
}
static void use_scheduler(void) {
    for (int i = 0; i < 3; i++)
        CHECK_EQ(thrum_scheduler_at(&scheduler, &entries[i], THRUM_NOW, be_called, NULL), THRUM_OK);
    for (int i = 0; i < 3; i++) thrum_semaphore_acquire(&called);
    for (int i = 0; i < 3; i++) CHECK(!thrum_scheduler_cancel(&scheduler, &entries[i]));
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
}

static void use_timer(void) {
    thrum_timer timer;
    CHECK_EQ(thrum_timer_init(&timer, 0, be_called, NULL), THRUM_OK);
    CHECK_EQ(thrum_timer_start(&timer), THRUM_OK);
    CHECK_EQ(thrum_timer_join(&timer), THRUM_OK);
    CHECK_EQ(thrum_event_is_set(&timer.finished), returned());
    thrum_timer_release(&timer);
}

static void shut_down(void *unused) {
    (void)unused;
    leave();
}
static void use_at_shutdown(void) {
    for (int i = 0; i < 3; i++) CHECK_EQ(thrum_at_shutdown(shut_down, NULL), THRUM_OK);
    thrum_shutdown();
}

static void destroy_value(void *value) {
    CHECK(value == &others);
    leave();
}
static void use_map_destroy(void) {
    const thrum_map_config config = {.destroy = destroy_value};
    CHECK_EQ(thrum_map_new(&map, &config), THRUM_OK);
    for (uint64_t i = 0; i < 3; i++) CHECK_EQ(thrum_map_put(map, thrum_key_number(i), &others), THRUM_OK);
    thrum_map_free(map);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}
static void use_snapshot_destroy(void) {
    for (int i = 0; i < 3; i++) CHECK_EQ(thrum_snapshot_set(&snapshot, &others, destroy_value), THRUM_OK);
    thrum_snapshot_clear(&snapshot);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}

typedef struct kind {
    const char *name;
    bool shielded; /* failing and exiting end the function alone */
    void (*use)(void);
    void (*check)(void);
} kind;

static const kind kinds[] = {
    {"target", false, use_target, NULL},
    {"once", false, use_once, check_once},
    {"barrier's action", false, use_barrier, check_barrier},
    {"predicate", false, use_predicate, check_predicate},
    {"initialiser", false, use_initialiser, check_initialiser},
    {"destructor", true, use_destructor, check_destructor},
    {"destructor at the thread's end", true, use_last_destructor, check_destructor},
    {"attributes' visitor", false, use_visitor, NULL},
    {"snapshot's make", false, use_snapshot, check_snapshot},
    {"map's visitor", false, use_map, check_map},
    {"future's callback", true, use_callback, check_callback},
    {"exception hook", true, use_hook, check_hook},
    {"trace function", true, use_trace, NULL},
    {"queue's drop", true, use_drop, check_drop},
    {"job", true, use_job, NULL},
    {"job without a future", true, use_unheard_job, check_two_others},
    {"worker's initialiser", true, use_worker_initialiser, NULL},
    {"job's drop", true, use_job_drop, check_job_drop},
    {"scheduler's function", true, use_scheduler, check_two_others},
    {"timer's function", true, use_timer, NULL},
    {"map's destroy", true, use_map_destroy, check_two_others},
    {"snapshot's destroy", true, use_snapshot_destroy, check_two_others},
    {"at_shutdown function", true, use_at_shutdown, check_two_others},
};

#endif
