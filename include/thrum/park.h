/* SPDX-License-Identifier: MIT */
/*
 * park: how long a thread spins before it sleeps. The one policy for every primitive.
 *
 * Floor 2. A spin is measured in time. Its first rounds are processor pauses alone, for a partner
 * that answers within a microsecond from another processor; in every later round it gives up the
 * processor, for a partner that waits for this very one. Under SCHED_DEADLINE, where a yield gives
 * up the rest of the period, it goes on with pauses. When the budget is spent the caller sleeps.
 * Where the process can run on one processor only (thrum/cpus.h) there is no spin at all.
 *
 *     thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
 *     do {
 *         if (thrum_lock_try_acquire(&l)) return;
 *     } while (thrum_park_again(&spin));
 *     thrum_lock_acquire(&l);
 *
 * A look is a short spin without yields, for a thread that must see what happens to a word
 * meanwhile: after a yield it might run again milliseconds later.
 *
 * The numbers are compile-time parameters. Those below were chosen by bench/lock_bench and
 * bench/event_bench on two processors; an exploration of interleavings sets them to 0.
 */
#ifndef THRUM_PARK_H
#define THRUM_PARK_H

#include <thrum/cpu.h>

/* The budget of a wait's spin, in nanoseconds. */
#ifndef THRUM_PARK_SPIN_NS
#define THRUM_PARK_SPIN_NS 10000
#endif

typedef struct thrum_park {
    uint64_t end_ns; /* 0: the clock has not been read yet */
    uint32_t budget_ns;
    uint16_t round;
    bool yields;
} thrum_park;

THRUM_BEGIN_DECLS

/* A spin that has not begun. Reads no clock. */
THRUM_INLINE thrum_park thrum_park_spin(uint32_t budget_ns) {
    const thrum_park spin = {0, budget_ns, 0, true};
    return spin;
}

/* A look that has not begun. Reads no clock. */
THRUM_INLINE thrum_park thrum_park_look(uint32_t budget_ns) {
    const thrum_park spin = {0, budget_ns, 0, false};
    return spin;
}

/*
 * A spin among so many threads that wait for each other, the caller included. Where they are more
 * than the processors, the partner waits for this one, and no pause precedes the first yield.
 */
THRUM_API thrum_park thrum_park_among(uint32_t budget_ns, uint32_t threads);

/*
 * One round: pauses or yields, and says whether to look again. False once the budget is spent.
 * Belongs to one thread. No memory order.
 */
THRUM_API bool thrum_park_again(thrum_park *spin);

/*
 * After a round that says to look again: pauses for about so many nanoseconds more, where each look takes
 * the line from the thread that is to change the word. A time, since a processor's pause lasts from 5 to
 * 50 ns, by its model. Of such rounds fewer precede the first yield. 0 changes nothing. No memory order.
 */
THRUM_API void thrum_park_keep_away(thrum_park *spin, uint32_t ns);

/*
 * For a wait that has no budget: lets another thread have this processor. A yield, or under SCHED_DEADLINE a
 * nap of some microseconds. No memory order.
 */
THRUM_API void thrum_park_give_way(void);

THRUM_END_DECLS

#endif
