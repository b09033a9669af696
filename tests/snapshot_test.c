/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* The promises of thrum/snapshot.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <thrum.h>
#include <unistd.h>

typedef struct config {
    int limit, twice;
} config;

static thrum_snapshot cell;
static thrum_u32 destroyed;

static config *make_config(int limit) {
    config *const c = malloc(sizeof *c);
    CHECK(c);
    *c = (config){limit, 2 * limit};
    return c;
}

static void free_config(void *value) {
    config *const c = value;
    CHECK_EQ(c->twice, 2 * c->limit);
    free(c);
    thrum_u32_fetch_add_release(&destroyed, 1);
}

static void set(int limit) {
    CHECK_EQ(thrum_snapshot_set(&cell, make_config(limit), free_config), THRUM_OK);
}

static int limit_now(void) {
    int limit = -1;
    THRUM_WITH_SNAPSHOT(const config *now, &cell) {
        if (now) limit = now->limit;
    }
    return limit;
}

static void await_destroyed(uint32_t count) {
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&destroyed), count);
}

/* For who runs all tests in one process. */
static void begin_anew(void) {
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    thrum_u32_store_relaxed(&destroyed, 0);
}

TEST(an_all_zero_cell_holds_nothing) {
    begin_anew();
    unsigned runs = 0;
    THRUM_WITH_SNAPSHOT(const config *now, &cell) {
        CHECK(now == NULL);
        runs++;
    }
    CHECK_EQ(runs, 1);
    CHECK(thrum_snapshot_read_begin(&cell) == NULL);
    thrum_snapshot_read_end();
    thrum_snapshot_clear(&cell);
}

TEST(a_version_is_read_until_the_next_is_set_and_then_destroyed) {
    begin_anew();
    set(1);
    CHECK_EQ(limit_now(), 1);
    set(2);
    CHECK_EQ(limit_now(), 2);
    await_destroyed(1);
    thrum_snapshot_clear(&cell);
    CHECK_EQ(limit_now(), -1);
    await_destroyed(2);
    static config fixed = {7, 14};
    CHECK_EQ(thrum_snapshot_set(&cell, &fixed, NULL), THRUM_OK);
    CHECK_EQ(limit_now(), 7);
    CHECK_EQ(thrum_snapshot_set(&cell, NULL, NULL), THRUM_OK);
    CHECK_EQ(limit_now(), -1);
    await_destroyed(2);
}

TEST(a_reader_keeps_its_version_whatever_is_set_meanwhile) {
    begin_anew();
    set(1);
    THRUM_WITH_SNAPSHOT(const config *now, &cell) {
        for (int i = 2; i < 10; i++) set(i);
        THRUM_WITH_SNAPSHOT(const config *later, &cell) CHECK_EQ(later->limit, 9);
        thrum_futex_nap(thrum_after_ms(50));
        CHECK_EQ(thrum_u32_load_acquire(&destroyed), 0);
        CHECK_EQ(now->limit, 1);
    }
    await_destroyed(8);
    thrum_snapshot_clear(&cell);
}

static int leaves_by_return(void) {
    THRUM_WITH_SNAPSHOT(const config *now, &cell) return now->limit;
    return -1;
}

TEST(every_way_out_ends_the_read) {
    begin_anew();
    set(3);
    CHECK_EQ(leaves_by_return(), 3);
    for (int i = 0; i < 3; i++) {
        THRUM_WITH_SNAPSHOT(const config *now, &cell) {
            if (now->limit == 3 && i == 0) break;
            if (i == 1) continue;
            CHECK_EQ(i, 2);
        }
    }
    CHECK_EQ(thrum_self_guards(), 0);
    set(4); /* no read is left open: this ends */
    await_destroyed(1);
    thrum_snapshot_clear(&cell);
}

static thrum_result add_to_limit(const void *now, void *argument, void **next) {
    const config *const before = now;
    if (*(int *)argument == 0) return THRUM_CANCELLED;
    *next = make_config((before ? before->limit : 0) + *(int *)argument);
    return THRUM_OK;
}

TEST(an_update_makes_the_next_version_of_the_present_one) {
    begin_anew();
    int one = 1, none = 0;
    CHECK_EQ(thrum_snapshot_update(&cell, add_to_limit, &one, free_config), THRUM_OK);
    CHECK_EQ(thrum_snapshot_update(&cell, add_to_limit, &one, free_config), THRUM_OK);
    CHECK_EQ(limit_now(), 2);
    CHECK_EQ(thrum_snapshot_update(&cell, add_to_limit, &none, free_config), THRUM_CANCELLED);
    CHECK_EQ(limit_now(), 2);
    await_destroyed(1);
    thrum_snapshot_clear(&cell);
}

/* Only the same cell is refused to a `make`, and in the debug build the check of inner locks knows that. */
static thrum_snapshot another, third;

static thrum_result write_others(const void *now, void *argument, void **next) {
    CHECK_EQ(thrum_snapshot_set(&another, make_config(5), free_config), THRUM_OK);
    CHECK_EQ(thrum_snapshot_update(&third, add_to_limit, argument, free_config), THRUM_OK);
    thrum_snapshot_clear(&another);
    return add_to_limit(now, argument, next);
}

TEST(the_make_of_an_update_may_write_other_cells) {
    begin_anew();
    int one = 1;
    CHECK_EQ(thrum_snapshot_update(&cell, write_others, &one, free_config), THRUM_OK);
    CHECK_EQ(limit_now(), 1);
    thrum_snapshot_clear(&third);
    thrum_snapshot_clear(&cell);
    await_destroyed(3);
}

static void *update_often(void *unused) {
    int one = 1;
    for (unsigned i = 0; i < 2000 / test_slowdown(); i++)
        CHECK_EQ(thrum_snapshot_update(&cell, add_to_limit, &one, free_config), THRUM_OK);
    return unused;
}
static thrum_u32 over;
static void *read_often(void *unused) {
    int last = 0;
    while (!thrum_u32_load_acquire(&over)) {
        THRUM_WITH_SNAPSHOT(const config *now, &cell) {
            if (!now) continue;
            CHECK_EQ(now->twice, 2 * now->limit); /* whole */
            CHECK(now->limit >= last);
            last = now->limit;
        }
    }
    return unused;
}
TEST(no_update_is_lost_and_readers_see_whole_versions) {
    begin_anew();
    test_thread writers[4], readers[2];
    for (unsigned i = 0; i < 2; i++) readers[i] = test_start(read_often, NULL);
    for (unsigned i = 0; i < 4; i++) writers[i] = test_start(update_often, NULL);
    for (unsigned i = 0; i < 4; i++) test_join(&writers[i]);
    thrum_u32_store_release(&over, 1);
    for (unsigned i = 0; i < 2; i++) test_join(&readers[i]);
    const int all = (int)(4 * (2000 / test_slowdown()));
    CHECK_EQ(limit_now(), all);
    thrum_snapshot_clear(&cell);
    await_destroyed((uint32_t)all);
}

static thrum_result end_the_thread(const void *now, void *argument, void **next) {
    (void)now, (void)argument, (void)next;
    thrum_thread_exit(NULL);
}
static void *update_and_end(void *unused) {
    (void)!thrum_snapshot_update(&cell, end_the_thread, NULL, NULL);
    return unused;
}
TEST(a_make_that_ends_its_thread_lets_go_of_the_cell) {
    begin_anew();
    if (test_under_asan()) test_skip("a little memory is lost, as the header says");
    set(1);
    thrum_thread_config ending = {.target = update_and_end};
    thrum_thread thread;
    CHECK_EQ(thrum_thread_init(&thread, &ending), THRUM_OK);
    CHECK_EQ(thrum_thread_start(&thread), THRUM_OK);
    CHECK_EQ(thrum_thread_join(&thread, NULL), THRUM_OK);
    set(2);
    CHECK_EQ(limit_now(), 2);
    thrum_snapshot_clear(&cell);
}

TEST(without_memory_it_says_so_and_nothing_changes) {
    begin_anew();
    if (test_slowdown() > 1) test_skip("a sanitizer takes memory of its own");
    set(1);
    CHECK_EQ(limit_now(), 1); /* this thread is a reader from now on */
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    static config fixed = {2, 4};
    struct rlimit before, none;
    CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
    none = before;
    none.rlim_cur = 1;
    CHECK_EQ(setrlimit(RLIMIT_AS, &none), 0);
    while (malloc(sizeof(thrum_version_))) {
    }
    CHECK_EQ(thrum_snapshot_set(&cell, &fixed, free_config), THRUM_NO_MEMORY);
    int one = 1;
    CHECK_EQ(thrum_snapshot_update(&cell, add_to_limit, &one, free_config), THRUM_NO_MEMORY);
    CHECK_EQ(limit_now(), 1);
    CHECK_EQ(setrlimit(RLIMIT_AS, &before), 0);
}

TEST(describe_tells_the_version) {
    begin_anew();
    char text[64], expected[64];
    CHECK_EQ(thrum_snapshot_describe(&cell, text, sizeof text), strlen("snapshot: empty"));
    CHECK(strcmp(text, "snapshot: empty") == 0);
    config *const version = make_config(3);
    CHECK_EQ(thrum_snapshot_set(&cell, version, free_config), THRUM_OK);
    const int length = snprintf(expected, sizeof expected, "snapshot: a version at %p", (void *)version);
    CHECK_EQ(thrum_snapshot_describe(&cell, text, sizeof text), length);
    CHECK(strcmp(text, expected) == 0);
    CHECK_EQ(thrum_snapshot_describe(&cell, text, 9), length);
    CHECK(strcmp(text, "snapshot") == 0);
    thrum_snapshot_clear(&cell);
    await_destroyed(1);
}
