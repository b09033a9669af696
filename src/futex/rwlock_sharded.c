/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The read-mostly rwlock.
 *
 * rwlock.S1: a writer, also one that waits for readers to leave, holds `rest` as its writer: there is one,
 *     and it alone changes `closed`.
 * rwlock.S2: a place is written by one thread at a time, whose slot it is; above 0 for as long as that thread
 *     reads, but for the instant in which it is turned away.
 * rwlock.S3: a reader is inside if it counted itself and then saw `closed` clear, or was inside already. The
 *     writer sets `closed`, makes a heavy fence, and then looks at each place until it has seen a 0 there.
 *     With the light fence of a reader between its count and its look: either the reader sees `closed`, or
 *     the writer sees the count and waits for it (rwlock.W0). So a writer inside is alone.
 * rwlock.S4: the writer sleeps on a place that the kernel has found unchanged. The reader's 0 came after
 *     that; its look at `closed` comes after its 0, and finds it set, for the heavy fence was before all
 *     this: it wakes the writer.
 * rwlock.S5: where the heavy fence was refused to this thread alone, no look is sure. The writer gives what
 *     is under way in other processors a millisecond to become visible, and sleeps for a millisecond at a
 *     time.
 */
#include <thrum/fence.h>
#include "waits.h"

#include <thrum/futex.h>
#include <thrum/park.h>
#include <thrum/rwlock.h>

#include <stdio.h>

/*
 * A thousand times what a store takes to reach another processor (rwlock.S5). Less would be a smaller factor
 * where a virtual processor is stopped amid it; more is as much later for each write without a fence.
 */
#define UNSURE_NS 1000000

thrum_result thrum_sharded_rwlock_init(thrum_sharded_rwlock *rwlock, thrum_rwlock_slot *slots,
                                       uint32_t count) {
    if ((!slots && count) || (uintptr_t)slots % THRUM_CACHE_LINE) return THRUM_INVALID;
    thrum_u32_store_relaxed(&rwlock->closed, 0);
    rwlock->count = count;
    rwlock->slots = slots;
    thrum_rwlock_init(&rwlock->rest);
    for (uint32_t i = 0; i < count; i++) thrum_u32_store_relaxed(&slots[i].reads, 0);
    return THRUM_OK;
}

/* The last of a thread's reads has ended in a rwlock that was closed. */
void thrum_sharded_rwlock_leave_slow_(thrum_u32 *reads, uint32_t left) {
    if (left == 0) thrum_futex_wake(reads, 1, THRUM_FUTEX_ANY, false); /* rwlock.S4 */
}

/* Waits until the thread whose place it is does not read. */
static bool await_reader(const thrum_u32 *reads, bool sure, thrum_deadline deadline) {
    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    do {
        /* rwlock.W4: acquire, pairs with rwlock.W2 */
        if (!thrum_u32_load_acquire(reads)) return true;
    } while (!thrum_deadline_passed(deadline) && thrum_park_again(&spin));
    for (;;) {
        const uint32_t seen = thrum_u32_load_acquire(reads); /* rwlock.W4 */
        if (!seen) return true;
        if (thrum_deadline_passed(deadline)) return false;
        const thrum_deadline end =
            sure ? deadline : thrum_deadline_earlier(deadline, thrum_after_ns(UNSURE_NS)); /* rwlock.S5 */
        (void)thrum_futex_wait(reads, seen, THRUM_FUTEX_ANY, false, end);
    }
}

bool thrum_sharded_rwlock_close_slow_(thrum_sharded_rwlock *rwlock, thrum_deadline deadline) {
    /* rwlock.W6: release, pairs with rwlock.W6 in the opening */
    thrum_u32_store_release(&rwlock->closed, 1);
    const bool sure = thrum_fence_heavy(); /* rwlock.W0: rwlock.S3 */
    THRUM_WAITS_(READERS, rwlock, THRUM_SITE_);
    if (!sure) thrum_futex_nap(thrum_after_ns(UNSURE_NS)); /* rwlock.S5 */
    for (uint32_t i = 0; i < rwlock->count; i++) {
        if (await_reader(&rwlock->slots[i].reads, sure, deadline)) continue;
        (void)thrum_sharded_rwlock_release_write(rwlock);
        return false;
    }
    return true;
}

uint32_t thrum_sharded_rwlock_readers(const thrum_sharded_rwlock *rwlock) {
    uint32_t readers = thrum_rwlock_readers(&rwlock->rest);
    for (uint32_t i = 0; i < rwlock->count; i++) readers += thrum_u32_load_relaxed(&rwlock->slots[i].reads);
    return readers;
}

void thrum_sharded_rwlock_reset_after_fork(thrum_sharded_rwlock *rwlock) {
    THRUM_IGNORE_(thrum_sharded_rwlock_init(rwlock, rwlock->slots, rwlock->count));
}

size_t thrum_sharded_rwlock_describe(const thrum_sharded_rwlock *rwlock, char *text, size_t size) {
    const unsigned readers = (unsigned)thrum_sharded_rwlock_readers(rwlock);
    const char *const closed = thrum_sharded_rwlock_writing(rwlock) ? ", closed" : "";
    if (!readers) return (size_t)snprintf(text, size, "sharded rwlock: %s", *closed ? "a writer" : "free");
    return (size_t)snprintf(text, size, "sharded rwlock: %u reader%s%s", readers, readers == 1 ? "" : "s",
                            closed);
}
