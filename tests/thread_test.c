/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
/* ctest: libraries thrum */
/* mutants: also registry */
#include "thread_parts.h"
#include "threads.h"

#include <errno.h>
#include <sched.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <thrum.h>
#include <unistd.h>

/* ---- targets and runs ---- */

TEST(a_target_gets_its_argument_and_join_its_value) {
    char letters[2];
    thrum_thread *const thread = test_spawn((thrum_thread_config){THRUM_TARGET(answer), .argument = letters});
    void *value = NULL;
    CHECK_EQ(thrum_thread_join(thread, &value), THRUM_OK);
    CHECK(value == letters + 1);
    thrum_thread_release(thread);
}

typedef struct square {
    thrum_thread thread;
    int number, result;
} square;

static thrum_result square_run(thrum_thread *self) {
    square *const s = (square *)((char *)self - offsetof(square, thread));
    s->result = s->number * s->number;
    return THRUM_OK;
}

TEST(an_embedded_thread_carries_arguments_in_and_results_out) {
    square *const s = calloc(1, sizeof *s);
    s->number = 9;
    CHECK_EQ(thrum_thread_init(&s->thread, &(thrum_thread_config){.run = square_run}), THRUM_OK);
    CHECK_EQ(thrum_thread_start(&s->thread), THRUM_OK);
    CHECK_EQ(thrum_thread_join(&s->thread, NULL), THRUM_OK);
    CHECK_EQ(s->result, 81);
    thrum_thread_release(&s->thread);
    free(s); /* may be freed after join: the address sanitizer sees who touches it later */
}

TEST(an_embedded_struct_may_be_freed_after_join_while_its_object_is_kept) {
    square *const s = calloc(1, sizeof *s);
    CHECK_EQ(thrum_thread_init(&s->thread, &(thrum_thread_config){.run = square_run, .name = "kept"}),
             THRUM_OK);
    thrum_thread *const kept = thrum_thread_retain(&s->thread);
    CHECK_EQ(thrum_thread_start(&s->thread), THRUM_OK);
    CHECK_EQ(thrum_thread_join(&s->thread, NULL), THRUM_OK);
    thrum_thread_release(&s->thread);
    free(s);
    CHECK(strcmp(thrum_thread_name(kept).text, "kept") == 0);
    CHECK_EQ(thrum_thread_join(kept, NULL), THRUM_OK);
    thrum_thread_release(kept);
}

static thrum_result fail_by_result(thrum_thread *self) {
    (void)self;
    return THRUM_FULL;
}

static void *name_of_current(void *unused) {
    (void)unused;
    static thrum_name name;
    name = thrum_thread_name(thrum_current_thread());
    return &name;
}

TEST(a_run_called_directly_runs_in_the_calling_thread_and_starts_none) {
    thrum_thread *const thread = test_new((thrum_thread_config){.target = name_of_current, .name = "other"});
    const size_t count = thrum_active_count();
    void *value = NULL;
    CHECK_EQ(thrum_thread_run_here(thread, &value), THRUM_OK);
    CHECK(strcmp(((const thrum_name *)value)->text, "MainThread") == 0);
    CHECK_EQ(thrum_active_count(), count);
    CHECK(!thrum_thread_is_alive(thread) && thrum_thread_ident(thread) == 0);
    CHECK_EQ(thrum_thread_start(thread), THRUM_OK); /* it was never started */
    CHECK_EQ(thrum_thread_join(thread, &value), THRUM_OK);
    CHECK(strcmp(((const thrum_name *)value)->text, "other") == 0);
    CHECK_EQ(thrum_thread_run_here(thread, NULL), THRUM_OK); /* nor does its end matter */
    thrum_thread_release(thread);
}

TEST(a_run_of_ones_own_called_directly_is_given_the_handle_and_hands_its_result_back) {
    square s = {.number = 7};
    CHECK_EQ(thrum_thread_init(&s.thread, &(thrum_thread_config){.run = square_run}), THRUM_OK);
    CHECK_EQ(thrum_thread_run_here(&s.thread, NULL), THRUM_OK);
    CHECK_EQ(s.result, 49);
    thrum_thread_release(&s.thread);
    CHECK_EQ(thrum_thread_run_here(&s.thread, NULL), THRUM_INVALID); /* an empty handle */
    thrum_thread *const failing = test_new((thrum_thread_config){.run = fail_by_result});
    CHECK_EQ(thrum_thread_run_here(failing, NULL), THRUM_FULL);
    CHECK(!thrum_thread_failed(failing, NULL));
    thrum_thread_release(failing);
    CHECK_EQ(thrum_thread_run_here(thrum_main_thread(), NULL), THRUM_STATE);
}

TEST(a_config_without_exactly_one_of_target_and_run_is_invalid) {
    thrum_thread *const untouched = (thrum_thread *)(uintptr_t)8;
    thrum_thread *thread = untouched;
    CHECK_EQ(thrum_thread_new(&thread, &(thrum_thread_config){.name = "nothing"}), THRUM_INVALID);
    CHECK_EQ(thrum_thread_new(&thread, &(thrum_thread_config){.target = answer, .run = square_run}),
             THRUM_INVALID);
    CHECK_EQ(thrum_thread_new(&thread, &(thrum_thread_config){.target = answer, .stack_size = 4096}),
             THRUM_INVALID);
    char long_name[THRUM_NAME_SIZE + 1];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    CHECK_EQ(thrum_thread_new(&thread, &(thrum_thread_config){.target = answer, .name = long_name}),
             THRUM_OVERFLOW);
    CHECK(thread == untouched);
    thrum_thread empty = {NULL};
    CHECK_EQ(thrum_thread_start(&empty), THRUM_INVALID);
    CHECK_EQ(thrum_thread_join(&empty, NULL), THRUM_NOT_STARTED);
    CHECK(!thrum_thread_daemon(&empty));
    CHECK(!thrum_thread_failed(&empty, NULL));
    thrum_thread_release(&empty);
    thrum_thread_release(NULL);
}

/* ---- ident, native id, life ---- */

static void *own_ids(void *p) {
    uint64_t *const ids = p;
    ids[0] = thrum_get_ident();
    ids[1] = thrum_get_native_id();
    return NULL;
}

TEST(ident_and_native_id_are_none_before_and_kept_after) {
    uint64_t seen[2] = {0, 0};
    thrum_thread *const thread = test_new((thrum_thread_config){.target = own_ids, .argument = seen});
    CHECK_EQ(thrum_thread_ident(thread), 0);
    CHECK_EQ(thrum_thread_native_id(thread), 0);
    CHECK_EQ(thrum_thread_start(thread), THRUM_OK);
    const uint64_t ident = thrum_thread_ident(thread);
    const uint32_t native = thrum_thread_native_id(thread); /* waits until the thread has said it */
    CHECK(ident != 0);
    CHECK(native != 0 && native != (uint32_t)getpid());
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    CHECK_EQ(seen[0], ident);
    CHECK_EQ(seen[1], native);
    CHECK_EQ(thrum_thread_ident(thread), ident);
    CHECK_EQ(thrum_thread_native_id(thread), native);
    thrum_thread_release(thread);
}

TEST(is_alive_from_start_to_end) {
    thrum_thread *const thread = test_new((thrum_thread_config){.target = linger});
    CHECK(!thrum_thread_is_alive(thread));
    CHECK_EQ(thrum_thread_start(thread), THRUM_OK);
    CHECK(thrum_thread_is_alive(thread)); /* at once, however late it runs */
    thrum_event_wait(&begin);
    CHECK(thrum_thread_is_alive(thread));
    thrum_event_set(&go_on);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    CHECK(!thrum_thread_is_alive(thread));
    thrum_thread_release(thread);
}

TEST(a_second_start_is_refused_while_it_runs_and_after_its_end) {
    thrum_thread *const thread = test_spawn((thrum_thread_config){.target = linger});
    CHECK_EQ(thrum_thread_start(thread), THRUM_ALREADY_STARTED);
    thrum_event_set(&go_on);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    CHECK_EQ(thrum_thread_start(thread), THRUM_ALREADY_STARTED);
    thrum_thread_release(thread);
    CHECK_EQ(thrum_thread_start(thrum_main_thread()), THRUM_ALREADY_STARTED);
}

typedef struct rivals {
    thrum_thread *thread;
    thrum_barrier meet;
    thrum_u32 won;
} rivals;

static void *start_it(void *p) {
    rivals *const r = p;
    CHECK_EQ(thrum_barrier_wait(&r->meet, NULL), THRUM_OK);
    const thrum_result result = thrum_thread_start(r->thread);
    CHECK(result == THRUM_OK || result == THRUM_ALREADY_STARTED);
    if (result == THRUM_OK) thrum_u32_fetch_add_relaxed(&r->won, 1);
    return NULL;
}

TEST(of_many_starts_at_once_one_succeeds) {
    for (int round = 0; round < 50; round++) {
        rivals r = {.thread = test_new((thrum_thread_config){.target = answer})};
        CHECK_EQ(thrum_barrier_init(&r.meet, 4), THRUM_OK);
        test_thread starters[4];
        for (int i = 0; i < 4; i++) starters[i] = test_start(start_it, &r);
        for (int i = 0; i < 4; i++) test_join(&starters[i]);
        CHECK_EQ(thrum_u32_load_relaxed(&r.won), 1);
        test_join_and_release(r.thread);
    }
}

/* ---- resources ---- */

TEST(a_thread_never_joined_leaks_nothing) {
    for (unsigned i = 0; i < 20000 / test_slowdown(); i++) {
        const thrum_thread_config config = {.target = answer};
        thrum_result result;
        while ((result = thrum_thread_spawn(NULL, &config)) == THRUM_NO_THREAD)
            sched_yield(); /* many are on their way out */
        CHECK_EQ(result, THRUM_OK);
    }
    while (thrum_active_count() > 1) sched_yield();
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    CHECK(usage.ru_maxrss <
          200L * 1024 * (long)test_slowdown()); /* a leaked stack has 8 MB of addresses, 8 KB of pages */
}

static void refuse_threads(void) {
    const struct rlimit none = {0, 4096};
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &none), 0);
    if (getuid() == 0) CHECK_EQ(setresuid(54321, 54321, 54321), 0); /* root is not limited */
}

static void start_without_threads(void) {
    refuse_threads();
    thrum_thread *const thread = test_new((thrum_thread_config){.target = answer});
    errno = 77;
    CHECK_EQ(thrum_thread_start(thread), THRUM_NO_THREAD);
    CHECK_EQ(errno, 77);
    CHECK(!thrum_thread_is_alive(thread));
    CHECK_EQ(thrum_thread_ident(thread), 0);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_NOT_STARTED);
    CHECK_EQ(thrum_active_count(), 1);
    thrum_thread *untouched = thread;
    CHECK_EQ(thrum_thread_spawn(&untouched, &(thrum_thread_config){.target = answer}), THRUM_NO_THREAD);
    CHECK(untouched == thread);
    CHECK_EQ(thrum_thread_set_daemon(thread, true), THRUM_OK);
    CHECK_EQ(thrum_thread_set_daemon(thread, false), THRUM_OK);
    thrum_shutdown(); /* waits for nobody */
    thrum_thread_release(thread);
}

TEST(a_start_without_a_thread_is_refused_and_leaves_nothing) {
    test_in_child(start_without_threads);
}

static void start_when_there_are_threads_again(void) {
    CHECK_EQ(thrum_rcu_prepare(), THRUM_OK); /* so that it is the thread itself that is refused */
    refuse_threads();
    thrum_thread *const thread = test_new((thrum_thread_config){.target = linger, .argument = &begin});
    for (int i = 0; i < 3; i++) CHECK_EQ(thrum_thread_start(thread), THRUM_NO_THREAD);
    CHECK_EQ(thrum_active_count(), 1);
    const struct rlimit many = {4096, 4096};
    CHECK_EQ(setrlimit(RLIMIT_NPROC, &many), 0);
    CHECK_EQ(thrum_thread_start(thread), THRUM_OK);
    CHECK_EQ(thrum_active_count(), 2); /* it is listed once, whatever was tried before */
    thrum_event_set(&go_on);
    void *value;
    CHECK_EQ(thrum_thread_join(thread, &value), THRUM_OK);
    CHECK(value == &begin);
    CHECK_EQ(thrum_active_count(), 1);
    thrum_thread_release(thread);
}

TEST(a_start_that_failed_may_be_tried_again) {
    test_in_child(start_when_there_are_threads_again);
}

static void start_without_memory(void) {
    CHECK_EQ(thrum_rcu_prepare(), THRUM_OK);
    thrum_thread *const thread = test_new(
        (thrum_thread_config){.target = answer, .stack_size = (size_t)1 << 46}); /* no such address space */
    const thrum_result result = thrum_thread_start(thread);
    CHECK(result == THRUM_NO_THREAD || result == THRUM_NO_MEMORY);
    CHECK_EQ(thrum_active_count(), 1);
    thrum_thread_release(thread);
}

TEST(a_start_without_memory_for_the_stack_is_refused) {
    test_in_child(start_without_memory);
}

static void *stack_of_oneself(void *p) {
    pthread_attr_t attributes;
    CHECK_EQ(pthread_getattr_np(pthread_self(), &attributes), 0);
    CHECK_EQ(pthread_attr_getstacksize(&attributes, p), 0);
    pthread_attr_destroy(&attributes);
    return NULL;
}

/*
 * The smaller ones first: the C library gives a thread the stack of one that has ended, if it is large
 * enough.
 */
TEST(the_stack_is_as_large_as_asked_for) {
    size_t own = 0, of_default = 0, old = 1;
    CHECK_EQ(thrum_stack_size(512 * 1024, &old), THRUM_OK);
    CHECK_EQ(old, 0);
    test_join_and_release(
        test_spawn((thrum_thread_config){.target = stack_of_oneself, .argument = &of_default}));
    CHECK(of_default >= 512 * 1024 && of_default < 1024 * 1024);
    test_join_and_release(test_spawn(
        (thrum_thread_config){.target = stack_of_oneself, .argument = &own, .stack_size = 1024 * 1024}));
    CHECK(own >= 1024 * 1024 && own < 2 * 1024 * 1024);
    CHECK_EQ(thrum_stack_size(THRUM_STACK_MIN - 1, &old), THRUM_INVALID);
    CHECK_EQ(thrum_stack_size(0, &old), THRUM_OK);
    CHECK_EQ(old, 512 * 1024);
}

static void *slack_of_oneself(void *p) {
    *(int *)p = prctl(PR_GET_TIMERSLACK);
    return NULL;
}

TEST(the_timer_slack_is_as_asked_for) {
    int own = 0, of_default = 0;
    test_join_and_release(
        test_spawn((thrum_thread_config){.target = slack_of_oneself, .argument = &own, .timer_slack_ns = 1}));
    test_join_and_release(
        test_spawn((thrum_thread_config){.target = slack_of_oneself, .argument = &of_default}));
    CHECK_EQ(own, 1);
    CHECK_EQ(of_default, prctl(PR_GET_TIMERSLACK));
}

TEST(describe_tells_name_state_and_ident) {
    char line[128];
    thrum_thread *const thread =
        test_new((thrum_thread_config){.target = answer, .name = "d", .daemon = THRUM_DAEMON_YES});
    CHECK(thrum_thread_describe(thread, line, sizeof line) > 0);
    CHECK(strstr(line, "\"d\"") && strstr(line, "new") && strstr(line, "daemon"));
    CHECK_EQ(thrum_thread_start(thread), THRUM_OK);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    (void)thrum_thread_describe(thread, line, sizeof line);
    CHECK(strstr(line, "ended"));
    thrum_thread_release(thread);
}

/* ---- the switch interval ---- */

TEST(the_switch_interval_can_be_set_read_and_restored) {
    CHECK_EQ(thrum_set_switch_interval(99999), THRUM_INVALID);
    CHECK_EQ(thrum_set_switch_interval(100000001), THRUM_INVALID);
    const int niceness = nice(0);
    const uint64_t before = thrum_get_switch_interval();
    const thrum_result result = thrum_set_switch_interval(5000000);
    if (result == THRUM_UNSUPPORTED) {
        CHECK_EQ(thrum_get_switch_interval(), before);
        test_skip("this kernel has no slices that can be set");
    }
    CHECK_EQ(result, THRUM_OK);
    CHECK_EQ(thrum_get_switch_interval(), 5000000);
    CHECK_EQ(nice(0), niceness); /* the kernel's call sets it, too */
    if (before >= 100000) {
        CHECK_EQ(thrum_set_switch_interval(before), THRUM_OK);
        CHECK_EQ(thrum_get_switch_interval(), before);
    }
}
