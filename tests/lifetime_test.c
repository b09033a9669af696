/* SPDX-License-Identifier: MIT */
/*
 * An object may be freed by the thread that got it last, while the call that released it has not
 * returned. The object lies on a page of its own, which is unmapped at once: a late touch is a
 * fault. Or it lies on the heap, for AddressSanitizer.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lifetime_parts.h"

#include <sched.h>
#include <stdatomic.h>

#include <thrum/event.h>
#include <thrum/latch.h>
#include <thrum/lock.h>
#include <thrum/once.h>
#include <thrum/rlock.h>
#include <thrum/rwlock.h>
#include <thrum/semaphore.h>

/* --- hand-over: one waits and frees, the other releases ------------------------------------------ */

typedef struct handover {
    void (*shut)(void *object); /* what fresh memory needs so that `wait` waits */
    void (*wait)(void *object);
    void (*open)(void *object);
} handover;

static void lock_shut(void *object) {
    thrum_lock_acquire(object);
}
static void lock_until(void *object) {
    while (thrum_lock_acquire_until(object, thrum_after_us(20)) != THRUM_OK) {
    }
}
static void semaphore_until(void *object) {
    while (thrum_semaphore_acquire_until(object, thrum_after_us(20)) != THRUM_OK) {
    }
}
static void event_wait(void *object) {
    thrum_event_wait(object);
}
static void event_until(void *object) {
    while (thrum_event_wait_until(object, thrum_after_us(20)) != THRUM_OK) {
    }
}
static void event_open(void *object) {
    thrum_event_set(object);
}

static void latch_shut(void *object) {
    (void)!thrum_latch_reset(object, 1);
}
static void latch_wait(void *object) {
    thrum_latch_wait(object);
}
static void latch_until(void *object) {
    while (thrum_latch_wait_until(object, thrum_after_us(20)) != THRUM_OK) {
    }
}
static void latch_open(void *object) {
    thrum_latch_count_down(object);
}

static void rwlock_read(void *object) {
    thrum_rwlock_acquire_read(object);
}
static void rwlock_end_read(void *object) {
    (void)thrum_rwlock_release_read(object);
}
static void rwlock_write(void *object) {
    thrum_rwlock_acquire_write(object);
}
static void rwlock_end_write(void *object) {
    (void)thrum_rwlock_release_write(object);
}
static void rwlock_write_until(void *object) {
    while (thrum_rwlock_acquire_write_until(object, thrum_after_us(20)) != THRUM_OK) {
    }
}
static void once_wait(void *object) {
    while (!thrum_once_done(object)) sched_yield();
}
static void once_open(void *object) {
    (void)!thrum_once_run(object, succeed, NULL);
}

typedef struct pair {
    const handover *by;
    _Atomic(void *) offered; /* NULL: taken */
    unsigned rounds;
    uint64_t random;
} pair;

static void *opener(void *p) {
    pair *partners = p;
    for (unsigned i = 0; i < partners->rounds; i++) {
        void *object;
        while ((object = atomic_exchange(&partners->offered, NULL)) == NULL) sched_yield();
        static const unsigned pauses[] = {8, 4000, 8, 20000}; /* the partner spins, sleeps, gives up */
        dawdle(&partners->random, pauses[i % 4]);
        partners->by->open(object);
    }
    return NULL;
}

static void hand_over(const handover *by, const memory *kind) {
    static pair p;
    p = (pair){.by = by, .rounds = 10000 / test_slowdown(), .random = test_seed()};
    uint64_t random = test_seed() + 1;
    test_thread t = test_start(opener, &p);
    for (unsigned i = 0; i < p.rounds; i++) {
        void *object = kind->take();
        by->shut(object);
        atomic_store(&p.offered, object);
        dawdle(&random, 8);
        by->wait(object);
        kind->give(object);
    }
    test_join(&t);
}

static const handover of_lock = {lock_shut, lock_wait, lock_open};
static const handover of_timed_lock = {lock_shut, lock_until, lock_open};
static const handover of_semaphore = {nothing, semaphore_wait, semaphore_open};
static const handover of_timed_semaphore = {nothing, semaphore_until, semaphore_open};
static const handover of_event = {nothing, event_wait, event_open};
static const handover of_timed_event = {nothing, event_until, event_open};
static const handover of_latch = {latch_shut, latch_wait, latch_open};
static const handover of_once = {nothing, once_wait, once_open};
static const handover of_rwlock_by_reader = {rwlock_read, rwlock_write, rwlock_end_read};
static const handover of_rwlock_by_writer = {rwlock_write, rwlock_write, rwlock_end_write};
static const handover of_rwlock_to_reader = {rwlock_write, rwlock_read, rwlock_end_write};
static const handover of_timed_rwlock = {rwlock_read, rwlock_write_until, rwlock_end_read};
static const handover of_timed_latch = {latch_shut, latch_until, latch_open};

TEST(the_next_holder_of_a_lock_may_unmap_it) {
    hand_over(&of_lock, &pages);
}
TEST(the_next_holder_of_a_lock_may_free_it) {
    hand_over(&of_lock, &heap);
}
TEST(a_timed_holder_of_a_lock_may_unmap_it) {
    hand_over(&of_timed_lock, &pages);
}
TEST(the_taker_of_the_last_permit_may_unmap_the_semaphore) {
    hand_over(&of_semaphore, &pages);
}
TEST(the_taker_of_the_last_permit_may_free_the_semaphore) {
    hand_over(&of_semaphore, &heap);
}
TEST(the_taker_of_the_last_permit_in_time_may_unmap_the_semaphore) {
    hand_over(&of_timed_semaphore, &pages);
}
TEST(the_only_waiter_may_unmap_the_event_after_its_wait) {
    hand_over(&of_event, &pages);
}
TEST(the_only_waiter_may_free_the_event_after_its_wait) {
    hand_over(&of_event, &heap);
}
TEST(the_only_waiter_may_unmap_the_event_after_its_timed_wait) {
    hand_over(&of_timed_event, &pages);
}

TEST(the_only_waiter_may_unmap_the_latch_while_the_count_down_returns) {
    hand_over(&of_latch, &pages);
}
TEST(the_only_waiter_may_free_the_latch_while_the_count_down_returns) {
    hand_over(&of_latch, &heap);
}
TEST(the_only_waiter_may_unmap_the_latch_after_its_timed_wait) {
    hand_over(&of_timed_latch, &pages);
}

TEST(a_writer_may_unmap_a_rwlock_while_a_readers_release_returns) {
    hand_over(&of_rwlock_by_reader, &pages);
}
TEST(a_writer_may_free_a_rwlock_while_a_readers_release_returns) {
    hand_over(&of_rwlock_by_reader, &heap);
}
TEST(a_writer_may_unmap_a_rwlock_while_a_writers_release_returns) {
    hand_over(&of_rwlock_by_writer, &pages);
}
TEST(a_reader_may_unmap_a_rwlock_while_a_writers_release_returns) {
    hand_over(&of_rwlock_to_reader, &pages);
}
TEST(a_timed_writer_may_unmap_a_rwlock) {
    hand_over(&of_timed_rwlock, &pages);
}

TEST(a_caller_that_finds_a_once_done_may_unmap_it_while_the_run_returns) {
    hand_over(&of_once, &pages);
}
TEST(a_caller_that_finds_a_once_done_may_free_it_while_the_run_returns) {
    hand_over(&of_once, &heap);
}

/*
 * --- who acquires an rlock frees it ---------------------------------------------------------------
 * Only the owner releases: here the partner makes it, holds it and offers it.
 */

typedef struct estate {
    const memory *memory;
    void (*inherit)(thrum_rlock *rlock);
    _Atomic(thrum_rlock *) offered; /* NULL: taken */
    unsigned rounds;
    uint64_t random;
} estate;

static void *bequeath(void *p) {
    estate *e = p;
    for (unsigned i = 0; i < e->rounds; i++) {
        static const unsigned pauses[] = {8, 4000, 8, 20000}; /* the heir spins, sleeps, gives up */
        thrum_rlock *rlock = e->memory->take();
        thrum_rlock_acquire(rlock);
        thrum_rlock_acquire(rlock);
        thrum_rlock *none = NULL;
        while (!atomic_compare_exchange_weak(&e->offered, &none, rlock)) {
            none = NULL;
            sched_yield();
        }
        dawdle(&e->random, pauses[i % 4]);
        uint32_t depth;
        if (i % 2 == 0) CHECK_EQ(thrum_rlock_release_all(rlock, &depth), THRUM_OK);
        if (i % 2 == 1) (void)thrum_rlock_release(rlock);
        if (i % 2 == 1) (void)thrum_rlock_release(rlock);
    }
    return NULL;
}

static void rlock_wait(thrum_rlock *rlock) {
    thrum_rlock_acquire(rlock);
}
static void rlock_until(thrum_rlock *rlock) {
    while (thrum_rlock_acquire_until(rlock, thrum_after_us(20)) != THRUM_OK) {
    }
}

static void next_owner_ends_it(const memory *kind, void (*inherit)(thrum_rlock *rlock)) {
    static estate e;
    e = (estate){
        .memory = kind, .inherit = inherit, .rounds = 10000 / test_slowdown(), .random = test_seed()};
    test_thread t = test_start(bequeath, &e);
    for (unsigned i = 0; i < e.rounds; i++) {
        thrum_rlock *rlock;
        while ((rlock = atomic_exchange(&e.offered, NULL)) == NULL) sched_yield();
        inherit(rlock);
        kind->give(rlock);
    }
    test_join(&t);
}

TEST(the_next_owner_of_an_rlock_may_unmap_it) {
    next_owner_ends_it(&pages, rlock_wait);
}
TEST(the_next_owner_of_an_rlock_may_free_it) {
    next_owner_ends_it(&heap, rlock_wait);
}
TEST(a_timed_owner_of_an_rlock_may_unmap_it) {
    next_owner_ends_it(&pages, rlock_until);
}
