/* SPDX-License-Identifier: MIT */
/* The clocks of conditions, and their destruction. */
#include "cond_parts.h"
#include "posix.h"

static const struct gate new_gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};

/* ---- clocks ---- */

static void make(pthread_cond_t *condition, clockid_t clock) {
    pthread_condattr_t attributes;
    OK(pthread_condattr_init(&attributes));
    OK(pthread_condattr_setclock(&attributes, clock));
    OK(pthread_cond_init(condition, &attributes));
    OK(pthread_condattr_destroy(&attributes));
}

TEST(a_wait_ends_at_its_deadline_by_the_conditions_clock) {
    const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    for (int i = 0; i < 2; i++) {
        pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
        pthread_cond_t condition;
        make(&condition, clocks[i]);
        OK(pthread_mutex_lock(&mutex));
        for (int j = 0; j < 3; j++) {
            const struct timespec soon = in_ms(clocks[i], 5);
            int result;
            do result = pthread_cond_timedwait(&condition, &mutex, &soon);
            while (result == 0);
            CHECK_EQ(result, ETIMEDOUT);
            CHECK(reached(clocks[i], soon));
        }
        OK(pthread_mutex_unlock(&mutex));
        OK(pthread_cond_destroy(&condition));
    }
}

TEST(clockwait_names_its_own_clock) {
    const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    for (int i = 0; i < (IS_GLIBC ? 4 : 2); i++) { /* musl.h */
        pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
        pthread_cond_t condition;
        make(&condition, clocks[i / 2]);
        OK(pthread_mutex_lock(&mutex));
        const struct timespec soon = in_ms(clocks[i % 2], 5);
        int result;
        do result = pthread_cond_clockwait(&condition, &mutex, clocks[i % 2], &soon);
        while (result == 0);
        CHECK_EQ(result, ETIMEDOUT);
        CHECK(reached(clocks[i % 2], soon));
        CHECK_EQ(pthread_cond_clockwait(&condition, &mutex, CLOCK_THREAD_CPUTIME_ID, &soon), EINVAL);
        CHECK_EQ(pthread_cond_clockwait(&condition, &mutex, 4711, &soon), EINVAL);
        OK(pthread_mutex_unlock(&mutex));
    }
}

TEST(a_timed_wait_is_ended_by_a_signal) {
    const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC};
    for (int i = 0; i < 8; i++) {
        struct timed_gate timed = {.by_clock = i % 2, .clock = clocks[i / 2 % 2]};
        make(&timed.gate.opened, clocks[i / 2 % 2]);
        OK(pthread_mutex_init(&timed.gate.mutex, NULL));
        const struct timespec end = {(time_t)(~(uint64_t)0 >> 1), BILLION - 1}; /* which must not wrap */
        timed.deadline = i < 4 ? in_ms(timed.clock, 600000) : end;
        test_thread thread = test_start(pass_timed, &timed);
        await_waiting(&timed.gate, 1);
        await_blocked(&thread);
        OK(pthread_mutex_lock(&timed.gate.mutex));
        timed.gate.open = 1;
        OK(pthread_mutex_unlock(&timed.gate.mutex));
        OK(pthread_cond_signal(&timed.gate.opened));
        (void)test_join(&thread);
    }
}

TEST(attributes_are_what_was_set) {
    pthread_condattr_t attributes;
    clockid_t clock = CLOCK_MONOTONIC;
    int shared = -1;
    OK(pthread_condattr_init(&attributes));
    OK(pthread_condattr_getclock(&attributes, &clock));
    CHECK_EQ(clock, CLOCK_REALTIME);
    OK(pthread_condattr_getpshared(&attributes, &shared));
    CHECK_EQ(shared, PTHREAD_PROCESS_PRIVATE);
    OK(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC));
    OK(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    CHECK_EQ(pthread_condattr_setclock(&attributes, CLOCK_PROCESS_CPUTIME_ID), EINVAL);
    CHECK_EQ(pthread_condattr_setclock(&attributes, CLOCK_THREAD_CPUTIME_ID), EINVAL);
    CHECK_EQ(pthread_condattr_setpshared(&attributes, 99), EINVAL);
    OK(pthread_condattr_getclock(&attributes, &clock));
    CHECK_EQ(clock, CLOCK_MONOTONIC);
    OK(pthread_condattr_getpshared(&attributes, &shared));
    CHECK_EQ(shared, PTHREAD_PROCESS_SHARED);
    OK(pthread_condattr_destroy(&attributes));
}

/* ---- destruction ---- */

TEST(a_condition_may_be_destroyed_once_all_were_woken) {
    /* The waiters have been woken, but their calls have not returned yet. */
    for (unsigned i = 0; i < 2000 / test_slowdown(); i++) {
        struct gate gate = new_gate;
        pthread_cond_t *const condition = malloc(sizeof *condition);
        CHECK(condition != NULL);
        OK(pthread_cond_init(condition, NULL));
        const int count = 1 + (int)i % 4;
        struct with_mutex with = {condition, &gate.mutex, 0, 0};
        test_thread threads[4];
        for (int j = 0; j < count; j++) {
            with.in = 0;
            threads[j] = test_start(wait_with, &with);
            await(&with.in, 1);
        }
        OK(pthread_mutex_lock(&gate.mutex));
        with.go = 1;
        OK(pthread_cond_broadcast(condition));
        if (i % 2) OK(pthread_mutex_unlock(&gate.mutex));
        OK(pthread_cond_destroy(condition));
        memset(condition, 0xA5, sizeof *condition);
        free(condition);
        if (i % 2 == 0) OK(pthread_mutex_unlock(&gate.mutex));
        for (int j = 0; j < count; j++) (void)test_join(&threads[j]);
    }
}

TEST(a_condition_may_be_made_anew_in_the_same_memory_once_all_were_woken) {
    /* What is left of the old one's waiters must not meet the new one's. */
    for (unsigned i = 0; i < 1000 / test_slowdown(); i++) {
        pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
        pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
        struct with_mutex old = {&condition, &mutex, 0, 0}, new = {&condition, &mutex, 0, 0};
        test_thread first = test_start(wait_with, &old);
        await(&old.in, 1);
        OK(pthread_mutex_lock(&mutex));
        old.go = 1;
        OK(pthread_cond_signal(&condition));
        OK(pthread_mutex_unlock(&mutex));
        OK(pthread_cond_destroy(&condition));
        OK(pthread_cond_init(&condition, NULL));
        test_thread second = test_start(wait_with, &new);
        await(&new.in, 1);
        OK(pthread_mutex_lock(&mutex));
        new.go = 1;
        OK(pthread_cond_signal(&condition));
        OK(pthread_mutex_unlock(&mutex));
        (void)test_join(&first);
        (void)test_join(&second);
        OK(pthread_cond_destroy(&condition));
    }
}

struct owned {
    pthread_mutex_t mutex;
    pthread_cond_t done;
    bool finished;
};

static _Atomic(struct owned *) handed;

static void *finish(void *rounds) {
    for (intptr_t i = 0; i < (intptr_t)rounds; i++) {
        struct owned *work;
        while (!(work = handed)) sched_yield();
        handed = NULL;
        OK(pthread_mutex_lock(&work->mutex));
        work->finished = true;
        OK(pthread_cond_signal(&work->done)); /* under the mutex: the waiter cannot leave before the unlock */
        OK(pthread_mutex_unlock(&work->mutex));
    }
    return NULL;
}

TEST(the_woken_waiter_may_destroy_mutex_and_condition_at_once) {
    const intptr_t rounds = 20000 / test_slowdown();
    test_thread other = test_start(finish, (void *)rounds);
    for (intptr_t i = 0; i < rounds; i++) {
        struct owned *const work = malloc(sizeof *work);
        CHECK(work != NULL);
        OK(pthread_mutex_init(&work->mutex, NULL));
        OK(pthread_cond_init(&work->done, NULL));
        work->finished = false;
        handed = work;
        OK(pthread_mutex_lock(&work->mutex));
        while (!work->finished) OK(pthread_cond_wait(&work->done, &work->mutex));
        OK(pthread_mutex_unlock(&work->mutex));
        OK(pthread_cond_destroy(&work->done));
        OK(pthread_mutex_destroy(&work->mutex));
        memset(work, 0xA5, sizeof *work);
        free(work);
    }
    (void)test_join(&other);
}

TEST(nothing_is_written_beside_a_condition) {
    struct {
        unsigned char before[64];
        pthread_cond_t condition;
        unsigned char behind[64];
    } memory;
    memset(&memory, 0x5A, sizeof memory);
    OK(pthread_cond_init(&memory.condition, NULL));
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    for (int i = 0; i < 20; i++) {
        struct with_mutex with = {&memory.condition, &mutex, 0, 0};
        test_thread waiter = test_start(wait_with, &with);
        await(&with.in, 1);
        with.go = 1;
        OK(pthread_mutex_lock(&mutex));
        OK(i % 2 ? pthread_cond_signal(&memory.condition) : pthread_cond_broadcast(&memory.condition));
        OK(pthread_mutex_unlock(&mutex));
        (void)test_join(&waiter);
    }
    OK(pthread_cond_destroy(&memory.condition));
    for (int i = 0; i < 64; i++) CHECK(memory.before[i] == 0x5A && memory.behind[i] == 0x5A);
}
