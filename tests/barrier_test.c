/* SPDX-License-Identifier: MIT */
/* The promises of thrum/barrier.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "barrier_parts.h"
#include "test.h"

#include <math.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include <thrum/barrier.h>

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

/* --- the rest ----------------------------------------------------------------------------------------- */

TEST(reset_after_fork_forgets_the_waiters) {
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
