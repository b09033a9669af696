/* SPDX-License-Identifier: MIT */
/*
 * An object may be freed by the thread that got it last, while the call that let go of it has not
 * returned. The object lies on a page of its own, which is unmapped at once: a late touch is a
 * fault. Or it lies on the heap, for AddressSanitizer.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <thrum/barrier.h>
#include <thrum/event.h>
#include <thrum/latch.h>
#include <thrum/lock.h>
#include <thrum/once.h>
#include <thrum/rlock.h>
#include <thrum/rwlock.h>
#include <thrum/semaphore.h>

enum { PAGE = 4096, OWNERS = 3 };

typedef struct memory {
    void *(*take)(void);
    void (*give)(void *object);
} memory;

static void *take_page(void) {
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    return page;
}
/*
 * Out of bounds at once, and for some rounds to come: the next page has another address, and a late touch
 * still ends here.
 */
static void give_page(void *page) {
    enum { KEPT = 64 };
    static __thread void *kept[KEPT];
    static __thread unsigned place;
    CHECK_EQ(mprotect(page, PAGE, PROT_NONE), 0);
    if (kept[place]) CHECK_EQ(munmap(kept[place], PAGE), 0);
    kept[place] = page;
    place = (place + 1) % KEPT;
}
static void *take_heap(void) {
    void *object = calloc(1, 64);
    CHECK(object != NULL);
    return object;
}
static const memory pages = {take_page, give_page};
static const memory heap = {take_heap, free};

/* Lets the rounds of two threads drift against each other. */
static void dawdle(uint64_t *random, unsigned pauses) {
    for (uint64_t i = test_random(random) % pauses; i > 0; i--) thrum_cpu_pause();
}

/* --- hand-over: one waits and frees, the other lets go ------------------------------------------ */

typedef struct handover {
    void (*shut)(void *object); /* what fresh memory needs so that `wait` waits */
    void (*wait)(void *object);
    void (*open)(void *object);
} handover;

static void lock_shut(void *object) {
    thrum_lock_acquire(object);
}
static void lock_wait(void *object) {
    thrum_lock_acquire(object);
}
static void lock_open(void *object) {
    (void)thrum_lock_release(object);
}
static void lock_until(void *object) {
    while (thrum_lock_acquire_until(object, thrum_after_us(20)) != THRUM_OK) {
    }
}
static void nothing(void *object) {
    (void)object;
}
static void semaphore_wait(void *object) {
    thrum_semaphore_acquire(object);
}
static void semaphore_open(void *object) {
    (void)thrum_semaphore_release(object);
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

static thrum_result succeed(void *argument) {
    (void)argument;
    return THRUM_OK;
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

/* --- the last of several owners frees ------------------------------------------------------------ */

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
