/* SPDX-License-Identifier: MIT */
/* Visits of the map beside changes, and what is kept for readers: values, and texts that are keys. */
#include "map_explore.h"

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
