/* SPDX-License-Identifier: MIT */
/* C11's <threads.h>: the same objects by other names. */
#include "posix.h"

#include <threads.h>

static int try_lock(void *mutex) {
    const int result = mtx_trylock(mutex);
    if (result == thrd_success) CHECK_EQ(mtx_unlock(mutex), thrd_success);
    return result;
}

static int try_elsewhere(mtx_t *mutex) {
    thrd_t thread;
    int result;
    CHECK_EQ(thrd_create(&thread, try_lock, mutex), thrd_success);
    CHECK_EQ(thrd_join(thread, &result), thrd_success);
    return result;
}

static int lock_until_soon(void *mutex) {
    const struct timespec soon = in_ms(CLOCK_REALTIME, 15);
    CHECK_EQ(mtx_timedlock(mutex, &soon), thrd_timedout);
    CHECK(reached(CLOCK_REALTIME, soon));
    return 0;
}

TEST(mutexes_of_each_type_exclude) {
    const int types[] = {mtx_plain, mtx_timed, mtx_plain | mtx_recursive, mtx_timed | mtx_recursive};
    for (int i = 0; i < 4; i++) {
        mtx_t mutex;
        memset(&mutex, 0xA5, sizeof mutex);
        CHECK_EQ(mtx_init(&mutex, types[i]), thrd_success);
        CHECK_EQ(mtx_lock(&mutex), thrd_success);
        CHECK_EQ(try_elsewhere(&mutex), thrd_busy);
        if (types[i] & mtx_recursive) {
            CHECK_EQ(mtx_lock(&mutex), thrd_success);
            CHECK_EQ(mtx_trylock(&mutex), thrd_success);
            CHECK_EQ(mtx_unlock(&mutex), thrd_success);
            CHECK_EQ(mtx_unlock(&mutex), thrd_success);
            CHECK_EQ(try_elsewhere(&mutex), thrd_busy);
        }
        if (types[i] & mtx_timed) {
            thrd_t thread;
            CHECK_EQ(thrd_create(&thread, lock_until_soon, &mutex), thrd_success);
            CHECK_EQ(thrd_join(thread, NULL), thrd_success);
        }
        CHECK_EQ(mtx_unlock(&mutex), thrd_success);
        CHECK_EQ(try_elsewhere(&mutex), thrd_success);
        mtx_destroy(&mutex);
    }
}

struct baton {
    mtx_t mutex;
    cnd_t passed;
    int holder, rounds;
};

static int carry(struct baton *baton, int me) {
    for (int i = 0; i < 2000; i++) {
        CHECK_EQ(mtx_lock(&baton->mutex), thrd_success);
        while (baton->holder != me) {
            const struct timespec late = in_ms(CLOCK_REALTIME, 600000);
            CHECK_EQ(i % 2 ? cnd_wait(&baton->passed, &baton->mutex)
                           : cnd_timedwait(&baton->passed, &baton->mutex, &late),
                     thrd_success);
        }
        baton->holder = !me;
        baton->rounds++;
        CHECK_EQ(i % 3 ? cnd_signal(&baton->passed) : cnd_broadcast(&baton->passed), thrd_success);
        CHECK_EQ(mtx_unlock(&baton->mutex), thrd_success);
    }
    return 0;
}

static int carry_second(void *baton) {
    return carry(baton, 1);
}

TEST(conditions_pass_a_baton) {
    struct baton baton = {.holder = 0};
    CHECK_EQ(mtx_init(&baton.mutex, mtx_plain), thrd_success);
    CHECK_EQ(cnd_init(&baton.passed), thrd_success);
    thrd_t thread;
    CHECK_EQ(thrd_create(&thread, carry_second, &baton), thrd_success);
    (void)carry(&baton, 0);
    CHECK_EQ(thrd_join(thread, NULL), thrd_success);
    CHECK_EQ(baton.rounds, 4000);
    cnd_destroy(&baton.passed);
    mtx_destroy(&baton.mutex);
}

TEST(a_wait_ends_at_its_deadline) {
    mtx_t mutex;
    cnd_t condition;
    CHECK_EQ(mtx_init(&mutex, mtx_plain), thrd_success);
    CHECK_EQ(cnd_init(&condition), thrd_success);
    CHECK_EQ(mtx_lock(&mutex), thrd_success);
    const struct timespec soon = in_ms(CLOCK_REALTIME, 15);
    int result;
    do result = cnd_timedwait(&condition, &mutex, &soon);
    while (result == thrd_success);
    CHECK_EQ(result, thrd_timedout);
    CHECK(reached(CLOCK_REALTIME, soon));
    CHECK_EQ(try_elsewhere(&mutex), thrd_busy);
    CHECK_EQ(mtx_unlock(&mutex), thrd_success);
    cnd_destroy(&condition);
    mtx_destroy(&mutex);
}

static _Atomic int calls;

static void count_call(void) {
    calls++;
}

static int call(void *flag) {
    call_once(flag, count_call);
    CHECK_EQ(calls, 1);
    return 0;
}

TEST(call_once_calls_once) {
    static once_flag flag = ONCE_FLAG_INIT;
    thrd_t threads[4];
    for (int i = 0; i < 4; i++) CHECK_EQ(thrd_create(&threads[i], call, &flag), thrd_success);
    for (int i = 0; i < 4; i++) CHECK_EQ(thrd_join(threads[i], NULL), thrd_success);
    CHECK_EQ(calls, 1);
}
