/* SPDX-License-Identifier: MIT */
/*
 * The caller of an inlined function is known where it is inlined, that of a call in the last place where it
 * stays a call.
 *
 * ctest: flags -O2 -fno-optimize-sibling-calls
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "waited_parts.h"

#include "../src/futex/waits.h"

#include <stddef.h>
#include <unistd.h>

static thrum_rlock rlock;
static thrum_rwlock rwlock;
static thrum_semaphore semaphore;
static thrum_latch latch = THRUM_LATCH_INIT(1);
static thrum_barrier barrier = THRUM_BARRIER_INIT(2);
static thrum_once once;
static thrum_cond cond = THRUM_COND_INIT(&lock);
static thrum_monitor monitor;
static thrum_u32 word;

static void wait_for_lock(void) {
    thrum_lock_acquire(&lock);
    thrum_lock_release(&lock);
}
static void wait_for_lock_until(void) {
    CHECK_EQ(thrum_lock_acquire_until(&lock, thrum_after_ms(60000)), THRUM_OK);
    thrum_lock_release(&lock);
}
static void release_lock(void) {
    thrum_lock_release(&lock);
}
static void wait_for_rlock(void) {
    (void)thrum_rlock_acquire(&rlock);
    (void)thrum_rlock_release(&rlock);
}
static void wait_for_rlock_until(void) {
    CHECK_EQ(thrum_rlock_acquire_until(&rlock, thrum_after_ms(60000)), THRUM_OK);
    (void)thrum_rlock_release(&rlock);
}
static void release_rlock(void) {
    (void)thrum_rlock_release(&rlock);
}
static void wait_to_read(void) {
    thrum_rwlock_acquire_read(&rwlock);
    (void)thrum_rwlock_release_read(&rwlock);
}
static void wait_to_write(void) {
    thrum_rwlock_acquire_write(&rwlock);
    (void)thrum_rwlock_release_write(&rwlock);
}
static void release_rwlock(void) {
    (void)thrum_rwlock_release_write(&rwlock);
}
static void wait_for_semaphore(void) {
    thrum_semaphore_acquire(&semaphore);
}
static void release_semaphore(void) {
    (void)thrum_semaphore_release(&semaphore);
}
static void wait_for_event(void) {
    thrum_event_wait(&event);
}
static void set_event(void) {
    thrum_event_set(&event);
}
static void wait_for_latch(void) {
    thrum_latch_wait(&latch);
}
static void count_down(void) {
    thrum_latch_count_down(&latch);
}
static void meet(void) {
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_OK);
}
static thrum_result never_run(void *unused) {
    (void)unused;
    return THRUM_FAILED;
}
static void run_once(void) {
    (void)!thrum_once_run(&once, never_run, NULL);
}
static void end_once(void) {
    thrum_once_end_(&once, THRUM_OK);
}
static void wait_for_cond(void) {
    thrum_lock_acquire(&lock);
    CHECK_EQ(thrum_cond_wait(&cond), THRUM_OK);
    thrum_lock_release(&lock);
}
static void notify_cond(void) {
    thrum_lock_acquire(&lock);
    (void)thrum_cond_notify(&cond, 1);
    thrum_lock_release(&lock);
}
static void wait_for_monitor(void) {
    (void)thrum_monitor_acquire(&monitor);
    CHECK_EQ(thrum_monitor_wait(&monitor), THRUM_OK);
    (void)thrum_monitor_release(&monitor);
}
static void notify_monitor(void) {
    (void)thrum_monitor_acquire(&monitor);
    (void)thrum_monitor_notify(&monitor, 1);
    (void)thrum_monitor_release(&monitor);
}
static void wait_for_any(void) {
    unsigned which;
    const thrum_waitable set[] = {THRUM_WAITABLE(&event), THRUM_WAITABLE(&latch)};
    CHECK_EQ(thrum_wait_any(set, 2, &which), THRUM_OK);
}
static void wait_for_all(void) {
    thrum_all both = THRUM_ALL(&second, &lock);
    CHECK_EQ(thrum_acquire_all(&both), THRUM_OK);
    CHECK_EQ(thrum_release_all(&both), THRUM_OK);
}
static void wait_for_word(void) {
    while (!thrum_u32_load_relaxed(&word))
        (void)thrum_futex_wait(&word, 0, THRUM_FUTEX_ANY, false, THRUM_FOREVER);
}
static void wake_word(void) {
    thrum_u32_store_relaxed(&word, 1);
    thrum_futex_wake(&word, 1, THRUM_FUTEX_ANY, false);
}

static void acquire_lock(void) {
    thrum_lock_acquire(&lock);
}
static void acquire_rlock(void) {
    (void)thrum_rlock_acquire(&rlock);
}
static void acquire_rwlock(void) {
    thrum_rwlock_acquire_write(&rwlock);
}
static void begin_once(void) {
    CHECK_EQ(thrum_once_begin_(&once, THRUM_NOW), THRUM_ONCE_YOURS_);
}
static void nothing(void) {
    thrum_event_clear(&event);
}

static const kind kinds[] = {
    {"lock", acquire_lock, wait_for_lock, release_lock, THRUM_WAIT_LOCK_, &lock},
    {"lock, until", acquire_lock, wait_for_lock_until, release_lock, THRUM_WAIT_LOCK_, &lock},
    {"rlock", acquire_rlock, wait_for_rlock, release_rlock, THRUM_WAIT_RLOCK_, &rlock},
    {"rlock, until", acquire_rlock, wait_for_rlock_until, release_rlock, THRUM_WAIT_RLOCK_, &rlock},
    {"rwlock, read", acquire_rwlock, wait_to_read, release_rwlock, THRUM_WAIT_READ_, &rwlock},
    {"rwlock, write", acquire_rwlock, wait_to_write, release_rwlock, THRUM_WAIT_WRITE_, &rwlock},
    {"semaphore", nothing, wait_for_semaphore, release_semaphore, THRUM_WAIT_SEMAPHORE_, &semaphore},
    {"event", nothing, wait_for_event, set_event, THRUM_WAIT_EVENT_, &event},
    {"any of a set", nothing, wait_for_any, set_event, THRUM_WAIT_ANY_, &event},
    {"latch", nothing, wait_for_latch, count_down, THRUM_WAIT_LATCH_, &latch},
    {"barrier", nothing, meet, meet, THRUM_WAIT_BARRIER_, &barrier},
    {"once", begin_once, run_once, end_once, THRUM_WAIT_ONCE_, &once},
    {"condition", nothing, wait_for_cond, notify_cond, THRUM_WAIT_CONDITION_, &cond},
    {"monitor", nothing, wait_for_monitor, notify_monitor, THRUM_WAIT_CONDITION_, &monitor},
    {"all of a set", acquire_lock, wait_for_all, release_lock, THRUM_WAIT_LOCK_, &lock},
    {"a word", nothing, wait_for_word, wake_word, THRUM_WAIT_WORD_, &word},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static struct {
    const kind *kind;
    thrum_u64 waits; /* the address of what it waits for; that it sleeps orders nothing */
    uint64_t waited_ns;
} sleeper;

static const thrum_waits_ *waits_of_sleeper(void) {
    return (const thrum_waits_ *)(uintptr_t)thrum_u64_load_acquire(&sleeper.waits);
}

static void *be_a_sleeper(void *unused) {
    thrum_u64_store_release(&sleeper.waits, (uintptr_t)thrum_wait_own_());
    sleeper.kind->wait();
    sleeper.waited_ns = thrum_waited();
    CHECK_EQ(thrum_u32_load_relaxed(&thrum_wait_own_()->kind), THRUM_WAIT_NOTHING_);
    CHECK_EQ(thrum_u64_load_relaxed(&thrum_wait_own_()->since_ns), 0);
    return unused;
}

TEST(a_sleeping_thread_tells_for_what_and_since_when_it_waits) {
    for (int i = 0; i < KINDS; i++) {
        sleeper.kind = &kinds[i];
        sleeper.kind->before();
        const uint64_t begin_ns = test_now_ns();
        test_thread thread = test_start(be_a_sleeper, NULL);
        test_await_asleep(&thread);
        const uint64_t asleep_ns = test_now_ns();
        thrum_waits_ copy;
        if (!thrum_wait_read_(waits_of_sleeper(), &copy)) test_fail(__FILE__, __LINE__, kinds[i].name);
        CHECK_EQ(thrum_u32_load_relaxed(&copy.kind), kinds[i].kind);
        CHECK_EQ(thrum_u64_load_relaxed(&copy.object), (uintptr_t)kinds[i].object);
        const uint64_t since_ns = thrum_u64_load_relaxed(&copy.since_ns);
        CHECK(begin_ns <= since_ns && since_ns <= asleep_ns);
        sleeper.kind->end();
        test_join(&thread);
        const uint64_t end_ns = test_now_ns();
        CHECK(sleeper.waited_ns >= 1 && sleeper.waited_ns <= end_ns - begin_ns);
    }
}

/* By the call that is not inlined: the optimiser may put what follows a fast path far from its function. */
static void wait_slowly_for_lock(void) {
    thrum_lock_acquire_slow_(&lock);
    thrum_lock_release(&lock);
}
static const kind callers[] = {
    {"lock", acquire_lock, wait_slowly_for_lock, release_lock, THRUM_WAIT_LOCK_, &lock},
    {"condition", nothing, wait_for_cond, notify_cond, THRUM_WAIT_CONDITION_, &cond},
    {"a word", nothing, wait_for_word, wake_word, THRUM_WAIT_WORD_, &word},
};

TEST(a_sleeping_thread_tells_where_the_program_has_called) {
    thrum_u32_store_relaxed(&word, 0);
    for (unsigned i = 0; i < sizeof callers / sizeof callers[0]; i++) {
        sleeper.kind = &callers[i];
        sleeper.kind->before();
        test_thread thread = test_start(be_a_sleeper, NULL);
        test_await_asleep(&thread);
        const uint64_t begin = (uint64_t)(uintptr_t)callers[i].wait;
        const uint64_t site = thrum_u64_load_relaxed(&waits_of_sleeper()->site);
        if (site <= begin || site >= begin + 512) test_fail(__FILE__, __LINE__, callers[i].name);
        sleeper.kind->end();
        test_join(&thread);
    }
}

/* ---- a condition's waiter that goes for the lock ---- */

TEST(a_notified_waiter_waits_for_the_lock) {
    static const kind of_condition = {"condition", NULL, wait_for_cond, NULL, 0, NULL};
    sleeper.kind = &of_condition;
    test_thread thread = test_start(be_a_sleeper, NULL);
    test_await_asleep(&thread);
    const uint64_t since_ns = thrum_u64_load_relaxed(&waits_of_sleeper()->since_ns);
    const uint64_t site = thrum_u64_load_relaxed(&waits_of_sleeper()->site);
    thrum_lock_acquire(&lock);
    CHECK_EQ(thrum_cond_notify(&cond, 1), THRUM_OK);
    thrum_lock_release(&lock);
    thrum_lock_acquire(&lock);
    /* It comes for the lock again and again while it is busy, and then has had it. */
    while (thrum_u32_load_relaxed(&waits_of_sleeper()->kind) == THRUM_WAIT_CONDITION_) {
    }
    const uint32_t now = thrum_u32_load_relaxed(&waits_of_sleeper()->kind);
    if (now == THRUM_WAIT_LOCK_) {
        CHECK_EQ(thrum_u64_load_relaxed(&waits_of_sleeper()->site), site);
        CHECK_EQ(thrum_u64_load_relaxed(&waits_of_sleeper()->since_ns), since_ns);
    }
    thrum_lock_release(&lock);
    test_join(&thread);
}
