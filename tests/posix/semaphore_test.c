/* SPDX-License-Identifier: MIT */
/* sem_*: unnamed and named semaphores. */
#include "posix.h"

#include <limits.h>

static int value_of(sem_t *semaphore) {
    int value;
    OK(sem_getvalue(semaphore, &value));
    return value;
}

TEST(a_semaphore_has_the_value_that_it_was_made_with) {
    const unsigned values[] = {0, 1, 7, SEM_VALUE_MAX};
    for (int i = 0; i < 4; i++) {
        sem_t semaphore;
        memset(&semaphore, 0xA5, sizeof semaphore);
        OK(sem_init(&semaphore, 0, values[i]));
        CHECK_EQ(value_of(&semaphore), values[i]);
        OK(sem_destroy(&semaphore));
    }
}

TEST(a_value_beyond_the_largest_is_refused) {
    sem_t semaphore;
    FAILS(sem_init(&semaphore, 0, SEM_VALUE_MAX + 1u), EINVAL);
    FAILS(sem_init(&semaphore, 1, UINT_MAX), EINVAL);
}

TEST(a_post_beyond_the_largest_value_is_refused) {
    sem_t semaphore;
    OK(sem_init(&semaphore, 0, SEM_VALUE_MAX));
    FAILS(sem_post(&semaphore), EOVERFLOW);
    CHECK_EQ(value_of(&semaphore), SEM_VALUE_MAX);
    OK(sem_wait(&semaphore));
    OK(sem_post(&semaphore));
    FAILS(sem_post(&semaphore), EOVERFLOW);
}

TEST(waits_take_the_value_down_to_nothing) {
    sem_t semaphore;
    const struct timespec past = {0, 0};
    OK(sem_init(&semaphore, 0, 4));
    OK(sem_wait(&semaphore));
    OK(sem_trywait(&semaphore));
    OK(sem_timedwait(&semaphore, &past)); /* what is there is taken whatever the deadline */
    OK(sem_clockwait(&semaphore, CLOCK_MONOTONIC, &past));
    CHECK_EQ(value_of(&semaphore), 0);
    FAILS(sem_trywait(&semaphore), EAGAIN);
    OK(sem_post(&semaphore));
    CHECK_EQ(value_of(&semaphore), 1);
    OK(sem_destroy(&semaphore));
}

TEST(an_empty_semaphore_is_waited_for_until_the_deadline) {
    sem_t semaphore;
    OK(sem_init(&semaphore, 0, 0));
    struct timespec soon = in_ms(CLOCK_REALTIME, 15), past = in_ms(CLOCK_REALTIME, -15), ancient = {-1, 0};
    FAILS(sem_timedwait(&semaphore, &soon), ETIMEDOUT);
    CHECK(reached(CLOCK_REALTIME, soon));
    FAILS(sem_timedwait(&semaphore, &past), ETIMEDOUT);
    FAILS(sem_timedwait(&semaphore, &ancient), ETIMEDOUT);
    for (int i = 0; i < 2; i++) {
        const clockid_t clock = i ? CLOCK_MONOTONIC : CLOCK_REALTIME;
        soon = in_ms(clock, 15);
        FAILS(sem_clockwait(&semaphore, clock, &soon), ETIMEDOUT);
        CHECK(reached(clock, soon));
        FAILS(sem_clockwait(&semaphore, clock, &ancient), ETIMEDOUT);
    }
    CHECK_EQ(value_of(&semaphore), 0);
    OK(sem_post(&semaphore));
    OK(sem_trywait(&semaphore));
}

TEST(a_deadline_that_is_none_is_refused_by_an_empty_semaphore) {
    sem_t semaphore;
    OK(sem_init(&semaphore, 0, 0));
    for (int i = 0; i < 2; i++) {
        FAILS(sem_timedwait(&semaphore, &no_times[i]), EINVAL);
        FAILS(sem_clockwait(&semaphore, CLOCK_MONOTONIC, &no_times[i]), EINVAL);
    }
    const struct timespec past = {0, 0};
    FAILS(sem_clockwait(&semaphore, CLOCK_PROCESS_CPUTIME_ID, &past), EINVAL);
    CHECK_EQ(value_of(&semaphore), 0);
}

/* ---- waits ---- */

struct with_semaphore {
    sem_t semaphore;
    int way;
    _Atomic int passed;
};

static int wait_by(struct with_semaphore *with) {
    const struct timespec end = {(time_t)(~(uint64_t)0 >> 1), BILLION - 1}; /* which must not wrap */
    switch (with->way) {
    case 0:
        return sem_wait(&with->semaphore);
    case 1:
        return sem_timedwait(&with->semaphore, &end);
    case 2:
        return sem_clockwait(&with->semaphore, CLOCK_REALTIME, &end);
    default:
        return sem_clockwait(&with->semaphore, CLOCK_MONOTONIC, &end);
    }
}

static void *pass(void *p) {
    struct with_semaphore *const with = p;
    OK(wait_by(with));
    with->passed++;
    return NULL;
}

TEST(a_post_lets_one_waiter_go_on) {
    for (int way = 0; way < 4; way++) {
        struct with_semaphore with = {.way = way};
        OK(sem_init(&with.semaphore, 0, 0));
        test_thread threads[3];
        for (int i = 0; i < 3; i++) threads[i] = test_start(pass, &with);
        for (int i = 0; i < 3; i++) await_blocked(&threads[i]);
        for (int i = 0; i < 3; i++) {
            CHECK(value_of(&with.semaphore) <= 0); /* or how many wait, negative */
            OK(sem_post(&with.semaphore));
            await(&with.passed, i + 1);
        }
        for (int i = 0; i < 3; i++) (void)test_join(&threads[i]);
        CHECK_EQ(value_of(&with.semaphore), 0);
        OK(sem_destroy(&with.semaphore));
    }
}

static _Atomic int handled;

static void count(int number) {
    (void)number;
    handled++;
}

static void *be_interrupted(void *p) {
    struct with_semaphore *const with = p;
    CHECK_EQ(wait_by(with), -1);
    return (void *)(intptr_t)errno;
}

TEST(a_handler_of_signals_ends_a_wait) {
    on_signal_do(SIGUSR1, count);
    for (int way = 0; way < 4; way++) {
        struct with_semaphore with = {.way = way};
        OK(sem_init(&with.semaphore, 0, 0));
        test_thread thread = test_start(be_interrupted, &with);
        await_blocked(&thread);
        OK(pthread_kill(thread.thread, SIGUSR1));
        CHECK_EQ((intptr_t)test_join(&thread), EINTR);
        OK(sem_post(&with.semaphore)); /* which nobody has taken */
        OK(sem_trywait(&with.semaphore));
    }
}

static sem_t posted_by_handler;

static void post(int number) {
    (void)number;
    const int error = errno;
    OK(sem_post(&posted_by_handler));
    errno = error;
}

static void *post_by_signals(void *rounds) {
    for (intptr_t i = 0; i < (intptr_t)rounds; i++) (void)raise(SIGUSR2);
    return NULL;
}

TEST(a_handler_may_post) {
    on_signal_do(SIGUSR2, post);
    OK(sem_init(&posted_by_handler, 0, 0));
    const intptr_t rounds = 20000 / test_slowdown();
    test_thread poster = test_start(post_by_signals, (void *)rounds);
    for (intptr_t i = 0; i < rounds; i++) OK(sem_wait(&posted_by_handler));
    (void)test_join(&poster);
    FAILS(sem_trywait(&posted_by_handler), EAGAIN);
}

TEST(a_handler_may_post_to_the_thread_that_it_interrupts) {
    on_signal_do(SIGUSR2, post);
    OK(sem_init(&posted_by_handler, 0, 0));
    for (int i = 0; i < 1000; i++) {
        (void)raise(SIGUSR2);
        OK(sem_wait(&posted_by_handler));
        (void)raise(SIGUSR2);
        const struct timespec past = {0, 0};
        OK(sem_timedwait(&posted_by_handler, &past));
    }
}

/* ---- destruction ---- */

static _Atomic(sem_t *) handed;

static void *post_handed(void *rounds) {
    for (intptr_t i = 0; i < (intptr_t)rounds; i++) {
        sem_t *semaphore;
        while (!(semaphore = handed)) sched_yield();
        handed = NULL;
        OK(sem_post(semaphore));
    }
    return NULL;
}

TEST(the_woken_waiter_may_destroy_at_once) {
    /* The post may not have returned yet when the memory is someone else's. */
    const intptr_t rounds = 20000 / test_slowdown();
    test_thread poster = test_start(post_handed, (void *)rounds);
    for (intptr_t i = 0; i < rounds; i++) {
        sem_t *const semaphore = malloc(sizeof *semaphore);
        CHECK(semaphore != NULL);
        OK(sem_init(semaphore, 0, 0));
        handed = semaphore;
        OK(sem_wait(semaphore));
        OK(sem_destroy(semaphore));
        memset(semaphore, 0xA5, sizeof *semaphore);
        free(semaphore);
    }
    (void)test_join(&poster);
}

TEST(nothing_is_written_beside_a_semaphore) {
    struct {
        unsigned char before[64];
        sem_t semaphore;
        unsigned char behind[64];
    } memory;
    memset(&memory, 0x5A, sizeof memory);
    OK(sem_init(&memory.semaphore, 0, 1));
    OK(sem_wait(&memory.semaphore));
    const struct timespec soon = in_ms(CLOCK_REALTIME, 5);
    FAILS(sem_timedwait(&memory.semaphore, &soon), ETIMEDOUT);
    OK(sem_post(&memory.semaphore));
    OK(sem_destroy(&memory.semaphore));
    for (int i = 0; i < 64; i++) CHECK(memory.before[i] == 0x5A && memory.behind[i] == 0x5A);
}

/* ---- many threads ---- */

enum { SIDES = 4, ROUNDS = 20000 };

static void *post_many(void *semaphore) {
    for (int i = 0; i < ROUNDS; i++) OK(sem_post(semaphore));
    return NULL;
}

static void *wait_many(void *semaphore) {
    for (int i = 0; i < ROUNDS; i++) {
        const struct timespec soon = in_ms(CLOCK_REALTIME, 1);
        switch (i % 3) {
        case 0:
            OK(sem_wait(semaphore));
            break;
        case 1:
            while (sem_trywait(semaphore)) sched_yield();
            break;
        default:
            if (sem_timedwait(semaphore, &soon)) i--, CHECK_EQ(errno, ETIMEDOUT);
        }
    }
    return NULL;
}

TEST(every_post_is_taken_once) {
    sem_t semaphore;
    OK(sem_init(&semaphore, 0, 0));
    test_thread threads[2 * SIDES];
    for (int i = 0; i < SIDES; i++) {
        threads[2 * i] = test_start(wait_many, &semaphore);
        threads[2 * i + 1] = test_start(post_many, &semaphore);
    }
    for (int i = 0; i < 2 * SIDES; i++) (void)test_join(&threads[i]);
    CHECK_EQ(value_of(&semaphore), 0);
}

/* ---- processes and names ---- */

static void play(sem_t *ping, sem_t *pong) {
    for (int i = 0; i < 1000; i++) {
        OK(sem_wait(ping));
        OK(sem_post(pong));
    }
}

TEST(processes_share_a_semaphore) {
    sem_t *const semaphores = shared_memory(2 * sizeof *semaphores);
    OK(sem_init(&semaphores[0], 1, 1));
    OK(sem_init(&semaphores[1], 1, 0));
    const pid_t child = fork();
    CHECK(child >= 0);
    play(&semaphores[child == 0], &semaphores[child != 0]);
    if (child == 0) _exit(0);
    test_join_child(child);
    CHECK_EQ(value_of(&semaphores[0]), 1);
    OK(sem_destroy(&semaphores[0]));
    OK(sem_destroy(&semaphores[1]));
}

static const char *name_of_this_process(char *name, size_t size) {
    (void)snprintf(name, size, "/thrum-posix-%d", (int)getpid());
    return name;
}

TEST(a_named_semaphore_is_one_for_all_that_open_it) {
    char name[64];
    (void)name_of_this_process(name, sizeof name);
    (void)sem_unlink(name);
    CHECK(sem_open(name, 0) == SEM_FAILED);
    CHECK_EQ(errno, ENOENT);
    sem_t *const first = sem_open(name, O_CREAT | O_EXCL, 0600, 3u);
    CHECK(first != SEM_FAILED);
    CHECK(sem_open(name, O_CREAT | O_EXCL, 0600, 1u) == SEM_FAILED);
    CHECK_EQ(errno, EEXIST);
    CHECK(sem_open(name, 0) == first); /* one address a process */
    CHECK(sem_open(name, O_CREAT, 0600, 9u) == first);
    CHECK_EQ(value_of(first), 3);
    for (int i = 0; i < 3; i++) OK(sem_wait(first));
    FAILS(sem_trywait(first), EAGAIN);

    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        sem_t *const mine = sem_open(name, 0);
        CHECK(mine != SEM_FAILED);
        for (int i = 0; i < 100; i++) OK(sem_post(mine));
        _exit(0);
    }
    for (int i = 0; i < 100; i++) OK(sem_wait(first));
    test_join_child(child);
    OK(sem_unlink(name));
    FAILS(sem_unlink(name), ENOENT);
    OK(sem_post(first)); /* it goes on for those that have it open */
    OK(sem_wait(first));
    for (int i = 0; i < 3; i++) OK(sem_close(first));
}

TEST(a_named_semaphores_first_value_is_looked_at) {
    char name[64];
    CHECK(sem_open(name_of_this_process(name, sizeof name), O_CREAT | O_EXCL, 0600, SEM_VALUE_MAX + 1u) ==
          SEM_FAILED);
    CHECK_EQ(errno, EINVAL);
    CHECK(sem_open("/thrum/posix", O_CREAT, 0600, 1u) == SEM_FAILED);
}
