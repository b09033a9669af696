/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* The promises of thrum/map.h. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include "../src/rcu/map_inside.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <thrum.h>
#include <unistd.h>

static thrum_u32 destroyed;

static thrum_map *new_map(void (*destroy)(void *value), size_t expected) {
    const thrum_map_config config = {.destroy = destroy, .expected = expected};
    thrum_map *map = NULL;
    thrum_u32_store_relaxed(&destroyed, 0);
    CHECK_EQ(thrum_map_new(&map, &config), THRUM_OK);
    return map;
}

static const char *get(const thrum_map *map, thrum_map_key key) {
    const char *value = NULL;
    THRUM_WITH_RCU value = thrum_map_get(map, key);
    return value; /* the tests' values are never freed */
}

static char one[] = "one", two[] = "two", three[] = "three";

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

TEST(texts_bytes_and_numbers_are_keys_and_the_map_copies_them) {
    thrum_map *const map = new_map(NULL, 0);
    char key[] = "a key that is longer than a word or two";
    CHECK_EQ(thrum_map_put(map, thrum_key(key), one), THRUM_OK);
    const size_t length = strlen(key);
    CHECK(get(map, thrum_key_bytes(key, length)) == one); /* a text is its bytes */
    CHECK(get(map, thrum_key_bytes(key, length - 1)) == NULL);
    key[0] = 'A';
    CHECK(get(map, thrum_key(key)) == NULL);
    key[0] = 'a';
    CHECK(get(map, thrum_key(key)) == one);
    CHECK_EQ(thrum_map_put(map, thrum_key_number(length), two), THRUM_OK);
    CHECK(get(map, thrum_key(key)) == one);
    CHECK(get(map, thrum_key_number(length)) == two);
    CHECK(get(map, thrum_key_number(0)) == NULL);
    CHECK_EQ(thrum_map_put(map, thrum_key(""), three), THRUM_OK);
    CHECK(get(map, thrum_key_number(0)) == NULL);
    CHECK(get(map, thrum_key_bytes("x", 0)) == three);
    static const char zeros[2][3] = {"a\0", "a\0b"};
    CHECK_EQ(thrum_map_put(map, thrum_key_bytes(zeros[1], 3), one), THRUM_OK);
    CHECK(get(map, thrum_key_bytes(zeros[0], 3)) == NULL);
    CHECK(get(map, thrum_key("a")) == NULL);
    CHECK(get(map, thrum_key_bytes(zeros[1], 3)) == one);
    thrum_map_free(map);
}

/* Keys that differ in one byte anywhere, of every length up to a few words. */
TEST(keys_that_differ_anywhere_are_told_apart) {
    thrum_map *const map = new_map(NULL, 0);
    char key[40];
    memset(key, 'k', sizeof key);
    for (size_t length = 0; length <= sizeof key; length++)
        CHECK_EQ(thrum_map_add(map, thrum_key_bytes(key, length), &key[length % sizeof key]), THRUM_OK);
    for (size_t length = 1; length <= sizeof key; length++) {
        for (size_t at = 0; at < length; at++) {
            key[at] = 'K';
            CHECK(get(map, thrum_key_bytes(key, length)) == NULL);
            key[at] = 'k';
        }
        CHECK(get(map, thrum_key_bytes(key, length)) == &key[length % sizeof key]);
    }
    thrum_map_free(map);
}

/*
 * A product is 0 if one of its factors is, whatever the other: no word that anybody knows makes a factor 0,
 * and so none gives keys the same hash whose other words differ.
 */
TEST(keys_of_the_hashs_own_constants_have_different_hashes) {
    static const uint64_t constants[] = {0,
                                         UINT64_MAX,
                                         UINT64_C(0x9e3779b97f4a7c15),
                                         UINT64_C(0xa0761d6478bd642f),
                                         UINT64_C(0xd1b54a32d192ed03),
                                         UINT64_C(0xe7037ed1a0b428db)};
    const uint64_t seed = test_seed();
    for (unsigned i = 0; i < sizeof constants / sizeof constants[0]; i++) {
        for (unsigned words = 2; words <= 5; words++) {
            uint64_t hashes[2];
            for (unsigned n = 0; n < 2; n++) {
                uint64_t key[5];
                for (unsigned w = 0; w < 5; w++) key[w] = constants[i];
                key[words / 2 - 1] ^= n;
                hashes[n] = thrum_map_hash_of_bytes_(seed, thrum_map_factor_of_(seed), (const char *)key,
                                                     words * sizeof key[0]);
            }
            CHECK(hashes[0] != hashes[1]);
        }
    }
}

/* Keys of every length up to some words, each byte of them changed. */
TEST(each_byte_of_a_key_counts_in_its_hash) {
    const uint64_t seed = test_seed(), factor = thrum_map_factor_of_(seed);
    char key[70];
    memset(key, 'k', sizeof key);
    for (size_t length = 1; length <= sizeof key; length++) {
        const uint64_t hash = thrum_map_hash_of_bytes_(seed, factor, key, length);
        for (size_t at = 0; at < length; at++) {
            key[at] = 'K';
            CHECK(thrum_map_hash_of_bytes_(seed, factor, key, length) != hash);
            key[at] = 'k';
        }
    }
}

/* --- values ---------------------------------------------------------------------------------------- */

static void *last_destroyed;
static void count_destroyed(void *value) {
    last_destroyed = value;
    thrum_u32_fetch_add_release(&destroyed, 1);
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

/* --- the table's size ------------------------------------------------------------------------------- */

static size_t buckets(const thrum_map *map) {
    char text[80];
    size_t entries = 0, count = 0;
    thrum_map_describe(map, text, sizeof text);
    CHECK_EQ(sscanf(text, "map: %zu entr%*[a-z], %zu buckets", &entries, &count), 2);
    CHECK_EQ(entries, thrum_map_count(map));
    return count;
}

TEST(the_table_grows_and_shrinks_and_nothing_is_lost) {
    enum { MANY = 20000 };
    thrum_map *const map = new_map(NULL, 0);
    CHECK_EQ(buckets(map), 16);
    for (uint64_t i = 0; i < MANY; i++) CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
    for (unsigned i = 0; i < 3; i++) CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK(buckets(map) >= MANY / 3 - 100);
    CHECK_EQ(thrum_map_count(map), MANY);
    for (uint64_t i = 0; i < MANY; i++) CHECK(get(map, thrum_key_number(i)) == one);
    for (uint64_t i = 10; i < MANY; i++) CHECK_EQ(thrum_map_remove(map, thrum_key_number(i)), THRUM_OK);
    for (unsigned i = 0; i < 3; i++) CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK(buckets(map) < MANY / 4);
    CHECK_EQ(thrum_map_count(map), 10);
    for (uint64_t i = 0; i < MANY; i++) CHECK((get(map, thrum_key_number(i)) != NULL) == (i < 10));
    thrum_map_free(map);
}

/* Each map has a seed of its own: a split may need more lines than are spare, or none. */
TEST(tables_of_any_seed_grow_and_shrink) {
    for (unsigned round = 0; round < 60 / test_slowdown() + 3; round++) {
        thrum_map *const map = new_map(NULL, 0);
        for (uint64_t i = 0; i < 5000; i++) CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
        for (uint64_t i = 0; i < 5000; i++) CHECK(get(map, thrum_key_number(i)) == one);
        for (uint64_t i = 0; i < 5000; i++) CHECK_EQ(thrum_map_remove(map, thrum_key_number(i)), THRUM_OK);
        CHECK_EQ(thrum_map_count(map), 0);
        thrum_map_free(map);
    }
}

TEST(what_is_expected_is_there_from_the_beginning) {
    thrum_map *const map = new_map(NULL, 5000);
    CHECK_EQ(buckets(map), 2048);
    thrum_map_free(map);
    thrum_map *none = NULL;
    static const size_t too_many[] = {((size_t)1 << 42) + 1, (size_t)1 << 63, SIZE_MAX};
    for (int i = 0; i < 3; i++) {
        const thrum_map_config config = {.expected = too_many[i]};
        CHECK_EQ(thrum_map_new(&none, &config), THRUM_LIMIT);
    }
    CHECK(none == NULL);
    CHECK_EQ(thrum_map_new(&none, NULL), THRUM_OK);
    thrum_map_free(none);
}

TEST(without_memory_it_says_so_and_nothing_changes) {
    if (test_slowdown() > 1) test_skip("a sanitizer takes memory of its own");
    thrum_map *const map = new_map(count_destroyed, 0);
    CHECK_EQ(thrum_map_put(map, thrum_key("a"), one), THRUM_OK);
    CHECK(get(map, thrum_key("a")) == one); /* this thread is a reader from now on */
    CHECK_EQ(thrum_rcu_prepare(), THRUM_OK);
    const size_t size = (size_t)64 << 20;
    char *const large = malloc(size); /* a key for which there will be no memory */
    CHECK(large);
    memset(large, 'x', size);
    struct rlimit before, none;
    CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
    none = before;
    none.rlim_cur = 1;
    CHECK_EQ(setrlimit(RLIMIT_AS, &none), 0);
    errno = 4242;
    CHECK_EQ(thrum_map_put(map, thrum_key_bytes(large, size), two), THRUM_NO_MEMORY);
    CHECK_EQ(thrum_map_add(map, thrum_key_bytes(large, size), two), THRUM_NO_MEMORY);
    thrum_map *other = NULL;
    for (unsigned power = 30; power <= 42; power += 6) {
        const thrum_map_config config = {.expected = (size_t)1 << power};
        CHECK_EQ(thrum_map_new(&other, &config), THRUM_NO_MEMORY);
    }
    CHECK_EQ(errno, 4242);
    CHECK(other == NULL);
    CHECK(get(map, thrum_key("a")) == one);
    CHECK_EQ(thrum_map_count(map), 1);
    CHECK_EQ(thrum_u32_load_acquire(&destroyed), 0);
    CHECK_EQ(setrlimit(RLIMIT_AS, &before), 0);
}

/* --- iteration ---------------------------------------------------------------------------------------- */

typedef struct seen {
    thrum_map *map;
    unsigned times[100];
    unsigned all, most;
} seen;

static bool note(thrum_map_key key, void *value, void *argument) {
    seen *const s = argument;
    CHECK(key.bytes == NULL && key.number < 100);
    CHECK(value == one);
    s->times[key.number]++;
    return ++s->all < s->most;
}

TEST(a_visit_sees_each_entry_once_and_stops_when_told) {
    static seen all = {.most = 1000}, some = {.most = 7};
    thrum_map *const map = new_map(NULL, 0);
    thrum_map_each(map, note, &all);
    CHECK_EQ(all.all, 0);
    for (uint64_t i = 0; i < 100; i++) CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
    thrum_map_each(map, note, &all);
    for (unsigned i = 0; i < 100; i++) CHECK_EQ(all.times[i], 1);
    thrum_map_each(map, note, &some);
    CHECK_EQ(some.all, 7);
    thrum_map_free(map);
}

static bool count_kinds(thrum_map_key key, void *value, void *argument) {
    unsigned *const times = argument;
    CHECK(key.bytes ? key.number == 1 && *(const char *)key.bytes == 'a' : key.number == 1);
    CHECK(value == (key.bytes ? one : two));
    times[key.bytes != NULL]++;
    return true;
}

TEST(a_visit_sees_texts_and_numbers) {
    thrum_map *const map = new_map(NULL, 0);
    unsigned times[2] = {0};
    CHECK_EQ(thrum_map_put(map, thrum_key("a"), one), THRUM_OK);
    CHECK_EQ(thrum_map_put(map, thrum_key_number(1), two), THRUM_OK);
    thrum_map_each(map, count_kinds, times);
    CHECK_EQ(times[0], 1);
    CHECK_EQ(times[1], 1);
    thrum_map_free(map);
}

static bool remove_odd(thrum_map_key key, void *value, void *argument) {
    (void)value;
    if (key.number % 2) CHECK_EQ(thrum_map_remove(argument, key), THRUM_OK);
    return true;
}

TEST(a_visit_may_change_the_map) {
    thrum_map *const map = new_map(NULL, 0);
    for (uint64_t i = 0; i < 1000; i++) CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
    thrum_map_each(map, remove_odd, map);
    CHECK_EQ(thrum_map_count(map), 500);
    for (uint64_t i = 0; i < 1000; i++) CHECK((get(map, thrum_key_number(i)) == NULL) == (i % 2 == 1));
    thrum_map_free(map);
}

/*
 * Entries that stay are seen once, while threads change others, replace values and make the table
 * grow.
 */
static struct {
    thrum_map *map;
    thrum_u32 over;
} busy;
static void *change_others(void *unused) {
    for (uint64_t i = 0; !thrum_u32_load_acquire(&busy.over); i++) {
        CHECK_EQ(thrum_map_put(busy.map, thrum_key_number(100 + i % 5000), two), THRUM_OK);
        CHECK_EQ(thrum_map_put(busy.map, thrum_key_number(i % 100), one),
                 THRUM_OK); /* another entry, the same value */
        if (i % 3) (void)thrum_map_remove(busy.map, thrum_key_number(100 + (i * 7) % 5000));
    }
    return unused;
}
static bool note_those_that_stay(thrum_map_key key, void *value, void *argument) {
    if (key.number < 100) return note(key, value, argument);
    CHECK(value == two);
    return true;
}
TEST(a_visit_beside_changes_sees_what_stays_once) {
    busy.map = new_map(NULL, 0);
    for (uint64_t i = 0; i < 100; i++) CHECK_EQ(thrum_map_add(busy.map, thrum_key_number(i), one), THRUM_OK);
    test_thread changer = test_start(change_others, NULL);
    for (unsigned round = 0; round < 300 / test_slowdown(); round++) {
        seen s = {.most = 1000000};
        thrum_map_each(busy.map, note_those_that_stay, &s);
        for (unsigned i = 0; i < 100; i++) CHECK_EQ(s.times[i], 1);
    }
    thrum_u32_store_release(&busy.over, 1);
    test_join(&changer);
    thrum_map_free(busy.map);
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

static bool is_odd(thrum_map_key key, void *value, void *unused) {
    (void)value, (void)unused;
    return key.number % 2;
}
static bool is_replaced_meanwhile(thrum_map_key key, void *value, void *map) {
    if (key.number == 4) CHECK_EQ(thrum_map_put(map, key, value == one ? two : one), THRUM_OK);
    return true;
}

TEST(a_visit_takes_out_what_it_is_told_to_and_nothing_newer) {
    thrum_map *const map = new_map(count_destroyed, 0);
    size_t removed = 77;
    for (uint64_t i = 0; i < 1000; i++) CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
    CHECK_EQ(thrum_map_remove_if(map, is_odd, NULL, &removed), THRUM_OK);
    CHECK_EQ(removed, 500);
    CHECK_EQ(thrum_map_count(map), 500);
    for (uint64_t i = 0; i < 1000; i++) CHECK((get(map, thrum_key_number(i)) == NULL) == (i % 2 == 1));
    CHECK_EQ(thrum_map_remove_if(map, is_replaced_meanwhile, map, NULL), THRUM_OK);
    CHECK_EQ(thrum_map_count(map), 1);
    CHECK(get(map, thrum_key_number(4)) == two);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u32_load_acquire(&destroyed), 1000);
    thrum_map_free(map);
}

TEST(what_is_reserved_stays) {
    thrum_map *const map = new_map(NULL, 0);
    CHECK_EQ(thrum_map_put(map, thrum_key_number(0), one), THRUM_OK);
    CHECK_EQ(thrum_map_reserve(map, SIZE_MAX), THRUM_LIMIT);
    CHECK_EQ(thrum_map_reserve(map, 10000), THRUM_OK);
    const size_t reserved = buckets(map);
    CHECK(reserved >= 10000 / 3);
    CHECK_EQ(thrum_map_reserve(map, 10), THRUM_OK);
    for (uint64_t i = 0; i < 10000; i++) CHECK_EQ(thrum_map_put(map, thrum_key_number(i), one), THRUM_OK);
    CHECK_EQ(buckets(map), reserved);
    for (uint64_t i = 0; i < 10000; i++) CHECK_EQ(thrum_map_remove(map, thrum_key_number(i)), THRUM_OK);
    CHECK_EQ(buckets(map), reserved);
    thrum_map_free(map);
}

/*
 * --- hashes ----------------------------------------------------------------------------------------------
 */

static uint64_t same_for_all(thrum_map_key key, uint64_t seed) {
    (void)key, (void)seed;
    return UINT64_C(0x123456789abcdef);
}

/* All in one bucket: more lines than one, and a visit that reads them in pieces. */
TEST(keys_with_one_hash_are_told_apart) {
    const thrum_map_config config = {.hash = same_for_all};
    thrum_map *map;
    static seen all = {.most = 1000};
    CHECK_EQ(thrum_map_new(&map, &config), THRUM_OK);
    char texts[100][8];
    for (unsigned i = 0; i < 100; i++) {
        CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
        (void)snprintf(texts[i], sizeof texts[i], "%u", i);
    }
    thrum_map_each(map, note, &all);
    for (unsigned i = 0; i < 100; i++) CHECK_EQ(all.times[i], 1);
    for (unsigned i = 0; i < 100; i++) CHECK_EQ(thrum_map_add(map, thrum_key(texts[i]), texts[i]), THRUM_OK);
    for (unsigned i = 0; i < 100; i++) {
        CHECK(get(map, thrum_key(texts[i])) == texts[i]);
        CHECK_EQ(thrum_map_remove(map, thrum_key_number(i)), THRUM_OK);
        CHECK(get(map, thrum_key(texts[i])) == texts[i]);
    }
    CHECK_EQ(thrum_map_count(map), 100);
    thrum_map_free(map);
}

/* --- keys of all kinds, beside a plain array -------------------------------------------------------- */

enum { KINDS = 160, LONGEST = 70000 };

static uint64_t one_of_three(thrum_map_key key, uint64_t seed) {
    return (key.number ^ seed) % 3;
}

/* Empty, short, huge, with NULs within, alike but for one byte; numbers as large as sizes are. */
static thrum_map_key key_of_any_kind(unsigned n) {
    static char bytes[LONGEST + 1];
    if (n % 4 == 3) return thrum_key_number(n < KINDS / 2 ? n / 4 : UINT64_MAX - n);
    const size_t size = n % 8 == 0 ? n / 8 : n % 8 == 1 ? LONGEST - n % 3 : n % 40;
    memset(bytes, n % 3 ? 0 : 'x', sizeof bytes);
    if (size) bytes[n % size] = (char)n;
    return thrum_key_bytes(bytes, size);
}

static bool is_same_key(thrum_map_key a, const char *bytes, size_t size) {
    return a.bytes && a.number == size && memcmp(a.bytes, bytes, size) == 0;
}

/* The first of the kinds that is the same key. */
static void find_equals(unsigned first_of[KINDS]) {
    for (unsigned n = 0; n < KINDS; n++) {
        const thrum_map_key key = key_of_any_kind(n);
        char *const copy = key.bytes ? malloc((size_t)key.number + 1) : NULL;
        if (copy) memcpy(copy, key.bytes, (size_t)key.number);
        for (first_of[n] = 0; first_of[n] < n; first_of[n]++) {
            const thrum_map_key other = key_of_any_kind(first_of[n]);
            if (copy ? is_same_key(other, copy, (size_t)key.number)
                     : !other.bytes && other.number == key.number)
                break;
        }
        free(copy);
    }
}

static void play_beside_an_array(uint64_t (*hash)(thrum_map_key key, uint64_t seed)) {
    const thrum_map_config config = {.hash = hash};
    thrum_map *map;
    unsigned first_of[KINDS];
    char *there[KINDS] = {NULL};
    static char values[KINDS];
    uint64_t random = test_seed() + 1;
    size_t count = 0;
    find_equals(first_of);
    CHECK_EQ(thrum_map_new(&map, &config), THRUM_OK);
    for (unsigned i = 0; i < 30000 / test_slowdown(); i++) {
        const uint64_t r = test_random(&random) >> 16;
        const unsigned n = (unsigned)(r % KINDS);
        char **const at = &there[first_of[n]];
        char *const fresh = &values[r / KINDS % KINDS];
        const thrum_map_key key = key_of_any_kind(n);
        count -= *at != NULL;
        switch (r >> 32 & 3) {
        case 0:
            CHECK_EQ(thrum_map_remove(map, key), *at ? THRUM_OK : THRUM_NOT_FOUND);
            *at = NULL;
            break;
        case 1:
            CHECK_EQ(thrum_map_add(map, key, fresh), *at ? THRUM_EXISTS : THRUM_OK);
            if (!*at) *at = fresh;
            break;
        case 2:
            CHECK_EQ(thrum_map_put(map, key, fresh), THRUM_OK);
            *at = fresh;
            break;
        default:
            CHECK(get(map, key) == *at);
        }
        count += *at != NULL;
    }
    CHECK_EQ(thrum_map_count(map), count);
    thrum_map_free(map);
}

TEST(keys_of_all_kinds_do_as_an_array_does) {
    play_beside_an_array(NULL);
    play_beside_an_array(one_of_three);
}

static uint64_t in_the_last_bucket(thrum_map_key key, uint64_t seed) {
    (void)seed;
    return key.number << 20 | 0xfffff;
}
static long most_memory_kb(void) {
    struct rusage usage;
    CHECK_EQ(getrusage(RUSAGE_SELF, &usage), 0);
    return usage.ru_maxrss;
}

/* The entries go from bucket to bucket together, with many lines behind each. */
TEST(lines_are_used_again_however_often_the_table_grows_and_shrinks) {
    if (test_slowdown() > 1) test_skip("a sanitizer takes memory of its own");
    enum { ENTRIES = 500, ROUNDS = 300 };
    const thrum_map_config config = {.hash = in_the_last_bucket};
    thrum_map *map;
    CHECK_EQ(thrum_map_new(&map, &config), THRUM_OK);
    long at_first = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (uint64_t i = 0; i < ENTRIES; i++)
            CHECK_EQ(thrum_map_add(map, thrum_key_number(i), one), THRUM_OK);
        for (uint64_t i = 0; i < ENTRIES; i++) CHECK_EQ(thrum_map_remove(map, thrum_key_number(i)), THRUM_OK);
        CHECK_EQ(buckets(map), 16);
        if (round == ROUNDS / 10) at_first = most_memory_kb();
    }
    CHECK(most_memory_kb() < at_first + 400);
    thrum_map_free(map);
}

/* Numbers in a row, and with only high bits, come into different buckets. */
TEST(no_line_is_much_longer_than_others) {
    enum { MANY = 30000 };
    thrum_map *const map = new_map(NULL, MANY);
    for (unsigned shift = 0; shift < 64; shift += 12) {
        for (uint64_t i = 1; i <= MANY / 10; i++)
            CHECK_EQ(thrum_map_put(map, thrum_key_number(i << shift), one), THRUM_OK);
        CHECK(buckets(map) <= MANY); /* equal hashes would make it grow and grow */
    }
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
