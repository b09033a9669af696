/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. A map inside: map_find.c how a key's entry is found, map_lines.c the memory of its lines,
 * map_bucket.h and map_bucket.c what is done with them, map_change.c how entries change, map_size.c how the
 * table grows and shrinks, map_each.c visits, map_key.c what a key is, map_gate.c what a fork waits for,
 * map.c the map's beginning and end.
 *
 * A bucket is a line: a cache line with a state, a lock for those that change it, and a few slots, each a key
 * and a value. Entries for which the bucket has no slot lie in more lines, linked behind it. Buckets are
 * numbered; a level says how many of a hash's lowest bits a bucket goes by.
 *
 * map.I1: a key's owner is the one live bucket b with hash % 2^level(b) == b, and its entry lies there or
 *     nowhere. A split of b, at level l, makes bucket b + 2^l live with the entries whose bit l is set, and
 *     gives both level l + 1; a merge does the reverse. Number and level of a bucket say all: `buckets`, how
 *     many there are to be, is a hint where to begin. From a bucket that is not live the way leads to the one
 *     of which it was split, which has the number without its highest bit; from a live one that does not own
 *     the key, to the number of so many bits of the hash as its level says.
 * map.I2: a bucket's lines change only while its lock is held, each by a single store at a time, and after
 *     every store a look-up finds what is there. An entry that moves is in both places meanwhile.
 * map.I3: the version in a bucket's state changes whenever something that a look-up may have come by is about
 *     to be written over. A mark in the bucket's own line goes in a store that changes the version, and its
 *     slot is free from then on. The version changes between a mark's end in a line behind and the next use
 *     of its slot, and between a line's unlinking and its next use. It changes before a mark behind ends, for
 *     the entry may have moved forward. A look-up reads the state, then what it needs, and then the state
 *     again. With the same version, what it found was there with that value, and what it did not find was not
 *     there when it began: until the end, entries only came.
 * map.I4: lines are never given back to the system while a look-up may be in one: lines behind buckets stay
 *     until the map ends, and are used again; buckets are retired.
 * map.I5: a key that is bytes, and a value, are retired by the one change that took them out, after it.
 * map.I6: a change holds the gate (map_gate.c), so that a fork finds no bucket locked and no entry in two
 *     places. Of the caller's functions only the hash runs within it, and nothing that waits for more than
 *     another change.
 */
#ifndef THRUM_SRC_RCU_MAP_INSIDE_H
#define THRUM_SRC_RCU_MAP_INSIDE_H

#include "rank.h"

#include <stddef.h>
#include <string.h>
#include <thrum/counter.h>
#include <thrum/lock.h>
#include <thrum/map.h>

/* The object in which the member lies. */
#define OBJECT_OF(member_pointer, type, member) \
    ((type *)(void *)((char *)(member_pointer)-offsetof(type, member)))

/* An exploration makes these as small as they go. */
#ifndef THRUM_MAP_SLOTS
#define THRUM_MAP_SLOTS 3
#endif
/* With so many buckets a map begins: 1 KB. With half of it the first entries grow it once more. */
#ifndef THRUM_MAP_FEWEST
#define THRUM_MAP_FEWEST 16
#endif
/*
 * The table grows when eight buckets have more entries than that, and shrinks when they have a quarter of it.
 */
#ifndef THRUM_MAP_LOAD
#define THRUM_MAP_LOAD 23
#endif
/* One change of the number of entries in so many looks at the table's size, chosen by the key's hash. */
#ifndef THRUM_MAP_LOOK_EVERY
#define THRUM_MAP_LOOK_EVERY 16
#endif
/* So many lines are taken from the system at first: 1 KB, and twice as many each time. */
#ifndef THRUM_MAP_FEWEST_LINES
#define THRUM_MAP_FEWEST_LINES 16
#endif
/* The most blocks of lines, each as large as all before it. */
#ifndef THRUM_MAP_BLOCKS
#define THRUM_MAP_BLOCKS 44
#endif
/*
 * So many threads count entries each in a place of its own. With half as many, of more than 16 threads that
 * change the map two share a place; twice as many are twice the memory, and the reads of a count.
 */
#ifndef THRUM_MAP_PLACES
#define THRUM_MAP_PLACES 32
#endif

/*
 * A state. From the lowest bit: which slots have a number's entry, which have an entry of bytes, how many
 * levels above the table's first one (0: not live, if it is no bucket of the beginning), the version.
 */
enum {
    THRUM_MAP_NUMBERS_ = (1 << THRUM_MAP_SLOTS) - 1,
    THRUM_MAP_BYTES_SHIFT_ = 3,
    THRUM_MAP_MARKS_ = THRUM_MAP_NUMBERS_ | THRUM_MAP_NUMBERS_ << THRUM_MAP_BYTES_SHIFT_,
    THRUM_MAP_LEVEL_ = 1 << 6,
    THRUM_MAP_LEVELS_ = 63 << 6,
    THRUM_MAP_VERSION_ = 1 << 12
};
THRUM_STATIC_ASSERT(THRUM_MAP_SLOTS <= THRUM_MAP_BYTES_SHIFT_, "the marks of numbers have room");

/* The key: a number; or of bytes, where they lie, and beside that a few bits of their hash. */
typedef struct thrum_map_slot_ {
    thrum_u64 key;
    thrum_u64 value;
} thrum_map_slot_;

typedef struct thrum_map_line_ {
    THRUM_ALIGNAS(64) thrum_u64 state;
    thrum_lock lock; /* of a bucket's own line */
    thrum_u32 more;  /* the next line's number; 0: there is none */
    thrum_map_slot_ slots[THRUM_MAP_SLOTS];
} thrum_map_line_;
THRUM_STATIC_ASSERT(sizeof(thrum_map_line_) == 64, "a line is a cache line");
THRUM_RANK(12, bucket->lock);
THRUM_RANK(12, parent->lock);
THRUM_RANK(13, child->lock); /* of a bucket that is split from the parent, or merged into it */

/* Lines in blocks, each as large as all before it; numbers begin with 0. */
typedef struct thrum_map_lines_ {
    unsigned base;                      /* the first block has 2^base */
    thrum_u64 blocks[THRUM_MAP_BLOCKS]; /* where each begins; 0: it is not there */
} thrum_map_lines_;

/* What becomes of a value that has left the map. */
typedef struct thrum_map_former_ {
    thrum_rcu_head retired;
    void (*destroy)(void *value);
    void *value;
} thrum_map_former_;

/* A key of bytes. `former` is for its end. */
typedef struct thrum_map_bytes_ {
    thrum_map_former_ former;
    uint64_t hash, size;
    char bytes[];
} thrum_map_bytes_;

struct thrum_map {
    /* What each look-up reads. */
    THRUM_ALIGNAS(THRUM_CACHE_LINE) uint64_t seed;
    uint64_t factor; /* the hashes' secrets, both */
    uint64_t (*hash)(thrum_map_key key, uint64_t seed);
    thrum_u64 buckets; /* how many there are to be */
    thrum_u64 mask;    /* of the bits of all their numbers */
    thrum_map_lines_ table;
    thrum_map_lines_ more; /* number 0 is never used */
    void (*destroy)(void *value);
    char told[64]; /* for ThreadSanitizer: an address for the entries of a share of all hashes */
    /* What changes use. */
    THRUM_ALIGNAS(THRUM_CACHE_LINE) thrum_lock spare; /* guards the next three */
    uint32_t free, fresh;             /* lines: a list of those that were used; the first that was not */
    thrum_u32 lines;                  /* how many `more` has */
    thrum_u64 fewest;                 /* buckets to which it shrinks */
    thrum_u64 live[THRUM_MAP_BLOCKS]; /* how many buckets of a block are */
    thrum_sharded_counter count;
    thrum_rcu_head end;
    uint64_t ending; /* the bucket at which the end has come */
    thrum_counter_slot places[THRUM_MAP_PLACES];
};
THRUM_RANK(14, map->spare);

typedef thrum_map_line_ map_line;

static inline void *thrum_map_pointer_(uint64_t word) {
    return (void *)(uintptr_t)word;
}

static inline uint64_t thrum_map_word_(const void *pointer) {
    return (uint64_t)(uintptr_t)pointer;
}

/* The highest bit of a number that is not 0, as its place. */
static inline unsigned thrum_map_top_(uint64_t number) {
    return 63U - (unsigned)__builtin_clzll(number);
}

/* The block in which a line lies, and the number with which it begins. */
static inline unsigned thrum_map_block_of_(const thrum_map_lines_ *lines, uint64_t number) {
    return thrum_map_top_((number >> lines->base) * 2 + 1);
}
static inline uint64_t thrum_map_begin_of_(const thrum_map_lines_ *lines, unsigned block) {
    return UINT64_C(1) << block >> 1 << lines->base;
}

/* NULL: its block is not there. */
static inline map_line *thrum_map_line_at_(const thrum_map_lines_ *lines, uint64_t number) {
    const unsigned block = thrum_map_block_of_(lines, number);
    /* map.M1: acquire, pairs with map.M1 where the block was made */
    const uint64_t begin = thrum_u64_load_acquire(&lines->blocks[block]);
    if (THRUM_UNLIKELY(!begin)) return NULL;
    return (map_line *)thrum_map_pointer_(begin) + (number - thrum_map_begin_of_(lines, block));
}

/* A line behind a bucket: a number that anybody knows has its block. */
static inline map_line *thrum_map_behind_(const thrum_map *map, uint32_t number) {
    map_line *const line = thrum_map_line_at_(&map->more, number);
    if (!line) __builtin_unreachable();
    return line;
}

/* --- buckets; map.I1 ------------------------------------------------------------------------------- */

static inline bool thrum_map_is_live_(const thrum_map *map, uint64_t bucket, uint64_t state) {
    return state & THRUM_MAP_LEVELS_ || bucket >> map->table.base == 0;
}

static inline unsigned thrum_map_level_(const thrum_map *map, uint64_t state) {
    return map->table.base + (unsigned)((state & THRUM_MAP_LEVELS_) / THRUM_MAP_LEVEL_);
}

static inline uint64_t thrum_map_low_bits_(uint64_t hash, unsigned bits) {
    return hash & ((UINT64_C(1) << bits) - 1);
}

/* Where to begin. Relaxed, and the two need not fit each other: every number is right. */
static inline uint64_t thrum_map_hint_(const thrum_map *map, uint64_t hash) {
    const uint64_t buckets = thrum_u64_load_relaxed(&map->buckets);
    const uint64_t mask = thrum_u64_load_relaxed(&map->mask);
    const uint64_t bucket = hash & mask;
    return bucket & mask >> (bucket >= buckets); /* no jump, which nobody would foresee */
}

/* The bucket of which one that did not exist from the beginning was split. */
static inline uint64_t thrum_map_parent_(uint64_t bucket) {
    return bucket ^ UINT64_C(1) << thrum_map_top_(bucket);
}

/* The bucket itself, if it owns keys of the hash; otherwise the next on the way to the owner. */
static inline uint64_t thrum_map_towards_(const thrum_map *map, uint64_t bucket, uint64_t state,
                                          uint64_t hash) {
    if (!thrum_map_is_live_(map, bucket, state)) return thrum_map_parent_(bucket);
    return thrum_map_low_bits_(hash, thrum_map_level_(map, state));
}

/* Whether nothing was taken out of the bucket since its state was read; map.I3. */
static inline bool thrum_map_is_same_(const map_line *bucket, uint64_t state) {
    /* relaxed: what was read before was acquired (map.M3) */
    return THRUM_LIKELY((thrum_u64_load_relaxed(&bucket->state) ^ state) < THRUM_MAP_VERSION_);
}

/* For ThreadSanitizer: what stands for the entries of a hash, wherever they lie. */
static inline const char *thrum_map_told_(const thrum_map *map, uint64_t hash) {
    return &map->told[hash % sizeof map->told];
}

/* Which slots of a line have the number, where their marks say that they have one. */
static inline unsigned thrum_map_slots_of_(const map_line *line, uint64_t marks, uint64_t number) {
    unsigned slots = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < THRUM_MAP_SLOTS; i++) /* map.M3: acquire */
        slots |= (unsigned)(thrum_u64_load_acquire(&line->slots[i].key) == number) << i;
    return slots & (unsigned)marks & THRUM_MAP_NUMBERS_;
}

/* --- map_key.c ------------------------------------------------------------------------------------- */

uint64_t thrum_map_draw_seed_(const thrum_map *map); /* map_seed.c */

/*
 * The two halves of a product, folded: every bit of the word changes about half of the result's. (The idea is
 * that of wyhash by Wang Yi.) A word that is 0 takes away what is in the other: so there is a secret of the
 * map's in each of the two, and no key can be made for that.
 */
__extension__ typedef unsigned __int128 thrum_map_product_;
static inline uint64_t thrum_map_fold_(uint64_t word, uint64_t by) {
    const thrum_map_product_ product = (thrum_map_product_)word * by;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The map's second secret, made of its first; odd, so that a product keeps all bits of a number. */
static inline uint64_t thrum_map_factor_of_(uint64_t seed) {
    return thrum_map_fold_(seed ^ UINT64_C(0xe7037ed1a0b428db), UINT64_C(0x9e3779b97f4a7c15)) | 1;
}

/* Of sixteen bytes at most. Two keys of one size have the same words only if they are the same. */
typedef struct thrum_map_words_ {
    uint64_t first, last;
} thrum_map_words_;
static inline thrum_map_words_ thrum_map_words_of_(const char *bytes, uint64_t size) {
    thrum_map_words_ words = {0, 0};
    if (size >= sizeof(uint64_t)) {
        memcpy(&words.first, bytes, sizeof(uint64_t));
        memcpy(&words.last, bytes + size - sizeof(uint64_t), sizeof(uint64_t));
    } else if (size >= sizeof(uint32_t)) {
        uint32_t first, last;
        memcpy(&first, bytes, sizeof first);
        memcpy(&last, bytes + size - sizeof last, sizeof last);
        words.first = first;
        words.last = last;
    } else if (size) {
        words.first = (unsigned char)bytes[0];
        words.last = (uint64_t)(unsigned char)bytes[size / 2] << 8 | (unsigned char)bytes[size - 1];
    }
    return words;
}

uint64_t thrum_map_hash_of_bytes_(uint64_t seed, uint64_t factor, const char *bytes, uint64_t size);

static inline uint64_t thrum_map_hash_(const thrum_map *map, thrum_map_key key) {
    if (THRUM_UNLIKELY(map->hash != NULL)) return map->hash(key, map->seed);
    if (key.bytes) return thrum_map_hash_of_bytes_(map->seed, map->factor, key.bytes, key.number);
    return thrum_map_fold_(key.number ^ map->seed, map->factor);
}

/* A copy of the key; NULL: no memory. */
thrum_map_bytes_ *thrum_map_copy_key_(thrum_map_key key, uint64_t hash);
bool thrum_map_is_key_(const thrum_map_bytes_ *bytes, thrum_map_key key, uint64_t hash);

/*
 * A slot's key that is bytes: where they lie, and in the lowest bits, which an address of theirs has not,
 * some of the hash's. So it points into their memory, for leak checkers.
 */
enum { THRUM_MAP_TAG_ = 15 };
static inline uint64_t thrum_map_key_of_(const thrum_map_bytes_ *bytes, uint64_t hash) {
    return thrum_map_word_(bytes) | hash >> 60;
}
static inline bool thrum_map_may_be_(uint64_t key, uint64_t hash) {
    return (key & THRUM_MAP_TAG_) == hash >> 60;
}
/* Which slots of a line may have the key of that hash, where their marks say that they have one of bytes. */
static inline unsigned thrum_map_slots_that_may_(const map_line *line, uint64_t marks, uint64_t hash) {
    unsigned slots = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < THRUM_MAP_SLOTS; i++) /* map.M3: acquire */
        slots |= (unsigned)thrum_map_may_be_(thrum_u64_load_acquire(&line->slots[i].key), hash) << i;
    return slots & (unsigned)(marks >> THRUM_MAP_BYTES_SHIFT_) & THRUM_MAP_NUMBERS_;
}
static inline thrum_map_bytes_ *thrum_map_bytes_at_(uint64_t key) {
    return thrum_map_pointer_(key & ~(uint64_t)THRUM_MAP_TAG_);
}
/* The hash of what a slot holds. */
uint64_t thrum_map_hash_of_(const thrum_map *map, uint64_t key, bool is_bytes);

/* --- map_lines.c ----------------------------------------------------------------------------------- */

/* Makes sure of the block in which the bucket lies. */
bool thrum_map_need_bucket_(thrum_map *map, uint64_t bucket);
/* The block is not used any more: it is freed after the readers. */
void thrum_map_retire_block_(uint64_t begin);
/* A line to be linked; 0: there is none, and thrum_map_more_lines_ makes some. */
uint32_t thrum_map_take_line_(thrum_map *map);
void thrum_map_give_line_(thrum_map *map, uint32_t number);
/*
 * How many there are in all. Relaxed: read before a try that finds too few, so that more are made once for
 * all.
 */
static inline uint32_t thrum_map_lines_of_(const thrum_map *map) {
    return thrum_u32_load_relaxed(&map->lines);
}
/* Makes sure of more than so many. False: there is no memory. */
bool thrum_map_more_lines_(thrum_map *map, uint32_t than);
void thrum_map_free_lines_(thrum_map_lines_ *lines);

/* --- map_change.c ---------------------------------------------------------------------------------- */

/*
 * Gives the key another value, or NULL: takes it out, if it has the expected one, or NULL: none.
 * THRUM_EXISTS: it has not.
 */
thrum_result thrum_map_replace_if_(thrum_map *map, thrum_map_key key, void *expected, void *value);

/* --- map_size.c ------------------------------------------------------------------------------------ */

/* The buckets for so many entries. */
uint64_t thrum_map_buckets_for_(uint64_t entries);
/* Makes so many buckets at most, until there are `wanted`. In the gate. False: there is no memory. */
bool thrum_map_grow_to_(thrum_map *map, uint64_t wanted, unsigned most);
/* After a change of the number of entries, outside of the gate. */
void thrum_map_look_at_size_(thrum_map *map, uint64_t hash_of_change);
/* Makes the bucket live, if it is not. In the gate. False: there is no memory. */
bool thrum_map_make_bucket_(thrum_map *map, uint64_t bucket);

/* --- map_gate.c ------------------------------------------------------------------------------------ */

void thrum_map_enter_(void);
void thrum_map_leave_(void);
/* As one that excludes every change of every map. */
void thrum_map_close_(void);
void thrum_map_open_(void);
/* Whether a fork closes it. False: there is no memory. */
bool thrum_map_watch_forks_(void);

#endif
