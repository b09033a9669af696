/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. `decision` is taken once, by the first heavy fence: ASYMMETRIC when the kernel made a fence in
 * every thread, SYMMETRIC when it refused. Only after ASYMMETRIC does `thrum_fence_asymmetric_` become 1, for
 * good.
 *
 * fence.L1: while asymmetric is 0, every light fence is a full one, and so is every heavy one: two full
 *     fences. The first light one of a process is a heavy one: it decides, so that the others pay nothing.
 * fence.L2: a heavy fence that finds the kernel willing calls it after asymmetric became 1. A light side
 *     either saw the 1, and was at some point of its program when the kernel fenced its processor: with its
 *     store before that point, the heavy side sees the store; with its look after it, the light side sees the
 *     heavy one's. Or it saw 0, and made a full fence.
 *
 * In a circle with self_copies.c: the first copy decides, and its struct leads here.
 */
#include "self_copies.h"

#include <thrum/fence.h>
#include <thrum/futex.h>

enum { UNDECIDED, ASYMMETRIC, SYMMETRIC };

thrum_u32 thrum_fence_asymmetric_;
static thrum_u32 decision;

/* relaxed: the words publish nothing but themselves, and fence.L2 calls the kernel after them */
static uint32_t decide(void) {
    const thrum_self_copy_ *const first = thrum_self_first_copy_();
    const bool asymmetric = first ? first->fence_is_asymmetric() : thrum_futex_fence_all(); /* self.C4 */
    const uint32_t willing = asymmetric ? ASYMMETRIC : SYMMETRIC;
    uint32_t decided = UNDECIDED;
    return thrum_u32_cas_relaxed(&decision, &decided, willing) ? willing : decided;
}

bool thrum_fence_heavy(void) {
    uint32_t decided = thrum_u32_load_relaxed(&decision);
    if (decided == UNDECIDED) decided = decide();
    if (decided == SYMMETRIC) { /* fence.L1 */
        thrum_futex_fence();
        return true;
    }
    if (!thrum_u32_load_relaxed(&thrum_fence_asymmetric_))
        thrum_u32_store_relaxed(&thrum_fence_asymmetric_, 1);
    return thrum_futex_fence_all(); /* fence.L2 */
}

/*
 * A heavy fence that is refused to this thread alone has found ASYMMETRIC. Then each heavy fence that counts
 * is the kernel's, and needs none here (fence.L2).
 */
void thrum_fence_full_(void) {
    /* relaxed: as above */
    if (thrum_u32_load_relaxed(&decision) == UNDECIDED)
        THRUM_IGNORE_(thrum_fence_heavy()); /* fence.L1 */
    else
        thrum_futex_fence(); /* fence.L1 */
}

bool thrum_fence_is_asymmetric_(void) {
    const uint32_t decided = thrum_u32_load_relaxed(&decision);
    return (decided == UNDECIDED ? decide() : decided) == ASYMMETRIC;
}
