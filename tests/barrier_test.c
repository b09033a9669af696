/* SPDX-License-Identifier: MIT */
/* The promises of thrum/barrier.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <errno.h>
#include <math.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <thrum/barrier.h>
#include <thrum/event.h>

enum { MOST = 8, MS = 1000000 };

static thrum_barrier barrier;
static thrum_event go;
static atomic_uint action_runs;
static thrum_result action_result;

static uint64_t word(void) {
    return thrum_u64_load_relaxed(&barrier.state);
}

static void begin(int32_t parties) {
    CHECK_EQ(thrum_barrier_init(&barrier, parties), THRUM_OK);
}
static void begin_with(int32_t parties, thrum_barrier_action *action) {
    CHECK_EQ(thrum_barrier_init_with(&barrier, parties, action, &action_runs, THRUM_BARRIER_NO_TIMEOUT),
             THRUM_OK);
}

typedef struct party {
    thrum_deadline deadline;
    bool timed;
    int32_t index;
    thrum_result result;
    uint64_t ended_ns;
    atomic_bool over;
} party;

static party parties[MOST];
static test_thread threads[MOST];

static void *come(void *p) {
    party *self = p;
    self->index = -1;
    self->result = self->timed ? thrum_barrier_wait_until(&barrier, &self->index, self->deadline)
                               : thrum_barrier_wait(&barrier, &self->index);
    self->ended_ns = test_now_ns();
    atomic_store(&self->over, true);
    return NULL;
}

static void start(unsigned from, unsigned to) {
    for (unsigned i = from; i < to; i++) {
        memset(&parties[i], 0, sizeof parties[i]);
        threads[i] = test_start(come, &parties[i]);
    }
}
static void start_asleep(unsigned from, unsigned to) {
    start(from, to);
    for (unsigned i = from; i < to; i++) test_await_asleep(&threads[i]);
}
static void start_timed(unsigned i, thrum_deadline deadline) {
    memset(&parties[i], 0, sizeof parties[i]);
    parties[i].timed = true;
    parties[i].deadline = deadline;
    threads[i] = test_start(come, &parties[i]);
}
static void join_all(unsigned from, unsigned to, thrum_result expected) {
    for (unsigned i = from; i < to; i++) {
        test_join(&threads[i]);
        CHECK_EQ(parties[i].result, expected);
    }
}
static void indices_are_distinct(unsigned count) {
    unsigned seen = 0;
    for (unsigned i = 0; i < count; i++) {
        CHECK(parties[i].index >= 0 && parties[i].index < (int32_t)count);
        seen |= 1u << parties[i].index;
    }
    CHECK_EQ(seen, (1u << count) - 1);
}

TEST(it_is_at_most_forty_eight_bytes) {
    CHECK(sizeof(thrum_barrier) <= 48);
}

TEST(parties_below_one_are_invalid) {
    begin(3);
    CHECK_EQ(thrum_barrier_init(&barrier, 0), THRUM_INVALID);
    CHECK_EQ(thrum_barrier_init_with(&barrier, -1, NULL, NULL, 0), THRUM_INVALID);
    CHECK_EQ(thrum_barrier_init_shared(&barrier, INT32_MIN, 0), THRUM_INVALID);
    CHECK_EQ(thrum_barrier_parties(&barrier), 3);
    CHECK_EQ(barrier.timeout_ns, THRUM_BARRIER_NO_TIMEOUT);
}

TEST(an_uninitialised_barrier_is_invalid) {
    static thrum_barrier zero;
    const thrum_barrier before = zero;
    int32_t index = 7;
    CHECK_EQ(thrum_barrier_wait(&zero, &index), THRUM_INVALID);
    CHECK_EQ(thrum_barrier_wait_until(&zero, NULL, THRUM_NOW), THRUM_INVALID);
    thrum_barrier_abort(&zero);
    thrum_barrier_reset(&zero);
    CHECK_EQ(index, 7);
    CHECK_EQ(thrum_barrier_parties(&zero), 0);
    CHECK_EQ(thrum_barrier_waiting(&zero), 0);
    CHECK(!thrum_barrier_broken(&zero));
    CHECK(memcmp(&zero, &before, sizeof zero) == 0);
}

TEST(both_initialisers_make_the_same) {
    static thrum_barrier from_macro = THRUM_BARRIER_INIT(5);
    begin(5);
    CHECK(memcmp(&from_macro, &barrier, sizeof barrier) == 0);
    CHECK_EQ(thrum_barrier_parties(&barrier), 5);
    CHECK_EQ(thrum_barrier_init(&barrier, THRUM_BARRIER_MAX), THRUM_OK);
    CHECK_EQ(thrum_barrier_parties(&barrier), INT32_MAX);
}

TEST(a_barrier_for_one_never_waits) {
    begin(1);
    for (unsigned i = 0; i < 5; i++) {
        int32_t index = -1;
        CHECK_EQ(thrum_barrier_wait(&barrier, &index), THRUM_OK);
        CHECK_EQ(index, 0);
        CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, THRUM_NOW), THRUM_OK);
    }
}

TEST(wait_gives_each_party_another_index) {
    for (unsigned round = 0; round < 100 / test_slowdown(); round++) {
        const unsigned count = 2 + round % (MOST - 1);
        begin((int32_t)count);
        start(0, count);
        join_all(0, count, THRUM_OK);
        indices_are_distinct(count);
    }
}

TEST(nobody_leaves_before_the_last_has_come) {
    begin(4);
    start_asleep(0, 3);
    CHECK_EQ(thrum_barrier_waiting(&barrier), 3);
    for (unsigned i = 0; i < 3; i++) CHECK(!atomic_load(&parties[i].over));
    int32_t index = -1;
    CHECK_EQ(thrum_barrier_wait(&barrier, &index), THRUM_OK);
    CHECK_EQ(index, 3); /* the order of arrival */
    join_all(0, 3, THRUM_OK);
    CHECK_EQ(thrum_barrier_waiting(&barrier), 0);
}

/* Each round's writes are plain: the barrier orders them. */
static unsigned long sums[MOST];
static unsigned laps;
static atomic_uint numbers;

static void *run_laps(void *unused) {
    (void)unused;
    const unsigned me = atomic_fetch_add(&numbers, 1);
    const unsigned count = (unsigned)thrum_barrier_parties(&barrier);
    for (unsigned i = 1; i <= laps; i++) {
        sums[me] = i;
        CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_OK);
        for (unsigned t = 0; t < count; t++) CHECK_EQ(sums[t], i);
        CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_OK);
    }
    return NULL;
}
static void laps_of(unsigned count, unsigned n) {
    begin((int32_t)count);
    laps = n / test_slowdown();
    atomic_store(&numbers, 0);
    for (unsigned i = 0; i < count; i++) threads[i] = test_start(run_laps, NULL);
    for (unsigned i = 0; i < count; i++) test_join(&threads[i]);
    CHECK_EQ(thrum_barrier_waiting(&barrier), 0);
}

TEST(it_is_reusable_at_once) {
    laps_of(2, 20000);
    laps_of(5, 2000);
}

TEST(every_party_sees_what_all_wrote) {
    laps_of(3, 3000);
}

TEST(sleepers_go_on_on_one_processor) {
    test_pin(1);
    laps_of(4, 500);
    test_unpin();
}

/* --- the action --------------------------------------------------------------------------------------- */

static unsigned long action_saw; /* plain: the action publishes it */

static thrum_result act(void *argument) {
    CHECK(argument == &action_runs);
    action_saw = atomic_fetch_add(&action_runs, 1) + 1;
    return action_result;
}

TEST(the_action_runs_once_a_cycle) {
    for (unsigned round = 0; round < 100 / test_slowdown(); round++) {
        begin_with(4, act);
        atomic_store(&action_runs, 0);
        start(0, 4);
        join_all(0, 4, THRUM_OK);
        indices_are_distinct(4);
        CHECK_EQ(atomic_load(&action_runs), 1);
        CHECK_EQ(action_saw, 1);
    }
}

static thrum_result act_slowly(void *argument) {
    thrum_event_wait(&go);
    return act(argument);
}

TEST(the_action_runs_before_anyone_leaves) {
    begin_with(3, act_slowly);
    start_asleep(0, 3);
    for (unsigned i = 0; i < 3; i++) CHECK(!atomic_load(&parties[i].over));
    CHECK_EQ(thrum_barrier_waiting(&barrier), 3);
    thrum_event_set(&go);
    join_all(0, 3, THRUM_OK);
}

static thrum_result ask_the_state(void *argument) {
    char text[96];
    CHECK_EQ(thrum_barrier_parties(&barrier), 2);
    CHECK_EQ(thrum_barrier_waiting(&barrier), 2);
    CHECK(!thrum_barrier_broken(&barrier));
    CHECK(thrum_barrier_describe(&barrier, text, sizeof text) > 0);
    CHECK(strncmp(text, "barrier: acting", 15) == 0);
    return act(argument);
}

TEST(asking_the_state_from_the_action_works) {
    begin_with(2, ask_the_state);
    start(0, 2);
    join_all(0, 2, THRUM_OK);
}

static thrum_result wait_within(void *argument) {
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_DEADLOCK);
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, THRUM_NOW), THRUM_DEADLOCK);
    static thrum_barrier other = THRUM_BARRIER_INIT(1);
    CHECK_EQ(thrum_barrier_wait(&other, NULL), THRUM_OK);
    return act(argument);
}

TEST(waiting_on_it_from_the_action_is_refused) {
    begin_with(2, wait_within);
    start(0, 2);
    join_all(0, 2, THRUM_OK);
    CHECK(!thrum_barrier_broken(&barrier));
}

TEST(the_action_fails_and_that_party_gets_its_code) {
    begin_with(4, act);
    action_result = THRUM_NO_MEMORY;
    start_asleep(0, 3);
    int32_t index = -1;
    CHECK_EQ(thrum_barrier_wait(&barrier, &index), THRUM_NO_MEMORY);
    CHECK_EQ(index, -1);
    join_all(0, 3, THRUM_BROKEN);
    CHECK(thrum_barrier_broken(&barrier));
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_BROKEN);
    action_result = THRUM_OK;
    thrum_barrier_reset(&barrier);
    start(0, 4);
    join_all(0, 4, THRUM_OK);
}

static thrum_result leave_thread(void *argument) {
    (void)argument;
    thrum_self_release_guards();
    pthread_exit(NULL);
}

TEST(a_thread_that_ends_within_the_action_breaks_it) {
    begin_with(3, leave_thread);
    start_asleep(0, 2);
    start(2, 3);
    test_join(&threads[2]);
    join_all(0, 2, THRUM_BROKEN);
    CHECK(thrum_barrier_broken(&barrier));
}

TEST(who_arrives_while_the_action_runs_waits_for_the_next_cycle) {
    begin_with(2, act_slowly);
    start_asleep(0, 2);
    start_asleep(2, 3);
    CHECK_EQ(thrum_barrier_waiting(&barrier), 2);
    thrum_event_set(&go);
    join_all(0, 2, THRUM_OK);
    while (thrum_barrier_waiting(&barrier) != 1) sched_yield();
    CHECK(!atomic_load(&parties[2].over));
    int32_t index = -1;
    CHECK_EQ(thrum_barrier_wait(&barrier, &index), THRUM_OK);
    CHECK_EQ(index, 1);
    join_all(2, 3, THRUM_OK);
    CHECK_EQ(parties[2].index, 0);
}

TEST(who_arrives_while_the_action_runs_keeps_its_own_deadline) {
    begin_with(2, act_slowly);
    start_asleep(0, 2);
    start_timed(2, thrum_after_ms(3));
    join_all(2, 3, THRUM_TIMEOUT);
    CHECK(!thrum_barrier_broken(&barrier)); /* the cycle was complete without it */
    thrum_event_set(&go);
    join_all(0, 2, THRUM_OK);
    CHECK(thrum_barrier_broken(&barrier)); /* the next would wait for it in vain */
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_BROKEN);
}

/* --- time --------------------------------------------------------------------------------------------- */

TEST(a_timeout_breaks_it_for_all_now_and_later) {
    begin(4);
    start_asleep(0, 2);
    start_timed(2, thrum_after_ms(3));
    join_all(2, 3, THRUM_TIMEOUT);
    join_all(0, 2, THRUM_BROKEN);
    CHECK(thrum_barrier_broken(&barrier));
    CHECK_EQ(thrum_barrier_waiting(&barrier), 0);
    for (unsigned i = 0; i < 5; i++) CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_BROKEN);
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, THRUM_NOW), THRUM_BROKEN);
}

TEST(wait_uses_the_constructors_default) {
    CHECK_EQ(thrum_barrier_init_with(&barrier, 2, NULL, NULL, 3 * MS), THRUM_OK);
    const uint64_t begun = test_now_ns();
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_TIMEOUT);
    CHECK(test_now_ns() - begun >= 3 * MS);
    CHECK(thrum_barrier_broken(&barrier));
    static const int64_t polls[] = {0, -1, INT64_MIN};
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(thrum_barrier_init_with(&barrier, 2, NULL, NULL, polls[i]), THRUM_OK);
        CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_TIMEOUT);
    }
}

TEST(wait_until_overrides_the_default) {
    CHECK_EQ(thrum_barrier_init_with(&barrier, 2, NULL, NULL, 1), THRUM_OK);
    start_timed(0, THRUM_FOREVER);
    test_await_asleep(&threads[0]);
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, THRUM_NOW),
             THRUM_OK); /* the last, whatever the deadline */
    join_all(0, 1, THRUM_OK);
    begin(2);
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, thrum_after_ms(2)), THRUM_TIMEOUT);
}

TEST(a_deadline_already_past_breaks_it_unless_it_is_the_last) {
    begin(2);
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, THRUM_NOW), THRUM_TIMEOUT);
    CHECK(thrum_barrier_broken(&barrier));
}

TEST(a_deadline_that_passes_while_the_action_runs_breaks_the_cycle) {
    begin_with(2, act_slowly);
    start_timed(0, thrum_after_ms(500));
    test_await_asleep(&threads[0]);
    start(1, 2);
    join_all(0, 1, THRUM_TIMEOUT);
    CHECK(thrum_barrier_broken(&barrier));
    thrum_event_set(&go);
    join_all(1, 2, THRUM_BROKEN);
    CHECK_EQ(atomic_load(&action_runs), 1);
}

static void interrupted(int number) {
    (void)number;
}

TEST(a_signal_neither_shortens_nor_lengthens_a_wait) {
    struct sigaction action = {.sa_handler = interrupted};
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    begin(2);
    start_timed(0, thrum_after_ms(30));
    while (!atomic_load(&parties[0].over)) {
        (void)pthread_kill(threads[0].thread, SIGUSR1);
        sched_yield();
    }
    join_all(0, 1, THRUM_TIMEOUT);
    CHECK(parties[0].ended_ns >= parties[0].deadline.ns);
    CHECK(parties[0].ended_ns < parties[0].deadline.ns + 1000u * MS);
}

TEST(errno_is_kept) {
    errno = 4711;
    begin(2);
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, thrum_after_us(100)), THRUM_TIMEOUT);
    thrum_barrier_reset(&barrier);
    start_asleep(0, 1);
    errno = 4711;
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_OK);
    CHECK_EQ(errno, 4711);
    join_all(0, 1, THRUM_OK);
}

/* --- abort, reset ------------------------------------------------------------------------------------- */

TEST(abort_breaks_it_at_once_and_for_all) {
    begin(4);
    start_asleep(0, 3);
    thrum_barrier_abort(&barrier);
    CHECK(thrum_barrier_broken(&barrier));
    CHECK_EQ(thrum_barrier_waiting(&barrier), 0);
    join_all(0, 3, THRUM_BROKEN);
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_BROKEN);
}

TEST(abort_is_idempotent) {
    begin(2);
    thrum_barrier_abort(&barrier);
    const uint64_t before = word();
    thrum_barrier_abort(&barrier);
    CHECK_EQ(word(), before);
    thrum_barrier_reset(&barrier);
    CHECK(!thrum_barrier_broken(&barrier));
}

TEST(abort_while_the_action_runs_breaks_the_cycle) {
    begin_with(3, act_slowly);
    start_asleep(0, 3);
    thrum_barrier_abort(&barrier);
    thrum_event_set(&go);
    join_all(0, 3, THRUM_BROKEN);
    CHECK_EQ(atomic_load(&action_runs), 1);
    CHECK(thrum_barrier_broken(&barrier));
}

TEST(reset_sends_those_away_who_wait_and_leaves_it_whole) {
    for (unsigned round = 0; round < 50 / test_slowdown(); round++) {
        begin(4);
        start_asleep(0, 3);
        thrum_barrier_reset(&barrier);
        CHECK(!thrum_barrier_broken(&barrier));
        join_all(0, 3, THRUM_BROKEN);
        start(0, 4);
        join_all(0, 4, THRUM_OK);
    }
}

/* Who comes before all have been sent away must not be sent away, too. */
TEST(who_comes_after_the_reset_is_not_sent_away) {
    for (unsigned round = 0; round < 100 / test_slowdown(); round++) {
        begin(3);
        start_asleep(0, 2);
        thrum_barrier_reset(&barrier);
        start(2, 5);
        join_all(0, 2, THRUM_BROKEN);
        join_all(2, 5, THRUM_OK);
    }
}

TEST(reset_of_an_idle_barrier_does_nothing) {
    begin(2);
    thrum_barrier_reset(&barrier);
    CHECK_EQ(word(), 0);
}

TEST(reset_repairs_a_broken_barrier) {
    begin(2);
    thrum_barrier_abort(&barrier);
    thrum_barrier_reset(&barrier);
    CHECK(!thrum_barrier_broken(&barrier));
    start(0, 2);
    join_all(0, 2, THRUM_OK);
}

TEST(reset_while_draining_has_no_effect) {
    begin_with(3, act_slowly);
    start_asleep(0, 3);
    thrum_barrier_reset(&barrier); /* complete: only the action runs still */
    CHECK(!thrum_barrier_broken(&barrier));
    thrum_event_set(&go);
    thrum_barrier_reset(&barrier);
    join_all(0, 3, THRUM_OK);
    indices_are_distinct(3);
}

static void handler(int number) {
    (void)number;
    CHECK_EQ(thrum_barrier_parties(&barrier), 3);
    thrum_barrier_abort(&barrier);
    CHECK(thrum_barrier_broken(&barrier));
}

TEST(a_signal_handler_may_abort) {
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    begin(3);
    start_asleep(0, 2);
    CHECK_EQ(pthread_kill(threads[0].thread, SIGUSR1), 0);
    join_all(0, 2, THRUM_BROKEN);
}

/* --- the rest ----------------------------------------------------------------------------------------- */

TEST(reset_after_fork_forgets_who_waited) {
    begin(2);
    start_asleep(0, 1);
    const pid_t child = fork();
    if (child == 0) {
        thrum_barrier_reset_after_fork(&barrier);
        CHECK_EQ(thrum_barrier_waiting(&barrier), 0);
        CHECK(!thrum_barrier_broken(&barrier));
        /* one comes, not the second */
        CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, thrum_after_us(100)), THRUM_TIMEOUT);
        thrum_barrier_reset_after_fork(&barrier);
        CHECK(thrum_barrier_broken(&barrier));
        _exit(0);
    }
    test_join_child(child);
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_OK);
    join_all(0, 1, THRUM_OK);
}

TEST(reset_after_fork_leaves_a_shared_barrier_alone) {
    CHECK_EQ(thrum_barrier_init_shared(&barrier, 2, THRUM_BARRIER_NO_TIMEOUT), THRUM_OK);
    start_asleep(0, 1);
    const uint64_t before = word();
    thrum_barrier_reset_after_fork(&barrier);
    CHECK_EQ(word(), before);
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_OK);
    join_all(0, 1, THRUM_OK);
}

TEST(describe_tells_the_state) {
    char text[96];
    begin(4);
    CHECK_EQ(thrum_barrier_describe(&barrier, text, sizeof text),
             strlen("barrier: 0 of 4 wait, generation 0"));
    CHECK(strcmp(text, "barrier: 0 of 4 wait, generation 0") == 0);
    start_asleep(0, 1);
    (void)thrum_barrier_describe(&barrier, text, sizeof text);
    CHECK(strcmp(text, "barrier: 1 of 4 wait, sleepers, generation 0") == 0);
    thrum_barrier_abort(&barrier);
    join_all(0, 1, THRUM_BROKEN);
    const size_t length = thrum_barrier_describe(&barrier, text, 8);
    CHECK_EQ(length, strlen("barrier: broken, 0 of 4 leave, generation 0"));
    CHECK(strcmp(text, "barrier") == 0);
    CHECK_EQ(thrum_barrier_describe(&barrier, NULL, 0), length);
}

TEST(a_default_timeout_in_seconds_is_checked_and_rounded_up) {
    begin(3);
    const thrum_barrier before = barrier;
    static const double invalid[] = {NAN, -1.0, -1e-300, -INFINITY};
    static const double too_long[] = {THRUM_TIMEOUT_MAX + 1, 1e100, INFINITY};
    for (unsigned i = 0; i < 4; i++)
        CHECK_EQ(thrum_barrier_init_seconds(&barrier, 2, NULL, NULL, invalid[i]), THRUM_INVALID);
    for (unsigned i = 0; i < 3; i++)
        CHECK_EQ(thrum_barrier_init_seconds(&barrier, 2, NULL, NULL, too_long[i]), THRUM_OVERFLOW);
    CHECK_EQ(thrum_barrier_init_seconds(&barrier, 0, NULL, NULL, 1.0), THRUM_INVALID);
    CHECK(memcmp(&barrier, &before, sizeof barrier) == 0);
    CHECK_EQ(thrum_barrier_init_seconds(&barrier, 2, NULL, NULL, 1e-12), THRUM_OK);
    CHECK_EQ(barrier.timeout_ns, 1);
    CHECK_EQ(thrum_barrier_init_seconds(&barrier, 2, NULL, NULL, THRUM_TIMEOUT_MAX), THRUM_OK);
    CHECK_EQ(barrier.timeout_ns, INT64_C(9223372036000000000));
}

TEST(a_default_timeout_in_seconds_ends_a_wait) {
    CHECK_EQ(thrum_barrier_init_seconds(&barrier, 2, NULL, NULL, 0.005), THRUM_OK);
    const uint64_t begun = test_now_ns();
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_TIMEOUT);
    CHECK(test_now_ns() - begun >= 5 * MS);
    CHECK(thrum_barrier_broken(&barrier));
}
