/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. Thread-local objects.
 *
 * A local that has been touched owns an index into the process's table of entries, and a key: a serial that
 * is never given again, and the index. A thread's table has at each index the key of the value that it keeps
 * there.
 *
 * local.V1: a value is in the list of its entry from its making until a thread takes it out, holding
 *     `locals`: its own thread, at its end or by clear, or the object's destroyer. The thread that took it
 *     out destroys it, with `locals` free.
 * local.V2: an entry's key is its local's; 0 when it is free. So a thread whose slot has another key than the
 *     entry knows that the object was destroyed, and with it the value: it does not follow the pointer.
 * local.V3: slot 0 belongs to no local, and its key is not 0: so a local that nobody has touched, whose key
 *     is 0, matches nothing.
 * local.V4: a thread that has a table has a value at `until_end`, whose destructor runs in every further
 *     round that the C library makes, up to THRUM_LAST_ROUND. A round passes over the table until nothing is
 *     there; what would be made in the last pass is refused. So a round leaves no value and no table, and
 *     need not know whether it is the last: in a thread that touches its first local in a destructor of
 *     another key, the count starts late. After the last round that a thread counts, nothing is made.
 * local.V5: a destructor is shielded (hooks_call.c): whatever way it is left, its value is freed and the
 *     others are destroyed.
 * local.V6: the values of inherited locals lie in a table of their own, the thread's context, in any order.
 *     So a context is copied, put in force and taken out of force as a whole, without memory
 *     (local_context.c).
 * local.V7: the memory of each table, and of what a context waits in, hangs on a list until it is freed. A
 *     fork holds `locals`: the child frees the tables of threads that it does not have. It keeps their
 *     contexts: entries and jobs that the child does not use still point to them, so they are no leak.
 *
 * In a circle with local_context.c, registry_fork.c: a context has values of locals, a first use is made
 * there, and a fork holds `locals`.
 */
#include "record.h"

#include "../atomic/dead_frames.h"
#include "../futex/errno_kept.h"
#include "../rcu/size.h"
#include "prepare.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thrum/local.h>
#include <thrum/self.h>

enum {
    INDEX_BITS = 16,
    CHUNK = 256,
    CHUNKS = (1 << INDEX_BITS) / CHUNK,
    FEWEST_SLOTS = 16,
    FEWEST_IN_CONTEXT = 2,
    PASSES = 4
};

typedef struct value {
    struct value *next, **place; /* in the entry's list */
    uint64_t key;
    max_align_t data[];
} value;

typedef struct entry {
    uint64_t key; /* local.V2 */
    value *values;
    size_t size;
    thrum_local_destructor *destroy;
    thrum_local_copier *copy;
    void *argument;
    uint32_t next_free;
} entry;

typedef struct space {
    struct space *next, **place; /* local.V7 */
    max_align_t data[];
} space;

__thread thrum_local_table_ thrum_local_table_now_;
__thread thrum_local_table_ thrum_local_context_now_; /* local.V6 */
static __thread unsigned rounds;                      /* of destructors that this thread has seen */
static __thread bool refusing;                        /* local.V4 */

thrum_lock thrum_locals_; /* the guard of all below, and of local.V1 */
static entry *chunks[CHUNKS];
static space *tables, *contexts; /* local.V7 */
static uint32_t used = 1;        /* local.V3 */
static uint32_t first_free;
static uint64_t last_serial;

static pthread_key_t until_end;

static entry *entry_at(uint64_t key) {
    const uint32_t index = (uint32_t)key & ((1u << INDEX_BITS) - 1);
    return &chunks[index / CHUNK][index % CHUNK];
}

/* ---- keys ---- */

/* An index that no local has; 0 when there is none, with the reason. Holding `locals`. */
static uint32_t take_index(thrum_result *result) {
    if (first_free) {
        const uint32_t index = first_free;
        first_free = entry_at(index)->next_free;
        return index;
    }
    *result = THRUM_LIMIT;
    if (used == 1u << INDEX_BITS) return 0;
    *result = THRUM_NO_MEMORY;
    if (!chunks[used / CHUNK]) chunks[used / CHUNK] = calloc(CHUNK, sizeof(entry));
    return chunks[used / CHUNK] ? used++ : 0;
}

/* The local's key; 0 when it can have none, with the reason. */
static uint64_t key_of(thrum_local *local, thrum_result *result) {
    thrum_lock_acquire(&thrum_locals_);
    uint64_t key = thrum_u64_load_relaxed(&local->key_); /* relaxed: `locals` is held */
    if (key == 0) {
        const uint32_t index = take_index(result);
        if (index) {
            key = ++last_serial << INDEX_BITS | index | (local->copy ? THRUM_LOCAL_INHERITED_KEY_ : 0);
            *entry_at(key) = (entry){.key = key,
                                     .size = local->size,
                                     .destroy = local->destroy,
                                     .copy = local->copy,
                                     .argument = local->argument};
            thrum_u64_store_relaxed(&local->key_,
                                    key); /* relaxed: a look without `locals` only compares it */
        }
    }
    thrum_lock_release(&thrum_locals_);
    return key;
}

/* ---- the memory of tables; local.V7 ---- */

static space *space_of(void *data) {
    return data ? (space *)((char *)data - offsetof(space, data)) : NULL;
}

/* Zeroed; NULL: no memory. */
static void *make_space(space **list, size_t count, size_t each) {
    space *s;
    size_t size;
    s = thrum_size_(sizeof *s, count, each, &size) ? calloc(1, size) : NULL;
    if (!s) return NULL;
    thrum_lock_acquire(&thrum_locals_);
    s->next = *list;
    s->place = list;
    if (s->next) s->next->place = &s->next;
    *list = s;
    thrum_lock_release(&thrum_locals_);
    return s->data;
}

static void free_space(void *data) {
    space *const s = space_of(data);
    if (!s) return;
    thrum_lock_acquire(&thrum_locals_);
    *s->place = s->next;
    if (s->next) s->next->place = s->place;
    thrum_lock_release(&thrum_locals_);
    free(s);
}

void *thrum_context_space_(size_t count, size_t each) {
    return make_space(&contexts, count, each);
}

void thrum_context_free_space_(void *data) {
    free_space(data);
}

static bool enlarge(thrum_local_table_ *table, size_t count, space **list) {
    thrum_local_slot_ *const slots = make_space(list, count, sizeof *slots);
    if (!slots) return false;
    if (table->count) memcpy(slots, table->slots, table->count * sizeof *slots);
    free_space(table->slots);
    *table = (thrum_local_table_){count, slots};
    return true;
}

void thrum_local_begin_in_child_(void) {
    space *const own = space_of(thrum_local_table_now_.slots);
    for (space *s = tables, *next; s; s = next) {
        next = s->next;
        if (s != own) free(s);
    }
    tables = own;
    if (!own) return;
    own->next = NULL;
    own->place = &tables;
}

/* ---- the end of a value ---- */

/* Takes it out of its entry's list. Holding `locals`. */
static void take_out(value *v) {
    *v->place = v->next;
    if (v->next) v->next->place = v->place;
}

/* local.V5 */
static void destroy(value *v, thrum_local_destructor *destructor, void *argument) {
    pthread_cleanup_push(free, v);
    if (destructor) destructor(v->data, argument);
    pthread_cleanup_pop(1);
}

/* Values that are in no list of an entry's any more, and how to destroy them. */
struct doomed {
    value *first;
    thrum_local_destructor *destructor;
    void *argument;
};

static bool destroy_first(void *p) {
    struct doomed *const doomed = p;
    value *const v = doomed->first;
    if (!v) return false;
    doomed->first = v->next;
    destroy(v, doomed->destructor, doomed->argument);
    return true;
}

/* Empties a slot of the calling thread's. */
static void empty(void *p) {
    thrum_local_slot_ *const slot = p;
    const uint64_t key = slot->key;
    value *const v = slot->value ? (value *)((char *)slot->value - offsetof(value, data)) : NULL;
    *slot = (thrum_local_slot_){0, NULL};
    if (!v) return;
    thrum_lock_acquire(&thrum_locals_);
    const entry found = *entry_at(key);
    if (found.key == key) take_out(v); /* local.V2 */
    thrum_lock_release(&thrum_locals_);
    if (found.key == key) destroy(v, found.destroy, found.argument); /* local.V1 */
}

struct emptying {
    bool all; /* or the context alone */
    int pass;
    size_t in_context, index;
    bool any; /* the pass has met a value */
};

/* The next slot with a value; destructors may have enlarged the table. */
static thrum_local_slot_ *next_value(const thrum_local_table_ *table, size_t *index) {
    while (*index < table->count && !table->slots[*index].value) table->slots[(*index)++].key = 0;
    return *index < table->count ? &table->slots[(*index)++] : NULL;
}

static thrum_local_slot_ *next_of_pass(struct emptying *at) {
    thrum_local_slot_ *const slot = next_value(&thrum_local_context_now_, &at->in_context);
    return slot || !at->all ? slot : next_value(&thrum_local_table_now_, &at->index);
}

/* local.V4: the pass after the last one meets nothing. */
static bool empty_next(void *p) {
    struct emptying *const at = p;
    thrum_local_slot_ *slot = next_of_pass(at);
    if (!slot && at->any) {
        *at = (struct emptying){.all = at->all, .pass = at->pass + 1, .index = 1};
        slot = next_of_pass(at);
    }
    if (!slot) return false;
    at->any = true;
    if (at->pass == PASSES) refusing = true;
    empty(slot);
    return true;
}

static void free_table(thrum_local_table_ *table) {
    free_space(table->slots);
    *table = (thrum_local_table_){0, NULL};
}

static void free_tables(void *p) {
    const struct emptying *const at = p;
    refusing = rounds >= THRUM_LAST_ROUND;
    free_table(&thrum_local_context_now_);
    if (at->all) free_table(&thrum_local_table_now_);
}

static void empty_for_good(bool all) {
    struct emptying at = {.all = all, .pass = 1, .index = 1};
    pthread_cleanup_push(free_tables, &at);
    thrum_hooks_each_(empty_next, &at);
    pthread_cleanup_pop(1);
}

void thrum_local_end_context_(void) {
    empty_for_good(false);
}

/* A round of the thread's end. */
static void end(void *table) {
    thrum_frames_have_ended_(); /* dead_frames.D2 */
    if (++rounds < THRUM_LAST_ROUND) (void)pthread_setspecific(until_end, table);
    empty_for_good(true);
}

void thrum_local_finish_(void) {
    rounds = THRUM_LAST_ROUND;
    empty_for_good(true);
}

/* The slot of a value that the calling thread has. */
static thrum_local_slot_ *slot_of(uint64_t key) {
    if (!(key & THRUM_LOCAL_INHERITED_KEY_))
        return &thrum_local_table_now_.slots[key & ((1u << INDEX_BITS) - 1)];
    thrum_local_slot_ *slot = thrum_local_context_now_.slots;
    while (slot->key != key) slot++;
    return slot;
}

void thrum_local_clear(thrum_local *local) {
    if (!thrum_local_peek(local)) return;
    THRUM_KEEPS_ERRNO_;
    thrum_hooks_shield_(empty, slot_of(thrum_u64_load_relaxed(&local->key_)));
}

void thrum_local_destroy(thrum_local *local) {
    THRUM_KEEPS_ERRNO_;
    thrum_lock_acquire(&thrum_locals_);
    const uint64_t key = thrum_u64_exchange_relaxed(&local->key_, 0); /* relaxed: `locals` is held */
    entry old = {.values = NULL};
    if (key) {
        entry *const e = entry_at(key);
        old = *e;
        *e = (entry){.key = 0, .next_free = first_free}; /* local.V2 */
        first_free = (uint32_t)key & ((1u << INDEX_BITS) - 1);
    }
    thrum_lock_release(&thrum_locals_);
    struct doomed doomed = {old.values, old.destroy, old.argument}; /* local.V1: all were taken out at once */
    if (doomed.first) thrum_hooks_each_(destroy_first, &doomed);
}

size_t thrum_local_describe(const thrum_local *local, char *text, size_t size) {
    size_t count = 0;
    thrum_lock_acquire(&thrum_locals_);
    const uint64_t key = thrum_u64_load_relaxed(&local->key_); /* relaxed: `locals` is held */
    for (const value *v = key ? entry_at(key)->values : NULL; v; v = v->next) count++;
    thrum_lock_release(&thrum_locals_);
    const int length = snprintf(text, size, "local of %zu bytes: %zu values", local->size, count);
    return length < 0 ? 0 : (size_t)length;
}

/* ---- the first touch ---- */

static thrum_result make_key(void) {
    static bool has_key;
    thrum_self_pin_(&has_key);
    has_key = has_key || pthread_key_create(&until_end, end) == 0;
    return has_key ? thrum_fork_prepare_() : THRUM_NO_MEMORY;
}

static bool keep_until_end(void) {
    return pthread_setspecific(until_end, &thrum_local_table_now_) == 0; /* local.V4 */
}

/* Room for the index in the calling thread's table. */
static bool make_room(size_t index) {
    thrum_local_table_ *const table = &thrum_local_table_now_;
    if (index < table->count) return true;
    if (!keep_until_end()) return false;
    size_t count = table->count ? table->count : FEWEST_SLOTS;
    while (count <= index) count *= 2;
    if (!enlarge(table, count, &tables)) return false;
    table->slots[0].key = 1; /* local.V3 */
    return true;
}

/* A place in the calling thread's context, if need be that of a local that is gone; local.V6. */
static thrum_local_slot_ *room_in_context(void) {
    thrum_local_table_ *const context = &thrum_local_context_now_;
    thrum_local_slot_ *room = NULL;
    thrum_lock_acquire(&thrum_locals_);
    for (size_t i = 0; i < context->count && !room; i++) {
        thrum_local_slot_ *const slot = &context->slots[i];
        if (!slot->value || entry_at(slot->key)->key != slot->key) room = slot; /* local.V2 */
    }
    thrum_lock_release(&thrum_locals_);
    if (room) return room;
    if (!keep_until_end()) return NULL;
    const size_t count = context->count;
    const bool made = enlarge(context, count ? 2 * count : FEWEST_IN_CONTEXT, &contexts);
    return made ? &context->slots[count] : NULL;
}

/* Where the calling thread is to keep a value; NULL: no memory. */
static thrum_local_slot_ *room_for(uint64_t key) {
    if (key & THRUM_LOCAL_INHERITED_KEY_) return room_in_context();
    const size_t index = key & ((1u << INDEX_BITS) - 1);
    return make_room(index) ? &thrum_local_table_now_.slots[index] : NULL;
}

/* local.V1 */
static void list(value *v, uint64_t key) {
    v->key = key;
    thrum_lock_acquire(&thrum_locals_);
    entry *const e = entry_at(key);
    v->next = e->values;
    v->place = &e->values;
    if (v->next) v->next->place = &v->next;
    e->values = v;
    thrum_lock_release(&thrum_locals_);
}

struct initialisation {
    const thrum_local *local;
    value *of;
    thrum_result result;
};

static void initialise(void *p) {
    struct initialisation *const i = p;
    i->result = i->local->initialise(i->of->data, i->local->argument);
}

/* A value that is initialised and not yet listed; freed when the initialiser does not return. */
static value *make_value(const thrum_local *local, thrum_result *result) {
    *result = THRUM_NO_MEMORY;
    size_t size;
    value *v = thrum_size_(sizeof *v, local->size, 1, &size) ? calloc(1, size) : NULL;
    if (!v || !local->initialise) return v;
    thrum_guard_ dropping = {free, v, NULL};
    struct initialisation i = {local, v, THRUM_CANCELLED};
    if (!thrum_self_call_(&dropping, initialise, &i)) v = NULL; /* freed meanwhile */
    *result = v ? i.result : THRUM_CANCELLED;
    if (*result == THRUM_OK) return v;
    free(v);
    return NULL;
}

static void *make(thrum_local *local, thrum_result *result) {
    *result = THRUM_FINALIZING;
    if (refusing) return NULL; /* local.V4 */
    static thrum_first_use_ prepared;
    *result = thrum_first_use_run_(&prepared, make_key);
    if (*result != THRUM_OK) return NULL;
    const uint64_t key = key_of(local, result);
    if (!key) return NULL;
    value *const v = make_value(local, result);
    if (!v) return NULL;
    thrum_local_slot_ *const slot = room_for(key); /* after the initialiser, which may have made some */
    if (!slot) {
        entry *const e = entry_at(key);
        struct doomed doomed = {v, e->destroy, e->argument};
        v->next = NULL;
        thrum_hooks_each_(destroy_first, &doomed);
        *result = THRUM_NO_MEMORY;
        return NULL;
    }
    list(v, key);
    *slot = (thrum_local_slot_){key, v->data};
    *result = THRUM_OK;
    return v->data;
}

void *thrum_local_make_(thrum_local *local, thrum_result *result) {
    THRUM_KEEPS_ERRNO_;
    return make(local, result);
}

/* ---- inheriting ---- */

struct copying {
    thrum_local_copier *copy;
    void *argument;
    const void *from;
    value *to;
    thrum_result result;
};

static void copy(void *p) {
    struct copying *const c = p;
    c->result = c->copy(c->to->data, c->from, c->argument);
}

thrum_result thrum_local_copy_(thrum_local_slot_ from, thrum_local_slot_ *to) {
    *to = (thrum_local_slot_){0, NULL};
    if (!from.value) return THRUM_OK;
    thrum_lock_acquire(&thrum_locals_);
    const entry found = *entry_at(from.key);
    thrum_lock_release(&thrum_locals_);
    if (found.key != from.key) return THRUM_OK; /* local.V2 */
    value *v;
    size_t bytes;
    v = thrum_size_(sizeof *v, 1, found.size, &bytes) ? calloc(1, bytes) : NULL;
    if (!v) return THRUM_NO_MEMORY;
    thrum_guard_ dropping = {free, v, NULL};
    struct copying copying = {found.copy, found.argument, from.value, v, THRUM_CANCELLED};
    if (!thrum_self_call_(&dropping, copy, &copying)) return THRUM_CANCELLED; /* freed meanwhile */
    if (copying.result != THRUM_OK) {
        free(v);
        return copying.result;
    }
    list(v, from.key);
    *to = (thrum_local_slot_){from.key, v->data};
    return THRUM_OK;
}
