/* SPDX-License-Identifier: MIT */
/* Waits for a lock: what a waiter leaves, wakes, and gets its turn by. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "lock_parts.h"
#include "test.h"

#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <thrum/futex.h>
#include <thrum/lock.h>

typedef struct entrant {
    thrum_lock *lock;
    atomic_uint *entered;
    atomic_bool inside;
    test_thread thread;
} entrant;

static void *enter(void *p) {
    entrant *e = p;
    thrum_lock_acquire(e->lock);
    atomic_store(&e->inside, true);
    atomic_fetch_add(e->entered, 1);
    return NULL;
}

TEST(a_release_lets_exactly_one_waiter_in) {
    enum { WAITERS = 6 };
    static thrum_lock lock;
    static atomic_uint entered;
    static entrant all[WAITERS];
    thrum_lock_acquire(&lock);
    for (unsigned i = 0; i < WAITERS; i++) {
        all[i].lock = &lock;
        all[i].entered = &entered;
        all[i].thread = test_start(enter, &all[i]);
        test_await_asleep(&all[i].thread);
    }
    for (unsigned turn = 1; turn <= WAITERS; turn++) {
        CHECK_EQ(atomic_load(&entered), turn - 1);
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        while (atomic_load(&entered) < turn) sched_yield();
        for (unsigned i = 0; i < WAITERS; i++)
            if (!atomic_load(&all[i].inside)) test_await_asleep(&all[i].thread);
        CHECK_EQ(atomic_load(&entered), turn);
        CHECK(thrum_lock_locked(&lock));
    }
    for (unsigned i = 0; i < WAITERS; i++) test_join(&all[i].thread);
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    CHECK(!thrum_lock_locked(&lock));
}

static void *timed(void *lock) {
    CHECK_EQ(thrum_lock_acquire_until(lock, thrum_after_ms(4)), THRUM_TIMEOUT);
    return NULL;
}

TEST(a_timed_out_acquire_leaves_no_trace) {
    static thrum_lock lock;
    thrum_lock_acquire(&lock);
    const uint32_t before = word(&lock);
    for (unsigned round = 0; round < 5; round++) {
        CHECK_EQ(thrum_lock_acquire_until(&lock, thrum_after_us(300)), THRUM_TIMEOUT);
        CHECK_EQ(word(&lock), before);
        test_thread t = test_start(timed, &lock);
        test_join(&t);
        CHECK_EQ(word(&lock), before);
    }
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    CHECK_EQ(word(&lock), 0);
}

TEST(timed_out_acquires_leave_the_lock_to_the_waiters_that_stay) {
    static thrum_lock lock;
    for (unsigned round = 0; round < 20; round++) {
        test_thread impatient[3];
        thrum_lock_acquire(&lock);
        for (unsigned i = 0; i < 3; i++) impatient[i] = test_start(timed, &lock);
        test_thread patient = test_start(acquirer, &lock);
        test_await_asleep(&patient);
        for (unsigned i = 0; i < 3; i++) test_join(&impatient[i]);
        test_await_asleep(&patient);
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        test_join(&patient);
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        CHECK(!thrum_lock_locked(&lock));
    }
}

static void *timed_long(void *lock) {
    CHECK_EQ(thrum_lock_acquire_until(lock, thrum_after_ms(40)), THRUM_TIMEOUT);
    return NULL;
}

/* A wake may be meant for an object that lay here before; it may wake any sleeper at any time. */
TEST(a_strangers_wake_strands_nobody) {
    static thrum_lock lock;
    for (unsigned round = 0; round < 3; round++) {
        thrum_lock_acquire(&lock);
        test_thread patient = test_start(acquirer, &lock);
        test_await_asleep(&patient);
        test_thread impatient = test_start(timed_long, &lock);
        const uint64_t end = test_now_ns() + 10000000;
        while (test_now_ns() < end) {
            (void)thrum_futex_wake(&lock.state, INT_MAX, THRUM_FUTEX_ANY, false);
            sched_yield();
        }
        test_join(&impatient);
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        test_join(&patient); /* for ever, if the one that left took its wake along */
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        CHECK_EQ(word(&lock), 0);
    }
}

typedef struct barger {
    thrum_lock lock;
    atomic_ulong acquired;
    atomic_bool over;
} barger;

/* Holds it for 100 us and releases it for as short a moment as it can, never sleeping meanwhile. */
static void *barge(void *p) {
    barger *b = p;
    while (!atomic_load_explicit(&b->over, memory_order_relaxed)) {
        thrum_lock_acquire(&b->lock);
        atomic_fetch_add_explicit(&b->acquired, 1, memory_order_relaxed);
        const uint64_t end = test_now_ns() + 100000;
        while (test_now_ns() < end) thrum_cpu_pause();
        (void)thrum_lock_release(&b->lock);
    }
    return NULL;
}

static int by_size(const void *a, const void *b) {
    const unsigned long x = *(const unsigned long *)a, y = *(const unsigned long *)b;
    return (x > y) - (x < y);
}

/*
 * The header promises a turn after half a millisecond of barging: five of these holds. A busy
 * machine adds what it takes to give the waiter a processor, often 4 ms: forty holds. Five times as
 * many are allowed, and that to the wait in the middle of all.
 */
TEST(barging_does_not_starve_a_waiter) {
    enum { ROUNDS = 31 };
    static barger b;
    test_thread t = test_start(barge, &b);
    unsigned long waits[ROUNDS];
    unsigned long before = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        while (atomic_load(&b.acquired) == before) sched_yield(); /* it barges again */
        before = atomic_load(&b.acquired);
        thrum_lock_acquire(&b.lock);
        waits[round] = atomic_load(&b.acquired) - before;
        before += waits[round];
        CHECK_EQ(thrum_lock_release(&b.lock), THRUM_OK);
    }
    qsort(waits, ROUNDS, sizeof waits[0], by_size);
    CHECK(waits[ROUNDS / 2] < 200);
    atomic_store(&b.over, true);
    test_join(&t);
}

static bool is_closed(const thrum_lock *lock) {
    char text[64];
    (void)thrum_lock_describe(lock, text, sizeof text);
    return strstr(text, "closed") != NULL;
}

/* Half a millisecond of waiting, and a processor for the waiter. */
static void await_closed(const thrum_lock *lock) {
    const uint64_t end = test_now_ns() + 20000000000u;
    while (!is_closed(lock)) {
        CHECK(test_now_ns() < end);
        sched_yield();
    }
}

/* Two wait: with the second one behind it, the first closes the lock amid the hold. */
TEST(a_long_hold_is_followed_by_a_turn_for_the_waiter) {
    static thrum_lock lock;
    thrum_lock_acquire(&lock);
    test_thread first = test_start(acquirer, &lock);
    test_await_asleep(&first);
    test_thread second = test_start(acquirer, &lock);
    test_await_asleep(&second);
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    test_join(&first); /* it was woken by the release, and nobody else was awake */
    await_closed(&lock);
    test_await_asleep_for_ever(&second); /* its patience is over, and its sleep needs no end any more */
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    test_join(&second);
    CHECK(!is_closed(&lock)); /* the waiter that closed it has opened it */
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
    CHECK_EQ(word(&lock), 0);
}

/*
 * A timer that is not reached delays the wake. A waiter that gets no processor for its half millisecond may
 * close the lock before it sleeps, which needs no timer either: another round.
 */
TEST(a_waiter_alone_behind_a_long_hold_sleeps_without_an_end) {
    static thrum_lock lock;
    bool closed = true;
    for (unsigned round = 0; round < 100 && closed; round++) {
        thrum_lock_acquire(&lock);
        test_thread t = test_start(acquirer, &lock);
        test_await_asleep_for_ever(&t);
        closed = is_closed(&lock);
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        test_join(&t);
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        CHECK_EQ(word(&lock), 0);
    }
    CHECK(!closed);
}

/* The holder comes back before the waiter that its release has woken. That one then closes the lock. */
TEST(a_waiter_alone_closes_the_lock_when_it_loses_it_after_a_long_hold) {
    static thrum_lock lock;
    bool lost = false;
    while (!lost) {
        thrum_lock_acquire(&lock);
        test_thread t = test_start(acquirer, &lock);
        test_await_asleep(&t);
        const uint64_t end = test_now_ns() + 1000000; /* of a hold longer than the waiter's patience */
        while (test_now_ns() < end) thrum_cpu_pause();
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        lost = thrum_lock_try_acquire(&lock);
        if (lost) {
            await_closed(&lock);
            CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        }
        test_join(&t);
        CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
        CHECK_EQ(word(&lock), 0);
    }
}

/* Preset: a waiter has closed the lock and is on its way. */
TEST(a_try_minds_no_closing) {
    static thrum_lock closed;
    thrum_u32_store_relaxed(&closed.state, THRUM_LOCK_HEIR_ | THRUM_LOCK_CLOSED_);
    CHECK(thrum_lock_try_acquire(&closed));
    CHECK(!thrum_lock_try_acquire(&closed));
    CHECK_EQ(thrum_lock_release(&closed), THRUM_OK);
}
