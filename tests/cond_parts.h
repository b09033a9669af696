/* SPDX-License-Identifier: MIT */
/* What the tests of conditions share. */
#ifndef THRUM_TESTS_COND_PARTS_H
#define THRUM_TESTS_COND_PARTS_H

#include "conditions.h"

#include <stdatomic.h>
#include <string.h>

/* One wait: begun with the lock, ended when `over`. */
typedef struct visit {
    const condition *c;
    thrum_deadline deadline;
    atomic_bool holds; /* has the lock, before it waits */
    atomic_bool over;
    thrum_result result;
    unsigned turn; /* the how manyth to return */
    unsigned *turns;
    test_thread thread;
} visit;

static inline void *visitor(void *p) {
    visit *v = p;
    v->c->acquire();
    atomic_store(&v->holds, true);
    v->result = v->c->wait_until(v->deadline);
    CHECK(v->c->locked());
    if (v->turns) v->turn = ++*v->turns; /* the lock protects it */
    v->c->release();
    atomic_store(&v->over, true);
    return NULL;
}

static inline void start(visit *v, const condition *c, thrum_deadline deadline) {
    memset(v, 0, sizeof *v);
    v->c = c;
    v->deadline = deadline;
    v->thread = test_start(visitor, v);
}

/* So many waiters, in this order. */
static inline void start_asleep(visit *visits, unsigned count, const condition *c, thrum_deadline deadline) {
    for (unsigned i = 0; i < count; i++) {
        start(&visits[i], c, deadline);
        test_await_asleep(&visits[i].thread);
    }
}

static inline void end(visit *visits, unsigned count, thrum_result result) {
    for (unsigned i = 0; i < count; i++) {
        test_join(&visits[i].thread);
        CHECK_EQ(visits[i].result, result);
    }
}

/*
 * Starts one that waits, and holds the lock while it does; again, where it has timed out too early for that.
 */
static inline void catch_waiting(visit *v, const condition *c, int64_t ms) {
    for (;;) {
        start(v, c, thrum_after_ms(ms));
        while (!atomic_load(&v->holds)) sched_yield();
        c->acquire();
        if (c->waiters() == 1) return;
        c->release();
        test_join(&v->thread);
    }
}

static inline void notify(const condition *c, int n) {
    c->acquire();
    CHECK_EQ(c->notify(n), THRUM_OK);
    c->release();
}

static inline unsigned waiters(const condition *c) {
    c->acquire();
    const unsigned count = c->waiters();
    c->release();
    return count;
}

static inline unsigned over(const visit *visits, unsigned count) {
    unsigned ended = 0;
    for (unsigned i = 0; i < count; i++) ended += atomic_load(&visits[i].over);
    return ended;
}

#endif
