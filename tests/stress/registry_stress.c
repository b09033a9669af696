/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#include "test.h"

#include <sched.h>
#include <stdio.h>
#include <thrum.h>

static thrum_u32 over;

static void *nothing(void *argument) {
    return argument;
}

/*
 * Starts threads and joins them, releases them unjoined, or hands them out to be joined by the thread that
 * finds them.
 */
static void *start_many(void *p) {
    uint64_t random = test_seed() + (uint64_t)(uintptr_t)p;
    while (!thrum_u32_load_acquire(&over)) {
        thrum_thread *thread;
        const thrum_thread_config config = {.target = nothing, .argument = p};
        if (thrum_thread_spawn(&thread, &config) != THRUM_OK) continue;
        switch (test_random(&random) % 3) {
        case 0: {
            void *value = NULL;
            CHECK_EQ(thrum_thread_join(thread, &value), THRUM_OK);
            CHECK(value == p);
            break;
        }
        case 1:
            (void)thrum_thread_join_until(thread, NULL, thrum_after_us(test_random(&random) % 50));
            break;
        default:
            break;
        }
        thrum_thread_release(thread);
    }
    return p;
}

/* Looks at whomever there is, and joins some of them. */
static void *look(void *p) {
    uint64_t random = test_seed() + (uint64_t)(uintptr_t)p;
    while (!thrum_u32_load_acquire(&over)) {
        thrum_thread **threads;
        size_t count;
        CHECK_EQ(thrum_enumerate(&threads, &count), THRUM_OK);
        CHECK(count >= 1 && threads[0] == thrum_main_thread());
        for (size_t i = 1; i < count; i++) {
            CHECK(thrum_thread_ident(threads[i]) > thrum_thread_ident(threads[i - 1]));
            CHECK(thrum_thread_name(threads[i]).text[0] != 0);
            if (test_random(&random) % 8 == 0)
                (void)thrum_thread_join_until(threads[i], NULL, thrum_after_us(test_random(&random) % 20));
            thrum_thread *const found = thrum_thread_by_ident(thrum_thread_ident(threads[i]));
            CHECK(!found || found == threads[i]);
            thrum_thread_release(found);
        }
        thrum_enumerate_release(threads, count);
    }
    return p;
}

/* Comes and goes as a thread that thrum did not start. */
static void *be_aliens(void *p) {
    while (!thrum_u32_load_acquire(&over)) {
        pthread_t alien;
        if (pthread_create(&alien, NULL, (void *(*)(void *))(uintptr_t)thrum_current_thread, NULL)) continue;
        CHECK_EQ(pthread_join(alien, NULL), 0);
    }
    return p;
}

static void run(void *(*const *roles)(void *), unsigned count, unsigned ms) {
    test_thread threads[8];
    for (unsigned i = 0; i < count; i++) threads[i] = test_start(roles[i], (void *)(uintptr_t)(i + 1));
    thrum_futex_nap(thrum_after_ms(ms));
    thrum_u32_store_release(&over, 1);
    for (unsigned i = 0; i < count; i++) test_join(&threads[i]);
    while (thrum_active_count() > 1) sched_yield(); /* the unjoined */
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}

TEST(threads_start_end_are_joined_released_and_looked_at) {
    void *(*const roles[])(void *) = {start_many, start_many, look, look, be_aliens};
    run(roles, 5, 2000);
}

/* ---- a thousand threads, a hundred starts and exits a second: neither side waits for the other ---- */

enum { STANDING = 1000, STARTS = 100 };
static thrum_event leave;
static uint64_t longest_look, longest_start;
static thrum_u64 looks;

static void *stand(void *unused) {
    thrum_event_wait(&leave);
    return unused;
}

static void *enumerate_all_the_time(void *p) {
    while (!thrum_u32_load_acquire(&over)) {
        const uint64_t before = test_thread_cpu_ns();
        thrum_thread **threads;
        size_t count;
        CHECK_EQ(thrum_enumerate(&threads, &count), THRUM_OK);
        const uint64_t took = test_thread_cpu_ns() - before;
        if (took > longest_look) longest_look = took;
        CHECK(count > *(const unsigned *)p);
        thrum_enumerate_release(threads, count);
        thrum_u64_fetch_add_relaxed(&looks, 1);
    }
    return NULL;
}

/* ctest: serial */
TEST(enumerate_over_a_thousand_while_a_hundred_a_second_start_and_exit) {
    unsigned standing = STANDING / test_slowdown();
    static thrum_thread *threads[STANDING];
    for (unsigned i = 0; i < standing; i++)
        CHECK_EQ(
            thrum_thread_spawn(&threads[i], &(thrum_thread_config){.target = stand, .stack_size = 64 * 1024}),
            THRUM_OK);
    test_thread reader = test_start(enumerate_all_the_time, &standing);
    thrum_deadline next = thrum_after_ms(0);
    for (int i = 0; i < STARTS; i++) {
        next.ns += 10000000;
        const uint64_t before = test_thread_cpu_ns();
        thrum_thread *thread;
        CHECK_EQ(thrum_thread_spawn(&thread, &(thrum_thread_config){.target = nothing}), THRUM_OK);
        const uint64_t took = test_thread_cpu_ns() - before;
        if (took > longest_start) longest_start = took;
        CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
        thrum_thread_release(thread);
        thrum_futex_nap(next);
    }
    thrum_u32_store_release(&over, 1);
    test_join(&reader);
    thrum_event_set(&leave);
    for (unsigned i = 0; i < standing; i++) {
        CHECK_EQ(thrum_thread_join(threads[i], NULL), THRUM_OK);
        thrum_thread_release(threads[i]);
    }
    fprintf(stderr, "%llu looks, the longest %.1f us of processor time; the longest start %.1f us\n",
            (unsigned long long)thrum_u64_load_relaxed(&looks), (double)longest_look / 1e3,
            (double)longest_start / 1e3);
    CHECK(thrum_u64_load_relaxed(&looks) > 0);
}
