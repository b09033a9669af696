/* SPDX-License-Identifier: MIT */
/*
 * Which thread goes on, and what befalls sleepers meanwhile.
 *
 * schedule.I1: a thread that yielded waits until each thread that could run then has taken a step, slept or
 *     ended, unless nobody else can run: a loop that yields cannot starve the thread that it waits for.
 * schedule.I2: while a thread can run, a deadline that passes costs an expiry. When none can, or all that can
 *     have yielded, time goes on: the earliest deadline passes for nothing.
 * schedule.I3: no thread can run or wake by itself, and some have not ended: a wake was lost. Daemons may
 *     sleep.
 */
#include "engine.h"

#include <thrum/futex.h>

static bool may_run(const thread *t, uint8_t runnable) {
    return t->state == RUNNABLE && !(t->waits_for & runnable); /* schedule.I1 */
}

static uint8_t bit(unsigned t) {
    return (uint8_t)(1u << t);
}

static bool sleeps(const thread *t) {
    return t->state == ASLEEP || t->state == NAPPING;
}

/* schedule.I2 */
static unsigned first_to_expire(void) {
    unsigned first = 0;
    for (unsigned t = 1; t < engine.count; t++) {
        if (!sleeps(&engine.threads[t]) || engine.threads[t].deadline_ns == THRUM_FOREVER.ns) continue;
        if (!first || engine.threads[t].deadline_ns < engine.threads[first].deadline_ns) first = t;
    }
    return first;
}

static uint8_t threads_that_can_run(void) {
    uint8_t runnable = 0, ready = 0;
    for (unsigned t = 1; t < engine.count; t++)
        if (engine.threads[t].state == RUNNABLE) runnable |= bit(t);
    for (unsigned t = 1; t < engine.count; t++)
        if (may_run(&engine.threads[t], runnable)) ready |= bit(t);
    return ready || first_to_expire() ? ready : runnable; /* schedule.I2 */
}

/* Has ended, never began, or is a daemon with nothing to do. */
static bool is_over(const thread *t) {
    return t->state == DONE || t->state == ABSENT || (t->daemon && sleeps(t));
}

static bool all_ended(void) {
    for (unsigned t = 1; t < engine.count; t++)
        if (!is_over(&engine.threads[t])) return false;
    return true;
}

typedef struct options {
    step steps[4 * THREADS];
    unsigned count;
} options;

static void offer(options *o, step_kind kind, unsigned t, explore_bounds cost) {
    if (search_affords(cost)) o->steps[o->count++] = (step){kind, t, cost};
}

static void offer_runs(options *o, uint8_t ready, bool voluntary) {
    const explore_bounds free = {0, 0, 0, 0}, preemption = {.preemptions = 1};
    const bool could_go_on = !voluntary && (ready & bit(engine.me));
    if (could_go_on) offer(o, STEP_RUN, engine.me, free);
    for (unsigned t = 1; t < engine.count; t++)
        if ((ready & bit(t)) && !(could_go_on && t == engine.me))
            offer(o, STEP_RUN, t, could_go_on ? preemption : free);
}

static void offer_wakings(options *o, bool idle) {
    const explore_bounds expiry = {.expiries = 1}, spurious = {.spurious = 1}, free = {0, 0, 0, 0};
    const unsigned first = idle ? first_to_expire() : 0;
    if (first) offer(o, STEP_EXPIRE, first, free);
    for (unsigned t = 1; t < engine.count; t++) {
        const thread *sleeper = &engine.threads[t];
        if (!sleeps(sleeper)) continue;
        if (sleeper->deadline_ns != THRUM_FOREVER.ns && t != first) offer(o, STEP_EXPIRE, t, expiry);
        if (sleeper->state != ASLEEP) continue;
        offer(o, STEP_INTERRUPT, t, spurious);
        offer(o, STEP_STRAY_WAKE, t, spurious);
    }
}

static void befall(const step *s) {
    thread *t = &engine.threads[s->thread];
    int outcome = THRUM_FUTEX_TIMED_OUT;
    if (s->kind == STEP_INTERRUPT) outcome = THRUM_FUTEX_INTERRUPTED;
    if (s->kind == STEP_STRAY_WAKE) outcome = THRUM_FUTEX_WOKEN;
    if (s->kind == STEP_EXPIRE && engine.now_ns < t->deadline_ns) engine.now_ns = t->deadline_ns;
    t->chain = mix(t->chain, mix((uint64_t)s->kind, engine.now_ns));
    t->places_count = 0;
    thread_wakes(s->thread, outcome);
    if (!engine.tracing) return;
    static const char *const what[] = {"", "deadline passes", "interrupted", "stray wake"};
    report_event_of(s->thread, NULL, 0, "(%s)", what[s->kind]);
}

void schedule(bool voluntary) {
    for (;;) {
        const uint8_t ready = threads_that_can_run();
        options o;
        o.count = 0;
        offer_runs(&o, ready, voluntary);
        offer_wakings(&o, ready == 0);
        if (o.count == 0) {
            /* schedule.I3 */
            if (!all_ended()) explore_fail("deadlock: nobody can run, and some have not ended");
            fibers_switch(MAIN);
            return;
        }
        const step *s = search_step(o.steps, o.count, self_thread()->waits_for);
        if (s->kind == STEP_RUN) {
            fibers_switch(s->thread);
            return;
        }
        befall(s);
    }
}

void schedule_step(void) {
    if (!engine.parallel) return;
    if (++engine.steps > STEPS_MAX) explore_fail("livelock: no end after %u operations", engine.steps);
    self_thread()->waits_for = 0;
    chain(1); /* every step leads to another state, even one that changes nothing */
    for (unsigned t = 1; t < engine.count; t++)
        engine.threads[t].waits_for &= (uint8_t)~bit(engine.me); /* schedule.I1 */
}
