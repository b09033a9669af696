/* SPDX-License-Identifier: MIT */
/* Far more threads than processors, and threads that are moved about. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "shapes.h"

TEST(sixty_four_threads_on_two_processors_all_finish) {
    const crowd c = {.threads = 64, .rounds = 600 / test_slowdown()};
    test_pin(2);
    for (unsigned i = 0; i < SHAPES; i++) play(&shapes[i], &c, NULL);
    test_unpin();
}

static uint64_t moves;
static cpu_set_t all;

/* One thread, sometimes the first of the process too, may run on one of its processors, or on all. */
static bool move(const test_thread *threads) {
    static uint64_t random;
    if (random == 0) random = test_seed();
    cpu_set_t mask = all;
    const uint64_t choice = test_random(&random);
    if (choice % 4) {
        CPU_ZERO(&mask);
        for (size_t cpu = choice % CPU_SETSIZE; CPU_COUNT(&mask) == 0; cpu = (cpu + 1) % CPU_SETSIZE)
            if (CPU_ISSET(cpu, &all)) CPU_SET(cpu, &mask);
    }
    const unsigned who = (unsigned)(choice >> 32) % (present->threads + 1);
    (void)sched_setaffinity(who < present->threads ? threads[who].tid : 0, sizeof mask, &mask);
    moves++;
    sched_yield();
    return true;
}

TEST(threads_that_are_moved_from_processor_to_processor_all_finish) {
    const crowd c = {.threads = 8, .rounds = 6000 / test_slowdown()};
    CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    if (CPU_COUNT(&all) < 2) test_skip("needs two processors");
    for (unsigned i = 0; i < SHAPES; i++) play(&shapes[i], &c, move);
    printf("    %lu moves\n", (unsigned long)moves);
    CHECK(moves > 100);
}
