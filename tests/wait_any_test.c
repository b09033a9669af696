/* SPDX-License-Identifier: MIT */
/* The promises of thrum/wait_any.h. What every wait does is in waiting_test.c, refusals in conditions/. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <sched.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thrum/wait_any.h>

static thrum_event event, other;
static thrum_latch latch;
static thrum_semaphore p, q;
static thrum_bounded_semaphore bounded = THRUM_BOUNDED_SEMAPHORE_INIT(1);
static thrum_waitable all[] = {THRUM_WAITABLE(&event), THRUM_WAITABLE(&latch), THRUM_WAITABLE(&p),
                               THRUM_WAITABLE(&bounded)};
static thrum_waitable pq[] = {THRUM_WAITABLE(&p), THRUM_WAITABLE(&q)};

/* Nothing is ready. */
static void shut_all(void) {
    thrum_event_clear(&event);
    (void)!thrum_latch_reset(&latch, 1);
    while (thrum_semaphore_try_acquire(&p)) {
    }
    while (thrum_bounded_semaphore_try_acquire(&bounded)) {
    }
}

static void open_one(unsigned which) {
    if (which == 0) thrum_event_set(&event);
    if (which == 1) thrum_latch_count_down(&latch);
    if (which == 2) CHECK_EQ(thrum_semaphore_release(&p), THRUM_OK);
    if (which == 3) CHECK_EQ(thrum_bounded_semaphore_release(&bounded), THRUM_OK);
}

/* The whole words: no waiter is left behind. */
static void nobody_is_registered(void) {
    CHECK_EQ(thrum_u64_load_relaxed(&p.state) >> 32, 0);
    CHECK_EQ(thrum_u64_load_relaxed(&q.state) >> 32, 0);
    CHECK_EQ(thrum_u64_load_relaxed(&bounded.permits.state) >> 32, 0);
}

TEST(each_kind_that_is_ready_is_found_by_every_form) {
    for (unsigned kind = 0; kind < 4; kind++) {
        unsigned which = 99;
        shut_all();
        open_one(kind);
        CHECK_EQ(thrum_wait_any(all, 4, &which), THRUM_OK);
        CHECK_EQ(which, kind);
        shut_all();
        open_one(kind), which = 99;
        CHECK(thrum_try_wait_any(all, 4, &which));
        CHECK_EQ(which, kind);
        shut_all();
        open_one(kind), which = 99;
        CHECK_EQ(thrum_wait_any_until(all, 4, &which, THRUM_NOW), THRUM_OK);
        CHECK_EQ(which, kind);
    }
}

TEST(the_first_in_the_order_of_the_set_is_chosen_and_nothing_taken_from_the_others) {
    unsigned which = 99;
    shut_all();
    for (unsigned kind = 0; kind < 4; kind++) open_one(kind);
    CHECK_EQ(thrum_wait_any(all, 4, &which), THRUM_OK);
    CHECK_EQ(which, 0);
    thrum_event_clear(&event);
    CHECK(thrum_try_wait_any(all, 4, &which));
    CHECK_EQ(which, 1);
    CHECK_EQ(thrum_latch_reset(&latch, 1), THRUM_OK);
    CHECK_EQ(thrum_semaphore_value(&p), 1);
    CHECK(thrum_try_wait_any(all, 4, &which));
    CHECK_EQ(which, 2);
    CHECK_EQ(thrum_semaphore_value(&p), 0);
    CHECK_EQ(thrum_bounded_semaphore_value(&bounded), 1);
    CHECK(thrum_try_wait_any(all, 4, &which));
    CHECK_EQ(which, 3);
    CHECK_EQ(thrum_bounded_semaphore_value(&bounded), 0);
    CHECK(!thrum_try_wait_any(all, 4, &which));
    CHECK_EQ(which, 3);
}

static void is_invalid(const thrum_waitable *set, unsigned count) {
    unsigned which = 99;
    CHECK_EQ(thrum_wait_any(set, count, &which), THRUM_INVALID);
    CHECK_EQ(thrum_wait_any_until(set, count, &which, THRUM_FOREVER), THRUM_INVALID);
    CHECK(!thrum_try_wait_any(set, count, &which));
    CHECK_EQ(which, 99);
}

TEST(none_more_than_128_and_null_are_invalid_and_nothing_is_taken) {
    static thrum_waitable many[THRUM_WAIT_ANY_MAX + 1];
    shut_all();
    open_one(2);
    for (unsigned i = 0; i <= THRUM_WAIT_ANY_MAX; i++) many[i] = all[2];
    is_invalid(many, 0);
    is_invalid(many, THRUM_WAIT_ANY_MAX + 1);
    is_invalid(NULL, 1);
    many[1].object = NULL;
    is_invalid(many, 2);
    many[1] = (thrum_waitable){&p, 17};
    is_invalid(many, 2);
    CHECK_EQ(thrum_u64_load_relaxed(&p.state), 1);
}

typedef struct wait {
    const thrum_waitable *set;
    unsigned count;
    thrum_deadline deadline;
    unsigned which;
    thrum_result result;
} wait;

static void *wait_for_any(void *argument) {
    wait *w = argument;
    w->result = thrum_wait_any_until(w->set, w->count, &w->which, w->deadline);
    return NULL;
}

static test_thread start_asleep(wait *w) {
    const test_thread thread = test_start(wait_for_any, w);
    test_await_asleep(&thread);
    return thread;
}

TEST(each_kind_wakes_a_sleeper) {
    for (unsigned kind = 0; kind < 4; kind++) {
        shut_all();
        wait w = {.set = all, .count = 4, .deadline = THRUM_FOREVER, .which = 99};
        test_thread thread = start_asleep(&w);
        open_one(kind);
        test_join(&thread);
        CHECK_EQ(w.result, THRUM_OK);
        CHECK_EQ(w.which, kind);
        CHECK_EQ(thrum_semaphore_value(&p), 0);
        CHECK_EQ(thrum_bounded_semaphore_value(&bounded), 0);
        nobody_is_registered();
    }
}

TEST(a_sleeper_of_128_is_woken_by_the_last) {
    static thrum_event events[THRUM_WAIT_ANY_MAX];
    static thrum_waitable set[THRUM_WAIT_ANY_MAX];
    for (unsigned i = 0; i < THRUM_WAIT_ANY_MAX; i++) set[i] = (thrum_waitable)THRUM_WAITABLE(&events[i]);
    wait w = {.set = set, .count = THRUM_WAIT_ANY_MAX, .deadline = THRUM_FOREVER};
    test_thread thread = start_asleep(&w);
    thrum_event_set(&events[THRUM_WAIT_ANY_MAX - 1]);
    test_join(&thread);
    CHECK_EQ(w.result, THRUM_OK);
    CHECK_EQ(w.which, THRUM_WAIT_ANY_MAX - 1);
}

TEST(a_timeout_takes_nothing_and_leaves_no_trace) {
    shut_all();
    wait w = {.set = all, .count = 4, .deadline = thrum_after_ms(20), .which = 99};
    CHECK_EQ(thrum_wait_any_until(w.set, w.count, &w.which, w.deadline), THRUM_TIMEOUT);
    CHECK(thrum_deadline_passed(w.deadline));
    CHECK_EQ(w.which, 99);
    nobody_is_registered();
}

TEST(set_then_clear_lets_a_sleeper_through) {
    shut_all();
    wait w = {.set = all, .count = 4, .deadline = THRUM_FOREVER, .which = 99};
    test_thread thread = start_asleep(&w);
    thrum_event_set(&event);
    thrum_event_clear(&event);
    test_join(&thread);
    CHECK_EQ(w.which, 0);
}

TEST(a_latch_that_opens_and_is_reset_lets_a_sleeper_through) {
    shut_all();
    wait w = {.set = all, .count = 4, .deadline = THRUM_FOREVER, .which = 99};
    test_thread thread = start_asleep(&w);
    thrum_latch_count_down(&latch);
    CHECK_EQ(thrum_latch_reset(&latch, 1), THRUM_OK);
    test_join(&thread);
    CHECK_EQ(w.which, 1);
}

static int page; /* plain: ThreadSanitizer sees whether what was waited for published it */

static void *read_when_ready(void *argument) {
    wait_for_any(argument);
    CHECK_EQ(page, 42);
    return NULL;
}

TEST(each_kind_publishes_to_a_waiter_for_any) {
    for (unsigned round = 0; round < 40; round++) {
        const unsigned kind = round % 4;
        shut_all();
        page = 0;
        wait w = {.set = all, .count = 4, .deadline = THRUM_FOREVER, .which = 99};
        test_thread thread = test_start(read_when_ready, &w);
        if (round / 4 % 2) test_await_asleep(&thread);
        page = 42;
        open_one(kind);
        test_join(&thread);
        CHECK_EQ(w.which, kind);
    }
}

static void *acquire_q(void *unused) {
    thrum_semaphore_acquire(&q);
    return unused;
}

/* The kernel lets the first sleeper absorb both wakes: that of q must reach the second one. */
TEST(a_wake_that_was_absorbed_is_passed_on) {
    for (unsigned round = 0; round < 200 / test_slowdown() + 1; round++) {
        wait w = {.set = pq, .count = 2, .deadline = THRUM_FOREVER, .which = 99};
        test_thread any = start_asleep(&w);
        test_thread one = test_start(acquire_q, NULL);
        test_await_asleep(&one);
        CHECK_EQ(thrum_semaphore_release(&p), THRUM_OK);
        CHECK_EQ(thrum_semaphore_release(&q), THRUM_OK);
        test_join(&any);
        if (w.which == 1)
            CHECK_EQ(thrum_semaphore_release(&q), THRUM_OK); /* it took the other's: give it back */
        test_join(&one);
        while (thrum_semaphore_try_acquire(&p)) {
        }
        CHECK_EQ(thrum_semaphore_value(&q), 0);
        nobody_is_registered();
    }
}

TEST(an_object_named_twice_is_taken_from_once) {
    thrum_waitable twice[] = {THRUM_WAITABLE(&q), THRUM_WAITABLE(&event), THRUM_WAITABLE(&q)};
    shut_all();
    wait w = {.set = twice, .count = 3, .deadline = THRUM_FOREVER, .which = 99};
    test_thread any = start_asleep(&w);
    test_thread one = test_start(acquire_q, NULL);
    test_await_asleep(&one);
    CHECK_EQ(thrum_semaphore_release_n(&q, 2), THRUM_OK);
    test_join(&any);
    test_join(&one);
    CHECK_EQ(w.which, 0);
    CHECK_EQ(thrum_semaphore_value(&q), 0);
    nobody_is_registered();
}

TEST(a_thousand_wait_for_any_and_one_event_lets_all_through) {
    enum { MANY = 1000 };
    static wait waits[MANY];
    static test_thread threads[MANY];
    static thrum_waitable set[] = {THRUM_WAITABLE(&p), THRUM_WAITABLE(&other)};
    shut_all();
    for (unsigned i = 0; i < MANY; i++) {
        waits[i].set = set;
        waits[i].count = 2;
        waits[i].deadline = THRUM_FOREVER;
        threads[i] = test_start(wait_for_any, &waits[i]);
    }
    for (unsigned i = 0; i < MANY; i++) test_await_asleep(&threads[i]);
    thrum_event_set(&other);
    for (unsigned i = 0; i < MANY; i++) {
        test_join(&threads[i]);
        CHECK_EQ(waits[i].result, THRUM_OK);
        CHECK_EQ(waits[i].which, 1);
    }
    nobody_is_registered();
}

typedef struct common {
    thrum_event event;
    thrum_semaphore semaphore;
} common;

TEST(objects_that_processes_share_may_be_among_them) {
    common *c = mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(c != MAP_FAILED);
    thrum_event_init_shared(&c->event);
    CHECK_EQ(thrum_semaphore_init_shared(&c->semaphore, 0), THRUM_OK);
    const pid_t child = fork();
    if (child == 0) {
        const thrum_waitable set[] = {THRUM_WAITABLE(&other), THRUM_WAITABLE(&c->semaphore),
                                      THRUM_WAITABLE(&c->event)};
        unsigned which = 99;
        CHECK_EQ(thrum_wait_any(set, 3, &which), THRUM_OK);
        CHECK_EQ(which, 1);
        CHECK_EQ(thrum_wait_any(set, 3, &which), THRUM_OK);
        CHECK_EQ(which, 2);
        _exit(0);
    }
    while (!test_is_asleep(child)) sched_yield();
    CHECK_EQ(thrum_semaphore_release(&c->semaphore), THRUM_OK);
    while (thrum_semaphore_value(&c->semaphore) > 0) sched_yield();
    thrum_event_set(&c->event);
    test_join_child(child);
    CHECK_EQ(thrum_u64_load_relaxed(&c->semaphore.state) << 1 >> 1, 0);
}
