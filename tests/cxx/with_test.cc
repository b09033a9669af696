// SPDX-License-Identifier: MIT
// THRUM_WITH in C++: overloads in place of _Generic, and exceptions as one more way out.
#include "test.h"

#include <thrum/with.h>

#include <stdexcept>
#include <thread>

static thrum_lock lock;
static thrum_rlock rlock;
static thrum_spinlock spinlock;
static thrum_semaphore semaphore = THRUM_SEMAPHORE_INIT(1);
static thrum_bounded_semaphore bounded = THRUM_BOUNDED_SEMAPHORE_INIT(1);
static thrum_lock lock_of_cond;
static thrum_cond cond = THRUM_COND_INIT(&lock_of_cond);
static thrum_monitor monitor;
static thrum_lock one_of_all;
static thrum_rlock other_of_all;
static thrum_all all = THRUM_ALL(&one_of_all, &other_of_all);

static void check_all_free() {
    CHECK(!thrum_lock_locked(&lock));
    CHECK(!thrum_rlock_locked(&rlock));
    CHECK(!thrum_spinlock_locked(&spinlock));
    CHECK_EQ(thrum_semaphore_value(&semaphore), 1);
    CHECK_EQ(thrum_bounded_semaphore_value(&bounded), 1);
    CHECK(!thrum_lock_locked(&lock_of_cond));
    CHECK(!thrum_monitor_locked(&monitor));
    CHECK(!thrum_lock_locked(&one_of_all));
    CHECK(!thrum_rlock_locked(&other_of_all));
    CHECK_EQ(thrum_self_guards(), 0);
}

static void check_all_held() {
    CHECK(thrum_lock_locked(&lock));
    CHECK(thrum_rlock_is_owned(&rlock));
    CHECK(thrum_spinlock_locked(&spinlock));
    CHECK_EQ(thrum_semaphore_value(&semaphore), 0);
    CHECK_EQ(thrum_bounded_semaphore_value(&bounded), 0);
    CHECK(thrum_lock_locked(&lock_of_cond));
    CHECK(thrum_monitor_is_owned(&monitor));
    CHECK(thrum_lock_locked(&one_of_all));
    CHECK(thrum_rlock_is_owned(&other_of_all));
    CHECK_EQ(thrum_self_guards(), 8);
}

TEST(every_type_is_held_in_the_block_and_free_after_it) {
    unsigned ran = 0;
    THRUM_WITH(&lock)
        THRUM_WITH(&rlock)
            THRUM_WITH(&spinlock)
                THRUM_WITH(&semaphore)
                    THRUM_WITH(&bounded)
                        THRUM_WITH(&cond)
                            THRUM_WITH(&monitor)
                                THRUM_WITH(&all) {
                                    check_all_held();
                                    ran++;
                                }
    CHECK_EQ(ran, 1);
    check_all_free();
}

TEST(a_condition_without_a_lock_skips_the_block_in_cxx) {
    static thrum_cond unbound;
    thrum_result result = THRUM_OK;
    THRUM_WITH(&unbound) CHECK(false);
    THRUM_WITH_UNTIL(&unbound, THRUM_FOREVER, &result) CHECK(false);
    CHECK_EQ(result, THRUM_INVALID);
    check_all_free();
}

static void throw_from_all() {
    THRUM_WITH(&lock)
        THRUM_WITH(&spinlock) {
            THRUM_HOLD(&semaphore);
            THRUM_HOLD(&rlock);
            THRUM_HOLD(&cond);
            THRUM_HOLD(&monitor);
            THRUM_HOLD(&all);
            THRUM_WITH(&bounded) {
                check_all_held();
                throw std::runtime_error("out");
            }
        }
}

TEST(an_exception_that_leaves_lets_go) {
    bool caught = false;
    try {
        throw_from_all();
    } catch (const std::runtime_error &) {
        caught = true;
        check_all_free();
    }
    CHECK(caught);
}

TEST(an_exception_that_is_caught_inside_keeps_it_held) {
    THRUM_WITH(&semaphore) {
        try {
            throw std::runtime_error("inside");
        } catch (const std::runtime_error &) {
        }
        CHECK_EQ(thrum_semaphore_value(&semaphore), 0);
        CHECK_EQ(thrum_self_guards(), 1);
    }
    check_all_free();
}

TEST(an_exception_in_a_std_thread_lets_go_before_it_is_caught) {
    bool caught = false;
    std::thread thread([&caught] {
        try {
            throw_from_all();
        } catch (const std::runtime_error &) {
            caught = true;
        }
    });
    thread.join();
    CHECK(caught);
    check_all_free();
}

static int return_from_the_block() {
    THRUM_WITH(&semaphore) return thrum_semaphore_value(&semaphore);
    return -1;
}

TEST(return_break_continue_and_goto_let_go) {
    CHECK_EQ(return_from_the_block(), 0);
    check_all_free();
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
    THRUM_WITH(&semaphore) goto out;
    CHECK(false);
out:
    check_all_free();
}

TEST(a_timed_block_runs_or_is_skipped_and_its_result_tells) {
    thrum_result result = THRUM_INVALID;
    unsigned ran = 0;
    THRUM_WITH_UNTIL(&lock, THRUM_NOW, &result)
        THRUM_WITH_UNTIL(&rlock, THRUM_NOW, &result)
            THRUM_WITH_UNTIL(&spinlock, THRUM_NOW, &result)
                THRUM_WITH_UNTIL(&semaphore, THRUM_NOW, &result)
                    THRUM_WITH_UNTIL(&bounded, THRUM_NOW, &result)
                        THRUM_WITH_UNTIL(&cond, THRUM_NOW, &result)
                            THRUM_WITH_UNTIL(&monitor, THRUM_NOW, &result)
                                THRUM_WITH_UNTIL(&all, THRUM_NOW, &result) {
                                    check_all_held();
                                    ran++;
                                    THRUM_WITH_UNTIL(&semaphore, thrum_after_ms(1), &result) CHECK(false);
                                    CHECK_EQ(result, THRUM_TIMEOUT);
                                }
    CHECK_EQ(ran, 1);
    check_all_free();
}

TEST(the_expression_is_evaluated_once_in_cxx) {
    thrum_lock locks[2] = {THRUM_LOCK_INIT, THRUM_LOCK_INIT};
    thrum_lock *next = locks;
    THRUM_WITH(next++) CHECK(thrum_lock_locked(&locks[0]));
    CHECK(next == locks + 1);
    {
        THRUM_HOLD(next++);
        CHECK(thrum_lock_locked(&locks[1]));
    }
    CHECK(next == locks + 2);
    CHECK(!thrum_lock_locked(&locks[0]) && !thrum_lock_locked(&locks[1]));
}

static bool drains;

static void *exit_inside(void *) {
    THRUM_WITH(&lock)
        THRUM_WITH(&spinlock) {
            THRUM_HOLD(&semaphore);
            THRUM_WITH(&bounded) {
                if (drains) thrum_self_release_guards();
                pthread_exit(nullptr);
            }
        }
    return nullptr;
}

TEST(a_thread_that_exits_has_let_go_exactly_once_drained_or_not) {
    for (int i = 0; i < 2; i++) {
        drains = i == 0;
        test_thread t = test_start(exit_inside, nullptr);
        test_join(&t);
        check_all_free();
    }
}

TEST(both_sides_of_a_rwlock_let_go_when_an_exception_leaves) {
    static thrum_rwlock rwlock;
    for (int side = 0; side < 2; side++) {
        bool caught = false;
        try {
            if (side == 0) {
                THRUM_WITH_READ(&rwlock) {
                    CHECK_EQ(thrum_rwlock_readers(&rwlock), 1);
                    throw 1;
                }
            } else {
                THRUM_HOLD_WRITE(&rwlock);
                CHECK(thrum_rwlock_writing(&rwlock));
                throw 1;
            }
        } catch (int) {
            caught = true;
        }
        CHECK(caught);
        CHECK_EQ(thrum_u32_load_relaxed(&rwlock.state), 0);
    }
    thrum_result result = THRUM_TIMEOUT;
    THRUM_WITH_READ_UNTIL(&rwlock, THRUM_NOW, &result) {
        CHECK_EQ(thrum_rwlock_readers(&rwlock), 1);
    }
    CHECK_EQ(result, THRUM_OK);
    THRUM_WITH_WRITE_UNTIL(&rwlock, THRUM_NOW, &result) {
        CHECK(thrum_rwlock_writing(&rwlock));
    }
    CHECK_EQ(result, THRUM_OK);
}
