/* SPDX-License-Identifier: MIT */
/* Calls of the checked build that are refused, or that come back without what they were for. */
#include "checked_parts.h"

#include <thrum/all.h>
#include <thrum/monitor.h>
#include <thrum/with.h>

static thrum_rlock deep;
static thrum_monitor monitor;

/* So that nothing which an earlier call has left there is taken for a later one's. */
__attribute__((noinline)) static void spoil_stack(void) {
    volatile char spoilt[8192];
    for (size_t i = 0; i < sizeof spoilt; i++) spoilt[i] = 0x5a;
}

TEST(an_acquire_of_no_depth_has_no_order) {
    begin_to_hear();
    THRUM_WITH(&deep)
        THRUM_WITH(&left) continue;
    THRUM_WITH(&left) {
        spoil_stack();
        CHECK(thrum_rlock_acquire_depth(&deep, 0) == thrum_rlock_acquire_depth_until(&deep, 0, THRUM_NOW));
        CHECK(!thrum_rlock_is_owned(&deep));
    }
    check_told(NONE, "");
}

TEST(an_owner_acquires_at_any_depth_again) {
    begin_to_hear();
    for (uint32_t depth = 1; depth < 4; depth++) {
        CHECK(thrum_rlock_acquire_depth(&deep, depth) == THRUM_OK);
        CHECK(thrum_rlock_acquire_depth_until(&deep, depth, THRUM_NOW) == THRUM_OK);
        for (uint32_t i = 0; i < 2 * depth; i++) CHECK(thrum_rlock_release(&deep) == THRUM_OK);
    }
    check_told(NONE, "");
}

static void *acquire_deep_in_vain(void *unused) {
    for (uint32_t depth = 1; depth < 3; depth++)
        CHECK(thrum_rlock_acquire_depth_until(&deep, depth, thrum_after_ms(1)) == THRUM_TIMEOUT);
    return unused;
}

TEST(an_acquire_that_times_out_holds_nothing) {
    begin_to_hear();
    CHECK(thrum_rlock_acquire(&deep) == THRUM_OK);
    run(acquire_deep_in_vain, NULL); /* whose end would tell what it leaves held */
    CHECK(thrum_rlock_release(&deep) == THRUM_OK);
    check_told(NONE, "");
}

/* ---- conditions ---- */

TEST(a_wait_is_for_the_lock_of_its_own_condition) {
    begin_to_hear();
    CHECK(thrum_monitor_acquire(&monitor) == THRUM_OK);
    THRUM_WITH(&left) spoil_stack();
    CHECK(thrum_monitor_wait_until(&monitor, thrum_after_ms(1)) == THRUM_TIMEOUT);
    CHECK(thrum_monitor_release(&monitor) == THRUM_OK);
    check_told(NONE, "");
}

static int from_the_second_call_on(void *calls) {
    return ++*(int *)calls > 1;
}

static int never(void *calls) {
    ++*(int *)calls;
    return 0;
}

TEST(a_predicate_is_asked_once_more_when_the_time_is_over) {
    int calls = 0, others = 0;
    begin_to_hear();
    CHECK(thrum_monitor_acquire(&monitor) == THRUM_OK);
    CHECK(thrum_monitor_wait_for(&monitor, from_the_second_call_on, &calls, thrum_after_ms(1)) == THRUM_OK);
    CHECK(thrum_monitor_wait_for(&monitor, never, &others, thrum_after_ms(1)) == THRUM_TIMEOUT);
    CHECK(calls == 2 && others >= 2);
    CHECK(thrum_monitor_release(&monitor) == THRUM_OK);
    check_told(NONE, "");
}

static volatile bool is_over;

static void *notify_on(void *unused) {
    while (!is_over)
        THRUM_WITH(&monitor) CHECK(thrum_monitor_notify_all(&monitor) == THRUM_OK);
    return unused;
}

static int from_the_third_call_on(void *calls) {
    return is_over = ++*(int *)calls > 2;
}

TEST(a_wait_for_a_predicate_goes_on_until_it_is_true) {
    int calls = 0;
    begin_to_hear();
    CHECK(thrum_monitor_acquire(&monitor) == THRUM_OK);
    test_thread notifier = test_start(notify_on, NULL);
    CHECK(thrum_monitor_wait_for(&monitor, from_the_third_call_on, &calls, THRUM_FOREVER) == THRUM_OK);
    CHECK_EQ(calls, 3);
    CHECK(thrum_monitor_release(&monitor) == THRUM_OK);
    (void)test_join(&notifier);
    check_told(NONE, "");
}

/* ---- several at once ---- */

static thrum_lock one, two;

TEST(several_are_held_once_they_are_acquired_and_none_after) {
    const thrum_all all = THRUM_ALL(&one, &deep, &two);
    begin_to_hear();
    for (int i = 0; i < 3; i++) {
        if (i == 0) CHECK(thrum_acquire_all(&all) == THRUM_OK);
        if (i == 1) CHECK(thrum_try_acquire_all(&all));
        if (i == 2) CHECK(thrum_acquire_all_until(&all, thrum_after_ms(1)) == THRUM_OK);
        CHECK(thrum_release_all(&all) == THRUM_OK);
        thrum_checked_gone(&one, sizeof one);
        thrum_checked_gone(&deep, sizeof deep);
        thrum_checked_gone(&two, sizeof two);
    }
    check_told(NONE, "");
}

static void *acquire_all_in_vain(void *set) {
    CHECK(thrum_acquire_all_until(set, thrum_after_ms(1)) == THRUM_TIMEOUT && !thrum_try_acquire_all(set));
    return NULL;
}

TEST(of_several_that_are_not_acquired_none_is_held) {
    thrum_all all = THRUM_ALL(&one, &deep, &two);
    begin_to_hear();
    THRUM_WITH(&two) run(acquire_all_in_vain, &all); /* whose end would tell what it leaves held */
    check_told(NONE, "");
}

TEST(a_set_of_too_many_is_looked_at_no_further) {
    static struct {
        thrum_all all;
        thrum_all_member_ beyond[4];
    } set;
    begin_to_hear();
    set.all.count = THRUM_ALL_MAX + 2;
    CHECK(thrum_release_all(&set.all) == THRUM_INVALID);
    check_told(NONE, "");
}

/* ---- a condition without a lock ---- */

static int at_once(void *unused) {
    (void)unused;
    return 0;
}

TEST(a_condition_without_a_lock_is_refused_and_not_looked_at) {
    static thrum_cond none;
    begin_to_hear();
    CHECK(thrum_cond_wait(&none) == THRUM_INVALID);
    CHECK(thrum_cond_wait_until(&none, THRUM_NOW) == THRUM_INVALID);
    CHECK_EQ(thrum_cond_wait_for(&none, at_once, NULL, THRUM_FOREVER), THRUM_INVALID);
    CHECK(thrum_cond_notify(&none, 1) == THRUM_INVALID && thrum_cond_notify_all(&none) == THRUM_INVALID);
    CHECK(thrum_cond_acquire(&none) == THRUM_INVALID && !thrum_cond_try_acquire(&none));
    CHECK(thrum_cond_release(&none) == THRUM_INVALID);
    check_told(NONE, "");
}

/* ---- rlocks ---- */

TEST(a_deep_acquire_that_ends_has_no_order) {
    begin_to_hear();
    THRUM_WITH(&deep)
        THRUM_WITH(&left) continue;
    THRUM_WITH(&left) {
        uint32_t depth;
        CHECK(thrum_rlock_acquire_depth_until(&deep, 2, thrum_after_ms(1)) == THRUM_OK);
        CHECK(thrum_rlock_release_all(&deep, &depth) == THRUM_OK);
    }
    check_told(NONE, "");
}

TEST(a_deep_acquire_that_does_not_end_has_an_order) {
    begin_to_hear();
    THRUM_WITH(&deep)
        THRUM_WITH(&left) continue;
    THRUM_WITH(&left) CHECK(thrum_rlock_acquire_depth(&deep, 2) == THRUM_OK);
    check_told(THRUM_CHECKED_INVERSION, "an order that may deadlock");
}

TEST(what_is_released_of_all_depths_is_held_no_more) {
    uint32_t depth = 0;
    begin_to_hear();
    CHECK(thrum_rlock_acquire_depth(&deep, 3) == THRUM_OK);
    CHECK(thrum_rlock_release_all(&deep, &depth) == THRUM_OK);
    CHECK_EQ(depth, 3);
    thrum_checked_gone(&deep, sizeof deep);
    check_told(NONE, "");
}
