/* SPDX-License-Identifier: MIT */
/*
 * pthread_cond_*. Waits may wake spuriously: a test asks what it waits for, never how often it woke. Left
 * out, since POSIX leaves it undefined: waits at the same time with different mutexes.
 */
#include "cond_parts.h"
#include "posix.h"

static const struct gate new_gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, 0, 0};

/* Waits for a place in the open gate. */
static void *pass(void *p) {
    struct gate *const gate = p;
    OK(pthread_mutex_lock(&gate->mutex));
    gate->waiting++;
    while (gate->open == 0) OK(pthread_cond_wait(&gate->opened, &gate->mutex));
    gate->open--;
    gate->passed++;
    OK(pthread_mutex_unlock(&gate->mutex));
    return NULL;
}

static void start_passing(test_thread *threads, int count, struct gate *gate) {
    for (int i = 0; i < count; i++) threads[i] = test_start(pass, gate);
    await_waiting(gate, count);
}

TEST(a_signal_lets_a_waiter_go_on) {
    struct gate gate = new_gate;
    test_thread thread;
    start_passing(&thread, 1, &gate);
    OK(pthread_mutex_lock(&gate.mutex));
    gate.open = 1;
    OK(pthread_cond_signal(&gate.opened));
    OK(pthread_mutex_unlock(&gate.mutex));
    (void)test_join(&thread);
    OK(pthread_cond_destroy(&gate.opened));
    OK(pthread_mutex_destroy(&gate.mutex));
}

TEST(as_many_signals_as_waiters_let_all_go_on) {
    struct gate gate = new_gate;
    test_thread threads[16];
    start_passing(threads, 16, &gate);
    for (int i = 0; i < 16; i++) {
        OK(pthread_mutex_lock(&gate.mutex));
        gate.open++;
        OK(pthread_mutex_unlock(&gate.mutex));
        OK(pthread_cond_signal(&gate.opened)); /* without the mutex */
    }
    for (int i = 0; i < 16; i++) (void)test_join(&threads[i]);
    CHECK_EQ(gate.passed, 16);
}

TEST(a_broadcast_lets_all_go_on) {
    for (int held = 0; held < 2; held++) {
        struct gate gate = new_gate;
        test_thread threads[16];
        start_passing(threads, 16, &gate);
        OK(pthread_mutex_lock(&gate.mutex));
        gate.open = 16;
        if (held) OK(pthread_cond_broadcast(&gate.opened));
        OK(pthread_mutex_unlock(&gate.mutex));
        if (!held) OK(pthread_cond_broadcast(&gate.opened));
        for (int i = 0; i < 16; i++) (void)test_join(&threads[i]);
        CHECK_EQ(gate.passed, 16);
    }
}

TEST(a_signal_that_nobody_waits_for_is_not_kept) {
    static pthread_cond_t conditions[2] = {PTHREAD_COND_INITIALIZER}; /* the other one is zero */
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    for (int i = 0; i < 2; i++) {
        for (int j = 0; j < 1000; j++) {
            OK(pthread_cond_signal(&conditions[i]));
            OK(pthread_cond_broadcast(&conditions[i]));
        }
        OK(pthread_mutex_lock(&mutex));
        int result;
        const struct timespec soon = in_ms(CLOCK_REALTIME, 15);
        do result = pthread_cond_timedwait(&conditions[i], &mutex, &soon);
        while (result == 0 && !reached(CLOCK_REALTIME, soon));
        CHECK_EQ(result, ETIMEDOUT);
        OK(pthread_mutex_unlock(&mutex));
    }
}

TEST(a_static_condition_works_after_signals_that_nobody_waited_for) {
    static struct gate gate; /* zero: as the initialisers make it, on this system */
    for (int i = 0; i < 100; i++)
        OK(i % 2 ? pthread_cond_signal(&gate.opened) : pthread_cond_broadcast(&gate.opened));
    test_thread threads[2];
    start_passing(threads, 2, &gate);
    OK(pthread_mutex_lock(&gate.mutex));
    gate.open = 2;
    OK(pthread_mutex_unlock(&gate.mutex));
    OK(pthread_cond_broadcast(&gate.opened));
    for (int i = 0; i < 2; i++) (void)test_join(&threads[i]);
}

TEST(init_makes_a_condition_of_any_memory) {
    struct gate gate = new_gate;
    for (int i = 0; i < 3; i++) {
        if (i < 2) memset(&gate.opened, i ? 0xFF : 0xA5, sizeof gate.opened); /* else a destroyed one */
        OK(pthread_cond_init(&gate.opened, NULL));
        gate.waiting = gate.open = 0;
        test_thread threads[2];
        start_passing(threads, 2, &gate);
        OK(pthread_mutex_lock(&gate.mutex));
        gate.open = 2;
        OK(pthread_cond_broadcast(&gate.opened));
        OK(pthread_mutex_unlock(&gate.mutex));
        for (int j = 0; j < 2; j++) (void)test_join(&threads[j]);
        OK(pthread_cond_destroy(&gate.opened));
    }
}

/* ---- the mutex ---- */

TEST(each_wait_may_have_another_mutex) {
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    pthread_mutex_t mutexes[5] = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
                                  PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
                                  PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP};
    OK(pthread_mutex_init(&mutexes[4], NULL));
    for (int i = 0; i < 50; i++) {
        struct with_mutex with = {&condition, &mutexes[i % 5], 0, 0};
        test_thread waiter = test_start(wait_with, &with);
        await(&with.in, 1);
        OK(pthread_mutex_lock(with.mutex)); /* the waiter has released it */
        with.go = 1;
        OK(pthread_cond_signal(&condition));
        OK(pthread_mutex_unlock(with.mutex));
        (void)test_join(&waiter);
    }
    OK(pthread_cond_destroy(&condition));
}

TEST(a_checking_mutex_that_is_not_the_callers_is_refused) {
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    const struct timespec soon = in_ms(CLOCK_REALTIME, 1000);
    CHECK_EQ(pthread_cond_wait(&condition, &mutex), EPERM);
    CHECK_EQ(pthread_cond_timedwait(&condition, &mutex, &soon), EPERM);
    CHECK_EQ(pthread_cond_clockwait(&condition, &mutex, CLOCK_REALTIME, &soon), EPERM);
    OK(pthread_mutex_lock(&mutex)); /* and stays as it was */
    OK(pthread_mutex_unlock(&mutex));
    OK(pthread_cond_destroy(&condition));
}

TEST(every_wait_returns_with_the_mutex) {
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    pthread_mutex_t mutexes[2] = {PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
                                  PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP};
    for (int i = 0; i < 2; i++) {
        const struct timespec past = in_ms(CLOCK_REALTIME, -1000), ancient = {-5, 0};
        OK(pthread_mutex_lock(&mutexes[i]));
        CHECK_EQ(pthread_cond_timedwait(&condition, &mutexes[i], &past), ETIMEDOUT);
        CHECK_EQ(pthread_cond_timedwait(&condition, &mutexes[i], &ancient), ETIMEDOUT);
        for (int j = 0; j < 2; j++)
            CHECK_EQ(pthread_cond_timedwait(&condition, &mutexes[i], &no_times[j]), EINVAL);
        const struct timespec monotonic = in_ms(CLOCK_MONOTONIC, -1000);
        CHECK_EQ(pthread_cond_clockwait(&condition, &mutexes[i], CLOCK_MONOTONIC, &monotonic), ETIMEDOUT);
        CHECK_EQ(pthread_cond_clockwait(&condition, &mutexes[i], CLOCK_REALTIME, &past), ETIMEDOUT);
        OK(pthread_mutex_unlock(&mutexes[i]));
        CHECK_EQ(pthread_mutex_unlock(&mutexes[i]), EPERM);
    }
}

static void *lock_signalling(void *p) {
    struct with_mutex *const with = p;
    OK(pthread_mutex_lock(with->mutex));
    with->in = 1;
    OK(pthread_mutex_unlock(with->mutex));
    return NULL;
}

TEST(a_wait_lets_the_mutex_go_before_its_deadline_is_looked_at) {
    /* A past deadline, too, gives the mutex to a thread that is waiting for it at some time. */
    pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    struct with_mutex with = {&condition, &mutex, 0, 0};
    OK(pthread_mutex_lock(&mutex));
    test_thread other = test_start(lock_signalling, &with);
    while (!with.in) {
        const struct timespec past = in_ms(CLOCK_REALTIME, -1);
        CHECK_EQ(pthread_cond_timedwait(&condition, &mutex, &past), ETIMEDOUT);
    }
    OK(pthread_mutex_unlock(&mutex));
    (void)test_join(&other);
}

/* ---- signals of the other kind ---- */

TEST(a_handler_of_signals_does_not_end_a_wait_with_an_error) {
    on_signal_do(SIGUSR1, count);
    struct gate gate = new_gate;
    struct timed_gate timed = {.gate = new_gate, .deadline = in_ms(CLOCK_REALTIME, 600000)};
    test_thread threads[] = {test_start(pass, &gate), test_start(pass_timed, &timed)};
    struct gate *const gates[] = {&gate, &timed.gate};
    for (int i = 0; i < 2; i++) {
        await_waiting(gates[i], 1);
        for (int j = 0; j < 10; j++) {
            await_blocked(&threads[i]);
            const int before = handled;
            OK(pthread_kill(threads[i].thread, SIGUSR1));
            await(&handled, before + 1);
        }
        OK(pthread_mutex_lock(&gates[i]->mutex));
        gates[i]->open = 1;
        OK(pthread_cond_signal(&gates[i]->opened));
        OK(pthread_mutex_unlock(&gates[i]->mutex));
        (void)test_join(&threads[i]);
    }
}

/* ---- many threads ---- */

enum { ITEMS = 20000, ROOM = 4, SIDES = 4 };

struct buffer {
    pthread_mutex_t mutex;
    pthread_cond_t not_empty, not_full;
    int items[ROOM], used, next, put, got;
    long long sum;
    int way;
};

/* All ways of waiting in turn; a wait that times out looks again. */
static void wait_on(struct buffer *buffer, pthread_cond_t *condition) {
    const clockid_t clock = buffer->way % 2 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    const struct timespec soon = in_ms(clock, 1), late = in_ms(CLOCK_REALTIME, 600000);
    switch (buffer->way++ % 4) {
    case 0:
        OK(pthread_cond_wait(condition, &buffer->mutex));
        break;
    case 1:
        OK(pthread_cond_timedwait(condition, &buffer->mutex, &late));
        break;
    default: {
        const int result = pthread_cond_clockwait(condition, &buffer->mutex, clock, &soon);
        CHECK(result == 0 || result == ETIMEDOUT);
    }
    }
}

static void *produce(void *p) {
    struct buffer *const buffer = p;
    for (;;) {
        OK(pthread_mutex_lock(&buffer->mutex));
        while (buffer->used == ROOM && buffer->put < ITEMS) wait_on(buffer, &buffer->not_full);
        const bool more = buffer->put < ITEMS;
        if (more) {
            buffer->items[(buffer->next + buffer->used++) % ROOM] = buffer->put++;
            if (buffer->put == ITEMS) OK(pthread_cond_broadcast(&buffer->not_full));
        }
        OK(pthread_mutex_unlock(&buffer->mutex));
        if (!more) return NULL;
        OK(pthread_cond_signal(&buffer->not_empty));
    }
}

static void *consume(void *p) {
    struct buffer *const buffer = p;
    for (;;) {
        OK(pthread_mutex_lock(&buffer->mutex));
        while (buffer->used == 0 && buffer->got < ITEMS) wait_on(buffer, &buffer->not_empty);
        const bool more = buffer->got < ITEMS;
        if (more) {
            CHECK_EQ(buffer->items[buffer->next], buffer->got++);
            buffer->sum += buffer->items[buffer->next];
            buffer->next = (buffer->next + 1) % ROOM;
            buffer->used--;
            if (buffer->got == ITEMS) OK(pthread_cond_broadcast(&buffer->not_empty));
            OK(pthread_cond_signal(&buffer->not_full));
        }
        OK(pthread_mutex_unlock(&buffer->mutex));
        if (!more) return NULL;
    }
}

TEST(a_bounded_buffer_hands_on_each_item_once) {
    struct buffer buffer = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                            .not_empty = PTHREAD_COND_INITIALIZER,
                            .not_full = PTHREAD_COND_INITIALIZER};
    test_thread threads[2 * SIDES];
    for (int i = 0; i < SIDES; i++) {
        threads[2 * i] = test_start(produce, &buffer);
        threads[2 * i + 1] = test_start(consume, &buffer);
    }
    for (int i = 0; i < 2 * SIDES; i++) (void)test_join(&threads[i]);
    CHECK_EQ(buffer.sum, (long long)ITEMS * (ITEMS - 1) / 2);
}
