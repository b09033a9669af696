/* SPDX-License-Identifier: MIT */
/*
 * Floor 1. Places are counted from 0 and never wrap. The cell of a place is the place modulo the number of
 * cells; its turn says whose it is:
 *
 *   place              empty, for the put of that place
 *   place + 1          filled, for the get of that place
 *   place + cells      empty, for the put of the next lap
 *
 * ring.I1: tail and head only grow, by one compare-and-swap a place, so each place has one put and one get.
 * ring.I2: a put takes a place only when the cell's turn says so, and a get likewise: between the two the
 * cell is the
 *       one's alone, and the item needs no atomic.
 *       A turn below that: nobody has taken the place since, for a later lap's turns are above; so there is
 *       no room, or no item, at this moment.
 * ring.I3: at the compare-and-swap of a put, place - head < bound: the get of `place - bound` had given its
 * cell to the
 *       next lap before, so head was above that, and only grows. Before the first lap is over the cell of a
 *       "negative" place stands at its initial turn, which is above it by the number of cells.
 * ring.I4: the compare-and-swap on tail fails once tail is closed, and `closed` becomes 1 after that; so
 * every put that succeeds is counted in the closed
 *       tail, and a head equal to it has got them all.
 * ring.I5: of one producer and one consumer, head_seen <= head <= tail_seen <= tail without its mark of a
 *       close; the two copies never have that mark. So a closed tail is 2^63 and more above head_seen: a put
 *       takes it for a full ring, and asks for the mark there.
 */
#include "law.h"
#include "../atomic/tell.h"

#include <thrum/ring.h>

thrum_result thrum_ring_init(thrum_ring *ring, thrum_ring_cell *cells, size_t count) {
    /* with one cell, place + 1 would be at once filled and the next lap's */
    if (count < 2 || (count & (count - 1))) return THRUM_INVALID;
    ring->cells = cells;
    ring->mask = count - 1;
    thrum_u64_store_relaxed(&ring->bound, count);
    thrum_u32_store_relaxed(&ring->closed, 0);
    thrum_u64_store_relaxed(&ring->tail, 0);
    thrum_u64_store_relaxed(&ring->head, 0);
    for (size_t i = 0; i < count; i++) thrum_u64_store_relaxed(&cells[i].turn, i);
    return THRUM_OK;
}

thrum_result thrum_ring_set_bound(thrum_ring *ring, size_t bound) {
    if (bound < 1 || bound > ring->mask + 1) return THRUM_INVALID;
    thrum_u64_store_relaxed(&ring->bound, bound);
    return THRUM_OK;
}

bool thrum_ring_close(thrum_ring *ring) {
    THRUM_TELL_OWN_RELEASE(&ring->tail);
    THRUM_TELL_OWN_RELEASE(&ring->closed);
    /* ring.G10: release, pairs with ring.G10 */
    const uint64_t was = thrum_u64_fetch_or_release(&ring->tail, THRUM_RING_CLOSED_);
    THRUM_LAW(ring.I4, thrum_u64_load_relaxed(&ring->tail) & THRUM_RING_CLOSED_);
    thrum_u32_store_release(&ring->closed, 1); /* ring.G5 */
    return !(was & THRUM_RING_CLOSED_);
}

static size_t between(uint64_t head, uint64_t tail) {
    tail &= ~THRUM_RING_CLOSED_;
    return tail > head ? (size_t)(tail - head) : 0; /* they were not read at one moment */
}

size_t thrum_ring_size(const thrum_ring *ring) {
    const uint64_t head = thrum_u64_load_relaxed(&ring->head);
    const size_t size = between(head, thrum_u64_load_relaxed(&ring->tail));
    return size <= ring->mask ? size : ring->mask + 1;
}

uint64_t thrum_ring_puts(const thrum_ring *ring) {
    return thrum_u64_load_relaxed(&ring->tail) & ~THRUM_RING_CLOSED_;
}

bool thrum_ring_drained(const thrum_ring *ring) {
    return thrum_ring_nothing_(ring, thrum_u64_load_relaxed(&ring->head)) == THRUM_CLOSED;
}

bool thrum_ring_has_item(const thrum_ring *ring) {
    const uint64_t place = thrum_u64_load_relaxed(&ring->head);
    return thrum_u64_load_relaxed(&ring->cells[place & ring->mask].turn) == place + 1;
}

bool thrum_ring_has_room(const thrum_ring *ring) {
    const uint64_t place = thrum_u64_load_relaxed(&ring->tail);
    if (place & THRUM_RING_CLOSED_) return false;
    return thrum_u64_load_relaxed(&ring->cells[place & ring->mask].turn) == place &&
           thrum_ring_within_bound_(ring, place);
}

thrum_result thrum_ring_spsc_init(thrum_ring_spsc *ring, void **items, size_t count) {
    if (count < 1 || (count & (count - 1))) return THRUM_INVALID;
    ring->items = items;
    ring->mask = count - 1;
    ring->head_seen = ring->tail_seen = 0;
    thrum_u64_store_relaxed(&ring->tail, 0);
    thrum_u64_store_relaxed(&ring->head, 0);
    return THRUM_OK;
}

void thrum_ring_spsc_close(thrum_ring_spsc *ring) {
    THRUM_TELL_OWN_RELEASE(&ring->tail);
    thrum_u64_fetch_or_release(&ring->tail, THRUM_RING_CLOSED_); /* pairs with ring.G9 */
}

size_t thrum_ring_spsc_size(const thrum_ring_spsc *ring) {
    const uint64_t head = thrum_u64_load_relaxed(&ring->head);
    const size_t size = between(head, thrum_u64_load_relaxed(&ring->tail));
    return size <= ring->mask ? size : ring->mask + 1;
}
