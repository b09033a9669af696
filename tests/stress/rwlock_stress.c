/* SPDX-License-Identifier: MIT */
/* Readers and writers of every kind on one rwlock of either form, at random. */
#include "test.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include <thrum/rwlock.h>

enum { MOST_THREADS = 64, WORDS = 4, PLACES = 16 };

typedef struct arena {
    thrum_rwlock rwlock;
    thrum_sharded_rwlock sharded;
    bool is_sharded;
    unsigned long words[WORDS]; /* plain, and all the same but while a writer is inside */
    atomic_uint arrived;
    unsigned threads;
    unsigned rounds;
    unsigned writes_in_16;
    unsigned hold_pauses; /* the longest section */
} arena;

typedef struct player {
    arena *arena;
    uint64_t random;
    unsigned long reads, writes;
} player;

static thrum_deadline soon(uint64_t *random) {
    return thrum_after_ns((int64_t)(test_random(random) % 1500000) >> test_random(random) % 12);
}

static void pauses(uint64_t count) {
    for (uint64_t i = 0; i < count; i++) thrum_cpu_pause();
}

/* A call of the form that this arena is of. */
#define CALL(a, verb) \
    ((a)->is_sharded ? thrum_sharded_rwlock_##verb(&(a)->sharded) : thrum_rwlock_##verb(&(a)->rwlock))
#define CALL_UNTIL(a, verb, deadline)                                       \
    ((a)->is_sharded ? thrum_sharded_rwlock_##verb(&(a)->sharded, deadline) \
                     : thrum_rwlock_##verb(&(a)->rwlock, deadline))

static bool acquire(arena *a, bool to_write, uint64_t *random) {
    switch (test_random(random) % 8) {
    case 0:
        return to_write ? CALL(a, try_acquire_write) : CALL(a, try_acquire_read);
    case 1:
    case 2:
        return (to_write ? CALL_UNTIL(a, acquire_write_until, soon(random))
                         : CALL_UNTIL(a, acquire_read_until, soon(random))) == THRUM_OK;
    default:
        if (to_write)
            CALL(a, acquire_write);
        else
            CALL(a, acquire_read);
        return true;
    }
}

static void stay(arena *a, uint64_t *random) {
    pauses(test_random(random) % a->hold_pauses);
    if (test_random(random) % 256 == 0) sched_yield();
}

static void read_them(arena *a, uint64_t *random) {
    const unsigned long first = a->words[0];
    stay(a, random);
    for (unsigned i = 0; i < WORDS; i++) CHECK_EQ(a->words[i], first);
}

static void *play(void *p) {
    player *self = p;
    arena *a = self->arena;
    atomic_fetch_add(&a->arrived, 1);
    while (atomic_load(&a->arrived) < a->threads) sched_yield();
    for (unsigned i = 0; i < a->rounds; i++) {
        const bool to_write = test_random(&self->random) % 16 < a->writes_in_16;
        pauses(test_random(&self->random) % 32);
        if (!acquire(a, to_write, &self->random)) continue;
        if (!to_write) {
            read_them(a, &self->random);
            CHECK_EQ(CALL(a, release_read), THRUM_OK);
            self->reads++;
            continue;
        }
        for (unsigned w = 0; w < WORDS; w++) {
            a->words[w]++;
            if (w == 1) stay(a, &self->random);
        }
        self->writes++;
        if (test_random(&self->random) % 4) {
            CHECK_EQ(CALL(a, release_write), THRUM_OK);
        } else {
            const unsigned long written = a->words[0];
            CHECK_EQ(CALL(a, downgrade), THRUM_OK);
            read_them(a, &self->random);
            CHECK_EQ(a->words[0], written);
            CHECK_EQ(CALL(a, release_read), THRUM_OK);
        }
    }
    return NULL;
}

/* Everybody returns (a lost wake hangs here), no write was lost, and no trace is left. */
static void run(arena *a) {
    static player players[MOST_THREADS];
    test_thread threads[MOST_THREADS];
    a->rounds /= test_slowdown();
    for (unsigned i = 0; i < a->threads; i++) {
        players[i] = (player){a, test_seed() + i, 0, 0};
        threads[i] = test_start(play, &players[i]);
    }
    unsigned long reads = 0, writes = 0;
    for (unsigned i = 0; i < a->threads; i++) {
        test_join(&threads[i]);
        reads += players[i].reads;
        writes += players[i].writes;
    }
    printf("%lu reads and %lu writes of %lu\n", reads, writes, (unsigned long)a->threads * a->rounds);
    CHECK_EQ(a->words[0], writes);
    const thrum_rwlock *const rest = a->is_sharded ? &a->sharded.rest : &a->rwlock;
    CHECK_EQ(thrum_u32_load_relaxed(&rest->state), 0);
    CHECK_EQ(thrum_u32_load_relaxed(&rest->queue.state), 0);
    CHECK_EQ(thrum_sharded_rwlock_readers(&a->sharded), 0);
    CHECK(!thrum_sharded_rwlock_writing(&a->sharded));
}

TEST(two_threads_half_of_them_writing) {
    static arena a = {.threads = 2, .rounds = 100000, .writes_in_16 = 8, .hold_pauses = 16};
    run(&a);
}

TEST(six_threads_that_write_seldom) {
    static arena a = {.threads = 6, .rounds = 40000, .writes_in_16 = 1, .hold_pauses = 16};
    run(&a);
}

TEST(long_sections) {
    static arena a = {.threads = 8, .rounds = 3000, .writes_in_16 = 3, .hold_pauses = 1000};
    run(&a);
}

TEST(many_more_threads_than_processors) {
    static arena a = {.threads = 64, .rounds = 2500, .writes_in_16 = 4, .hold_pauses = 32};
    run(&a);
}

/* --- the read-mostly form --------------------------------------------------------------------------- */

static void run_sharded(arena *a, uint32_t places) {
    static thrum_rwlock_slot slots[PLACES];
    CHECK_EQ(thrum_sharded_rwlock_init(&a->sharded, slots, places), THRUM_OK);
    a->is_sharded = true;
    run(a);
}

TEST(readers_with_places_and_a_few_writes) {
    static arena a = {.threads = 6, .rounds = 40000, .writes_in_16 = 1, .hold_pauses = 16};
    run_sharded(&a, PLACES);
}

TEST(readers_with_places_and_long_sections) {
    static arena a = {.threads = 8, .rounds = 3000, .writes_in_16 = 3, .hold_pauses = 1000};
    run_sharded(&a, PLACES);
}

TEST(more_readers_than_places) {
    static arena a = {.threads = 32, .rounds = 3000, .writes_in_16 = 2, .hold_pauses = 32};
    run_sharded(&a, PLACES);
}
