/* SPDX-License-Identifier: MIT */
/*
 * Each thread has two crates: it takes the memory of new values out of `ready`, and puts replaced values into
 * `replaced`. A thread retires a full crate as one object. After a grace period rcu's helper puts the crate
 * on the shelf: one callback for CRATE values, which reads none of them. A thread whose `ready` is empty
 * takes a crate from the shelf; where the shelf is empty the thread allocates.
 *
 * So a write of a key that is there calls neither malloc nor free, where values are of about one size, and
 * touches no replaced value. Retired crates hold MOST_AWAY * CRATE values at most, and a crate more for each
 * thread: a thread that finds more waits for the helper. (Where the system refuses the helper's thread,
 * nothing comes back, as after any retire.) The shelf keeps what was in use at the most.
 */
#define _GNU_SOURCE
#include "values.h"

#include <stdlib.h>
#include <string.h>
#include <thrum.h>

enum { CRATE = 32, MOST_AWAY = 1024 };

typedef struct crate {
    thrum_rcu_head retired; /* first */
    struct crate *next;     /* on the shelf */
    unsigned count;
    kv_value *values[CRATE];
} crate;

static thrum_lock shelf_lock;
static crate *shelf;
static thrum_u32 away; /* how many crates are retired */

static void put_on_shelf(crate *c) {
    THRUM_WITH(&shelf_lock) {
        c->next = shelf;
        shelf = c;
    }
}

static crate *take_from_shelf(void) {
    crate *first = NULL;
    THRUM_WITH(&shelf_lock) {
        first = shelf;
        if (first) shelf = first->next;
    }
    return first;
}

static void has_no_readers(thrum_rcu_head *retired) {
    thrum_u32_fetch_sub_relaxed(&away, 1);
    put_on_shelf((crate *)(void *)retired);
}

static void send_away(crate *c) {
    const uint32_t before = thrum_u32_fetch_add_relaxed(&away, 1);
    thrum_rcu_retire(&c->retired, has_no_readers);
    if (before >= MOST_AWAY) (void)!thrum_rcu_barrier();
}

/* ---- a thread's crates; NULL: it has none ---- */

typedef struct crates {
    crate *ready, *replaced, *empty;
} crates;

static void leave_crates(void *own, void *unused) {
    crates *const c = own;
    (void)unused;
    if (c->ready) put_on_shelf(c->ready);
    if (c->replaced) send_away(c->replaced);
    free(c->empty);
}

static thrum_local own_crates = THRUM_LOCAL_INIT(sizeof(crates), NULL, leave_crates, NULL);

/* NULL: there is none. */
static kv_value *take_ready(crates *own) {
    if (!own->ready) own->ready = take_from_shelf();
    crate *const c = own->ready;
    if (!c) return NULL;
    kv_value *const v = c->values[--c->count];
    if (c->count) {
        __builtin_prefetch(c->values[c->count - 1], 1);
        return v;
    }
    own->ready = NULL;
    free(own->empty);
    own->empty = c;
    return v;
}

kv_value *new_value(const char *text, size_t size) {
    crates *const own = thrum_local_get(&own_crates);
    kv_value *v = own ? take_ready(own) : NULL;
    if (v && (v->room < size || v->room / 4 > size + 16)) { /* too small, or a waste */
        free(v);
        v = NULL;
    }
    if (!v) {
        const size_t room = (size + 15) / 16 * 16;
        v = malloc(sizeof *v + room);
        if (!v) return NULL;
        v->room = (unsigned)room;
    }
    v->size = (unsigned)size;
    memcpy(v->bytes, text, size);
    return v;
}

void put_away(kv_value *replaced) {
    crates *const own = thrum_local_get(&own_crates);
    if (own && !own->replaced) {
        own->replaced = own->empty ? own->empty : malloc(sizeof *own->replaced);
        own->empty = NULL;
        if (own->replaced) own->replaced->count = 0;
    }
    if (!own || !own->replaced) { /* no memory for a crate */
        thrum_rcu_synchronize();
        free(replaced);
        return;
    }
    crate *const c = own->replaced;
    c->values[c->count++] = replaced;
    if (c->count < CRATE) return;
    own->replaced = NULL;
    send_away(c);
}
