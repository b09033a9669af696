/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. pthread_once: the bits of a thrum_once, and the process in which the function runs.
 *
 *   0                           open: the function has not run, or did not return
 *   RUNNING | number            a thread of the process with that number runs it
 *   RUNNING | WAITERS | number  and others may sleep until it has ended
 *   DONE                        it has returned; nothing changes any more
 *
 * pthread_once.I1: from open to RUNNING there is one thread, and only that thread ends the run. Where the
 *     number is another process's, a fork has left the runner behind: a thread that finds it so changes the
 *     word to RUNNING with its own process's number, by one compare-and-swap, and runs the function.
 * pthread_once.I2: a thread sleeps only on RUNNING | WAITERS with its own process's number. The end of a run
 *     clears WAITERS and wakes every sleeper.
 * pthread_once.I3: the operation that ends a run is the last touch of the once: its memory may be freed
 *     then. No other memory tells of a run. So a fork has nothing to put right, whenever it comes: between
 *     any two steps of another thread, or by a signal handler between two steps of this one; and a handler
 *     of the fork that comes before the library's own may call pthread_once.
 * pthread_once.I4: a thread asks for its process's number after its look at the word. So if a signal handler
 *     forks between the two, and returns in the child, the child's look is as old as the parent's memory
 *     that it has, and the compare-and-swap sees what has changed since. A sleep has an end, for the kernel
 *     restarts no such sleep after a signal handler: the sleeper in the child looks again. Where the fork
 *     comes in the few instructions between the number and the sleep, the child's thread sleeps until then.
 *
 * A thread that forks within the function goes on with the run in the child, and ends it there as usual.
 * Another thread of the child that asks before that end finds the parent's number: it runs the function a
 * second time, as in glibc. The end of either run makes the once DONE, and no end takes DONE back.
 *
 * Numbers: a process that has the number of the lost runner's process takes the runner for its own, and a
 * thread that asks waits for ever. So it is where the runner's process has ended, and the kernel gives its
 * number to a descendant before any process between the two has asked; and where a child in a new pid
 * namespace has the number there that its parent has in the old one (1 and 1). Processes that share memory
 * without being one process (vfork, clone with CLONE_VM) have two numbers, and would both run the function;
 * but the child of a vfork may call nothing but exec and _exit.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../futex/waits.h"
#include "pthread_inside.h"

#include <thrum/futex.h>
#include <thrum/once.h>
#include <thrum/park.h>

#include <limits.h>
#include <unistd.h>

enum { DONE = THRUM_ONCE_DONE_, RUNNING = THRUM_ONCE_RUNNING_, WAITERS = THRUM_ONCE_WAITERS_ };
/* The kernel's numbers have 22 bits at most; those above them are 0. */
enum { NUMBER_AT = 3 };
/*
 * The longest sleep (pthread_once.I4). Any end at all serves; this one is longer than every test, so that a
 * lost wake shows as a test that hangs, and half of it or twice as much costs a waiter nothing.
 */
enum { SLEEP_MS = 1000 * 1000 };

THRUM_STATIC_ASSERT(sizeof(thrum_once) <= sizeof(pthread_once_t) && PTHREAD_ONCE_INIT == 0, "a once fits");

static uint32_t own_number(void) {
    return (uint32_t)getpid() << NUMBER_AT;
}

/* pthread_once.L1: acquire, pairs with pthread_once.L2 */
static uint32_t look(const thrum_once *once) {
    return thrum_u32_load_acquire(&once->state);
}

/* After the look: pthread_once.I4. */
static bool runs_here(uint32_t seen) {
    return (seen & RUNNING) && seen >> NUMBER_AT << NUMBER_AT == own_number();
}

/* The once is open, or its runner lost. pthread_once.L1: acquire, pairs with pthread_once.L2 */
static bool take(thrum_once *once, uint32_t seen) {
    return thrum_u32_cas_acquire(&once->state, &seen, RUNNING | own_number()); /* pthread_once.I1 */
}

static void await_end(thrum_once *once, const void *site) {
    THRUM_WAITS_(ONCE, once, site);
    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    do {
        if (!runs_here(look(once))) return;
    } while (thrum_park_again(&spin));
    for (uint32_t seen; runs_here(seen = look(once));) {
        const uint32_t announced = seen | WAITERS;
        /* relaxed: it announces a sleeper and publishes nothing */
        if (seen != announced && !thrum_u32_cas_relaxed(&once->state, &seen, announced)) continue;
        (void)thrum_futex_wait(&once->state, announced, THRUM_FUTEX_ANY, false,
                               thrum_after_ms(SLEEP_MS)); /* pthread_once.I2, pthread_once.I4 */
    }
}

/* Whether the caller is to run the function; else it has returned. */
static bool begin(thrum_once *once, const void *site) {
    for (;;) {
        const uint32_t seen = look(once);
        if (seen & DONE) return false;
        if (runs_here(seen))
            await_end(once, site);
        else if (take(once, seen))
            return true;
    }
}

/* `was` the word before its end. */
static void wake(const thrum_once *once, uint32_t was) {
    if (was & WAITERS) thrum_futex_wake(&once->state, INT_MAX, THRUM_FUTEX_ANY, false); /* pthread_once.I2 */
}

static void end(thrum_once *once) {
    /* pthread_once.L2: release, pairs with pthread_once.L1 and once.O1. pthread_once.I3. */
    wake(once, thrum_u32_exchange_release(&once->state, DONE));
}

/* The function did not return: the next caller runs it. */
static void abandon(void *p) {
    thrum_once *const once = p;
    /* pthread_once.L2: release, pairs with pthread_once.L1. pthread_once.I3; DONE stays. */
    wake(once, thrum_u32_fetch_and_release(&once->state, DONE));
}

static void run(thrum_once *once, void (*function)(void)) {
    pthread_cleanup_push(abandon, once);
    function();
    pthread_cleanup_pop(0);
    end(once);
}

static THRUM_COLD int run_slow(pthread_once_t *control, void (*function)(void)) {
    if (!thrum_is_taken_(THRUM_TAKEN_ONCE)) return THRUM_C_LIBRARYS(pthread_once)(control, function);
    thrum_once *const once = (thrum_once *)(void *)control;
    if (begin(once, THRUM_SITE_)) run(once, function);
    return 0;
}

THRUM_NAME int pthread_once(pthread_once_t *control, void (*function)(void)) {
    const thrum_once *const once = (const thrum_once *)(const void *)control;
    if (THRUM_LIKELY(thrum_is_taken_(THRUM_TAKEN_ONCE) && thrum_once_done(once))) return 0;
    return run_slow(control, function);
}

THRUM_SECOND_NAME(pthread_once);
