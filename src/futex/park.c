/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The one policy for spinning before sleeping.
 *
 * park.I1: without a second processor, or the quota for one, nobody can answer while we spin: the budget is
 *     0.
 * park.I2: the budget begins with the first round that reads the clock; the rounds before it are short
 *     by construction, THRUM_PARK_ROUNDS times THRUM_PARK_PAUSES pauses in all, or a third as many whose
 *     caller keeps away in each.
 * park.I3: a thread under SCHED_DEADLINE does not yield: it would lose the rest of its period. Each spin asks
 *     for the policy once, before its first yield, since it may change at any time.
 */
#include <thrum/atomic.h>
#include <thrum/cpus.h>
#include <thrum/futex.h>
#include <thrum/park.h>

/*
 * Rounds before the clock is read and the processor given up, and the pauses of a round. Half and twice as
 * many rounds cost a contended lock no more than the noise of two processors (tools/neighbours, .3).
 */
#ifndef THRUM_PARK_ROUNDS
#define THRUM_PARK_ROUNDS 12
#endif
#ifndef THRUM_PARK_PAUSES
#define THRUM_PARK_PAUSES 1
#endif
/*
 * The processors are counted again after so many spins that were spent in vain. The count is one call of the
 * kernel's beside 64 spins of 10 us: half of it is no more to be measured, and twice it only notices later.
 */
#ifndef THRUM_PARK_REREAD_AFTER
#define THRUM_PARK_REREAD_AFTER 64
#endif

#define AWAY_ROUNDS 2     /* that a round counts for besides itself when its caller keeps away */
#define GIVE_WAY_NS 10000 /* a nap in the place of a yield: any less is the timer's slack, 50 us, as well */

/* The caller is about to sleep, which costs microseconds: the time to look again. */
static bool spent(void) {
    static thrum_u32 in_vain; /* relaxed: a count of occasions */
    if (thrum_u32_fetch_add_relaxed(&in_vain, 1) % THRUM_PARK_REREAD_AFTER == THRUM_PARK_REREAD_AFTER - 1)
        (void)thrum_cpus_look();
    return false;
}

/* The round of a spin that has no pauses and has not read the clock. */
#define CROWDED UINT16_MAX

thrum_park thrum_park_among(uint32_t budget_ns, uint32_t threads) {
    thrum_park spin = thrum_park_spin(budget_ns);
    if (budget_ns != 0 && threads > thrum_cpus()) spin.round = CROWDED;
    return spin;
}

bool thrum_park_again(thrum_park *spin) {
    if (spin->budget_ns == 0) return false; /* an exploration touches no global here */
    const bool begins = spin->round == 0 || (spin->round == CROWDED && spin->end_ns == 0);
    if (begins && thrum_cpus() == 1) return spent(); /* park.I1 */
    if (spin->round < THRUM_PARK_ROUNDS) {
        spin->round++;
        for (int i = 0; i < THRUM_PARK_PAUSES; i++) thrum_cpu_pause();
        return true;
    }
    const uint64_t now = thrum_futex_now_ns();
    if (spin->end_ns == 0) {
        spin->end_ns = now + spin->budget_ns;                     /* park.I2 */
        if (spin->yields) spin->yields = thrum_futex_may_yield(); /* park.I3 */
    }
    if (now >= spin->end_ns) return spent();
    if (spin->yields) {
        thrum_futex_yield();
    } else {
        for (int i = 0; i < THRUM_PARK_PAUSES; i++) thrum_cpu_pause();
    }
    return true;
}

void thrum_park_keep_away(thrum_park *spin, uint32_t ns) {
    if (ns == 0) return; /* an exploration has no clock here */
    if (spin->round < THRUM_PARK_ROUNDS) spin->round += AWAY_ROUNDS;
    const uint64_t end_ns = thrum_futex_now_ns() + ns;
    do thrum_cpu_pause();
    while (thrum_futex_now_ns() < end_ns);
}

void thrum_park_give_way(void) {
    if (thrum_futex_may_yield())
        thrum_futex_yield();
    else
        thrum_futex_nap(thrum_after_ns(GIVE_WAY_NS)); /* park.I3 */
}
