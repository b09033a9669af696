/* SPDX-License-Identifier: MIT */
/* Floor 3. What is done with a bucket's lines, and is not inlined: map_bucket.h. */
#include "../atomic/law.h"
#include "map_bucket.h"

static bool is_bytes_in(const map_line *line, unsigned slot) {
    return thrum_map_marks_of_(line) & thrum_map_mark_of_(true, slot);
}

static map_line *after(const thrum_map *map, const map_line *line) {
    const uint32_t more = thrum_u32_load_relaxed(&line->more);
    return more ? thrum_map_behind_(map, more) : NULL;
}

thrum_map_place_ thrum_map_next_entry_(const thrum_map *map, thrum_map_place_ at) {
    for (; at.line; at.line = after(map, at.line), at.slot = 0)
        for (; at.slot < THRUM_MAP_SLOTS; at.slot++)
            if (thrum_map_used_in_(at.line) >> at.slot & 1) return at;
    return at;
}

thrum_map_entry_ thrum_map_entry_at_(thrum_map_place_ at) {
    const thrum_map_slot_ *const slot = &at.line->slots[at.slot];
    const thrum_map_entry_ entry = {thrum_u64_load_relaxed(&slot->key), thrum_u64_load_relaxed(&slot->value),
                                    is_bytes_in(at.line, at.slot)};
    return entry;
}

/* The version changes and nothing else. */
static void change_version(map_line *bucket) {
    thrum_map_next_version_(bucket, thrum_map_marks_of_(bucket) % THRUM_MAP_VERSION_);
}

/* The slots of a line that have the key, of bytes. */
static unsigned slots_of_bytes(const map_line *line, thrum_map_key key, uint64_t hash) {
    unsigned slots = thrum_map_slots_that_may_(line, thrum_map_marks_of_(line), hash);
    for (; slots; slots &= slots - 1) {
        const uint64_t word = thrum_u64_load_relaxed(&line->slots[__builtin_ctz(slots)].key);
        if (thrum_map_is_key_(thrum_map_bytes_at_(word), key, hash)) break;
    }
    return slots;
}

thrum_map_place_ thrum_map_search_(const thrum_map *map, map_line *line, thrum_map_key key, uint64_t hash) {
    thrum_map_place_ at = {line, 0};
    for (; at.line; at.line = after(map, at.line)) {
        const unsigned slots = key.bytes
                                   ? slots_of_bytes(at.line, key, hash)
                                   : thrum_map_slots_of_(at.line, thrum_map_marks_of_(at.line), key.number);
        if (!slots) continue;
        at.slot = (unsigned)__builtin_ctz(slots);
        break;
    }
    return at;
}

static bool insert_into_new(thrum_map *map, map_line *last, thrum_map_entry_ entry) {
    const uint32_t number = thrum_map_take_line_(map);
    if (!number) return false;
    map_line *const line = thrum_map_behind_(map, number);
    thrum_map_fill_(line, 0, entry);
    thrum_u32_store_release(&line->more, 0);                                      /* map.M4: release */
    thrum_u64_store_release(&line->state, thrum_map_mark_of_(entry.is_bytes, 0)); /* map.M2: release */
    thrum_u32_store_release(&last->more, number);                                 /* map.M4: release */
    return true;
}

bool thrum_map_insert_behind_(thrum_map *map, map_line *bucket, thrum_map_entry_ entry) {
    THRUM_LAW(map.I2, thrum_lock_locked(&bucket->lock));
    map_line *line = bucket;
    while (thrum_map_used_in_(line) == THRUM_MAP_NUMBERS_) {
        map_line *const next = after(map, line);
        if (!next) return insert_into_new(map, line, entry);
        line = next;
    }
    change_version(bucket); /* map.I3: the slot is filled again */
    thrum_map_add_to_(line, entry);
    return true;
}

/* Takes the mark of an entry in a line behind the bucket; map.I3. */
static void clear(map_line *line, unsigned slot) {
    const uint64_t mark = thrum_map_mark_of_(is_bytes_in(line, slot), slot);
    thrum_u64_store_release(&line->state, thrum_map_marks_of_(line) & ~mark); /* map.M2: release */
}

/* Takes the lines away that have no entry. */
static void unlink_empty(thrum_map *map, map_line *bucket) {
    for (map_line *line = bucket, *next; (next = after(map, line));) {
        if (thrum_map_used_in_(next)) {
            line = next;
            continue;
        }
        const uint32_t number = thrum_u32_load_relaxed(&line->more);
        thrum_u32_store_release(&line->more, thrum_u32_load_relaxed(&next->more)); /* map.M4: release */
        change_version(bucket);
        thrum_map_give_line_(map, number);
    }
}

/*
 * Fills the slot that has become free, from behind; no other slot is free while there are lines behind, and
 * each line behind has an entry then. The entry is in both places until the bucket's version has changed;
 * map.I2.
 */
static void pull_in(thrum_map *map, map_line *bucket) {
    if (thrum_map_used_in_(bucket) == THRUM_MAP_NUMBERS_) return;
    const thrum_map_place_ from = thrum_map_next_entry_(map, (thrum_map_place_){after(map, bucket), 0});
    const thrum_map_entry_ entry = thrum_map_entry_at_(from);
    const unsigned slot = thrum_map_free_in_(bucket);
    const uint64_t mark = thrum_map_mark_of_(entry.is_bytes, slot);
    thrum_map_fill_(bucket, slot, entry);
    thrum_map_next_version_(bucket, thrum_map_marks_of_(bucket) % THRUM_MAP_VERSION_ | mark);
    clear(from.line, from.slot);
}

void thrum_map_clear_behind_(map_line *bucket, thrum_map_place_ at) {
    change_version(bucket);
    clear(at.line, at.slot);
}

void thrum_map_tidy_(thrum_map *map, map_line *bucket) {
    pull_in(map, bucket);
    unlink_empty(map, bucket);
}

void thrum_map_empty_(thrum_map *map, map_line *bucket) {
    thrum_map_next_version_(bucket, 0);
    uint32_t number = thrum_u32_load_relaxed(&bucket->more);
    thrum_u32_store_release(&bucket->more, 0); /* map.M4: release */
    change_version(bucket);
    while (number) {
        const uint32_t next = thrum_u32_load_relaxed(&thrum_map_behind_(map, number)->more);
        thrum_map_give_line_(map, number);
        number = next;
    }
}
