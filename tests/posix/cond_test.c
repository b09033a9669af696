/* SPDX-License-Identifier: MIT */
/*
 * pthread_cond_*. Waits may wake spuriously: a test asks what it waits for, never how often it woke. Left
 * out, since POSIX leaves it undefined: waits at the same time with different mutexes.
 */
#include "posix.h"

struct gate {
    pthread_mutex_t mutex;
    pthread_cond_t opened;
    int waiting, open, passed;
};

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

/* Waits until so many wait: a thread that has counted itself and lets the mutex go is in its wait. */
static void await_waiting(struct gate *gate, int count) {
    for (bool there = false; !there;) {
        OK(pthread_mutex_lock(&gate->mutex));
        there = gate->waiting == count;
        OK(pthread_mutex_unlock(&gate->mutex));
        if (!there) sched_yield();
    }
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

struct with_mutex {
    pthread_cond_t *condition;
    pthread_mutex_t *mutex;
    _Atomic int in, go;
};

static void *wait_with(void *p) {
    struct with_mutex *const with = p;
    OK(pthread_mutex_lock(with->mutex));
    with->in = 1;
    while (!with->go) OK(pthread_cond_wait(with->condition, with->mutex));
    OK(pthread_mutex_unlock(with->mutex));
    return NULL;
}

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
        OK(pthread_mutex_lock(with.mutex)); /* the waiter has let it go */
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

struct timed_gate {
    struct gate gate;
    int by_clock;
    clockid_t clock;
    struct timespec deadline;
};

static void *pass_timed(void *p) {
    struct timed_gate *const timed = p;
    struct gate *const gate = &timed->gate;
    OK(pthread_mutex_lock(&gate->mutex));
    gate->waiting++;
    while (gate->open == 0)
        OK(timed->by_clock
               ? pthread_cond_clockwait(&gate->opened, &gate->mutex, timed->clock, &timed->deadline)
               : pthread_cond_timedwait(&gate->opened, &gate->mutex, &timed->deadline));
    OK(pthread_mutex_unlock(&gate->mutex));
    return NULL;
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

/* ---- signals of the other kind ---- */

static _Atomic int handled;

static void count(int number) {
    (void)number;
    handled++;
}

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
