/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. Where threads wait, for how long, and whose holds they wait for: a table that every slow path adds
 * to.
 *
 * The thread that waits knows where it waits; the thread that releases knows where it held. Neither knows the
 * other, and to write down each holder would cost each acquire. So the waiter asks: before it sleeps it sets
 * the bit of the object by which a release takes the slow way, and the one hold that it met tells on its way
 * out. It is met as often as it is long: the sum over many waits is the share of each holder in the time
 * waited. To charge the last release before the wait's end, as where each release wakes a waiter, would
 * charge a short hold that happened to be the last.
 *
 * profile.I1: nothing here is touched while nothing counts, but `counting`.
 * profile.I2: an entry belongs to its key for ever; the thread that has put the key in fills the names in,
 *     and all add to its sums. Nothing allocates, nothing waits: a signal handler may interrupt any step.
 * profile.I3: a cell is one word, the place and a part of the object's hash: no reader sees the place of one
 *     release with the object of another. Of two objects with one cell and one such part, one in millions of
 *     pairs, each may be charged with the other's holders.
 *
 * In a circle with waited.c: the end of a wait is counted here, and the kind of a wait is named there.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "profile_inside.h"

#include "page.h"
#include "waits.h"

#include <stdlib.h>
#include <string.h>
#include <thrum/futex.h>

enum { ENTRIES = 4096, LOOKS = 64, CELLS = 1024, SPANS = 24 };

/* All relaxed: sums, of which none depends on another. */
static thrum_u32 counting;

typedef struct entry {
    thrum_u64 key; /* 0: free; else a hash of the four that follow */
    thrum_u64 kind, object, site, holder;
    thrum_u64 waits, waited_ns, worst_ns;
    thrum_u32 spans[SPANS]; /* waits shorter than 2^i times 1024 ns, and not in the one before */
} entry;
static entry entries[ENTRIES], others[THRUM_WAIT_KIND_COUNT_];

/* The last release of an object that a waiter was behind. */
typedef struct cell {
    thrum_u64 last; /* profile.I3 */
    thrum_u32 releases;
} cell;
static cell cells[CELLS];
#define PLACE_BITS 48
#define PLACE (((uint64_t)1 << PLACE_BITS) - 1)

static thrum_u64 begun_ns;
static uint64_t
    process; /* its number, where THRUM_PROFILE named a file; else 0. Before main, and then read only */
static char path[1024]; /* as it was named, with its %p */

/* By multiplications with odd numbers, and by shifts that bring the high bits down. */
static uint64_t mixed(uint64_t hash, uint64_t value) {
    hash = (hash ^ value) * UINT64_C(0x9E3779B97F4A7C15);
    return hash ^ hash >> 29;
}

bool thrum_profile_counts(void) {
    return thrum_u32_load_relaxed(&counting);
}

/* ---- holders ---- */

static cell *cell_of(uint64_t object, uint64_t *part) {
    const uint64_t hash = mixed(mixed(0, object), 1);
    *part = hash >> PLACE_BITS << PLACE_BITS;
    return &cells[hash % CELLS];
}

bool thrum_profile_asks_(const void *object) {
    if (!thrum_profile_counts()) return false;
    return thrum_u64_load_relaxed(&thrum_wait_own_()->object) == (uint64_t)(uintptr_t)object;
}

/* A thread that releases amid a wait, a condition's, has called where that wait was called. */
void thrum_profile_let_go_(const void *object, const void *site) {
    if (!thrum_profile_counts() || !site) return;
    const uint64_t of_wait = thrum_u64_load_relaxed(&thrum_wait_own_()->site);
    const uint64_t place = of_wait ? of_wait : (uint64_t)(uintptr_t)site;
    uint64_t part;
    cell *const c = cell_of((uint64_t)(uintptr_t)object, &part);
    thrum_u64_store_relaxed(&c->last, part | (place & PLACE));
    (void)thrum_u32_fetch_add_relaxed(&c->releases, 1);
}

uint32_t thrum_profile_releases_(uint64_t object) {
    uint64_t part;
    return thrum_u32_load_relaxed(&cell_of(object, &part)->releases);
}

/* Where it was released during a wait that began when `releases` were told; 0: not known. */
static uint64_t holder_of(uint64_t object, uint32_t releases) {
    uint64_t part;
    const cell *const c = cell_of(object, &part);
    if (thrum_u32_load_relaxed(&c->releases) == releases) return 0;
    const uint64_t last = thrum_u64_load_relaxed(&c->last);
    return (last & ~PLACE) == part ? last & PLACE : 0;
}

/* ---- counting ---- */

static entry *find(uint32_t kind, uint64_t object, uint64_t site, uint64_t holder) {
    const uint64_t hash = mixed(mixed(mixed(mixed(kind, object), site), holder), 1);
    const uint64_t key = hash ? hash : 1;
    for (unsigned i = 0; i < LOOKS; i++) {
        entry *const e = &entries[(key + i) % ENTRIES];
        uint64_t seen = thrum_u64_load_relaxed(&e->key);
        if (seen == key) return e;
        if (seen != 0) continue;
        if (thrum_u64_cas_relaxed(&e->key, &seen, key)) { /* profile.I2 */
            thrum_u64_store_relaxed(&e->kind, kind);
            thrum_u64_store_relaxed(&e->object, object);
            thrum_u64_store_relaxed(&e->site, site);
            thrum_u64_store_relaxed(&e->holder, holder);
            return e;
        }
        if (seen == key) return e;
    }
    return &others[kind];
}

static unsigned span_of(uint64_t ns) {
    unsigned span = 0;
    for (uint64_t us = ns >> 10; us && span < SPANS - 1; us >>= 1) span++;
    return span;
}

void thrum_profile_count_(uint32_t kind, uint64_t object, uint64_t site, uint32_t releases, uint64_t ns) {
    entry *const e = find(kind, object, site, holder_of(object, releases));
    (void)thrum_u64_fetch_add_relaxed(&e->waits, 1);
    (void)thrum_u64_fetch_add_relaxed(&e->waited_ns, ns);
    (void)thrum_u32_fetch_add_relaxed(&e->spans[span_of(ns)], 1);
    uint64_t worst_ns = thrum_u64_load_relaxed(&e->worst_ns);
    while (worst_ns < ns && !thrum_u64_cas_relaxed(&e->worst_ns, &worst_ns, ns)) continue;
}

void thrum_profile_begin(void) {
    uint64_t never = 0;
    (void)thrum_u64_cas_relaxed(&begun_ns, &never, thrum_futex_now_ns());
    thrum_u32_store_relaxed(&counting, 1);
}

void thrum_profile_end(void) {
    thrum_u32_store_relaxed(&counting, 0);
}

void thrum_profile_reset_after_fork(void) {
    if (!thrum_u64_load_relaxed(&begun_ns)) return; /* profile.I1 */
    memset(entries, 0, sizeof entries);
    memset(others, 0, sizeof others);
    memset(cells, 0, sizeof cells);
    thrum_u64_store_relaxed(&begun_ns, thrum_futex_now_ns());
}

/* ---- writing ---- */

static void say_entry(thrum_page_ *to, const char *what, uint64_t kind, const entry *e) {
    if (!thrum_u64_load_relaxed(&e->waits)) return;
    const thrum_u64 *const numbers[] = {&e->object, &e->site,      &e->holder,
                                        &e->waits,  &e->waited_ns, &e->worst_ns};
    thrum_say_(to, what);
    thrum_say_(to, " ");
    thrum_say_number_(to, kind, 10, 0);
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        thrum_say_(to, " ");
        thrum_say_number_(to, thrum_u64_load_relaxed(numbers[i]), 16, 0);
    }
    for (unsigned i = 0; i < SPANS; i++) {
        const uint32_t waits = thrum_u32_load_relaxed(&e->spans[i]);
        if (!waits) continue;
        thrum_say_(to, " ");
        thrum_say_number_(to, i, 10, 0);
        thrum_say_(to, ":");
        thrum_say_number_(to, waits, 16, 0);
    }
    thrum_say_(to, "\n");
}

static void say_all(thrum_page_ *to) {
    const uint64_t since_ns = thrum_u64_load_relaxed(&begun_ns);
    thrum_say_(to, "thrum profile 1\nprocess ");
    thrum_say_number_(to, thrum_futex_thread() >> 32, 10, 0);
    thrum_say_(to, "\nns ");
    thrum_say_number_(to, since_ns ? thrum_futex_now_ns() - since_ns : 0, 16, 0);
    thrum_say_(to, "\n");
    for (uint32_t kind = 1; kind < THRUM_WAIT_KIND_COUNT_; kind++) {
        thrum_say_(to, "kind ");
        thrum_say_number_(to, kind, 10, 0);
        thrum_say_(to, " ");
        thrum_say_(to, thrum_wait_kind_name_(kind));
        thrum_say_(to, "\n");
    }
    for (unsigned i = 0; i < ENTRIES; i++)
        say_entry(to, "wait", thrum_u64_load_relaxed(&entries[i].kind), &entries[i]);
    for (uint32_t kind = 1; kind < THRUM_WAIT_KIND_COUNT_; kind++)
        say_entry(to, "others", kind, &others[kind]);
    thrum_page_flush_(to);
}

thrum_result thrum_profile_write(int fd) {
    thrum_page_ to = {.fd = fd};
    say_all(&to);
    if (to.failed || !thrum_futex_copy_file_("/proc/self/maps", fd)) return THRUM_FAILED;
    thrum_say_(&to, "end\n");
    thrum_page_flush_(&to);
    return to.failed ? THRUM_FAILED : THRUM_OK;
}

/* ---- a file, by THRUM_PROFILE ---- */

/*
 * The file's name, the process's number in the place of each %p; whether there is one. False: it is too long.
 */
static bool name_file(char *name, size_t size, bool *own) {
    size_t length = 0;
    *own = false;
    for (const char *from = path; *from; from++) {
        char digits[24] = {*from, 0};
        if (from[0] == '%' && from[1] == 'p') {
            char *digit = digits + sizeof digits - 1;
            for (uint64_t number = thrum_futex_thread() >> 32; number; number /= 10)
                *--digit = (char)('0' + number % 10);
            memmove(digits, digit, strlen(digit) + 1);
            *own = true;
            from++;
        }
        if (length + strlen(digits) >= size) return false;
        memcpy(name + length, digits, strlen(digits) + 1);
        length += strlen(digits);
    }
    return length > 0;
}

__attribute__((constructor)) static void begin_as_asked(void) {
    const char *const asked = secure_getenv("THRUM_PROFILE");
    char name[sizeof path];
    bool own;
    if (!asked || strlen(asked) >= sizeof path) return;
    memcpy(path, asked, strlen(asked) + 1);
    if (!name_file(name, sizeof name, &own)) return;
    const int file = thrum_futex_open_to_write_(name, true);
    if (file < 0) return;
    thrum_futex_close_(file);
    process = thrum_futex_thread() >> 32;
    thrum_profile_begin();
}

/* A forked child has a file where its number names one. */
__attribute__((destructor)) static void end_as_asked(void) {
    char name[sizeof path];
    bool own;
    if (!process || !name_file(name, sizeof name, &own)) return;
    if (!own && process != thrum_futex_thread() >> 32) return;
    const int file = thrum_futex_open_to_write_(name, false);
    if (file < 0) return;
    THRUM_IGNORE_(thrum_profile_write(file));
    thrum_futex_close_(file);
}
