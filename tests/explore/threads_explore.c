/* SPDX-License-Identifier: MIT */
/* The explorer's own test: threads that the explored code starts, and read sections. */
#include "explore.h"

#include <pthread.h>
#include <thrum/futex.h>
#include <thrum/rcu.h>
#include <urcu/urcu-bp.h>

static struct {
    int word;
    thrum_u32 never;
    thrum_u32 flag;
} s;

static void *add(void *unused) {
    s.word++;
    return unused;
}

static pthread_t start(void *(*function)(void *)) {
    pthread_t thread = 0;
    REQUIRE(pthread_create(&thread, NULL, function, NULL) == 0);
    return thread;
}

/* --- order ---------------------------------------------------------------------------------------- */

static void start_and_join(unsigned me) {
    (void)me;
    s.word = 1;
    REQUIRE(pthread_join(start(add), NULL) == 0);
    REQUIRE(s.word == 2);
}
EXPLORE(a_start_and_a_join_order_what_is_plain, .threads = 1, .startable = 1, .thread = start_and_join)

static void start_and_write(unsigned me) {
    (void)me;
    const pthread_t thread = start(add);
    s.word = 3;
    REQUIRE(pthread_join(thread, NULL) == 0);
}
EXPLORE(a_write_beside_a_started_thread_is_found, .threads = 1, .startable = 1, .thread = start_and_write,
        .finds = "race")

/* --- who has ended is claimed, once ------------------------------------------------------------------ */

static void start_and_forget(unsigned me) {
    (void)me;
    (void)start(add);
}
EXPLORE(a_thread_neither_joined_nor_detached_is_found, .threads = 1, .startable = 1,
        .thread = start_and_forget, .finds = "neither joined nor detached")

static void start_and_detach(unsigned me) {
    (void)me;
    REQUIRE(pthread_detach(start(add)) == 0);
}
EXPLORE(a_detached_thread_is_not, .threads = 1, .startable = 1, .thread = start_and_detach)

static void start_and_claim_twice(unsigned me) {
    (void)me;
    const pthread_t thread = start(add);
    REQUIRE(pthread_join(thread, NULL) == 0);
    (void)pthread_detach(thread);
}
EXPLORE(a_second_claim_is_found, .threads = 1, .startable = 1, .thread = start_and_claim_twice,
        .finds = "joined or detached before")

/* --- refusals, daemons --------------------------------------------------------------------------------- */

static void start_until_it_is_let(unsigned me) {
    (void)me;
    pthread_t thread = 0;
    REQUIRE(pthread_create(&thread, NULL, add, NULL) != 0);
    REQUIRE(pthread_join(start(add), NULL) == 0);
    REQUIRE(pthread_create(&thread, NULL, add, NULL) != 0); /* there is room for one */
}
EXPLORE(starts_are_refused_as_the_scenario_says, .threads = 1, .startable = 1, .refused_starts = 1,
        .thread = start_until_it_is_let)

static void *sleep_for_ever(void *unused) {
    for (;;) (void)thrum_futex_wait(&s.never, 0, THRUM_FUTEX_ANY, false, THRUM_FOREVER);
    return unused;
}
static void start_a_sleeper(unsigned me) {
    (void)me;
    REQUIRE(pthread_detach(start(sleep_for_ever)) == 0);
}
EXPLORE(a_thread_that_never_wakes_is_found, .threads = 1, .startable = 1, .thread = start_a_sleeper,
        .finds = "deadlock")

static void start_a_daemon(unsigned me) {
    (void)me;
    pthread_attr_t attributes;
    pthread_t thread;
    REQUIRE(pthread_attr_init(&attributes) == 0);
    REQUIRE(pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED) == 0);
    REQUIRE(pthread_create(&thread, &attributes, sleep_for_ever, NULL) == 0);
}
EXPLORE(a_daemon_may_sleep_for_ever, .threads = 1, .startable = 1, .thread = start_a_daemon)

/* --- read sections: one begun before a grace period sees what was before, or is waited for -------------- */

static void read_or_change(unsigned me) {
    if (me == 0) {
        thrum_u32_store_relaxed(&s.flag, 1);
        thrum_rcu_synchronize(); /* with the fences on which read sections count */
        s.word = 7;              /* plain: nobody who has seen 0 is inside any more */
        return;
    }
    thrum_rcu_read_begin();
    if (thrum_u32_load_relaxed(&s.flag) == 0) REQUIRE(s.word == 0);
    thrum_rcu_read_end();
}
EXPLORE(a_grace_period_waits_for_each_reader_that_may_have_seen, .threads = 3, .thread = read_or_change)

static void read_late_or_change(unsigned me) {
    if (me == 0) {
        read_or_change(me);
        return;
    }
    const bool old = thrum_u32_load_relaxed(&s.flag) == 0;
    thrum_rcu_read_begin();
    if (old) (void)*(volatile int *)&s.word;
    thrum_rcu_read_end();
}
EXPLORE(a_look_before_the_section_is_found, .threads = 2, .thread = read_late_or_change, .finds = "race")
