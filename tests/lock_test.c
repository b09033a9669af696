/* SPDX-License-Identifier: MIT */
/* The promises of thrum/lock.h. What every wait does is in waiting_test.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lock_parts.h"
#include "many.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <thrum/lock.h>

TEST(it_is_four_bytes) {
    CHECK_EQ(sizeof(thrum_lock), 4);
}

TEST(all_zero_memory_is_a_free_lock) {
    static thrum_lock from_static;
    static thrum_lock from_macro = THRUM_LOCK_INIT;
    thrum_lock *from_heap = calloc(1, sizeof *from_heap);
    thrum_lock from_init;
    memset(&from_init, 0xFF, sizeof from_init);
    thrum_lock_init(&from_init);
    CHECK_EQ(word(&from_init), 0);
    thrum_lock *const locks[] = {&from_static, &from_macro, from_heap, &from_init};
    for (unsigned i = 0; i < 4; i++) {
        CHECK(!thrum_lock_locked(locks[i]));
        CHECK(thrum_lock_try_acquire(locks[i]));
        CHECK(thrum_lock_locked(locks[i]));
        CHECK_EQ(thrum_lock_release(locks[i]), THRUM_OK);
        CHECK(!thrum_lock_locked(locks[i]));
    }
    free(from_heap);
}

TEST(abandoning_a_held_locks_memory_is_harmless) {
    thrum_lock *lock = malloc(sizeof *lock);
    thrum_lock_init(lock);
    thrum_lock_acquire(lock);
    memset(lock, 0, sizeof *lock);
    CHECK_EQ(thrum_lock_acquire_until(lock, THRUM_NOW), THRUM_OK);
    free(lock);
}

TEST(the_holders_second_acquire_waits) {
    static thrum_lock lock;
    thrum_lock_acquire(&lock);
    CHECK(!thrum_lock_try_acquire(&lock));
    CHECK_EQ(thrum_lock_acquire_until(&lock, thrum_after_ms(3)), THRUM_TIMEOUT);
    CHECK(thrum_lock_locked(&lock));
}

static void *releaser(void *lock) {
    CHECK_EQ(thrum_lock_release(lock), THRUM_OK);
    return NULL;
}

TEST(release_by_another_thread_is_allowed) {
    static thrum_lock lock;
    thrum_lock_acquire(&lock);
    test_thread t = test_start(releaser, &lock);
    test_join(&t);
    CHECK(!thrum_lock_locked(&lock));
}

TEST(releasing_an_unlocked_lock_changes_nothing) {
    static thrum_lock lock;
    thrum_lock shared;
    thrum_lock_init_shared(&shared);
    thrum_lock *const locks[] = {&lock, &shared};
    for (unsigned i = 0; i < 2; i++) {
        const uint32_t before = word(locks[i]);
        CHECK_EQ(thrum_lock_release(locks[i]), THRUM_NOT_LOCKED);
        CHECK_EQ(word(locks[i]), before);
        thrum_lock_acquire(locks[i]);
        CHECK_EQ(thrum_lock_release(locks[i]), THRUM_OK);
        CHECK_EQ(thrum_lock_release(locks[i]), THRUM_NOT_LOCKED);
        CHECK_EQ(word(locks[i]), before);
    }
}

static void meet(atomic_uint *arrived, unsigned target) {
    atomic_fetch_add(arrived, 1);
    while (atomic_load(arrived) < target) sched_yield();
}

typedef struct race {
    thrum_lock lock;
    atomic_uint round; /* begun: both release now */
    atomic_uint ended; /* by the partner */
    atomic_uint released;
    unsigned rounds;
} race;

static void release_in(race *r) {
    if (thrum_lock_release(&r->lock) == THRUM_OK) atomic_fetch_add(&r->released, 1);
}

static void await_number(atomic_uint *number, unsigned target) {
    for (unsigned spins = 1; atomic_load(number) < target; spins++)
        if (spins % 1000 == 0) sched_yield();
}

static void *racing_releaser(void *p) {
    race *r = p;
    for (unsigned i = 1; i <= r->rounds; i++) {
        await_number(&r->round, i);
        release_in(r);
        atomic_store(&r->ended, i);
    }
    return NULL;
}

TEST(two_releases_of_one_hold_release_once) {
    static race r;
    r.rounds = 100000 / test_slowdown();
    test_thread partner = test_start(racing_releaser, &r);
    uint64_t random = test_seed();
    for (unsigned i = 1; i <= r.rounds; i++) {
        CHECK(thrum_lock_try_acquire(&r.lock));
        atomic_store(&r.round, i);
        for (uint64_t pauses = test_random(&random) % 32; pauses > 0; pauses--) thrum_cpu_pause();
        release_in(&r);
        await_number(&r.ended, i);
        CHECK(!thrum_lock_locked(&r.lock));
        CHECK_EQ(atomic_load(&r.released), i);
    }
    test_join(&partner);
}

typedef struct parcel {
    thrum_lock lock;
    int payload; /* plain: ThreadSanitizer sees whether the release published it */
    atomic_bool sent;
} parcel;

/* `sent` is relaxed: that the payload may be read is the lock's doing alone. */
static void *receiver(void *p) {
    parcel *r = p;
    while (!atomic_load_explicit(&r->sent, memory_order_relaxed)) sched_yield();
    CHECK(thrum_lock_try_acquire(&r->lock));
    CHECK_EQ(r->payload, 42);
    return NULL;
}

TEST(a_release_publishes_to_the_next_holder) {
    for (unsigned round = 0; round < 50; round++) {
        parcel p = {.payload = 0};
        test_thread t = test_start(receiver, &p);
        thrum_lock_acquire(&p.lock);
        p.payload = 42;
        CHECK_EQ(thrum_lock_release(&p.lock), THRUM_OK);
        atomic_store_explicit(&p.sent, true, memory_order_relaxed);
        test_join(&t);
    }
}

typedef struct tally {
    thrum_lock lock;
    unsigned long count; /* plain: only the lock protects it */
    unsigned rounds;
    unsigned threads;
    atomic_uint arrived;
} tally;

static void *counting(void *p) {
    tally *t = p;
    meet(&t->arrived, t->threads);
    for (unsigned i = 0; i < t->rounds; i++) {
        thrum_lock_acquire(&t->lock);
        const unsigned long seen = t->count;
        if (i % 64 == 0) sched_yield(); /* the others run while it is held */
        t->count = seen + 1;
        CHECK_EQ(thrum_lock_release(&t->lock), THRUM_OK);
    }
    return NULL;
}

TEST(sixty_four_threads_on_two_processors_exclude_each_other) {
    enum { THREADS = 64 };
    static tally t;
    t.rounds = 5000 / test_slowdown();
    t.threads = THREADS;
    test_pin(2);
    test_thread threads[THREADS];
    test_start_all(threads, THREADS, counting, &t);
    test_join_all(threads, THREADS);
    test_unpin();
    CHECK_EQ(t.count, (unsigned long)THREADS * t.rounds);
    CHECK(!thrum_lock_locked(&t.lock));
}

/* The first thread and one of plain pthread_create. */
TEST(threads_that_thrum_did_not_start_may_use_it) {
    static tally t;
    t.rounds = 100000 / test_slowdown();
    t.threads = 2;
    pthread_t other;
    CHECK_EQ(pthread_create(&other, NULL, counting, &t), 0);
    counting(&t);
    CHECK_EQ(pthread_join(other, NULL), 0);
    CHECK_EQ(t.count, 2ul * t.rounds);
}

static thrum_lock of_handler;
static unsigned long guarded; /* plain: only the lock protects it */
static unsigned long by_handler;
static atomic_bool handler_over;

static void handler(int number) {
    char text[64];
    (void)number;
    CHECK(thrum_lock_describe(&of_handler, text, sizeof text) > 0);
    (void)thrum_lock_locked(&of_handler);
    if (!thrum_lock_try_acquire(&of_handler)) return;
    guarded++;
    by_handler++;
    CHECK_EQ(thrum_lock_release(&of_handler), THRUM_OK);
}

static void *interrupted_counting(void *p) {
    unsigned long *own = p;
    while (!atomic_load(&handler_over)) {
        thrum_lock_acquire(&of_handler);
        guarded++;
        CHECK_EQ(thrum_lock_release(&of_handler), THRUM_OK);
        ++*own;
    }
    return NULL;
}

TEST(a_signal_handler_may_try_and_release) {
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    unsigned long counts[2] = {0};
    test_thread a = test_start(interrupted_counting, &counts[0]);
    test_thread b = test_start(interrupted_counting, &counts[1]);
    for (unsigned i = 0; i < 2000 / test_slowdown(); i++) {
        CHECK_EQ(pthread_kill(a.thread, SIGUSR1), 0);
        CHECK_EQ(pthread_kill(b.thread, SIGUSR1), 0);
        for (unsigned pauses = 0; pauses < 1000; pauses++) thrum_cpu_pause();
    }
    atomic_store(&handler_over, true);
    test_join(&a);
    test_join(&b);
    CHECK_EQ(guarded, counts[0] + counts[1] + by_handler);
}

TEST(reset_after_fork_makes_it_free_in_the_child) {
    static thrum_lock lock;
    thrum_lock_acquire(&lock);
    test_thread waiters[2] = {test_start(acquirer, &lock), test_start(acquirer, &lock)};
    for (unsigned i = 0; i < 2; i++) test_await_asleep(&waiters[i]);
    const pid_t child = fork();
    if (child == 0) {
        CHECK_EQ(thrum_lock_acquire_until(&lock, thrum_after_ms(1)), THRUM_TIMEOUT);
        thrum_lock_reset_after_fork(&lock);
        CHECK_EQ(word(&lock), 0);
        thrum_lock_acquire(&lock);
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        _exit(0);
    }
    test_join_child(child);
    for (unsigned i = 0; i < 2; i++) { /* in which order the waiters get it is not promised */
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        while (!thrum_lock_locked(&lock)) sched_yield();
    }
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    for (unsigned i = 0; i < 2; i++) test_join(&waiters[i]);
}

TEST(reset_after_fork_leaves_a_shared_lock_alone) {
    thrum_lock lock;
    thrum_lock_init_shared(&lock);
    thrum_lock_acquire(&lock);
    const uint32_t before = word(&lock);
    thrum_lock_reset_after_fork(&lock);
    CHECK_EQ(word(&lock), before);
    CHECK(thrum_lock_locked(&lock));
}

static void describe(const thrum_lock *lock, char text[64]) {
    const size_t length = thrum_lock_describe(lock, text, 64);
    CHECK_EQ(length, strlen(text));
}

TEST(describe_tells_the_state) {
    thrum_lock lock = THRUM_LOCK_INIT;
    char free_text[64], held[64], contended[64], shared_text[64];
    describe(&lock, free_text);
    CHECK(strncmp(free_text, "lock: ", 6) == 0);
    thrum_lock_acquire(&lock);
    describe(&lock, held);
    CHECK(strncmp(held, "lock: locked", 12) == 0);
    CHECK(strncmp(free_text, "lock: locked", 12) != 0);
    test_thread t = test_start(acquirer, &lock);
    test_await_asleep(&t);
    describe(&lock, contended);
    CHECK(strncmp(contended, "lock: locked", 12) == 0);
    CHECK(strcmp(contended, held) != 0); /* it says that somebody waits */
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    test_join(&t);
    thrum_lock_init_shared(&lock);
    describe(&lock, shared_text);
    CHECK(strstr(shared_text, "shared") != NULL);
}

TEST(describe_cuts_to_the_size_and_returns_the_whole_length) {
    thrum_lock lock = THRUM_LOCK_INIT;
    char whole[64], cut[8];
    thrum_lock_acquire(&lock);
    const size_t length = thrum_lock_describe(&lock, whole, sizeof whole);
    memset(cut, 'x', sizeof cut);
    CHECK_EQ(thrum_lock_describe(&lock, cut, 6), length);
    CHECK_EQ(strlen(cut), 5);
    CHECK(strncmp(cut, whole, 5) == 0);
    CHECK_EQ(cut[6], 'x');
    CHECK_EQ(thrum_lock_describe(&lock, NULL, 0), length);
}
