/* SPDX-License-Identifier: MIT */
/*
 * The map, with buckets of two slots and four entries a bucket: what becomes of an entry beside others of its
 * line, and of a line behind a bucket while entries of it stay.
 *
 * explore: flags -UTHRUM_MAP_SLOTS -DTHRUM_MAP_SLOTS=2 -UTHRUM_MAP_LOAD -DTHRUM_MAP_LOAD=32
 */
#include "map_explore.h"

/* --- one line ------------------------------------------------------------------------------------------ */

static void with_one_line(void) {
    make(NULL);
    put(0, 1);
    put(2, 2);
}
static void replace_the_neighbour(unsigned me) {
    if (me == 0) {
        take_out(0);
        put(4, 3);
        return;
    }
    const int gone = get(0), come = get(4);
    REQUIRE(gone == 1 || gone == -1);
    REQUIRE(come == 3 || come == -1);
    REQUIRE(get(2) == 2);
}
EXPLORE(what_stays_in_a_line_is_found_beside_what_comes_and_goes, .threads = 2, .begin = with_one_line,
        .thread = replace_the_neighbour, .bounds = {3, 1, 0, 0})

static void put_in_one_line(unsigned me) {
    if (me == 0)
        put(0, 1);
    else if (me == 1)
        put(2, 2);
    else
        REQUIRE(get(4) == -1);
}
static void both_are_there(void) {
    REQUIRE(get(0) == 1);
    REQUIRE(get(2) == 2);
    REQUIRE(thrum_map_count(s.map) == 2);
}
static void with_nothing(void) {
    make(NULL);
}
EXPLORE(two_that_put_into_one_line_take_a_slot_each, .threads = 3, .begin = with_nothing,
        .thread = put_in_one_line, .end = both_are_there, .bounds = {2, 0, 0, 0})

static void with_a_text_and_a_number(void) {
    make(NULL);
    put_text("a", 1);
    put('a', 2);
}
static void text_becomes_number(unsigned me) {
    if (me == 0) {
        REQUIRE(thrum_map_remove(s.map, thrum_key("a")) == THRUM_OK);
        put('b', 3);
        return;
    }
    thrum_rcu_read_begin();
    const int *const found = thrum_map_get(s.map, thrum_key("a"));
    REQUIRE(!found || *found == 1);
    REQUIRE(!thrum_map_get(s.map, thrum_key("b")));
    thrum_rcu_read_end();
    REQUIRE(get('a') == 2);
}
EXPLORE(a_text_and_a_number_beside_each_other_are_told_apart, .threads = 2, .begin = with_a_text_and_a_number,
        .thread = text_becomes_number, .bounds = {3, 1, 0, 0})

/* --- a line behind ------------------------------------------------------------------------------------- */

static void with_two_lines(void) {
    with_one_line();
    put(4, 3);
    put(6, 4);
    REQUIRE(thrum_u64_load_relaxed(&s.map->buckets) == 1);
}

/* No line goes, and no entry moves: the slot itself is filled again under the look. */
static void replace_one_behind(unsigned me) {
    if (me == 0) {
        take_out(6);
        put(8, 5);
        return;
    }
    const int gone = get(6);
    REQUIRE(gone == 4 || gone == -1);
    REQUIRE(get(4) == 3);
    REQUIRE(get(10) == -1);
}
EXPLORE(a_slot_behind_that_is_used_again_gives_no_other_keys_value, .threads = 2, .begin = with_two_lines,
        .thread = replace_one_behind, .bounds = {2, 1, 0, 0})

static void pull_both_in(unsigned me) {
    if (me == 0) {
        take_out(0);
        take_out(2);
    } else {
        REQUIRE(get(6) == 4);
        REQUIRE(get(4) == 3);
    }
}
static void one_line_is_left(void) {
    REQUIRE(get(4) == 3);
    REQUIRE(get(6) == 4);
    REQUIRE(thrum_u32_load_relaxed(&thrum_map_line_at_(&s.map->table, 0)->more) == 0);
}
EXPLORE(what_stays_behind_is_found_when_its_neighbour_moves, .threads = 2, .begin = with_two_lines,
        .thread = pull_both_in, .end = one_line_is_left, .bounds = {2, 1, 0, 0})

static void visit_beside_a_removal(unsigned me) {
    if (me == 0) {
        take_out(0);
        return;
    }
    struct seen seen = {{0}};
    thrum_map_each(s.map, note, &seen);
    REQUIRE(seen.times[0] <= 1);
    for (unsigned key = 2; key <= 6; key += 2) REQUIRE(seen.times[key] == 1);
}
EXPLORE(a_visit_sees_each_of_two_lines_once_when_one_moves, .threads = 2, .begin = with_two_lines,
        .thread = visit_beside_a_removal, .bounds = {2, 1, 0, 0})

static void with_a_slot_behind(void) {
    with_one_line();
    put(4, 3);
}
static void visit_beside_a_put(unsigned me) {
    if (me == 0)
        put(6, 4);
    else
        see_once(4, 4);
}
EXPLORE(a_visit_sees_whole_what_is_put_beside_another, .threads = 2, .begin = with_a_slot_behind,
        .thread = visit_beside_a_put, .bounds = {2, 2, 0, 0})

/* --- growth and shrinking ------------------------------------------------------------------------------ */

static void with_both_halves(void) {
    make(NULL);
    for (int n = 0; n < 4; n++) put((uint64_t)n, n + 1);
    REQUIRE(thrum_u64_load_relaxed(&s.map->buckets) == 1);
}
static void grow_beside_looks(unsigned me) {
    if (me == 0)
        grow_to(2);
    else
        for (uint64_t key = 4; key-- > 0;) REQUIRE(get(key) == (int)key + 1);
}
static void all_are_in_lines_of_their_own(void) {
    for (uint64_t key = 0; key < 4; key++) REQUIRE(get(key) == (int)key + 1);
    for (uint64_t bucket = 0; bucket < 2; bucket++)
        REQUIRE(thrum_u32_load_relaxed(&thrum_map_line_at_(&s.map->table, bucket)->more) == 0);
}
EXPLORE(a_split_of_two_lines_leaves_one_to_each_half, .threads = 2, .begin = with_both_halves,
        .thread = grow_beside_looks, .end = all_are_in_lines_of_their_own, .bounds = {2, 0, 0, 0})

static void visit_beside_growth(unsigned me) {
    if (me == 0)
        grow_to(2);
    else
        see_once(0, 3);
}
EXPLORE(a_visit_beside_a_split_of_two_lines_sees_each_once, .threads = 2, .begin = with_both_halves,
        .thread = visit_beside_growth, .bounds = {2, 0, 0, 0})

/* The removal of key 0 leaves too few for four buckets: the entries of bucket 3 come to bucket 1. */
static void with_four_buckets(void) {
    make(NULL);
    put(0, 1);
    put(1, 2);
    put(3, 4);
    put(7, 5);
    grow_to(4);
}
static void shrink_beside_looks(unsigned me) {
    if (me == 0) {
        take_out(0);
        return;
    }
    REQUIRE(get(7) == 5);
    REQUIRE(get(3) == 4);
    REQUIRE(get(1) == 2);
    REQUIRE(get(5) == -1);
}
static void three_are_in_one_bucket(void) {
    REQUIRE(thrum_u64_load_relaxed(&s.map->buckets) == 3);
    REQUIRE(thrum_u32_load_relaxed(&thrum_map_line_at_(&s.map->table, 1)->more) != 0);
    REQUIRE(get(7) == 5);
    REQUIRE(get(3) == 4);
    REQUIRE(get(1) == 2);
}
EXPLORE(a_merge_of_two_lines_and_one_loses_nothing, .threads = 2, .begin = with_four_buckets,
        .thread = shrink_beside_looks, .end = three_are_in_one_bucket, .bounds = {2, 0, 0, 0})

/* All that there is lies in the bucket that goes, in two lines. */
static void with_all_in_the_last_bucket(void) {
    make(NULL);
    put(0, 1);
    put(3, 4);
    put(7, 5);
    put(11, 6);
    grow_to(4);
}
static void shrink_beside_a_look_behind(unsigned me) {
    if (me == 0)
        take_out(0);
    else
        REQUIRE(get(11) == 6);
}
EXPLORE(what_lies_behind_a_bucket_that_goes_is_found_by_stale_looks, .threads = 2,
        .begin = with_all_in_the_last_bucket, .thread = shrink_beside_a_look_behind, .bounds = {1, 2, 0, 0})
