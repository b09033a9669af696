/* SPDX-License-Identifier: MIT */
/*
 * C11's memory, as far as a load can tell.
 *
 * memory.I1: a word's stores are numbered in the order in which they were made: the modification order.
 * memory.I2: a thread never reads a store older than one that it has read, or that happened before
 *     (view.stores).
 * memory.I3: a read-modify-write reads the latest store.
 * memory.I4: a store carries what its thread knew, if it is a release; a read-modify-write carries on what
 *     the store that it read carried (release sequences). An acquire that reads it knows that, too.
 * memory.I5: a sequentially consistent load reads no store older than the latest sequentially consistent one.
 *     A fence (the kernel's, a heavy one) makes its thread's view everyone's who fences later, and theirs its
 *     own.
 */
#include "memory.h"

#include <inttypes.h>
#include <string.h>

typedef struct store {
    uint64_t value;
    uint64_t id; /* of its history: the storing thread's chain */
    view carried;
} store;

typedef struct word {
    uintptr_t address; /* 0: forgotten */
    unsigned size;
    unsigned latest; /* the number of the latest store; the initial one is 0 */
    unsigned sc_latest;
    uint16_t touched[THREADS]; /* when each thread last used it, by its own time */
    uint16_t wrote[THREADS];
    store history[HISTORY]; /* store n lies at n % HISTORY */
} word;

static word words[WORDS];
static unsigned words_used;
static uint16_t sc_view[WORDS];

void memory_reset(void) {
    words_used = 0;
    memset(sc_view, 0, sizeof sc_view);
}

void view_join(view *into, const view *from) {
    for (unsigned i = 0; i < THREADS; i++)
        into->events[i] = into->events[i] < from->events[i] ? from->events[i] : into->events[i];
    for (unsigned i = 0; i < WORDS; i++)
        into->stores[i] = into->stores[i] < from->stores[i] ? from->stores[i] : into->stores[i];
}

static bool acquires(int order) {
    return order == __ATOMIC_ACQUIRE || order == __ATOMIC_CONSUME || order == __ATOMIC_ACQ_REL ||
           order == __ATOMIC_SEQ_CST;
}

static bool releases(int order) {
    return order == __ATOMIC_RELEASE || order == __ATOMIC_ACQ_REL || order == __ATOMIC_SEQ_CST;
}

static const char *order_name(int order) {
    static const char *const names[] = {"relaxed", "consume", "acquire", "release", "acq_rel", "seq_cst"};
    return names[order];
}

/* --- words -------------------------------------------------------------------------------------- */

static uint64_t peek(uintptr_t address, unsigned size) {
    uint64_t value = 0;
    memcpy(&value, (const void *)address, size); /* little-endian, as every processor we build for */
    return value;
}

static word *word_at(uintptr_t address, unsigned size) {
    const int found = races_word(address);
    if (found >= 0) {
        word *w = &words[found];
        if (w->address != address || w->size != size)
            explore_fail("atomic accesses of two sizes to one word");
        return w;
    }
    if (words_used == WORDS) explore_fail("more than %d atomic words", WORDS);
    const int number = (int)words_used++;
    word *w = &words[number];
    memset(w, 0, offsetof(word, history));
    memset(&w->history[0], 0, sizeof w->history[0]);
    w->address = address;
    w->size = size;
    w->history[0].value = peek(address, size);
    races_set_word(address, size, number);
    return w;
}

static unsigned number_of(const word *w) {
    return (unsigned)(w - words);
}

static store *store_of(word *w, unsigned n) {
    return &w->history[n % HISTORY];
}

void operation_begins(void) {
    if (engine.parallel) schedule(false);
    schedule_step();
}

void operation_ends(void) {
    self_thread()->now.events[engine.me]++;
}

static word *touch(const void *address, unsigned size, bool write, site pc) {
    races_check_atomic((uintptr_t)address, size, write, pc);
    word *w = word_at((uintptr_t)address, size);
    w->touched[engine.me] = self_thread()->now.events[engine.me];
    if (write) w->wrote[engine.me] = w->touched[engine.me];
    return w;
}

/* --- reading and writing ------------------------------------------------------------------------ */

/* memory.I2, memory.I5: which store a load reads. */
static unsigned choose_store(const word *w, bool sc) {
    const unsigned kept = w->latest < HISTORY ? 0 : w->latest - HISTORY + 1;
    unsigned oldest = self_thread()->now.stores[number_of(w)];
    if (oldest < kept) oldest = kept;
    if (sc && oldest < w->sc_latest) oldest = w->sc_latest;
    const unsigned count = w->latest - oldest + 1;
    return w->latest - (count > 1 ? search_value(count, (explore_bounds){.stale = 1}) : 0);
}

static uint64_t read_store(word *w, unsigned n, int order) {
    thread *t = self_thread();
    const store *s = store_of(w, n);
    t->now.stores[number_of(w)] = (uint16_t)n;
    chain(mix(w->address, s->id));
    if (acquires(order)) view_join(&t->now, &s->carried); /* memory.I4 */
    return s->value;
}

static void write_store(word *w, uint64_t value, int order, const view *carried_on) {
    thread *t = self_thread();
    const unsigned n = ++w->latest;
    store *s = store_of(w, n);
    static const view nothing;
    view carried = releases(order) ? t->now : nothing;
    if (carried_on) view_join(&carried, carried_on); /* memory.I4 */
    chain(mix(w->address, value));
    t->now.stores[number_of(w)] = (uint16_t)n;
    carried.stores[number_of(w)] = (uint16_t)n;
    *s = (store){value, t->chain, carried};
    if (order == __ATOMIC_SEQ_CST) w->sc_latest = n;
    memcpy((void *)w->address, &value, w->size);
}

uint64_t memory_latest(const void *address, unsigned size) {
    return peek((uintptr_t)address, size); /* write_store keeps memory at the latest */
}

uint64_t memory_load(const void *address, unsigned size, int order, site pc) {
    operation_begins();
    word *w = touch(address, size, false, pc);
    const unsigned n = choose_store(w, order == __ATOMIC_SEQ_CST);
    const uint64_t value = read_store(w, n, order);
    if (engine.tracing)
        report_event(pc, w->address, "load %s: %" PRIx64 "%s", order_name(order), value,
                     n < w->latest ? " (stale)" : "");
    operation_ends();
    return value;
}

void memory_store(void *address, unsigned size, uint64_t value, int order, site pc) {
    operation_begins();
    word *w = touch(address, size, true, pc);
    if (engine.tracing)
        report_event(pc, w->address, "store %s: %" PRIx64 " -> %" PRIx64, order_name(order),
                     store_of(w, w->latest)->value, value);
    chain(store_of(w, w->latest)->id); /* two stores do not commute */
    write_store(w, value, order, NULL);
    operation_ends();
}

static uint64_t apply(rmw operation, uint64_t old, uint64_t operand) {
    switch (operation) {
    case RMW_EXCHANGE:
        return operand;
    case RMW_ADD:
        return old + operand;
    case RMW_SUB:
        return old - operand;
    case RMW_AND:
        return old & operand;
    case RMW_OR:
        return old | operand;
    case RMW_XOR:
        return old ^ operand;
    case RMW_NAND:
        return ~(old & operand);
    }
    return old;
}

static uint64_t cut(uint64_t value, unsigned size) {
    return size == 8 ? value : value & ((UINT64_C(1) << (8 * size)) - 1);
}

/* memory.I3 */
static uint64_t modify(word *w, uint64_t value, int order) {
    view carried = store_of(w, w->latest)->carried;
    const uint64_t old = read_store(w, w->latest, order);
    write_store(w, value, order, &carried);
    return old;
}

uint64_t memory_rmw(void *address, unsigned size, rmw operation, uint64_t operand, int order, site pc) {
    static const char *const names[] = {"exchange", "add", "sub", "and", "or", "xor", "nand"};
    operation_begins();
    word *w = touch(address, size, true, pc);
    const uint64_t value = cut(apply(operation, store_of(w, w->latest)->value, operand), size);
    const uint64_t old = modify(w, value, order);
    if (engine.tracing)
        report_event(pc, w->address, "%s %s: %" PRIx64 " -> %" PRIx64, names[operation], order_name(order),
                     old, value);
    operation_ends();
    return old;
}

/* A strong one that fails is a load: it may read any store that differs from the expected value. */
bool memory_cas(void *address, unsigned size, uint64_t *expected, uint64_t desired, int order, int failure,
                bool weak, site pc) {
    operation_begins();
    word *w = touch(address, size, false, pc);
    unsigned n = choose_store(w, failure == __ATOMIC_SEQ_CST);
    const uint64_t latest = store_of(w, w->latest)->value;
    if (n < w->latest && store_of(w, n)->value == *expected) n = w->latest; /* it would have to succeed */
    bool succeeds = n == w->latest && latest == *expected;
    if (succeeds && weak && search_value(2, (explore_bounds){.spurious = 1})) succeeds = false;
    const uint64_t old = store_of(w, n)->value;
    if (succeeds) {
        w->wrote[engine.me] = w->touched[engine.me];
        modify(w, desired, order);
    } else {
        read_store(w, n, failure);
    }
    chain(succeeds);
    if (engine.tracing && succeeds)
        report_event(pc, w->address, "cas %s: %" PRIx64 " -> %" PRIx64, order_name(order), old, desired);
    if (engine.tracing && !succeeds)
        report_event(pc, w->address, "cas fails: %" PRIx64 ", not %" PRIx64 "%s", old, *expected,
                     n < w->latest ? " (stale)" : "");
    *expected = old;
    operation_ends();
    return succeeds;
}

/* --- fences ------------------------------------------------------------------------------------- */

void memory_fence_sc(void) {
    uint16_t *mine = self_thread()->now.stores;
    for (unsigned i = 0; i < WORDS; i++) {
        if (mine[i] < sc_view[i]) mine[i] = sc_view[i];
        sc_view[i] = mine[i];
    }
}

/*
 * Every other thread makes a fence, then the caller does: nobody can have missed the caller's stores later,
 * and the caller misses none of theirs.
 */
void explore_fence_heavy(void) {
    operation_begins();
    const unsigned me = engine.me;
    for (unsigned round = 0; round < 2; round++) {
        for (engine.me = 0; engine.me < engine.count; engine.me++) memory_fence_sc();
        engine.me = me;
    }
    for (unsigned t = 0; t < engine.count; t++) chain(engine.threads[t].chain);
    for (unsigned t = 0; t < engine.count; t++)
        engine.threads[t].chain = mix(engine.threads[t].chain, self_thread()->chain);
    if (engine.tracing) report_event(__builtin_return_address(0), 0, "heavy fence");
    operation_ends();
}

/* --- the kernel's look, plain accesses, frees --------------------------------------------------- */

/* The futex may be the half of a 64-bit word. */
uint32_t memory_futex_read(const void *address, const void *pc) {
    const uintptr_t at = (uintptr_t)address;
    memory_fence_sc(); /* the kernel makes one before it looks, another before a wake looks for sleepers */
    races_check_atomic(at, 4, false, pc);
    const int found = races_word(at);
    word *w = found >= 0 ? &words[found] : word_at(at, 4);
    w->touched[engine.me] = self_thread()->now.events[engine.me];
    const uint64_t value = read_store(w, choose_store(w, false), __ATOMIC_RELAXED);
    return (uint32_t)(value >> (8 * (at - w->address)));
}

static void check_order(const word *w, const uint16_t *times, const char *what, const void *pc) {
    for (unsigned t = 0; t < engine.count; t++) {
        if (times[t] <= self_thread()->now.events[t]) continue;
        if (engine.tracing) report_event(pc, w->address, "%s", what);
        explore_fail("race: %s, not ordered after an atomic operation of thread %u", what, t - 1);
    }
}

void memory_plain_access(unsigned number, bool write, const void *pc) {
    word *w = &words[number];
    check_order(w, write ? w->touched : w->wrote, write ? "plain write" : "plain read", pc);
    if (!write) return;
    races_set_word(w->address, w->size, -1);
    w->address = 0;
}

void memory_check_free(unsigned number) {
    word *w = &words[number];
    check_order(w, w->touched, "free", NULL);
    chain(store_of(w, w->latest)->id);
}
