/* SPDX-License-Identifier: MIT */
/*
 * The map, with buckets of one slot, and one bucket at first: what is there is found whatever becomes of its
 * neighbours and of the table, what is not there is not, no change is lost. A number is its own hash.
 */
#include "map_explore.h"

/* --- one bucket ---------------------------------------------------------------------------------------- */

static void with_nothing(void) {
    make(NULL);
}
static void put_or_get(unsigned me) {
    if (me == 0) {
        put(4, 1);
        return;
    }
    const int n = get(4);
    REQUIRE(n == -1 || n == 1);
}
static void four_is_there(void) {
    REQUIRE(get(4) == 1);
}
EXPLORE(a_value_is_seen_as_it_was_when_it_was_put, .threads = 2, .begin = with_nothing, .thread = put_or_get,
        .end = four_is_there, .bounds = {3, 2, 0, 0})

/* The first line behind a bucket, and the block of lines that it is of. */
static void with_a_full_bucket(void) {
    make(NULL);
    put(0, 1);
}
static void put_behind_or_get(unsigned me) {
    if (me == 0) {
        put(4, 2);
        return;
    }
    const int n = get(4);
    REQUIRE(n == -1 || n == 2);
    REQUIRE(get(0) == 1);
}
EXPLORE(a_new_line_behind_is_found_with_its_block, .threads = 2, .begin = with_a_full_bucket,
        .thread = put_behind_or_get, .bounds = {2, 2, 0, 0})

static void replace_or_get(unsigned me) {
    if (me == 0) {
        put(2, 3);
        return;
    }
    const int n = get(2), then = get(2);
    REQUIRE(n == 2 || n == 3);
    REQUIRE(then == 3 || then == n);
}
EXPLORE(a_value_that_is_replaced_is_the_one_or_the_other, .threads = 2, .begin = with_two_in_one_bucket,
        .thread = replace_or_get, .bounds = {3, 2, 0, 0})

/* The second entry moves into the first one's slot, and its line goes. */
static void remove_beside_a_look(unsigned me) {
    if (me == 0)
        take_out(0);
    else
        REQUIRE(get(2) == 2);
}
EXPLORE(an_entry_that_moves_forward_is_found, .threads = 2, .begin = with_two_in_one_bucket,
        .thread = remove_beside_a_look, .bounds = {3, 2, 0, 0})

static void remove_twice_beside_a_look(unsigned me) {
    if (me == 0) {
        take_out(0);
        put(4, 3);
        take_out(2);
        put(6, 4);
        return;
    }
    const int n = get(2), other = get(8);
    REQUIRE(n == 2 || n == -1);
    REQUIRE(other == -1);
}
EXPLORE(a_slot_that_is_used_again_gives_no_other_keys_value, .threads = 2, .begin = with_two_in_one_bucket,
        .thread = remove_twice_beside_a_look, .bounds = {3, 1, 0, 0})
static void remove_the_middle(unsigned me) {
    if (me == 0) {
        take_out(2);
        put(6, 4);
    } else if (me == 1) {
        REQUIRE(get(4) == 3);
    } else {
        REQUIRE(get(8) == -1);
    }
}
EXPLORE(what_lies_behind_a_line_that_goes_is_found, .threads = 3, .begin = with_three_in_one_bucket,
        .thread = remove_the_middle, .bounds = {2, 1, 0, 0})

static void remove_the_middle_beside_a_look(unsigned me) {
    if (me == 0)
        take_out(2);
    else
        REQUIRE(get(4) == 3);
}
EXPLORE(what_lies_behind_a_line_that_goes_is_found_by_stale_looks, .threads = 2,
        .begin = with_three_in_one_bucket, .thread = remove_the_middle_beside_a_look, .bounds = {1, 4, 0, 0})

/* The line that comes is the first of a block, and that before it goes. */
static void with_a_block_of_lines_in_one_bucket(void) {
    make(NULL);
    grow_to(3);
    for (int n = 0; n < 4; n++) put((uint64_t)n * 8, n + 1);
}
static void put_behind_and_remove_before_it(unsigned me) {
    if (me == 0) {
        put(32, 5);
        take_out(24);
        return;
    }
    const int n = get(32);
    REQUIRE(n == -1 || n == 5);
}
EXPLORE(a_line_that_goes_leads_to_the_next_with_its_block, .threads = 2,
        .begin = with_a_block_of_lines_in_one_bucket, .thread = put_behind_and_remove_before_it,
        .bounds = {1, 2, 0, 0})

static void remove_the_last(unsigned me) {
    (void)me;
    take_out(4);
}
static void no_line_is_empty(void) {
    const map_line *line = thrum_map_line_at_(&s.map->table, 0);
    for (uint32_t more; (more = thrum_u32_load_relaxed(&line->more));) {
        line = thrum_map_behind_(s.map, more);
        REQUIRE(thrum_u64_load_relaxed(&line->state) & THRUM_MAP_MARKS_);
    }
    REQUIRE(get(2) == 2);
}
EXPLORE(a_line_that_is_empty_goes_wherever_it_is, .threads = 1, .begin = with_three_in_one_bucket,
        .thread = remove_the_last, .end = no_line_is_empty, .by_priority = 100, .at_random = 100)

/* A line that one bucket gives back becomes another's, under a look-up that is still in it. */
static void with_two_buckets(void) {
    make(NULL);
    grow_to(2);
    put(0, 1);
    put(2, 2);
    put(1, 3);
}
static void pass_a_line_on(unsigned me) {
    if (me == 0) {
        take_out(2);
        put(3, 4);
        return;
    }
    const int n = get(2), other = get(4);
    REQUIRE(n == 2 || n == -1);
    REQUIRE(other == -1);
}
EXPLORE(a_line_that_becomes_another_buckets_leads_nobody_astray, .threads = 2, .begin = with_two_buckets,
        .thread = pass_a_line_on, .bounds = {3, 1, 0, 0})

/* --- changes of one key -------------------------------------------------------------------------------- */

static thrum_u32 added;
static void add_one(unsigned me) {
    const thrum_result result = thrum_map_add(s.map, thrum_key_number(2), value((int)me + 3));
    REQUIRE(result == THRUM_OK || result == THRUM_EXISTS);
    if (result == THRUM_OK) thrum_u32_fetch_add_relaxed(&added, 1);
}
static void one_was_added(void) {
    REQUIRE(thrum_u32_load_relaxed(&added) == 1);
    REQUIRE(thrum_map_count(s.map) == 1);
}
EXPLORE(of_two_that_add_one_does, .threads = 2, .begin = with_nothing, .thread = add_one,
        .end = one_was_added, .bounds = {2, 1, 0, 0})

static void note_handed_back(const void *before) {
    if (!before) return;
    const int n = *(const int *)before;
    REQUIRE(!s.handed_back[n]);
    s.handed_back[n] = true;
}
static void exchange_or_take(unsigned me) {
    void *before = NULL;
    if (me < 2) {
        REQUIRE(thrum_map_exchange(s.map, thrum_key_number(2), value((int)me + 3), &before) == THRUM_OK);
    } else if (thrum_map_take(s.map, thrum_key_number(2), &before) != THRUM_OK) {
        REQUIRE(!before);
    }
    note_handed_back(before);
}
static void each_was_handed_back_or_is_there(void) {
    const int last = get(2);
    for (int n = 2; n <= 4; n++) REQUIRE(s.handed_back[n] == (n != last));
    REQUIRE(thrum_map_count(s.map) == (last == -1 ? 1 : 2));
}
EXPLORE(each_value_is_handed_back_once, .threads = 3, .begin = with_two_in_one_bucket,
        .thread = exchange_or_take, .end = each_was_handed_back_or_is_there, .bounds = {2, 0, 0, 0})

static void both_were_computed(void) {
    REQUIRE(get(2) == 2);
}
static void with_values(void) {
    make(NULL);
    for (int n = 1; n < VALUES; n++) (void)value(n);
}
static void *next_of(thrum_map_key key, void *before, void *argument) {
    (void)key, (void)argument;
    return before ? (int *)before + 1 : &s.values[1];
}
static void compute_in_turn(unsigned me) {
    (void)me;
    REQUIRE(thrum_map_compute(s.map, thrum_key_number(2), next_of, NULL) == THRUM_OK);
}
EXPLORE(no_computation_is_lost, .threads = 2, .begin = with_values, .thread = compute_in_turn,
        .end = both_were_computed, .bounds = {3, 1, 0, 0})

static bool is_two(thrum_map_key key, void *v, void *unused) {
    (void)key, (void)unused;
    return *(const int *)v == 2;
}
static void remove_twos_or_put(unsigned me) {
    if (me == 0)
        REQUIRE(thrum_map_remove_if(s.map, is_two, NULL, NULL) == THRUM_OK);
    else
        put(2, 3);
}
static void three_is_there(void) {
    REQUIRE(get(2) == 3);
    REQUIRE(get(0) == 1);
}
EXPLORE(what_was_put_meanwhile_is_not_removed, .threads = 2, .begin = with_two_in_one_bucket,
        .thread = remove_twos_or_put, .end = three_is_there, .bounds = {2, 1, 0, 0})

static void with_texts_and_numbers(void) {
    REQUIRE(thrum_rcu_prepare() == THRUM_OK);
    make(destroy);
    put_text("b", 1);
    put('b', 2);
    put_text("d", 3);
    grow_to(2);
}
static void free_or_get(unsigned me) {
    if (me == 0) {
        thrum_rcu_read_begin();
        const int *const found = thrum_map_get(s.map, thrum_key("d"));
        REQUIRE(found && *found == 3);
        thrum_rcu_read_end();
        thrum_map_free(s.map);
    }
}
static void all_were_destroyed(void) {
    for (int n = 1; n <= 3; n++) REQUIRE(thrum_u32_load_relaxed(&s.destroyed[n]) == 1);
    REQUIRE(explore_blocks() == 0);
}
EXPLORE(a_map_that_is_freed_leaves_nothing, .threads = 1, .startable = 1, .begin = with_texts_and_numbers,
        .thread = free_or_get, .end = all_were_destroyed, .bounds = {2, 0, 0, 0})
