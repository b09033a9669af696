/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <thrum/spinlock.h>

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

static void *release(void *lock) {
    CHECK_EQ(thrum_spinlock_release(lock), THRUM_OK);
    return NULL;
}

TEST(all_zero_memory_is_a_free_spinlock) {
    static thrum_spinlock zero;
    thrum_spinlock said = THRUM_SPINLOCK_INIT;
    thrum_spinlock made;
    memset(&made, 0xff, sizeof made);
    thrum_spinlock_init(&made);
    CHECK(thrum_spinlock_try_acquire(&zero));
    CHECK(thrum_spinlock_try_acquire(&said));
    CHECK(thrum_spinlock_try_acquire(&made));
    CHECK_EQ(sizeof zero, 4);
}

TEST(try_takes_a_free_lock_and_only_a_free_one) {
    thrum_spinlock l = THRUM_SPINLOCK_INIT;
    CHECK(thrum_spinlock_try_acquire(&l));
    CHECK(!thrum_spinlock_try_acquire(&l));
    CHECK(!thrum_spinlock_try_acquire(&l));
    CHECK_EQ(thrum_spinlock_release(&l), THRUM_OK);
    CHECK(thrum_spinlock_try_acquire(&l));
}

/* Memory that may not be written. */
TEST(a_try_on_a_held_lock_writes_nothing) {
    thrum_spinlock *const l = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(l != MAP_FAILED);
    thrum_spinlock_acquire(l);
    CHECK_EQ(mprotect(l, 4096, PROT_READ), 0);
    CHECK(!thrum_spinlock_try_acquire(l));
    CHECK_EQ(thrum_spinlock_acquire_until(l, THRUM_NOW), THRUM_TIMEOUT);
    CHECK_EQ(munmap(l, 4096), 0);
}

TEST(locked_says_whether_anybody_holds_it) {
    thrum_spinlock l = THRUM_SPINLOCK_INIT;
    CHECK(!thrum_spinlock_locked(&l));
    thrum_spinlock_acquire(&l);
    CHECK(thrum_spinlock_locked(&l));
    thrum_spinlock_release(&l);
    CHECK(!thrum_spinlock_locked(&l));
}

TEST(releasing_a_free_lock_is_refused_and_changes_nothing) {
    thrum_spinlock l = THRUM_SPINLOCK_INIT;
    CHECK_EQ(thrum_spinlock_release(&l), THRUM_NOT_LOCKED);
    CHECK(!thrum_spinlock_locked(&l));
    thrum_spinlock_acquire(&l);
    CHECK_EQ(thrum_spinlock_release(&l), THRUM_OK);
    CHECK_EQ(thrum_spinlock_release(&l), THRUM_NOT_LOCKED);
    CHECK(thrum_spinlock_try_acquire(&l));
}

TEST(release_by_another_thread_is_allowed) {
    static thrum_spinlock l;
    thrum_spinlock_acquire(&l);
    test_thread t = test_start(release, &l);
    test_join(&t);
    CHECK(!thrum_spinlock_locked(&l));
}

static thrum_u32 inside;
static thrum_spinlock door;

static void *enter(void *unused) {
    (void)unused;
    thrum_spinlock_acquire(&door);
    thrum_u32_store_relaxed(&inside, 1);
    thrum_spinlock_release(&door);
    return NULL;
}

TEST(acquire_waits_while_another_thread_holds_it) {
    thrum_spinlock_acquire(&door);
    test_thread t = test_start(enter, NULL);
    test_await_busy(&t, 5000000); /* it spins */
    CHECK_EQ(thrum_u32_load_relaxed(&inside), 0);
    thrum_spinlock_release(&door);
    test_join(&t);
    CHECK_EQ(thrum_u32_load_relaxed(&inside), 1);
    CHECK(!thrum_spinlock_locked(&door));
}

TEST(a_deadline_that_has_passed_makes_a_try) {
    thrum_spinlock l = THRUM_SPINLOCK_INIT;
    CHECK_EQ(thrum_spinlock_acquire_until(&l, THRUM_NOW), THRUM_OK);
    CHECK_EQ(thrum_spinlock_acquire_until(&l, THRUM_NOW), THRUM_TIMEOUT);
    CHECK_EQ(thrum_spinlock_acquire_until(&l, thrum_after(-1)), THRUM_TIMEOUT);
    CHECK(thrum_spinlock_locked(&l));
    thrum_spinlock_release(&l);
    CHECK_EQ(thrum_spinlock_acquire_until(&l, thrum_after(-1)), THRUM_OK);
}

TEST(a_wait_with_a_deadline_ends_at_it_and_not_before) {
    thrum_spinlock l = THRUM_SPINLOCK_INIT;
    thrum_spinlock_acquire(&l);
    const thrum_deadline end = thrum_after_ms(20);
    CHECK_EQ(thrum_spinlock_acquire_until(&l, end), THRUM_TIMEOUT);
    CHECK(test_now_ns() >= end.ns);
    CHECK(test_now_ns() < end.ns + 5000000000u);
    CHECK(thrum_spinlock_locked(&l));
}

static void *until_long(void *lock) {
    CHECK_EQ(thrum_spinlock_acquire_until(lock, thrum_after_ms(60000)), THRUM_OK);
    CHECK_EQ(thrum_spinlock_release(lock), THRUM_OK);
    return NULL;
}

TEST(a_wait_with_a_deadline_takes_a_lock_that_is_released_before_it) {
    static thrum_spinlock l;
    thrum_spinlock_acquire(&l);
    const uint64_t begin = test_now_ns();
    test_thread t = test_start(until_long, &l);
    test_await_busy(&t, 5000000); /* it spins */
    thrum_spinlock_release(&l);
    test_join(&t);
    CHECK(test_now_ns() < begin + 30000000000u);
}

TEST(describe_tells_the_state_and_keeps_to_the_size) {
    thrum_spinlock l = THRUM_SPINLOCK_INIT;
    char text[64];
    CHECK_EQ(thrum_spinlock_describe(&l, text, sizeof text), strlen("spinlock: free"));
    CHECK(strcmp(text, "spinlock: free") == 0);
    thrum_spinlock_acquire(&l);
    CHECK_EQ(thrum_spinlock_describe(&l, text, sizeof text), strlen("spinlock: locked"));
    CHECK(strcmp(text, "spinlock: locked") == 0);
    memset(text, 'x', sizeof text);
    CHECK_EQ(thrum_spinlock_describe(&l, text, 5), strlen("spinlock: locked"));
    CHECK(memcmp(text, "spin\0xxx", 8) == 0);
    CHECK_EQ(thrum_spinlock_describe(&l, NULL, 0), strlen("spinlock: locked"));
}

TEST(a_held_one_in_a_forked_child_is_made_free_by_its_initialiser) {
    static thrum_spinlock l;
    thrum_spinlock_acquire(&l);
    const pid_t child = fork();
    if (child == 0) {
        if (thrum_spinlock_try_acquire(&l)) _exit(1);
        l = (thrum_spinlock)THRUM_SPINLOCK_INIT;
        _exit(thrum_spinlock_try_acquire(&l) ? 0 : 2);
    }
    test_join_child(child);
    CHECK(thrum_spinlock_locked(&l));
}

TEST(it_works_in_memory_that_processes_share) {
    const long rounds = 1000000 / test_slowdown();
    struct {
        thrum_spinlock lock;
        thrum_u32 ready;
        long count;
    } *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)shared != MAP_FAILED);
    const pid_t child = fork();
    thrum_u32_fetch_add_seq_cst(&shared->ready, 1);
    while (thrum_u32_load_seq_cst(&shared->ready) < 2) sched_yield();
    for (long i = 0; i < rounds; i++) {
        thrum_spinlock_acquire(&shared->lock);
        shared->count++;
        thrum_spinlock_release(&shared->lock);
    }
    if (child == 0) _exit(0);
    test_join_child(child);
    CHECK_EQ(shared->count, 2 * rounds);
    munmap(shared, 4096);
}

static uint64_t waiter_cpu_ns;

static void *wait_and_account(void *lock) {
    const uint64_t begin = test_thread_cpu_ns();
    thrum_spinlock_acquire(lock);
    waiter_cpu_ns = test_thread_cpu_ns() - begin;
    thrum_spinlock_release(lock);
    return NULL;
}

/* Without giving it up, the waiter would get half of the processor. */
TEST(a_waiter_leaves_the_processor_to_the_holder) {
    test_pin(1);
    static thrum_spinlock l;
    thrum_spinlock_acquire(&l);
    test_thread t = test_start(wait_and_account, &l);
    const uint64_t begin = test_thread_cpu_ns();
    while (test_thread_cpu_ns() < begin + 60000000) continue;
    thrum_spinlock_release(&l);
    test_join(&t);
    CHECK(waiter_cpu_ns < 20000000);
    test_unpin();
}

TEST(errno_is_kept) {
    thrum_spinlock l = THRUM_SPINLOCK_INIT;
    errno = 4242;
    thrum_spinlock_acquire(&l);
    CHECK_EQ(thrum_spinlock_acquire_until(&l, thrum_after_ms(2)), THRUM_TIMEOUT);
    thrum_spinlock_release(&l);
    thrum_spinlock_release(&l);
    CHECK_EQ(errno, 4242);
}

enum { ADDERS = 4, ADDITIONS = 5000 };
static thrum_spinlock sum_guard;
static long sum; /* plain: the lock alone orders it, and a thread sanitizer looks on */

static void *add(void *unused) {
    (void)unused;
    for (int i = 0; i < ADDITIONS; i++) {
        thrum_spinlock_acquire(&sum_guard);
        sum++;
        thrum_spinlock_release(&sum_guard);
    }
    return NULL;
}

TEST(what_one_holder_wrote_the_next_one_sees) {
    test_thread threads[ADDERS];
    for (int i = 0; i < ADDERS; i++) threads[i] = test_start(add, NULL);
    for (int i = 0; i < ADDERS; i++) test_join(&threads[i]);
    CHECK_EQ(sum, (long)ADDERS * ADDITIONS);
}
