/* SPDX-License-Identifier: MIT */
/*
 * map: keys and values in a hash table that readers search without waiting for anybody; on liburcu's
 * lock-free table.
 *
 * Floor 3, in libthrum.
 *
 * Cost        a look-up is a hash, a walk along one short chain, and a comparison, inside a read section
 *             (thrum/rcu.h); it writes nothing. A change takes no lock; it waits only as a retire does,
 *             where more is to be destroyed than thrum/rcu.h allows. The table grows
 *             and shrinks in rcu's helper thread, a doubling at a time, while everybody goes on.
 * Keys        a text, bytes, or a number; the map copies them. A text is the same key as its bytes without
 *             the final NUL; no number is the same as any bytes. Hashes are seeded anew for each map, not
 *             cryptographic.
 * Values      pointers, not NULL. Each is the caller's until a put or add has taken it; from then on the
 *             map's. When a value has left the map and no read section can be seeing it, the map's `destroy`
 *             is called with it, in rcu's helper thread, as thrum/rcu.h says. What a value points at is
 *             changed as any memory that threads share; where readers are to see whole values, a writer
 *             puts new ones.
 * Iteration   a visit of all entries is a read section. It sees each key once that is there from its
 *             beginning to its end, with one of the values that it has meanwhile; one that comes or goes
 *             meanwhile it may see or not.
 * Memory      where there is none for a new entry, that is a result. The table asks, before it grows, whether
 *             there is enough, and otherwise stays as it is; liburcu, which then takes it, aborts if there is
 *             none after all.
 * Fork        a child has the map as it was.
 *
 *     if (thrum_map_put(users, thrum_key("alice"), newcomer) != THRUM_OK) free(newcomer);
 *     ...
 *     THRUM_WITH_RCU {
 *         const struct user *u = (const struct user *)thrum_map_get(users, thrum_key("alice"));
 *         if (u) balance = u->balance;                          // *u stays until the block ends
 *     }
 *
 * Memory order: what happened before a put or add is seen by a reader of the value; what was done with it in
 * read sections happens before its destroy.
 *
 * Any thread; not signal handlers. Changes are allowed in read sections and outside.
 *
 * The table is that of liburcu's rculfhash (Desnoyers and Lai), after Shalev and Shavit, Split-Ordered Lists,
 * 2006.
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
 * Ends the map: the caller says that nobody will begin to use it any more. Waits as a change does, not for
 * readers: read sections that have begun go on with it; after them all values are destroyed, and the map is
 * gone.
 */
THRUM_API void thrum_map_free(thrum_map *map);

/*
 * The value of the key, NULL if there is none. Only in a read section, and valid until its end. The key's
 * bytes must not be NULL, even when there are none.
 */
THRUM_API void *thrum_map_get(const thrum_map *map, thrum_map_key key);

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

/* Takes the key and its value out. THRUM_OK; THRUM_NOT_FOUND: there is none. */
THRUM_API thrum_result thrum_map_remove(thrum_map *map, thrum_map_key key);

/* How many entries there are, give or take those that come and go meanwhile. */
THRUM_API size_t thrum_map_count(const thrum_map *map);

/*
 * What is to be done with each entry; false ends the visit. It may change the map. Whatever way it is left,
 * the visit's read section ends.
 */
typedef bool thrum_map_visit(thrum_map_key key, void *value, void *argument);

/* Visits the entries, in no order, within a read section. Keys are the map's, and valid as values are. */
THRUM_API void thrum_map_each(const thrum_map *map, thrum_map_visit *visit, void *argument);

/* Writes "map: 3 entries, 8 buckets", as thrum_lock_describe. */
THRUM_API size_t thrum_map_describe(const thrum_map *map, char *text, size_t size);

THRUM_END_DECLS

#endif
