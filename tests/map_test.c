/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* The promises of thrum/map.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "map_parts.h"

#include "../src/rcu/map_inside.h"

#include <stdlib.h>
#include <string.h>
#include <thrum.h>
#include <unistd.h>

static char three[] = "three";

TEST(what_was_put_is_found_until_it_is_removed) {
    thrum_map *const map = new_map(NULL, 0);
    CHECK(get(map, thrum_key("a")) == NULL);
    CHECK_EQ(thrum_map_remove(map, thrum_key("a")), THRUM_NOT_FOUND);
    CHECK_EQ(thrum_map_put(map, thrum_key("a"), one), THRUM_OK);
    CHECK(get(map, thrum_key("a")) == one);
    CHECK_EQ(thrum_map_count(map), 1);
    CHECK_EQ(thrum_map_put(map, thrum_key("a"), two), THRUM_OK);
    CHECK(get(map, thrum_key("a")) == two);
    CHECK_EQ(thrum_map_count(map), 1);
    CHECK_EQ(thrum_map_add(map, thrum_key("a"), three), THRUM_EXISTS);
    CHECK(get(map, thrum_key("a")) == two);
    CHECK_EQ(thrum_map_add(map, thrum_key("b"), three), THRUM_OK);
    CHECK(get(map, thrum_key("b")) == three);
    CHECK_EQ(thrum_map_remove(map, thrum_key("a")), THRUM_OK);
    CHECK_EQ(thrum_map_remove(map, thrum_key("a")), THRUM_NOT_FOUND);
    CHECK(get(map, thrum_key("a")) == NULL);
    CHECK_EQ(thrum_map_count(map), 1);
    CHECK_EQ(thrum_map_put(map, thrum_key("a"), NULL), THRUM_INVALID);
    CHECK_EQ(thrum_map_add(map, thrum_key("a"), NULL), THRUM_INVALID);
    CHECK_EQ(thrum_map_count(map), 1);
    thrum_map_free(map);
}

TEST(values_that_leave_the_map_are_destroyed_after_the_readers) {
    thrum_map *const map = new_map(count_destroyed, 0);
    CHECK_EQ(thrum_map_put(map, thrum_key("a"), one), THRUM_OK);
    thrum_rcu_read_begin();
    CHECK(thrum_map_get(map, thrum_key("a")) == one);
    CHECK_EQ(thrum_map_put(map, thrum_key("a"), two), THRUM_OK);
    thrum_futex_nap(thrum_after_ms(50));
    CHECK_EQ(thrum_u32_load_acquire(&destroyed), 0); /* it may still be looked at here */
    thrum_rcu_read_end();
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&destroyed), 1);
    CHECK(last_destroyed == one);
    CHECK_EQ(thrum_map_add(map, thrum_key("a"), three), THRUM_EXISTS); /* not taken, not destroyed */
    CHECK_EQ(thrum_map_remove(map, thrum_key("a")), THRUM_OK);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&destroyed), 2);
    CHECK(last_destroyed == two);
    CHECK_EQ(thrum_map_put(map, thrum_key("b"), three), THRUM_OK);
    thrum_map_free(map);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&destroyed), 3);
}

static thrum_u32 made, ready;

static void free_value(void *value) {
    thrum_u32_fetch_add_relaxed(&destroyed, 1);
    free(value);
}

static void *put_again_and_again(void *map) {
    for (unsigned i = 0; i < 400000 / test_slowdown(); i++) {
        int *const value = malloc(sizeof *value);
        CHECK(value);
        *value = (int)i;
        CHECK_EQ(thrum_map_put(map, thrum_key("same"), value), THRUM_OK);
        thrum_u32_fetch_add_relaxed(&made, 1);
    }
    thrum_u32_fetch_add_relaxed(&ready, 1);
    return NULL;
}

static void *remove_again_and_again(void *map) {
    while (thrum_u32_load_relaxed(&ready) < 4) (void)thrum_map_remove(map, thrum_key("same"));
    return NULL;
}

TEST(beside_puts_and_removals_of_one_key_each_value_is_destroyed_once) {
    thrum_map *const map = new_map(free_value, 0);
    test_thread threads[] = {
        test_start(put_again_and_again, map),    test_start(put_again_and_again, map),
        test_start(put_again_and_again, map),    test_start(put_again_and_again, map),
        test_start(remove_again_and_again, map), test_start(remove_again_and_again, map)};
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) test_join(&threads[i]);
    (void)thrum_map_remove(map, thrum_key("same"));
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_relaxed(&destroyed), thrum_u32_load_relaxed(&made));
    thrum_map_free(map);
}

TEST(a_freed_map_lives_until_its_readers_have_left) {
    thrum_map *const map = new_map(count_destroyed, 0);
    for (uint64_t i = 0; i < 1000; i++) CHECK_EQ(thrum_map_put(map, thrum_key_number(i), one), THRUM_OK);
    thrum_rcu_read_begin();
    thrum_map_free(map);
    thrum_futex_nap(thrum_after_ms(50));
    for (uint64_t i = 0; i < 1000; i++) CHECK(thrum_map_get(map, thrum_key_number(i)) == one);
    thrum_rcu_read_end();
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&destroyed), 1000);
}

/* A callback that came in with the map's end, behind a third one that holds them up. */
static struct {
    thrum_rcu_head first, behind;
    thrum_event began, go_on;
    uint32_t destroyed;
} amid_an_end;
static void hold_up(thrum_rcu_head *head) {
    (void)head;
    thrum_event_set(&amid_an_end.began);
    thrum_event_wait(&amid_an_end.go_on);
}
static void look_how_far(thrum_rcu_head *head) {
    (void)head;
    amid_an_end.destroyed = thrum_u32_load_acquire(&destroyed);
}

TEST(the_end_of_a_large_map_lets_others_be_called_back_meanwhile) {
    enum { MANY = 20000 };
    thrum_map *const map = new_map(count_destroyed, MANY);
    for (uint64_t i = 0; i < MANY; i++) CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
    thrum_rcu_retire(&amid_an_end.first, hold_up);
    thrum_event_wait(&amid_an_end.began);
    thrum_map_free(map);
    thrum_rcu_retire(&amid_an_end.behind, look_how_far);
    thrum_event_set(&amid_an_end.go_on);
    while (thrum_u32_load_acquire(&destroyed) < MANY) CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK(amid_an_end.destroyed > 0);
    CHECK(amid_an_end.destroyed < MANY);
}

/* --- changes that ask, copy or hand back ---------------------------------------------------------------- */

TEST(what_was_there_is_handed_back_and_not_destroyed) {
    thrum_map *const map = new_map(count_destroyed, 0);
    const thrum_map_key keys[] = {thrum_key_number(1), thrum_key("one")};
    for (int i = 0; i < 2; i++) {
        void *before = three;
        CHECK_EQ(thrum_map_take(map, keys[i], &before), THRUM_NOT_FOUND);
        CHECK(before == three);
        CHECK_EQ(thrum_map_exchange(map, keys[i], NULL, &before), THRUM_INVALID);
        CHECK(before == three);
        CHECK_EQ(thrum_map_exchange(map, keys[i], one, &before), THRUM_OK);
        CHECK(before == NULL);
        CHECK_EQ(thrum_map_exchange(map, keys[i], two, &before), THRUM_OK);
        CHECK(before == one);
        CHECK_EQ(thrum_map_take(map, keys[i], &before), THRUM_OK);
        CHECK(before == two);
        CHECK(get(map, keys[i]) == NULL);
    }
    CHECK_EQ(thrum_map_count(map), 0);
    thrum_map_free(map);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&destroyed), 0);
}

TEST(a_copy_is_of_what_is_there) {
    thrum_map *const map = new_map(NULL, 0);
    char copy[4] = "?";
    CHECK(!thrum_map_copy(map, thrum_key("a"), copy, sizeof copy));
    CHECK(copy[0] == '?');
    CHECK_EQ(thrum_map_put(map, thrum_key("a"), one), THRUM_OK);
    CHECK(thrum_map_copy(map, thrum_key("a"), copy, sizeof copy));
    CHECK(strcmp(copy, "one") == 0);
    thrum_map_free(map);
}

typedef struct call {
    thrum_map *map;
    void *expected, *answer;
    void *meanwhile; /* what the key's value becomes while the function runs for the first time */
    unsigned calls;
} call;

static void *answer(thrum_map_key key, void *value, void *argument) {
    call *const c = argument;
    if (c->calls++ == 0 && c->meanwhile) {
        CHECK(value == c->expected);
        CHECK_EQ(thrum_map_put(c->map, key, c->meanwhile), THRUM_OK);
    } else {
        CHECK(value == (c->meanwhile ? c->meanwhile : c->expected));
    }
    return c->answer;
}

TEST(a_computed_value_takes_the_place_of_the_one_that_it_was_computed_from) {
    thrum_map *const map = new_map(count_destroyed, 0);
    const thrum_map_key key = thrum_key_number(5);
    call nothing = {map, NULL, NULL, NULL, 0}, first = {map, NULL, one, NULL, 0},
         same = {map, one, one, NULL, 0}, again = {map, one, three, two, 0},
         gone = {map, three, NULL, two, 0};
    CHECK_EQ(thrum_map_compute(map, key, answer, &nothing), THRUM_OK);
    CHECK_EQ(thrum_map_count(map), 0);
    CHECK_EQ(thrum_map_compute(map, key, answer, &first), THRUM_OK);
    CHECK(get(map, key) == one);
    CHECK_EQ(thrum_map_compute(map, key, answer, &same), THRUM_OK);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&destroyed), 0);
    CHECK_EQ(thrum_map_compute(map, key, answer, &again), THRUM_OK);
    CHECK_EQ(again.calls, 2);
    CHECK(get(map, key) == three);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&destroyed), 3); /* one, two, and three, which came in vain at first */
    CHECK_EQ(thrum_map_compute(map, key, answer, &gone), THRUM_OK);
    CHECK_EQ(gone.calls, 2);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&destroyed), 5); /* three and two; no value that came in vain was none */
    CHECK(get(map, key) == NULL);
    CHECK_EQ(thrum_map_count(map), 0);
    thrum_map_free(map);
}

static void *give_up(thrum_map_key key, void *value, void *argument) {
    (void)key, (void)value;
    thrum_thread_exit(argument);
}
static void *compute_and_leave(void *map) {
    (void)!thrum_map_compute(map, thrum_key("a"), give_up, map);
    return NULL;
}
TEST(a_computation_that_ends_the_thread_ends_its_read_section) {
    thrum_map *const map = new_map(NULL, 0);
    test_thread thread = test_start(compute_and_leave, map);
    test_join(&thread);
    thrum_rcu_synchronize(); /* it would wait for the section */
    CHECK_EQ(thrum_map_put(map, thrum_key("a"), one), THRUM_OK);
    thrum_map_free(map);
}

/* --- forks --------------------------------------------------------------------------------------------- */

TEST(a_forked_child_has_the_map) {
    thrum_map *const map = new_map(count_destroyed, 0);
    for (uint64_t i = 0; i < 1000; i++) CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
    /* AddressSanitizer itself allocates in a thread that starts, here the helper: not amid the fork. */
    if (test_under_asan()) CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (uint64_t i = 0; i < 5000; i++) CHECK_EQ(thrum_map_put(map, thrum_key_number(i), two), THRUM_OK);
        for (uint64_t i = 0; i < 5000; i++) CHECK(get(map, thrum_key_number(i)) == two);
        thrum_map_free(map);
        CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
        CHECK_EQ(thrum_u32_load_acquire(&destroyed), 6000);
        _exit(0);
    }
    test_join_child(child);
    CHECK_EQ(thrum_map_count(map), 1000);
    thrum_map_free(map);
}
