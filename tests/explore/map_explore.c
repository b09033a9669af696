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

static void with_two_in_one_bucket(void) {
    make(NULL);
    put(0, 1);
    put(2, 2);
}

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

static void with_three_in_one_bucket(void) {
    with_two_in_one_bucket();
    put(4, 3);
}
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

static void with_one_in_two_buckets(void) {
    make(NULL);
    put(0, 1);
    put(2, 2);
    grow_to(2);
    take_out(2);
}
static void visit_beside_puts(unsigned me) {
    if (me == 0) {
        put(2, 3); /* behind */
        put(1, 4);
        put(0, 5);
    } else {
        see_once(0, 0);
    }
}
EXPLORE(a_visit_sees_whole_what_is_put_meanwhile, .threads = 2, .begin = with_one_in_two_buckets,
        .thread = visit_beside_puts, .bounds = {2, 2, 0, 0})

static void visit_beside_a_removal(unsigned me) {
    if (me == 0)
        take_out(0);
    else
        see_once(2, 2);
}
EXPLORE(a_visit_beside_a_move_sees_it_once, .threads = 2, .begin = with_three_in_one_bucket,
        .thread = visit_beside_a_removal, .bounds = {3, 1, 0, 0})

/*
 * --- memory ----------------------------------------------------------------------------------------------
 */

static void destroy(void *v) {
    thrum_u32_fetch_add_relaxed(&s.destroyed[(int *)v - s.values], 1);
    explore_free(v, sizeof(int));
}
static void with_a_text(void) {
    REQUIRE(thrum_rcu_prepare() == THRUM_OK);
    make(destroy);
    put_text("a", 1);
}
static void get_text(void) {
    thrum_rcu_read_begin();
    const int *const found = thrum_map_get(s.map, thrum_key("a"));
    REQUIRE(!found || *found == 1 || *found == 2);
    thrum_rcu_read_end();
}
static void replace_or_get_text(unsigned me) {
    if (me == 0)
        put_text("a", 2);
    else
        get_text();
}
static void the_first_was_destroyed(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.destroyed[1]) == 1);
    REQUIRE(thrum_u32_load_relaxed(&s.destroyed[2]) == 0);
}
EXPLORE(a_value_that_is_replaced_stays_for_its_readers, .threads = 2, .startable = 1, .begin = with_a_text,
        .thread = replace_or_get_text, .end = the_first_was_destroyed, .bounds = {2, 0, 0, 0})

static void remove_or_get_text(unsigned me) {
    if (me == 0)
        REQUIRE(thrum_map_remove(s.map, thrum_key("a")) == THRUM_OK);
    else
        get_text();
}
EXPLORE(a_key_that_is_removed_stays_for_its_readers, .threads = 2, .startable = 1, .begin = with_a_text,
        .thread = remove_or_get_text, .end = the_first_was_destroyed, .bounds = {2, 0, 0, 0})

/* The slot of a text becomes a number's, which is no address. */
static void with_a_text_that_stays(void) {
    make(NULL);
    put_text("a", 1);
}
static void text_becomes_number(unsigned me) {
    if (me == 0) {
        REQUIRE(thrum_map_remove(s.map, thrum_key("a")) == THRUM_OK);
        put(97, 2); /* with bits as an address and a tag of "a" have them */
    } else {
        get_text();
    }
}
EXPLORE(a_number_is_not_taken_for_an_address, .threads = 2, .begin = with_a_text_that_stays,
        .thread = text_becomes_number, .bounds = {2, 1, 0, 0})

static void with_two_texts_in_one_bucket(void) {
    make(NULL);
    put_text("a", 1);
    put_text("b", 2);
}
static void remove_the_first_text(unsigned me) {
    if (me == 0) {
        REQUIRE(thrum_map_remove(s.map, thrum_key("a")) == THRUM_OK);
        put_text("c", 3); /* where the second was */
        return;
    }
    thrum_rcu_read_begin();
    const int *const found = thrum_map_get(s.map, thrum_key("b"));
    REQUIRE(found && *found == 2);
    thrum_rcu_read_end();
}
EXPLORE(a_text_that_moves_forward_is_found, .threads = 2, .begin = with_two_texts_in_one_bucket,
        .thread = remove_the_first_text, .bounds = {1, 8, 0, 0})

static bool is_a(thrum_map_key key, void *v, void *unused) {
    (void)unused;
    REQUIRE(key.bytes ? *(const char *)key.bytes == 'a' : key.number == 97);
    REQUIRE(*(const int *)v == (key.bytes ? 1 : 2));
    return true;
}
static void text_becomes_number_beside_a_visit(unsigned me) {
    if (me == 0)
        text_becomes_number(me);
    else
        thrum_map_each(s.map, is_a, NULL);
}
EXPLORE(a_visit_takes_no_number_for_an_address, .threads = 2, .begin = with_a_text_that_stays,
        .thread = text_becomes_number_beside_a_visit, .bounds = {2, 1, 0, 0})

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
