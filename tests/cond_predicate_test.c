/* SPDX-License-Identifier: MIT */
/* thrum_cond_wait_for. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "cond_parts.h"
#include "conditions.h"

#include <stdatomic.h>

typedef struct count_down {
    const condition *c;
    int asked; /* how often */
    int after; /* true from then on */
    int answer;
} count_down;

static int is_counted(void *p) {
    count_down *d = p;
    if (d->c) CHECK(d->c->locked());
    return ++d->asked >= d->after ? d->answer : 0;
}

TEST(a_predicate_that_is_true_at_once_checks_nothing) {
    for
        EACH_CONDITION(c) {
            count_down d = {NULL, 0, 1, 7};
            CHECK_EQ(c->wait_for(is_counted, &d, THRUM_FOREVER), THRUM_OK); /* without the lock */
            CHECK_EQ(d.asked, 1);
            d = (count_down){NULL, 0, 2, 7};
            CHECK_EQ(c->wait_for(is_counted, &d, THRUM_FOREVER), (int)c->without_lock);
            CHECK_EQ(d.asked, 1);
        }
}

TEST(a_past_deadline_still_asks_the_predicate_twice) {
    for
        EACH_CONDITION(c) {
            count_down d = {c, 0, 2, 1};
            c->acquire();
            CHECK_EQ(c->wait_for(is_counted, &d, THRUM_NOW), THRUM_OK);
            CHECK_EQ(d.asked, 2);
            d = (count_down){c, 0, 100, 1};
            CHECK_EQ(c->wait_for(is_counted, &d, THRUM_NOW), THRUM_TIMEOUT);
            CHECK_EQ(d.asked, 2);
            c->release();
        }
}

TEST(a_negative_answer_is_handed_through_with_the_lock_held) {
    for
        EACH_CONDITION(c) {
            for (int after = 1; after <= 2; after++) {
                count_down d = {c, 0, after, -42};
                c->acquire();
                CHECK_EQ(c->wait_for(is_counted, &d, thrum_after_ms(1)), -42);
                CHECK(c->locked());
                CHECK_EQ(c->waiters(), 0);
                c->release();
            }
        }
}

static void *waits_for_three(void *p) {
    count_down *d = p;
    d->c->acquire();
    CHECK_EQ(d->c->wait_for(is_counted, d, THRUM_FOREVER), THRUM_OK);
    d->c->release();
    return NULL;
}

TEST(wait_for_goes_on_until_the_predicate_is_true) {
    for
        EACH_CONDITION(c) {
            count_down d = {c, 0, 3, 1};
            test_thread t = test_start(waits_for_three, &d);
            for (int i = 1; i <= 2; i++) {
                while (waiters(c) == 0) sched_yield();
                notify(c, 1);
            }
            test_join(&t);
            CHECK_EQ(d.asked, 3);
        }
}

static void *keeps_notifying(void *p) {
    visit *v = p;
    while (!atomic_load(&v->over)) notify(v->c, 1);
    return NULL;
}

TEST(wait_for_has_one_deadline_in_total) {
    for
        EACH_CONDITION(c) {
            visit v = {.c = c};
            count_down d = {c, 0, 2000000000, 1};
            test_thread t = test_start(keeps_notifying, &v);
            c->acquire();
            const thrum_deadline end = thrum_after_ms(10);
            CHECK_EQ(c->wait_for(is_counted, &d, end), THRUM_TIMEOUT);
            CHECK(thrum_deadline_passed(end));
            c->release();
            atomic_store(&v.over, true);
            test_join(&t);
        }
}
