/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <thrum/atomic.h>

static thrum_u32 told;

static void *tell(void *unused) {
    (void)unused;
    thrum_u32_store_relaxed(&told, 1);
    return NULL;
}

TEST(a_loop_of_pauses_sees_a_store_by_another_thread) {
    test_thread t = test_start(tell, NULL);
    do {
        thrum_cpu_pause();
    } while (!thrum_u32_load_relaxed(&told));
    test_join(&t);
}

TEST(a_pause_takes_less_than_a_microsecond_or_so) {
    /* The best of many: a pause that another program interrupts says nothing. */
    uint64_t best = UINT64_MAX;
    for (int i = 0; i < 1000; i++) {
        const uint64_t begin = test_now_ns();
        thrum_cpu_pause();
        const uint64_t took = test_now_ns() - begin;
        if (took < best) best = took;
    }
    CHECK(best < 5000 * test_slowdown());
}

TEST(likely_and_unlikely_keep_the_truth_of_the_condition) {
    CHECK_EQ(THRUM_LIKELY(4), 1);
    CHECK_EQ(THRUM_LIKELY(0), 0);
    CHECK_EQ(THRUM_UNLIKELY(4), 1);
    CHECK_EQ(THRUM_UNLIKELY(0), 0);
    int evaluated = 0;
    if (THRUM_LIKELY(evaluated++ == 0)) CHECK_EQ(evaluated, 1);
    if (THRUM_UNLIKELY(evaluated++ == 0)) CHECK(false);
    CHECK_EQ(evaluated, 2);
}

TEST(private_data_apart_by_a_cache_line_shares_no_pair_of_lines) {
    static struct { THRUM_ALIGNAS(THRUM_CACHE_LINE) char own; } threads[4];
    for (int i = 0; i + 1 < 4; i++) {
        CHECK_EQ(&threads[i + 1].own - &threads[i].own, THRUM_CACHE_LINE);
        CHECK((uintptr_t)&threads[i].own / 128 != (uintptr_t)&threads[i + 1].own / 128);
    }
}
