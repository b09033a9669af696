/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The slots of threads. `owners` says for each which thread has it, as the kernel numbers it; 0: it
 * is free.
 *
 * self.S1: an entry changes from 0 to a thread's number only by that thread, and back to 0 only by that
 *     thread, or by one that the kernel has told that it is gone. So two living threads never have one slot.
 * self.S2: the thread that frees a slot has seen the end of what its owner wrote, or is the owner: the
 *     release that frees it carries that to the next owner.
 * self.S3: a thread that draws looks at some of the taken slots whether their owners are gone, a few at a
 *     time and all in turn: what threads leave behind that nobody ends for us stays a small share of what
 *     lives.
 *
 * In a circle with self_copies.c: the first copy gives the slots, and its struct leads here.
 */
#include "../atomic/tell.h"
#include "self_copies.h"

#include <thrum/futex.h>
#include <thrum/self.h>

/*
 * How many taken slots one draw asks about; each is a system call or two. With four the slots of ended
 * threads come back half as fast, and later threads share; with 16 a thread's first operation makes twice the
 * calls.
 */
#ifndef THRUM_SELF_ASKS
#define THRUM_SELF_ASKS 8
#endif

static thrum_u64 owners[THRUM_SELF_SLOTS];
static thrum_u32 used;   /* about where those that were ever taken end; relaxed, as `cursor`: a hint */
static thrum_u32 cursor; /* where the next draw begins to ask */

static void take_back_if_gone(uint32_t slot) {
    uint64_t owner = thrum_u64_load_relaxed(&owners[slot]);
    /* self.L2: release, pairs with self.L1 */
    if (owner && thrum_futex_thread_is_gone(owner)) (void)thrum_u64_cas_release(&owners[slot], &owner, 0);
}

static bool take(uint32_t slot, uint64_t me) {
    uint64_t owner = thrum_u64_load_relaxed(&owners[slot]);
    /* self.L1: acquire, pairs with self.L2 and self.L3 */
    if (owner || !thrum_u64_cas_acquire(&owners[slot], &owner, me)) return false;
    THRUM_TELL_OWN_ACQUIRE(&owners[slot]);
    return true;
}

/* The lowest free slot. */
static uint32_t find(uint64_t me) {
    for (uint32_t slot = 0; slot < THRUM_SELF_SLOTS; slot++) {
        if (!take(slot, me)) continue;
        if (slot >= thrum_u32_load_relaxed(&used)) thrum_u32_store_relaxed(&used, slot + 1);
        return slot;
    }
    return THRUM_SELF_SLOTS;
}

static uint32_t draw(void) {
    const uint64_t me = thrum_futex_thread();
    const uint32_t end = thrum_u32_load_relaxed(&used);
    const uint32_t asks = end < THRUM_SELF_ASKS ? end : THRUM_SELF_ASKS;
    const uint32_t first = thrum_u32_fetch_add_relaxed(&cursor, asks);
    for (uint32_t i = 0; i < asks; i++) take_back_if_gone((first + i) % end); /* self.S3 */
    uint32_t slot = find(me);
    if (slot == THRUM_SELF_SLOTS) {
        for (uint32_t i = 0; i < THRUM_SELF_SLOTS; i++) take_back_if_gone(i);
        slot = find(me);
    }
    return slot;
}

uint32_t thrum_self_draw_slot_(void) {
    const thrum_self_copy_ *const first = thrum_self_first_copy_();
    const uint32_t slot = first ? first->slot() : draw(); /* self.C3 */
    thrum_self_.slot = slot + 1;
    return slot;
}

void thrum_self_leave_slot_(void) {
    if (thrum_self_slot_is_shared_()) return; /* taken back when the thread is gone: self.S3 */
    const uint32_t slot = thrum_self_.slot;
    thrum_self_.slot = 0;
    if (slot == 0 || slot > THRUM_SELF_SLOTS) return;
    THRUM_TELL_OWN_RELEASE(&owners[slot - 1]);
    thrum_u64_store_release(&owners[slot - 1], 0); /* self.L3: release, pairs with self.L1 */
}

void thrum_self_reset_after_fork(void) {
    const thrum_self_copy_ *const first = thrum_self_first_copy_();
    if (first) {
        first->reset_after_fork();
        return;
    }
    /* relaxed: there is one thread */
    for (uint32_t i = 0; i < THRUM_SELF_SLOTS; i++) thrum_u64_store_relaxed(&owners[i], 0);
    const uint32_t slot = thrum_self_.slot;
    if (slot && slot <= THRUM_SELF_SLOTS) thrum_u64_store_relaxed(&owners[slot - 1], thrum_futex_thread());
}
