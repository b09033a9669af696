/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. How a map's table grows and shrinks: a bucket at a time, in the threads that change the map.
 * `buckets` says how many there are to be; the change that raises it by one makes that bucket live by a
 * split, the change that lowers it merges the bucket with its parent. Both may be late or find no memory;
 * then the bucket's keys are where they were, its parent's (map.I1), and the next change that comes by makes
 * it live.
 *
 * map.Z1: of two buckets' locks the parent's is acquired first; it has the lower number.
 * map.Z2: a split works on what it finds under the locks. A parent with a level too low has an older split
 *     outstanding, which is made first; one with a level too high has been split by another. So a split is
 *     made once, whichever thread makes it, and so is a merge.
 * map.Z3: a block of buckets goes away while the gate is closed and none of its buckets is live. A bucket of
 *     it that is to be live again finds that the block is not there, and makes it.
 * map.Z4: `fewest` grows while the gate is closed, and a change that shrinks the table reads it within the
 *     gate. So when a reserve begins to grow, every change that shrinks the table below it is over, and the
 *     reserve sees that change.
 */
#include "../atomic/law.h"
#include "map_bucket.h"

/* In one change so many buckets are made or merged at most. */
#define MOST_STEPS 16

size_t thrum_map_count(const thrum_map *map) {
    const int64_t count = thrum_sharded_counter_sum(&map->count);
    return count < 0 ? 0 : (size_t)count; /* a sum that missed an add may have seen its removal */
}

static uint64_t state_of(const map_line *bucket) {
    return thrum_u64_load_relaxed(&bucket->state);
}

static uint64_t marks_of(const map_line *bucket) {
    return state_of(bucket) & THRUM_MAP_MARKS_;
}

static uint64_t level_bits(const thrum_map *map, unsigned level) {
    return (uint64_t)(level - map->table.base) * THRUM_MAP_LEVEL_;
}

static unsigned level_of(const thrum_map *map, const map_line *bucket) {
    return thrum_map_level_(map, state_of(bucket));
}

static map_line *bucket_at(const thrum_map *map, uint64_t bucket) {
    return thrum_map_line_at_(&map->table, bucket);
}

static void count_live(thrum_map *map, uint64_t bucket, uint64_t n) {
    /* relaxed: it is read while the gate is closed */
    thrum_u64_fetch_add_relaxed(&map->live[thrum_map_block_of_(&map->table, bucket)], n);
}

/* The first entry whose hash has that bit set. */
static thrum_map_place_ next_with(const thrum_map *map, thrum_map_place_ at, unsigned bit) {
    while ((at = thrum_map_next_entry_(map, at)).line) {
        const thrum_map_entry_ entry = thrum_map_entry_at_(at);
        if (thrum_map_hash_of_(map, entry.key, entry.is_bytes) >> bit & 1) break;
        at.slot++;
    }
    return at;
}

static void take_out_with(thrum_map *map, map_line *bucket, unsigned bit) {
    for (thrum_map_place_ at; (at = next_with(map, (thrum_map_place_){bucket, 0}, bit)).line;)
        thrum_map_take_out_(map, bucket, at);
}

/* Copies the entries whose hash has that bit set. False: there is no line. */
static bool copy_with(thrum_map *map, map_line *from, map_line *to, unsigned bit) {
    for (thrum_map_place_ at = {from, 0}; (at = next_with(map, at, bit)).line; at.slot++)
        if (!thrum_map_insert_(map, to, thrum_map_entry_at_(at))) return false;
    return true;
}

/* --- splits ------------------------------------------------------------------------------------------ */

/* Both locks are held. map.I1, map.I2: the child is live before the parent's level says so. */
static bool split(thrum_map *map, map_line *parent, map_line *child, unsigned level) {
    THRUM_LAW(map.Z1, thrum_lock_locked(&parent->lock) && thrum_lock_locked(&child->lock));
    THRUM_LAW(map.Z2, level_of(map, parent) == level);
    if (!copy_with(map, parent, child, level)) {
        thrum_map_empty_(map, child);
        return false;
    }
    thrum_map_next_version_(child, marks_of(child) | level_bits(map, level + 1));
    thrum_map_next_version_(parent, marks_of(parent) | level_bits(map, level + 1));
    take_out_with(map, parent, level);
    THRUM_LAW(map.I1, level_of(map, parent) == level + 1 && level_of(map, child) == level + 1);
    return true;
}

enum step { MADE, NOT_NEEDED, OLDER_FIRST, NO_LINE };

/* One try to make the child, of a bucket that is or was live. At an older one, `*level` says which bit. */
static enum step try_split(thrum_map *map, uint64_t number, map_line *parent, map_line *child,
                           unsigned *level) {
    enum step step = NOT_NEEDED;
    const unsigned wanted = *level;
    thrum_lock_acquire(&parent->lock);
    *level = level_of(map, parent);
    if (thrum_map_is_live_(map, number, state_of(parent)) && *level <= wanted) { /* map.Z2 */
        step = OLDER_FIRST;
        if (*level == wanted) {
            thrum_lock_acquire(&child->lock); /* map.Z1 */
            step = split(map, parent, child, wanted) ? MADE : NO_LINE;
            thrum_lock_release(&child->lock);
        }
    }
    thrum_lock_release(&parent->lock);
    return step;
}

bool thrum_map_make_bucket_(thrum_map *map, uint64_t bucket) {
    if (!thrum_map_need_bucket_(map, bucket)) return false;
    map_line *const child = bucket_at(map, bucket);
    /* relaxed: a caller that goes on with the bucket acquires its lock */
    if (thrum_map_is_live_(map, bucket, state_of(child))) return true;
    const uint64_t number = thrum_map_parent_(bucket);
    if (!thrum_map_make_bucket_(map, number)) return false;
    for (;;) {
        unsigned level = thrum_map_top_(bucket);
        const uint32_t lines = thrum_map_lines_of_(map);
        switch (try_split(map, number, bucket_at(map, number), child, &level)) {
        case MADE:
            count_live(map, bucket, 1);
            return true;
        case NOT_NEEDED:
            return true;
        case OLDER_FIRST:
            if (!thrum_map_make_bucket_(map, number + (UINT64_C(1) << level))) return false;
            break;
        case NO_LINE:
            if (!thrum_map_more_lines_(map, lines)) return false;
        }
    }
}

/* --- merges ------------------------------------------------------------------------------------------ */

/* Both locks are held. map.I1: the parent's level says so before the child is gone. */
static bool join(thrum_map *map, map_line *parent, map_line *child, unsigned level) {
    THRUM_LAW(map.Z1, thrum_lock_locked(&parent->lock) && thrum_lock_locked(&child->lock));
    const bool joined = copy_with(map, child, parent, level);
    if (joined) {
        thrum_map_next_version_(parent, marks_of(parent) | level_bits(map, level));
        thrum_map_empty_(map, child);
    } else {
        take_out_with(map, parent, level);
    }
    THRUM_LAW(map.I1, !joined || level_of(map, parent) == level);
    return joined;
}

/* False: it is wanted again, or there is no memory. */
static bool merge(thrum_map *map, uint64_t bucket) {
    map_line *const child = bucket_at(map, bucket);
    if (!child) return true;
    const uint64_t number = thrum_map_parent_(bucket);
    map_line *const parent = bucket_at(map, number);
    const unsigned level = thrum_map_top_(bucket);
    while (bucket >= thrum_u64_load_relaxed(&map->buckets)) { /* relaxed: a hint */
        const uint32_t lines = thrum_map_lines_of_(map);
        thrum_lock_acquire(&parent->lock); /* map.Z1 */
        thrum_lock_acquire(&child->lock);
        const bool is = thrum_map_is_live_(map, bucket, state_of(child));
        const unsigned childs = level_of(map, child), parents = level_of(map, parent);
        const bool may = childs == level + 1 && parents == level + 1; /* map.Z2; then it is live */
        const bool joined = may && join(map, parent, child, level);
        thrum_lock_release(&child->lock);
        thrum_lock_release(&parent->lock);
        if (joined) count_live(map, bucket, (uint64_t)-1);
        if (joined || !is) return true;
        const uint64_t younger = childs > level + 1 ? bucket + (UINT64_C(1) << (childs - 1))
                                                    : number + (UINT64_C(1) << (parents - 1));
        if (may ? !thrum_map_more_lines_(map, lines) : !merge(map, younger)) return false;
    }
    return false;
}

/* map.Z3. Outside of the gate. */
static void give_back(thrum_map *map, unsigned block) {
    uint64_t begin = 0;
    thrum_map_close_();
    /* relaxed, all: no change is under way; a look-up comes to a parent */
    if (thrum_u64_load_relaxed(&map->live[block]) == 0) {
        begin = thrum_u64_load_relaxed(&map->table.blocks[block]);
        thrum_u64_store_relaxed(&map->table.blocks[block], 0);
    }
    thrum_map_open_();
    if (begin) thrum_map_retire_block_(begin);
}

/* --- when -------------------------------------------------------------------------------------------- */

uint64_t thrum_map_buckets_for_(uint64_t entries) {
    uint64_t power = THRUM_MAP_FEWEST;
    while (power * THRUM_MAP_LOAD < entries * 8) power *= 2;
    return power;
}

/* Of two that change the number at once the later one may come first; the next change mends that. */
static void set_mask(thrum_map *map, uint64_t buckets) {
    const uint64_t mask = (UINT64_C(2) << thrum_map_top_((buckets - 1) | 1)) - 1;
    if (thrum_u64_load_relaxed(&map->mask) != mask) thrum_u64_store_relaxed(&map->mask, mask);
}

bool thrum_map_grow_to_(thrum_map *map, uint64_t wanted, unsigned most) {
    /* relaxed, here and below: the number is a hint */
    for (uint64_t buckets; (buckets = thrum_u64_load_relaxed(&map->buckets)) < wanted && most > 0;) {
        if (!thrum_map_need_bucket_(map, buckets)) return false;
        if (!thrum_u64_cas_relaxed(&map->buckets, &buckets, buckets + 1)) continue;
        set_mask(map, buckets + 1);
        if (!thrum_map_make_bucket_(map, buckets)) return false;
        most--;
    }
    return true;
}

static void shrink_to(thrum_map *map, uint64_t wanted) {
    unsigned most = MOST_STEPS;
    for (uint64_t buckets; (buckets = thrum_u64_load_relaxed(&map->buckets)) > wanted && most > 0; most--)
        if (thrum_u64_cas_relaxed(&map->buckets, &buckets, buckets - 1)) {
            set_mask(map, buckets - 1);
            (void)merge(map, buckets - 1);
        }
}

/*
 * The first block that begins beyond three quarters more buckets than there are; it is there, and has none.
 */
static unsigned unused_block(const thrum_map *map) {
    const uint64_t buckets = thrum_u64_load_relaxed(&map->buckets);
    for (unsigned i = thrum_map_block_of_(&map->table, buckets - 1) + 1; i < THRUM_MAP_BLOCKS; i++) {
        const bool is = thrum_u64_load_relaxed(&map->table.blocks[i]) != 0;
        const uint64_t begin = thrum_map_begin_of_(&map->table, i);
        if (is && begin - begin / 4 >= buckets && thrum_u64_load_relaxed(&map->live[i]) == 0) return i;
    }
    return 0;
}

/* Relaxed: the gate orders what matters (map.Z4). */
static uint64_t fewest_of(const thrum_map *map) {
    return thrum_u64_load_relaxed(&map->fewest);
}

void thrum_map_look_at_size_(thrum_map *map, uint64_t hash_of_change) {
    if ((hash_of_change >> 40) % THRUM_MAP_LOOK_EVERY) return;
    const uint64_t count = thrum_map_count(map) * 8;
    const uint64_t buckets = thrum_u64_load_relaxed(&map->buckets);
    if (count > buckets * THRUM_MAP_LOAD) {
        thrum_map_enter_();
        (void)thrum_map_grow_to_(map, count / THRUM_MAP_LOAD + 1, MOST_STEPS);
        thrum_map_leave_();
    } else if (buckets > fewest_of(map) && count * 4 < buckets * THRUM_MAP_LOAD) {
        const uint64_t enough = count * 4 / THRUM_MAP_LOAD;
        thrum_map_enter_();
        const uint64_t fewest = fewest_of(map); /* map.Z4 */
        shrink_to(map, enough > fewest ? enough : fewest);
        const unsigned block = unused_block(map);
        thrum_map_leave_();
        if (block) give_back(map, block);
    }
}
