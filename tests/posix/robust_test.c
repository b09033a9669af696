/* SPDX-License-Identifier: MIT */
/*
 * Mutexes that are robust, that inherit priorities, or that processes share. A library in front of the C
 * library may leave these to it; the tests hold either way.
 */
#include "posix.h"

static pthread_mutex_t *init(pthread_mutex_t *mutex, int type, int robust, int protocol, int shared) {
    pthread_mutexattr_t attributes;
    OK(pthread_mutexattr_init(&attributes));
    OK(pthread_mutexattr_settype(&attributes, type));
    OK(pthread_mutexattr_setrobust(&attributes, robust));
    OK(pthread_mutexattr_setprotocol(&attributes, protocol));
    OK(pthread_mutexattr_setpshared(&attributes, shared));
    const int error = pthread_mutex_init(mutex, &attributes);
    if (error == ENOTSUP) test_skip("this system has no such mutex");
    OK(error);
    OK(pthread_mutexattr_destroy(&attributes));
    return mutex;
}

static pthread_mutex_t *init_robust(pthread_mutex_t *mutex, int type) {
    return init(mutex, type, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE, PTHREAD_PROCESS_PRIVATE);
}

static void *lock_and_end(void *mutex) {
    OK(pthread_mutex_lock(mutex));
    return NULL;
}

static void die_with(pthread_mutex_t *mutex) {
    test_thread owner = test_start(lock_and_end, mutex);
    (void)test_join(&owner);
}

static void *try_lock(void *mutex) {
    const int result = pthread_mutex_trylock(mutex);
    if (result == 0) OK(pthread_mutex_unlock(mutex));
    return (void *)(intptr_t)result;
}

static int try_elsewhere(pthread_mutex_t *mutex) {
    test_thread thread = test_start(try_lock, mutex);
    return (int)(intptr_t)test_join(&thread);
}

static const int types[] = {PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE};
enum { TYPES = sizeof types / sizeof *types };

/* ---- robust ---- */

static int lock_by(pthread_mutex_t *mutex, int way) {
    const struct timespec later = in_ms(CLOCK_REALTIME, 60000);
    switch (way) {
    case 0:
        return pthread_mutex_lock(mutex);
    case 1:
        return pthread_mutex_trylock(mutex);
    case 2:
        return pthread_mutex_timedlock(mutex, &later);
    default:
        return pthread_mutex_clocklock(mutex, CLOCK_REALTIME, &later);
    }
}

TEST(the_next_owner_is_told_that_the_last_one_died) {
    for (int i = 0; i < TYPES; i++)
        for (int way = 0; way < 4; way++) {
            pthread_mutex_t mutex;
            die_with(init_robust(&mutex, types[i]));
            CHECK_EQ(lock_by(&mutex, way), EOWNERDEAD);
            CHECK_EQ(try_elsewhere(&mutex), EBUSY); /* it is locked all the same */
            OK(pthread_mutex_consistent(&mutex));
            OK(pthread_mutex_unlock(&mutex));
            OK(lock_by(&mutex, way));
            OK(pthread_mutex_unlock(&mutex));
            OK(pthread_mutex_destroy(&mutex));
        }
}

TEST(a_mutex_left_inconsistent_is_never_locked_again) {
    for (int i = 0; i < TYPES; i++)
        for (int way = 0; way < 4; way++) {
            pthread_mutex_t mutex;
            die_with(init_robust(&mutex, types[i]));
            CHECK_EQ(lock_by(&mutex, way), EOWNERDEAD);
            OK(pthread_mutex_unlock(&mutex));
            CHECK_EQ(lock_by(&mutex, way), ENOTRECOVERABLE);
            if (way != 1)
                CHECK_EQ(lock_by(&mutex, 0), ENOTRECOVERABLE); /* glibc 2.36 waits after such a trylock */
            OK(pthread_mutex_destroy(&mutex));                 /* all that is left to do */
            OK(pthread_mutex_lock(init_robust(&mutex, types[i])));
            OK(pthread_mutex_unlock(&mutex));
        }
}

TEST(consistent_is_refused_where_nobody_died) {
    pthread_mutex_t plain = PTHREAD_MUTEX_INITIALIZER, robust;
    OK(pthread_mutex_lock(&plain));
    CHECK_EQ(pthread_mutex_consistent(&plain), EINVAL);
    OK(pthread_mutex_unlock(&plain));
    OK(pthread_mutex_lock(init_robust(&robust, PTHREAD_MUTEX_NORMAL)));
    CHECK_EQ(pthread_mutex_consistent(&robust), EINVAL);
    OK(pthread_mutex_unlock(&robust));
}

static _Atomic int may_end;

static void *lock_and_end_when_told(void *mutex) {
    OK(pthread_mutex_lock(mutex));
    await(&may_end, 1);
    return NULL;
}

static void *inherit(void *mutex) {
    const int result = pthread_mutex_lock(mutex);
    if (result == EOWNERDEAD) OK(pthread_mutex_consistent(mutex));
    OK(pthread_mutex_unlock(mutex));
    return (void *)(intptr_t)result;
}

TEST(a_waiter_inherits_from_an_owner_that_dies) {
    pthread_mutex_t mutex;
    init_robust(&mutex, PTHREAD_MUTEX_NORMAL);
    test_thread owner = test_start(lock_and_end_when_told, &mutex);
    while (try_elsewhere(&mutex) != EBUSY) sched_yield();
    test_thread waiters[] = {test_start(inherit, &mutex), test_start(inherit, &mutex)};
    for (int i = 0; i < 2; i++) await_blocked(&waiters[i]);
    may_end = 1;
    (void)test_join(&owner);
    const int results = (int)((intptr_t)test_join(&waiters[0]) + (intptr_t)test_join(&waiters[1]));
    CHECK_EQ(results, EOWNERDEAD); /* one of them, and the other locks it as usual */
}

TEST(a_process_that_is_killed_leaves_the_mutex_to_the_next) {
    pthread_mutex_t *const mutex = shared_memory(sizeof *mutex);
    init(mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE, PTHREAD_PROCESS_SHARED);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        OK(pthread_mutex_lock(mutex));
        (void)raise(SIGKILL);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(pthread_mutex_lock(mutex), EOWNERDEAD);
    OK(pthread_mutex_consistent(mutex));
    OK(pthread_mutex_unlock(mutex));
}

struct with_condition {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    bool ready, may_die;
};

static void *wait_for_change(void *p) {
    struct with_condition *const shared = p;
    OK(pthread_mutex_lock(&shared->mutex));
    shared->ready = true;
    int result = 0;
    while (shared->ready && result == 0) result = pthread_cond_wait(&shared->changed, &shared->mutex);
    if (result == EOWNERDEAD) OK(pthread_mutex_consistent(&shared->mutex));
    OK(pthread_mutex_unlock(&shared->mutex));
    return (void *)(intptr_t)result;
}

static void *signal_and_die(void *p) {
    struct with_condition *const shared = p;
    OK(pthread_mutex_lock(&shared->mutex));
    shared->ready = false;
    OK(pthread_cond_signal(&shared->changed));
    return NULL;
}

TEST(a_waiter_of_a_condition_is_told_that_the_owner_died) {
    struct with_condition shared = {.changed = PTHREAD_COND_INITIALIZER};
    init_robust(&shared.mutex, PTHREAD_MUTEX_NORMAL);
    test_thread waiter = test_start(wait_for_change, &shared);
    for (bool ready = false; !ready;) {
        OK(pthread_mutex_lock(&shared.mutex));
        ready = shared.ready;
        OK(pthread_mutex_unlock(&shared.mutex));
    }
    test_thread notifier = test_start(signal_and_die, &shared);
    (void)test_join(&notifier);
    CHECK_EQ((intptr_t)test_join(&waiter), EOWNERDEAD);
    OK(pthread_mutex_lock(&shared.mutex));
    OK(pthread_mutex_unlock(&shared.mutex));
}

/* ---- priorities ---- */

static void *lock_and_unlock(void *mutex) {
    OK(pthread_mutex_lock(mutex));
    OK(pthread_mutex_unlock(mutex));
    return NULL;
}

TEST(a_mutex_that_inherits_priorities_excludes) {
    for (int i = 0; i < TYPES; i++) {
        pthread_mutex_t mutex;
        init(&mutex, types[i], PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT, PTHREAD_PROCESS_PRIVATE);
        OK(pthread_mutex_lock(&mutex));
        CHECK_EQ(try_elsewhere(&mutex), EBUSY);
        test_thread waiter = test_start(lock_and_unlock, &mutex);
        await_blocked(&waiter);
        OK(pthread_mutex_unlock(&mutex));
        (void)test_join(&waiter);
        const struct timespec later = in_ms(CLOCK_REALTIME, 60000);
        OK(pthread_mutex_timedlock(&mutex, &later));
        if (types[i] == PTHREAD_MUTEX_ERRORCHECK) CHECK_EQ(pthread_mutex_lock(&mutex), EDEADLK);
        if (types[i] == PTHREAD_MUTEX_RECURSIVE) {
            OK(pthread_mutex_lock(&mutex));
            OK(pthread_mutex_unlock(&mutex));
        }
        OK(pthread_mutex_unlock(&mutex));
        if (types[i] != PTHREAD_MUTEX_NORMAL) CHECK_EQ(pthread_mutex_unlock(&mutex), EPERM);
        OK(pthread_mutex_destroy(&mutex));
    }
}

static void *lock_until_soon(void *mutex) {
    const struct timespec soon = in_ms(CLOCK_REALTIME, 15);
    CHECK_EQ(pthread_mutex_timedlock(mutex, &soon), ETIMEDOUT);
    CHECK(reached(CLOCK_REALTIME, soon));
    return NULL;
}

TEST(a_mutex_that_inherits_priorities_is_waited_for_until_the_deadline) {
    pthread_mutex_t mutex;
    init(&mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT, PTHREAD_PROCESS_PRIVATE);
    OK(pthread_mutex_lock(&mutex));
    test_thread waiter = test_start(lock_until_soon, &mutex);
    (void)test_join(&waiter);
    OK(pthread_mutex_unlock(&mutex));
    OK(pthread_mutex_lock(&mutex));
    OK(pthread_mutex_unlock(&mutex));
}

TEST(a_condition_takes_a_mutex_that_inherits_priorities) {
    struct with_condition shared = {.changed = PTHREAD_COND_INITIALIZER};
    init(&shared.mutex, PTHREAD_MUTEX_NORMAL, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT,
         PTHREAD_PROCESS_PRIVATE);
    test_thread waiter = test_start(wait_for_change, &shared);
    for (bool ready = false; !ready;) {
        OK(pthread_mutex_lock(&shared.mutex));
        ready = shared.ready;
        OK(pthread_mutex_unlock(&shared.mutex));
    }
    OK(pthread_mutex_lock(&shared.mutex));
    shared.ready = false;
    OK(pthread_cond_signal(&shared.changed));
    OK(pthread_mutex_unlock(&shared.mutex));
    CHECK_EQ((intptr_t)test_join(&waiter), 0);
}

#ifdef __GLIBC__
TEST(a_ceiling_is_a_matter_of_mutexes_that_protect_priorities) {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    int ceiling;
    CHECK_EQ(pthread_mutex_getprioceiling(&mutex, &ceiling), EINVAL);
    CHECK_EQ(pthread_mutex_setprioceiling(&mutex, 1, &ceiling), EINVAL);
    pthread_mutexattr_t attributes;
    OK(pthread_mutexattr_init(&attributes));
    CHECK_EQ(pthread_mutexattr_setprioceiling(&attributes, -1), EINVAL);
    OK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_PROTECT));
    const int highest = sched_get_priority_max(SCHED_FIFO);
    OK(pthread_mutexattr_setprioceiling(&attributes, highest));
    OK(pthread_mutexattr_getprioceiling(&attributes, &ceiling));
    CHECK_EQ(ceiling, highest);
    OK(pthread_mutex_init(&mutex, &attributes));
    OK(pthread_mutex_getprioceiling(&mutex, &ceiling));
    CHECK_EQ(ceiling, highest);
    OK(pthread_mutex_destroy(&mutex));
    OK(pthread_mutexattr_destroy(&attributes));
}
#endif

/* ---- between processes ---- */

enum { ROUNDS = 3000 };

struct of_processes {
    pthread_mutex_t mutex;
    pthread_cond_t turned;
    int turn;
    long count, copy;
};

static void init_conditions(pthread_cond_t *condition) {
    pthread_condattr_t attributes;
    OK(pthread_condattr_init(&attributes));
    OK(pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    OK(pthread_cond_init(condition, &attributes));
    OK(pthread_condattr_destroy(&attributes));
}

static void count_in_turns(struct of_processes *shared, int me) {
    for (int i = 0; i < ROUNDS; i++) {
        OK(pthread_mutex_lock(&shared->mutex));
        CHECK_EQ(shared->count++, shared->copy++);
        OK(pthread_mutex_unlock(&shared->mutex));
    }
    for (int i = 0; i < ROUNDS / 10; i++) {
        OK(pthread_mutex_lock(&shared->mutex));
        while (shared->turn != me) OK(pthread_cond_wait(&shared->turned, &shared->mutex));
        shared->turn = !me;
        OK(pthread_cond_broadcast(&shared->turned));
        OK(pthread_mutex_unlock(&shared->mutex));
    }
}

TEST(processes_share_mutexes_and_conditions) {
    for (int i = 0; i < TYPES; i++) {
        struct of_processes *const shared = shared_memory(sizeof *shared);
        init(&shared->mutex, types[i], PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE, PTHREAD_PROCESS_SHARED);
        init_conditions(&shared->turned);
        const pid_t child = fork();
        CHECK(child >= 0);
        count_in_turns(shared, child == 0);
        if (child == 0) _exit(0);
        test_join_child(child);
        CHECK_EQ(shared->count, 2 * ROUNDS);
        OK(pthread_cond_destroy(&shared->turned));
        OK(pthread_mutex_destroy(&shared->mutex));
    }
}
