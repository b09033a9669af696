/* SPDX-License-Identifier: MIT */
/*
 * Plain memory: which thread read and wrote each byte when, in cells of eight bytes.
 *
 * races.I1: two accesses to a byte, one of them a write and not both atomic, are ordered, or the execution
 *     fails.
 * races.I2: nothing accesses a freed byte, and every access before is ordered before the free.
 * races.I3: what an execution wrote outside the threads' stacks is undone after it: every write is announced
 *     before it is made, and the first one to a cell saves what was there.
 */
#include "engine.h"

#include <string.h>

enum { CELL = 8, CELLS = 4096 /* a power of two */, ACCESSES_MAX = 100000 };

typedef struct byte_times {
    uint16_t wrote, writer;
    uint16_t read[THREADS];
} byte_times;

typedef struct cell {
    uintptr_t base; /* of its eight bytes */
    uint32_t execution;
    bool saved;
    uint8_t freed;  /* a bit a byte */
    int8_t word[2]; /* the atomic word in each half, -1: none */
    uint64_t before;
    byte_times bytes[CELL];
} cell;

static cell cells[CELLS];
static cell *used[CELLS];
static unsigned used_count;
static unsigned accesses; /* plain ones, in this execution */

typedef struct named {
    uintptr_t from, to;
    const char *name;
} named;
static named names[32];
static unsigned names_count;

void races_begin_execution(void) {
    used_count = 0;
    accesses = 0;
    names_count = 0;
    engine.execution++; /* cells of earlier executions are empty */
}

void races_undo(void) {
    for (unsigned i = 0; i < used_count; i++)
        if (used[i]->saved) memcpy((void *)used[i]->base, &used[i]->before, CELL);
}

static cell *cell_of(uintptr_t address, bool make) {
    const uintptr_t base = address & ~(uintptr_t)(CELL - 1);
    for (unsigned i = (unsigned)mix(base, 0) % CELLS;; i = (i + 1) % CELLS) {
        cell *c = &cells[i];
        if (c->execution == engine.execution && c->base == base) return c;
        if (c->execution == engine.execution) continue;
        if (!make) return NULL;
        if (used_count == CELLS / 2) explore_fail("more than %d bytes are used", CELLS / 2 * CELL);
        memset(c, 0, sizeof *c);
        c->base = base;
        c->execution = engine.execution;
        c->word[0] = c->word[1] = -1;
        used[used_count++] = c;
        return c;
    }
}

static void save(cell *c) {
    if (c->saved || fibers_on_stack(c->base)) return;
    memcpy(&c->before, (const void *)c->base, CELL); /* races.I3 */
    c->saved = true;
}

static unsigned mask_of(unsigned first, unsigned end) {
    return ((1u << end) - 1) & ~((1u << first) - 1);
}

_Noreturn static void fail_at(const void *pc, uintptr_t address, const char *what, const char *detail,
                              unsigned other) {
    if (engine.tracing) report_event(pc, address, "%s", what);
    if (other) explore_fail("%s: %s thread %u", what, detail, other - 1);
    explore_fail("%s%s", what, detail);
}

/* One access to the bytes [first, end) of a cell. */
static void check(cell *c, unsigned first, unsigned end, bool write, bool atomic, const void *pc) {
    const view *now = &self_thread()->now;
    const char *what = atomic ? "race: atomic access" : write ? "race: plain write" : "race: plain read";
    if (c->freed & mask_of(first, end)) fail_at(pc, c->base + first, "touch of freed memory", "", 0);
    for (unsigned i = first; i < end; i++) {
        byte_times *b = &c->bytes[i];
        if (b->wrote > now->events[b->writer])
            fail_at(pc, c->base + i, what, "not ordered after a plain write of", b->writer);
        for (unsigned t = 0; write && t < THREADS; t++)
            if (b->read[t] > now->events[t])
                fail_at(pc, c->base + i, what, "not ordered after a plain read of", t);
        if (atomic) continue;
        if (write) {
            b->wrote = now->events[engine.me];
            b->writer = (uint16_t)engine.me;
        } else {
            b->read[engine.me] = now->events[engine.me];
        }
    }
}

static void check_words(cell *c, unsigned first, unsigned end, bool write, const void *pc) {
    for (unsigned half = first / 4; half <= (end - 1) / 4; half++)
        if (c->word[half] >= 0) memory_plain_access((unsigned)c->word[half], write, pc);
}

void races_access(const void *address, size_t size, bool write, const void *pc) {
    uintptr_t at = (uintptr_t)address;
    const uintptr_t stop = at + size;
    if (fibers_own_local(at)) return; /* the address is the same in every thread */
    if (++accesses > ACCESSES_MAX) fail_at(pc, at, "livelock: no end of plain accesses", "", 0);
    while (at < stop) {
        cell *c = cell_of(at, true);
        const uintptr_t end = stop < c->base + CELL ? stop : c->base + CELL;
        check(c, (unsigned)(at - c->base), (unsigned)(end - c->base), write, false, pc);
        check_words(c, (unsigned)(at - c->base), (unsigned)(end - c->base), write, pc);
        if (write) save(c);
        at = end;
    }
}

int races_word(uintptr_t address) {
    const cell *c = cell_of(address, false);
    return c ? c->word[address % CELL / 4] : -1;
}

void races_set_word(uintptr_t address, unsigned size, int word) {
    cell *c = cell_of(address, true);
    for (unsigned half = address % CELL / 4; half <= (address % CELL + size - 1) / 4; half++)
        c->word[half] = (int8_t)word;
}

void races_check_atomic(uintptr_t address, unsigned size, bool write, const void *pc) {
    cell *c = cell_of(address, true);
    const unsigned first = address % CELL;
    check(c, first, first + size, write, true, pc);
    save(c);
}

bool races_freed(uintptr_t address) {
    const cell *c = cell_of(address, false);
    return c && (c->freed >> address % CELL & 1);
}

/* races.I2 */
void explore_free(const void *memory, size_t size) {
    operation_begins();
    if (engine.tracing) report_event(__builtin_return_address(0), (uintptr_t)memory, "free");
    const uintptr_t stop = (uintptr_t)memory + size;
    int last = -1;
    chain(stop);
    for (uintptr_t at = (uintptr_t)memory; at < stop;) {
        cell *c = cell_of(at, true);
        const uintptr_t end = stop < c->base + CELL ? stop : c->base + CELL;
        check(c, (unsigned)(at - c->base), (unsigned)(end - c->base), true, true,
              __builtin_return_address(0));
        for (unsigned half = 0; half < 2; half++) {
            if (c->word[half] >= 0 && c->word[half] != last) memory_check_free((unsigned)c->word[half]);
            last = c->word[half];
        }
        c->freed |= (uint8_t)mask_of((unsigned)(at - c->base), (unsigned)(end - c->base));
        at = end;
    }
    operation_ends();
}

void explore_count_block(bool taken) {
    engine.blocks += taken ? 1u : -1u;
}

unsigned explore_blocks(void) {
    return engine.blocks;
}

void explore_name(const void *memory, size_t size, const char *name) {
    if (names_count == sizeof names / sizeof names[0]) return;
    names[names_count++] = (named){(uintptr_t)memory, (uintptr_t)memory + size, name};
}

const char *races_name(uintptr_t address, uintptr_t *offset) {
    for (unsigned i = 0; i < names_count; i++) {
        if (address < names[i].from || address >= names[i].to) continue;
        *offset = address - names[i].from;
        return names[i].name;
    }
    *offset = 0;
    return NULL;
}
