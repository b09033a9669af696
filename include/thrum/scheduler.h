/* SPDX-License-Identifier: MIT */
/*
 * scheduler: any number of timers on one thread, for servers. A thread a timer is thrum/timer.h.
 *
 * Floor 4, in libthrum. All-zero memory is a scheduler, and an entry that is not scheduled. The entries lie
 * in the caller's memory: scheduling takes none, and fails only where the first one cannot start the thread;
 * but copies of inherited locals take memory.
 *
 * Cost        scheduling is a lock and a comparison, and a wake only when the new entry is the earliest; a
 *             cancel and a call are logarithmic in the number of entries, amortised (a pairing heap: Fredman,
 *             Sedgewick, Sleator, Tarjan, 1986). 72 bytes an entry.
 * Time        never early. CLOCK_MONOTONIC. Of equal deadlines the one scheduled first is called first.
 * One thread  calls the functions, one after the other, with nothing locked: a slow one delays all others. A
 *             function that fails or exits (thrum/hooks.h) ends alone; the exception hook is told of a
 *             failure. One that ends the thread, by pthread_exit, delays the others by the start of another
 *             thread. The thread is a daemon: a program that wants what is pending done before its end
 *             waits for it. It blocks all signals but those that its own faults raise.
 * Periodic    calls are due at first + k * period, however long each takes. Those whose time has passed when
 *             the one before them ends are left out, and counted (thrum_scheduler_missed).
 * Inherited   a function has copies of the values that its scheduler's caller had of inherited locals
 *             (thrum/local.h) when it scheduled it: one set of copies for all calls of a periodic one.
 * Freed       an entry: when its cancel has returned, in its own function, and after its last call. A
 *             scheduler: when its stop has returned and nobody uses it, and not in one of its functions.
 * Fork        the child calls thrum_scheduler_reset_after_fork, which forgets all that was pending.
 *
 *     static thrum_scheduler scheduler;
 *     static thrum_scheduled heartbeat;
 *
 *     if (thrum_scheduler_every(&scheduler, &heartbeat, THRUM_NOW, 1000000000, beat, NULL) != THRUM_OK)
 *         return false;
 *     ...
 *     thrum_scheduler_cancel(&scheduler, &heartbeat);
 *     thrum_scheduler_stop(&scheduler);
 *
 * Memory order: what happened before scheduling happens before the call; a call that has ended before every
 * cancel that comes later, or that waited for it, and before a stop.
 *
 * Any thread, the functions too; not signal handlers.
 */
#ifndef THRUM_SCHEDULER_H
#define THRUM_SCHEDULER_H

#include <thrum/deadline.h>
#include <thrum/event.h>
#include <thrum/lock.h>
#include <thrum/thread.h>

typedef void thrum_scheduler_function(void *argument);

typedef struct thrum_scheduled {
    thrum_deadline due_;
    uint64_t order_; /* among equal deadlines; 0: not scheduled */
    uint64_t period_ns_;
    uint64_t missed_; /* periods that were left out */
    thrum_scheduler_function *function_;
    void *argument_;
    struct thrum_scheduled *child_, *next_, **place_; /* in the heap */
} thrum_scheduled;

typedef struct thrum_scheduler {
    thrum_lock lock_; /* of all below */
    thrum_event look_again_;
    thrum_scheduled *earliest_;
    size_t pending_;
    uint64_t last_order_;
    thrum_scheduled *running_;
    uint64_t caller_; /* the ident of the thread that calls it; 0: none does */
    thrum_u32 runs_;  /* calls that have ended */
    uint32_t waiting_;
    bool again_; /* the running one is periodic, and has not been cancelled */
    bool stopped_;
    thrum_thread thread_;
} thrum_scheduler;

#define THRUM_SCHEDULER_INIT                                                \
    {                                                                       \
        {0}, THRUM_EVENT_INIT, NULL, 0, 0, NULL, 0, {0}, 0, false, false, { \
            NULL                                                            \
        }                                                                   \
    }

THRUM_BEGIN_DECLS

/*
 * Calls the function once, when the deadline has passed. THRUM_OK; THRUM_STATE: the entry is pending already;
 * THRUM_CLOSED: the scheduler was stopped; THRUM_NO_MEMORY, or what a copier of an inherited local returned;
 * or what starting its thread answered: nothing was scheduled, and it may be tried again.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_scheduler_at(thrum_scheduler *scheduler, thrum_scheduled *entry,
                                                         thrum_deadline deadline,
                                                         thrum_scheduler_function *function, void *argument);

/* Calls it at `first` and every period from then on. The same, and THRUM_INVALID: a period of 0. */
THRUM_API THRUM_MUST_USE thrum_result thrum_scheduler_every(thrum_scheduler *scheduler,
                                                            thrum_scheduled *entry, thrum_deadline first,
                                                            uint64_t period_ns,
                                                            thrum_scheduler_function *function,
                                                            void *argument);

/*
 * Takes an entry back. When it returns the function does not run and will not: it waits for a call that runs,
 * unless it is called from it. Whether a call was kept from happening.
 */
THRUM_API bool thrum_scheduler_cancel(thrum_scheduler *scheduler, thrum_scheduled *entry);

/* How many periods of the entry were left out since it was scheduled; of one that is not periodic: 0. */
THRUM_API uint64_t thrum_scheduler_missed(thrum_scheduler *scheduler, const thrum_scheduled *entry);

/* How many entries are pending. */
THRUM_API size_t thrum_scheduler_pending(thrum_scheduler *scheduler);

/*
 * Drops all that is pending and ends the thread; how many were dropped. Waits for a call that runs, unless it
 * is called from it. Again: nothing.
 */
THRUM_API size_t thrum_scheduler_stop(thrum_scheduler *scheduler);

/*
 * Writes the state as text ("scheduler: 3 pending, a call runs, stopped"), cut to `size` bytes with its final
 * NUL, and returns the length of the whole text, as snprintf does.
 */
THRUM_API size_t thrum_scheduler_describe(thrum_scheduler *scheduler, char *text, size_t size);

/*
 * In a forked child, before use: an empty scheduler. Its entries there are to be zeroed before they are used
 * again.
 */
THRUM_API void thrum_scheduler_reset_after_fork(thrum_scheduler *scheduler);

THRUM_END_DECLS

#endif
