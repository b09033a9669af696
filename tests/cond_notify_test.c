/* SPDX-License-Identifier: MIT */
/* What a notify chooses. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "cond_parts.h"
#include "conditions.h"

#include <stdatomic.h>

static void await_over(const visit *visits, unsigned count, unsigned ended) {
    while (over(visits, count) < ended) sched_yield();
}

TEST(a_notify_chooses_exactly_min_of_n_and_waiting) {
    for
        EACH_CONDITION(c) {
            visit visits[6];
            start_asleep(visits, 6, c, THRUM_FOREVER);
            CHECK_EQ(waiters(c), 6);
            notify(c, 2);
            await_over(visits, 6, 2);
            CHECK_EQ(waiters(c), 4);
            notify(c, 1);
            await_over(visits, 6, 3);
            CHECK_EQ(over(visits, 6), 3);
            CHECK_EQ(waiters(c), 3);
            for (unsigned i = 3; i < 6; i++) CHECK(test_is_asleep(visits[i].thread.tid));
            notify(c, 100);
            end(visits, 6, THRUM_OK);
            CHECK_EQ(waiters(c), 0);
        }
}

TEST(the_oldest_are_chosen_first) {
    for
        EACH_CONDITION(c) {
            visit visits[5];
            unsigned turns = 0;
            start_asleep(visits, 5, c, THRUM_FOREVER);
            for (unsigned i = 0; i < 5; i++) visits[i].turns = &turns; /* published by the lock */
            for (unsigned i = 0; i < 5; i++) {
                notify(c, 1);
                await_over(visits, 5, i + 1);
                CHECK(atomic_load(&visits[i].over));
                CHECK_EQ(visits[i].turn, i + 1);
            }
            end(visits, 5, THRUM_OK);
        }
}

TEST(a_waiter_that_timed_out_is_passed_over) {
    for
        EACH_CONDITION(c) {
            visit first, middle, last;
            start_asleep(&first, 1, c, THRUM_FOREVER);
            start(&middle, c, thrum_after_ms(5));
            while (!atomic_load(&middle.over) && waiters(c) < 2) sched_yield();
            start_asleep(&last, 1, c, THRUM_FOREVER);
            end(&middle, 1, THRUM_TIMEOUT);
            CHECK_EQ(waiters(c), 2);
            notify(c, 1);
            end(&first, 1, THRUM_OK);
            CHECK(!atomic_load(&last.over));
            notify(c, 1);
            end(&last, 1, THRUM_OK);
        }
}

TEST(notify_of_nothing_does_nothing) {
    for
        EACH_CONDITION(c) {
            visit v;
            start_asleep(&v, 1, c, THRUM_FOREVER);
            notify(c, 0);
            notify(c, -1);
            notify(c, -2147483647 - 1);
            CHECK_EQ(waiters(c), 1);
            CHECK(test_is_asleep(v.thread.tid));
            notify(c, 1);
            end(&v, 1, THRUM_OK);
        }
}

TEST(a_notify_is_never_remembered) {
    for
        EACH_CONDITION(c) {
            c->acquire();
            CHECK_EQ(c->notify(3), THRUM_OK);
            CHECK_EQ(c->notify_all(), THRUM_OK);
            CHECK_EQ(c->wait_until(thrum_after_ms(2)), THRUM_TIMEOUT);
            c->release();
        }
}

TEST(notify_all_lets_everybody_go_on) {
    for
        EACH_CONDITION(c) {
            visit visits[8];
            start_asleep(visits, 8, c, THRUM_FOREVER);
            c->acquire();
            CHECK_EQ(c->notify_all(), THRUM_OK);
            CHECK_EQ(c->waiters(), 0);
            CHECK_EQ(over(visits, 8), 0);
            c->release();
            end(visits, 8, THRUM_OK);
        }
}

TEST(a_waiter_whose_deadline_passes_when_it_was_chosen_is_notified) {
    for
        EACH_CONDITION(c) {
            visit v;
            catch_waiting(&v, c, 20);
            CHECK_EQ(c->notify(1), THRUM_OK);
            while (!thrum_deadline_passed(v.deadline)) sched_yield();
            c->release();
            end(&v, 1, THRUM_OK);
        }
}

enum { MANY = 1000 };

TEST(a_thousand_waiters_are_notified) {
    static visit visits[MANY];
    const condition *c = &conditions[0];
    for (unsigned i = 0; i < MANY; i++) start(&visits[i], c, THRUM_FOREVER);
    while (waiters(c) < MANY) sched_yield();
    notify(c, MANY / 2);
    await_over(visits, MANY, MANY / 2);
    CHECK_EQ(waiters(c), MANY / 2);
    c->acquire();
    CHECK_EQ(c->notify_all(), THRUM_OK);
    c->release();
    end(visits, MANY, THRUM_OK);
}

/*
 * More than go for the lock at a time: each that has it tells the next, past those that have timed out by
 * then.
 */
enum { CROWD = 200, AT_A_TIME = 32 };

TEST(a_notify_reaches_all_past_those_that_time_out) {
    static visit visits[CROWD];
    for
        EACH_CONDITION(c) {
            for (int64_t ms = 200;; ms *= 2) {
                const thrum_deadline soon = thrum_after_ms(ms);
                for (unsigned i = 0; i < CROWD; i++) {
                    const bool timed = i >= AT_A_TIME && (i % 3 == 0 || i / AT_A_TIME == 2);
                    start(&visits[i], c, timed ? soon : THRUM_FOREVER);
                    while (!test_is_asleep(visits[i].thread.tid) && !atomic_load(&visits[i].over))
                        sched_yield();
                }
                c->acquire();
                const bool all_wait = c->waiters() == CROWD;
                CHECK_EQ(c->notify_all(), THRUM_OK);
                if (all_wait)
                    while (!thrum_deadline_passed(soon)) sched_yield();
                c->release();
                if (all_wait) break;
                for (unsigned i = 0; i < CROWD; i++) test_join(&visits[i].thread); /* too slow: again */
            }
            end(visits, CROWD, THRUM_OK);
            CHECK_EQ(waiters(c), 0);
        }
}
