/* SPDX-License-Identifier: MIT */
/*
 * What every wait does, whatever it waits for: each test runs on a lock, an rlock, a rwlock from either side,
 * an event, a semaphore, a bounded semaphore, a latch, a once, and a semaphore among several objects, as
 * gates that are shut until `open` lets one waiter through.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

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
static void lock_wait(void) {
    thrum_lock_acquire(&lock);
}
static thrum_result lock_until(thrum_deadline deadline) {
    return thrum_lock_acquire_until(&lock, deadline);
}
static bool lock_try(void) {
    return thrum_lock_try_acquire(&lock);
}
static void lock_open(void) {
    (void)thrum_lock_release(&lock);
}
static void lock_shut(void) {
    (void)!thrum_lock_try_acquire(&lock);
}

/* A thread that keeps a gate shut. */
typedef struct servant {
    void *(*work)(void *);
    bool hired;
    atomic_bool wants, has; /* to keep it shut; keeps it so */
} servant;

static void tell(servant *s, bool wants) {
    if (!s->hired) (void)test_start(s->work, NULL);
    s->hired = true;
    atomic_store(&s->wants, wants);
    while (atomic_load(&s->has) != wants) sched_yield();
}

/* Only its owner can open it: a keeper owns it while it is shut. A thread that gets through lets go. */
static thrum_rlock rlock;
static void *keep(void *unused);
static servant keeper = {.work = keep};
static void *keep(void *unused) {
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
static void rlock_wait(void) {
    thrum_rlock_acquire(&rlock);
    (void)thrum_rlock_release(&rlock);
}
static thrum_result rlock_until(thrum_deadline deadline) {
    const thrum_result result = thrum_rlock_acquire_until(&rlock, deadline);
    if (result == THRUM_OK) (void)thrum_rlock_release(&rlock);
    return result;
}
static bool rlock_try(void) {
    const bool through = thrum_rlock_try_acquire(&rlock);
    if (through) (void)thrum_rlock_release(&rlock);
    return through;
}
static void rlock_open(void) {
    tell(&keeper, false);
}
static void rlock_shut(void) {
    tell(&keeper, true);
}

/* Shut by a writer and open without one: a reader gets through, and lets go. */
static thrum_rwlock for_readers;
static void reader_wait(void) {
    thrum_rwlock_acquire_read(&for_readers);
    (void)thrum_rwlock_release_read(&for_readers);
}
static thrum_result reader_until(thrum_deadline deadline) {
    const thrum_result result = thrum_rwlock_acquire_read_until(&for_readers, deadline);
    if (result == THRUM_OK) (void)thrum_rwlock_release_read(&for_readers);
    return result;
}
static bool reader_try(void) {
    const bool through = thrum_rwlock_try_acquire_read(&for_readers);
    if (through) (void)thrum_rwlock_release_read(&for_readers);
    return through;
}
static void reader_open(void) {
    (void)thrum_rwlock_release_write(&for_readers);
}
static void reader_shut(void) {
    (void)!thrum_rwlock_try_acquire_write(&for_readers);
}

/* Shut by the thread inside, a reader or the writer that got through. */
static thrum_rwlock for_writers;
static void writer_wait(void) {
    thrum_rwlock_acquire_write(&for_writers);
}
static thrum_result writer_until(thrum_deadline deadline) {
    return thrum_rwlock_acquire_write_until(&for_writers, deadline);
}
static bool writer_try(void) {
    return thrum_rwlock_try_acquire_write(&for_writers);
}
static void writer_open(void) {
    if (thrum_rwlock_release_write(&for_writers) != THRUM_OK) (void)thrum_rwlock_release_read(&for_writers);
}
static void writer_shut(void) {
    (void)!thrum_rwlock_try_acquire_read(&for_writers);
}

static thrum_event event;
static void event_wait(void) {
    thrum_event_wait(&event);
}
static thrum_result event_until(thrum_deadline deadline) {
    return thrum_event_wait_until(&event, deadline);
}
static bool event_try(void) {
    return thrum_event_try_wait(&event);
}
static void event_open(void) {
    thrum_event_set(&event);
}
static void event_shut(void) {
    thrum_event_clear(&event);
}

static thrum_semaphore semaphore;
static void semaphore_wait(void) {
    thrum_semaphore_acquire(&semaphore);
}
static thrum_result semaphore_until(thrum_deadline deadline) {
    return thrum_semaphore_acquire_until(&semaphore, deadline);
}
static bool semaphore_try(void) {
    return thrum_semaphore_try_acquire(&semaphore);
}
static void semaphore_open(void) {
    (void)thrum_semaphore_release(&semaphore);
}
static void semaphore_shut(void) {
    while (thrum_semaphore_try_acquire(&semaphore)) {
    }
}

static thrum_bounded_semaphore bounded = THRUM_BOUNDED_SEMAPHORE_INIT(1);
static void bounded_wait(void) {
    thrum_bounded_semaphore_acquire(&bounded);
}
static thrum_result bounded_until(thrum_deadline deadline) {
    return thrum_bounded_semaphore_acquire_until(&bounded, deadline);
}
static bool bounded_try(void) {
    return thrum_bounded_semaphore_try_acquire(&bounded);
}
static void bounded_open(void) {
    (void)thrum_bounded_semaphore_release(&bounded);
}
static void bounded_shut(void) {
    (void)!thrum_bounded_semaphore_try_acquire(&bounded);
}

static thrum_latch latch;
static void latch_wait(void) {
    thrum_latch_wait(&latch);
}
static thrum_result latch_until(thrum_deadline deadline) {
    return thrum_latch_wait_until(&latch, deadline);
}
static bool latch_try(void) {
    return thrum_latch_try_wait(&latch);
}
static void latch_open(void) {
    thrum_latch_count_down(&latch);
}
static void latch_shut(void) {
    (void)!thrum_latch_reset(&latch, 1);
}

/* Shut while a runner is within the function. It fails, so a waiter runs a function of its own. */
static thrum_once once;
static void *run(void *unused);
static servant runner = {.work = run};
static thrum_result run_until_told(void *unused) {
    (void)unused;
    atomic_store(&runner.has, true);
    while (atomic_load(&runner.wants)) sched_yield();
    return THRUM_CANCELLED;
}
static thrum_result run_nothing(void *unused) {
    (void)unused;
    return THRUM_OK;
}
static void *run(void *unused) {
    for (;;) {
        while (!atomic_load(&runner.wants)) sched_yield();
        thrum_once_init(&once);
        CHECK_EQ(thrum_once_run(&once, run_until_told, NULL), THRUM_CANCELLED);
        atomic_store(&runner.has, false);
    }
    return unused;
}
static void once_wait(void) {
    CHECK_EQ(thrum_once_run(&once, run_nothing, NULL), THRUM_OK);
}
static thrum_result once_until(thrum_deadline deadline) {
    return thrum_once_run_until(&once, run_nothing, NULL, deadline);
}
static bool once_try(void) {
    return once_until(THRUM_NOW) == THRUM_OK;
}
static void once_open(void) {
    tell(&runner, false);
}
static void once_shut(void) {
    tell(&runner, true);
}

/* The one that opens is among others that never do. */
static thrum_event never;
static thrum_semaphore none, one_of_any;
static thrum_waitable set[] = {THRUM_WAITABLE(&never), THRUM_WAITABLE(&one_of_any), THRUM_WAITABLE(&none)};
static void any_wait(void) {
    unsigned which = 0;
    CHECK_EQ(thrum_wait_any(set, 3, &which), THRUM_OK);
    CHECK_EQ(which, 1);
}
static thrum_result any_until(thrum_deadline deadline) {
    unsigned which = 1;
    const thrum_result result = thrum_wait_any_until(set, 3, &which, deadline);
    CHECK_EQ(which, 1);
    return result;
}
static bool any_try(void) {
    unsigned which = 1;
    const bool through = thrum_try_wait_any(set, 3, &which);
    CHECK_EQ(which, 1);
    return through;
}
static void any_open(void) {
    (void)thrum_semaphore_release(&one_of_any);
}
static void any_shut(void) {
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
static const gate *next(const gate *g) {
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

static void *visitor(void *p) {
    visit *v = p;
    v->result = v->gate->wait_until(v->deadline);
    v->ended_ns = test_now_ns();
    atomic_store(&v->over, true);
    return NULL;
}

static void *patient(void *p) {
    visit *v = p;
    v->gate->wait();
    v->result = THRUM_OK;
    atomic_store(&v->over, true);
    return NULL;
}

TEST(a_deadline_already_past_on_something_free_succeeds) {
    for
        EACH_GATE(g) {
            const thrum_deadline past[] = {
                THRUM_NOW, thrum_after_ns(-1), thrum_after(-1.0), {1}, {test_now_ns()}};
            for (unsigned i = 0; i < sizeof past / sizeof past[0]; i++) {
                g->open();
                CHECK_EQ(g->wait_until(past[i]), THRUM_OK);
                g->shut();
            }
            g->open();
            CHECK(g->try_wait());
            g->shut();
        }
}

TEST(a_deadline_already_past_on_something_taken_times_out) {
    for
        EACH_GATE(g) {
            CHECK_EQ(g->wait_until(THRUM_NOW), THRUM_TIMEOUT);
            CHECK_EQ(g->wait_until(thrum_after_ns(-1)), THRUM_TIMEOUT);
            CHECK_EQ(g->wait_until((thrum_deadline){1}), THRUM_TIMEOUT);
            CHECK(!g->try_wait());
        }
}

/* By the monotonic clock: a wait measured by the wall clock, fifty years ahead, would end at once. */
TEST(a_timed_wait_lasts_at_least_its_timeout) {
    for
        EACH_GATE(g) {
            static const int64_t timeouts[] = {1, 50000, MS, 3 * MS, 20 * MS};
            for (unsigned i = 0; i < sizeof timeouts / sizeof timeouts[0]; i++) {
                const uint64_t begun = test_now_ns();
                CHECK_EQ(g->wait_until(thrum_after_ns(timeouts[i])), THRUM_TIMEOUT);
                CHECK(test_now_ns() - begun >= (uint64_t)timeouts[i]);
            }
        }
}

TEST(a_deadline_too_far_to_count_is_waited_for) {
    for
        EACH_GATE(g) {
            const uint64_t second = 1000000000;
            const uint64_t far[] = {
                (second << 31) + 1,  second << 32,      test_now_ns() + ((uint64_t)1 << 62),
                (uint64_t)INT64_MAX, (uint64_t)1 << 63, UINT64_MAX - 1,
                UINT64_MAX};
            for (unsigned i = 0; i < sizeof far / sizeof far[0]; i++) {
                visit v = {.gate = g, .deadline = {far[i]}, .result = THRUM_BROKEN};
                test_thread t = test_start(visitor, &v);
                test_await_asleep(&t);
                g->open();
                test_join(&t);
                CHECK_EQ(v.result, THRUM_OK);
                g->shut();
            }
        }
}

static void interrupted(int number) {
    (void)number;
}

/* Without SA_RESTART: each signal ends the system call in which it finds the thread. */
static void install_handler(void) {
    struct sigaction action = {.sa_handler = interrupted};
    sigemptyset(&action.sa_mask);
    CHECK_EQ(sigaction(SIGUSR1, &action, NULL), 0);
}

typedef struct storm {
    pthread_t target;
    atomic_bool over;
    uint64_t end_ns;
} storm;

/* Some ten thousand signals a second, and none beyond the end: a lengthened wait ends then. */
static void *storming(void *p) {
    storm *s = p;
    const struct timespec pace = {0, 20000};
    while (!atomic_load(&s->over) && test_now_ns() < s->end_ns) {
        CHECK_EQ(pthread_kill(s->target, SIGUSR1), 0);
        nanosleep(&pace, NULL);
    }
    return NULL;
}

static test_thread storm_begin(storm *s, const test_thread *target) {
    s->target = target->thread;
    s->end_ns = test_now_ns() + 2000u * MS;
    atomic_store(&s->over, false);
    return test_start(storming, s);
}

static void storm_end(storm *s, test_thread *thread) {
    atomic_store(&s->over, true);
    test_join(thread);
}

TEST(a_signal_storm_neither_shortens_nor_lengthens_a_wait) {
    for
        EACH_GATE(g) {
            install_handler();
            visit v = {.gate = g, .deadline = thrum_after_ms(60), .result = THRUM_BROKEN};
            test_thread t = test_start(visitor, &v);
            storm s;
            test_thread sender = storm_begin(&s, &t);
            while (!atomic_load(&v.over)) sched_yield();
            storm_end(&s, &sender);
            test_join(&t);
            CHECK_EQ(v.result, THRUM_TIMEOUT);
            CHECK(v.ended_ns >= v.deadline.ns);
            CHECK(v.ended_ns < v.deadline.ns + 1000u * MS);
        }
}

static void *sleeper(void *p) {
    visit *v = p;
    thrum_sleep(v->deadline);
    v->ended_ns = test_now_ns();
    atomic_store(&v->over, true);
    return NULL;
}

TEST(a_signal_storm_neither_shortens_nor_lengthens_a_sleep) {
    install_handler();
    visit v = {.deadline = thrum_after_ms(60)};
    test_thread t = test_start(sleeper, &v);
    storm s;
    test_thread sender = storm_begin(&s, &t);
    while (!atomic_load(&v.over)) sched_yield();
    storm_end(&s, &sender);
    test_join(&t);
    CHECK(v.ended_ns >= v.deadline.ns);
    CHECK(v.ended_ns < v.deadline.ns + 1000u * MS);
}

TEST(a_signal_storm_loses_no_wake) {
    for
        EACH_GATE(g) {
            install_handler();
            for (unsigned round = 0; round < 100 / test_slowdown(); round++) {
                visit v = {.gate = g};
                test_thread t = test_start(patient, &v);
                storm s;
                test_thread sender = storm_begin(&s, &t);
                test_await_asleep(&t);
                CHECK(!atomic_load(&v.over)); /* shut: no signal lets anybody through */
                g->open();
                while (!atomic_load(&v.over)) sched_yield();
                storm_end(&s, &sender);
                test_join(&t);
                g->shut();
            }
        }
}

/* If the timed waiter takes the one opening, it passes it on; so the patient one gets through. */
TEST(a_timed_out_waiter_swallows_no_wake) {
    for
        EACH_GATE(g) {
            uint64_t random = test_seed();
            for (unsigned round = 0; round < 300 / test_slowdown(); round++) {
                const uint64_t moment = test_now_ns() + 150000 + test_random(&random) % 400000;
                visit timed = {.gate = g, .deadline = {moment}};
                visit untimed = {.gate = g};
                const bool timed_first = test_random(&random) % 2;
                test_thread a = test_start(timed_first ? visitor : patient, timed_first ? &timed : &untimed);
                test_thread b = test_start(timed_first ? patient : visitor, timed_first ? &untimed : &timed);
                const uint64_t opening = moment - 40000 + test_random(&random) % 60000;
                while (test_now_ns() < opening) thrum_cpu_pause();
                g->open();
                while (!atomic_load(&timed.over)) sched_yield();
                if (timed.result == THRUM_OK) g->open();
                test_join(&a); /* for ever, if the wake was swallowed */
                test_join(&b);
                CHECK_EQ(untimed.result, THRUM_OK);
                g->shut();
            }
        }
}

TEST(errno_is_kept) {
    for
        EACH_GATE(g) {
            errno = 4711;
            CHECK(!g->try_wait());
            CHECK_EQ(g->wait_until(THRUM_NOW), THRUM_TIMEOUT);
            CHECK_EQ(g->wait_until(thrum_after_ms(2)), THRUM_TIMEOUT);
            CHECK_EQ(errno, 4711);
            visit v = {.gate = g};
            test_thread t = test_start(patient, &v);
            test_await_asleep(&t);
            errno = 4712;
            g->open(); /* wakes somebody */
            CHECK_EQ(errno, 4712);
            test_join(&t);
            CHECK_EQ(errno, 4712);
        }
}

static void *cancelled(void *p) {
    patient(p);
    pthread_testcancel();
    return NULL;
}

TEST(a_wait_is_no_cancellation_point) {
    for
        EACH_GATE(g) {
            install_handler();
            visit v = {.gate = g, .result = THRUM_BROKEN};
            test_thread t = test_start(cancelled, &v);
            test_await_asleep(&t);
            CHECK_EQ(pthread_cancel(t.thread), 0);
            CHECK_EQ(pthread_kill(t.thread, SIGUSR1), 0); /* the wait begins again */
            test_await_asleep(&t);
            g->open();
            CHECK(test_join(&t) == PTHREAD_CANCELED);
            CHECK_EQ(v.result, THRUM_OK); /* it ended at the cancellation point after the wait */
        }
}
