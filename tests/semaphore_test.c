/* SPDX-License-Identifier: MIT */
/* The promises of thrum/semaphore.h. What every wait does is in waiting_test.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thrum/semaphore.h>

enum { SLEEPERS = 6 };

static uint64_t word(const thrum_semaphore *semaphore) {
    return thrum_u64_load_relaxed(&semaphore->state);
}

/* Threads that take one permit each, and who of them got in. */
typedef struct crowd {
    thrum_semaphore *semaphore;
    atomic_uint entered;
    atomic_bool inside[SLEEPERS];
    atomic_uint arrivals;
    test_thread threads[SLEEPERS];
    unsigned count;
} crowd;

static void *enter(void *p) {
    crowd *c = p;
    const unsigned number = atomic_fetch_add(&c->arrivals, 1);
    thrum_semaphore_acquire(c->semaphore);
    atomic_store(&c->inside[number], true);
    atomic_fetch_add(&c->entered, 1);
    return NULL;
}

/* One after the other, so that the number is the thread's place in the array. */
static void crowd_asleep(crowd *c, thrum_semaphore *semaphore, unsigned count) {
    *c = (crowd){.semaphore = semaphore, .count = count};
    for (unsigned i = 0; i < count; i++) {
        c->threads[i] = test_start(enter, c);
        while (atomic_load(&c->arrivals) <= i) sched_yield();
        test_await_asleep(&c->threads[i]);
    }
}

/* Waits until exactly so many are inside and the kernel says that all the others sleep. */
static void crowd_await(crowd *c, unsigned entered) {
    while (atomic_load(&c->entered) < entered) sched_yield();
    for (unsigned i = 0; i < c->count; i++)
        if (!atomic_load(&c->inside[i])) test_await_asleep(&c->threads[i]);
    CHECK_EQ(atomic_load(&c->entered), entered);
}

static void crowd_join(crowd *c) {
    for (unsigned i = 0; i < c->count; i++) test_join(&c->threads[i]);
}

TEST(they_are_eight_and_sixteen_bytes) {
    CHECK_EQ(sizeof(thrum_semaphore), 8);
    CHECK_EQ(sizeof(thrum_bounded_semaphore), 16);
}

TEST(all_zero_memory_is_a_semaphore_without_permits) {
    static thrum_semaphore from_static;
    thrum_semaphore *from_heap = calloc(1, sizeof *from_heap);
    thrum_semaphore *const semaphores[] = {&from_static, from_heap};
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(thrum_semaphore_value(semaphores[i]), 0);
        CHECK(!thrum_semaphore_try_acquire(semaphores[i]));
        CHECK_EQ(thrum_semaphore_release(semaphores[i]), THRUM_OK);
        CHECK(thrum_semaphore_try_acquire(semaphores[i]));
    }
    free(from_heap);
    static thrum_bounded_semaphore bounded;
    CHECK_EQ(thrum_bounded_semaphore_value(&bounded), 0);
    CHECK_EQ(thrum_bounded_semaphore_release(&bounded), THRUM_LIMIT);
}

TEST(it_starts_with_the_initial_value) {
    thrum_semaphore by_macro = THRUM_SEMAPHORE_INIT(3), by_init, shared;
    thrum_bounded_semaphore bounded_macro = THRUM_BOUNDED_SEMAPHORE_INIT(3), bounded_init, bounded_shared;
    CHECK_EQ(thrum_semaphore_init(&by_init, 3), THRUM_OK);
    CHECK_EQ(thrum_semaphore_init_shared(&shared, 3), THRUM_OK);
    CHECK_EQ(thrum_bounded_semaphore_init(&bounded_init, 3), THRUM_OK);
    CHECK_EQ(thrum_bounded_semaphore_init_shared(&bounded_shared, 3), THRUM_OK);
    thrum_semaphore *const all[] = {
        &by_macro, &by_init, &shared, &bounded_macro.permits, &bounded_init.permits, &bounded_shared.permits};
    for (unsigned i = 0; i < sizeof all / sizeof all[0]; i++) {
        CHECK_EQ(thrum_semaphore_value(all[i]), 3);
        for (int left = 2; left >= 0; left--) {
            thrum_semaphore_acquire(all[i]);
            CHECK_EQ(thrum_semaphore_value(all[i]), left);
        }
        CHECK(!thrum_semaphore_try_acquire(all[i]));
        CHECK_EQ(thrum_semaphore_acquire_until(all[i], thrum_after_us(100)), THRUM_TIMEOUT);
        CHECK_EQ(thrum_semaphore_value(all[i]), 0);
    }
    CHECK_EQ(thrum_semaphore_init(&by_init, THRUM_SEMAPHORE_MAX), THRUM_OK);
    CHECK_EQ(thrum_semaphore_value(&by_init), THRUM_SEMAPHORE_MAX);
}

TEST(a_negative_initial_value_is_refused_and_nothing_written) {
    thrum_semaphore semaphore = THRUM_SEMAPHORE_INIT(7);
    thrum_bounded_semaphore bounded = THRUM_BOUNDED_SEMAPHORE_INIT(7);
    const int32_t refused[] = {-1, INT32_MIN};
    for (unsigned i = 0; i < 2; i++) {
        CHECK_EQ(thrum_semaphore_init(&semaphore, refused[i]), THRUM_INVALID);
        CHECK_EQ(thrum_semaphore_init_shared(&semaphore, refused[i]), THRUM_INVALID);
        CHECK_EQ(thrum_bounded_semaphore_init(&bounded, refused[i]), THRUM_INVALID);
        CHECK_EQ(thrum_bounded_semaphore_init_shared(&bounded, refused[i]), THRUM_INVALID);
    }
    CHECK_EQ(word(&semaphore), 7);
    CHECK_EQ(word(&bounded.permits), 7);
    CHECK_EQ(bounded.bound, 7);
}

static void *releaser(void *semaphore) {
    CHECK_EQ(thrum_semaphore_release(semaphore), THRUM_OK);
    return NULL;
}

TEST(any_thread_may_release) {
    static thrum_semaphore semaphore = THRUM_SEMAPHORE_INIT(1);
    thrum_semaphore_acquire(&semaphore);
    test_thread t = test_start(releaser, &semaphore);
    thrum_semaphore_acquire(&semaphore);
    test_join(&t);
    CHECK_EQ(thrum_semaphore_value(&semaphore), 0);
}

TEST(a_release_lets_exactly_one_in) {
    static thrum_semaphore semaphore;
    static crowd c;
    crowd_asleep(&c, &semaphore, SLEEPERS);
    for (unsigned turn = 1; turn <= SLEEPERS; turn++) {
        CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OK);
        crowd_await(&c, turn);
        CHECK_EQ(thrum_semaphore_value(&semaphore), 0);
    }
    crowd_join(&c);
    CHECK_EQ(word(&semaphore), 0);
}

TEST(release_n_lets_exactly_n_in) {
    static thrum_semaphore semaphore;
    static crowd c;
    for (int n = 1; n <= SLEEPERS; n++) {
        crowd_asleep(&c, &semaphore, SLEEPERS);
        CHECK_EQ(thrum_semaphore_release_n(&semaphore, n), THRUM_OK);
        crowd_await(&c, (unsigned)n);
        CHECK_EQ(thrum_semaphore_value(&semaphore), 0);
        CHECK_EQ(thrum_semaphore_release_n(&semaphore, SLEEPERS + 2), THRUM_OK); /* more than wait */
        crowd_join(&c);
        CHECK_EQ(word(&semaphore), (unsigned)n + 2);
        while (thrum_semaphore_try_acquire(&semaphore)) {
        }
    }
}

TEST(releases_in_a_row_let_as_many_in) {
    static thrum_semaphore semaphore;
    static crowd c;
    for (unsigned round = 0; round < 100 / test_slowdown(); round++) {
        crowd_asleep(&c, &semaphore, SLEEPERS);
        for (unsigned i = 0; i < SLEEPERS - 1; i++) CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OK);
        crowd_await(&c, SLEEPERS - 1);
        CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OK);
        crowd_join(&c);
        CHECK_EQ(word(&semaphore), 0);
    }
}

/* Three permits pass through everybody's hands. */
typedef struct pool {
    thrum_semaphore permits;
    atomic_uint inside;
    unsigned rounds;
} pool;

enum { PERMITS = 3, CROWD = 64 };

static void *take_and_give(void *p) {
    pool *shared = p;
    for (unsigned i = 0; i < shared->rounds; i++) {
        thrum_semaphore_acquire(&shared->permits);
        CHECK(atomic_fetch_add(&shared->inside, 1) < PERMITS);
        if (i % 16 == 0) sched_yield(); /* the others run while it is held */
        atomic_fetch_sub(&shared->inside, 1);
        CHECK_EQ(thrum_semaphore_release(&shared->permits), THRUM_OK);
    }
    return NULL;
}

TEST(sixty_four_threads_on_two_processors_keep_the_number_of_permits) {
    static pool shared;
    shared.rounds = 2000 / test_slowdown();
    CHECK_EQ(thrum_semaphore_init(&shared.permits, PERMITS), THRUM_OK);
    test_thread threads[CROWD];
    test_pin(2);
    for (unsigned i = 0; i < CROWD; i++) threads[i] = test_start(take_and_give, &shared);
    for (unsigned i = 0; i < CROWD; i++) test_join(&threads[i]);
    test_unpin();
    CHECK_EQ(word(&shared.permits), PERMITS); /* and no trace of a waiter */
}

TEST(an_invalid_count_changes_nothing_and_wakes_nobody) {
    static thrum_semaphore semaphore;
    static thrum_bounded_semaphore bounded = THRUM_BOUNDED_SEMAPHORE_INIT(1);
    static crowd c;
    const int32_t refused[] = {0, -1, INT32_MIN};
    crowd_asleep(&c, &semaphore, 2);
    const uint64_t before = word(&semaphore);
    for (unsigned i = 0; i < 3; i++) {
        CHECK_EQ(thrum_semaphore_release_n(&semaphore, refused[i]), THRUM_INVALID);
        CHECK_EQ(thrum_bounded_semaphore_release_n(&bounded, refused[i]), THRUM_INVALID); /* checked first */
        CHECK_EQ(word(&semaphore), before);
        CHECK_EQ(word(&bounded.permits), 1);
    }
    crowd_await(&c, 0);
    CHECK_EQ(thrum_semaphore_release_n(&semaphore, 2), THRUM_OK);
    crowd_join(&c);
}

/* Memory that may not be written. */
TEST(a_try_without_a_permit_writes_nothing) {
    thrum_semaphore *const empty =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(empty != MAP_FAILED);
    CHECK_EQ(thrum_semaphore_init(empty, 0), THRUM_OK);
    CHECK_EQ(mprotect(empty, 4096, PROT_READ), 0);
    CHECK(!thrum_semaphore_try_acquire(empty));
    CHECK_EQ(thrum_semaphore_acquire_until(empty, THRUM_NOW), THRUM_TIMEOUT);
    CHECK_EQ(munmap(empty, 4096), 0);
}

TEST(a_refused_release_of_a_bounded_semaphore_leaves_the_word_as_it_was) {
    thrum_bounded_semaphore full, shared;
    CHECK_EQ(thrum_bounded_semaphore_init(&full, 2), THRUM_OK);
    CHECK_EQ(thrum_bounded_semaphore_init_shared(&shared, 2), THRUM_OK);
    const uint64_t before = thrum_u64_load_relaxed(&shared.permits.state);
    CHECK_EQ(thrum_bounded_semaphore_release(&full), THRUM_LIMIT);
    CHECK_EQ(thrum_bounded_semaphore_release_n(&full, 1), THRUM_LIMIT);
    CHECK_EQ(thrum_bounded_semaphore_release(&shared), THRUM_LIMIT);
    CHECK_EQ(word(&full.permits), 2);
    CHECK_EQ(thrum_u64_load_relaxed(&shared.permits.state), before);
}

/*
 * Releases of a full semaphore, beside threads that take a permit and bring it back. A release is refused
 * only while the semaphore is full; so it is full at the end, whichever of them were.
 */
static void *release_too_much(void *brimful) {
    for (unsigned i = 0; i < 20000 / test_slowdown(); i++) {
        if (i % 3 == 0) thrum_semaphore_acquire(brimful);
        CHECK(thrum_semaphore_value(brimful) > 0);
        (void)thrum_semaphore_release(brimful);
    }
    return NULL;
}

TEST(of_many_releases_at_once_those_too_many_are_refused) {
    static thrum_semaphore brimful = THRUM_SEMAPHORE_INIT(THRUM_SEMAPHORE_MAX);
    test_thread threads[4];
    for (unsigned i = 0; i < 4; i++) threads[i] = test_start(release_too_much, &brimful);
    for (unsigned i = 0; i < 4; i++) test_join(&threads[i]);
    CHECK_EQ(thrum_u64_load_relaxed(&brimful.state), THRUM_SEMAPHORE_MAX);
}

/* The same at a bound that threads wait at: none of them sleeps beside a permit. */
static void *release_beyond_the_bound(void *p) {
    thrum_bounded_semaphore *const bounded = p;
    for (unsigned i = 0; i < 20000 / test_slowdown(); i++) {
        if (i % 3 != 0) thrum_bounded_semaphore_acquire(bounded);
        const int32_t value = thrum_bounded_semaphore_value(bounded);
        CHECK(value >= 0 && value <= 2);
        (void)thrum_bounded_semaphore_release(bounded);
    }
    return NULL;
}

TEST(of_many_releases_at_once_those_beyond_the_bound_are_refused) {
    static thrum_bounded_semaphore bounded = THRUM_BOUNDED_SEMAPHORE_INIT(2);
    test_thread threads[4];
    for (unsigned i = 0; i < 4; i++) threads[i] = test_start(release_beyond_the_bound, &bounded);
    for (unsigned i = 0; i < 4; i++) test_join(&threads[i]);
    CHECK_EQ(word(&bounded.permits), 2);
}

TEST(an_overflow_keeps_the_value) {
    thrum_semaphore semaphore;
    CHECK_EQ(thrum_semaphore_init(&semaphore, THRUM_SEMAPHORE_MAX - 1), THRUM_OK);
    CHECK_EQ(thrum_semaphore_release_n(&semaphore, 2), THRUM_OVERFLOW);
    CHECK_EQ(thrum_semaphore_release_n(&semaphore, INT32_MAX), THRUM_OVERFLOW);
    CHECK_EQ(word(&semaphore), THRUM_SEMAPHORE_MAX - 1);
    CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OK);
    CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OVERFLOW);
    CHECK_EQ(thrum_semaphore_release_n(&semaphore, 1), THRUM_OVERFLOW);
    CHECK_EQ(thrum_semaphore_release_n(&semaphore, 0), THRUM_INVALID);
    CHECK_EQ(word(&semaphore), THRUM_SEMAPHORE_MAX);
    CHECK(thrum_semaphore_try_acquire(&semaphore));
}

TEST(bounded_refuses_to_exceed_the_initial_value) {
    static thrum_bounded_semaphore semaphore = THRUM_BOUNDED_SEMAPHORE_INIT(2);
    CHECK_EQ(thrum_bounded_semaphore_release(&semaphore), THRUM_LIMIT);
    thrum_bounded_semaphore_acquire(&semaphore);
    CHECK_EQ(thrum_bounded_semaphore_release_n(&semaphore, 2), THRUM_LIMIT);
    CHECK_EQ(thrum_bounded_semaphore_release_n(&semaphore, INT32_MAX), THRUM_LIMIT);
    CHECK_EQ(thrum_bounded_semaphore_value(&semaphore), 1);
    CHECK_EQ(thrum_bounded_semaphore_release(&semaphore), THRUM_OK);
    CHECK_EQ(thrum_bounded_semaphore_release(&semaphore), THRUM_LIMIT);
    CHECK_EQ(thrum_bounded_semaphore_value(&semaphore), 2);
    CHECK(thrum_bounded_semaphore_try_acquire(&semaphore));
    CHECK_EQ(thrum_bounded_semaphore_acquire_until(&semaphore, THRUM_NOW), THRUM_OK);
    CHECK(!thrum_bounded_semaphore_try_acquire(&semaphore));
    CHECK_EQ(thrum_bounded_semaphore_release_n(&semaphore, 2), THRUM_OK);
    CHECK_EQ(thrum_bounded_semaphore_value(&semaphore), 2);
}

TEST(a_release_beyond_the_bound_wakes_nobody) {
    static thrum_bounded_semaphore semaphore = THRUM_BOUNDED_SEMAPHORE_INIT(2);
    static crowd c;
    thrum_bounded_semaphore_acquire(&semaphore);
    thrum_bounded_semaphore_acquire(&semaphore);
    crowd_asleep(&c, &semaphore.permits, 3);
    const uint64_t before = word(&semaphore.permits);
    CHECK_EQ(thrum_bounded_semaphore_release_n(&semaphore, 3), THRUM_LIMIT);
    CHECK_EQ(word(&semaphore.permits), before);
    crowd_await(&c, 0);
    CHECK_EQ(thrum_bounded_semaphore_release_n(&semaphore, 2), THRUM_OK);
    crowd_await(&c, 2);
    CHECK_EQ(thrum_bounded_semaphore_release(&semaphore), THRUM_OK);
    crowd_join(&c);
    CHECK_EQ(word(&semaphore.permits), 0);
}

typedef struct parcel {
    thrum_semaphore semaphore;
    int payload; /* plain: ThreadSanitizer sees whether the release published it */
    atomic_bool sent;
} parcel;

/* `sent` is relaxed: that the payload may be read is the permit's doing alone. */
static void *receiver(void *p) {
    parcel *r = p;
    while (!atomic_load_explicit(&r->sent, memory_order_relaxed)) sched_yield();
    CHECK(thrum_semaphore_try_acquire(&r->semaphore));
    CHECK_EQ(r->payload, 42);
    return NULL;
}

TEST(a_release_publishes_to_the_taker_of_the_permit) {
    for (unsigned round = 0; round < 50; round++) {
        parcel p = {.payload = 0};
        test_thread t = test_start(receiver, &p);
        p.payload = 42;
        CHECK_EQ(thrum_semaphore_release(&p.semaphore), THRUM_OK);
        atomic_store_explicit(&p.sent, true, memory_order_relaxed);
        test_join(&t);
    }
}

static int carried; /* plain: the thread sanitizer watches it */

static void *take_and_read(void *semaphore) {
    thrum_semaphore_acquire(semaphore);
    CHECK_EQ(carried, 42);
    return NULL;
}

TEST(a_release_publishes_to_a_sleeper) {
    static thrum_semaphore semaphore;
    test_thread sleeper = test_start(take_and_read, &semaphore);
    test_await_asleep(&sleeper);
    carried = 42;
    CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OK);
    test_join(&sleeper);
}

static void *timed(void *semaphore) {
    CHECK_EQ(thrum_semaphore_acquire_until(semaphore, thrum_after_ms(3)), THRUM_TIMEOUT);
    return NULL;
}

TEST(a_timed_out_acquire_leaves_no_trace) {
    static thrum_semaphore semaphore;
    static crowd c;
    test_thread alone = test_start(timed, &semaphore);
    test_join(&alone);
    CHECK_EQ(word(&semaphore), 0);
    crowd_asleep(&c, &semaphore, 2);
    const uint64_t before = word(&semaphore);
    test_thread beside[2] = {test_start(timed, &semaphore), test_start(timed, &semaphore)};
    test_join(&beside[0]);
    test_join(&beside[1]);
    CHECK_EQ(word(&semaphore), before);
    crowd_await(&c, 0);
    CHECK_EQ(thrum_semaphore_release_n(&semaphore, 2), THRUM_OK);
    crowd_join(&c);
    CHECK_EQ(word(&semaphore), 0);
}

static thrum_semaphore of_handler;
static thrum_bounded_semaphore bounded_of_handler = THRUM_BOUNDED_SEMAPHORE_INIT(1);

static void handler(int number) {
    char text[64];
    (void)number;
    CHECK(thrum_semaphore_describe(&of_handler, text, sizeof text) > 0);
    CHECK(thrum_semaphore_value(&of_handler) >= 0);
    if (thrum_bounded_semaphore_try_acquire(&bounded_of_handler))
        CHECK_EQ(thrum_bounded_semaphore_release(&bounded_of_handler), THRUM_OK);
    CHECK_EQ(thrum_semaphore_release_n(&of_handler, 2), THRUM_OK);
    if (!thrum_semaphore_try_acquire(&of_handler)) return;
    CHECK_EQ(thrum_semaphore_release(&of_handler), THRUM_OK);
}

/* Also in the very thread that waits, and for a sleeper beside it. */
TEST(a_signal_handler_may_release_and_try) {
    static crowd c;
    struct sigaction action = {.sa_handler = handler};
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    for (unsigned round = 0; round < 50 / test_slowdown(); round++) {
        crowd_asleep(&c, &of_handler, 2);
        CHECK_EQ(pthread_kill(c.threads[round % 2].thread, SIGUSR1), 0);
        crowd_join(&c);
        CHECK_EQ(word(&of_handler), 0);
    }
}

TEST(reset_after_fork_forgets_the_waiters_and_keeps_the_value) {
    static thrum_bounded_semaphore semaphore = THRUM_BOUNDED_SEMAPHORE_INIT(1);
    static thrum_semaphore full = THRUM_SEMAPHORE_INIT(5);
    static crowd c;
    thrum_bounded_semaphore_acquire(&semaphore);
    crowd_asleep(&c, &semaphore.permits, 2);
    const pid_t child = fork();
    if (child == 0) {
        thrum_bounded_semaphore_reset_after_fork(&semaphore);
        thrum_semaphore_reset_after_fork(&full);
        CHECK_EQ(word(&semaphore.permits), 0);
        CHECK_EQ(word(&full), 5);
        CHECK_EQ(thrum_bounded_semaphore_acquire_until(&semaphore, thrum_after_us(100)), THRUM_TIMEOUT);
        CHECK_EQ(thrum_bounded_semaphore_release(&semaphore), THRUM_OK);
        thrum_bounded_semaphore_acquire(&semaphore);
        _exit(0);
    }
    test_join_child(child);
    crowd_await(&c, 0);
    for (unsigned turn = 1; turn <= 2; turn++) {
        CHECK_EQ(thrum_bounded_semaphore_release(&semaphore), THRUM_OK);
        crowd_await(&c, turn);
    }
    crowd_join(&c);
}

TEST(reset_after_fork_leaves_a_shared_semaphore_alone) {
    static thrum_semaphore semaphore;
    static crowd c;
    CHECK_EQ(thrum_semaphore_init_shared(&semaphore, 0), THRUM_OK);
    crowd_asleep(&c, &semaphore, 2);
    const uint64_t before = word(&semaphore);
    thrum_semaphore_reset_after_fork(&semaphore);
    CHECK_EQ(word(&semaphore), before);
    CHECK_EQ(thrum_semaphore_release_n(&semaphore, 2), THRUM_OK);
    crowd_join(&c);
}

TEST(describe_tells_the_state) {
    static thrum_bounded_semaphore bounded = THRUM_BOUNDED_SEMAPHORE_INIT(4);
    thrum_semaphore semaphore = THRUM_SEMAPHORE_INIT(3);
    static crowd c;
    char text[80];
    CHECK(thrum_semaphore_describe(&semaphore, text, sizeof text) < sizeof text);
    CHECK(strcmp(text, "semaphore: value 3, waiters 0") == 0);
    CHECK_EQ(thrum_semaphore_init_shared(&semaphore, 0), THRUM_OK);
    crowd_asleep(&c, &semaphore, 2);
    CHECK(thrum_semaphore_describe(&semaphore, text, sizeof text) < sizeof text);
    CHECK(strncmp(text, "semaphore: value 0, waiters 2", 29) == 0);
    CHECK(strstr(text, "shared") != NULL);
    CHECK_EQ(thrum_semaphore_release_n(&semaphore, 2), THRUM_OK);
    crowd_join(&c);
    thrum_bounded_semaphore_acquire(&bounded);
    CHECK(thrum_bounded_semaphore_describe(&bounded, text, sizeof text) < sizeof text);
    CHECK(strncmp(text, "bounded semaphore: value 3", 26) == 0);
    CHECK(strstr(text, "4") != NULL);
}

TEST(describe_cuts_to_the_size_and_returns_the_whole_length) {
    const thrum_bounded_semaphore bounded = THRUM_BOUNDED_SEMAPHORE_INIT(1);
    char whole[80], cut[8];
    memset(cut, 'x', sizeof cut);
    size_t length = thrum_semaphore_describe(&bounded.permits, whole, sizeof whole);
    CHECK_EQ(strlen(whole), length);
    CHECK_EQ(thrum_semaphore_describe(&bounded.permits, cut, 6), length);
    CHECK(memcmp(cut, "semap\0x", 7) == 0);
    CHECK_EQ(thrum_semaphore_describe(&bounded.permits, NULL, 0), length);
    length = thrum_bounded_semaphore_describe(&bounded, whole, sizeof whole);
    CHECK_EQ(strlen(whole), length);
    CHECK_EQ(thrum_bounded_semaphore_describe(&bounded, cut, 6), length);
    CHECK(memcmp(cut, "bound\0x", 7) == 0);
    CHECK_EQ(thrum_bounded_semaphore_describe(&bounded, NULL, 0), length);
}
