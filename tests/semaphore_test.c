/* SPDX-License-Identifier: MIT */
/* The promises of thrum/semaphore.h. What every wait does is in waiting_test.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "semaphore_parts.h"
#include "test.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thrum/semaphore.h>

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
