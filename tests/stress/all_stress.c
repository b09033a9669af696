/* SPDX-License-Identifier: MIT */
/* Locks taken several at a time, by threads that name them in any order. */
#include "test.h"

#include <sched.h>
#include <stdatomic.h>

#include <thrum/all.h>

enum { SEATS = 6 };

typedef struct table {
    thrum_lock forks[SEATS / 2];
    thrum_rlock knives[SEATS / 2];
    unsigned long used[SEATS]; /* plain: each protected by its fork or knife */
    atomic_uint arrived;
    unsigned rounds;
} table;

typedef struct philosopher {
    table *table;
    uint64_t random;
    unsigned long meals[SEATS];
} philosopher;

static void *dine(void *p) {
    philosopher *self = p;
    table *t = self->table;
    atomic_fetch_add(&t->arrived, 1);
    while (atomic_load(&t->arrived) < SEATS) sched_yield();
    for (unsigned i = 0; i < t->rounds; i++) {
        thrum_all set = THRUM_ALL_INIT;
        bool uses[SEATS] = {false};
        const unsigned first = (unsigned)(test_random(&self->random) % SEATS);
        const unsigned step = test_random(&self->random) % 2 ? 1 : SEATS - 1;
        const unsigned many = 2 + (unsigned)(test_random(&self->random) % 2);
        for (unsigned k = 0; k < many; k++) {
            const unsigned which = (first + k * step) % SEATS;
            uses[which] = true;
            if (which % 2)
                CHECK_EQ(thrum_all_add_rlock(&set, &t->knives[which / 2]), THRUM_OK);
            else
                CHECK_EQ(thrum_all_add_lock(&set, &t->forks[which / 2]), THRUM_OK);
        }
        if (test_random(&self->random) % 4 == 0) {
            const int64_t patience =
                (int64_t)(test_random(&self->random) % 500000) >> test_random(&self->random) % 10;
            const thrum_result result = thrum_acquire_all_until(&set, thrum_after_ns(patience));
            if (result == THRUM_TIMEOUT) continue;
            CHECK_EQ(result, THRUM_OK);
        } else {
            CHECK_EQ(thrum_acquire_all(&set), THRUM_OK);
        }
        for (unsigned k = 0; k < SEATS; k++) {
            if (!uses[k]) continue;
            const unsigned long seen = t->used[k];
            if (i % 32 == 0) sched_yield();
            t->used[k] = seen + 1;
            self->meals[k]++;
        }
        CHECK_EQ(thrum_release_all(&set), THRUM_OK);
    }
    return NULL;
}

TEST(callers_that_name_them_in_any_order_all_get_on) {
    static table t;
    static philosopher all[SEATS];
    test_thread threads[SEATS];
    t.rounds = 20000 / test_slowdown();
    for (unsigned i = 0; i < SEATS; i++) {
        all[i] = (philosopher){.table = &t, .random = test_seed() + i};
        threads[i] = test_start(dine, &all[i]);
    }
    unsigned long meals[SEATS] = {0};
    for (unsigned i = 0; i < SEATS; i++) {
        test_join(&threads[i]);
        for (unsigned k = 0; k < SEATS; k++) meals[k] += all[i].meals[k];
    }
    for (unsigned k = 0; k < SEATS; k++) CHECK_EQ(t.used[k], meals[k]);
    for (unsigned k = 0; k < SEATS / 2; k++) {
        CHECK_EQ(thrum_u32_load_relaxed(&t.forks[k].state), 0);
        CHECK_EQ(thrum_u32_load_relaxed(&t.knives[k].lock.state), 0);
    }
}

/* One by one, in an order of their own: neither that of the set nor of the addresses. */
static thrum_lock a, b, c;
static unsigned long by_hand_or_at_once; /* plain: b protects it */
static atomic_uint starters;

static void meet(void) {
    atomic_fetch_add(&starters, 1);
    while (atomic_load(&starters) < 2) sched_yield();
}

static void *by_hand(void *p) {
    meet();
    for (unsigned i = 0; i < *(unsigned *)p; i++) {
        thrum_lock *const order[] = {&c, &b, &a};
        for (unsigned k = 0; k < 3; k++) {
            thrum_lock_acquire(order[k]);
            if (i % 16 == 0) sched_yield();
        }
        by_hand_or_at_once++;
        for (unsigned k = 0; k < 3; k++) CHECK_EQ(thrum_lock_release(order[k]), THRUM_OK);
    }
    return NULL;
}

static void *at_once(void *p) {
    static const thrum_all set = THRUM_ALL(&a, &b, &c);
    meet();
    for (unsigned i = 0; i < *(unsigned *)p; i++) {
        CHECK_EQ(thrum_acquire_all(&set), THRUM_OK);
        by_hand_or_at_once++;
        CHECK_EQ(thrum_release_all(&set), THRUM_OK);
    }
    return NULL;
}

TEST(threads_that_take_the_same_locks_one_by_one_get_on_too) {
    static unsigned rounds;
    rounds = 30000 / test_slowdown();
    test_thread one = test_start(by_hand, &rounds), other = test_start(at_once, &rounds);
    test_join(&one);
    test_join(&other);
    CHECK_EQ(by_hand_or_at_once, 2ul * rounds);
    CHECK(!thrum_lock_locked(&a) && !thrum_lock_locked(&b) && !thrum_lock_locked(&c));
}
