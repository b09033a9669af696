/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <thrum/cpu.h>

/* The header's own code, with a pause that is counted. */
static unsigned pauses;
#define thrum_cpu_pause() ((void)pauses++)
#include <thrum/backoff.h>
#undef thrum_cpu_pause

static unsigned length_of_next(thrum_backoff *b) {
    pauses = 0;
    thrum_backoff_pause(b);
    return pauses;
}

TEST(a_backoff_is_eight_bytes_and_all_zero_memory_is_one) {
    static thrum_backoff zero;
    CHECK_EQ(sizeof zero, 8);
    CHECK_EQ(length_of_next(&zero), 1);
}

TEST(each_pause_is_at_most_twice_the_bound_of_the_one_before) {
    static thrum_backoff many[1000];
    for (unsigned i = 0; i < 1000; i++) {
        thrum_backoff *b = &many[i];
        for (unsigned bound = 1; bound < THRUM_BACKOFF_MAX; bound *= 2) {
            const unsigned length = length_of_next(b);
            CHECK(length >= 1);
            CHECK(length <= bound);
        }
    }
}

TEST(no_pause_is_longer_than_the_maximum) {
    thrum_backoff b = THRUM_BACKOFF_INIT;
    for (int i = 0; i < 10000; i++) CHECK(length_of_next(&b) <= THRUM_BACKOFF_MAX);
}

TEST(pauses_grow_towards_the_maximum) {
    thrum_backoff b = THRUM_BACKOFF_INIT;
    unsigned long sum = 0;
    unsigned longest = 0;
    for (int i = 0; i < 10000; i++) {
        const unsigned length = length_of_next(&b);
        sum += length;
        if (length > longest) longest = length;
    }
    CHECK(longest > THRUM_BACKOFF_MAX * 9 / 10);
    /* Lengths that are drawn evenly average about half of the maximum. */
    CHECK(sum / 10000 > THRUM_BACKOFF_MAX / 4);
    CHECK(sum / 10000 < THRUM_BACKOFF_MAX * 3 / 4);
}

TEST(two_that_began_together_do_not_stay_in_step) {
    static struct { THRUM_ALIGNAS(THRUM_CACHE_LINE) thrum_backoff b; } threads[2];
    unsigned same = 0;
    for (int i = 0; i < 1000; i++) same += length_of_next(&threads[0].b) == length_of_next(&threads[1].b);
    CHECK(same < 200);
}

TEST(one_backoff_does_not_repeat_itself) {
    thrum_backoff b = THRUM_BACKOFF_INIT;
    unsigned seen[THRUM_BACKOFF_MAX + 1] = {0};
    for (int i = 0; i < 10000; i++) seen[length_of_next(&b)]++;
    for (unsigned length = 1; length <= THRUM_BACKOFF_MAX; length++) CHECK(seen[length] > 0);
}
