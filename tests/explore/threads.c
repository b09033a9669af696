/* SPDX-License-Identifier: MIT */
/*
 * The C library's calls that start, join and end threads, played by the explorer (the build renames the
 * calls). A scenario says how many threads may be started, and which starts are refused.
 *
 * threads.I1: what the starter did happens before what the thread does, and that before what its joiner does
 *     then.
 * threads.I2: a thread that has ended is to be joined or detached, once: else the C library keeps its stack.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "engine.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <thrum/registry.h>
#include <unistd.h>

#define CALLER __builtin_return_address(0)

/* What the build makes of the C library's names. */
int explore_pthread_create(pthread_t *number, const pthread_attr_t *attributes, void *(*function)(void *),
                           void *argument);
int explore_pthread_join(pthread_t number, void **value);
int explore_pthread_detach(pthread_t number);
pthread_t explore_pthread_self(void);
_Noreturn void explore_pthread_exit(void *value);
int explore_pthread_setname_np(pthread_t number, const char *name);
int explore_pthread_key_create(pthread_key_t *key, void (*at_end)(void *));
int explore_pthread_setspecific(pthread_key_t key, const void *value);
int explore_pthread_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void));
int explore_atexit(void (*function)(void));

enum { KEYS = 2 };
static void (*at_ends[KEYS])(void *); /* of the keys that there are; the same function has the same key */

static unsigned first_absent(void) {
    for (unsigned t = MAIN + 1; t < engine.count; t++)
        if (engine.threads[t].state == ABSENT && t > engine.scenario->threads) return t;
    return MAIN;
}

int explore_pthread_create(pthread_t *number, const pthread_attr_t *attributes, void *(*function)(void *),
                           void *argument) {
    operation_begins();
    const bool refused = engine.scenario->refused_starts >> engine.starts++ & 1;
    const unsigned new = refused ? MAIN : first_absent();
    if (engine.tracing) report_event(CALLER, 0, new == MAIN ? "start refused" : "start %u", new - 1);
    chain(new);
    if (new != MAIN) {
        int state = PTHREAD_CREATE_JOINABLE;
        if (attributes) (void)pthread_attr_getdetachstate(attributes, &state);
        thread *const t = &engine.threads[new];
        t->function = function;
        t->argument = argument;
        t->daemon = t->claimed = state == PTHREAD_CREATE_DETACHED;
        t->now = self_thread()->now; /* threads.I1 */
        t->now.events[new] = 1;
        t->chain = self_thread()->chain;
        t->state = RUNNABLE;
        *number = new;
    }
    operation_ends();
    return new == MAIN ? EAGAIN : 0;
}

static void claim(pthread_t number) {
    thread *const t = &engine.threads[number];
    if (number == MAIN || number >= engine.count || t->state == ABSENT) explore_fail("no such thread");
    if (t->claimed) explore_fail("a thread that was joined or detached before"); /* threads.I2 */
    t->claimed = true;
    chain(t->chain);
}

int explore_pthread_join(pthread_t number, void **value) {
    (void)value;
    operation_begins();
    if (engine.tracing) report_event(CALLER, 0, "join %u", (unsigned)number - 1);
    claim(number);
    thread *const of = &engine.threads[number], *const me = self_thread();
    operation_ends();
    if (of->state != DONE) {
        if (!engine.parallel) explore_fail("a join that never returns");
        me->waits_to = (unsigned)number;
        me->state = JOINING;
        schedule(true);
        schedule_step();
    }
    view_join(&me->now, &of->now); /* threads.I1 */
    chain(of->chain);
    if (engine.tracing) report_event(CALLER, 0, "  ... joined");
    operation_ends();
    return 0;
}

int explore_pthread_detach(pthread_t number) {
    operation_begins();
    if (engine.tracing) report_event(CALLER, 0, "detach %u", (unsigned)number - 1);
    claim(number);
    operation_ends();
    return 0;
}

void threads_end(void) {
    thread *const me = self_thread();
    bool more = true;
    for (int round = 0; more && round < PTHREAD_DESTRUCTOR_ITERATIONS; round++) {
        more = false;
        for (unsigned key = 0; key < KEYS; key++) {
            void *const specific = me->specific[key];
            me->specific[key] = NULL;
            if (specific) at_ends[key](specific), more = true;
        }
    }
    me->state = DONE;
    for (unsigned t = MAIN + 1; t < engine.count; t++) {
        thread *const joiner = &engine.threads[t];
        if (joiner->state == JOINING && joiner->waits_to == engine.me) joiner->state = RUNNABLE;
    }
}

void threads_check_claimed(void) {
    for (unsigned t = engine.scenario->threads + 1; t < engine.count; t++)
        if (engine.threads[t].state == DONE && !engine.threads[t].claimed)
            explore_fail("thread %u was neither joined nor detached", t - 1); /* threads.I2 */
}

pthread_t explore_pthread_self(void) {
    return engine.me;
}

/* The first thread's is the process's: the registry asks. */
uint32_t thrum_get_native_id(void) {
    return engine.me == MAIN ? (uint32_t)getpid() : engine.me;
}

void explore_pthread_exit(void *value) {
    (void)value;
    explore_fail("pthread_exit: not played");
}

int explore_pthread_setname_np(pthread_t number, const char *name) {
    (void)number, (void)name;
    return 0;
}

int explore_pthread_key_create(pthread_key_t *key, void (*at_end)(void *)) {
    for (*key = 0; at_ends[*key] && at_ends[*key] != at_end;)
        if (++*key == KEYS) return EAGAIN;
    at_ends[*key] = at_end;
    return 0;
}

int explore_pthread_setspecific(pthread_key_t key, const void *value) {
    self_thread()->specific[key] = (void *)(uintptr_t)value;
    return 0;
}

/* Nobody forks, and the process does not end. */
int explore_pthread_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void)) {
    (void)before, (void)in_parent, (void)in_child;
    return 0;
}

int explore_atexit(void (*function)(void)) {
    (void)function;
    return 0;
}
