/* SPDX-License-Identifier: MIT */
/*
 * The primitives in use, for runs under hard conditions: each shape is one primitive and a crowd of
 * threads on it. A lost wake hangs, a lost exclusion or permit is seen at the end. Include it in one
 * file of a program only.
 */
#ifndef THRUM_TESTS_CONDITIONS_SHAPES_H
#define THRUM_TESTS_CONDITIONS_SHAPES_H

#include "test.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include <thrum/cond.h>
#include <thrum/event.h>
#include <thrum/lock.h>
#include <thrum/rwlock.h>
#include <thrum/semaphore.h>
#include <thrum/spinlock.h>
#include <thrum/with.h>

enum { MOST_CROWD = 64, PERMITS = 2, ERRNO_MARK = 4242 };

typedef struct crowd {
    unsigned threads; /* even */
    unsigned rounds;
    void (*arrive)(unsigned number); /* each thread, when all are there; may be NULL */
} crowd;

static const crowd *present;

/* A section: now and then the others run in the middle of it. */
static void hold(uint64_t random) {
    for (uint64_t i = random >> 58; i > 0; i--) thrum_cpu_pause();
    if (random % 8) return;
    const int saved = errno;
    sched_yield(); /* it may be refused */
    errno = saved;
}

/* Not at once: a thread above the others in priority must sleep, to let them run. */
static thrum_deadline soon(uint64_t random) {
    return thrum_after_us(50 + (int64_t)(random >> 32) % 300);
}

static thrum_lock shape_lock;
static unsigned long lock_count; /* plain: the lock protects it */
static atomic_ulong lock_successes;

static bool take_lock(uint64_t random) {
    switch (random % 4) {
    case 0:
        return thrum_lock_try_acquire(&shape_lock);
    case 1:
        return thrum_lock_acquire_until(&shape_lock, soon(random)) == THRUM_OK;
    default:
        thrum_lock_acquire(&shape_lock);
        return true;
    }
}

static void use_lock(unsigned number, uint64_t random) {
    (void)number;
    if (!take_lock(random)) return;
    const unsigned long seen = lock_count;
    hold(random);
    lock_count = seen + 1;
    atomic_fetch_add(&lock_successes, 1);
    CHECK_EQ(thrum_lock_release(&shape_lock), THRUM_OK);
}

static void check_lock(void) {
    CHECK_EQ(lock_count, atomic_load(&lock_successes));
    CHECK(!thrum_lock_locked(&shape_lock));
}

static thrum_bounded_semaphore pool = THRUM_BOUNDED_SEMAPHORE_INIT(PERMITS);
static atomic_int inside;

static bool take_permit(uint64_t random) {
    switch (random % 4) {
    case 0:
        return thrum_bounded_semaphore_try_acquire(&pool);
    case 1:
        return thrum_bounded_semaphore_acquire_until(&pool, soon(random)) == THRUM_OK;
    default:
        thrum_bounded_semaphore_acquire(&pool);
        return true;
    }
}

static void use_semaphore(unsigned number, uint64_t random) {
    (void)number;
    if (!take_permit(random)) return;
    CHECK(atomic_fetch_add(&inside, 1) < PERMITS);
    hold(random);
    atomic_fetch_sub(&inside, 1);
    CHECK_EQ(thrum_bounded_semaphore_release(&pool), THRUM_OK);
}

static void check_semaphore(void) {
    CHECK_EQ(thrum_u64_load_relaxed(&pool.permits.state), PERMITS);
}

/* Pairs of threads that pass a turn to and fro. */
static thrum_event turns[MOST_CROWD];
static unsigned long carried[MOST_CROWD / 2]; /* plain: the events pass them on */

static void use_event(unsigned number, uint64_t random) {
    thrum_event *own = &turns[number], *others = &turns[number ^ 1];
    if (random % 2) {
        thrum_event_wait(own);
    } else {
        while (thrum_event_wait_until(own, soon(random)) != THRUM_OK) {
        }
    }
    thrum_event_clear(own);
    carried[number / 2]++;
    thrum_event_set(others);
}

static void check_event(void) {
    for (unsigned i = 0; i < present->threads / 2; i++) CHECK_EQ(carried[i], 2ul * present->rounds);
}

static thrum_spinlock spin;
static unsigned long spin_count; /* plain: the spinlock protects it */
static atomic_ulong spin_successes;

static void use_spinlock(unsigned number, uint64_t random) {
    (void)number;
    if (random % 4 == 0) {
        if (thrum_spinlock_acquire_until(&spin, soon(random)) != THRUM_OK) return;
    } else {
        thrum_spinlock_acquire(&spin);
    }
    const unsigned long seen = spin_count;
    hold(random);
    spin_count = seen + 1;
    atomic_fetch_add(&spin_successes, 1);
    CHECK_EQ(thrum_spinlock_release(&spin), THRUM_OK);
}

static void check_spinlock(void) {
    CHECK_EQ(spin_count, atomic_load(&spin_successes));
}

/* A store of few places: even threads put, odd ones get, and now and then one tells all. */
enum { PLACES = 2 };
static thrum_lock store_lock;
static thrum_cond room = THRUM_COND_INIT(&store_lock), goods = THRUM_COND_INIT(&store_lock);
static unsigned stored; /* plain: the lock protects it */

static void await(thrum_cond *cond, uint64_t random) {
    if (random % 4)
        CHECK_EQ(thrum_cond_wait(cond), THRUM_OK);
    else
        (void)thrum_cond_wait_until(cond, soon(random));
}

static void tell(thrum_cond *cond, uint64_t random) {
    CHECK_EQ(random % 8 ? thrum_cond_notify(cond, 1) : thrum_cond_notify_all(cond), THRUM_OK);
}

static void use_cond(unsigned number, uint64_t random) {
    thrum_lock_acquire(&store_lock);
    if (number % 2) {
        while (stored == 0) await(&goods, random);
        stored--;
        tell(&room, random);
    } else {
        while (stored == PLACES) await(&room, random);
        stored++;
        tell(&goods, random);
    }
    hold(random);
    CHECK_EQ(thrum_lock_release(&store_lock), THRUM_OK);
}

static void check_cond(void) {
    CHECK_EQ(stored, 0);
    CHECK_EQ(thrum_cond_waiters(&room), 0);
    CHECK_EQ(thrum_cond_waiters(&goods), 0);
}

/* Readers and a few writers, of either form; the read-mostly one has places for some. */
static thrum_rwlock shape_rwlock;
static thrum_rwlock_slot shape_places[4];
static thrum_sharded_rwlock shape_sharded = THRUM_SHARDED_RWLOCK_INIT(shape_places, 4);
static unsigned long rw_count, rw_sharded_count; /* plain: the rwlocks protect them */
static atomic_ulong rw_successes, rw_sharded_successes;

static void read_count(const unsigned long *count, uint64_t random) {
    const unsigned long seen = *count;
    hold(random);
    CHECK_EQ(*count, seen);
}

static void write_count(unsigned long *count, atomic_ulong *successes, uint64_t random) {
    const unsigned long seen = *count;
    hold(random);
    *count = seen + 1;
    atomic_fetch_add(successes, 1);
}

static void use_rwlock(unsigned number, uint64_t random) {
    (void)number;
    if (random >> 60 & 3) return; /* a writer waits for each reader that was kept off the processor */
    thrum_result result = THRUM_OK;
    if (random % 8 == 0) {
        THRUM_WITH_WRITE(&shape_rwlock) write_count(&rw_count, &rw_successes, random);
    } else if (random % 8 == 1) {
        THRUM_WITH_WRITE_UNTIL(&shape_rwlock, soon(random), &result)
        write_count(&rw_count, &rw_successes, random);
    } else if (random % 8 == 2) {
        THRUM_WITH_READ_UNTIL(&shape_rwlock, soon(random), &result) read_count(&rw_count, random);
    } else {
        THRUM_WITH_READ(&shape_rwlock) read_count(&rw_count, random);
    }
}

static void check_rwlock(void) {
    CHECK_EQ(rw_count, atomic_load(&rw_successes));
    CHECK_EQ(thrum_u32_load_relaxed(&shape_rwlock.state), 0);
}

static void use_sharded_rwlock(unsigned number, uint64_t random) {
    (void)number;
    if (random >> 60 & 3) return; /* a writer waits for each reader that was kept off the processor */
    thrum_result result = THRUM_OK;
    if (random % 16 == 0) {
        THRUM_WITH_WRITE(&shape_sharded) write_count(&rw_sharded_count, &rw_sharded_successes, random);
    } else if (random % 16 == 1) {
        THRUM_WITH_WRITE_UNTIL(&shape_sharded, soon(random), &result)
        write_count(&rw_sharded_count, &rw_sharded_successes, random);
    } else if (random % 16 == 2) {
        THRUM_WITH_READ_UNTIL(&shape_sharded, soon(random), &result) read_count(&rw_sharded_count, random);
    } else {
        THRUM_WITH_READ(&shape_sharded) read_count(&rw_sharded_count, random);
    }
}

static void check_sharded_rwlock(void) {
    CHECK_EQ(rw_sharded_count, atomic_load(&rw_sharded_successes));
    CHECK_EQ(thrum_sharded_rwlock_readers(&shape_sharded), 0);
    CHECK(!thrum_sharded_rwlock_writing(&shape_sharded));
}

typedef struct shape {
    const char *name;
    void (*use)(unsigned number, uint64_t random);
    void (*check)(void);
} shape;

static const shape shapes[] = {
    {"lock", use_lock, check_lock},
    {"cond", use_cond, check_cond},
    {"semaphore", use_semaphore, check_semaphore},
    {"event", use_event, check_event},
    {"spinlock", use_spinlock, check_spinlock},
    {"rwlock", use_rwlock, check_rwlock},
    {"sharded rwlock", use_sharded_rwlock, check_sharded_rwlock},
};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static const shape *played;
static atomic_uint here, gone;

static void *member(void *p) {
    const unsigned number = (unsigned)(uintptr_t)p;
    uint64_t random = test_seed() + number;
    atomic_fetch_add(&here, 1);
    while (atomic_load(&here) < present->threads) sched_yield();
    if (present->arrive) present->arrive(number);
    errno = ERRNO_MARK;
    for (unsigned i = 0; i < present->rounds; i++) {
        played->use(number, test_random(&random));
        CHECK_EQ(errno, ERRNO_MARK);
    }
    atomic_fetch_add(&gone, 1);
    return NULL;
}

/* Everybody comes and goes; `meanwhile` is called until they have gone or it returns false. */
static void play(const shape *s, const crowd *c, bool (*meanwhile)(const test_thread *threads)) {
    test_thread threads[MOST_CROWD];
    played = s;
    present = c;
    atomic_store(&here, 0);
    atomic_store(&gone, 0);
    for (unsigned i = 0; i < MOST_CROWD; i++) {
        carried[i / 2] = 0;
        thrum_event_init(&turns[i]);
        if (i % 2 == 0) thrum_event_set(&turns[i]);
    }
    for (unsigned i = 0; i < c->threads; i++) threads[i] = test_start(member, (void *)(uintptr_t)i);
    while (meanwhile && atomic_load(&gone) < c->threads && meanwhile(threads)) {
    }
    for (unsigned i = 0; i < c->threads; i++) test_join(&threads[i]);
    s->check();
    printf("    %s\n", s->name);
    fflush(stdout);
}

#endif
