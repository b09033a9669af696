/* SPDX-License-Identifier: MIT */
/* The map's table while it grows and shrinks: beside looks, puts and each other. */
#include "map_explore.h"

/*
 * --- growth and shrinking --------------------------------------------------------------------------------
 */

static void with_both_halves(void) {
    make(NULL);
    put(0, 1);
    put(1, 2);
}
static void grow_beside_looks(unsigned me) {
    if (me == 0) {
        grow_to(2);
    } else {
        REQUIRE(get(1) == 2);
        REQUIRE(get(0) == 1);
        REQUIRE(get(3) == -1);
    }
}
EXPLORE(what_is_there_is_found_beside_a_split, .threads = 2, .begin = with_both_halves,
        .thread = grow_beside_looks, .bounds = {3, 2, 0, 0})

static void grow_beside_a_put(unsigned me) {
    if (me == 0) {
        grow_to(2);
    } else if (me == 1) {
        put(1, 3);
        REQUIRE(get(1) == 3);
    } else {
        const int n = get(1);
        REQUIRE(n == 2 || n == 3);
    }
}
static void one_is_three(void) {
    REQUIRE(get(1) == 3);
    REQUIRE(get(0) == 1);
    REQUIRE(thrum_map_count(s.map) == 2);
}
EXPLORE(a_put_beside_a_split_is_not_lost, .threads = 3, .begin = with_both_halves,
        .thread = grow_beside_a_put, .end = one_is_three, .bounds = {3, 0, 0, 0})

/* Buckets 1, 2 and 3: the split of 1 that makes 3 waits for the one of 0 that makes 1. */
static void with_four_quarters(void) {
    make(NULL);
    for (int n = 0; n < 4; n++) put((uint64_t)n, n + 1);
    REQUIRE(thrum_u64_load_relaxed(&s.map->buckets) == 2);
}
static void grow_both(unsigned me) {
    if (me < 2)
        grow_to(4);
    else
        for (uint64_t key = 0; key < 4; key++) REQUIRE(get(key) == (int)key + 1);
}
static void all_four_are_there(void) {
    for (uint64_t key = 0; key < 4; key++) REQUIRE(get(key) == (int)key + 1);
    for (uint64_t bucket = 0; bucket < 4; bucket++) {
        const map_line *const line = thrum_map_line_at_(&s.map->table, bucket);
        REQUIRE(thrum_map_level_(s.map, thrum_u64_load_relaxed(&line->state)) == 2);
        REQUIRE(thrum_u32_load_relaxed(&line->more) == 0);
    }
}
EXPLORE(two_that_grow_it_split_each_bucket_once, .threads = 3, .begin = with_four_quarters,
        .thread = grow_both, .end = all_four_are_there, .bounds = {2, 0, 0, 0})

static void grow_by_two(unsigned me) {
    (void)me;
    grow_to(3);
}
static void are_three_buckets(void) {
    static const unsigned levels[] = {2, 1, 2};
    for (uint64_t bucket = 0; bucket < 3; bucket++) {
        const map_line *const line = thrum_map_line_at_(&s.map->table, bucket);
        REQUIRE(thrum_map_level_(s.map, thrum_u64_load_relaxed(&line->state)) == levels[bucket]);
    }
    REQUIRE(get(0) == 1);
    REQUIRE(get(1) == 2);
}
EXPLORE(an_older_split_is_made_first, .threads = 2, .begin = with_both_halves, .thread = grow_by_two,
        .end = are_three_buckets, .bounds = {2, 0, 0, 0})

/* The third removal leaves too few for four buckets. */
static void with_four_buckets(void) {
    with_four_quarters();
    grow_to(4);
}
static void leave_one(void) {
    for (uint64_t key = 0; key < 3; key++) take_out(key);
}
static void are_two_buckets(void) {
    REQUIRE(thrum_u64_load_relaxed(&s.map->buckets) == 2);
    REQUIRE(thrum_u64_load_relaxed(&s.map->live[2]) == 0);
}
static void shrink_beside_looks(unsigned me) {
    if (me == 0) {
        leave_one();
    } else {
        REQUIRE(get(3) == 4);
        REQUIRE(get(7) == -1);
    }
}
static void three_stays(void) {
    are_two_buckets();
    REQUIRE(get(3) == 4);
    REQUIRE(thrum_map_count(s.map) == 1);
}
EXPLORE(what_is_there_is_found_beside_merges, .threads = 2, .begin = with_four_buckets,
        .thread = shrink_beside_looks, .end = three_stays, .bounds = {3, 0, 0, 0})
EXPLORE(what_is_there_is_found_beside_merges_by_stale_looks, .threads = 2, .begin = with_four_buckets,
        .thread = shrink_beside_looks, .end = three_stays, .bounds = {1, 3, 0, 0})

static void shrink_or_put(unsigned me) {
    if (me == 0) {
        leave_one();
    } else if (me == 1) {
        put(3, 6);
    } else {
        const int n = get(3);
        REQUIRE(n == 4 || n == 6);
    }
}
static void the_put_is_there(void) {
    REQUIRE(get(3) == 6);
    REQUIRE(thrum_map_count(s.map) == 1);
}
EXPLORE(a_put_beside_merges_is_not_lost, .threads = 3, .begin = with_four_buckets, .thread = shrink_or_put,
        .end = the_put_is_there, .bounds = {2, 0, 0, 0})

static void shrink_or_grow(unsigned me) {
    if (me == 0)
        leave_one();
    else
        for (uint64_t key = 5; key < 8; key++) put(key, (int)key);
}
static void what_was_put_is_there(void) {
    REQUIRE(get(3) == 4);
    for (uint64_t key = 5; key < 8; key++) REQUIRE(get(key) == (int)key);
    for (uint64_t key = 0; key < 3; key++) REQUIRE(get(key) == -1);
}
EXPLORE(growth_and_shrinking_at_once_lose_nothing, .threads = 2, .begin = with_four_buckets,
        .thread = shrink_or_grow, .end = what_was_put_is_there, .bounds = {2, 0, 0, 0})

/* A block of buckets goes, and comes again. */
static void with_a_gate(void) {
    s.gated = true;
    REQUIRE(thrum_rcu_prepare() == THRUM_OK);
    with_four_buckets();
}
static void with_a_gate_alone(void) { /* what is retired is kept: no helper can be started */
    s.gated = true;
    with_four_buckets();
}
static void drop_a_block_or_put(unsigned me) {
    if (me == 0) {
        leave_one();
    } else {
        put(3, 6);
        REQUIRE(get(3) == 6);
    }
}
EXPLORE(a_block_of_buckets_goes_beside_a_put, .threads = 2, .startable = 1, .begin = with_a_gate,
        .thread = drop_a_block_or_put, .end = the_put_is_there, .bounds = {2, 0, 0, 0})
static void drop_a_block_or_need_it(unsigned me) {
    if (me == 0) {
        leave_one();
        return;
    }
    thrum_map_enter_();
    grow_to(4);
    thrum_map_leave_();
    REQUIRE(get(3) == 4);
}
static void only_three_is_there(void) {
    REQUIRE(get(3) == 4);
    REQUIRE(get(2) == -1);
}
EXPLORE(a_block_that_is_needed_again_stays, .threads = 2, .begin = with_a_gate_alone,
        .thread = drop_a_block_or_need_it, .end = only_three_is_there, .bounds = {2, 0, 0, 0})
EXPLORE(a_block_of_buckets_stays_for_its_readers, .threads = 2, .startable = 1, .begin = with_a_gate,
        .thread = shrink_beside_looks, .end = three_stays, .bounds = {2, 0, 0, 0})

/* The growth is counted before the look that finds too few, and made after it. */
static void with_one_and_a_gate(void) {
    s.gated = true;
    make(NULL);
    put(0, 1);
}
static void empty_it_or_grow(unsigned me) {
    if (me == 0) {
        take_out(0);
        return;
    }
    thrum_map_enter_();
    grow_to(2);
    thrum_map_leave_();
}
static void nothing_is_there(void) {
    for (uint64_t key = 0; key < 2; key++) REQUIRE(get(key) == -1);
}
EXPLORE(a_block_of_which_a_bucket_has_become_live_stays, .threads = 2, .begin = with_one_and_a_gate,
        .thread = empty_it_or_grow, .end = nothing_is_there, .bounds = {2, 0, 0, 0}, .by_priority = 20000,
        .at_random = 20000)

/* One that lowers the number of buckets further may come before the merges of the other. */
static void shrink_both(unsigned me) {
    if (me == 0)
        leave_one();
    else
        take_out(3);
}
static void one_bucket_is_left_unless_it_grew(void) {
    REQUIRE(thrum_map_count(s.map) == 0);
    if (thrum_u64_load_relaxed(&s.map->buckets) > 1) return; /* by a look from before the other's removals */
    const map_line *const first = thrum_map_line_at_(&s.map->table, 0);
    REQUIRE(thrum_map_level_(s.map, thrum_u64_load_relaxed(&first->state)) == 0);
    for (unsigned i = 0; i < THRUM_MAP_BLOCKS; i++) REQUIRE(thrum_u64_load_relaxed(&s.map->live[i]) == 0);
}
EXPLORE(two_that_shrink_it_merge_each_bucket_once, .threads = 2, .begin = with_a_gate_alone,
        .thread = shrink_both, .end = one_bucket_is_left_unless_it_grew, .bounds = {2, 0, 0, 0},
        .by_priority = 20000, .at_random = 20000)

static void reserve_or_leave_one(unsigned me) {
    if (me == 0) {
        REQUIRE(thrum_map_reserve(s.map, 6) == THRUM_OK);
        REQUIRE(thrum_u64_load_relaxed(&s.map->buckets) == 4);
    } else {
        leave_one();
    }
}
static void are_four_buckets(void) {
    REQUIRE(thrum_u64_load_relaxed(&s.map->buckets) == 4);
    REQUIRE(get(3) == 4);
}
EXPLORE(a_removal_beside_a_reserve_takes_nothing_of_it_back, .threads = 2, .begin = with_a_gate_alone,
        .thread = reserve_or_leave_one, .end = are_four_buckets, .bounds = {2, 1, 0, 0})

/*
 * --- visits ----------------------------------------------------------------------------------------------
 */

static void visit_beside_growth(unsigned me) {
    if (me == 0)
        grow_to(4);
    else
        see_once(0, 3);
}
EXPLORE(a_visit_beside_splits_sees_each_once, .threads = 2, .begin = with_four_quarters,
        .thread = visit_beside_growth, .bounds = {2, 1, 0, 0})

static void visit_beside_shrinking(unsigned me) {
    if (me == 0)
        leave_one();
    else
        see_once(3, 3);
}
EXPLORE(a_visit_beside_merges_sees_each_once, .threads = 2, .begin = with_four_buckets,
        .thread = visit_beside_shrinking, .bounds = {3, 0, 0, 0})
