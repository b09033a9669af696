/* SPDX-License-Identifier: MIT */
/* What ends: a thread that leaves several held; many objects of several kinds, each known by its address. */
#include "checked_parts.h"

#include <thrum/spinlock.h>

static thrum_lock one, two, three;

static void *leave_held(void *unused) {
    thrum_lock_acquire(&one);
    thrum_lock_acquire(&two);
    thrum_lock_acquire(&three);
    return unused;
}

TEST(of_what_an_ended_thread_left_nothing_is_held_any_more) {
    begin_to_hear();
    run(leave_held, NULL);
    check_told(THRUM_CHECKED_LEFT, " has ended and left held");
    unsigned count = 0;
    for (const char *at = told.text; (at = strstr(at, " holds\n")); at++) count++;
    CHECK_EQ(count, 3);
    begin_to_hear();
    thrum_checked_gone(&one, sizeof one);
    thrum_checked_gone(&two, sizeof two);
    thrum_checked_gone(&three, sizeof three);
    check_told(NONE, "");
}

/* Several pages, so that the check's table has several of each kind in one place. */
enum { PAIRS = 1 << 11 };
static struct {
    thrum_lock lock;
    thrum_spinlock spinlock;
} pairs[PAIRS];

TEST(objects_of_several_kinds_are_known_by_their_addresses) {
    begin_to_hear();
    const int count = test_slowdown() > 1 && !test_under_asan() ? 16 : PAIRS; /* its limit: 64 held */
    for (int i = 0; i < count; i++)
        CHECK(thrum_lock_try_acquire(&pairs[i].lock) && thrum_spinlock_try_acquire(&pairs[i].spinlock));
    for (int i = 0; i < count; i++) {
        thrum_lock_release(&pairs[i].lock);
        thrum_spinlock_release(&pairs[i].spinlock);
    }
    check_told(NONE, "");
}
