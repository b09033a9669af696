/* SPDX-License-Identifier: MIT */
/* Orders of more than two locks, and of classes beside objects. */
#include "checked_parts.h"
#include "test.h"

#include <thrum/checked.h>
#include <thrum/with.h>

#include <string.h>

static thrum_lock a, b, c, d;

static void nest(thrum_lock *outer, thrum_lock *inner) {
    THRUM_WITH(outer)
        THRUM_WITH(inner) continue;
}

static unsigned times(const char *words) {
    unsigned count = 0;
    for (const char *at = told.text; (at = strstr(at, words)); at++) count++;
    return count;
}

/* One place, whatever the compiler does to loops. */
__attribute__((noinline)) static void make(thrum_lock *lock) {
    thrum_lock_init(lock);
    __asm__ volatile("");
}

TEST(two_objects_that_one_place_makes_have_an_order) {
    make(&a);
    make(&b);
    begin_to_hear();
    nest(&a, &b);
    check_told(NONE, "");
    nest(&b, &a);
    check_told(THRUM_CHECKED_INVERSION, "made at");
}

TEST(an_object_without_a_class_has_an_order_with_one_of_a_class) {
    thrum_checked_class(&a, "a");
    begin_to_hear();
    nest(&a, &b);
    check_told(NONE, "");
    nest(&b, &a);
    check_told(THRUM_CHECKED_INVERSION, "of class \"a\"");
}

TEST(the_last_of_several_orders_is_learnt) {
    begin_to_hear();
    nest(&a, &b);
    nest(&a, &c);
    nest(&a, &d);
    check_told(NONE, "");
    nest(&d, &a);
    check_told(THRUM_CHECKED_INVERSION, "  before, thread ");
}

TEST(the_first_of_several_orders_is_found) {
    begin_to_hear();
    nest(&a, &b);
    nest(&a, &c);
    check_told(NONE, "");
    nest(&b, &a);
    check_told(THRUM_CHECKED_INVERSION, "  before, thread ");
}

TEST(every_step_of_a_longer_circle_is_told) {
    begin_to_hear();
    nest(&a, &b);
    nest(&b, &c);
    check_told(NONE, "");
    nest(&c, &a);
    check_told(THRUM_CHECKED_INVERSION, "an order that may deadlock");
    CHECK_EQ(times("  before, thread "), 2);
}

TEST(an_acquire_has_an_order_after_everything_that_is_held) {
    begin_to_hear();
    THRUM_WITH(&a) {
        CHECK(thrum_lock_try_acquire(&b)); /* no order of a and b, over which c would be after both */
        THRUM_WITH(&c) continue;
        thrum_lock_release(&b);
    }
    check_told(NONE, "");
    nest(&c, &a);
    check_told(THRUM_CHECKED_INVERSION, "  before, thread ");
    begin_to_hear();
    nest(&c, &b);
    check_told(THRUM_CHECKED_INVERSION, "  before, thread ");
}

TEST(of_two_inversions_of_one_acquire_the_first_is_told) {
    thrum_checked_class(&a, "a");
    thrum_checked_class(&b, "b");
    begin_to_hear();
    nest(&c, &a);
    nest(&c, &b);
    check_told(NONE, "");
    THRUM_WITH(&a) nest(&b, &c);
    check_told(THRUM_CHECKED_INVERSION, "of class \"b\"");
    CHECK(!says("of class \"a\""));
}
