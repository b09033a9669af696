/* SPDX-License-Identifier: MIT */
/*
 * Read-copy-update: nothing is called back while a read section that may see it lasts, and everything is,
 * once. Read sections and grace periods are liburcu.c's. The helper may end whenever its deadline passes, so
 * that each retire may start one.
 *
 * explore: flags -UTHRUM_RCU_LINGER_MS
 */
#include "explore.h"

#include <stdlib.h>
#include <thrum/futex.h>
#include <thrum/rcu.h>

typedef struct page {
    thrum_rcu_head head;
    int word;
} page;

static struct {
    page pages[4];
    page *current;
    int called[4]; /* plain: callbacks come one after the other, and what they did is seen after a barrier */
    thrum_result prepared[2];
    int order;
} s;

static void call_back(thrum_rcu_head *head) {
    page *const p = (page *)(void *)head;
    s.called[p - s.pages]++;
    explore_free(p, sizeof *p);
}

static void replace_with(unsigned number) {
    s.pages[number].word = (int)number + 1;
    page *const before = thrum_rcu_exchange(&s.current, &s.pages[number]);
    REQUIRE(before->word == before - s.pages + 1); /* it sees what it replaces */
    thrum_rcu_retire(&before->head, call_back);
}

static void read_once(void) {
    thrum_rcu_read_begin();
    const page *const p = thrum_rcu_read(&s.current);
    REQUIRE(p->word == p - s.pages + 1);
    thrum_rcu_read_end();
}

static void publish_the_first(void) {
    s.pages[0].word = 1;
    thrum_rcu_publish(&s.current, &s.pages[0]);
}

static void publish_and_prepare(void) {
    publish_the_first();
    REQUIRE(thrum_rcu_prepare() == THRUM_OK);
}

static unsigned calls(void) {
    unsigned sum = 0;
    for (unsigned i = 0; i < 4; i++) {
        REQUIRE(s.called[i] <= 1);
        sum += (unsigned)s.called[i];
    }
    return sum;
}

/* --- a reader, and one that retires ----------------------------------------------------------------- */

static void read_or_replace(unsigned me) {
    if (me == 0)
        replace_with(1);
    else
        read_once();
}
static void one_was_called_back(void) {
    REQUIRE(calls() == 1 && s.called[0] == 1);
}
EXPLORE(a_reader_sees_no_page_that_was_called_back, .threads = 2, .startable = 5,
        .begin = publish_and_prepare, .thread = read_or_replace, .end = one_was_called_back)
EXPLORE(two_readers_see_none, .threads = 3, .startable = 4, .begin = publish_and_prepare,
        .thread = read_or_replace, .end = one_was_called_back, .bounds = {1, 1, 1, 0})

static void read_or_replace_twice(unsigned me) {
    if (me == 0) {
        replace_with(1);
        replace_with(2);
    } else {
        read_once();
    }
}
static void two_were_called_back(void) {
    REQUIRE(calls() == 2);
}
EXPLORE(what_comes_in_a_grace_period_waits_for_the_next, .threads = 2, .startable = 5,
        .begin = publish_and_prepare, .thread = read_or_replace_twice, .end = two_were_called_back,
        .bounds = {3, 0, 0, 0})

static void replace_once(unsigned me) {
    replace_with(1 + me);
}
EXPLORE(an_updater_sees_what_it_replaces, .threads = 2, .startable = 5, .begin = publish_and_prepare,
        .thread = replace_once, .end = two_were_called_back, .bounds = {2, 1, 0, 0})

static void read_nested(unsigned me) {
    if (me == 0) {
        replace_with(1);
        return;
    }
    thrum_rcu_read_begin();
    const page *const p = thrum_rcu_read(&s.current);
    read_once();
    REQUIRE(p->word == p - s.pages + 1); /* the inner end has not ended it */
    thrum_rcu_read_end();
}
EXPLORE(an_inner_section_does_not_end_the_outer, .threads = 2, .startable = 5, .begin = publish_and_prepare,
        .thread = read_nested, .end = one_was_called_back)

/* --- synchronize ------------------------------------------------------------------------------------ */

static void read_or_synchronize(unsigned me) {
    if (me > 0) {
        read_once();
        return;
    }
    s.pages[1].word = 2;
    page *const before = thrum_rcu_exchange(&s.current, &s.pages[1]);
    thrum_rcu_synchronize();
    explore_free(before, sizeof *before);
}
EXPLORE(after_a_synchronize_nobody_sees_the_page, .threads = 3, .begin = publish_the_first,
        .thread = read_or_synchronize)

/* --- retires ---------------------------------------------------------------------------------------- */

static void retire_two_each(unsigned me) {
    thrum_rcu_retire(&s.pages[2 * me].head, call_back);
    thrum_rcu_retire(&s.pages[2 * me + 1].head, call_back);
}
static void all_were_called_back(void) {
    REQUIRE(calls() == 4);
}
EXPLORE(whatever_is_retired_is_called_back_once, .threads = 2, .startable = 5, .begin = publish_and_prepare,
        .thread = retire_two_each, .end = all_were_called_back, .bounds = {2, 1, 0, 0})

static void retire_and_wait(unsigned me) {
    thrum_rcu_retire(&s.pages[me].head, call_back);
    REQUIRE(thrum_rcu_barrier() == THRUM_OK);
    REQUIRE(s.called[me] == 1); /* plain: ordered by the barrier */
}
EXPLORE(a_barrier_returns_after_what_was_retired_before, .threads = 2, .startable = 5,
        .begin = publish_and_prepare, .thread = retire_and_wait, .end = two_were_called_back,
        .bounds = {1, 1, 0, 0})

static void in_order(thrum_rcu_head *head) {
    const int number = (int)((page *)(void *)head - s.pages);
    REQUIRE(s.order == number);
    s.order++;
}
static void retire_three(unsigned me) {
    (void)me;
    for (unsigned i = 0; i < 3; i++) thrum_rcu_retire(&s.pages[i].head, in_order);
}
static void three_came(void) {
    REQUIRE(s.order == 3);
}
EXPLORE(a_threads_retires_are_called_back_in_its_order, .threads = 1, .startable = 6,
        .begin = publish_and_prepare, .thread = retire_three, .end = three_came)

static void retire_the_next(thrum_rcu_head *head) {
    (void)head;
    s.order++;
    thrum_rcu_retire(&s.pages[1].head, call_back);
}
static void retire_one(unsigned me) {
    (void)me;
    thrum_rcu_retire(&s.pages[0].head, retire_the_next);
}
static void both_came(void) {
    REQUIRE(s.order == 1 && s.called[1] == 1);
}
EXPLORE(a_callback_may_retire, .threads = 1, .startable = 6, .begin = publish_and_prepare,
        .thread = retire_one, .end = both_came)

/* --- the helper ------------------------------------------------------------------------------------- */

static void count_call(thrum_rcu_head *head) {
    (void)head;
    s.order++; /* plain: of two helpers one would race */
}
static void prepare_and_retire(unsigned me) {
    REQUIRE(thrum_rcu_prepare() == THRUM_OK);
    thrum_rcu_retire(&s.pages[me].head, count_call);
}
static void two_were_counted(void) {
    REQUIRE(s.order == 2);
}
EXPLORE(two_preparing_threads_make_one_helper, .threads = 2, .startable = 4, .thread = prepare_and_retire,
        .end = two_were_counted, .bounds = {2, 1, 0, 0})

static void retire_and_prepare(unsigned me) {
    thrum_rcu_retire(&s.pages[me].head, call_back);
    (void)!thrum_rcu_prepare(); /* the second or the third start succeeds */
    (void)!thrum_rcu_prepare();
}
EXPLORE(what_was_retired_waits_for_a_helper, .threads = 2, .startable = 5, .refused_starts = 3,
        .thread = retire_and_prepare, .end = two_were_called_back, .bounds = {2, 1, 0, 0})

/* The nap ends long after the helper would, or at any time before. */
static void retire_nap_and_retire(unsigned me) {
    (void)me;
    thrum_rcu_retire(&s.pages[0].head, call_back);
    thrum_futex_nap(thrum_after_ms(1000));
    thrum_rcu_retire(&s.pages[1].head, call_back);
}
EXPLORE(a_retire_beside_the_helpers_end_finds_it_or_starts_another, .threads = 1, .startable = 3,
        .begin = publish_and_prepare, .thread = retire_nap_and_retire, .end = two_were_called_back,
        .bounds = {2, 1, 1, 0})

static void retire_late(unsigned me) {
    if (me == 0) thrum_rcu_retire(&s.pages[2].head, call_back);
    thrum_futex_nap(thrum_after_ms(1000));
    thrum_rcu_retire(&s.pages[me].head, call_back);
}
static void three_were_called_back(void) {
    REQUIRE(calls() == 3);
}
EXPLORE(two_that_retire_beside_the_helpers_end_are_both_called_back, .threads = 2, .startable = 4,
        .begin = publish_and_prepare, .thread = retire_late, .end = three_were_called_back,
        .bounds = {1, 1, 1, 0})

static void nap_and_wait(unsigned me) {
    thrum_rcu_retire(&s.pages[me].head, call_back);
    thrum_futex_nap(thrum_after_ms(1000));
    REQUIRE(thrum_rcu_barrier() == THRUM_OK);
    REQUIRE(s.called[me] == 1);
}
static void one_call(void) {
    REQUIRE(calls() == 1);
}
EXPLORE(a_barrier_beside_the_helpers_end_returns, .threads = 1, .startable = 3, .begin = publish_and_prepare,
        .thread = nap_and_wait, .end = one_call, .bounds = {2, 1, 1, 0})

/* What hurries the helper may come when it has ended. */
static void wait_and_retire(unsigned me) {
    REQUIRE(thrum_rcu_barrier() == THRUM_OK);
    thrum_rcu_retire(&s.pages[me].head, call_back);
}
EXPLORE(what_follows_a_barrier_is_called_back, .threads = 1, .startable = 3, .begin = publish_and_prepare,
        .thread = wait_and_retire, .end = one_call, .bounds = {1, 0, 2, 0})

/* A barrier that found a helper cannot be refused one: what it waits for would lie on its stack for ever. */
static void nap_and_wait_or_be_refused(unsigned me) {
    thrum_rcu_retire(&s.pages[me].head, call_back);
    thrum_futex_nap(thrum_after_ms(1000));
    if (thrum_rcu_barrier() == THRUM_OK) REQUIRE(s.called[me] == 1);
}
EXPLORE(a_barrier_without_a_helper_is_refused_or_returns, .threads = 1, .startable = 3, .refused_starts = 6,
        .begin = publish_and_prepare, .thread = nap_and_wait_or_be_refused, .bounds = {2, 1, 1, 0})
