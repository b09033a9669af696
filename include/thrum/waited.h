/* SPDX-License-Identifier: MIT */
/*
 * waited: how long the calling thread has waited so far.
 *
 * Floor 2. Every wait of this library counts: for a lock, a condition, an item, a thread's end. A server asks
 * before and after a request, and knows what the request's locks have cost it:
 *
 *     const uint64_t before = thrum_waited();
 *     handle(request);
 *     if (thrum_waited() - before > 1000000) complain_of(request);
 *
 * Counted     from a wait's first sleep to its end. The spin that precedes a sleep, THRUM_PARK_SPIN_NS at
 *             most, and one that ends the wait are not: they read no clock.
 * Cost        of a wait that sleeps: the clock is read twice. Of everything else: nothing.
 * Copies      each copy of the library (thrum/self.h) counts the waits of its own.
 * Fork        the thread of a forked child goes on with its sum.
 *
 * Any thread, for itself; a signal handler, too. It carries no memory order.
 */
#ifndef THRUM_WAITED_H
#define THRUM_WAITED_H

#include <thrum/cpu.h>

THRUM_BEGIN_DECLS

/* Nanoseconds that the calling thread has waited since it began. A wait under way is not in it yet. */
THRUM_API uint64_t thrum_waited(void);

THRUM_END_DECLS

#endif
