/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/*
 * A million changes and look-ups by eight threads, checked against plain arrays: each thread changes keys of
 * its own, and keeps what they should be in an array; it looks at everybody's. Values are poisoned when the
 * map destroys them, and freed much later: a reader that sees one after its time sees poison (and
 * AddressSanitizer that is told of the poison).
 */
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thrum.h>

enum { THREADS = 8, KEYS = 4096, OPERATIONS = 1000000, KEPT = 1024 };
#define ALIVE UINT64_C(0x600d600d600d600d)
#define POISON UINT64_C(0xdeadbeefdeadbeef)

typedef struct value {
    uint64_t state;
    uint64_t key;
    uint64_t version;
} value;

static thrum_map *map;
static thrum_u64 made, destroyed;

static value *make(uint64_t key, uint64_t version) {
    value *const v = malloc(sizeof *v);
    CHECK(v);
    *v = (value){ALIVE, key, version};
    thrum_u64_fetch_add_relaxed(&made, 1);
    return v;
}

/* In the helper, one after the other. */
static void poison(void *p) {
    static value *kept[KEPT];
    static unsigned place;
    value *const v = p;
    CHECK(v->state == ALIVE);
    v->state = POISON;
    free(kept[place]);
    kept[place] = v;
    place = (place + 1) % KEPT;
    thrum_u64_fetch_add_release(&destroyed, 1);
}

static void free_at_once(void *p) {
    CHECK(((value *)p)->state == ALIVE);
    free(p);
    thrum_u64_fetch_add_release(&destroyed, 1);
}

typedef struct player {
    unsigned number;
    unsigned rounds;
    uint64_t versions[KEYS]; /* of this thread's keys; 0: not in the map */
    unsigned long puts, removes, found, missed;
} player;

/* Texts for even keys, numbers for odd ones. */
static thrum_map_key key_of(uint64_t key, char text[32]) {
    if (key % 2) return thrum_key_number(key);
    snprintf(text, 32, "key %u", (unsigned)key);
    return thrum_key(text);
}

static void change(player *self, uint64_t random) {
    char text[32];
    const uint64_t i = (random >> 8) % KEYS, key = i * THREADS + self->number;
    const thrum_map_key k = key_of(key, text);
    uint64_t *const version = &self->versions[i];
    switch (random % 4) {
    case 0:
        CHECK_EQ(thrum_map_remove(map, k), *version ? THRUM_OK : THRUM_NOT_FOUND);
        self->removes += *version != 0;
        *version = 0;
        break;
    case 1: {
        value *const v = make(key, random);
        const thrum_result result = thrum_map_add(map, k, v);
        CHECK_EQ(result, *version ? THRUM_EXISTS : THRUM_OK);
        if (result == THRUM_OK) {
            *version = random;
        } else {
            free(v);
            thrum_u64_fetch_sub_relaxed(&made, 1);
        }
        break;
    }
    default:
        CHECK_EQ(thrum_map_put(map, k, make(key, random)), THRUM_OK);
        *version = random;
        self->puts++;
    }
}

static void look(player *self, uint64_t random) {
    char text[32];
    const uint64_t key = (random >> 8) % (KEYS * THREADS);
    const thrum_map_key k = key_of(key, text);
    const bool own = key % THREADS == self->number;
    THRUM_WITH_RCU {
        const value *const v = thrum_map_get(map, k);
        if (own) CHECK_EQ(v ? v->version : 0, self->versions[key / THREADS]);
        if (v) {
            CHECK(v->state == ALIVE && v->key == key);
            for (unsigned i = 0; i < random % 32; i++) thrum_cpu_pause();
            CHECK(v->state == ALIVE && v->key == key);
        }
        self->found += v != NULL;
        self->missed += v == NULL;
    }
}

static void *play(void *p) {
    player *const self = p;
    uint64_t random = test_seed() + self->number + 1;
    for (unsigned i = 0; i < self->rounds; i++) {
        const uint64_t r = test_random(&random) | 1u << 31; /* a version is not 0 */
        if (r >> 60 < 8)
            change(self, r);
        else
            look(self, r);
    }
    return NULL;
}

typedef struct tally {
    player *players;
    size_t entries;
} tally;

static bool check(thrum_map_key key, void *p, void *argument) {
    tally *const t = argument;
    const value *const v = p;
    CHECK(v->state == ALIVE);
    CHECK(key.bytes ? v->key % 2 == 0 : v->key == key.number);
    CHECK_EQ(v->version, t->players[v->key % THREADS].versions[v->key / THREADS]);
    t->entries++;
    return true;
}

static void run(void (*destroy)(void *)) {
    static player players[THREADS];
    const thrum_map_config config = {.destroy = destroy};
    CHECK_EQ(thrum_map_new(&map, &config), THRUM_OK);
    test_thread threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        memset(&players[i], 0, sizeof players[i]);
        players[i].number = i;
        players[i].rounds = OPERATIONS / THREADS / test_slowdown();
        threads[i] = test_start(play, &players[i]);
    }
    tally t = {players, 0};
    size_t expected = 0;
    unsigned long puts = 0, removes = 0, found = 0, missed = 0;
    for (unsigned i = 0; i < THREADS; i++) {
        test_join(&threads[i]);
        for (unsigned k = 0; k < KEYS; k++) expected += players[i].versions[k] != 0;
        puts += players[i].puts, removes += players[i].removes;
        found += players[i].found, missed += players[i].missed;
    }
    thrum_map_each(map, check, &t);
    CHECK_EQ(t.entries, expected);
    CHECK_EQ(thrum_map_count(map), expected);
    printf("%lu puts, %lu removes, %lu found, %lu not; %zu entries left\n", puts, removes, found, missed,
           expected);
    thrum_map_free(map);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u64_load_acquire(&destroyed), thrum_u64_load_relaxed(&made));
}

TEST(eight_threads_and_a_plain_map) {
    run(poison);
}

/* For AddressSanitizer: a look at a value after its time is a report. */
TEST(eight_threads_and_values_freed_at_once) {
    run(free_at_once);
}

/* --- memory ----------------------------------------------------------------------------------------- */

/* The bound of thrum/rcu.h, and what writers may add to it meanwhile. */
enum { WRITERS = 3, PUT_KEYS = 1024, BOUND = PUT_KEYS + 32768 + 4096 };
static thrum_u64 most;
static thrum_u32 over;

static void free_slowly(void *v) {
    const uint64_t end = test_now_ns() + 1000; /* slower than the writers are */
    free(v);
    thrum_u64_fetch_add_relaxed(&destroyed, 1);
    while (test_now_ns() < end) continue;
}

static void *put_at_full_speed(void *unused) {
    for (uint64_t key = 0; !thrum_u32_load_acquire(&over); key++) {
        CHECK_EQ(thrum_map_put(map, thrum_key_number(key % PUT_KEYS), make(key, 0)), THRUM_OK);
        const uint64_t now = thrum_u64_load_relaxed(&made) - thrum_u64_load_relaxed(&destroyed);
        if ((int64_t)now > (int64_t)thrum_u64_load_relaxed(&most)) thrum_u64_store_relaxed(&most, now);
    }
    return unused;
}

TEST(values_that_wait_to_be_destroyed_are_bounded_whatever_the_writers_do) {
    const thrum_map_config config = {.destroy = free_slowly};
    CHECK_EQ(thrum_map_new(&map, &config), THRUM_OK);
    test_thread writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) writers[i] = test_start(put_at_full_speed, NULL);
    thrum_futex_nap(thrum_after_ms(2000));
    thrum_u32_store_release(&over, 1);
    for (int i = 0; i < WRITERS; i++) test_join(&writers[i]);
    CHECK(thrum_u64_load_relaxed(&most) < BOUND);
    thrum_map_free(map);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u64_load_relaxed(&destroyed), thrum_u64_load_relaxed(&made));
}
