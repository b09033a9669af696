/* SPDX-License-Identifier: MIT */
/*
 * park: how long a thread spins before it sleeps. The one policy for every primitive.
 *
 * Floor 2. A spin is measured in time: a round reads the caller's word, pauses a little longer
 * than the round before, and from the second round on gives up the processor each time, so that a
 * partner who waits for this very processor gets it. When the budget is spent the caller sleeps.
 * A process that may run on one processor only does not spin, it yields a few times.
 *
 *     thrum_spin spin = thrum_spin_begin(THRUM_SPIN_NS);
 *     do {
 *         if (try_it()) return;
 *     } while (thrum_spin_again(&spin));
 *     ... sleep ...
 */
#ifndef THRUM_PARK_H
#define THRUM_PARK_H

#include <thrum/backoff.h>
#include <thrum/deadline.h>

/* The budget of one wait, in nanoseconds. bench/event_bench and bench/lock_bench chose it. */
#ifndef THRUM_SPIN_NS
#define THRUM_SPIN_NS 10000
#endif

typedef struct thrum_spin {
    uint64_t end_ns; /* 0: the clock has not been read yet */
    uint32_t budget_ns;
    uint32_t round;
} thrum_spin;

THRUM_BEGIN_DECLS

/* A spin that has not begun. Reads no clock. */
THRUM_INLINE thrum_spin thrum_spin_begin(uint32_t budget_ns) {
    const thrum_spin spin = {0, budget_ns, 0};
    return spin;
}

/*
 * One round: pauses or yields, and says whether to look again. False once the budget is spent.
 * Belongs to one thread. No memory order.
 */
THRUM_API bool thrum_spin_again(thrum_spin *spin);

THRUM_END_DECLS

#endif
