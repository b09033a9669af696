/* SPDX-License-Identifier: MIT */
/* The promises of thrum/all.h. */
#include "test.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>

#include <thrum/with.h>

static thrum_lock a, b, c;
static thrum_rlock r, q;

static void all_free(void) {
    static const thrum_rlock zero;
    CHECK(!thrum_lock_locked(&a) && !thrum_lock_locked(&b) && !thrum_lock_locked(&c));
    CHECK_EQ(memcmp(&r, &zero, sizeof zero), 0);
    CHECK_EQ(memcmp(&q, &zero, sizeof zero), 0);
}

static void all_held(void) {
    CHECK(thrum_lock_locked(&a) && thrum_lock_locked(&b));
    CHECK_EQ(thrum_rlock_depth(&r), 1);
    CHECK_EQ(thrum_rlock_depth(&q), 1);
}

TEST(every_form_takes_all_and_release_lets_all_go) {
    static const thrum_all set = THRUM_ALL(&a, &r, &b, &q);
    CHECK_EQ(thrum_acquire_all(&set), THRUM_OK);
    all_held();
    CHECK_EQ(thrum_release_all(&set), THRUM_OK);
    all_free();
    CHECK(thrum_try_acquire_all(&set));
    all_held();
    CHECK_EQ(thrum_release_all(&set), THRUM_OK);
    all_free();
    CHECK_EQ(thrum_acquire_all_until(&set, thrum_after_ms(1)), THRUM_OK);
    all_held();
    CHECK_EQ(thrum_release_all(&set), THRUM_OK);
    all_free();
    CHECK_EQ(thrum_acquire_all_until(&set, THRUM_NOW), THRUM_OK); /* free: a past deadline will do */
    all_held();
    CHECK_EQ(thrum_release_all(&set), THRUM_OK);
    all_free();
}

TEST(a_set_has_one_to_sixteen_members_by_name_or_by_addition) {
    static thrum_lock locks[THRUM_ALL_MAX + 1];
    const thrum_all one = THRUM_ALL(&locks[0]);
    const thrum_all most = THRUM_ALL(&locks[0], &locks[1], &locks[2], &locks[3], &locks[4], &locks[5],
                                     &locks[6], &locks[7], &locks[8], &locks[9], &locks[10], &locks[11],
                                     &locks[12], &locks[13], &locks[14], &locks[15]);
    CHECK_EQ(one.count, 1);
    CHECK_EQ(most.count, THRUM_ALL_MAX);
    thrum_all added = THRUM_ALL_INIT;
    for (unsigned i = 0; i < THRUM_ALL_MAX; i++) CHECK_EQ(thrum_all_add_lock(&added, &locks[i]), THRUM_OK);
    for (unsigned i = 0; i < THRUM_ALL_MAX; i++) CHECK(added.members[i].object == most.members[i].object);
    CHECK_EQ(thrum_all_add_lock(&added, &locks[16]), THRUM_INVALID);
    CHECK_EQ(thrum_all_add_rlock(&added, &r), THRUM_INVALID);
    CHECK_EQ(added.count, THRUM_ALL_MAX);
    CHECK_EQ(thrum_acquire_all(&added), THRUM_OK);
    for (unsigned i = 0; i < THRUM_ALL_MAX; i++) CHECK(thrum_lock_locked(&locks[i]));
    CHECK(!thrum_lock_locked(&locks[16]));
    CHECK_EQ(thrum_release_all(&added), THRUM_OK);
    thrum_all mixed = THRUM_ALL(&a);
    CHECK_EQ(thrum_all_add_rlock(&mixed, &r), THRUM_OK);
    CHECK_EQ(thrum_acquire_all(&mixed), THRUM_OK);
    CHECK_EQ(thrum_rlock_depth(&r), 1);
    CHECK_EQ(thrum_release_all(&mixed), THRUM_OK);
    all_free();
}

TEST(the_empty_set_is_had_at_once) {
    static const thrum_all zero;
    const thrum_all empty = THRUM_ALL_INIT;
    CHECK_EQ(thrum_acquire_all(&zero), THRUM_OK);
    CHECK(thrum_try_acquire_all(&zero));
    CHECK_EQ(thrum_acquire_all_until(&empty, THRUM_NOW), THRUM_OK);
    CHECK_EQ(thrum_release_all(&empty), THRUM_OK);
}

static void refused(const thrum_all *set) {
    CHECK_EQ(thrum_acquire_all(set), THRUM_INVALID);
    CHECK(!thrum_try_acquire_all(set));
    CHECK_EQ(thrum_acquire_all_until(set, THRUM_FOREVER), THRUM_INVALID);
    CHECK_EQ(thrum_release_all(set), THRUM_INVALID);
    all_free();
}

TEST(a_lock_named_twice_is_refused_and_nothing_is_taken) {
    const thrum_all twice = THRUM_ALL(&a, &b, &a), next = THRUM_ALL(&r, &b, &b);
    const thrum_all as_both = THRUM_ALL(&r.lock, &a, &r); /* as a lock and as the rlock that it is part of */
    refused(&twice);
    refused(&next);
    refused(&as_both);
    const thrum_all the_other_way_round = THRUM_ALL(&r, &a, &r.lock);
    refused(&the_other_way_round);
}

TEST(what_is_no_set_is_refused_and_nothing_is_taken) {
    thrum_all too_many = THRUM_ALL(&a, &b), none = THRUM_ALL(&a, (thrum_lock *)NULL);
    thrum_all neither = THRUM_ALL(&a, &b);
    too_many.count = THRUM_ALL_MAX + 1;
    neither.members[1].kind = 7;
    refused(&too_many);
    refused(&none);
    refused(&neither);
}

TEST(an_rlock_named_twice_counts_twice) {
    static const thrum_all set = THRUM_ALL(&r, &a, &r);
    CHECK_EQ(thrum_acquire_all(&set), THRUM_OK);
    CHECK_EQ(thrum_rlock_depth(&r), 2);
    CHECK_EQ(thrum_rlock_release(&r), THRUM_OK);
    CHECK_EQ(thrum_release_all(&set), THRUM_NOT_OWNER); /* of one of the two */
    CHECK_EQ(thrum_rlock_depth(&r), 1);
    CHECK(thrum_lock_locked(&a));
    CHECK_EQ(thrum_rlock_acquire(&r), THRUM_OK);
    CHECK_EQ(thrum_release_all(&set), THRUM_OK);
    all_free();
}

TEST(an_rlock_named_three_times_counts_three_times) {
    static const thrum_all set = THRUM_ALL(&r, &r, &r);
    CHECK_EQ(thrum_acquire_all(&set), THRUM_OK);
    CHECK_EQ(thrum_rlock_release(&r), THRUM_OK);
    CHECK_EQ(thrum_release_all(&set), THRUM_NOT_OWNER);
    CHECK_EQ(thrum_rlock_depth(&r), 2);
    CHECK_EQ(thrum_rlock_acquire(&r), THRUM_OK);
    CHECK_EQ(thrum_release_all(&set), THRUM_OK);
    all_free();
}

TEST(an_rlock_of_the_callers_goes_deeper_at_once) {
    static const thrum_all set = THRUM_ALL(&a, &r);
    CHECK_EQ(thrum_rlock_acquire(&r), THRUM_OK);
    CHECK(thrum_try_acquire_all(&set));
    CHECK_EQ(thrum_rlock_depth(&r), 2);
    CHECK_EQ(thrum_release_all(&set), THRUM_OK);
    CHECK_EQ(thrum_rlock_depth(&r), 1);
    CHECK_EQ(thrum_rlock_release(&r), THRUM_OK);
    all_free();
}

TEST(an_rlock_too_deep_is_told_and_nothing_is_taken) {
    static const thrum_all first = THRUM_ALL(&r, &a), last = THRUM_ALL(&a, &r), half = THRUM_ALL(&r, &a, &r);
    uint32_t depth;
    CHECK_EQ(thrum_rlock_acquire_depth(&r, THRUM_RLOCK_DEPTH_MAX), THRUM_OK);
    CHECK_EQ(thrum_acquire_all(&first), THRUM_OVERFLOW);
    CHECK_EQ(thrum_acquire_all(&last), THRUM_OVERFLOW);
    CHECK(!thrum_try_acquire_all(&last));
    CHECK_EQ(thrum_rlock_release(&r), THRUM_OK);
    CHECK_EQ(thrum_acquire_all_until(&half, THRUM_FOREVER), THRUM_OVERFLOW);
    CHECK_EQ(thrum_rlock_depth(&r), THRUM_RLOCK_DEPTH_MAX - 1);
    CHECK_EQ(thrum_rlock_release_all(&r, &depth), THRUM_OK);
    all_free();
}

TEST(a_release_of_what_is_not_held_changes_nothing) {
    static const thrum_all set = THRUM_ALL(&a, &r, &b);
    CHECK_EQ(thrum_release_all(&set), THRUM_NOT_LOCKED);
    thrum_lock_acquire(&a);
    thrum_lock_acquire(&b);
    CHECK_EQ(thrum_release_all(&set), THRUM_NOT_OWNER);
    CHECK_EQ(thrum_rlock_acquire(&r), THRUM_OK);
    CHECK_EQ(thrum_lock_release(&b), THRUM_OK);
    CHECK_EQ(thrum_release_all(&set), THRUM_NOT_LOCKED);
    CHECK(thrum_lock_locked(&a) && thrum_rlock_is_owned(&r));
    CHECK(thrum_lock_try_acquire(&b)); /* after `r`, before which it was acquired: a try makes no order */
    CHECK_EQ(thrum_release_all(&set), THRUM_OK);
    all_free();
}

static const thrum_all abr = THRUM_ALL(&a, &b, &r);
static atomic_bool entered, may_leave;

static void *enters(void *unused) {
    CHECK_EQ(thrum_acquire_all(&abr), THRUM_OK);
    CHECK(thrum_lock_locked(&a) && thrum_lock_locked(&b) && thrum_rlock_is_owned(&r));
    CHECK(!atomic_load(&entered));
    atomic_store(&entered, true);
    CHECK_EQ(thrum_release_all(&abr), THRUM_OK);
    return unused;
}

/* One taken, wherever it stands: it waits for that one, and another thread may have the others. */
TEST(it_holds_none_of_the_others_while_it_waits_for_one) {
    for (unsigned taken = 0; taken < 3; taken++) {
        atomic_store(&entered, false);
        if (taken == 0) thrum_lock_acquire(&a);
        if (taken == 1) thrum_lock_acquire(&b);
        if (taken == 2) CHECK_EQ(thrum_rlock_acquire(&r), THRUM_OK);
        test_thread t = test_start(enters, NULL);
        test_await_asleep(&t);
        CHECK(!atomic_load(&entered));
        if (taken != 0) CHECK_EQ(thrum_lock_acquire_until(&a, THRUM_NOW), THRUM_OK);
        if (taken != 1) CHECK_EQ(thrum_lock_acquire_until(&b, THRUM_NOW), THRUM_OK);
        if (taken != 2) CHECK(thrum_rlock_try_acquire(&r));
        CHECK_EQ(thrum_release_all(&abr), THRUM_OK);
        test_join(&t);
        CHECK(atomic_load(&entered));
        all_free();
    }
}

static void *holds_one(void *p) {
    const unsigned which = *(unsigned *)p;
    if (which == 0) thrum_lock_acquire(&a);
    if (which == 1) thrum_lock_acquire(&b);
    if (which == 2) CHECK_EQ(thrum_rlock_acquire(&r), THRUM_OK);
    atomic_store(&entered, true);
    while (!atomic_load(&may_leave)) sched_yield();
    if (which == 0) CHECK_EQ(thrum_lock_release(&a), THRUM_OK);
    if (which == 1) CHECK_EQ(thrum_lock_release(&b), THRUM_OK);
    if (which == 2) CHECK_EQ(thrum_rlock_release(&r), THRUM_OK);
    return NULL;
}

TEST(a_timed_acquire_takes_all_or_none) {
    for (unsigned taken = 0; taken < 3; taken++) {
        atomic_store(&entered, false);
        atomic_store(&may_leave, false);
        test_thread t = test_start(holds_one, &taken);
        while (!atomic_load(&entered)) sched_yield();
        errno = 4711;
        CHECK_EQ(thrum_acquire_all_until(&abr, THRUM_NOW), THRUM_TIMEOUT);
        CHECK(!thrum_try_acquire_all(&abr));
        const uint64_t begun = test_now_ns();
        CHECK_EQ(thrum_acquire_all_until(&abr, thrum_after_ms(3)), THRUM_TIMEOUT);
        CHECK(test_now_ns() - begun >= 3000000);
        CHECK_EQ(errno, 4711);
        CHECK_EQ(thrum_lock_locked(&a), taken == 0);
        CHECK_EQ(thrum_lock_locked(&b), taken == 1);
        CHECK_EQ(thrum_rlock_locked(&r), taken == 2);
        atomic_store(&may_leave, true);
        CHECK_EQ(thrum_acquire_all_until(&abr, thrum_after_ms(60000)), THRUM_OK);
        CHECK_EQ(thrum_release_all(&abr), THRUM_OK);
        test_join(&t);
        all_free();
    }
}

/* --- order and guards ------------------------------------------------------------------------------- */

static int payload; /* plain: ThreadSanitizer sees whether the release published it */
static atomic_bool sent;

/* `sent` is relaxed: that the payload may be read is the locks' doing alone. */
static void *receives(void *unused) {
    while (!atomic_load_explicit(&sent, memory_order_relaxed)) sched_yield();
    CHECK(thrum_try_acquire_all(&abr));
    CHECK_EQ(payload, 42);
    CHECK_EQ(thrum_release_all(&abr), THRUM_OK);
    return unused;
}

TEST(a_release_publishes_to_the_next_holder) {
    for (unsigned round = 0; round < 50; round++) {
        payload = 0;
        atomic_store(&sent, false);
        test_thread t = test_start(receives, NULL);
        CHECK_EQ(thrum_acquire_all(&abr), THRUM_OK);
        payload = 42;
        CHECK_EQ(thrum_release_all(&abr), THRUM_OK);
        atomic_store_explicit(&sent, true, memory_order_relaxed);
        test_join(&t);
    }
}

TEST(a_guard_holds_all_of_them_in_its_block_and_a_refused_set_skips_it) {
    thrum_all set = THRUM_ALL(&a, &r, &b, &q), twice = THRUM_ALL(&a, &a);
    thrum_result result = THRUM_OK;
    unsigned ran = 0;
    THRUM_WITH(&set) {
        all_held();
        ran++;
        THRUM_WITH_UNTIL(&set, THRUM_NOW, &result) CHECK(false);
        CHECK_EQ(result, THRUM_TIMEOUT);
        all_held();
    }
    CHECK_EQ(ran, 1);
    all_free();
    THRUM_WITH(&twice) CHECK(false);
    all_free();
    THRUM_HOLD(&set);
    all_held();
}

TEST(describe_tells_how_many_are_held) {
    char text[64];
    const thrum_all set = THRUM_ALL(&a, &r, &b), twice = THRUM_ALL(&a, &a);
    CHECK(thrum_lock_try_acquire(&b));
    const size_t length = thrum_all_describe(&set, text, sizeof text);
    CHECK_EQ(strcmp(text, "all: 3 members, 1 held by somebody"), 0);
    CHECK_EQ(length, strlen(text));
    CHECK_EQ(thrum_lock_release(&b), THRUM_OK);
    CHECK_EQ(thrum_all_describe(&twice, NULL, 0), strlen("all: invalid"));
}
