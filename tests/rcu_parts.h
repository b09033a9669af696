/* SPDX-License-Identifier: MIT */
/* What the tests of rcu share. */
#ifndef THRUM_TESTS_RCU_PARTS_H
#define THRUM_TESTS_RCU_PARTS_H

#include "test.h"

#include "../src/rcu/retire.h"

#include <thrum.h>

typedef struct note {
    thrum_rcu_head head;
    int number;
    thrum_event called;
} note;

static thrum_u32 calls;
static int order[8];

static inline void call(thrum_rcu_head *head) {
    note *const n = (note *)head;
    const uint32_t i = thrum_u32_fetch_add_release(&calls, 1);
    if (i < 8) order[i] = n->number;
    thrum_event_set(&n->called);
}

static thrum_event reading, end_reading;

/* Sections that nest: only the end of the outer one ends it. */
static inline void *read_for_long(void *unused) {
    thrum_rcu_read_begin();
    thrum_rcu_read_begin();
    thrum_rcu_read_end();
    thrum_event_set(&reading);
    thrum_event_wait(&end_reading);
    thrum_rcu_read_end();
    return unused;
}

static inline void call_and_retire_more(thrum_rcu_head *head) {
    note *const n = (note *)head;
    if (--n->number > 0)
        thrum_rcu_retire(head, call_and_retire_more);
    else
        thrum_event_set(&n->called);
}

#endif
