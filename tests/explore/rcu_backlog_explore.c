/* SPDX-License-Identifier: MIT */
/*
 * A backlog of one: the retire that finds more waits for the helper, but not for ever, and not where the
 * helper waits for it.
 *
 * explore: flags -DTHRUM_RCU_BACKLOG=1
 */
#include "explore.h"

#include <stdlib.h>
#include <thrum/lock.h>
#include <thrum/rcu.h>

static struct {
    thrum_rcu_head heads[4];
    thrum_lock lock;
    int called;
} s;

static void prepare(void) {
    REQUIRE(thrum_rcu_prepare() == THRUM_OK);
}

static void count(thrum_rcu_head *head) {
    (void)head;
    s.called++;
}
static void retire_two(unsigned me) {
    thrum_rcu_retire(&s.heads[2 * me], count);
    thrum_rcu_retire(&s.heads[2 * me + 1], count);
}
static void four_were_called_back(void) {
    REQUIRE(s.called == 4);
}
EXPLORE(all_that_wait_get_on_and_all_is_called_back, .threads = 2, .startable = 1, .begin = prepare,
        .thread = retire_two, .end = four_were_called_back, .bounds = {1, 1, 1, 0}, .by_priority = 20000,
        .at_random = 20000)

static void take_the_lock(thrum_rcu_head *head) {
    (void)head;
    thrum_lock_acquire(&s.lock);
    s.called++;
    (void)!thrum_lock_release(&s.lock);
}
static void retire_under_the_lock(unsigned me) {
    (void)me;
    thrum_lock_acquire(&s.lock);
    for (unsigned i = 0; i < 3; i++) thrum_rcu_retire(&s.heads[i], take_the_lock);
    (void)!thrum_lock_release(&s.lock);
}
static void three_were_called_back(void) {
    REQUIRE(s.called == 3);
}
EXPLORE(a_retire_that_holds_what_a_callback_wants_gets_on, .threads = 1, .startable = 1, .begin = prepare,
        .thread = retire_under_the_lock, .end = three_were_called_back, .bounds = {2, 1, 1, 0},
        .by_priority = 20000, .at_random = 20000)

static void retire_in_a_section(unsigned me) {
    (void)me;
    thrum_rcu_read_begin();
    for (unsigned i = 0; i < 3; i++) thrum_rcu_retire(&s.heads[i], count);
    thrum_rcu_read_end();
}
EXPLORE(a_retire_in_a_section_does_not_wait, .threads = 1, .startable = 1, .begin = prepare,
        .thread = retire_in_a_section, .end = three_were_called_back, .bounds = {2, 1, 1, 0},
        .by_priority = 20000, .at_random = 20000)

static void retire_more(thrum_rcu_head *head) {
    (void)head;
    s.called++;
    thrum_rcu_retire(&s.heads[1], count);
    thrum_rcu_retire(&s.heads[2], count);
}
static void retire_one(unsigned me) {
    (void)me;
    thrum_rcu_retire(&s.heads[0], retire_more);
}
EXPLORE(a_callback_does_not_wait_for_itself, .threads = 1, .startable = 1, .begin = prepare,
        .thread = retire_one, .end = three_were_called_back, .bounds = {2, 1, 1, 0}, .by_priority = 20000,
        .at_random = 20000)
