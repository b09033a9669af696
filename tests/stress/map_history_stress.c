/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/*
 * Histories of a few keys. Players change and read them at random, and write down when each call began and
 * ended and what it saw; another thread makes the table grow and shrink meanwhile. Then there must be an
 * order of the calls of each key, in which a call comes before those that began after its end, and in which a
 * plain variable would have answered the same. (The search is that of Wing and Gong, "Testing and Verifying
 * Concurrent Objects", 1993; a place in it is met once, as Lowe's has it.)
 */
#include "test.h"

#include <stdlib.h>
#include <string.h>
#include <thrum.h>

enum { PLAYERS = 4, KEYS = 6, CALLS = 24, MOST_CALLS = 15, FILLERS = 300 };

/* Values are numbers from 1 on, a call's own; 0: none. */
typedef struct call {
    uint64_t begun, ended;
    unsigned char if_none, changes; /* puts only where there is none; the value becomes `after` */
    unsigned char before, after;    /* what it saw */
    bool saw;                       /* `before` says something */
} call;

typedef struct history {
    unsigned counts[PLAYERS];
    call calls[PLAYERS][MOST_CALLS];
} history;

/* --- whether there is an order ------------------------------------------------------------------------ */

typedef struct search {
    const history *h;
    uint64_t *met; /* for each place: the values with which the search has come there */
} search;

static bool goes_on(const search *s, const unsigned done[PLAYERS], unsigned value);

/* The call is the next one in the order, if it is not after the end of another that is not yet in it. */
static bool may_be_next(const history *h, const unsigned done[PLAYERS], const call *c) {
    for (unsigned p = 0; p < PLAYERS; p++)
        if (done[p] < h->counts[p] && h->calls[p][done[p]].ended < c->begun) return false;
    return true;
}

static bool take(const search *s, const unsigned done[PLAYERS], unsigned value, unsigned player) {
    const call *const c = &s->h->calls[player][done[player]];
    if (c->saw && c->before != value) return false;
    unsigned next[PLAYERS];
    memcpy(next, done, sizeof next);
    next[player]++;
    return goes_on(s, next, c->changes && (!c->if_none || !value) ? c->after : value);
}

static bool goes_on(const search *s, const unsigned done[PLAYERS], unsigned value) {
    size_t place = 0;
    bool over = true;
    for (unsigned p = 0; p < PLAYERS; p++) {
        place = place * (s->h->counts[p] + 1) + done[p];
        over = over && done[p] == s->h->counts[p];
    }
    if (over) return true;
    if (s->met[place] >> value & 1) return false;
    s->met[place] |= UINT64_C(1) << value;
    for (unsigned p = 0; p < PLAYERS; p++)
        if (done[p] < s->h->counts[p] && may_be_next(s->h, done, &s->h->calls[p][done[p]]) &&
            take(s, done, value, p))
            return true;
    return false;
}

static bool has_an_order(const history *h) {
    size_t places = 1;
    for (unsigned p = 0; p < PLAYERS; p++) places *= h->counts[p] + 1;
    const search s = {h, calloc(places, sizeof *s.met)};
    const unsigned none[PLAYERS] = {0};
    CHECK(s.met);
    const bool has = goes_on(&s, none, 0);
    free(s.met);
    return has;
}

/* --- the players --------------------------------------------------------------------------------------- */

static thrum_map *map;
static history histories[KEYS];
static char values[PLAYERS * MOST_CALLS + 1]; /* value n is the address of the n-th */
static thrum_u32 over;

static void *value_at(unsigned n) {
    return n ? &values[n] : NULL;
}
static unsigned char number_of(const void *value) {
    return value ? (unsigned char)((const char *)value - values) : 0;
}

static thrum_map_key key_of(unsigned key) {
    static const char *const texts[] = {"0", "1", "2"};
    return key % 2 ? thrum_key_number(key) : thrum_key(texts[key / 2]);
}

/* The players' keys come into one bucket of a small table, and apart as it grows; the fillers everywhere. */
static uint64_t hash(thrum_map_key key, uint64_t seed) {
    (void)seed;
    const uint64_t n = key.bytes ? 2 * (uint64_t)(*(const char *)key.bytes - '0') : key.number;
    return n < KEYS ? 3 | n << 4 : n * UINT64_C(0x9e3779b97f4a7c15) >> 20;
}

static void *compute(thrum_map_key key, void *value, void *argument) {
    call *const c = argument;
    (void)key;
    c->before = number_of(value);
    return value_at(c->after);
}

static void play_one(call *c, thrum_map_key key, unsigned what, unsigned fresh) {
    void *before = NULL;
    thrum_result result;
    *c = (call){.changes = what != 0, .after = (unsigned char)fresh};
    c->begun = test_now_ns();
    switch (what) {
    case 0:
        THRUM_WITH_RCU c->before = number_of(thrum_map_get(map, key));
        c->saw = true;
        break;
    case 1:
        CHECK_EQ(thrum_map_put(map, key, value_at(fresh)), THRUM_OK);
        break;
    case 2:
        CHECK_EQ(thrum_map_exchange(map, key, value_at(fresh), &before), THRUM_OK);
        c->before = number_of(before);
        c->saw = true;
        break;
    case 3:
        c->after = 0;
        c->saw = thrum_map_take(map, key, &before) == THRUM_NOT_FOUND || before;
        c->before = number_of(before);
        break;
    case 4:
        c->after = fresh % 3 ? (unsigned char)fresh : 0;
        CHECK_EQ(thrum_map_compute(map, key, compute, c), THRUM_OK);
        c->saw = true;
        break;
    default:
        result = thrum_map_add(map, key, value_at(fresh));
        c->if_none = true;
        c->saw = result == THRUM_OK; /* there was none */
        CHECK(result == THRUM_OK || result == THRUM_EXISTS);
        c->changes = result == THRUM_OK;
    }
    c->ended = test_now_ns();
}

static void play(unsigned player, uint64_t *random) {
    for (unsigned i = 0; i < CALLS; i++) {
        const uint64_t r = test_random(random) >> 20;
        const unsigned key = (unsigned)(r % KEYS);
        history *const h = &histories[key];
        const unsigned n = h->counts[player];
        if (n == MOST_CALLS) continue;
        play_one(&h->calls[player][n], key_of(key), (unsigned)(r / 64 % 6), player * MOST_CALLS + n + 1);
        h->counts[player] = n + 1;
    }
}

static void *grow_and_shrink(void *unused) {
    while (!thrum_u32_load_acquire(&over)) {
        for (uint64_t i = 0; i < FILLERS; i++)
            CHECK_EQ(thrum_map_put(map, thrum_key_number(KEYS + i), values), THRUM_OK);
        for (uint64_t i = 0; i < FILLERS; i++)
            CHECK_EQ(thrum_map_remove(map, thrum_key_number(KEYS + i)), THRUM_OK);
    }
    return unused;
}

static thrum_barrier phase = THRUM_BARRIER_INIT(PLAYERS);

/* One of the players looks at what all have written down, and begins again. */
static void judge(void) {
    for (unsigned key = 0; key < KEYS; key++) {
        CHECK(has_an_order(&histories[key]));
        (void)thrum_map_remove(map, key_of(key));
        memset(histories[key].counts, 0, sizeof histories[key].counts);
    }
}

static void *play_rounds(void *p) {
    const unsigned player = (unsigned)(uintptr_t)p;
    uint64_t random = test_seed() + player + 1;
    const unsigned rounds = 2000 / test_slowdown();
    for (unsigned i = 0; i < rounds; i++) {
        int index;
        CHECK_EQ(thrum_barrier_wait(&phase, &index), THRUM_OK);
        play(player, &random);
        CHECK_EQ(thrum_barrier_wait(&phase, &index), THRUM_OK);
        if (index == 0) judge();
    }
    return NULL;
}

TEST(each_keys_history_has_an_order_as_of_one_thread) {
    const thrum_map_config config = {.hash = hash};
    CHECK_EQ(thrum_map_new(&map, &config), THRUM_OK);
    test_thread filler = test_start(grow_and_shrink, NULL);
    test_thread players[PLAYERS];
    for (uintptr_t i = 0; i < PLAYERS; i++) players[i] = test_start(play_rounds, (void *)i);
    for (unsigned i = 0; i < PLAYERS; i++) test_join(&players[i]);
    thrum_u32_store_release(&over, 1);
    test_join(&filler);
    thrum_map_free(map);
}

/* What the search is to find: a value that came after it was replaced, and a call before its time. */
TEST(a_history_without_an_order_is_told) {
    static history h = {.counts = {2, 1}};
    h.calls[0][0] = (call){.begun = 1, .ended = 2, .changes = true, .after = 1};
    h.calls[0][1] = (call){.begun = 3, .ended = 4, .changes = true, .after = 2, .saw = true, .before = 1};
    h.calls[1][0] = (call){.begun = 5, .ended = 6, .saw = true, .before = 2};
    CHECK(has_an_order(&h));
    h.calls[1][0].before = 1; /* it was replaced before */
    CHECK(!has_an_order(&h));
    h.calls[1][0].begun = 4; /* beside the call that replaced it */
    CHECK(has_an_order(&h));
    h.calls[0][1].before = 0;
    CHECK(!has_an_order(&h));
    h.calls[0][1].saw = false;
    h.calls[1][0] = (call){.begun = 0, .ended = 1, .saw = true, .before = 2};
    CHECK(!has_an_order(&h));
}
