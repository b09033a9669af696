/* SPDX-License-Identifier: MIT */
/* pthread_barrier_*. */
#include "posix.h"

#include <limits.h>

TEST(a_barrier_for_more_than_the_largest_number_is_refused) {
    pthread_barrier_t barrier;
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, UINT_MAX), EINVAL);
}

TEST(a_barrier_for_nobody_is_refused) {
    pthread_barrier_t barrier;
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, 0), EINVAL);
}

TEST(a_barrier_for_one_lets_it_through) {
    pthread_barrier_t barrier;
    memset(&barrier, 0xA5, sizeof barrier);
    OK(pthread_barrier_init(&barrier, NULL, 1));
    for (int i = 0; i < 10; i++) CHECK_EQ(pthread_barrier_wait(&barrier), PTHREAD_BARRIER_SERIAL_THREAD);
    OK(pthread_barrier_destroy(&barrier));
}

enum { MOST = 8, ROUNDS = 300 };

struct round {
    pthread_barrier_t barrier;
    int parties;
    _Atomic int arrived[ROUNDS], serial[ROUNDS];
};

static void *go_round(void *p) {
    struct round *const shared = p;
    for (int i = 0; i < ROUNDS; i++) {
        shared->arrived[i]++;
        const int result = pthread_barrier_wait(&shared->barrier);
        CHECK_EQ(shared->arrived[i], shared->parties); /* nobody leaves before all have come */
        if (result == PTHREAD_BARRIER_SERIAL_THREAD)
            shared->serial[i]++;
        else
            CHECK_EQ(result, 0);
    }
    return NULL;
}

TEST(nobody_leaves_before_all_have_come_and_one_is_told) {
    for (int parties = 2; parties <= MOST; parties *= 2) {
        static struct round shared;
        memset(&shared, 0, sizeof shared);
        shared.parties = parties;
        OK(pthread_barrier_init(&shared.barrier, NULL, (unsigned)parties));
        test_thread threads[MOST];
        for (int i = 0; i < parties; i++) threads[i] = test_start(go_round, &shared);
        for (int i = 0; i < parties; i++) (void)test_join(&threads[i]);
        for (int i = 0; i < ROUNDS; i++) CHECK_EQ(shared.serial[i], 1);
        OK(pthread_barrier_destroy(&shared.barrier));
    }
}

struct meeting {
    pthread_barrier_t barrier;
    pthread_barrier_t end;
};

static _Atomic int handled;

static void count(int number) {
    (void)number;
    handled++;
}

static void *meet(void *barrier) {
    return (void *)(intptr_t)pthread_barrier_wait(barrier);
}

TEST(a_handler_of_signals_does_not_end_a_wait) {
    on_signal_do(SIGUSR1, count);
    pthread_barrier_t barrier;
    OK(pthread_barrier_init(&barrier, NULL, 2));
    test_thread thread = test_start(meet, &barrier);
    for (int i = 0; i < 5; i++) {
        await_blocked(&thread);
        OK(pthread_kill(thread.thread, SIGUSR1));
        await(&handled, i + 1);
    }
    await_blocked(&thread);
    const int mine = pthread_barrier_wait(&barrier), other = (int)(intptr_t)test_join(&thread);
    CHECK_EQ(mine + other, PTHREAD_BARRIER_SERIAL_THREAD);
}

static _Atomic(pthread_barrier_t *) handed;

static void *meet_handed(void *rounds) {
    for (intptr_t i = 0; i < (intptr_t)rounds; i++) {
        pthread_barrier_t *barrier;
        while (!(barrier = handed)) sched_yield();
        handed = NULL;
        const int result = pthread_barrier_wait(barrier);
        CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
    }
    return NULL;
}

TEST(a_party_that_returned_may_destroy_at_once) {
    /* The others have been let through, but their calls may not have returned yet. */
    const intptr_t rounds = 10000 / test_slowdown();
    test_thread others[2] = {test_start(meet_handed, (void *)rounds)};
    for (intptr_t i = 0; i < rounds; i++) {
        pthread_barrier_t *const barrier = malloc(sizeof *barrier);
        CHECK(barrier != NULL);
        OK(pthread_barrier_init(barrier, NULL, 2));
        handed = barrier;
        const int result = pthread_barrier_wait(barrier);
        CHECK(result == 0 || result == PTHREAD_BARRIER_SERIAL_THREAD);
        OK(pthread_barrier_destroy(barrier));
        memset(barrier, 0xA5, sizeof *barrier);
        free(barrier);
    }
    (void)test_join(&others[0]);
}

TEST(processes_meet_at_a_barrier) {
    pthread_barrier_t *const barrier = shared_memory(sizeof *barrier);
    _Atomic int *const arrived = shared_memory(sizeof *arrived);
    pthread_barrierattr_t attributes;
    OK(pthread_barrierattr_init(&attributes));
    OK(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    OK(pthread_barrier_init(barrier, &attributes, 2));
    OK(pthread_barrierattr_destroy(&attributes));
    const pid_t child = fork();
    CHECK(child >= 0);
    for (int i = 1; i <= 300; i++) {
        ++*arrived;
        (void)pthread_barrier_wait(barrier);
        CHECK_EQ(*arrived, 2 * i);
        (void)pthread_barrier_wait(barrier);
    }
    if (child == 0) _exit(0);
    test_join_child(child);
    OK(pthread_barrier_destroy(barrier));
}

TEST(attributes_are_what_was_set) {
    pthread_barrierattr_t attributes;
    int shared = -1;
    OK(pthread_barrierattr_init(&attributes));
    OK(pthread_barrierattr_getpshared(&attributes, &shared));
    CHECK_EQ(shared, PTHREAD_PROCESS_PRIVATE);
    OK(pthread_barrierattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    CHECK_EQ(pthread_barrierattr_setpshared(&attributes, 99), EINVAL);
    OK(pthread_barrierattr_getpshared(&attributes, &shared));
    CHECK_EQ(shared, PTHREAD_PROCESS_SHARED);
    OK(pthread_barrierattr_destroy(&attributes));
}

TEST(nothing_is_written_beside_a_barrier) {
    struct {
        unsigned char before[64];
        pthread_barrier_t barrier;
        unsigned char behind[64];
    } memory;
    memset(&memory, 0x5A, sizeof memory);
    OK(pthread_barrier_init(&memory.barrier, NULL, 2));
    for (int i = 0; i < 10; i++) {
        test_thread thread = test_start(meet, &memory.barrier);
        (void)pthread_barrier_wait(&memory.barrier);
        (void)test_join(&thread);
    }
    OK(pthread_barrier_destroy(&memory.barrier));
    for (int i = 0; i < 64; i++) CHECK(memory.before[i] == 0x5A && memory.behind[i] == 0x5A);
}
