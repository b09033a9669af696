/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The one policy for spinning before sleeping.
 *
 * A round early in the spin is a few processor pauses: the partner is running on another
 * processor and answers within a microsecond, or it does not. Every later round yields: the
 * partner may be waiting for this processor, and then a yield is the only thing that helps.
 */
#include <thrum/atomic.h>
#include <thrum/futex.h>
#include <thrum/park.h>

/* Rounds without a yield, and the pauses of each. Chosen by bench/event_bench, two processors. */
#ifndef THRUM_SPIN_ROUNDS
#define THRUM_SPIN_ROUNDS 20
#endif
#ifndef THRUM_SPIN_PAUSES
#define THRUM_SPIN_PAUSES 4
#endif
/* The affinity masks are read again after so many exhausted spins. */
#define REREAD_AFTER 64

static bool alone(bool reread) {
    static thrum_u32 usable; /* 0: not known yet. Relaxed: a hint, and any answer is correct. */
    uint32_t seen = thrum_u32_load_relaxed(&usable);
    if (THRUM_UNLIKELY(seen == 0 || reread)) {
        seen = thrum_cpu_usable();
        thrum_u32_store_relaxed(&usable, seen);
    }
    return seen == 1;
}

static bool spent(void) {
    static thrum_u32 exhausted; /* relaxed: a count of occasions, losing one costs nothing */
    if (thrum_u32_fetch_add_relaxed(&exhausted, 1) % REREAD_AFTER == REREAD_AFTER - 1) alone(true);
    return false;
}

bool thrum_spin_again(thrum_spin *spin) {
    const uint32_t round = spin->round++;
    if (round == 0 && (spin->budget_ns == 0 || alone(false))) return spent();
    if (round < THRUM_SPIN_ROUNDS) {
        for (int i = 0; i < THRUM_SPIN_PAUSES; i++) thrum_cpu_pause();
        return true;
    }
    const uint64_t now = thrum_clock_now_ns();
    if (spin->end_ns == 0) spin->end_ns = now + spin->budget_ns;
    if (now >= spin->end_ns) return spent();
    thrum_cpu_yield();
    return true;
}
