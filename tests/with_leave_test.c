/* SPDX-License-Identifier: MIT */
/* The ways out of a block, and of a thread inside it. */
#include "with_parts.h"
#include "test.h"

#include <thrum/with.h>

TEST(break_lets_go) {
    bool after = false;
    THRUM_WITH(&semaphore) {
        check_held();
        if (!after) break;
        CHECK(false);
    }
    check_all_free();
}

TEST(continue_lets_go_and_does_not_run_the_block_again) {
    int ran = 0;
    THRUM_WITH(&semaphore) {
        check_held();
        if (++ran < 10) continue;
        CHECK(false);
    }
    CHECK_EQ(ran, 1);
    check_all_free();
}

static int return_from_the_block(void) {
    THRUM_WITH(&semaphore) {
        check_held();
        return 7;
    }
    return 0;
}

TEST(return_lets_go) {
    CHECK_EQ(return_from_the_block(), 7);
    check_all_free();
}

static int value_while_held(void) {
    THRUM_WITH(&semaphore) return thrum_semaphore_value(&semaphore);
    return -1;
}

TEST(the_returned_expression_is_evaluated_while_it_is_held) {
    CHECK_EQ(value_while_held(), 0);
    check_all_free();
}

TEST(goto_out_of_the_block_lets_go) {
    int passes = 0;
again:
    THRUM_WITH(&semaphore) {
        check_held();
        if (++passes < 3) goto again;
        goto out;
    }
    CHECK(false);
out:
    CHECK_EQ(passes, 3);
    check_all_free();
}

TEST(break_and_continue_leave_only_the_block_and_not_a_loop_around_it) {
    int after = 0;
    for (int i = 0; i < 4; i++) {
        THRUM_WITH(&semaphore) {
            if (i % 2) break;
            continue;
        }
        after++;
        check_all_free();
    }
    CHECK_EQ(after, 4);
}

TEST(break_in_a_loop_inside_the_block_leaves_that_loop_only) {
    bool reached = false;
    THRUM_WITH(&semaphore) {
        for (int i = 0; i < 4; i++) {
            if (i == 1) break;
        }
        check_held();
        reached = true;
    }
    CHECK(reached);
    check_all_free();
}

static int return_from_three_blocks(void) {
    THRUM_WITH(&lock) {
        THRUM_WITH(&spinlock) {
            THRUM_WITH(&semaphore) return (int)thrum_self_guards();
        }
    }
    return 0;
}

TEST(return_from_nested_blocks_lets_go_of_all) {
    CHECK_EQ(return_from_three_blocks(), 3);
    check_all_free();
}

TEST(what_was_drained_is_not_let_go_again_at_the_end_of_the_block) {
    THRUM_WITH(&semaphore) {
        thrum_self_release_guards();
        CHECK_EQ(thrum_semaphore_value(&semaphore), 1);
        CHECK_EQ(thrum_self_guards(), 0);
    }
    check_all_free();
}

static bool drains;

static void *exit_inside(void *unused) {
    (void)unused;
    THRUM_WITH(&lock) {
        THRUM_HOLD(&spinlock);
        THRUM_WITH(&semaphore) {
            if (drains) thrum_self_release_guards();
            pthread_exit(&lock);
        }
    }
    return NULL;
}

TEST(a_thread_that_exits_after_draining_has_let_go_exactly_once) {
    drains = true;
    test_thread t = test_start(exit_inside, NULL);
    CHECK(test_join(&t) == (void *)&lock);
    check_all_free();
}

/* Why there is a chain: without -fexceptions the cleanups are skipped, and the objects stay held. */
TEST(a_thread_that_exits_without_draining_lets_go_only_where_the_code_unwinds) {
#if defined(__EXCEPTIONS) && defined(__GLIBC__)
    const bool unwinds = true;
#else
    const bool unwinds = false;
#endif
    drains = false;
    test_thread t = test_start(exit_inside, NULL);
    CHECK(test_join(&t) == (void *)&lock);
    CHECK_EQ(thrum_semaphore_value(&semaphore), unwinds ? 1 : 0);
    CHECK_EQ(thrum_lock_locked(&lock), !unwinds);
    CHECK_EQ(thrum_spinlock_locked(&spinlock), !unwinds);
    CHECK_EQ(thrum_self_guards(), 0);
    if (unwinds) return;
    thrum_semaphore_release(&semaphore);
    thrum_lock_release(&lock);
    thrum_spinlock_release(&spinlock);
    check_all_free();
}
