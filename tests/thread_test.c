/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
/* ctest: libraries thrum */
/* mutants: also registry */
#include "threads.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <thrum.h>
#include <unistd.h>

static thrum_event begin, go_on;

static void *answer(void *argument) {
    return (char *)argument + 1;
}

/* Says that it runs, and waits to be let go. */
static void *linger(void *argument) {
    thrum_event_set(&begin);
    thrum_event_wait(&go_on);
    return argument;
}

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

/* ---- names ---- */

static void *kernel_name(void *buffer) {
    prctl(PR_GET_NAME, buffer);
    return NULL;
}

TEST(default_names_count_the_unnamed_and_tell_the_target) {
    thrum_thread *const one = test_new((thrum_thread_config){.target = answer});
    thrum_thread *const named = test_new((thrum_thread_config){THRUM_TARGET(answer), .name = "named"});
    thrum_thread *const two = test_new((thrum_thread_config){THRUM_TARGET(answer)});
    CHECK(strcmp(thrum_thread_name(one).text, "Thread-1") == 0);
    CHECK(strcmp(thrum_thread_name(named).text, "named") == 0);
    CHECK(strcmp(thrum_thread_name(two).text, "Thread-2 (answer)") == 0);
    thrum_thread_release(one);
    thrum_thread_release(named);
    thrum_thread_release(two);
}

TEST(a_name_can_be_set_at_any_time) {
    thrum_event_clear(&begin);
    thrum_thread *const thread = test_new((thrum_thread_config){.target = linger});
    CHECK_EQ(thrum_thread_set_name(thread, "before"), THRUM_OK);
    CHECK(strcmp(thrum_thread_name(thread).text, "before") == 0);
    CHECK_EQ(thrum_thread_start(thread), THRUM_OK);
    thrum_event_wait(&begin);
    CHECK_EQ(thrum_thread_set_name(thread, "during"), THRUM_OK);
    thrum_event_set(&go_on);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    CHECK(strcmp(thrum_thread_name(thread).text, "during") == 0);
    char long_name[THRUM_NAME_SIZE + 1];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    CHECK_EQ(thrum_thread_set_name(thread, long_name), THRUM_OVERFLOW);
    CHECK(strcmp(thrum_thread_name(thread).text, "during") == 0);
    long_name[THRUM_NAME_SIZE - 1] = 0;
    CHECK_EQ(thrum_thread_set_name(thread, long_name), THRUM_OK);
    CHECK(strcmp(thrum_thread_name(thread).text, long_name) == 0);
    thrum_thread_release(thread);
}

TEST(the_kernels_name_is_set_at_start_cut_to_15_bytes) {
    char seen[16] = "";
    test_join_and_release(test_spawn((thrum_thread_config){
        .target = kernel_name, .argument = seen, .name = "a name of more than fifteen"}));
    CHECK(strcmp(seen, "a name of more ") == 0);
}

static void *rename_oneself(void *buffer) {
    CHECK_EQ(thrum_thread_set_name(thrum_current_thread(), "renamed by itself"), THRUM_OK);
    return kernel_name(buffer);
}

TEST(the_kernels_name_follows_a_thread_that_renames_itself) {
    char seen[16] = "";
    test_join_and_release(test_spawn((thrum_thread_config){.target = rename_oneself, .argument = seen}));
    CHECK(strcmp(seen, "renamed by itse") == 0);
}

static void *kernel_name_when_let_go(void *buffer) {
    linger(NULL);
    return kernel_name(buffer);
}

TEST(the_kernels_name_does_not_follow_another_threads_renaming) {
    char seen[16] = "";
    thrum_thread *const thread = test_spawn(
        (thrum_thread_config){.target = kernel_name_when_let_go, .argument = seen, .name = "first"});
    thrum_event_wait(&begin);
    CHECK_EQ(thrum_thread_set_name(thread, "second"), THRUM_OK);
    thrum_event_set(&go_on);
    test_join_and_release(thread);
    CHECK(strcmp(seen, "first") == 0);
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

/* ---- daemon ---- */

static void *daemons_of_children(void *p) {
    bool *const inherited = p;
    thrum_thread *const child = test_new((thrum_thread_config){.target = answer});
    inherited[0] = thrum_thread_daemon(child);
    thrum_thread_release(child);
    return NULL;
}

TEST(daemon_is_inherited_from_the_thread_that_makes_it) {
    bool of_main[1], of_daemon[1], of_other[1];
    daemons_of_children(of_main);
    test_join_and_release(test_spawn((thrum_thread_config){
        .target = daemons_of_children, .argument = of_daemon, .daemon = THRUM_DAEMON_YES}));
    test_join_and_release(
        test_spawn((thrum_thread_config){.target = daemons_of_children, .argument = of_other}));
    bool of_alien[1];
    test_thread alien = test_start(daemons_of_children, of_alien);
    test_join(&alien);
    CHECK(!of_main[0] && of_daemon[0] && !of_other[0] && of_alien[0]);
}

TEST(daemon_can_be_set_until_the_start_and_not_for_main_and_aliens) {
    thrum_thread *const thread = test_new((thrum_thread_config){.target = linger});
    CHECK_EQ(thrum_thread_set_daemon(thread, true), THRUM_OK);
    CHECK(thrum_thread_daemon(thread));
    CHECK_EQ(thrum_thread_start(thread), THRUM_OK);
    CHECK_EQ(thrum_thread_set_daemon(thread, false), THRUM_ALREADY_STARTED);
    CHECK(thrum_thread_daemon(thread));
    thrum_event_set(&go_on);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    CHECK_EQ(thrum_thread_set_daemon(thread, false), THRUM_ALREADY_STARTED);
    thrum_thread_release(thread);
    CHECK_EQ(thrum_thread_set_daemon(thrum_main_thread(), true), THRUM_ALREADY_STARTED);
    CHECK(!thrum_thread_daemon(thrum_main_thread()));
}

/* ---- join ---- */

TEST(join_before_the_start_is_refused) {
    thrum_thread *const thread = test_new((thrum_thread_config){.target = answer});
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_NOT_STARTED);
    CHECK_EQ(thrum_thread_join_until(thread, NULL, THRUM_NOW), THRUM_NOT_STARTED);
    thrum_thread_release(thread);
}

static void *join_oneself(void *unused) {
    CHECK_EQ(thrum_thread_join(thrum_current_thread(), NULL), THRUM_DEADLOCK);
    CHECK_EQ(thrum_thread_join_until(thrum_current_thread(), NULL, THRUM_NOW), THRUM_DEADLOCK);
    return unused;
}

TEST(join_of_oneself_is_refused) {
    test_join_and_release(test_spawn((thrum_thread_config){.target = join_oneself}));
    join_oneself(NULL);
}

TEST(join_with_a_deadline_times_out_and_may_be_repeated) {
    thrum_thread *const thread = test_spawn((thrum_thread_config){.target = linger, .argument = &begin});
    void *untouched = &go_on;
    CHECK_EQ(thrum_thread_join_until(thread, &untouched, THRUM_NOW), THRUM_TIMEOUT);
    CHECK(untouched == &go_on);
    CHECK_EQ(thrum_thread_join_until(thread, NULL, thrum_after(-1)), THRUM_TIMEOUT);
    const uint64_t before = test_now_ns();
    CHECK_EQ(thrum_thread_join_until(thread, NULL, thrum_after_ms(20)), THRUM_TIMEOUT);
    CHECK(test_now_ns() - before >= 20000000);
    CHECK(thrum_thread_is_alive(thread));
    thrum_event_set(&go_on);
    void *value = NULL;
    CHECK_EQ(thrum_thread_join_until(thread, &value, thrum_after(60)), THRUM_OK);
    CHECK(value == &begin);
    value = NULL;
    CHECK_EQ(thrum_thread_join_until(thread, &value, THRUM_NOW), THRUM_OK);
    CHECK_EQ(thrum_thread_join(thread, &value), THRUM_OK);
    CHECK(value == &begin);
    thrum_thread_release(thread);
}

typedef struct joining {
    thrum_thread *thread;
    bool timed;
} joining;

static void *join_it(void *p) {
    const joining *const j = p;
    void *value = NULL;
    CHECK_EQ(thrum_thread_join_until(j->thread, &value, j->timed ? thrum_after(60) : THRUM_FOREVER),
             THRUM_OK);
    return value;
}

TEST(many_threads_may_join_one_at_once) {
    for (int round = 0; round < 20; round++) {
        thrum_event_clear(&go_on);
        thrum_thread *const thread = test_spawn((thrum_thread_config){.target = linger, .argument = &go_on});
        joining patient = {thread, false}, timed = {thread, true};
        test_thread joiners[6];
        for (int i = 0; i < 6; i++) joiners[i] = test_start(join_it, i % 2 ? &patient : &timed);
        if (round % 2) { /* asleep in one, on their way in the other */
            for (int i = 0; i < 6; i += 2) test_await_asleep(&joiners[i]);
        }
        thrum_event_set(&go_on);
        for (int i = 0; i < 6; i++) CHECK(test_join(&joiners[i]) == &go_on);
        thrum_thread_release(thread);
    }
}

static pthread_key_t very_end;

static void note_very_end(void *noted) {
    thrum_futex_nap(thrum_after_ms(2)); /* a join that returns when the target has is seen */
    thrum_u32_store_relaxed(noted, 1);
}

static void *have_a_very_end(void *noted) {
    CHECK_EQ(pthread_setspecific(very_end, noted), 0);
    return NULL;
}

TEST(after_join_no_code_of_the_thread_runs_any_more) {
    CHECK_EQ(pthread_key_create(&very_end, note_very_end), 0);
    for (int i = 0; i < 20; i++) {
        thrum_u32 noted = {0};
        thrum_thread *const thread =
            test_spawn((thrum_thread_config){.target = have_a_very_end, .argument = &noted});
        CHECK_EQ(thrum_thread_join_until(thread, NULL, i % 2 ? thrum_after(60) : THRUM_FOREVER), THRUM_OK);
        CHECK_EQ(thrum_u32_load_relaxed(&noted), 1);
        thrum_thread_release(thread);
    }
}

TEST(a_thread_that_ends_wakes_who_waits_for_any) {
    thrum_event_clear(&go_on);
    thrum_event never = THRUM_EVENT_INIT;
    thrum_thread *const thread = test_spawn((thrum_thread_config){.target = linger});
    const thrum_waitable set[] = {THRUM_WAITABLE(&never), THRUM_WAITABLE(thrum_thread_ended(thread))};
    unsigned which = 9;
    CHECK_EQ(thrum_wait_any_until(set, 2, &which, THRUM_NOW), THRUM_TIMEOUT);
    thrum_event_set(&go_on);
    CHECK_EQ(thrum_wait_any(set, 2, &which), THRUM_OK);
    CHECK_EQ(which, 1);
    test_join_and_release(thread);
}

/* ---- exit ---- */

static void *exit_with(void *value) {
    thrum_thread_exit(value);
}

TEST(exit_hands_its_value_to_join_and_is_no_failure) {
    void *value = NULL;
    thrum_thread *const thread = test_spawn((thrum_thread_config){.target = exit_with, .argument = &begin});
    CHECK_EQ(thrum_thread_join(thread, &value), THRUM_OK);
    CHECK(value == &begin);
    CHECK(!thrum_thread_failed(thread, NULL));
    thrum_thread_release(thread);
}

static thrum_lock held;

static void *exit_holding(void *value) {
    THRUM_WITH(&held) {
        thrum_thread_exit(value);
    }
    return NULL;
}

TEST(exit_lets_go_of_what_is_held) {
    test_join_and_release(test_spawn((thrum_thread_config){.target = exit_holding}));
    CHECK(thrum_lock_try_acquire(&held));
}

static void fail_late(void *unused) {
    (void)unused;
    thrum_self_release_guards(); /* those of frames that are no more would be let go here */
}

static void *pthread_exit_holding(void *unused) {
    pthread_key_t late;
    CHECK_EQ(pthread_key_create(&late, fail_late), 0);
    CHECK_EQ(pthread_setspecific(late, &late), 0);
    THRUM_WITH(&held) {
        pthread_exit(unused);
    }
    return NULL;
}

TEST(pthread_exit_within_a_block_lets_go_of_nothing_and_does_no_harm) {
    test_join_and_release(test_spawn((thrum_thread_config){.target = pthread_exit_holding}));
    CHECK(thrum_lock_locked(&held)); /* this file is compiled without -fexceptions */
}

static void note_cleanup(void *p) {
    *(bool *)p = true;
}

static void *exit_with_cleanup(void *cleaned) {
    pthread_cleanup_push(note_cleanup, cleaned);
    thrum_thread_exit(NULL);
    pthread_cleanup_pop(0);
    return NULL;
}

TEST(exit_runs_cleanup_handlers) {
    bool cleaned = false;
    test_join_and_release(
        test_spawn((thrum_thread_config){.target = exit_with_cleanup, .argument = &cleaned}));
    CHECK(cleaned);
}

static void *be_cancelled(void *p) {
    *(pthread_t *)p = pthread_self();
    thrum_event_set(&begin);
    for (;;) { /* not in a call that a sanitizer intercepts: it would not see the end of it */
        pthread_testcancel();
        sched_yield();
    }
    return p;
}

TEST(a_cancelled_thread_ends_as_others_do) {
    pthread_t self;
    thrum_thread *const thread = test_spawn((thrum_thread_config){.target = be_cancelled, .argument = &self});
    thrum_event_wait(&begin);
    CHECK_EQ(pthread_cancel(self), 0);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    CHECK(!thrum_thread_is_alive(thread));
    CHECK(!thrum_thread_failed(thread, NULL));
    CHECK_EQ(thrum_active_count(), 1);
    thrum_thread_release(thread);
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

/* ---- the process's end ---- */

static thrum_u32 finished;

static void *finish_late(void *unused) {
    thrum_futex_nap(thrum_after_ms(100));
    thrum_u32_fetch_add_release(&finished, 1);
    return unused;
}

static void *start_another(void *unused) {
    thrum_futex_nap(thrum_after_ms(50));
    thrum_thread_release(test_spawn((thrum_thread_config){.target = finish_late}));
    return unused;
}

TEST(shutdown_waits_for_those_that_are_not_daemons_those_started_meanwhile_too) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = finish_late}));
    thrum_thread_release(test_spawn((thrum_thread_config){.target = start_another}));
    thrum_shutdown();
    CHECK_EQ(thrum_u32_load_acquire(&finished), 2);
    thrum_shutdown(); /* idempotent */
    CHECK_EQ(thrum_u32_load_acquire(&finished), 2);
}

static char order[8];
static unsigned wishes;

static void wish(void *letter) {
    CHECK_EQ(thrum_u32_load_acquire(&finished), 0); /* before it waits */
    order[wishes++] = *(const char *)letter;
    CHECK_EQ(thrum_at_shutdown(wish, NULL), THRUM_FINALIZING);
    thrum_shutdown(); /* from inside: nothing */
    if (wishes == 3) thrum_event_set(&go_on);
}

static void *finish_when_let_go(void *unused) {
    thrum_event_wait(&go_on);
    thrum_u32_fetch_add_release(&finished, 1);
    return unused;
}

TEST(at_shutdown_functions_run_before_the_wait_the_last_first) {
    static char letters[] = "abc";
    for (int i = 0; i < 3; i++) CHECK_EQ(thrum_at_shutdown(wish, &letters[i]), THRUM_OK);
    thrum_thread_release(test_spawn((thrum_thread_config){.target = finish_when_let_go}));
    thrum_shutdown();
    CHECK(strcmp(order, "cba") == 0);
    CHECK_EQ(thrum_u32_load_acquire(&finished), 1);
    CHECK_EQ(thrum_at_shutdown(wish, letters), THRUM_FINALIZING);
    thrum_shutdown();
    CHECK_EQ(wishes, 3);
}

static void end_with_a_daemon(void) {
    thrum_thread *const daemon =
        test_spawn((thrum_thread_config){.target = linger, .daemon = THRUM_DAEMON_YES});
    thrum_thread *const fresh = test_new((thrum_thread_config){.target = answer});
    thrum_shutdown();
    CHECK(thrum_thread_is_alive(daemon)); /* abandoned */
    CHECK_EQ(thrum_thread_start(fresh), THRUM_FINALIZING);
    CHECK_EQ(thrum_thread_join(daemon, NULL), THRUM_FINALIZING);
    CHECK_EQ(thrum_thread_join_until(daemon, NULL, thrum_after_ms(10)), THRUM_TIMEOUT);
    thrum_thread_release(fresh);
    thrum_event_set(&go_on);
    CHECK_EQ(thrum_thread_join_until(daemon, NULL, thrum_after(60)), THRUM_OK);
    CHECK_EQ(thrum_thread_join(daemon, NULL), THRUM_OK); /* it has ended: no wait */
    thrum_thread_release(daemon);
}

TEST(after_the_end_starts_and_endless_joins_of_daemons_are_refused) {
    test_in_child(end_with_a_daemon);
}

/* Registered before the first start, so it runs after the handler of the library. */
static void check_at_exit(void) {
    if (thrum_u32_load_acquire(&finished) != 1) {
        fprintf(stderr, "the process ended before its thread\n");
        _exit(99);
    }
}

TEST(returning_from_main_waits_for_threads) {
    CHECK_EQ(atexit(check_at_exit), 0);
    thrum_thread_release(test_spawn((thrum_thread_config){.target = finish_late}));
}

/* A child that ends by itself, and its status. */
static int status_of(void (*run)(void)) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        run();
        _exit(0);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    return status;
}

static void exit_with_3(void) {
    CHECK_EQ(atexit(check_at_exit), 0);
    thrum_thread_release(test_spawn((thrum_thread_config){.target = finish_late}));
    exit(3);
}

TEST(exit_waits_and_keeps_its_status) {
    const int status = status_of(exit_with_3);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 3);
}

static void exit_with_a_daemon(void) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = linger, .daemon = THRUM_DAEMON_YES}));
    exit(4);
}

TEST(exit_does_not_wait_for_daemons) {
    const int status = status_of(exit_with_a_daemon);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 4);
}

static void *exit_in_thread(void *unused) {
    exit(5);
    return unused;
}

static void let_a_thread_exit(void) {
    CHECK_EQ(atexit(check_at_exit), 0);
    thrum_thread_release(test_spawn((thrum_thread_config){.target = finish_late}));
    thrum_thread *const thread = test_spawn((thrum_thread_config){.target = exit_in_thread});
    (void)thrum_thread_join(thread, NULL);
    _exit(98); /* its exit ends the process first */
}

TEST(a_thread_that_calls_exit_waits_for_the_others_but_not_for_main) {
    const int status = status_of(let_a_thread_exit);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 5);
}

static void *end_the_process(void *unused) {
    thrum_shutdown();
    CHECK_EQ(thrum_u32_load_acquire(&finished), 1);
    CHECK(!thrum_event_is_set(thrum_thread_ended(thrum_current_thread()))); /* that is main's alone */
    return unused;
}

static void end_the_process_in_two_threads(void) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = finish_late}));
    thrum_thread *ending[2];
    for (int i = 0; i < 2; i++) ending[i] = test_spawn((thrum_thread_config){.target = end_the_process});
    for (int i = 0; i < 2; i++) {
        CHECK_EQ(thrum_thread_join_until(ending[i], NULL, thrum_after(60)), THRUM_OK);
        thrum_thread_release(ending[i]);
    }
}

TEST(two_threads_that_end_the_process_do_not_wait_for_each_other) {
    test_in_child(end_the_process_in_two_threads);
}

static void quit_with_a_thread(void) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = linger}));
    quick_exit(6);
}

static void leave_with_a_thread(void) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = linger}));
    _exit(7);
}

static void abort_with_a_thread(void) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = linger}));
    const struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    signal(SIGABRT, SIG_DFL);
    abort();
}

static void exec_with_a_thread(void) {
    thrum_thread_release(test_spawn((thrum_thread_config){.target = linger}));
    execlp("true", "true", (char *)NULL);
}

TEST(quick_ways_out_do_not_wait) {
    CHECK_EQ(WEXITSTATUS(status_of(quit_with_a_thread)), 6);
    CHECK_EQ(WEXITSTATUS(status_of(leave_with_a_thread)), 7);
    CHECK(WIFSIGNALED(status_of(abort_with_a_thread)));
    CHECK_EQ(status_of(exec_with_a_thread), 0);
}

static unsigned failures;

static void count_failure(const thrum_failure *failure) {
    failures++;
    CHECK_EQ(failure->code, 6);
    CHECK(strcmp(failure->message, "a wish failed") == 0);
}

static void fail_a_wish(void *unused) {
    (void)unused;
    thrum_thread_fail(6, "a wish failed");
}

static void exit_in_a_wish(void *unused) {
    thrum_thread_exit(unused);
}

static void note_a_wish(void *unused) {
    (void)unused;
    wishes++;
}

static void check_wishes_at_exit(void) {
    if (failures != 1 || wishes != 2) _exit(9);
}

static void end_with_a_failing_wish(void) {
    if (atexit(check_wishes_at_exit)) _exit(8); /* runs after the library's */
    thrum_set_excepthook(count_failure);
    CHECK_EQ(thrum_at_shutdown(note_a_wish, NULL), THRUM_OK);
    CHECK_EQ(thrum_at_shutdown(fail_a_wish, NULL), THRUM_OK);
    CHECK_EQ(thrum_at_shutdown(note_a_wish, NULL), THRUM_OK);
    CHECK_EQ(thrum_at_shutdown(exit_in_a_wish, NULL), THRUM_OK);
    exit(5);
}

TEST(an_at_shutdown_function_that_fails_or_exits_ends_alone_and_the_exit_status_is_kept) {
    const int status = status_of(end_with_a_failing_wish);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 5);
}

static void *join_main(void *unused) {
    CHECK_EQ(thrum_thread_join_until(thrum_main_thread(), NULL, thrum_after_ms(1)), THRUM_TIMEOUT);
    thrum_event_set(&begin);
    CHECK_EQ(thrum_thread_join(thrum_main_thread(), NULL), THRUM_OK); /* and not before main waits */
    thrum_u32_fetch_add_release(&finished, 1);
    return unused;
}

TEST(main_can_be_joined_and_ends_when_shutdown_waits) {
    thrum_thread *const joiner = test_spawn((thrum_thread_config){.target = join_main});
    thrum_event_wait(&begin);
    while (!test_is_asleep((pid_t)thrum_thread_native_id(joiner)))
        CHECK_EQ(thrum_u32_load_acquire(&finished), 0);
    thrum_thread_release(joiner);
    thrum_shutdown();
    CHECK_EQ(thrum_u32_load_acquire(&finished), 1);
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
