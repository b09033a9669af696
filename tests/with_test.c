/* SPDX-License-Identifier: MIT */
/* Compiled twice: cleanup attributes mean something else to pthread_exit with -fexceptions. */
#include "with_parts.h"
#include "test.h"

#include <thrum/with.h>

static thrum_cond cond = THRUM_COND_INIT(&lock_of_cond);
static thrum_cond cond_of_rlock = THRUM_COND_INIT(&rlock_of_cond);

TEST(a_lock_is_held_in_the_block_and_free_after_it) {
    unsigned ran = 0;
    THRUM_WITH(&lock) {
        CHECK(thrum_lock_locked(&lock));
        CHECK_EQ(thrum_self_guards(), 1);
        ran++;
    }
    CHECK_EQ(ran, 1);
    check_all_free();
}

TEST(an_rlock_is_held_in_the_block_once_deeper_inside_and_free_after_it) {
    unsigned ran = 0;
    THRUM_WITH(&rlock) {
        CHECK_EQ(thrum_rlock_depth(&rlock), 1);
        THRUM_WITH(&rlock) {
            CHECK_EQ(thrum_rlock_depth(&rlock), 2);
            ran++;
        }
        CHECK_EQ(thrum_rlock_depth(&rlock), 1);
        THRUM_HOLD(&rlock);
        CHECK_EQ(thrum_rlock_depth(&rlock), 2);
    }
    CHECK_EQ(ran, 1);
    check_all_free();
}

TEST(a_block_whose_acquire_is_refused_is_skipped_and_takes_nothing_back) {
    thrum_result result = THRUM_OK;
    uint32_t depth = 0;
    CHECK_EQ(thrum_rlock_acquire_depth(&rlock, THRUM_RLOCK_DEPTH_MAX), THRUM_OK);
    THRUM_WITH(&rlock) CHECK(false);
    THRUM_WITH_UNTIL(&rlock, THRUM_FOREVER, &result) CHECK(false);
    CHECK_EQ(result, THRUM_OVERFLOW);
    CHECK_EQ(thrum_rlock_release_all(&rlock, &depth), THRUM_OK);
    CHECK_EQ(depth, THRUM_RLOCK_DEPTH_MAX);
    check_all_free();
}

TEST(a_conditions_lock_is_held_in_the_block_and_free_after_it) {
    unsigned ran = 0;
    THRUM_WITH(&cond) {
        CHECK(thrum_lock_locked(&lock_of_cond));
        CHECK_EQ(thrum_cond_notify(&cond, 1), THRUM_OK);
        ran++;
    }
    CHECK_EQ(ran, 1);
    check_all_free();
}

TEST(a_conditions_rlock_is_held_in_the_block_once_deeper_inside_and_free_after_it) {
    unsigned ran = 0;
    THRUM_WITH(&cond_of_rlock) {
        CHECK_EQ(thrum_rlock_depth(&rlock_of_cond), 1);
        THRUM_WITH(&cond_of_rlock) {
            CHECK_EQ(thrum_rlock_depth(&rlock_of_cond), 2);
            ran++;
        }
        CHECK_EQ(thrum_rlock_depth(&rlock_of_cond), 1);
    }
    CHECK_EQ(ran, 1);
    check_all_free();
}

TEST(a_condition_without_a_lock_skips_the_block) {
    static thrum_cond unbound;
    thrum_result result = THRUM_OK;
    THRUM_WITH(&unbound) CHECK(false);
    THRUM_WITH_UNTIL(&unbound, THRUM_FOREVER, &result) CHECK(false);
    CHECK_EQ(result, THRUM_INVALID);
    check_all_free();
}

TEST(a_monitor_is_held_in_the_block_once_deeper_inside_and_free_after_it) {
    unsigned ran = 0;
    THRUM_WITH(&monitor) {
        CHECK(thrum_monitor_is_owned(&monitor));
        THRUM_WITH(&monitor) {
            CHECK_EQ(thrum_rlock_depth(&monitor.lock), 2);
            ran++;
        }
        CHECK_EQ(thrum_rlock_depth(&monitor.lock), 1);
        CHECK_EQ(thrum_monitor_notify(&monitor, 1), THRUM_OK);
    }
    CHECK_EQ(ran, 1);
    check_all_free();
}

TEST(a_spinlock_is_held_in_the_block_and_free_after_it) {
    unsigned ran = 0;
    THRUM_WITH(&spinlock) {
        CHECK(thrum_spinlock_locked(&spinlock));
        ran++;
    }
    CHECK_EQ(ran, 1);
    check_all_free();
}

TEST(a_permit_is_held_in_the_block_and_given_back_after_it) {
    unsigned ran = 0;
    THRUM_WITH(&semaphore) {
        CHECK_EQ(thrum_semaphore_value(&semaphore), 0);
        ran++;
    }
    CHECK_EQ(ran, 1);
    check_all_free();
}

TEST(a_permit_of_a_bounded_semaphore_is_held_in_the_block_and_given_back_after_it) {
    unsigned ran = 0;
    THRUM_WITH(&bounded) {
        CHECK_EQ(thrum_bounded_semaphore_value(&bounded), 0);
        ran++;
    }
    CHECK_EQ(ran, 1);
    check_all_free();
}

TEST(a_single_statement_is_a_block_too) {
    int ran = 0;
    THRUM_WITH(&lock) ran++;
    CHECK_EQ(ran, 1);
    check_all_free();
}

TEST(blocks_nest_and_let_go_from_the_inside_out) {
    THRUM_WITH(&lock) {
        THRUM_WITH(&spinlock)
            THRUM_WITH(&semaphore)
                THRUM_WITH(&bounded) {
                    CHECK_EQ(thrum_self_guards(), 4);
                    CHECK(thrum_lock_locked(&lock) && thrum_spinlock_locked(&spinlock));
                }
        CHECK_EQ(thrum_self_guards(), 1);
        CHECK(thrum_lock_locked(&lock) && !thrum_spinlock_locked(&spinlock));
        CHECK_EQ(thrum_semaphore_value(&semaphore), 1);
    }
    check_all_free();
}

TEST(the_block_works_as_the_body_of_an_if_with_an_else) {
    bool other = false;
    if (thrum_self_guards() == 0)
        THRUM_WITH(&semaphore) check_held();
    else
        other = true;
    CHECK(!other);
    check_all_free();
}

TEST(the_expression_is_evaluated_once) {
    thrum_lock locks[3] = {THRUM_LOCK_INIT, THRUM_LOCK_INIT, THRUM_LOCK_INIT};
    thrum_lock *next = locks;
    THRUM_WITH(next++) {
        CHECK(next == locks + 1);
        CHECK(thrum_lock_locked(&locks[0]));
    }
    CHECK(next == locks + 1);
    thrum_result result;
    THRUM_WITH_UNTIL(next++, THRUM_NOW, &result) CHECK(thrum_lock_locked(&locks[1]));
    CHECK(next == locks + 2);
    {
        THRUM_HOLD(next++);
        CHECK(thrum_lock_locked(&locks[2]));
    }
    CHECK(next == locks + 3);
    for (int i = 0; i < 3; i++) CHECK(!thrum_lock_locked(&locks[i]));
}

TEST(a_timed_block_that_got_the_object_runs_and_lets_go) {
    thrum_result result = THRUM_INVALID;
    unsigned ran = 0;
    THRUM_WITH_UNTIL(&lock, THRUM_FOREVER, &result) ran += thrum_lock_locked(&lock);
    CHECK_EQ(result, THRUM_OK);
    THRUM_WITH_UNTIL(&spinlock, thrum_after_ms(5), &result) ran += thrum_spinlock_locked(&spinlock);
    CHECK_EQ(result, THRUM_OK);
    THRUM_WITH_UNTIL(&semaphore, THRUM_NOW, &result) ran += thrum_semaphore_value(&semaphore) == 0;
    CHECK_EQ(result, THRUM_OK);
    THRUM_WITH_UNTIL(&bounded, THRUM_NOW, &result) ran += thrum_bounded_semaphore_value(&bounded) == 0;
    CHECK_EQ(result, THRUM_OK);
    THRUM_WITH_UNTIL(&cond, THRUM_NOW, &result) ran += thrum_lock_locked(&lock_of_cond);
    CHECK_EQ(result, THRUM_OK);
    THRUM_WITH_UNTIL(&monitor, THRUM_NOW, &result) ran += thrum_monitor_is_owned(&monitor);
    CHECK_EQ(result, THRUM_OK);
    CHECK_EQ(ran, 6);
    check_all_free();
}

TEST(a_timed_block_that_did_not_get_the_object_is_skipped_and_its_result_tells) {
    thrum_result result = THRUM_OK;
    thrum_lock_acquire(&lock);
    THRUM_WITH_UNTIL(&lock, THRUM_NOW, &result) CHECK(false);
    CHECK_EQ(result, THRUM_TIMEOUT);
    CHECK(thrum_lock_locked(&lock));
    thrum_lock_release(&lock);
    thrum_semaphore_acquire(&semaphore);
    result = THRUM_OK;
    THRUM_WITH_UNTIL(&semaphore, thrum_after_ms(1), &result) CHECK(false);
    CHECK_EQ(result, THRUM_TIMEOUT);
    CHECK_EQ(thrum_semaphore_value(&semaphore), 0);
    thrum_semaphore_release(&semaphore);
    check_all_free();
}

TEST(hold_keeps_it_until_the_enclosing_scope_ends) {
    {
        THRUM_HOLD(&semaphore);
        check_held();
        THRUM_HOLD(&lock);
        THRUM_HOLD(&spinlock);
        THRUM_HOLD(&bounded);
        CHECK_EQ(thrum_self_guards(), 4);
        CHECK(thrum_lock_locked(&lock) && thrum_spinlock_locked(&spinlock));
    }
    check_all_free();
}

static int return_from_a_scope_that_holds(void) {
    THRUM_HOLD(&semaphore);
    check_held();
    return thrum_semaphore_value(&semaphore);
}

TEST(hold_lets_go_on_return_and_break) {
    CHECK_EQ(return_from_a_scope_that_holds(), 0);
    check_all_free();
    for (;;) {
        THRUM_HOLD(&semaphore);
        check_held();
        break;
    }
    check_all_free();
}

TEST(a_loop_that_holds_lets_go_in_every_round) {
    for (int i = 0; i < 3; i++) {
        THRUM_HOLD(&semaphore);
        if (i == 1) continue;
        check_held();
    }
    check_all_free();
}
