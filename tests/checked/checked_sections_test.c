/* SPDX-License-Identifier: MIT */
/* Which waits are told in a read section, and that each is told once. */
#include "checked_parts.h"
#include "test.h"

#include <thrum/all.h>
#include <thrum/checked.h>
#include <thrum/cond.h>
#include <thrum/event.h>
#include <thrum/latch.h>
#include <thrum/once.h>
#include <thrum/rcu.h>
#include <thrum/rlock.h>
#include <thrum/rwlock.h>
#include <thrum/semaphore.h>
#include <thrum/wait_any.h>

#include <string.h>

/* ---- locks, and what is done once ---- */

static thrum_lock lock;
static thrum_rlock rlock;
static thrum_rwlock rwlock;
static thrum_rwlock_slot slots[4];
static thrum_sharded_rwlock sharded = THRUM_SHARDED_RWLOCK_INIT(slots, 4);
static thrum_once once;

static void *run_in_a_section(void *function) {
    THRUM_WITH_RCU (*(void (**)(void))function)();
    return NULL;
}

static test_thread start_in_a_section(void (**function)(void)) {
    begin_to_hear();
    const test_thread thread = test_start(run_in_a_section, (void *)function);
    test_await_asleep(&thread);
    return thread;
}

static void acquire_lock(void) {
    THRUM_WITH(&lock) continue;
}

TEST(a_lock_may_be_waited_for_in_a_section) {
    void (*waits)(void) = acquire_lock;
    thrum_lock_acquire(&lock);
    test_thread waiter = start_in_a_section(&waits);
    (void)thrum_lock_release(&lock);
    test_join(&waiter);
    check_told(NONE, "");
}

static void acquire_rlock(void) {
    THRUM_WITH(&rlock) continue;
}

TEST(an_rlock_may_be_waited_for_in_a_section) {
    void (*waits)(void) = acquire_rlock;
    CHECK(thrum_rlock_acquire(&rlock) == THRUM_OK);
    test_thread waiter = start_in_a_section(&waits);
    (void)thrum_rlock_release(&rlock);
    test_join(&waiter);
    check_told(NONE, "");
}

static void acquire_read(void) {
    THRUM_WITH_READ(&rwlock) continue;
}

static void acquire_write(void) {
    THRUM_WITH_WRITE(&rwlock) continue;
}

TEST(a_rwlock_may_be_waited_for_in_a_section) {
    void (*const waits[])(void) = {acquire_read, acquire_write};
    for (int i = 0; i < 2; i++) {
        void (*wait)(void) = waits[i];
        thrum_rwlock_acquire_write(&rwlock);
        test_thread waiter = start_in_a_section(&wait);
        (void)thrum_rwlock_release_write(&rwlock);
        test_join(&waiter);
        check_told(NONE, "");
    }
}

static void acquire_sharded(void) {
    thrum_sharded_rwlock_acquire_write(&sharded);
    (void)thrum_sharded_rwlock_release_write(&sharded);
}

TEST(the_readers_of_a_sharded_rwlock_may_be_waited_for_in_a_section) {
    void (*waits)(void) = acquire_sharded;
    thrum_sharded_rwlock_acquire_read(&sharded);
    test_thread waiter = start_in_a_section(&waits);
    (void)thrum_sharded_rwlock_release_read(&sharded);
    test_join(&waiter);
    check_told(NONE, "");
}

TEST(several_locks_may_be_acquired_in_a_section) {
    const thrum_all both = THRUM_ALL(&lock, &rlock);
    begin_to_hear();
    thrum_rcu_read_begin();
    CHECK(thrum_acquire_all(&both) == THRUM_OK && thrum_release_all(&both) == THRUM_OK);
    thrum_rcu_read_end();
    check_told(NONE, "");
}

static thrum_result answer(void *unused) {
    (void)unused;
    return THRUM_OK;
}

static void do_once(void) {
    CHECK(thrum_once_run(&once, answer, NULL) == THRUM_OK);
}

static test_thread behind;

static thrum_result wait_until_another_waits(void *unused) {
    static void (*waits)(void) = do_once;
    behind = start_in_a_section(&waits);
    return unused ? THRUM_INVALID : THRUM_OK;
}

TEST(what_is_done_once_may_be_waited_for_in_a_section) {
    CHECK(thrum_once_run(&once, wait_until_another_waits, NULL) == THRUM_OK);
    test_join(&behind);
    check_told(NONE, "");
}

/* ---- what is told ---- */

static thrum_semaphore semaphore;
static thrum_event event;
static thrum_latch latch = THRUM_LATCH_INIT(1);
static thrum_cond cond = THRUM_COND_INIT(&lock);

static thrum_result wait_for_semaphore(thrum_deadline deadline) {
    return thrum_semaphore_acquire_until(&semaphore, deadline);
}
static thrum_result wait_for_event(thrum_deadline deadline) {
    return thrum_event_wait_until(&event, deadline);
}
static thrum_result wait_for_latch(thrum_deadline deadline) {
    return thrum_latch_wait_until(&latch, deadline);
}
static thrum_result wait_for_condition(thrum_deadline deadline) {
    thrum_result result = THRUM_OK;
    THRUM_WITH(&lock) result = thrum_cond_wait_until(&cond, deadline);
    return result;
}
static thrum_result wait_for_any(thrum_deadline deadline) {
    unsigned which;
    const thrum_waitable set[] = {THRUM_WAITABLE(&event), THRUM_WAITABLE(&semaphore)};
    return thrum_wait_any_until(set, 2, &which, deadline);
}

static const struct wait {
    thrum_result (*until)(thrum_deadline deadline);
    const char *told;
} waits[] = {{wait_for_semaphore, " waits for semaphore in a read section\n"},
             {wait_for_event, " waits for event in a read section\n"},
             {wait_for_latch, " waits for latch in a read section\n"},
             {wait_for_condition, " waits for condition in a read section\n"},
             {wait_for_any, " waits for any of a set in a read section\n"}};

TEST(every_other_wait_is_told_once_in_a_section) {
    for (size_t i = 0; i < sizeof waits / sizeof *waits; i++) {
        begin_to_hear();
        thrum_rcu_read_begin();
        while (!told.count) /* a deadline that has passed by the time of the look makes no wait */
            CHECK(waits[i].until(thrum_after_ms(1)) == THRUM_TIMEOUT);
        thrum_rcu_read_end();
        check_told(THRUM_CHECKED_IN_SECTION, waits[i].told);
        begin_to_hear();
        CHECK(waits[i].until(thrum_after_ms(1)) == THRUM_TIMEOUT);
        check_told(NONE, "");
    }
}

TEST(a_section_goes_on_after_one_within_it) {
    begin_to_hear();
    thrum_rcu_read_begin();
    THRUM_WITH_RCU continue;
    while (!told.count) CHECK(wait_for_event(thrum_after_ms(1)) == THRUM_TIMEOUT);
    thrum_rcu_read_end();
    check_told(THRUM_CHECKED_IN_SECTION, "  the section began\n      at ");
}
