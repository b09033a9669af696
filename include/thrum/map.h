/* SPDX-License-Identifier: MIT */
/*
 * map: keys and values in a hash table that readers search without waiting for anybody.
 *
 * Floor 3, in libthrum.
 *
 * Cost        a look-up is a hash, and a look at one cache line, sometimes a second one, inside a read
 *             section (thrum/rcu.h); it writes nothing, and does not wait. It looks again when an entry
 *             beside the one that it looks at has been taken out meanwhile. A change locks its cache line,
 *             and waits only for a change of the same line; and as a retire does, where more is to be
 *             destroyed than thrum/rcu.h allows. The table grows and shrinks by a few lines at a time, in the
 *             threads that change it, while everybody goes on.
 * Keys        a text, bytes, or a number; the map copies them. A text is the same key as its bytes without
 *             the final NUL; no number is the same as any bytes. Hashes are seeded anew for each map, not
 *             cryptographic; a function of the caller's may make them.
 * Values      pointers, not NULL. Each is the caller's until a change has taken it; from then on the map's.
 *             When a value has left the map and no read section can be seeing it, the map's `destroy` is
 *             called with it, in rcu's helper thread, as thrum/rcu.h says; but for one that a change has
 *             handed back, which is the caller's again. What a value points at is changed as any memory that
 *             threads share; where readers are to see whole values, a writer puts new ones.
 * Iteration   a visit of all entries is a read section. It sees each key once that is there from its
 *             beginning to its end, with one of the values that it has meanwhile; one that comes or goes
 *             meanwhile it may see or not.
 * Memory      some 31 bytes an entry; a key of bytes has 48 bytes and itself beside that. Some 7 kB for a
 *             map with nothing in it. Where there is none for a change, that is a result, and nothing has
 *             changed; where there is none to grow, the table stays as it is, and look-ups take longer.
 * Fork        a child has the map as it was.
 *
 *     if (thrum_map_put(users, thrum_key("alice"), newcomer) != THRUM_OK) free(newcomer);
 *     ...
 *     THRUM_WITH_RCU {
 *         const struct user *u = (const struct user *)thrum_map_get(users, thrum_key("alice"));
 *         if (u) balance = u->balance;                          // *u stays until the block ends
 *     }
 *
 * Memory order: what happened before a change is seen by a reader of the value that it has put; what was done
 * with a value in read sections happens before its destroy.
 *
 * Any thread; not signal handlers. Changes are allowed in read sections and outside.
 *
 * Buckets that are cache lines are those of CLHT (David, Guerraoui, Trigonakis, Asynchronized Concurrency,
 * 2015); growth by one bucket at a time is linear hashing (Litwin, 1980).
 */
#ifndef THRUM_MAP_H
#define THRUM_MAP_H

#include <thrum/rcu.h>

#include <string.h>

typedef struct thrum_map thrum_map;

/* A key, as an argument. */
typedef struct thrum_map_key {
    const void *bytes; /* NULL: the key is a number */
    uint64_t number;   /* or how many bytes */
} thrum_map_key;

/* All-zero is valid, and what NULL stands for. */
typedef struct thrum_map_config {
    void (*destroy)(void *value); /* NULL: values are not destroyed */
    size_t expected;              /* how many entries there will be, about: what the table begins with */
    /*
     * NULL: the map's own. Equal keys have equal hashes, and all 64 bits differ where keys do; `seed` is the
     * map's. Every look-up and every change calls it, also amid changes: it computes, and calls nothing of
     * thrum's.
     */
    uint64_t (*hash)(thrum_map_key key, uint64_t seed);
} thrum_map_config;

THRUM_BEGIN_DECLS

/* Keys for one call: so many bytes, a text, a number. They point at what they are made of. */
THRUM_INLINE thrum_map_key thrum_key_bytes(const void *bytes, size_t size) {
    const thrum_map_key key = {bytes, size};
    return key;
}
THRUM_INLINE thrum_map_key thrum_key(const char *text) {
    return thrum_key_bytes(text, strlen(text));
}
THRUM_INLINE thrum_map_key thrum_key_number(uint64_t number) {
    const thrum_map_key key = {NULL, number};
    return key;
}

/* Makes an empty map. THRUM_OK; THRUM_NO_MEMORY; THRUM_LIMIT: more is expected than any memory holds. */
THRUM_API THRUM_MUST_USE thrum_result thrum_map_new(thrum_map **map, const thrum_map_config *config);

/*
 * Ends the map. Every use of it happened before, or is in a read section that began before: that one goes on
 * with it, reading or changing. After all such sections the values are destroyed, and the map is gone. Waits
 * as a change does, not for those sections.
 */
THRUM_API void thrum_map_free(thrum_map *map);

/*
 * The value of the key, NULL if there is none. Only in a read section, and valid until its end. The key's
 * bytes must not be NULL, even when there are none.
 */
THRUM_API void *thrum_map_get(const thrum_map *map, thrum_map_key key);

/*
 * Copies `size` bytes of what the key's value points at, in a read section of its own. False: there is no
 * such key, and nothing is copied.
 */
THRUM_API bool thrum_map_copy(const thrum_map *map, thrum_map_key key, void *into, size_t size);

/*
 * Puts the value under the key, in the place of the one that is there. THRUM_OK; THRUM_INVALID: the value is
 * NULL; THRUM_NO_MEMORY: then nothing has changed, and the value is the caller's.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_map_put(thrum_map *map, thrum_map_key key, void *value);

/*
 * The same if there is none under that key. THRUM_EXISTS: there is; nothing has changed, and the value is the
 * caller's.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_map_add(thrum_map *map, thrum_map_key key, void *value);

/*
 * As put, and hands back the value that was there in `*before`, or NULL. Readers may be looking at it: it is
 * to be retired (thrum_rcu_retire), not freed.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_map_exchange(thrum_map *map, thrum_map_key key, void *value,
                                                         void **before);

/*
 * Takes the key and its value out. THRUM_OK; THRUM_NOT_FOUND: there is none; THRUM_NO_MEMORY, only where a
 * number's value is to be destroyed: then nothing has changed.
 */
THRUM_API thrum_result thrum_map_remove(thrum_map *map, thrum_map_key key);

/* As remove, and hands back the value as exchange does. THRUM_OK; THRUM_NOT_FOUND. */
THRUM_API THRUM_MUST_USE thrum_result thrum_map_take(thrum_map *map, thrum_map_key key, void **value);

/* What a key's value is to become: `value` is the one that is there, NULL if there is none. NULL: none. */
typedef void *thrum_map_change(thrum_map_key key, void *value, void *argument);

/*
 * Makes the key's value another one, in one step: the function is called with the one that is there, and what
 * it returns takes its place if that one is still there; otherwise it is called again. What it returned in
 * vain is destroyed at once, as the value would have been. It runs in a read section, with nothing locked;
 * whatever way it is left, the section ends. THRUM_OK; THRUM_NO_MEMORY: nothing has changed.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_map_compute(thrum_map *map, thrum_map_key key,
                                                        thrum_map_change *change, void *argument);

/*
 * Makes the table large enough for so many entries, now; it does not shrink below that any more. THRUM_OK;
 * THRUM_LIMIT: no memory holds so many; THRUM_NO_MEMORY: it has grown as far as there was memory.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_map_reserve(thrum_map *map, size_t entries);

/* How many entries there are, give or take those that come and go meanwhile. */
THRUM_API size_t thrum_map_count(const thrum_map *map);

/*
 * What is to be done with each entry; false ends the visit. It may change the map. Whatever way it is left,
 * the visit's read section ends.
 */
typedef bool thrum_map_visit(thrum_map_key key, void *value, void *argument);

/* Visits the entries, in no order, within a read section. Keys are the map's, and valid as values are. */
THRUM_API void thrum_map_each(const thrum_map *map, thrum_map_visit *visit, void *argument);

/*
 * Visits the entries and takes those out for which the function returns true, each only if it still has the
 * value that the function saw. How many those were comes into `*removed`, unless that is NULL. THRUM_OK;
 * THRUM_NO_MEMORY, as remove: the visit has ended there.
 */
THRUM_API thrum_result thrum_map_remove_if(thrum_map *map, thrum_map_visit *is_removed, void *argument,
                                           size_t *removed);

/* Writes "map: 3 entries, 8 buckets", as thrum_lock_describe. */
THRUM_API size_t thrum_map_describe(const thrum_map *map, char *text, size_t size);

THRUM_END_DECLS

#endif
