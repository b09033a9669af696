/* SPDX-License-Identifier: MIT */
/*
 * An object of several owners is freed by the last of them that releases it, a barrier by any of its parties.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lifetime_parts.h"

#include <sched.h>
#include <stdatomic.h>

#include <thrum/barrier.h>
#include <thrum/lock.h>
#include <thrum/rlock.h>
#include <thrum/semaphore.h>

typedef struct owned {
    union {
        thrum_lock lock;
        thrum_rlock rlock;
        thrum_semaphore semaphore;
    } guard;
    unsigned owners; /* plain: the guard protects it */
} owned;

typedef struct round_table {
    const memory *memory;
    void (*acquire)(void *guard);
    void (*release)(void *guard);
    void (*open)(void *guard); /* what fresh memory needs to be acquirable */
    owned *object;
    atomic_uint arrived;
    atomic_uint freed;
    unsigned rounds;
} round_table;

static void meet(atomic_uint *arrived, unsigned target) {
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < target) sched_yield();
}

/* Drops the reference; the thread that dropped the last frees, after its own release. */
static void disown(round_table *table, owned *object) {
    table->acquire(&object->guard);
    const bool last = --object->owners == 0;
    table->release(&object->guard);
    if (!last) return;
    table->memory->give(object);
    atomic_fetch_add(&table->freed, 1);
}

typedef struct owner {
    round_table *table;
    unsigned number;
} owner;

static void *owning(void *p) {
    owner *o = p;
    round_table *table = o->table;
    uint64_t random = test_seed() + o->number;
    for (unsigned i = 0; i < table->rounds; i++) {
        if (o->number == i % OWNERS) {
            table->object = table->memory->take();
            table->object->owners = OWNERS;
            table->open(&table->object->guard);
        }
        meet(&table->arrived, OWNERS * (2 * i + 1));
        owned *object = table->object;
        dawdle(&random, 64);
        table->acquire(&object->guard);
        dawdle(&random, 64);
        table->release(&object->guard);
        disown(table, object);
        meet(&table->arrived, OWNERS * (2 * i + 2));
    }
    return NULL;
}

static void last_owner_frees(round_table *table) {
    static owner owners[OWNERS];
    test_thread threads[OWNERS];
    table->rounds = 5000 / test_slowdown();
    for (unsigned i = 0; i < OWNERS; i++) {
        owners[i] = (owner){table, i};
        threads[i] = test_start(owning, &owners[i]);
    }
    for (unsigned i = 0; i < OWNERS; i++) test_join(&threads[i]);
    CHECK_EQ(atomic_load(&table->freed), table->rounds);
}

TEST(the_last_owner_of_a_lock_unmaps_it) {
    static round_table table = {&pages, lock_wait, lock_open, nothing, NULL, 0, 0, 0};
    last_owner_frees(&table);
}

TEST(the_last_owner_of_a_lock_frees_it) {
    static round_table table = {&heap, lock_wait, lock_open, nothing, NULL, 0, 0, 0};
    last_owner_frees(&table);
}

TEST(the_last_owner_of_a_semaphore_unmaps_it) {
    static round_table table = {&pages, semaphore_wait, semaphore_open, semaphore_open, NULL, 0, 0, 0};
    last_owner_frees(&table);
}

TEST(the_last_owner_of_a_semaphore_frees_it) {
    static round_table table = {&heap, semaphore_wait, semaphore_open, semaphore_open, NULL, 0, 0, 0};
    last_owner_frees(&table);
}

/* --- the last but one of a barrier's parties frees it ---------------------------------------------- */

typedef struct meeting {
    const memory *memory;
    thrum_barrier_action *action;
    thrum_barrier *object;
    atomic_uint arrived, left, freed;
    unsigned rounds;
} meeting;

typedef struct guest {
    meeting *meeting;
    unsigned number;
} guest;

static void *meeting_often(void *p) {
    guest *g = p;
    meeting *m = g->meeting;
    uint64_t random = test_seed() + g->number;
    for (unsigned i = 0; i < m->rounds; i++) {
        if (g->number == i % OWNERS) {
            m->object = m->memory->take();
            CHECK_EQ(thrum_barrier_init_with(m->object, OWNERS, m->action, NULL, THRUM_BARRIER_NO_TIMEOUT),
                     THRUM_OK);
            atomic_store(&m->left, 0);
        }
        meet(&m->arrived, OWNERS * (2 * i + 1));
        thrum_barrier *object = m->object;
        dawdle(&random, i % 4 ? 64 : 8000);
        int32_t index;
        CHECK_EQ(thrum_barrier_wait(object, &index), THRUM_OK);
        /* the party with the last index may still be on its way out */
        if (index < OWNERS - 1 && atomic_fetch_add(&m->left, 1) == OWNERS - 2) {
            m->memory->give(object);
            atomic_fetch_add(&m->freed, 1);
        }
        meet(&m->arrived, OWNERS * (2 * i + 2));
    }
    return NULL;
}

static void last_but_one_frees(meeting *m) {
    static guest guests[OWNERS];
    test_thread threads[OWNERS];
    m->rounds = 5000 / test_slowdown();
    for (unsigned i = 0; i < OWNERS; i++) {
        guests[i] = (guest){m, i};
        threads[i] = test_start(meeting_often, &guests[i]);
    }
    for (unsigned i = 0; i < OWNERS; i++) test_join(&threads[i]);
    CHECK_EQ(atomic_load(&m->freed), m->rounds);
}

TEST(all_but_the_last_party_of_a_barrier_may_unmap_it) {
    static meeting m = {&pages, NULL, NULL, 0, 0, 0, 0};
    last_but_one_frees(&m);
}
TEST(all_but_the_last_party_of_a_barrier_may_free_it) {
    static meeting m = {&heap, NULL, NULL, 0, 0, 0, 0};
    last_but_one_frees(&m);
}
TEST(all_but_the_party_that_acted_may_unmap_the_barrier) {
    static meeting m = {&pages, succeed, NULL, 0, 0, 0, 0};
    last_but_one_frees(&m);
}

static void rlock_acquire(void *object) {
    thrum_rlock_acquire(object);
}
static void rlock_release(void *object) {
    (void)thrum_rlock_release(object);
}

TEST(the_last_owner_of_an_rlock_unmaps_it) {
    static round_table table = {&pages, rlock_acquire, rlock_release, nothing, NULL, 0, 0, 0};
    last_owner_frees(&table);
}

TEST(the_last_owner_of_an_rlock_frees_it) {
    static round_table table = {&heap, rlock_acquire, rlock_release, nothing, NULL, 0, 0, 0};
    last_owner_frees(&table);
}
