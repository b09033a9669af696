/* SPDX-License-Identifier: MIT */
/* Releases of a semaphore: whom they let in, and which are refused. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "semaphore_parts.h"
#include "test.h"

#include <thrum/semaphore.h>

static void *releaser(void *semaphore) {
    CHECK_EQ(thrum_semaphore_release(semaphore), THRUM_OK);
    return NULL;
}

TEST(any_thread_may_release) {
    static thrum_semaphore semaphore = THRUM_SEMAPHORE_INIT(1);
    thrum_semaphore_acquire(&semaphore);
    test_thread t = test_start(releaser, &semaphore);
    thrum_semaphore_acquire(&semaphore);
    test_join(&t);
    CHECK_EQ(thrum_semaphore_value(&semaphore), 0);
}

TEST(a_release_lets_exactly_one_in) {
    static thrum_semaphore semaphore;
    static crowd c;
    crowd_asleep(&c, &semaphore, SLEEPERS);
    for (unsigned turn = 1; turn <= SLEEPERS; turn++) {
        CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OK);
        crowd_await(&c, turn);
        CHECK_EQ(thrum_semaphore_value(&semaphore), 0);
    }
    crowd_join(&c);
    CHECK_EQ(word(&semaphore), 0);
}

TEST(release_n_lets_exactly_n_in) {
    static thrum_semaphore semaphore;
    static crowd c;
    for (int n = 1; n <= SLEEPERS; n++) {
        crowd_asleep(&c, &semaphore, SLEEPERS);
        CHECK_EQ(thrum_semaphore_release_n(&semaphore, n), THRUM_OK);
        crowd_await(&c, (unsigned)n);
        CHECK_EQ(thrum_semaphore_value(&semaphore), 0);
        CHECK_EQ(thrum_semaphore_release_n(&semaphore, SLEEPERS + 2), THRUM_OK); /* more than wait */
        crowd_join(&c);
        CHECK_EQ(word(&semaphore), (unsigned)n + 2);
        while (thrum_semaphore_try_acquire(&semaphore)) {
        }
    }
}

TEST(releases_in_a_row_let_as_many_in) {
    static thrum_semaphore semaphore;
    static crowd c;
    for (unsigned round = 0; round < 100 / test_slowdown(); round++) {
        crowd_asleep(&c, &semaphore, SLEEPERS);
        for (unsigned i = 0; i < SLEEPERS - 1; i++) CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OK);
        crowd_await(&c, SLEEPERS - 1);
        CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OK);
        crowd_join(&c);
        CHECK_EQ(word(&semaphore), 0);
    }
}

TEST(an_invalid_count_changes_nothing_and_wakes_nobody) {
    static thrum_semaphore semaphore;
    static thrum_bounded_semaphore bounded = THRUM_BOUNDED_SEMAPHORE_INIT(1);
    static crowd c;
    const int32_t refused[] = {0, -1, INT32_MIN};
    crowd_asleep(&c, &semaphore, 2);
    const uint64_t before = word(&semaphore);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(thrum_semaphore_release_n(&semaphore, refused[i]), THRUM_INVALID);
        CHECK_EQ(thrum_bounded_semaphore_release_n(&bounded, refused[i]), THRUM_INVALID); /* checked first */
        CHECK_EQ(word(&semaphore), before);
        CHECK_EQ(word(&bounded.permits), 1);
    }
    crowd_await(&c, 0);
    CHECK_EQ(thrum_semaphore_release_n(&semaphore, 2), THRUM_OK);
    crowd_join(&c);
}

TEST(a_refused_release_of_a_bounded_semaphore_leaves_the_word_as_it_was) {
    thrum_bounded_semaphore full, shared;
    CHECK_EQ(thrum_bounded_semaphore_init(&full, 2), THRUM_OK);
    CHECK_EQ(thrum_bounded_semaphore_init_shared(&shared, 2), THRUM_OK);
    const uint64_t before = thrum_u64_load_relaxed(&shared.permits.state);
    CHECK_EQ(thrum_bounded_semaphore_release(&full), THRUM_LIMIT);
    CHECK_EQ(thrum_bounded_semaphore_release_n(&full, 1), THRUM_LIMIT);
    CHECK_EQ(thrum_bounded_semaphore_release(&shared), THRUM_LIMIT);
    CHECK_EQ(word(&full.permits), 2);
    CHECK_EQ(thrum_u64_load_relaxed(&shared.permits.state), before);
}

/*
 * Releases of a full semaphore, beside threads that take a permit and bring it back. A release is refused
 * only while the semaphore is full; so it is full at the end, whichever of them were.
 */
static void *release_too_much(void *brimful) {
    for (unsigned i = 0; i < 20000 / test_slowdown(); i++) {
        if (i % 3 == 0) thrum_semaphore_acquire(brimful);
        CHECK(thrum_semaphore_value(brimful) > 0);
        (void)thrum_semaphore_release(brimful);
    }
    return NULL;
}

TEST(of_many_releases_at_once_those_too_many_are_refused) {
    static thrum_semaphore brimful = THRUM_SEMAPHORE_INIT(THRUM_SEMAPHORE_MAX);
    test_thread threads[4];
    for (unsigned i = 0; i < 4; i++) threads[i] = test_start(release_too_much, &brimful);
    for (unsigned i = 0; i < 4; i++) test_join(&threads[i]);
    CHECK_EQ(thrum_u64_load_relaxed(&brimful.state), THRUM_SEMAPHORE_MAX);
}

/* The same at a bound that threads wait at: none of them sleeps beside a permit. */
static void *release_beyond_the_bound(void *p) {
    thrum_bounded_semaphore *const bounded = p;
    for (unsigned i = 0; i < 20000 / test_slowdown(); i++) {
        if (i % 3 != 0) thrum_bounded_semaphore_acquire(bounded);
        const int32_t value = thrum_bounded_semaphore_value(bounded);
        CHECK(value >= 0 && value <= 2);
        (void)thrum_bounded_semaphore_release(bounded);
    }
    return NULL;
}

TEST(of_many_releases_at_once_those_beyond_the_bound_are_refused) {
    static thrum_bounded_semaphore bounded = THRUM_BOUNDED_SEMAPHORE_INIT(2);
    test_thread threads[4];
    for (unsigned i = 0; i < 4; i++) threads[i] = test_start(release_beyond_the_bound, &bounded);
    for (unsigned i = 0; i < 4; i++) test_join(&threads[i]);
    CHECK_EQ(word(&bounded.permits), 2);
}

TEST(an_overflow_keeps_the_value) {
    thrum_semaphore semaphore;
    CHECK_EQ(thrum_semaphore_init(&semaphore, THRUM_SEMAPHORE_MAX - 1), THRUM_OK);
    CHECK_EQ(thrum_semaphore_release_n(&semaphore, 2), THRUM_OVERFLOW);
    CHECK_EQ(thrum_semaphore_release_n(&semaphore, INT32_MAX), THRUM_OVERFLOW);
    CHECK_EQ(word(&semaphore), THRUM_SEMAPHORE_MAX - 1);
    CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OK);
    CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OVERFLOW);
    CHECK_EQ(thrum_semaphore_release_n(&semaphore, 1), THRUM_OVERFLOW);
    CHECK_EQ(thrum_semaphore_release_n(&semaphore, 0), THRUM_INVALID);
    CHECK_EQ(word(&semaphore), THRUM_SEMAPHORE_MAX);
    CHECK(thrum_semaphore_try_acquire(&semaphore));
}

TEST(bounded_refuses_to_exceed_the_initial_value) {
    static thrum_bounded_semaphore semaphore = THRUM_BOUNDED_SEMAPHORE_INIT(2);
    CHECK_EQ(thrum_bounded_semaphore_release(&semaphore), THRUM_LIMIT);
    thrum_bounded_semaphore_acquire(&semaphore);
    CHECK_EQ(thrum_bounded_semaphore_release_n(&semaphore, 2), THRUM_LIMIT);
    CHECK_EQ(thrum_bounded_semaphore_release_n(&semaphore, INT32_MAX), THRUM_LIMIT);
    CHECK_EQ(thrum_bounded_semaphore_value(&semaphore), 1);
    CHECK_EQ(thrum_bounded_semaphore_release(&semaphore), THRUM_OK);
    CHECK_EQ(thrum_bounded_semaphore_release(&semaphore), THRUM_LIMIT);
    CHECK_EQ(thrum_bounded_semaphore_value(&semaphore), 2);
    CHECK(thrum_bounded_semaphore_try_acquire(&semaphore));
    CHECK_EQ(thrum_bounded_semaphore_acquire_until(&semaphore, THRUM_NOW), THRUM_OK);
    CHECK(!thrum_bounded_semaphore_try_acquire(&semaphore));
    CHECK_EQ(thrum_bounded_semaphore_release_n(&semaphore, 2), THRUM_OK);
    CHECK_EQ(thrum_bounded_semaphore_value(&semaphore), 2);
}

TEST(a_release_beyond_the_bound_wakes_nobody) {
    static thrum_bounded_semaphore semaphore = THRUM_BOUNDED_SEMAPHORE_INIT(2);
    static crowd c;
    thrum_bounded_semaphore_acquire(&semaphore);
    thrum_bounded_semaphore_acquire(&semaphore);
    crowd_asleep(&c, &semaphore.permits, 3);
    const uint64_t before = word(&semaphore.permits);
    CHECK_EQ(thrum_bounded_semaphore_release_n(&semaphore, 3), THRUM_LIMIT);
    CHECK_EQ(word(&semaphore.permits), before);
    crowd_await(&c, 0);
    CHECK_EQ(thrum_bounded_semaphore_release_n(&semaphore, 2), THRUM_OK);
    crowd_await(&c, 2);
    CHECK_EQ(thrum_bounded_semaphore_release(&semaphore), THRUM_OK);
    crowd_join(&c);
    CHECK_EQ(word(&semaphore.permits), 0);
}
