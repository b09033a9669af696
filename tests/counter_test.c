/* SPDX-License-Identifier: MIT */
/* The promises of thrum/counter.h. */
#include "test.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include <thrum/counter.h>

enum { THREADS = 8, ADDS = 100000 };

TEST(sizes) {
    CHECK_EQ(sizeof(thrum_counter), 8);
    CHECK_EQ(sizeof(thrum_counter_slot), 128);
}

TEST(an_exact_counter_adds_and_says_what_it_stands_at) {
    static thrum_counter counter;
    CHECK_EQ(thrum_counter_value(&counter), 0);
    CHECK_EQ(thrum_counter_add(&counter, 5), 5);
    CHECK_EQ(thrum_counter_add(&counter, -7), -2);
    CHECK_EQ(thrum_counter_value(&counter), -2);
    CHECK_EQ(thrum_counter_exchange(&counter, 100), -2);
    CHECK_EQ(thrum_counter_value(&counter), 100);
    thrum_counter_init(&counter, INT64_MAX);
    CHECK_EQ(thrum_counter_add(&counter, 1), INT64_MIN);
}

static thrum_counter exact;
static thrum_counter_slot slots[64], few_slots[2];
static thrum_sharded_counter enough = THRUM_SHARDED_COUNTER_INIT(slots, 64);
static thrum_sharded_counter few = THRUM_SHARDED_COUNTER_INIT(few_slots, 2);
static thrum_sharded_counter without; /* all zero */

static void *add_to_all(void *sign) {
    const int64_t one = sign ? -1 : 1;
    for (unsigned i = 0; i < ADDS / test_slowdown(); i++) {
        (void)thrum_counter_add(&exact, one);
        thrum_sharded_counter_add(&enough, one);
        thrum_sharded_counter_add(&few, one);
        thrum_sharded_counter_add(&without, one);
        if (i % 1000 == 0) sched_yield();
    }
    return NULL;
}

/* Up by all but one thread; each thread's adds stay when it has ended. */
TEST(no_add_is_lost) {
    test_thread threads[THREADS];
    const int64_t each = ADDS / test_slowdown();
    for (int round = 1; round <= 2; round++) {
        for (unsigned i = 0; i < THREADS; i++) threads[i] = test_start(add_to_all, i == 0 ? &exact : NULL);
        for (unsigned i = 0; i < THREADS; i++) test_join(&threads[i]);
        const int64_t sum = round * (THREADS - 2) * each;
        CHECK_EQ(thrum_counter_value(&exact), sum);
        CHECK_EQ(thrum_sharded_counter_sum(&enough), sum);
        CHECK_EQ(thrum_sharded_counter_sum(&few), sum);
        CHECK_EQ(thrum_sharded_counter_sum(&without), sum);
    }
    CHECK(thrum_u64_load_relaxed(&few.rest) != 0);     /* more threads than places */
    CHECK_EQ(thrum_u64_load_relaxed(&enough.rest), 0); /* a place for each */
}

/* Threads of which no two live at once have one place after the other. */
static thrum_counter_slot later_slots[64];
static thrum_sharded_counter later = THRUM_SHARDED_COUNTER_INIT(later_slots, 64);
static void *add_one(void *unused) {
    thrum_sharded_counter_add(&later, 1);
    return unused;
}
TEST(nothing_is_lost_when_a_place_goes_to_a_later_thread) {
    enum { TURNS = 500 };
    for (unsigned i = 0; i < TURNS; i++) {
        test_thread t = test_start(add_one, NULL);
        test_join(&t);
        CHECK_EQ(thrum_sharded_counter_sum(&later), i + 1);
    }
    CHECK_EQ(thrum_u64_load_relaxed(&later.rest), 0);
    unsigned used = 0;
    for (unsigned i = 0; i < 64; i++) used += thrum_u64_load_relaxed(&later_slots[i].value) != 0;
    CHECK(used <= 16); /* the dead give their places back */
}

static atomic_bool over;
static void *add_until_over(void *unused) {
    while (!atomic_load(&over)) thrum_sharded_counter_add(&enough, 1);
    return unused;
}
TEST(a_sum_beside_adds_never_falls) {
    test_thread threads[2];
    for (unsigned i = 0; i < 2; i++) threads[i] = test_start(add_until_over, NULL);
    int64_t last = 0;
    for (unsigned i = 0; i < 20000 / test_slowdown(); i++) {
        const int64_t sum = thrum_sharded_counter_sum(&enough);
        CHECK(sum >= last);
        last = sum;
    }
    atomic_store(&over, true);
    for (unsigned i = 0; i < 2; i++) test_join(&threads[i]);
}

TEST(init_checks_and_clears) {
    thrum_counter_slot *own = aligned_alloc(128, 3 * sizeof *own);
    CHECK(own != NULL);
    thrum_sharded_counter counter = {.count = 4711};
    CHECK_EQ(thrum_sharded_counter_init(&counter, NULL, 1), THRUM_INVALID);
    CHECK_EQ(thrum_sharded_counter_init(&counter, (thrum_counter_slot *)(void *)((char *)own + 8), 1),
             THRUM_INVALID);
    CHECK_EQ(counter.count, 4711);
    CHECK_EQ(thrum_sharded_counter_init(&counter, own, 3), THRUM_OK);
    CHECK_EQ(thrum_sharded_counter_sum(&counter), 0);
    thrum_sharded_counter_add(&counter, 3);
    CHECK_EQ(thrum_sharded_counter_sum(&counter), 3);
    CHECK_EQ(thrum_sharded_counter_init(&counter, NULL, 0), THRUM_OK);
    thrum_sharded_counter_add(&counter, -3);
    CHECK_EQ(thrum_sharded_counter_sum(&counter), -3);
    free(own);
}

TEST(describe_tells_what_it_stands_at) {
    char text[64];
    static thrum_counter counter;
    thrum_counter_init(&counter, -42);
    CHECK_EQ(thrum_counter_describe(&counter, text, sizeof text), strlen("counter: -42"));
    CHECK(strcmp(text, "counter: -42") == 0);
    CHECK_EQ(thrum_counter_describe(&counter, text, 4), strlen("counter: -42"));
    CHECK(strcmp(text, "cou") == 0);
    static thrum_counter_slot own[3];
    static thrum_sharded_counter sharded = THRUM_SHARDED_COUNTER_INIT(own, 3);
    thrum_sharded_counter_add(&sharded, 7);
    CHECK_EQ(thrum_sharded_counter_describe(&sharded, text, sizeof text),
             strlen("sharded counter: 7, 3 places"));
    CHECK(strcmp(text, "sharded counter: 7, 3 places") == 0);
    CHECK_EQ(thrum_sharded_counter_describe(&sharded, NULL, 0), strlen("sharded counter: 7, 3 places"));
}
