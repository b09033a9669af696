/* SPDX-License-Identifier: MIT */
/*
 * pthread_mutex_*, but for what is shared with other processes, robust or inherits priorities
 * (robust_test.c). Left out, since POSIX leaves them undefined: a relock of a default mutex, an unlock of a
 * normal one that is not the caller's, the destruction of one that is locked.
 */
#include "mutex_parts.h"
#include "posix.h"

/* What every mutex can do, whatever its type. */
static void exercise(pthread_mutex_t *mutex) {
    for (int i = 0; i < 3; i++) {
        OK(pthread_mutex_lock(mutex));
        CHECK_EQ(try_elsewhere(mutex), EBUSY);
        OK(pthread_mutex_unlock(mutex));
        CHECK_EQ(try_elsewhere(mutex), 0);
        OK(pthread_mutex_trylock(mutex));
        test_thread waiter = test_start(lock_and_unlock, mutex);
        await_blocked(&waiter);
        OK(pthread_mutex_unlock(mutex));
        (void)test_join(&waiter);
        const struct timespec later = in_ms(CLOCK_REALTIME, 60000);
        OK(pthread_mutex_timedlock(mutex, &later));
        CHECK_EQ(try_elsewhere(mutex), EBUSY);
        OK(pthread_mutex_unlock(mutex));
    }
}

TEST(a_mutex_of_each_type_excludes) {
    for (int i = 0; i < TYPES; i++) {
        pthread_mutex_t mutex;
        exercise(init_mutex(&mutex, all_types[i]));
        OK(pthread_mutex_destroy(&mutex));
    }
}

TEST(a_mutex_without_attributes_excludes) {
    pthread_mutex_t mutex;
    OK(pthread_mutex_init(&mutex, NULL));
    exercise(&mutex);
    OK(pthread_mutex_destroy(&mutex));
}

TEST(static_initialisers_of_each_type_exclude) {
    static pthread_mutex_t zero,
        plain = PTHREAD_MUTEX_INITIALIZER, recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP,
        checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP, adaptive = PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP;
    pthread_mutex_t *const all[] = {&zero, &plain, &recursive, &checking, &adaptive};
    for (int i = 0; i < 5; i++) {
        exercise(all[i]);
        OK(pthread_mutex_destroy(all[i]));
    }
}

TEST(a_static_initialiser_may_be_assigned_to_used_memory) {
    pthread_mutex_t mutex;
    memset(&mutex, 0xA5, sizeof mutex);
    mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    exercise(&mutex);
}

TEST(init_makes_a_mutex_of_any_memory) {
    for (int i = 0; i < TYPES; i++) {
        pthread_mutex_t mutex;
        memset(&mutex, 0xFF, sizeof mutex);
        exercise(init_mutex(&mutex, all_types[i]));
        OK(pthread_mutex_destroy(&mutex));
        exercise(init_mutex(&mutex, all_types[TYPES - 1 - i])); /* of a destroyed one, too */
        OK(pthread_mutex_destroy(&mutex));
    }
}

TEST(static_recursive_and_checking_initialisers_have_their_type) {
    static pthread_mutex_t recursive = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    static pthread_mutex_t checking = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    OK(pthread_mutex_lock(&recursive));
    OK(pthread_mutex_lock(&recursive));
    OK(pthread_mutex_unlock(&recursive));
    OK(pthread_mutex_unlock(&recursive));
    OK(pthread_mutex_lock(&checking));
    CHECK_EQ(pthread_mutex_lock(&checking), EDEADLK);
    OK(pthread_mutex_unlock(&checking));
}

/* ---- the owner's second lock ---- */

TEST(trylock_by_the_owner_is_busy_but_for_a_recursive_mutex) {
    for (int i = 0; i < TYPES; i++) {
        pthread_mutex_t mutex;
        const bool recursive = all_types[i] == PTHREAD_MUTEX_RECURSIVE;
        OK(pthread_mutex_lock(init_mutex(&mutex, all_types[i])));
        CHECK_EQ(pthread_mutex_trylock(&mutex), recursive ? 0 : EBUSY);
        if (recursive) OK(pthread_mutex_unlock(&mutex));
        OK(pthread_mutex_unlock(&mutex));
        CHECK_EQ(try_elsewhere(&mutex), 0);
    }
}

TEST(a_checking_mutex_refuses_its_owner) {
    pthread_mutex_t mutex;
    OK(pthread_mutex_lock(init_mutex(&mutex, PTHREAD_MUTEX_ERRORCHECK)));
    const struct timespec later = in_ms(CLOCK_REALTIME, 60000), past = in_ms(CLOCK_REALTIME, -1000);
    CHECK_EQ(pthread_mutex_lock(&mutex), EDEADLK);
    CHECK_EQ(pthread_mutex_timedlock(&mutex, &later), EDEADLK);
    CHECK_EQ(pthread_mutex_timedlock(&mutex, &past), EDEADLK);
    CHECK_EQ(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &later), EDEADLK);
    CHECK_EQ(try_elsewhere(&mutex), EBUSY);
    OK(pthread_mutex_unlock(&mutex));
    CHECK_EQ(try_elsewhere(&mutex), 0);
}

TEST(a_normal_mutex_does_not_know_its_owner) {
    pthread_mutex_t mutex;
    OK(pthread_mutex_lock(init_mutex(&mutex, PTHREAD_MUTEX_NORMAL)));
    const struct timespec soon = in_ms(CLOCK_REALTIME, 10);
    CHECK_EQ(pthread_mutex_timedlock(&mutex, &soon), ETIMEDOUT);
    CHECK(reached(CLOCK_REALTIME, soon));
    OK(pthread_mutex_unlock(&mutex));
    CHECK_EQ(try_elsewhere(&mutex), 0);
}

TEST(a_recursive_mutex_is_free_after_as_many_unlocks) {
    pthread_mutex_t mutex;
    init_mutex(&mutex, PTHREAD_MUTEX_RECURSIVE);
    const struct timespec past = in_ms(CLOCK_REALTIME, -1000);
    OK(pthread_mutex_lock(&mutex));
    OK(pthread_mutex_trylock(&mutex));
    OK(pthread_mutex_timedlock(&mutex, &past)); /* the owner never waits */
    OK(pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &past));
    for (int i = 4; i < 1000; i++) OK(pthread_mutex_lock(&mutex));
    for (int i = 1; i < 1000; i++) {
        OK(pthread_mutex_unlock(&mutex));
        if (i > 995) CHECK_EQ(try_elsewhere(&mutex), EBUSY);
    }
    OK(pthread_mutex_unlock(&mutex));
    CHECK_EQ(try_elsewhere(&mutex), 0);
    CHECK_EQ(pthread_mutex_unlock(&mutex), EPERM);
}

static void *unlock(void *mutex) {
    return (void *)(intptr_t)pthread_mutex_unlock(mutex);
}

TEST(unlock_by_another_thread_is_refused_by_types_with_an_owner) {
    const int types[] = {PTHREAD_MUTEX_ERRORCHECK, PTHREAD_MUTEX_RECURSIVE};
    for (int i = 0; i < 2; i++) {
        pthread_mutex_t mutex;
        init_mutex(&mutex, types[i]);
        CHECK_EQ(pthread_mutex_unlock(&mutex), EPERM);
        OK(pthread_mutex_lock(&mutex));
        test_thread other = test_start(unlock, &mutex);
        CHECK_EQ((intptr_t)test_join(&other), EPERM);
        CHECK_EQ(try_elsewhere(&mutex), EBUSY);
        OK(pthread_mutex_unlock(&mutex));
        CHECK_EQ(pthread_mutex_unlock(&mutex), EPERM);
        CHECK_EQ(try_elsewhere(&mutex), 0);
    }
}

static void *lock_and_end(void *mutex) {
    OK(pthread_mutex_lock(mutex));
    return NULL;
}

TEST(the_owner_is_the_thread_and_not_its_memory) {
    /* A thread that ended as the owner leaves the mutex locked, for a new thread with the same stack, too. */
    pthread_mutex_t mutex;
    init_mutex(&mutex, PTHREAD_MUTEX_ERRORCHECK);
    test_thread owner = test_start(lock_and_end, &mutex);
    (void)test_join(&owner);
    CHECK_EQ(try_elsewhere(&mutex), EBUSY);
    test_thread other = test_start(unlock, &mutex);
    CHECK_EQ((intptr_t)test_join(&other), EPERM);
}

/* ---- memory ---- */

struct counted {
    pthread_mutex_t mutex;
    int references;
};

static void *make_counted(intptr_t i) {
    struct counted *const object = malloc(sizeof *object);
    CHECK(object != NULL);
    init_mutex(&object->mutex, all_types[i % TYPES]);
    object->references = 2;
    return object;
}

static void drop_counted(void *p) {
    struct counted *const object = p;
    OK(pthread_mutex_lock(&object->mutex));
    const int left = --object->references;
    OK(pthread_mutex_unlock(&object->mutex));
    if (left) return;
    OK(pthread_mutex_destroy(&object->mutex));
    memset(object, 0xA5, sizeof *object);
    free(object);
}

TEST(the_last_user_may_destroy_and_free_at_once) {
    /* The unlock before the last one may not have returned yet when the memory is someone else's. */
    drop_by_two(20000, make_counted, drop_counted);
}

TEST(nothing_is_written_beside_a_mutex) {
    struct {
        unsigned char before[64];
        pthread_mutex_t mutex;
        unsigned char behind[64];
    } memory;
    for (int i = 0; i < TYPES; i++) {
        memset(&memory, 0x5A, sizeof memory);
        exercise(init_mutex(&memory.mutex, all_types[i]));
        OK(pthread_mutex_destroy(&memory.mutex));
        for (int j = 0; j < 64; j++) CHECK(memory.before[j] == 0x5A && memory.behind[j] == 0x5A);
    }
}

/* ---- attributes ---- */

TEST(attributes_are_what_was_set) {
    pthread_mutexattr_t attributes;
    int value = -1;
    OK(pthread_mutexattr_init(&attributes));
    OK(pthread_mutexattr_gettype(&attributes, &value));
    CHECK_EQ(value, PTHREAD_MUTEX_DEFAULT);
    OK(pthread_mutexattr_getpshared(&attributes, &value));
    CHECK_EQ(value, PTHREAD_PROCESS_PRIVATE);
    OK(pthread_mutexattr_getrobust(&attributes, &value));
    CHECK_EQ(value, PTHREAD_MUTEX_STALLED);
    OK(pthread_mutexattr_getprotocol(&attributes, &value));
    CHECK_EQ(value, PTHREAD_PRIO_NONE);

    for (int i = 0; i < TYPES; i++) {
        OK(pthread_mutexattr_settype(&attributes, all_types[i]));
        OK(pthread_mutexattr_gettype(&attributes, &value));
        CHECK_EQ(value, all_types[i]);
    }
    OK(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE));
    OK(pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    OK(pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    OK(pthread_mutexattr_setprotocol(&attributes, PTHREAD_PRIO_INHERIT));
    CHECK_EQ(pthread_mutexattr_settype(&attributes, 99), EINVAL);
    CHECK_EQ(pthread_mutexattr_setpshared(&attributes, 99), EINVAL);
    CHECK_EQ(pthread_mutexattr_setrobust(&attributes, 99), EINVAL);
    CHECK_EQ(pthread_mutexattr_setprotocol(&attributes, 99), EINVAL);
    OK(pthread_mutexattr_gettype(&attributes, &value));
    CHECK_EQ(value, PTHREAD_MUTEX_RECURSIVE);
    OK(pthread_mutexattr_getpshared(&attributes, &value));
    CHECK_EQ(value, PTHREAD_PROCESS_SHARED);
    OK(pthread_mutexattr_getrobust(&attributes, &value));
    CHECK_EQ(value, PTHREAD_MUTEX_ROBUST);
    OK(pthread_mutexattr_getprotocol(&attributes, &value));
    CHECK_EQ(value, PTHREAD_PRIO_INHERIT);
    OK(pthread_mutexattr_destroy(&attributes));
}

TEST(attributes_are_asked_when_the_mutex_is_made) {
    pthread_mutexattr_t attributes;
    pthread_mutex_t mutex;
    OK(pthread_mutexattr_init(&attributes));
    OK(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_RECURSIVE));
    OK(pthread_mutex_init(&mutex, &attributes));
    OK(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_NORMAL));
    OK(pthread_mutexattr_destroy(&attributes));
    OK(pthread_mutex_lock(&mutex));
    OK(pthread_mutex_lock(&mutex));
    OK(pthread_mutex_unlock(&mutex));
    OK(pthread_mutex_unlock(&mutex));
}
