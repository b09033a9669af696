/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. How one entry changes. A change is tried while the bucket's lock is held; where it needs memory it
 * says so, changes nothing, and is tried again with it.
 */
#include "../atomic/law.h"
#include "../atomic/tell.h"
#include "../futex/errno_kept.h"
#include "map_bucket.h"
#include "retire.h"

#include <pthread.h>
#include <stdlib.h>

/*
 * Each kind of change has a first try of its own. What is known of it is not asked, and `change` lies in
 * registers: a put of a number that is there takes 14 ns and not 22 (AMD EPYC, family 25).
 */
#define INLINED static inline __attribute__((always_inline))

/* The owner of keys of the hash, locked. `*missing`: a bucket that should be live and is not; 0: none. */
INLINED map_line *lock_owner(thrum_map *map, uint64_t hash, uint64_t *missing) {
    uint64_t number = thrum_map_hint_(map, hash);
    *missing = 0;
    for (;;) {
        map_line *const bucket = thrum_map_line_at_(&map->table, number);
        uint64_t next = thrum_map_parent_(number | !number);
        if (bucket) {
            thrum_lock_acquire(&bucket->lock);
            const uint64_t state = thrum_u64_load_relaxed(&bucket->state); /* relaxed: the lock orders it */
            next = thrum_map_towards_(map, number, state, hash);
            if (next == number) return bucket;
            (void)thrum_lock_release(&bucket->lock);
        }
        if (next < number) *missing = number;
        number = next;
    }
}

typedef struct change {
    thrum_map_key key;
    uint64_t hash;
    bool only_if;   /* only where the value is `expected` */
    void *expected; /* NULL: only where there is none */
    void *value;    /* NULL: the entry goes */
    bool hands_back;
    uint32_t lines;          /* how many the map had at the last try */
    thrum_map_bytes_ *bytes; /* what it may need */
    thrum_map_former_ *former;
    void *before;               /* the value that was there */
    thrum_map_former_ *retired; /* what is to be retired */
} change;

enum step { DONE, OTHER, NEEDS_BYTES, NEEDS_FORMER, NEEDS_LINE };

INLINED void retire_later(change *c, thrum_map_former_ *former, void (*destroy)(void *value)) {
    former->destroy = destroy;
    former->value = c->before;
    c->retired = former;
}

INLINED enum step insert(thrum_map *map, map_line *bucket, change *c) {
    const bool is_bytes = c->key.bytes != NULL;
    if (is_bytes && !c->bytes) return NEEDS_BYTES;
    const uint64_t key = is_bytes ? thrum_map_key_of_(c->bytes, c->hash) : c->key.number;
    if (!thrum_map_insert_(map, bucket, (thrum_map_entry_){key, thrum_map_word_(c->value), is_bytes}))
        return NEEDS_LINE;
    c->bytes = NULL;
    return DONE;
}

INLINED enum step try(thrum_map *map, map_line *bucket, change *c) {
    THRUM_LAW(map.I2, thrum_lock_locked(&bucket->lock));
    /* The sanitizer sees how keys are copied and compared, and neither the lock nor the marks. */
    THRUM_TELL_OWN_ACQUIRE(thrum_map_told_(map, c->hash));
    const thrum_map_place_ at = thrum_map_place_of_(map, bucket, c->key, c->hash);
    THRUM_TELL_OWN_RELEASE(thrum_map_told_(map, c->hash));
    thrum_map_slot_ *const slot = at.line ? &at.line->slots[at.slot] : NULL;
    c->before =
        slot ? thrum_map_pointer_(thrum_u64_load_relaxed(&slot->value)) : NULL; /* the lock orders it */
    if (c->only_if && c->before != c->expected) return OTHER;
    if (!slot) return c->value ? insert(map, bucket, c) : DONE;

    void (*const destroy)(void *value) = c->hands_back ? NULL : map->destroy;
    if (!c->value && c->key.bytes) {
        retire_later(c, &thrum_map_bytes_at_(thrum_u64_load_relaxed(&slot->key))->former, destroy);
    } else if (destroy) {
        if (!c->former) return NEEDS_FORMER;
        retire_later(c, c->former, destroy);
        c->former = NULL;
    }
    if (c->value)
        thrum_u64_store_release(&slot->value, thrum_map_word_(c->value)); /* map.M3: release */
    else
        thrum_map_take_out_(map, bucket, at);
    return DONE;
}

/* One try, within the gate. */
INLINED enum step try_within(thrum_map *map, change *c) {
    uint64_t missing;
    thrum_map_enter_();
    map_line *const bucket = lock_owner(map, c->hash, &missing);
    const enum step step = try(map, bucket, c);
    (void)thrum_lock_release(&bucket->lock);
    if (missing && missing < thrum_u64_load_relaxed(&map->buckets)) /* relaxed: a hint */
        (void)thrum_map_make_bucket_(map, missing);
    thrum_map_leave_();
    return step;
}

/* Whether there is the memory that the change needs. */
static bool provide(thrum_map *map, change *c, enum step need) {
    if (need == NEEDS_LINE) return thrum_map_more_lines_(map, c->lines);
    if (need == NEEDS_BYTES) return (c->bytes = thrum_map_copy_key_(c->key, c->hash)) != NULL;
    THRUM_KEEPS_ERRNO_;
    c->former = malloc(sizeof *c->former);
    return c->former != NULL;
}

static void destroy_former(thrum_rcu_head *head) {
    thrum_map_former_ *const former = OBJECT_OF(head, thrum_map_former_, retired);
    pthread_cleanup_push(free, former); /* with the key whose first member it is */
    if (former->destroy) former->destroy(former->value);
    pthread_cleanup_pop(1);
}

/* Gets the memory that the first try has asked for, and tries again. */
static __attribute__((noinline)) enum step try_again(thrum_map *map, change *c, enum step step) {
    while (step > OTHER && provide(map, c, step)) {
        c->lines = thrum_map_lines_of_(map);
        step = try_within(map, c);
    }
    free(c->bytes); /* not needed after all, another was quicker */
    free(c->former);
    return step;
}

/*
 * THRUM_OK: it is done, or nothing was to be done; THRUM_EXISTS: the value is another one; THRUM_NO_MEMORY.
 * Of `c` nobody else may have the address: it would lie in memory.
 */
INLINED thrum_result carry_out(thrum_map *map, change *c) {
    c->lines = thrum_map_lines_of_(map);
    enum step step = try_within(map, c);
    if (THRUM_UNLIKELY(step > OTHER)) {
        change copy = *c;
        step = try_again(map, &copy, step);
        *c = copy;
    }
    if (step > OTHER) return THRUM_NO_MEMORY;
    if (step == OTHER) return THRUM_EXISTS;
    if (!c->before != !c->value) {
        thrum_sharded_counter_add(&map->count, c->value ? 1 : -1);
        thrum_map_look_at_size_(map, c->hash);
    }
    if (c->retired) thrum_rcu_retire(&c->retired->retired, destroy_former); /* map.I5 */
    return THRUM_OK;
}

INLINED change change_of(const thrum_map *map, thrum_map_key key, void *value) {
    change c = {.key = key, .hash = thrum_map_hash_(map, key), .value = value};
    return c;
}

thrum_result thrum_map_put(thrum_map *map, thrum_map_key key, void *value) {
    if (!value) return THRUM_INVALID;
    change c = change_of(map, key, value);
    return carry_out(map, &c);
}

thrum_result thrum_map_add(thrum_map *map, thrum_map_key key, void *value) {
    if (!value) return THRUM_INVALID;
    change c = change_of(map, key, value);
    c.only_if = true;
    return carry_out(map, &c);
}

thrum_result thrum_map_exchange(thrum_map *map, thrum_map_key key, void *value, void **before) {
    if (!value) return THRUM_INVALID;
    change c = change_of(map, key, value);
    c.hands_back = true;
    const thrum_result result = carry_out(map, &c);
    if (result == THRUM_OK) *before = c.before;
    return result;
}

thrum_result thrum_map_remove(thrum_map *map, thrum_map_key key) {
    change c = change_of(map, key, NULL);
    const thrum_result result = carry_out(map, &c);
    return c.before ? result : THRUM_NOT_FOUND; /* without a value it needs no memory */
}

thrum_result thrum_map_take(thrum_map *map, thrum_map_key key, void **value) {
    change c = change_of(map, key, NULL);
    c.hands_back = true;
    (void)carry_out(map, &c); /* it needs no memory */
    if (!c.before) return THRUM_NOT_FOUND;
    *value = c.before;
    return THRUM_OK;
}

thrum_result thrum_map_replace_if_(thrum_map *map, thrum_map_key key, void *expected, void *value) {
    change c = change_of(map, key, value);
    c.only_if = true;
    c.expected = expected;
    return carry_out(map, &c);
}
