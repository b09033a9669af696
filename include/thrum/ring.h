/* SPDX-License-Identifier: MIT */
/*
 * ring: a bounded FIFO of pointers for any number of threads (thrum_ring), and one for a single producer and
 * a single consumer (thrum_ring_spsc).
 *
 * Floor 1: never sleeps, allocates nothing, takes no lock. The storage is the caller's.
 *
 *     static thrum_ring_cell cells[1024];
 *     static thrum_ring ring;
 *
 *     if (thrum_ring_init(&ring, cells, 1024) != THRUM_OK) return false;
 *     if (thrum_ring_put(&ring, page) == THRUM_FULL) drop(page);
 *     ...
 *     void *item;
 *     while (thrum_ring_get(&ring, &item) == THRUM_OK) use(item);
 *
 * Cost        put and get are one read-modify-write each, and one store; the single producer's and consumer's
 *             are two stores and no read-modify-write. Of threads that want one place one has it; the others
 *             pause, longer each time up to some microseconds, and try again.
 * Order       items come out in the order in which their puts took their places. A put that is interrupted
 *             between taking its place and filling it hides the items behind it until it goes on: get says
 *             THRUM_EMPTY meanwhile, and never waits for it.
 * Closed      for good, by thrum_ring_close: from that moment on no put succeeds; gets take what is there.
 * Freed       when no call of any thread is under way. Nothing needs destroying.
 *
 * Memory order: what happened before a put happens before the get that takes its item, and what happened
 * before a close before a put and a get that say THRUM_CLOSED. Sizes are relaxed.
 *
 * Any thread and any signal handler may call everything of a thrum_ring but the init. Of a thrum_ring_spsc
 * one thread at a time may put and close, and one get, with what orders them between. A signal handler that
 * interrupts a call of one side would be a second caller of that side, and must not call it: block the signal
 * around the call, or use a thrum_ring. A handler may be the only caller of a side, and the thread that it
 * interrupts that of the other.
 *
 * The many-threaded ring follows Dmitry Vyukov's bounded queue (1024cores), the other one Lamport's with each
 * side's copy of the other's index (Lee, Bu, Chandranmenon, "A Lock-Free, Cache-Efficient Shared Ring
 * Buffer").
 */
#ifndef THRUM_RING_H
#define THRUM_RING_H

#include <thrum/atomic.h>
#include <thrum/result.h>

typedef struct thrum_ring_cell {
    thrum_u64 turn; /* the place whose put or, one above it, whose get is next */
    void *item;
} thrum_ring_cell;

typedef struct thrum_ring {
    thrum_ring_cell *cells;
    uint64_t mask;
    thrum_u64 bound; /* at most so many items at a time */
    thrum_u32
        closed; /* whether a get that finds nothing must look at tail: the producers' line is left to them */
    char apart_1_[THRUM_CACHE_LINE];
    thrum_u64 tail; /* the next place to put to, and THRUM_RING_CLOSED_ */
    char apart_2_[THRUM_CACHE_LINE];
    thrum_u64 head; /* the next place to get from */
    char apart_3_[THRUM_CACHE_LINE];
} thrum_ring;

#define THRUM_RING_CLOSED_ ((uint64_t)1 << 63)

THRUM_BEGIN_DECLS

/*
 * An empty ring of `count` cells, which bound it. THRUM_OK; THRUM_INVALID, and nothing is changed, when count
 * is not a power of two or below 2. Before any other call.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_ring_init(thrum_ring *ring, thrum_ring_cell *cells, size_t count);

/*
 * Holds at most `bound` items from now on; more that it has already stay. THRUM_OK; THRUM_INVALID, and
 * nothing is changed, when bound is 0 or above the number of cells.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_ring_set_bound(thrum_ring *ring, size_t bound);

/* From now on no put succeeds. True when it was open. */
THRUM_API bool thrum_ring_close(thrum_ring *ring);

/*
 * Whether the bound leaves room at `place`, which is the turn of its cell: the item `bound` places before it
 * has been got. With a bound of all the cells that item was in this cell, whose turn has said so.
 */
THRUM_INLINE bool thrum_ring_within_bound_(const thrum_ring *ring, uint64_t place) {
    const uint64_t bound = thrum_u64_load_relaxed(&ring->bound);
    if (THRUM_LIKELY(bound > ring->mask)) return true;
    const uint64_t before = place - bound;
    const uint64_t turn = thrum_u64_load_relaxed(&ring->cells[before & ring->mask].turn);
    return (int64_t)(turn - before) > 1;
}

/* The tail is closed, and stays so. */
THRUM_INLINE thrum_result thrum_ring_refused_(const thrum_ring *ring) {
    (void)thrum_u64_load_acquire(&ring->tail); /* ring.G10: acquire, pairs with the close */
    return THRUM_CLOSED;
}

/* The answer of an attempt for whose place another thread was faster. */
#define THRUM_RING_COLLIDED_ THRUM_STATE

/* Takes one look, and the place if it can. */
THRUM_INLINE thrum_result thrum_ring_put_once_(thrum_ring *ring, void *item) {
    uint64_t place = thrum_u64_load_relaxed(&ring->tail);
    if (THRUM_UNLIKELY(place & THRUM_RING_CLOSED_)) return thrum_ring_refused_(ring);
    thrum_ring_cell *const cell = &ring->cells[place & ring->mask];
    /* ring.G1: acquire, pairs with ring.G2: the get has read the item of the lap before */
    const int64_t ahead = (int64_t)(thrum_u64_load_acquire(&cell->turn) - place);
    if (ahead < 0) return THRUM_FULL;
    if (THRUM_UNLIKELY(ahead > 0)) return THRUM_RING_COLLIDED_;
    if (THRUM_UNLIKELY(!thrum_ring_within_bound_(ring, place))) return THRUM_FULL;
    if (THRUM_UNLIKELY(!thrum_u64_cas_relaxed(&ring->tail, &place, place + 1))) return THRUM_RING_COLLIDED_;
    cell->item = item;
    thrum_u64_store_release(&cell->turn, place + 1); /* ring.G3: release, pairs with ring.G4 */
    return THRUM_OK;
}

/*
 * The longest pause between attempts that collide, in processor pauses: some 2 to 12 microseconds. Each is
 * twice the one before. A thread that tried again at once would take the line from one that is about to
 * succeed; while it pauses the others put and get many items each in a row. Of random lengths, or up to 64,
 * four pairs hand over at half the speed. bench/ring_bench, on 16 processors.
 */
#ifndef THRUM_RING_PAUSES_
#define THRUM_RING_PAUSES_ 256
#endif

/* After a collision. Returns the next number of pauses. */
THRUM_INLINE uint32_t thrum_ring_pause_(uint32_t pauses) {
    for (uint32_t i = 0; i < pauses; i++) thrum_cpu_pause();
    return pauses < THRUM_RING_PAUSES_ ? 2 * pauses : pauses;
}

THRUM_COLD_HERE_ thrum_result thrum_ring_put_again_(thrum_ring *ring, void *item) {
    uint32_t pauses = 1;
    thrum_result result;
    do {
        pauses = thrum_ring_pause_(pauses);
        result = thrum_ring_put_once_(ring, item);
    } while (result == THRUM_RING_COLLIDED_);
    return result;
}

/*
 * THRUM_OK; THRUM_FULL, when the bound is reached or a get that will make room is still under way;
 * THRUM_CLOSED.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_ring_put(thrum_ring *ring, void *item) {
    const thrum_result result = thrum_ring_put_once_(ring, item);
    return THRUM_LIKELY(result != THRUM_RING_COLLIDED_) ? result : thrum_ring_put_again_(ring, item);
}

/* THRUM_EMPTY, or THRUM_CLOSED when there will never be an item again. */
THRUM_INLINE thrum_result thrum_ring_nothing_(const thrum_ring *ring, uint64_t place) {
    /* ring.G5: acquire, pairs with the close's release, which follows its change of tail */
    if (THRUM_LIKELY(!thrum_u32_load_acquire(&ring->closed))) return THRUM_EMPTY;
    return thrum_u64_load_relaxed(&ring->tail) == (place | THRUM_RING_CLOSED_) ? THRUM_CLOSED : THRUM_EMPTY;
}

/* As thrum_ring_put_once_ and _again_. */
THRUM_INLINE thrum_result thrum_ring_get_once_(thrum_ring *ring, void **item) {
    uint64_t place = thrum_u64_load_relaxed(&ring->head);
    thrum_ring_cell *const cell = &ring->cells[place & ring->mask];
    const int64_t ahead = (int64_t)(thrum_u64_load_acquire(&cell->turn) - (place + 1)); /* ring.G4 */
    if (ahead < 0) return thrum_ring_nothing_(ring, place);
    if (THRUM_UNLIKELY(ahead > 0)) return THRUM_RING_COLLIDED_;
    if (THRUM_UNLIKELY(!thrum_u64_cas_relaxed(&ring->head, &place, place + 1))) return THRUM_RING_COLLIDED_;
    *item = cell->item;
    thrum_u64_store_release(&cell->turn, place + ring->mask + 1); /* ring.G2: release, pairs with ring.G1 */
    return THRUM_OK;
}

THRUM_COLD_HERE_ thrum_result thrum_ring_get_again_(thrum_ring *ring, void **item) {
    uint32_t pauses = 1;
    thrum_result result;
    do {
        pauses = thrum_ring_pause_(pauses);
        result = thrum_ring_get_once_(ring, item);
    } while (result == THRUM_RING_COLLIDED_);
    return result;
}

/*
 * THRUM_OK, and the item; THRUM_EMPTY; THRUM_CLOSED: empty for good. `item` is written to only with THRUM_OK.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_ring_get(thrum_ring *ring, void **item) {
    const thrum_result result = thrum_ring_get_once_(ring, item);
    return THRUM_LIKELY(result != THRUM_RING_COLLIDED_) ? result : thrum_ring_get_again_(ring, item);
}

/* How many items there are, at the moment of looking; what is being put or got counts or does not. */
THRUM_API size_t thrum_ring_size(const thrum_ring *ring);
/* How many items were ever put. */
THRUM_API uint64_t thrum_ring_puts(const thrum_ring *ring);
/* Whether it is closed and will never have an item again. */
THRUM_API bool thrum_ring_drained(const thrum_ring *ring);
/* Whether a get may find an item; whether a put may find room. */
THRUM_API bool thrum_ring_has_item(const thrum_ring *ring);
THRUM_API bool thrum_ring_has_room(const thrum_ring *ring);

/* ---- one producer and one consumer ---- */

typedef struct thrum_ring_spsc {
    void **items;
    uint64_t mask;
    char apart_1_[THRUM_CACHE_LINE];
    thrum_u64 tail;     /* the next place to put to, and THRUM_RING_CLOSED_ */
    uint64_t head_seen; /* the producer's copy of head */
    char apart_2_[THRUM_CACHE_LINE];
    thrum_u64 head;     /* the next place to get from */
    uint64_t tail_seen; /* the consumer's copy of tail, without the mark of a close */
    char apart_3_[THRUM_CACHE_LINE];
} thrum_ring_spsc;

/* An empty ring of `count` items. THRUM_OK; THRUM_INVALID when count is not a power of two. */
THRUM_API THRUM_MUST_USE thrum_result thrum_ring_spsc_init(thrum_ring_spsc *ring, void **items, size_t count);

/* From now on no put succeeds. The producer alone may call it. */
THRUM_API void thrum_ring_spsc_close(thrum_ring_spsc *ring);

/* THRUM_OK; THRUM_FULL; THRUM_CLOSED. One thread at a time, with what orders them between. */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_ring_spsc_put(thrum_ring_spsc *ring, void *item) {
    const uint64_t place = thrum_u64_load_relaxed(&ring->tail);
    /* ring.I5: a closed tail comes here, too */
    if (THRUM_UNLIKELY(place - ring->head_seen > ring->mask)) {
        if (place & THRUM_RING_CLOSED_) return THRUM_CLOSED;
        ring->head_seen =
            thrum_u64_load_acquire(&ring->head); /* ring.G6: acquire, pairs with ring.G7: it has been read */
        if (place - ring->head_seen > ring->mask) return THRUM_FULL;
    }
    ring->items[place & ring->mask] = item;
    thrum_u64_store_release(&ring->tail, place + 1); /* ring.G8: release, pairs with ring.G9 */
    return THRUM_OK;
}

/* THRUM_OK, and the item; THRUM_EMPTY; THRUM_CLOSED: empty for good. One thread at a time, as above. */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_ring_spsc_get(thrum_ring_spsc *ring, void **item) {
    const uint64_t place = thrum_u64_load_relaxed(&ring->head);
    if (THRUM_UNLIKELY(ring->tail_seen == place)) {
        const uint64_t tail = thrum_u64_load_acquire(&ring->tail); /* ring.G9 */
        ring->tail_seen = tail & ~THRUM_RING_CLOSED_;
        if (ring->tail_seen == place) return tail & THRUM_RING_CLOSED_ ? THRUM_CLOSED : THRUM_EMPTY;
    }
    *item = ring->items[place & ring->mask];
    thrum_u64_store_release(&ring->head, place + 1); /* ring.G7 */
    return THRUM_OK;
}

THRUM_API size_t thrum_ring_spsc_size(const thrum_ring_spsc *ring);

THRUM_END_DECLS

#endif
