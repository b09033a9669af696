/* SPDX-License-Identifier: MIT */
/* A cell of versions: readers see whole ones that stay, no writer's is lost, each is destroyed once. */
#include "explore.h"

#include <thrum/snapshot.h>

typedef struct config {
    int limit, doubled;
} config;

static struct {
    thrum_snapshot cell;
    config versions[6];
    unsigned destroyed[6]; /* plain: they come one after the other */
    thrum_u32 made;
} s;

static void destroy(void *value) {
    config *const c = value;
    s.destroyed[c - s.versions]++;
    explore_free(c, sizeof *c);
}

static config *version(int limit) {
    const uint32_t number = thrum_u32_fetch_add_relaxed(&s.made, 1);
    REQUIRE(number < 6);
    s.versions[number] = (config){limit, 2 * limit};
    return &s.versions[number];
}

static void set(int limit) {
    REQUIRE(thrum_snapshot_set(&s.cell, version(limit), destroy) == THRUM_OK);
}

static void hold_one(void) {
    REQUIRE(thrum_rcu_prepare() == THRUM_OK);
    set(1);
}

static void read_once(void) {
    THRUM_WITH_SNAPSHOT(const config *now, &s.cell) {
        REQUIRE(now->limit > 0);
        REQUIRE(now->doubled == 2 * now->limit);
    }
}

/* Every version that was made but the one that the cell holds. */
static void check_destroyed(void) {
    const void *const now = thrum_snapshot_read_begin(&s.cell);
    const uint32_t made = thrum_u32_load_relaxed(&s.made);
    for (uint32_t i = 0; i < made; i++) REQUIRE(s.destroyed[i] == (now != &s.versions[i]));
    thrum_snapshot_read_end();
}

static void set_or_read(unsigned me) {
    if (me == 0)
        set(2);
    else
        read_once();
}
EXPLORE(a_reader_sees_a_whole_version_that_stays, .threads = 2, .startable = 1, .begin = hold_one,
        .thread = set_or_read, .end = check_destroyed)

static void set_one_each(unsigned me) {
    if (me < 2)
        set(2 + (int)me);
    else
        read_once();
}
EXPLORE(of_two_sets_one_stays, .threads = 3, .startable = 1, .begin = hold_one, .thread = set_one_each,
        .end = check_destroyed, .bounds = {1, 1, 0, 0})

/* The next is made of the one that it replaces. */
static thrum_result add_one(const void *now, void *unused, void **next) {
    (void)unused;
    *next = version(((const config *)now)->limit + 1);
    return THRUM_OK;
}
static void update(unsigned me) {
    (void)me;
    REQUIRE(thrum_snapshot_update(&s.cell, add_one, NULL, destroy) == THRUM_OK);
}
static void both_updates_are_there(void) {
    REQUIRE(((const config *)thrum_snapshot_read_begin(&s.cell))->limit == 3);
    thrum_snapshot_read_end();
    check_destroyed();
}
EXPLORE(no_update_is_lost, .threads = 2, .startable = 1, .begin = hold_one, .thread = update,
        .end = both_updates_are_there, .bounds = {2, 1, 0, 0})

static void update_or_set(unsigned me) {
    if (me == 0)
        update(me);
    else
        set(7);
}
static void one_came_before_the_other(void) {
    const int limit = ((const config *)thrum_snapshot_read_begin(&s.cell))->limit;
    REQUIRE(limit == 7 || limit == 8);
    thrum_snapshot_read_end();
    check_destroyed();
}
EXPLORE(a_set_comes_before_or_after_an_update, .threads = 2, .startable = 1, .begin = hold_one,
        .thread = update_or_set, .end = one_came_before_the_other, .bounds = {2, 1, 0, 0})

static void clear_or_read(unsigned me) {
    if (me == 0) {
        thrum_snapshot_clear(&s.cell);
        return;
    }
    THRUM_WITH_SNAPSHOT(const config *now, &s.cell) REQUIRE(!now || now->doubled == 2 * now->limit);
}
EXPLORE(a_clear_destroys_the_last, .threads = 2, .startable = 1, .begin = hold_one, .thread = clear_or_read,
        .end = check_destroyed)
