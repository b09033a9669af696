/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. Visits of all entries, and changes that ask a function of the caller's.
 *
 * map.V1: a visit goes through the hashes in the order of their bits reversed. In that order a bucket's
 *     hashes are an interval, and a split or merge cuts or joins intervals. So wherever the visit has come,
 *     what lies before it has been visited and what lies behind it has not, however the table changes. (The
 *     idea is that of Redis's scan, by Pieter Noordhuis.)
 * map.V2: of one bucket so many entries are read as fit on the stack, the first ones by hash and then by key,
 *     and with one version (map.I3). Then they are visited, and the next ones read. An entry that is in two
 *     places meanwhile is read once; one that another bucket owns is left to it.
 */
#include "../atomic/tell.h"
#include "grace.h"
#include "map_inside.h"

#include <string.h>
#include <thrum/self.h>

/*
 * So many entries are copied before the visitor is called for them. They lie on the stack, 1 KB. A longer
 * chain is read once again for each 32 more. Half as many are read again more often; twice as many double the
 * stack.
 */
#ifndef THRUM_MAP_AT_ONCE
#define THRUM_MAP_AT_ONCE 32
#endif

static uint64_t reverse(uint64_t bits) {
    bits = (bits & UINT64_C(0x5555555555555555)) << 1 | (bits >> 1 & UINT64_C(0x5555555555555555));
    bits = (bits & UINT64_C(0x3333333333333333)) << 2 | (bits >> 2 & UINT64_C(0x3333333333333333));
    bits = (bits & UINT64_C(0x0f0f0f0f0f0f0f0f)) << 4 | (bits >> 4 & UINT64_C(0x0f0f0f0f0f0f0f0f));
    return __builtin_bswap64(bits);
}

typedef struct item {
    uint64_t place; /* its hash, reversed */
    thrum_map_key key;
    void *value;
} item;

/* Where a visit has come: before this hash, or at it, behind this key. */
typedef struct cursor {
    uint64_t place;
    thrum_map_key key;
    bool behind_key;
} cursor;

static int compare_keys(thrum_map_key a, thrum_map_key b) {
    if (!a.bytes != !b.bytes) return a.bytes ? 1 : -1;
    if (a.number != b.number) return a.number < b.number ? -1 : 1;
    return a.bytes ? memcmp(a.bytes, b.bytes, (size_t)a.number) : 0;
}

static int compare(uint64_t place, thrum_map_key key, uint64_t other, thrum_map_key other_key) {
    if (place != other) return place < other ? -1 : 1;
    return compare_keys(key, other_key);
}

static bool is_ahead(const cursor *at, const item *i) {
    if (!at->behind_key) return i->place >= at->place;
    return compare(i->place, i->key, at->place, at->key) > 0;
}

/* Keeps the first THRUM_MAP_AT_ONCE, in order and each once. How many there are then. */
static unsigned keep(item *items, unsigned count, const item *fresh) {
    unsigned at = count;
    while (at > 0) {
        const item *const before = &items[at - 1];
        const int order = compare(fresh->place, fresh->key, before->place, before->key);
        if (order == 0) return count;
        if (order > 0) break;
        at--;
    }
    if (at == THRUM_MAP_AT_ONCE) return count;
    const unsigned moved = (count < THRUM_MAP_AT_ONCE ? count : THRUM_MAP_AT_ONCE - 1) - at;
    memmove(&items[at + 1], &items[at], moved * sizeof *items);
    items[at] = *fresh;
    return at + 1 + moved;
}

/* The owner of the hash and its state. */
static const map_line *owner_of(const thrum_map *map, uint64_t hash, uint64_t *state) {
    uint64_t number = thrum_map_hint_(map, hash);
    for (;;) {
        const map_line *const bucket = thrum_map_line_at_(&map->table, number);
        uint64_t next = thrum_map_parent_(number | !number);
        if (bucket) {
            *state = thrum_u64_load_acquire(&bucket->state); /* map.M2: acquire */
            next = thrum_map_towards_(map, number, *state, hash);
            if (next == number) return bucket;
        }
        number = next;
    }
}

/* What lies in a slot. False: the version has changed. */
static bool read_slot(const thrum_map *map, const map_line *bucket, uint64_t state,
                      const thrum_map_slot_ *slot, bool is_bytes, item *into) {
    const uint64_t word = thrum_u64_load_acquire(&slot->key);               /* map.M3: acquire */
    into->value = thrum_map_pointer_(thrum_u64_load_acquire(&slot->value)); /* map.M3: acquire */
    if (!thrum_map_is_same_(bucket, state)) return false;
    const thrum_map_bytes_ *const bytes = is_bytes ? thrum_map_bytes_at_(word) : NULL;
    into->key = bytes ? thrum_key_bytes(bytes->bytes, (size_t)bytes->size) : thrum_key_number(word);
    into->place = reverse(thrum_map_hash_of_(map, word, is_bytes));
    THRUM_TELL_OWN_ACQUIRE(thrum_map_told_(map, reverse(into->place)));
    return true;
}

/* Reads the bucket's next entries. False: the version has changed meanwhile. */
static bool read_bucket(const thrum_map *map, const map_line *bucket, uint64_t state, const cursor *from,
                        uint64_t last, item *items, unsigned *count) {
    const map_line *line = bucket;
    uint64_t marks = state;
    for (;;) {
        for (unsigned i = 0; i < THRUM_MAP_SLOTS; i++) {
            const bool is_bytes = marks >> THRUM_MAP_BYTES_SHIFT_ >> i & 1;
            if (!is_bytes && !(marks >> i & 1)) continue;
            item fresh;
            if (!read_slot(map, bucket, state, &line->slots[i], is_bytes, &fresh)) return false;
            if (fresh.place <= last && is_ahead(from, &fresh)) *count = keep(items, *count, &fresh);
        }
        const uint32_t more = thrum_u32_load_acquire(&line->more); /* map.M4: acquire */
        if (!thrum_map_is_same_(bucket, state)) return false;
        if (!more) return true;
        line = thrum_map_behind_(map, more);
        marks = thrum_u64_load_acquire(&line->state); /* map.M2: acquire */
    }
}

/*
 * Reads what comes next and moves the cursor behind it; how many. `*over`: there is no more after it. In a
 * read section.
 */
static unsigned read_next(const thrum_map *map, cursor *at, item *items, bool *over) {
    uint64_t state, last;
    unsigned count;
    const map_line *bucket;
    do {
        count = 0;
        bucket = owner_of(map, reverse(at->place), &state);
        last = at->place | UINT64_MAX >> thrum_map_level_(map, state);
    } while (!read_bucket(map, bucket, state, at, last, items, &count));
    *over = false;
    if (count == THRUM_MAP_AT_ONCE) {
        *at = (cursor){items[count - 1].place, items[count - 1].key, true};
    } else {
        *over = last == UINT64_MAX;
        *at = (cursor){.place = last + 1};
    }
    return count;
}

/* --- visits ------------------------------------------------------------------------------------------ */

struct visits {
    thrum_map *map;
    thrum_map_visit *visit;
    void *argument;
    bool removes;
    thrum_result result;
    size_t removed;
};

/* Whether the visit goes on. */
static bool visit_one(struct visits *v, const item *i) {
    const bool yes = v->visit(i->key, i->value, v->argument);
    if (!v->removes || !yes) return v->removes || yes;
    const thrum_result result = thrum_map_replace_if_(v->map, i->key, i->value, NULL);
    v->removed += result == THRUM_OK;
    if (result == THRUM_NO_MEMORY) v->result = result;
    return result != THRUM_NO_MEMORY;
}

static void visit_all(void *p) {
    struct visits *const v = p;
    item items[THRUM_MAP_AT_ONCE];
    cursor at = {0};
    bool over;
    do {
        const unsigned count = read_next(v->map, &at, items, &over);
        for (unsigned i = 0; i < count; i++) {
            if (!visit_one(v, &items[i])) return;
        }
    } while (!over);
}

/* Whatever way the function is left, the read section ends. */
static void in_a_section(void (*function)(void *argument), void *argument) {
    thrum_guard_ reading = thrum_rcu_enter_();
    if (thrum_self_call_(&reading, function, argument)) thrum_rcu_told_end_();
}

void thrum_map_each(const thrum_map *map, thrum_map_visit *visit, void *argument) {
    struct visits visits = {.map = (thrum_map *)(uintptr_t)map, .visit = visit, .argument = argument};
    in_a_section(visit_all, &visits);
}

thrum_result thrum_map_remove_if(thrum_map *map, thrum_map_visit *is_removed, void *argument,
                                 size_t *removed) {
    struct visits visits = {.map = map, .visit = is_removed, .argument = argument, .removes = true};
    in_a_section(visit_all, &visits);
    if (removed) *removed = visits.removed;
    return visits.result;
}

/* --- compute ----------------------------------------------------------------------------------------- */

struct computation {
    thrum_map *map;
    thrum_map_key key;
    thrum_map_change *change;
    void *argument;
    thrum_result result;
};

/* The section keeps the value from becoming another one at the same address meanwhile. */
static void compute_until_taken(void *p) {
    struct computation *const c = p;
    do {
        void *const before = thrum_map_get(c->map, c->key);
        void *const after = c->change(c->key, before, c->argument);
        c->result = after == before ? THRUM_OK : thrum_map_replace_if_(c->map, c->key, before, after);
        if (c->result != THRUM_OK && after && c->map->destroy) c->map->destroy(after);
    } while (c->result == THRUM_EXISTS);
}

thrum_result thrum_map_compute(thrum_map *map, thrum_map_key key, thrum_map_change *change, void *argument) {
    struct computation c = {.map = map, .key = key, .change = change, .argument = argument};
    in_a_section(compute_until_taken, &c);
    return c.result;
}
