/* SPDX-License-Identifier: MIT */
/* The promises of thrum/cond.h, which are the monitor's, too. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "cond_parts.h"
#include "conditions.h"

#include <errno.h>
#include <signal.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

enum { MS = 1000000 };

TEST(it_is_at_most_sixteen_bytes) {
    CHECK(sizeof(thrum_cond) <= 16);
}

TEST(without_its_initialiser_it_is_invalid) {
    thrum_cond zero;
    memset(&zero, 0, sizeof zero);
    CHECK_EQ(thrum_cond_wait(&zero), THRUM_INVALID);
    CHECK_EQ(thrum_cond_wait_until(&zero, THRUM_NOW), THRUM_INVALID);
    CHECK_EQ(thrum_cond_notify(&zero, 1), THRUM_INVALID);
    CHECK_EQ(thrum_cond_notify_all(&zero), THRUM_INVALID);
    CHECK_EQ(thrum_cond_acquire(&zero), THRUM_INVALID);
    CHECK_EQ(thrum_cond_acquire_until(&zero, THRUM_NOW), THRUM_INVALID);
    CHECK_EQ(thrum_cond_release(&zero), THRUM_INVALID);
    CHECK(!thrum_cond_try_acquire(&zero));
    CHECK(!thrum_cond_locked(&zero));
}

TEST(a_shared_lock_is_refused) {
    thrum_lock shared;
    thrum_lock_init_shared(&shared);
    thrum_cond cond = {"as it was", NULL};
    CHECK_EQ(thrum_cond_init(&cond, &shared), THRUM_INVALID);
    CHECK(strcmp(cond.lock, "as it was") == 0);
    thrum_cond bound = THRUM_COND_INIT(&shared);
    thrum_lock_acquire(&shared);
    CHECK_EQ(thrum_cond_wait_until(&bound, THRUM_NOW), THRUM_INVALID);
    CHECK_EQ(thrum_cond_notify(&bound, 1), THRUM_INVALID);
    CHECK(thrum_lock_locked(&shared));
}

TEST(initialised_at_run_time_it_is_the_same) {
    thrum_lock lock = THRUM_LOCK_INIT;
    thrum_rlock rlock = THRUM_RLOCK_INIT;
    thrum_cond a, b;
    memset(&a, 0xFF, sizeof a);
    memset(&b, 0xFF, sizeof b);
    CHECK_EQ(thrum_cond_init(&a, &lock), THRUM_OK);
    thrum_cond_init_rlock(&b, &rlock);
    const thrum_cond same_a = THRUM_COND_INIT(&lock), same_b = THRUM_COND_INIT(&rlock);
    CHECK(a.lock == same_a.lock && a.last == same_a.last);
    CHECK(b.lock == same_b.lock && b.last == same_b.last);
}

TEST(wait_and_notify_without_the_lock_are_refused) {
    for
        EACH_CONDITION(c) {
            CHECK_EQ(c->wait(), c->without_lock);
            CHECK_EQ(c->wait_until(thrum_after_ms(1)), c->without_lock);
            CHECK_EQ(c->notify(1), c->without_lock);
            CHECK_EQ(c->notify(0), c->without_lock);
            CHECK_EQ(c->notify(-1), c->without_lock);
            CHECK_EQ(c->notify_all(), c->without_lock);
            CHECK(!c->locked());
            CHECK_EQ(waiters(c), 0); /* no ghost */
        }
}

TEST(a_notify_that_is_refused_chooses_nobody) {
    for
        EACH_CONDITION(c) {
            visit v;
            start_asleep(&v, 1, c, THRUM_FOREVER);
            CHECK_EQ(c->notify(1), c->without_lock);
            CHECK_EQ(c->notify_all(), c->without_lock);
            CHECK_EQ(waiters(c), 1);
            c->acquire();
            CHECK_EQ(c->notify(1), THRUM_OK);
            c->release();
            end(&v, 1, THRUM_OK);
        }
}

static void *strangers_calls(void *p) {
    const condition *c = p;
    CHECK_EQ(c->wait(), THRUM_NOT_OWNER);
    CHECK_EQ(c->notify(1), THRUM_NOT_OWNER);
    CHECK_EQ(c->notify(0), THRUM_NOT_OWNER);
    return NULL;
}

TEST(on_an_rlock_the_caller_must_own_it) {
    for
        EACH_CONDITION(c) {
            if (c->without_lock != THRUM_NOT_OWNER) continue;
            c->acquire();
            test_thread stranger = test_start(strangers_calls, (void *)(uintptr_t)c);
            test_join(&stranger);
            c->release();
        }
}

TEST(its_lock_operations_are_the_locks) {
    for
        EACH_CONDITION(c) {
            CHECK(!c->locked());
            CHECK(c->try_acquire());
            CHECK(c->locked());
            c->release();
            CHECK(!c->locked());
            c->acquire();
            CHECK(c->locked());
            c->release();
        }
    CHECK(thrum_cond_try_acquire(&of_lock_cond));
    CHECK(thrum_lock_locked(&of_lock_lock));
    CHECK_EQ(thrum_cond_acquire_until(&of_lock_cond, thrum_after_ms(1)), THRUM_TIMEOUT);
    CHECK_EQ(thrum_cond_release(&of_lock_cond), THRUM_OK);
    CHECK_EQ(thrum_cond_release(&of_lock_cond), THRUM_NOT_LOCKED);
    CHECK_EQ(thrum_cond_release(&of_rlock_cond), THRUM_NOT_OWNER);
}

TEST(a_wait_lets_go_and_holds_the_lock_again) {
    for
        EACH_CONDITION(c) {
            visit v;
            start(&v, c, THRUM_FOREVER);
            test_await_asleep(&v.thread);
            CHECK(atomic_load(&v.holds));
            CHECK(!c->locked()); /* it is released */
            c->acquire();
            CHECK_EQ(c->notify(1), THRUM_OK);
            CHECK(!atomic_load(&v.over)); /* the lock is not free */
            c->release();
            end(&v, 1, THRUM_OK); /* it checked that it holds the lock */
        }
}

static void *deep_visitor(void *p) {
    thrum_cond *cond = p;
    for (int i = 0; i < 5; i++) CHECK_EQ(thrum_rlock_acquire(&of_rlock_lock), THRUM_OK);
    CHECK_EQ(thrum_cond_wait(cond), THRUM_OK);
    CHECK_EQ(thrum_rlock_depth(&of_rlock_lock), 5);
    CHECK_EQ(thrum_cond_wait_until(cond, thrum_after_ms(1)), THRUM_TIMEOUT);
    CHECK_EQ(thrum_rlock_depth(&of_rlock_lock), 5);
    for (int i = 0; i < 5; i++) CHECK_EQ(thrum_rlock_release(&of_rlock_lock), THRUM_OK);
    return NULL;
}

TEST(an_rlock_is_let_go_whole_and_taken_back_as_deep) {
    test_thread t = test_start(deep_visitor, &of_rlock_cond);
    test_await_asleep(&t);
    CHECK(thrum_rlock_try_acquire(&of_rlock_lock));
    CHECK_EQ(thrum_cond_notify(&of_rlock_cond, 1), THRUM_OK);
    CHECK_EQ(thrum_rlock_release(&of_rlock_lock), THRUM_OK);
    test_join(&t);
    CHECK(!thrum_rlock_locked(&of_rlock_lock));
}

TEST(a_wait_lasts_at_least_its_timeout_and_times_out) {
    for
        EACH_CONDITION(c) {
            c->acquire();
            const uint64_t begun = test_now_ns();
            CHECK_EQ(c->wait_until(thrum_after_ms(3)), THRUM_TIMEOUT);
            CHECK(test_now_ns() - begun >= 3 * MS);
            CHECK(c->locked());
            CHECK_EQ(c->waiters(), 0);
            CHECK_EQ(c->wait_until(THRUM_NOW), THRUM_TIMEOUT);
            CHECK_EQ(c->wait_until(thrum_after_ms(-1)), THRUM_TIMEOUT);
            CHECK(c->locked());
            c->release();
        }
}

static void *acquires_and_marks(void *p) {
    visit *v = p;
    v->c->acquire();
    atomic_store(&v->over, true);
    v->c->release();
    return NULL;
}

TEST(a_wait_that_times_out_still_gets_the_lock_first) {
    for
        EACH_CONDITION(c) {
            visit v;
            catch_waiting(&v, c, 5);
            while (!thrum_deadline_passed(v.deadline)) sched_yield();
            const uint64_t until = test_now_ns() + 5 * MS;
            while (test_now_ns() < until) sched_yield();
            CHECK(!atomic_load(&v.over)); /* its deadline has passed; the lock is ours */
            c->release();
            end(&v, 1, THRUM_TIMEOUT);

            visit other = {.c = c};
            c->acquire();
            other.thread = test_start(acquires_and_marks, &other);
            test_await_asleep(&other.thread);
            CHECK_EQ(c->wait_until(thrum_after_ms(1)), THRUM_TIMEOUT);
            c->release();
            test_join(&other.thread);
        }
}

static void nothing(int number) {
    (void)number;
}

TEST(signals_neither_end_a_wait_nor_lengthen_it) {
    struct sigaction action = {.sa_handler = nothing};
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
    for
        EACH_CONDITION(c) {
            visit v;
            start(&v, c, thrum_after_ms(30));
            const uint64_t begun = test_now_ns();
            while (!atomic_load(&v.over)) {
                pthread_kill(v.thread.thread, SIGUSR1);
                CHECK(test_now_ns() - begun < UINT64_C(20000) * MS);
            }
            end(&v, 1, THRUM_TIMEOUT);
            CHECK(thrum_deadline_passed(v.deadline));
        }
}

TEST(errno_is_kept) {
    for
        EACH_CONDITION(c) {
            c->acquire();
            errno = 1234;
            CHECK_EQ(c->wait_until(thrum_after_us(100)), THRUM_TIMEOUT);
            CHECK_EQ(c->notify_all(), THRUM_OK);
            CHECK_EQ(errno, 1234);
            c->release();
        }
}

/* --- several on one lock, fork, text -------------------------------------------------------------- */

static thrum_lock common;
static thrum_cond left = THRUM_COND_INIT(&common), right = THRUM_COND_INIT(&common);

static void *waits_on(void *p) {
    thrum_lock_acquire(&common);
    CHECK_EQ(thrum_cond_wait(p), THRUM_OK);
    CHECK_EQ(thrum_lock_release(&common), THRUM_OK);
    return NULL;
}

TEST(several_conditions_may_share_one_lock) {
    test_thread a = test_start(waits_on, &left), b = test_start(waits_on, &right);
    test_await_asleep(&a);
    test_await_asleep(&b);
    thrum_lock_acquire(&common);
    CHECK_EQ(thrum_cond_waiters(&left), 1);
    CHECK_EQ(thrum_cond_waiters(&right), 1);
    CHECK_EQ(thrum_cond_notify_all(&right), THRUM_OK);
    CHECK_EQ(thrum_lock_release(&common), THRUM_OK);
    test_join(&b);
    CHECK(test_is_asleep(a.tid));
    thrum_lock_acquire(&common);
    CHECK_EQ(thrum_cond_notify(&left, 1), THRUM_OK);
    CHECK_EQ(thrum_lock_release(&common), THRUM_OK);
    test_join(&a);
}

TEST(a_childs_condition_forgets_its_parents_waiters) {
    visit v;
    start_asleep(&v, 1, &conditions[0], THRUM_FOREVER);
    const pid_t child = fork();
    if (child == 0) {
        thrum_lock_reset_after_fork(&of_lock_lock);
        thrum_cond_reset_after_fork(&of_lock_cond);
        thrum_lock_acquire(&of_lock_lock);
        CHECK_EQ(thrum_cond_waiters(&of_lock_cond), 0);
        CHECK_EQ(thrum_cond_notify_all(&of_lock_cond), THRUM_OK);
        CHECK_EQ(thrum_cond_wait_until(&of_lock_cond, thrum_after_ms(1)), THRUM_TIMEOUT);
        _exit(0);
    }
    test_join_child(child);
    notify(&conditions[0], 1);
    end(&v, 1, THRUM_OK);
}

TEST(it_describes_itself) {
    char text[80], cut[8];
    thrum_cond zero = {NULL, NULL};
    thrum_cond_describe(&zero, text, sizeof text);
    CHECK(strcmp(text, "condition: not initialised") == 0);
    thrum_cond_describe(&of_rlock_cond, text, sizeof text);
    CHECK(strcmp(text, "condition: of an rlock, 0 waiting") == 0);
    visit visits[2];
    start_asleep(visits, 2, &conditions[0], THRUM_FOREVER);
    thrum_lock_acquire(&of_lock_lock);
    CHECK_EQ(thrum_cond_describe(&of_lock_cond, text, sizeof text),
             strlen("condition: of a lock, 2 waiting"));
    CHECK(strcmp(text, "condition: of a lock, 2 waiting") == 0);
    CHECK_EQ(thrum_cond_describe(&of_lock_cond, cut, sizeof cut), strlen(text));
    CHECK(strcmp(cut, "conditi") == 0);
    thrum_lock_release(&of_lock_lock);
    notify(&conditions[0], 2);
    end(visits, 2, THRUM_OK);
}
