/* SPDX-License-Identifier: MIT */
/* The gates: whatever a thread can wait for, shut until `open` lets one waiter through. */
#ifndef THRUM_TESTS_WAITING_PARTS_H
#define THRUM_TESTS_WAITING_PARTS_H

#include "test.h"

#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>

#include <thrum/event.h>
#include <thrum/latch.h>
#include <thrum/lock.h>
#include <thrum/once.h>
#include <thrum/rlock.h>
#include <thrum/rwlock.h>
#include <thrum/semaphore.h>
#include <thrum/wait_any.h>

enum { MS = 1000000 };

typedef struct gate {
    const char *name;
    void (*wait)(void);
    thrum_result (*wait_until)(thrum_deadline deadline);
    bool (*try_wait)(void);
    void (*open)(void);
    void (*shut)(void); /* after it, nobody gets through until the next open */
} gate;

static thrum_lock lock;
static inline void lock_wait(void) {
    thrum_lock_acquire(&lock);
}
static inline thrum_result lock_until(thrum_deadline deadline) {
    return thrum_lock_acquire_until(&lock, deadline);
}
static inline bool lock_try(void) {
    return thrum_lock_try_acquire(&lock);
}
static inline void lock_open(void) {
    (void)thrum_lock_release(&lock);
}
static inline void lock_shut(void) {
    (void)!thrum_lock_try_acquire(&lock);
}

/* A thread that keeps a gate shut. */
typedef struct servant {
    void *(*work)(void *);
    bool hired;
    atomic_bool wants, has; /* to keep it shut; keeps it so */
} servant;

static inline void tell(servant *s, bool wants) {
    if (!s->hired) (void)test_start(s->work, NULL);
    s->hired = true;
    atomic_store(&s->wants, wants);
    while (atomic_load(&s->has) != wants) sched_yield();
}

/* Only its owner can open it: a keeper owns it while it is shut. A thread that gets through releases it. */
static thrum_rlock rlock;
static void *keep(void *unused);
static servant keeper = {.work = keep};
static inline void *keep(void *unused) {
    for (;;) {
        const bool wants = atomic_load(&keeper.wants);
        if (wants == atomic_load(&keeper.has)) {
            sched_yield();
            continue;
        }
        if (wants)
            thrum_rlock_acquire(&rlock);
        else
            (void)thrum_rlock_release(&rlock);
        atomic_store(&keeper.has, wants);
    }
    return unused;
}
static inline void rlock_wait(void) {
    thrum_rlock_acquire(&rlock);
    (void)thrum_rlock_release(&rlock);
}
static inline thrum_result rlock_until(thrum_deadline deadline) {
    const thrum_result result = thrum_rlock_acquire_until(&rlock, deadline);
    if (result == THRUM_OK) (void)thrum_rlock_release(&rlock);
    return result;
}
static inline bool rlock_try(void) {
    const bool through = thrum_rlock_try_acquire(&rlock);
    if (through) (void)thrum_rlock_release(&rlock);
    return through;
}
static inline void rlock_open(void) {
    tell(&keeper, false);
}
static inline void rlock_shut(void) {
    tell(&keeper, true);
}

/* Shut by a writer and open without one: a reader gets through, and releases it. */
static thrum_rwlock for_readers;
static inline void reader_wait(void) {
    thrum_rwlock_acquire_read(&for_readers);
    (void)thrum_rwlock_release_read(&for_readers);
}
static inline thrum_result reader_until(thrum_deadline deadline) {
    const thrum_result result = thrum_rwlock_acquire_read_until(&for_readers, deadline);
    if (result == THRUM_OK) (void)thrum_rwlock_release_read(&for_readers);
    return result;
}
static inline bool reader_try(void) {
    const bool through = thrum_rwlock_try_acquire_read(&for_readers);
    if (through) (void)thrum_rwlock_release_read(&for_readers);
    return through;
}
static inline void reader_open(void) {
    (void)thrum_rwlock_release_write(&for_readers);
}
static inline void reader_shut(void) {
    (void)!thrum_rwlock_try_acquire_write(&for_readers);
}

/* Shut by the thread inside, a reader or the writer that got through. */
static thrum_rwlock for_writers;
static inline void writer_wait(void) {
    thrum_rwlock_acquire_write(&for_writers);
}
static inline thrum_result writer_until(thrum_deadline deadline) {
    return thrum_rwlock_acquire_write_until(&for_writers, deadline);
}
static inline bool writer_try(void) {
    return thrum_rwlock_try_acquire_write(&for_writers);
}
static inline void writer_open(void) {
    if (thrum_rwlock_release_write(&for_writers) != THRUM_OK) (void)thrum_rwlock_release_read(&for_writers);
}
static inline void writer_shut(void) {
    (void)!thrum_rwlock_try_acquire_read(&for_writers);
}

static thrum_event event;
static inline void event_wait(void) {
    thrum_event_wait(&event);
}
static inline thrum_result event_until(thrum_deadline deadline) {
    return thrum_event_wait_until(&event, deadline);
}
static inline bool event_try(void) {
    return thrum_event_try_wait(&event);
}
static inline void event_open(void) {
    thrum_event_set(&event);
}
static inline void event_shut(void) {
    thrum_event_clear(&event);
}

static thrum_semaphore semaphore;
static inline void semaphore_wait(void) {
    thrum_semaphore_acquire(&semaphore);
}
static inline thrum_result semaphore_until(thrum_deadline deadline) {
    return thrum_semaphore_acquire_until(&semaphore, deadline);
}
static inline bool semaphore_try(void) {
    return thrum_semaphore_try_acquire(&semaphore);
}
static inline void semaphore_open(void) {
    (void)thrum_semaphore_release(&semaphore);
}
static inline void semaphore_shut(void) {
    while (thrum_semaphore_try_acquire(&semaphore)) {
    }
}

static thrum_bounded_semaphore bounded = THRUM_BOUNDED_SEMAPHORE_INIT(1);
static inline void bounded_wait(void) {
    thrum_bounded_semaphore_acquire(&bounded);
}
static inline thrum_result bounded_until(thrum_deadline deadline) {
    return thrum_bounded_semaphore_acquire_until(&bounded, deadline);
}
static inline bool bounded_try(void) {
    return thrum_bounded_semaphore_try_acquire(&bounded);
}
static inline void bounded_open(void) {
    (void)thrum_bounded_semaphore_release(&bounded);
}
static inline void bounded_shut(void) {
    (void)!thrum_bounded_semaphore_try_acquire(&bounded);
}

static thrum_latch latch;
static inline void latch_wait(void) {
    thrum_latch_wait(&latch);
}
static inline thrum_result latch_until(thrum_deadline deadline) {
    return thrum_latch_wait_until(&latch, deadline);
}
static inline bool latch_try(void) {
    return thrum_latch_try_wait(&latch);
}
static inline void latch_open(void) {
    thrum_latch_count_down(&latch);
}
static inline void latch_shut(void) {
    (void)!thrum_latch_reset(&latch, 1);
}

/* Shut while a runner is within the function. It fails, so a waiter runs a function of its own. */
static thrum_once once;
static void *run(void *unused);
static servant runner = {.work = run};
static inline thrum_result run_until_told(void *unused) {
    (void)unused;
    atomic_store(&runner.has, true);
    while (atomic_load(&runner.wants)) sched_yield();
    return THRUM_CANCELLED;
}
static inline thrum_result run_nothing(void *unused) {
    (void)unused;
    return THRUM_OK;
}
static inline void *run(void *unused) {
    for (;;) {
        while (!atomic_load(&runner.wants)) sched_yield();
        thrum_once_init(&once);
        CHECK_EQ(thrum_once_run(&once, run_until_told, NULL), THRUM_CANCELLED);
        atomic_store(&runner.has, false);
    }
    return unused;
}
static inline void once_wait(void) {
    CHECK_EQ(thrum_once_run(&once, run_nothing, NULL), THRUM_OK);
}
static inline thrum_result once_until(thrum_deadline deadline) {
    return thrum_once_run_until(&once, run_nothing, NULL, deadline);
}
static inline bool once_try(void) {
    return once_until(THRUM_NOW) == THRUM_OK;
}
static inline void once_open(void) {
    tell(&runner, false);
}
static inline void once_shut(void) {
    tell(&runner, true);
}

/* The one that opens is among others that never do. */
static thrum_event never;
static thrum_semaphore none, one_of_any;
static thrum_waitable set[] = {THRUM_WAITABLE(&never), THRUM_WAITABLE(&one_of_any), THRUM_WAITABLE(&none)};
static inline void any_wait(void) {
    unsigned which = 0;
    CHECK_EQ(thrum_wait_any(set, 3, &which), THRUM_OK);
    CHECK_EQ(which, 1);
}
static inline thrum_result any_until(thrum_deadline deadline) {
    unsigned which = 1;
    const thrum_result result = thrum_wait_any_until(set, 3, &which, deadline);
    CHECK_EQ(which, 1);
    return result;
}
static inline bool any_try(void) {
    unsigned which = 1;
    const bool through = thrum_try_wait_any(set, 3, &which);
    CHECK_EQ(which, 1);
    return through;
}
static inline void any_open(void) {
    (void)thrum_semaphore_release(&one_of_any);
}
static inline void any_shut(void) {
    while (thrum_semaphore_try_acquire(&one_of_any)) {
    }
}

static const gate gates[] = {
    {"lock", lock_wait, lock_until, lock_try, lock_open, lock_shut},
    {"rlock", rlock_wait, rlock_until, rlock_try, rlock_open, rlock_shut},
    {"rwlock, to read", reader_wait, reader_until, reader_try, reader_open, reader_shut},
    {"rwlock, to write", writer_wait, writer_until, writer_try, writer_open, writer_shut},
    {"event", event_wait, event_until, event_try, event_open, event_shut},
    {"semaphore", semaphore_wait, semaphore_until, semaphore_try, semaphore_open, semaphore_shut},
    {"bounded semaphore", bounded_wait, bounded_until, bounded_try, bounded_open, bounded_shut},
    {"latch", latch_wait, latch_until, latch_try, latch_open, latch_shut},
    {"once", once_wait, once_until, once_try, once_open, once_shut},
    {"any of several", any_wait, any_until, any_try, any_open, any_shut},
};

/* The gate after this one, shut; NULL after the last. */
static inline const gate *next(const gate *g) {
    g = g ? g + 1 : gates;
    if (g == gates + sizeof gates / sizeof gates[0]) return NULL;
    printf("    %s\n", g->name);
    fflush(stdout);
    g->shut();
    return g;
}
#define EACH_GATE(g) (const gate *g = next(NULL); g; g = next(g))

typedef struct visit {
    const gate *gate;
    thrum_deadline deadline;
    thrum_result result;
    uint64_t ended_ns;
    atomic_bool over;
} visit;

static inline void *visitor(void *p) {
    visit *v = p;
    v->result = v->gate->wait_until(v->deadline);
    v->ended_ns = test_now_ns();
    atomic_store(&v->over, true);
    return NULL;
}

static inline void *patient(void *p) {
    visit *v = p;
    v->gate->wait();
    v->result = THRUM_OK;
    atomic_store(&v->over, true);
    return NULL;
}

static inline void interrupted(int number) {
    (void)number;
}

/* Without SA_RESTART: each signal ends the system call in which it finds the thread. */
static inline void install_handler(void) {
    struct sigaction action = {.sa_handler = interrupted};
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
}

#endif
