/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. What is done with a bucket's lines while its lock is held; map.I2 and map.I3 say in which order.
 * Loads are relaxed: the lock orders them. What nearly every change does is inlined: it is done with the
 * bucket's own line.
 */
#ifndef THRUM_SRC_RCU_MAP_BUCKET_H
#define THRUM_SRC_RCU_MAP_BUCKET_H

#include "map_inside.h"

typedef struct thrum_map_entry_ {
    uint64_t key, value; /* as in a slot */
    bool is_bytes;
} thrum_map_entry_;

/* A place in a bucket. */
typedef struct thrum_map_place_ {
    map_line *line;
    unsigned slot;
} thrum_map_place_;

/* --- map_bucket.c ------------------------------------------------------------------------------------ */

/* The key's place in the line or behind it; `line` is NULL where there is none. */
thrum_map_place_ thrum_map_search_(const thrum_map *map, map_line *line, thrum_map_key key, uint64_t hash);
/* Puts an entry into a bucket whose own line is full. False: there is no slot, and no line. */
bool thrum_map_insert_behind_(thrum_map *map, map_line *bucket, thrum_map_entry_ entry);
/* Takes an entry out of a line behind the bucket. */
void thrum_map_clear_behind_(map_line *bucket, thrum_map_place_ at);
/* Fills a slot of the bucket's own line that has become free, and takes lines away that are empty. */
void thrum_map_tidy_(thrum_map *map, map_line *bucket);
/* The first entry from that place on; `line` is NULL where there is none. */
thrum_map_place_ thrum_map_next_entry_(const thrum_map *map, thrum_map_place_ at);
thrum_map_entry_ thrum_map_entry_at_(thrum_map_place_ at);
/* Makes a bucket empty, and not live. */
void thrum_map_empty_(thrum_map *map, map_line *bucket);

/* --- inlined ----------------------------------------------------------------------------------------- */

/* The bits of a slot's two marks. */
static inline uint64_t thrum_map_mark_of_(bool is_bytes, unsigned slot) {
    return UINT64_C(1) << (is_bytes ? THRUM_MAP_BYTES_SHIFT_ : 0) << slot;
}

static inline uint64_t thrum_map_marks_of_(const map_line *line) {
    return thrum_u64_load_relaxed(&line->state);
}

/* Which slots have an entry. */
static inline unsigned thrum_map_used_in_(const map_line *line) {
    const uint64_t marks = thrum_map_marks_of_(line) & THRUM_MAP_MARKS_;
    return (unsigned)((marks | marks >> THRUM_MAP_BYTES_SHIFT_) & THRUM_MAP_NUMBERS_);
}

/* The first slot that has none; there is one. */
static inline unsigned thrum_map_free_in_(const map_line *line) {
    return (unsigned)__builtin_ctz(~thrum_map_used_in_(line));
}

static inline bool thrum_map_has_more_(const map_line *line) {
    return thrum_u32_load_relaxed(&line->more) != 0;
}

/* The version changes, and the marks and the level become those. */
static inline void thrum_map_next_version_(map_line *bucket, uint64_t marks_and_level) {
    const uint64_t version = thrum_map_marks_of_(bucket) / THRUM_MAP_VERSION_ + 1;
    /* map.M2: release */
    thrum_u64_store_release(&bucket->state, version * THRUM_MAP_VERSION_ | marks_and_level);
}

/* Into a slot that is free, without its mark. */
static inline void thrum_map_fill_(map_line *line, unsigned slot, thrum_map_entry_ entry) {
    thrum_u64_store_release(&line->slots[slot].key, entry.key);     /* map.M3: release */
    thrum_u64_store_release(&line->slots[slot].value, entry.value); /* map.M3: release */
}

/* Into a line that has a free slot. */
static inline void thrum_map_add_to_(map_line *line, thrum_map_entry_ entry) {
    const unsigned slot = thrum_map_free_in_(line);
    const uint64_t mark = thrum_map_mark_of_(entry.is_bytes, slot);
    thrum_map_fill_(line, slot, entry);
    thrum_u64_store_release(&line->state, thrum_map_marks_of_(line) | mark); /* map.M2: release */
}

/* The entry's place; `line` is NULL where there is none. */
static inline thrum_map_place_ thrum_map_place_of_(const thrum_map *map, map_line *bucket, thrum_map_key key,
                                                   uint64_t hash) {
    if (key.bytes) return thrum_map_search_(map, bucket, key, hash);
    const unsigned slots = thrum_map_slots_of_(bucket, thrum_map_marks_of_(bucket), key.number);
    if (!slots && thrum_map_has_more_(bucket)) return thrum_map_search_(map, bucket, key, hash);
    const thrum_map_place_ at = {slots ? bucket : NULL, slots ? (unsigned)__builtin_ctz(slots) : 0};
    return at;
}

/* Puts an entry in. False: there is no slot, and no line. */
static inline bool thrum_map_insert_(thrum_map *map, map_line *bucket, thrum_map_entry_ entry) {
    if (thrum_map_used_in_(bucket) == THRUM_MAP_NUMBERS_) return thrum_map_insert_behind_(map, bucket, entry);
    thrum_map_add_to_(bucket, entry);
    return true;
}

/* Takes an entry out. Others may move into slots before its own. */
static inline void thrum_map_take_out_(thrum_map *map, map_line *bucket, thrum_map_place_ at) {
    const uint64_t marks = thrum_map_mark_of_(true, at.slot) | thrum_map_mark_of_(false, at.slot);
    if (at.line == bucket)
        thrum_map_next_version_(bucket, thrum_map_marks_of_(bucket) % THRUM_MAP_VERSION_ & ~marks);
    else
        thrum_map_clear_behind_(bucket, at);
    if (thrum_map_has_more_(bucket)) thrum_map_tidy_(map, bucket);
}

#endif
