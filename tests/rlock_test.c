/* SPDX-License-Identifier: MIT */
/* The promises of thrum/rlock.h. What every wait does is in waiting_test.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "rlock_parts.h"
#include "many.h"

#include <inttypes.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <thrum/rlock.h>

static void *finds_it_free(void *p) {
    thrum_rlock *rlock = p;
    CHECK(thrum_rlock_try_acquire(rlock));
    CHECK_EQ(thrum_rlock_depth(rlock), 1);
    CHECK_EQ(thrum_rlock_release(rlock), THRUM_OK);
    return NULL;
}

static void *finds_it_taken(void *p) {
    thrum_rlock *rlock = p;
    CHECK(!thrum_rlock_try_acquire(rlock));
    CHECK_EQ(thrum_rlock_acquire_until(rlock, thrum_after_us(300)), THRUM_TIMEOUT);
    CHECK_EQ(thrum_rlock_acquire_depth_until(rlock, 3, thrum_after_us(300)), THRUM_TIMEOUT);
    return NULL;
}

TEST(it_is_sixteen_bytes) {
    CHECK_EQ(sizeof(thrum_rlock), 16);
}

TEST(all_zero_memory_is_a_free_rlock) {
    static thrum_rlock from_static;
    static thrum_rlock from_macro = THRUM_RLOCK_INIT;
    thrum_rlock *from_heap = calloc(1, sizeof *from_heap);
    thrum_rlock from_init;
    memset(&from_init, 0xFF, sizeof from_init);
    thrum_rlock_init(&from_init);
    thrum_rlock *const rlocks[] = {&from_static, &from_macro, from_heap, &from_init};
    for (unsigned i = 0; i < 4; i++) {
        CHECK(is_free(rlocks[i]));
        CHECK(!thrum_rlock_locked(rlocks[i]));
        elsewhere(finds_it_free, rlocks[i]);
        CHECK_EQ(thrum_rlock_acquire(rlocks[i]), THRUM_OK);
        CHECK_EQ(thrum_rlock_release(rlocks[i]), THRUM_OK);
        CHECK(is_free(rlocks[i]));
    }
    free(from_heap);
}

TEST(the_owner_acquires_again_at_once_in_every_form_and_depth_counts) {
    static thrum_rlock rlock;
    CHECK_EQ(thrum_rlock_depth(&rlock), 0);
    CHECK_EQ(thrum_rlock_acquire(&rlock), THRUM_OK);
    CHECK_EQ(thrum_rlock_depth(&rlock), 1);
    CHECK_EQ(thrum_rlock_acquire(&rlock), THRUM_OK);
    CHECK_EQ(thrum_rlock_depth(&rlock), 2);
    CHECK(thrum_rlock_try_acquire(&rlock));
    CHECK_EQ(thrum_rlock_depth(&rlock), 3);
    CHECK_EQ(thrum_rlock_acquire_until(&rlock, THRUM_NOW), THRUM_OK);
    CHECK_EQ(thrum_rlock_acquire_until(&rlock, THRUM_FOREVER), THRUM_OK);
    CHECK_EQ(thrum_rlock_depth(&rlock), 5);
    CHECK_EQ(thrum_rlock_acquire_depth(&rlock, 10), THRUM_OK);
    CHECK_EQ(thrum_rlock_acquire_depth_until(&rlock, 20, THRUM_NOW), THRUM_OK);
    CHECK_EQ(thrum_rlock_depth(&rlock), 35);
    elsewhere(finds_it_taken, &rlock);
    CHECK_EQ(thrum_rlock_depth(&rlock), 35);
}

TEST(only_the_outermost_release_frees_it) {
    static thrum_rlock rlock;
    for (unsigned i = 0; i < 5; i++) CHECK_EQ(thrum_rlock_acquire(&rlock), THRUM_OK);
    for (unsigned left = 5; left > 0; left--) {
        CHECK_EQ(thrum_rlock_depth(&rlock), left);
        CHECK(thrum_rlock_locked(&rlock));
        elsewhere(finds_it_taken, &rlock);
        CHECK_EQ(thrum_rlock_release(&rlock), THRUM_OK);
    }
    CHECK(is_free(&rlock));
    elsewhere(finds_it_free, &rlock);
}

TEST(an_acquire_that_would_wrap_the_depth_changes_nothing) {
    static thrum_rlock rlock;
    CHECK_EQ(thrum_rlock_acquire_depth(&rlock, THRUM_RLOCK_DEPTH_MAX - 1), THRUM_OK);
    CHECK_EQ(thrum_rlock_acquire_depth(&rlock, 2), THRUM_OVERFLOW);
    CHECK_EQ(thrum_rlock_acquire_depth(&rlock, THRUM_RLOCK_DEPTH_MAX), THRUM_OVERFLOW);
    CHECK_EQ(thrum_rlock_depth(&rlock), THRUM_RLOCK_DEPTH_MAX - 1);
    CHECK_EQ(thrum_rlock_acquire(&rlock), THRUM_OK);
    const thrum_rlock before = rlock;
    CHECK_EQ(thrum_rlock_acquire(&rlock), THRUM_OVERFLOW);
    CHECK(!thrum_rlock_try_acquire(&rlock));
    CHECK_EQ(thrum_rlock_acquire_until(&rlock, THRUM_FOREVER), THRUM_OVERFLOW);
    CHECK_EQ(thrum_rlock_acquire_depth(&rlock, 1), THRUM_OVERFLOW);
    CHECK_EQ(thrum_rlock_acquire_depth_until(&rlock, 1, THRUM_NOW), THRUM_OVERFLOW);
    CHECK(same(&rlock, &before));
    CHECK_EQ(thrum_rlock_depth(&rlock), THRUM_RLOCK_DEPTH_MAX);
    CHECK_EQ(thrum_rlock_release(&rlock), THRUM_OK);
    CHECK_EQ(thrum_rlock_acquire(&rlock), THRUM_OK);
}

static void *may_not_release(void *p) {
    thrum_rlock *rlock = p;
    const thrum_rlock before = *rlock;
    uint32_t depth = 4711;
    for (unsigned i = 0; i < 2; i++) { /* without a number of its own, and with one */
        CHECK_EQ(thrum_rlock_release(rlock), THRUM_NOT_OWNER);
        CHECK_EQ(thrum_rlock_release_all(rlock, &depth), THRUM_NOT_OWNER);
        CHECK_EQ(depth, 4711);
        CHECK(same(rlock, &before));
        CHECK(thrum_self_id() != 0);
    }
    return NULL;
}

TEST(release_by_a_thread_that_is_not_the_owner_changes_nothing) {
    static thrum_rlock rlock;
    CHECK_EQ(thrum_rlock_acquire_depth(&rlock, 3), THRUM_OK);
    elsewhere(may_not_release, &rlock);
    CHECK_EQ(thrum_rlock_depth(&rlock), 3);
    elsewhere(finds_it_taken, &rlock);
}

TEST(release_of_a_free_rlock_changes_nothing) {
    static thrum_rlock rlock;
    elsewhere(may_not_release, &rlock);
    may_not_release(&rlock);
    CHECK_EQ(thrum_rlock_acquire(&rlock), THRUM_OK);
    CHECK_EQ(thrum_rlock_release(&rlock), THRUM_OK);
    may_not_release(&rlock); /* the owner of a moment ago is none now */
    CHECK(is_free(&rlock));
}

static void *looks_at_anothers(void *p) {
    thrum_rlock *rlock = p;
    for (unsigned i = 0; i < 2; i++) {
        CHECK(!thrum_rlock_is_owned(rlock));
        CHECK_EQ(thrum_rlock_depth(rlock), 0);
        CHECK(thrum_rlock_locked(rlock));
        CHECK(thrum_self_id() != 0);
    }
    return NULL;
}

static void *looks_at_a_free_one(void *p) {
    thrum_rlock *rlock = p;
    CHECK(!thrum_rlock_is_owned(rlock));
    CHECK_EQ(thrum_rlock_depth(rlock), 0);
    CHECK(!thrum_rlock_locked(rlock));
    return NULL;
}

TEST(is_owned_and_depth_answer_for_the_caller_and_locked_for_anybody) {
    static thrum_rlock rlock;
    elsewhere(looks_at_a_free_one, &rlock);
    looks_at_a_free_one(&rlock);
    CHECK_EQ(thrum_rlock_acquire_depth(&rlock, 2), THRUM_OK);
    CHECK(thrum_rlock_is_owned(&rlock));
    CHECK_EQ(thrum_rlock_depth(&rlock), 2);
    CHECK(thrum_rlock_locked(&rlock));
    elsewhere(looks_at_anothers, &rlock);
    CHECK_EQ(thrum_rlock_release(&rlock), THRUM_OK);
    CHECK(thrum_rlock_is_owned(&rlock));
    CHECK_EQ(thrum_rlock_release(&rlock), THRUM_OK);
    looks_at_a_free_one(&rlock);
}

TEST(release_all_frees_it_from_any_depth_and_acquire_depth_brings_the_depth_back) {
    static thrum_rlock rlock;
    static const uint32_t depths[] = {1, 2, 7, THRUM_RLOCK_DEPTH_MAX - 1, THRUM_RLOCK_DEPTH_MAX};
    for (unsigned i = 0; i < 2 * sizeof depths / sizeof depths[0]; i++) {
        const uint32_t wanted = depths[i / 2];
        uint32_t depth = 0;
        if (i % 2)
            CHECK_EQ(thrum_rlock_acquire_depth(&rlock, wanted), THRUM_OK);
        else
            CHECK_EQ(thrum_rlock_acquire_depth_until(&rlock, wanted, thrum_after_ms(1)), THRUM_OK);
        CHECK_EQ(thrum_rlock_depth(&rlock), wanted);
        CHECK_EQ(thrum_rlock_release_all(&rlock, &depth), THRUM_OK);
        CHECK_EQ(depth, wanted);
        CHECK(is_free(&rlock));
        elsewhere(finds_it_free, &rlock);
    }
}

TEST(acquire_depth_of_nothing_is_refused_and_changes_nothing) {
    static thrum_rlock rlock;
    CHECK_EQ(thrum_rlock_acquire_depth(&rlock, 0), THRUM_INVALID);
    CHECK_EQ(thrum_rlock_acquire_depth_until(&rlock, 0, THRUM_NOW), THRUM_INVALID);
    CHECK(is_free(&rlock));
    CHECK_EQ(thrum_rlock_acquire(&rlock), THRUM_OK);
    CHECK_EQ(thrum_rlock_acquire_depth(&rlock, 0), THRUM_INVALID);
    CHECK_EQ(thrum_rlock_acquire_depth_until(&rlock, 0, THRUM_NOW), THRUM_INVALID);
    CHECK_EQ(thrum_rlock_depth(&rlock), 1);
}

static void *waits_for_depth_four(void *p) {
    thrum_rlock *rlock = p;
    CHECK_EQ(thrum_rlock_acquire_depth(rlock, 4), THRUM_OK);
    CHECK_EQ(thrum_rlock_depth(rlock), 4);
    uint32_t depth = 0;
    CHECK_EQ(thrum_rlock_release_all(rlock, &depth), THRUM_OK);
    CHECK_EQ(depth, 4);
    return NULL;
}

TEST(acquire_depth_waits_for_the_owner) {
    static thrum_rlock rlock;
    CHECK_EQ(thrum_rlock_acquire_depth(&rlock, 2), THRUM_OK);
    test_thread t = test_start(waits_for_depth_four, &rlock);
    test_await_asleep(&t);
    CHECK_EQ(thrum_rlock_release(&rlock), THRUM_OK);
    test_await_asleep(&t);
    CHECK_EQ(thrum_rlock_release(&rlock), THRUM_OK);
    test_join(&t);
    CHECK(is_free(&rlock));
}

TEST(a_timed_out_acquire_leaves_no_trace) {
    static thrum_rlock rlock;
    CHECK_EQ(thrum_rlock_acquire_depth(&rlock, 2), THRUM_OK);
    const thrum_rlock before = rlock;
    for (unsigned round = 0; round < 5; round++) {
        elsewhere(finds_it_taken, &rlock);
        CHECK(same(&rlock, &before));
    }
}

typedef struct tally {
    thrum_rlock rlock;
    unsigned long count; /* plain: only the rlock protects it */
    unsigned rounds;
    unsigned threads;
    atomic_uint arrived;
} tally;

static void count_at_depth(tally *t, unsigned depth, unsigned i) {
    CHECK_EQ(thrum_rlock_acquire(&t->rlock), THRUM_OK);
    if (depth) {
        count_at_depth(t, depth - 1, i);
    } else {
        const unsigned long seen = t->count;
        if (i % 64 == 0) sched_yield(); /* the others run while it is held */
        t->count = seen + 1;
    }
    CHECK_EQ(thrum_rlock_release(&t->rlock), THRUM_OK);
}

static void *counting(void *p) {
    tally *t = p;
    atomic_fetch_add(&t->arrived, 1);
    while (atomic_load(&t->arrived) < t->threads) sched_yield();
    for (unsigned i = 0; i < t->rounds; i++) count_at_depth(t, i % 3, i);
    return NULL;
}

TEST(sixty_four_threads_on_two_processors_exclude_each_other) {
    enum { THREADS = 64 };
    static tally t;
    t.rounds = 3000 / test_slowdown();
    t.threads = THREADS;
    test_pin(2);
    test_thread threads[THREADS];
    test_start_all(threads, THREADS, counting, &t);
    test_join_all(threads, THREADS);
    test_unpin();
    CHECK_EQ(t.count, (unsigned long)THREADS * t.rounds);
    CHECK(!thrum_rlock_locked(&t.rlock));
}

/* The first thread and one of plain pthread_create. */
TEST(threads_that_thrum_did_not_start_may_use_it) {
    static tally t;
    t.rounds = 50000 / test_slowdown();
    t.threads = 2;
    pthread_t other;
    CHECK_EQ(pthread_create(&other, NULL, counting, &t), 0);
    counting(&t);
    CHECK_EQ(pthread_join(other, NULL), 0);
    CHECK_EQ(t.count, 2ul * t.rounds);
}

/* `sent` is relaxed: that the payload may be read is the rlock's doing alone. */
static void *receiver(void *p) {
    parcel *r = p;
    while (!atomic_load_explicit(&r->sent, memory_order_relaxed)) sched_yield();
    CHECK(thrum_rlock_try_acquire(&r->rlock));
    CHECK_EQ(r->payload, 42);
    CHECK_EQ(thrum_rlock_release(&r->rlock), THRUM_OK);
    return NULL;
}

TEST(the_outermost_release_publishes_to_the_next_owner) {
    for (unsigned round = 0; round < 50; round++) {
        parcel p = {.payload = 0};
        test_thread t = test_start(receiver, &p);
        CHECK_EQ(thrum_rlock_acquire_depth(&p.rlock, 2), THRUM_OK);
        CHECK_EQ(thrum_rlock_release(&p.rlock), THRUM_OK);
        p.payload = 42;
        CHECK_EQ(thrum_rlock_release(&p.rlock), THRUM_OK);
        atomic_store_explicit(&p.sent, true, memory_order_relaxed);
        test_join(&t);
    }
}

static void describe(const thrum_rlock *rlock, char text[96]) {
    const size_t length = thrum_rlock_describe(rlock, text, 96);
    CHECK_EQ(length, strlen(text));
}

static thrum_rlock described;
static char of_another[96];

static void *describes_anothers(void *p) {
    (void)p;
    describe(&described, of_another);
    return NULL;
}

TEST(describe_tells_the_state) {
    char text[96], wanted[96];
    describe(&described, text);
    CHECK_EQ(strcmp(text, "rlock: free"), 0);
    CHECK_EQ(thrum_rlock_acquire_depth(&described, 12), THRUM_OK);
    describe(&described, text);
    CHECK_EQ(strcmp(text, "rlock: owned by the caller, depth 12"), 0);
    elsewhere(describes_anothers, NULL);
    (void)snprintf(wanted, sizeof wanted, "rlock: owned by thread %" PRIu64, thrum_self_id());
    CHECK_EQ(strcmp(of_another, wanted), 0);
    test_thread t = test_start(passes_through, &described);
    test_await_asleep(&t);
    describe(&described, text);
    CHECK(strstr(text, "waited for") != NULL);
    uint32_t depth;
    CHECK_EQ(thrum_rlock_release_all(&described, &depth), THRUM_OK);
    test_join(&t);
}

TEST(describe_cuts_to_the_size_and_returns_the_whole_length) {
    thrum_rlock rlock = THRUM_RLOCK_INIT;
    char whole[96], cut[8];
    CHECK_EQ(thrum_rlock_acquire_depth(&rlock, THRUM_RLOCK_DEPTH_MAX), THRUM_OK);
    const size_t length = thrum_rlock_describe(&rlock, whole, sizeof whole);
    memset(cut, 'x', sizeof cut);
    CHECK_EQ(thrum_rlock_describe(&rlock, cut, 6), length);
    CHECK_EQ(strlen(cut), 5);
    CHECK(strncmp(cut, whole, 5) == 0);
    CHECK_EQ(cut[6], 'x');
    CHECK_EQ(thrum_rlock_describe(&rlock, NULL, 0), length);
}
