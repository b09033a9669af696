/* SPDX-License-Identifier: MIT */
/* Floor 3. How a key's value is found; map.I1 and map.I3. It writes nothing and waits for nobody. */
#include "../atomic/tell.h"
#include "grace.h"
#include "map_inside.h"

#include <string.h>

/*
 * Which slot has the key, of bytes. An address may be followed when the version is still that with which its
 * mark was read: then its slot is not filled again (map.I3), and the key is not freed while the read section
 * lasts.
 */
static inline unsigned slots_of_bytes(const thrum_map *map, const map_line *bucket, uint64_t state,
                                      const map_line *line, uint64_t marks, thrum_map_key key,
                                      uint64_t hash) {
    for (unsigned slots = thrum_map_slots_that_may_(line, marks, hash); slots; slots &= slots - 1) {
        const unsigned i = (unsigned)__builtin_ctz(slots);
        const uint64_t word = thrum_u64_load_acquire(&line->slots[i].key); /* map.M3: acquire */
        if (!thrum_map_is_same_(bucket, state)) return 0; /* the caller finds that out, too */
        THRUM_TELL_OWN_ACQUIRE(thrum_map_told_(map, hash));
        if (thrum_map_is_key_(thrum_map_bytes_at_(word), key, hash)) return 1U << i;
    }
    return 0;
}

/* Looks into one line of a bucket. NULL: it is not there, or the version has changed. */
static inline void *find_here(const thrum_map *map, const map_line *bucket, uint64_t state,
                              const map_line *line, uint64_t marks, thrum_map_key key, uint64_t hash) {
    const unsigned slots = key.bytes ? slots_of_bytes(map, bucket, state, line, marks, key, hash)
                                     : thrum_map_slots_of_(line, marks, key.number);
    if (!slots) return NULL;
    /* map.M3: acquire */
    const uint64_t value = thrum_u64_load_acquire(&line->slots[__builtin_ctz(slots)].value);
    return thrum_map_is_same_(bucket, state) ? thrum_map_pointer_(value) : NULL;
}

/* The same for the lines behind a bucket's own. */
static __attribute__((noinline)) void *find_behind(const thrum_map *map, const map_line *bucket,
                                                   uint64_t state, thrum_map_key key, uint64_t hash) {
    const map_line *line = bucket;
    for (;;) {
        const uint32_t more = thrum_u32_load_acquire(&line->more); /* map.M4: acquire */
        if (!more || !thrum_map_is_same_(bucket, state)) return NULL;
        line = thrum_map_behind_(map, more);
        const uint64_t marks = thrum_u64_load_acquire(&line->state); /* map.M2: acquire */
        void *const value = find_here(map, bucket, state, line, marks, key, hash);
        if (value) return value;
    }
}

/* From a bucket on, until the key is found, or its owner has not got it. */
static __attribute__((noinline)) void *find_from(const thrum_map *map, uint64_t number, thrum_map_key key,
                                                 uint64_t hash) {
    for (;;) {
        const map_line *const bucket = thrum_map_line_at_(&map->table, number);
        if (!bucket) {
            number = thrum_map_parent_(number);
            continue;
        }
        const uint64_t state = thrum_u64_load_acquire(&bucket->state); /* map.M2: acquire */
        void *value = find_here(map, bucket, state, bucket, state, key, hash);
        if (!value) value = find_behind(map, bucket, state, key, hash);
        if (value) return value;
        if (!thrum_map_is_same_(bucket, state)) continue;
        const uint64_t next = thrum_map_towards_(map, number, state, hash);
        if (next == number) return NULL;
        number = next;
    }
}

static inline void *find(const thrum_map *map, thrum_map_key key, uint64_t hash) {
    const uint64_t number = thrum_map_hint_(map, hash);
    const map_line *const bucket = thrum_map_line_at_(&map->table, number);
    if (THRUM_LIKELY(bucket != NULL)) {
        const uint64_t state = thrum_u64_load_acquire(&bucket->state); /* map.M2: acquire */
        void *value = find_here(map, bucket, state, bucket, state, key, hash);
        if (THRUM_LIKELY(value != NULL)) return value;
        value = find_behind(map, bucket, state, key, hash);
        if (THRUM_LIKELY(value != NULL)) return value;
    }
    return find_from(map, number, key, hash);
}

/* Numbers and bytes apart, as each is compiled into the search. */
void *thrum_map_get(const thrum_map *map, thrum_map_key key) {
    const uint64_t hash = thrum_map_hash_(map, key);
    void *const value =
        THRUM_LIKELY(!key.bytes) ? find(map, thrum_key_number(key.number), hash) : find(map, key, hash);
    THRUM_TELL_OWN_ACQUIRE(thrum_map_told_(map, hash));
    return value;
}

bool thrum_map_copy(const thrum_map *map, thrum_map_key key, void *into, size_t size) {
    thrum_rcu_read_begin();
    const void *const value = thrum_map_get(map, key);
    if (value) memcpy(into, value, size);
    thrum_rcu_told_end_();
    return value != NULL;
}
