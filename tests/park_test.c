/* SPDX-License-Identifier: MIT */
/*
 * The policy of spinning, against a kernel that this file plays: it counts what is asked of it,
 * and its clock moves only when told to, or is the real one.
 */
#include "test.h"

#include <thrum/cpus.h>
#include <thrum/futex.h>
#include <thrum/park.h>

static struct {
    bool real_clock;
    uint64_t now, step; /* each look at the clock moves it on by `step` */
    unsigned usable, remembered;
    unsigned yields, looks, asked, naps, asked_for_policy;
    bool of_deadlines; /* the caller's policy is SCHED_DEADLINE */
} kernel = {.now = 1000, .usable = 2, .remembered = 2};

uint64_t thrum_futex_now_ns(void) {
    kernel.looks++;
    if (kernel.real_clock) return test_now_ns();
    return kernel.now += kernel.step;
}

void thrum_futex_yield(void) {
    kernel.yields++;
}

bool thrum_futex_may_yield(void) {
    kernel.asked_for_policy++;
    return !kernel.of_deadlines;
}

void thrum_futex_nap(thrum_deadline deadline) {
    CHECK(deadline.ns > kernel.now);
    kernel.naps++;
}

uint32_t thrum_cpus_look(void) {
    kernel.asked++;
    return kernel.remembered = kernel.usable;
}

uint32_t thrum_cpus(void) {
    return kernel.remembered;
}

static unsigned rounds_until_spent(thrum_park spin, unsigned limit) {
    unsigned rounds = 0;
    while (rounds < limit && thrum_park_again(&spin)) rounds++;
    return rounds;
}

static unsigned rounds_of(uint32_t budget_ns, unsigned limit) {
    return rounds_until_spent(thrum_park_spin(budget_ns), limit);
}

/* The policy remembers the number of processors for a while: spins until it has looked again. */
static void settle(unsigned usable) {
    kernel.real_clock = false;
    kernel.step = 1000000;
    kernel.usable = usable;
    kernel.asked = 0;
    for (int i = 0; i < 1000 && kernel.asked == 0; i++) rounds_of(1000, 1000000);
    CHECK(kernel.asked > 0);
    kernel.asked = kernel.looks = kernel.yields = 0;
}

TEST(a_crowd_yields_from_its_first_round) {
    settle(2);
    kernel.step = 100;
    const unsigned of_three = rounds_until_spent(thrum_park_among(1000, 3), 1000);
    CHECK(of_three > 0);
    CHECK_EQ(of_three, kernel.yields);
    const unsigned of_two = rounds_until_spent(thrum_park_among(1000, 2), 1000);
    CHECK(of_two > kernel.yields - of_three); /* a pair pauses first */
    CHECK_EQ(rounds_until_spent(thrum_park_among(0, 3), 1000), 0);
    settle(1);
    CHECK_EQ(rounds_until_spent(thrum_park_among(1000, 3), 1000), 0);
}

TEST(beginning_asks_nothing_of_the_kernel) {
    settle(2);
    const thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS), look = thrum_park_look(THRUM_PARK_SPIN_NS);
    (void)spin, (void)look;
    CHECK_EQ(kernel.looks + kernel.yields + kernel.asked, 0);
}

TEST(the_first_rounds_make_no_system_call) {
    settle(2);
    CHECK_EQ(rounds_of(THRUM_PARK_SPIN_NS, 4), 4);
    CHECK_EQ(kernel.looks + kernel.yields + kernel.asked, 0);
}

TEST(later_rounds_give_up_the_processor_each_time) {
    settle(2);
    kernel.step = 1;
    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    for (int i = 0; i < 100; i++) CHECK(thrum_park_again(&spin));
    kernel.yields = 0;
    for (int i = 0; i < 100; i++) CHECK(thrum_park_again(&spin));
    CHECK_EQ(kernel.yields, 100);
}

TEST(a_spin_ends_at_its_budget_by_the_clock) {
    settle(2);
    thrum_park spin = thrum_park_spin(5000);
    kernel.step = 0;
    while (kernel.looks == 0) CHECK(thrum_park_again(&spin)); /* the first look starts the time */
    kernel.now += 4999;
    CHECK(thrum_park_again(&spin));
    kernel.now += 1;
    CHECK(!thrum_park_again(&spin));
}

TEST(a_look_ends_at_its_budget_too_and_never_gives_up_the_processor) {
    settle(2);
    kernel.step = 1;
    const unsigned rounds = rounds_until_spent(thrum_park_look(1000), 100000);
    CHECK(rounds >= 1000);
    CHECK(rounds < 2000);
    CHECK_EQ(kernel.yields, 0);
}

TEST(to_keep_away_lasts_as_long_by_the_clock_and_gives_up_no_processor) {
    settle(2);
    kernel.step = 1;
    thrum_park spin = thrum_park_spin(5000);
    const uint64_t begin = kernel.now;
    thrum_park_keep_away(&spin, 1000);
    CHECK(kernel.now >= begin + 1000);
    CHECK(kernel.now <= begin + 1002); /* the looks at the begin and at the end */
    CHECK_EQ(kernel.yields + kernel.naps, 0);
    kernel.looks = 0;
    thrum_park_keep_away(&spin, 0);
    CHECK_EQ(kernel.looks, 0);
}

static unsigned rounds_before_a_yield(uint32_t away_ns) {
    thrum_park spin = thrum_park_spin(5000);
    unsigned rounds = 0;
    for (kernel.yields = 0; kernel.yields == 0; rounds++) {
        CHECK(thrum_park_again(&spin));
        thrum_park_keep_away(&spin, away_ns);
    }
    return rounds;
}

TEST(of_rounds_that_keep_away_fewer_precede_a_yield) {
    settle(2);
    kernel.step = 1;
    const unsigned near = rounds_before_a_yield(0), away = rounds_before_a_yield(10);
    CHECK(away > 1);
    CHECK(away < near);
}

/* A multiple of 4: the rounds before the first look at the clock, and the last round. */
TEST(a_real_spin_takes_its_budget_and_not_many_times_as_long) {
    settle(2);
    kernel.real_clock = true;
    const uint32_t budget = 50000;
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 200; i++) {
        const uint64_t begin = test_now_ns();
        rounds_of(budget, UINT32_MAX);
        const uint64_t took = test_now_ns() - begin;
        CHECK(took >= budget);
        if (took < best) best = took;
    }
    CHECK(best <= 4 * (uint64_t)budget);
}

TEST(without_a_budget_there_is_no_spin) {
    settle(2);
    CHECK_EQ(rounds_of(0, 1000), 0);
    CHECK_EQ(kernel.looks + kernel.yields, 0);
}

TEST(on_one_processor_there_is_no_spin) {
    settle(1);
    for (int i = 0; i < 10; i++) CHECK_EQ(rounds_of(THRUM_PARK_SPIN_NS, 1000), 0);
    CHECK_EQ(rounds_until_spent(thrum_park_look(THRUM_PARK_SPIN_NS), 1000), 0);
    CHECK_EQ(kernel.looks, 0);
    settle(2);
    CHECK(rounds_of(THRUM_PARK_SPIN_NS, 1000) > 0);
}

TEST(the_number_of_processors_is_remembered_between_spins) {
    settle(2);
    for (int i = 0; i < 10; i++) rounds_of(1000, 1000000);
    CHECK(kernel.asked <= 1);
    for (int i = 0; i < 1000; i++) rounds_of(1000, 2); /* spins that did not fail ask nothing */
    CHECK(kernel.asked <= 1);
}

TEST(a_change_of_the_number_of_processors_is_noticed) {
    settle(2);
    kernel.usable = 1;
    unsigned spins = 0;
    while (rounds_of(1000, 1000000) > 0) CHECK(++spins < 1000);
    kernel.usable = 2;
    spins = 0;
    while (rounds_of(1000, 1000000) == 0) CHECK(++spins < 1000);
}

TEST(a_thread_under_sched_deadline_gives_up_no_period) {
    settle(2);
    kernel.step = 100;
    kernel.asked_for_policy = 0;
    kernel.of_deadlines = true;
    const unsigned rounds = rounds_of(1000, 1000);
    CHECK(rounds > 0 && rounds < 1000);
    CHECK(rounds_until_spent(thrum_park_among(1000, 3), 1000) > 0);
    CHECK_EQ(kernel.asked_for_policy, 2); /* once a spin */
    thrum_park_give_way();
    CHECK_EQ(kernel.yields, 0);
    CHECK_EQ(kernel.naps, 1);
    kernel.of_deadlines = false;
    thrum_park_give_way();
    CHECK_EQ(kernel.yields, 1);
    CHECK_EQ(kernel.naps, 1);
}

TEST(a_look_asks_for_no_policy) {
    settle(2);
    kernel.step = 100;
    kernel.asked_for_policy = 0;
    CHECK(rounds_until_spent(thrum_park_look(1000), 1000) > 0);
    CHECK_EQ(kernel.asked_for_policy, 0);
}
