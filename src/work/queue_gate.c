/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. `sleepers` counts the registered threads from bit 1 up; bit 0, WAKING, says that a wake is on its
 * way. They sleep on `epoch`.
 *
 *   look       after a change that makes something possible: if a thread is registered, wake
 *   wake       a thread is registered: sets WAKING; if it was clear, changes the epoch and wakes one
 *   register   + 1; a heavy fence
 *   turn       reads the epoch, clears WAKING, attempts; sleeps while the epoch is the one that it read
 *   leave      - 1, WAKING cleared; if more is possible, wake
 *
 * queue.W1: no change is missed by both. A light fence lies between a change and the look, a heavy one
 *     between the registering and the attempt: the look sees the registration, or the attempt the change.
 * queue.W2: WAKING set => some registered thread will turn, or leave and see whether more is possible. The
 *     epoch changes after the bit is set. A registered thread that read the epoch before finds it changed
 *     (the kernel compares again) or is asleep, and one sleeper is woken; one that reads it after sees the
 *     bit.
 * queue.W3: a look that finds WAKING set need not wake: its compare-and-swap, which changes nothing, is a
 *     release that the clearing acquires, so the attempt after the clearing sees the change.
 * queue.W4: possible and a thread asleep => a thread is on its way that will attempt, or a look is to come.
 *     For what was possible before a thread attempted, and is still after it succeeded, that thread wakes the
 *     next one. Where a thread that never slept took what the wake was for, the woken thread attempts all
 *     the same: it takes what is next, or nothing is possible, or the change that will make the next thing
 *     possible is another thread's, and its look to come.
 *
 * Every change of `sleepers` is a read-modify-write, and goes on with the release sequence of the looks
 * before it: the thread that clears WAKING sees what came before all of them.
 */
#include "queue_gate.h"

#include <thrum/futex.h>
#include <thrum/park.h>

#include <limits.h>

enum { WAKING = 1, SLEEPER = 2 };

static bool waits(thrum_result result) {
    return result == THRUM_EMPTY || result == THRUM_FULL;
}

void thrum_queue_gate_wake_(thrum_queue_gate_ *gate) {
    uint32_t seen = thrum_u32_load_relaxed(&gate->sleepers);
    do {
        if (seen < SLEEPER) return;
    } while (!thrum_u32_cas_release(&gate->sleepers, &seen, seen | WAKING)); /* queue.W3: release */
    if (seen & WAKING) return;
    thrum_u32_fetch_add_release(&gate->epoch, 1); /* queue.W2: release, pairs with the turn's acquire */
    thrum_futex_wake(&gate->epoch, 1, THRUM_FUTEX_ANY, false);
}

void thrum_queue_gate_wake_all_(thrum_queue_gate_ *gate) {
    thrum_fence_light();
    if (!thrum_u32_load_relaxed(&gate->sleepers)) return;
    thrum_u32_fetch_add_release(&gate->epoch, 1);
    thrum_futex_wake(&gate->epoch, INT_MAX, THRUM_FUTEX_ANY, false);
}

static uint32_t turn(thrum_queue_gate_ *gate) {
    const uint32_t epoch = thrum_u32_load_acquire(&gate->epoch); /* queue.W2 */
    if (thrum_u32_load_relaxed(&gate->sleepers) & WAKING)
        thrum_u32_fetch_and_acquire(&gate->sleepers, ~(uint32_t)WAKING); /* queue.W3: acquire */
    return epoch;
}

static void leave(thrum_queue_gate_ *gate) {
    uint32_t seen = thrum_u32_load_relaxed(&gate->sleepers);
    /* queue.W3: acquire */
    while (!thrum_u32_cas_acquire(&gate->sleepers, &seen, (seen - SLEEPER) & ~(uint32_t)WAKING)) continue;
}

/* A thread for which no heavy fence is made (a sandbox) looks again after a millisecond. */
static thrum_deadline end_of_sleep(thrum_deadline deadline, bool fenced) {
    const thrum_deadline soon = fenced ? deadline : thrum_after_ms(1);
    return soon.ns < deadline.ns ? soon : deadline;
}

thrum_result thrum_queue_gate_wait_(thrum_queue_gate_ *gate, const thrum_queue_aim_ *aim, void *queue,
                                    void **item, thrum_deadline deadline) {
    thrum_result result;
    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    do {
        result = aim->attempt(queue, item);
        if (!waits(result) || thrum_deadline_passed(deadline)) return result;
    } while (thrum_park_again(&spin));

    thrum_u32_fetch_add_relaxed(&gate->sleepers, SLEEPER); /* relaxed: queue.W1 orders it */
    const bool fenced = thrum_fence_heavy();               /* queue.W1 */
    for (;;) {
        const uint32_t epoch = turn(gate);
        result = aim->attempt(queue, item);
        if (!waits(result) || thrum_deadline_passed(deadline)) break;
        thrum_futex_wait(&gate->epoch, epoch, THRUM_FUTEX_ANY, false, end_of_sleep(deadline, fenced));
    }
    leave(gate);
    if (aim->possible(queue)) thrum_queue_gate_wake_(gate); /* queue.W4 */
    return result;
}
