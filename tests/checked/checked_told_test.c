/* SPDX-License-Identifier: MIT */
/*
 * What ThreadSanitizer is told of a lock, call for call: these functions stand in the places of its own.
 * Whether it reports what it should of a program, shell.checked_tsan asks.
 */
#include "checked_parts.h"
#include "test.h"

#include <thrum/checked.h>
#include <thrum/event.h>
#include <thrum/rwlock.h>
#include <thrum/with.h>

#include <sched.h>
#include <stdio.h>
#include <string.h>

static const void *watched;
static char calls[256];

#if !THRUM_UNDER_TSAN
void __tsan_mutex_destroy(void *address, unsigned flags);
void __tsan_mutex_pre_lock(void *address, unsigned flags);
void __tsan_mutex_post_lock(void *address, unsigned flags, int depth);
int __tsan_mutex_pre_unlock(void *address, unsigned flags);
void __tsan_mutex_post_unlock(void *address, unsigned flags);
void __tsan_mutex_pre_signal(void *address, unsigned flags);
void __tsan_mutex_post_signal(void *address, unsigned flags);
void __tsan_func_entry(void *returns_to);
void __tsan_func_exit(void);

static int depth; /* of the functions entered; a thread alone at a time */

static void note(const void *address, const char *call) {
    if (address == watched) (void)strncat(calls, call, sizeof calls - strlen(calls) - 1);
}

static void note_flags(const void *address, const char *call, unsigned flags) {
    char words[32];
    (void)snprintf(words, sizeof words, "%s %u ", call, flags);
    note(address, words);
}

void __tsan_mutex_destroy(void *address, unsigned flags) {
    note_flags(address, "destroy", flags);
}
void __tsan_mutex_pre_lock(void *address, unsigned flags) {
    CHECK_EQ(depth, 1);
    note_flags(address, "lock", flags);
}
void __tsan_mutex_post_lock(void *address, unsigned flags, int levels) {
    CHECK_EQ(levels, 0);
    note_flags(address, "locked", flags);
}
int __tsan_mutex_pre_unlock(void *address, unsigned flags) {
    CHECK_EQ(depth, 1);
    note_flags(address, "unlock", flags);
    return 0;
}
void __tsan_mutex_post_unlock(void *address, unsigned flags) {
    note_flags(address, "unlocked", flags);
}
void __tsan_mutex_pre_signal(void *address, unsigned flags) {
    CHECK_EQ(flags, 0);
    note(address, "( ");
}
void __tsan_mutex_post_signal(void *address, unsigned flags) {
    CHECK_EQ(flags, 0);
    note(address, ") ");
}
void __tsan_func_entry(void *returns_to) {
    (void)returns_to;
    depth++;
}
void __tsan_func_exit(void) {
    depth--;
}
#endif

static void check_calls(const char *expected) {
    if (strcmp(calls, expected) != 0) test_fail(expected, __LINE__, calls);
    calls[0] = 0;
}

static void watch(const void *address) {
    if (THRUM_UNDER_TSAN) test_skip("the sanitizer's own functions are there");
    begin_to_hear();
    watched = address;
}

/* 16: a try; 32: one that failed; 8: to read. */
#define WANTED "lock 0 locked 32 "
#define WAITED "( lock 16 locked 0 ) "
#define TRIED "( lock 16 locked 16 ) "
#define RELEASED "( unlock 0 unlocked 0 ) "

TEST(an_acquire_and_a_try_are_told_and_what_is_released) {
    watch(&left);
    thrum_lock_acquire(&left);
    check_calls(WANTED WAITED);
    (void)thrum_lock_release(&left);
    check_calls(RELEASED);
    CHECK(thrum_lock_try_acquire(&left));
    check_calls(TRIED);
    (void)thrum_lock_release(&left);
    check_calls(RELEASED);
}

TEST(a_read_is_told_as_one) {
    static thrum_rwlock table;
    watch(&table);
    THRUM_WITH_READ(&table) continue;
    check_calls("lock 8 locked 40 ( lock 24 locked 8 ) ( unlock 8 unlocked 8 ) ");
    thrum_rwlock_acquire_write(&table);
    check_calls(WANTED WAITED);
    CHECK(thrum_rwlock_downgrade(&table) == THRUM_OK);
    check_calls(RELEASED "( lock 24 locked 24 ) ");
    (void)thrum_rwlock_release_read(&table);
    check_calls("( unlock 8 unlocked 8 ) ");
}

TEST(of_what_goes_away_only_what_was_told_is_told) {
    watch(&left);
    thrum_lock_init(&left);
    check_calls("");
    THRUM_WITH(&left) continue;
    check_calls(WANTED WAITED RELEASED);
    thrum_lock_init(&left);
    check_calls("( destroy 0 ) ");
    thrum_checked_gone(&left, sizeof left);
    check_calls("");
}

static void *make_again_and_use(void *unused) {
    thrum_lock_init(&left);
    check_calls("");
    THRUM_WITH(&left) continue;
    CHECK(thrum_lock_try_acquire(&left));
    (void)thrum_lock_release(&left);
    check_calls("");
    thrum_lock_init(&left);
    check_calls("");
    return unused;
}

/* The holder alone can say that it holds no more; until then nothing is said of the lock. */
TEST(nothing_is_told_of_a_lock_that_another_thread_makes_again_until_its_holder_comes_by) {
    watch(&left);
    thrum_lock_acquire(&left);
    check_calls(WANTED WAITED);
    run(make_again_and_use, NULL);
    check_calls("");
    THRUM_WITH(&right) continue;
    check_calls(RELEASED);
    THRUM_WITH(&left) continue;
    check_calls(WANTED WAITED RELEASED);
}

static void *make_both_again(void *unused) {
    thrum_lock_init(&left);
    thrum_lock_init(&right);
    return unused;
}

TEST(the_holder_of_two_that_another_thread_makes_again_says_so_of_both) {
    static thrum_lock other;
    watch(&left);
    thrum_lock_acquire(&left);
    thrum_lock_acquire(&right);
    check_calls(WANTED WAITED);
    run(make_both_again, NULL);
    check_calls("");
    thrum_checked_class(&other, "other");
    check_calls(RELEASED);
}

static thrum_event has_it;

static void *take_and_stay(void *unused) {
    static thrum_event never;
    CHECK(thrum_lock_try_acquire(&left)); /* of which nothing is told: the main thread is still its holder */
    thrum_event_set(&has_it);
    (void)thrum_event_wait(&never);
    return unused;
}

TEST(what_was_not_told_no_thread_takes_back) {
    static thrum_lock other;
    watch(&left);
    thrum_lock_acquire(&left);
    check_calls(WANTED WAITED);
    run(make_both_again, NULL);
    (void)test_start(take_and_stay, NULL);
    while (!thrum_event_is_set(&has_it)) sched_yield();
    check_calls("");
    THRUM_WITH(&other) continue;
    check_calls(RELEASED);
    run(make_both_again, NULL);
    check_calls("( destroy 0 ) ");
    THRUM_WITH(&left) continue;
    check_calls(WANTED WAITED RELEASED);
}

TEST(a_read_within_a_read_is_told_as_another) {
    static thrum_rwlock table;
    watch(&table);
    thrum_rwlock_acquire_read(&table);
    calls[0] = 0;
    thrum_rwlock_acquire_read(&table);
    check_calls("( lock 24 locked 8 ) ");
    for (int i = 0; i < 2; i++) {
        (void)thrum_rwlock_release_read(&table);
        check_calls("( unlock 8 unlocked 8 ) ");
    }
}
