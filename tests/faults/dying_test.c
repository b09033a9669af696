/* SPDX-License-Identifier: MIT */
/*
 * A process that is killed at any step of its use of a lock or an event that processes share. The
 * lock stays as the dead one had it, and those that wait go on; nothing is promised of a permit or a
 * set that the dead one was just about to announce.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "faults.h"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <thrum/event.h>
#include <thrum/lock.h>

enum { PROCESSES = 3, ROUNDS = 12 };
enum { MOST_DEATHS = 6 }; /* at one point; each may cost the others a tenth of a second */
enum { OUTSIDE, ACQUIRING, HOLDING, RELEASING };

typedef struct common {
    thrum_lock lock;
    thrum_event event;
    unsigned long count; /* plain: the lock protects it */
    atomic_ulong successes;
    atomic_uint passed;
    atomic_uint phase;     /* of the one that is to die */
    atomic_bool dead_held; /* whether it died with the lock in its hand */
    atomic_uint crossings[THRUM_FAULT_POINTS];
} common;

static common *shared;

/* In an acquire without a deadline, only who has just taken the lock wakes anybody. */
static void die(void) {
    const unsigned phase = atomic_load(&shared->phase);
    const bool wakes = injection.point == THRUM_BEFORE_WAKE || injection.point == THRUM_AFTER_WAKE;
    atomic_store(&shared->dead_held, phase == HOLDING || (phase == ACQUIRING && wakes));
    raise(SIGKILL);
}

static const fault death = {"a death", -1, die, 0, 0};

static void use_lock(bool mortal) {
    for (unsigned i = 0; i < ROUNDS; i++) {
        if (mortal) atomic_store(&shared->phase, ACQUIRING);
        thrum_lock_acquire(&shared->lock);
        if (mortal) atomic_store(&shared->phase, HOLDING);
        shared->count++;
        atomic_fetch_add(&shared->successes, 1);
        busy(i % 4 == 0 ? 400000 : 20000);
        if (mortal) atomic_store(&shared->phase, RELEASING);
        CHECK_EQ(thrum_lock_release(&shared->lock), THRUM_OK);
    }
}

static void wait_for_event(bool mortal) {
    (void)mortal;
    thrum_event_wait(&shared->event);
    atomic_fetch_add(&shared->passed, 1);
}

/* Starts a process and waits until it sleeps in its first wait, or has died before. */
static pid_t start(void (*use)(bool), bool mortal, thrum_fault_point point, unsigned occurrence) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child > 0) {
        siginfo_t ended = {0};
        while (!test_is_asleep(child) && ended.si_pid == 0) {
            sched_yield();
            CHECK_EQ(waitid(P_PID, (id_t)child, &ended, WEXITED | WNOHANG | WNOWAIT), 0);
        }
        return child;
    }
    CHECK_EQ(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
    inject(mortal && occurrence ? &death : NULL, point, occurrence);
    use(mortal);
    if (mortal)
        for (int i = 0; i < THRUM_FAULT_POINTS; i++)
            atomic_store(&shared->crossings[i], atomic_load(&injection.crossings[i]));
    _exit(0);
}

static void begin(void) {
    shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK((void *)shared != MAP_FAILED);
    thrum_lock_init_shared(&shared->lock);
    thrum_event_init_shared(&shared->event);
}

/* Whether the mortal one died. */
static bool join_mortal(pid_t child) {
    int status = -1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) || status == 0);
    return status != 0;
}

static bool lock_with(unsigned mortal, thrum_fault_point point, unsigned occurrence) {
    pid_t children[PROCESSES];
    thrum_lock_acquire(&shared->lock);
    for (unsigned i = 0; i < PROCESSES; i++) children[i] = start(use_lock, i == mortal, point, occurrence);
    CHECK_EQ(thrum_lock_release(&shared->lock), THRUM_OK);
    const bool died = join_mortal(children[mortal]);
    if (atomic_load(&shared->dead_held)) CHECK_EQ(thrum_lock_release(&shared->lock), THRUM_OK);
    for (unsigned i = 0; i < PROCESSES; i++)
        if (i != mortal) test_join_child(children[i]);
    CHECK_EQ(shared->count, atomic_load(&shared->successes));
    CHECK(!thrum_lock_locked(&shared->lock));
    CHECK_EQ(thrum_lock_acquire_until(&shared->lock, thrum_after(10)), THRUM_OK);
    CHECK_EQ(thrum_lock_release(&shared->lock), THRUM_OK);
    return died;
}

static bool event_with(unsigned mortal, thrum_fault_point point, unsigned occurrence) {
    pid_t children[PROCESSES];
    for (unsigned i = 0; i < PROCESSES; i++)
        children[i] = start(wait_for_event, i == mortal, point, occurrence);
    thrum_event_set(&shared->event);
    const bool died = join_mortal(children[mortal]);
    for (unsigned i = 0; i < PROCESSES; i++)
        if (i != mortal) test_join_child(children[i]);
    CHECK_EQ(atomic_load(&shared->passed), died ? PROCESSES - 1 : PROCESSES);
    return died;
}

/* The mortal one is the first to wait, or the last. */
static void die_everywhere(bool (*scenario)(unsigned, thrum_fault_point, unsigned), unsigned mortal) {
    unsigned counts[THRUM_FAULT_POINTS], runs = 0, deaths = 0;
    begin();
    CHECK(!scenario(mortal, 0, 0));
    for (int i = 0; i < THRUM_FAULT_POINTS; i++) counts[i] = atomic_load(&shared->crossings[i]);
    for (int point = 0; point < THRUM_FAULT_POINTS; point++) {
        for (unsigned nth = 1; nth <= counts[point] && nth <= MOST_DEATHS; nth++) {
            begin();
            deaths += scenario(mortal, (thrum_fault_point)point, nth);
            runs++;
            CHECK_EQ(munmap(shared, sizeof *shared), 0);
        }
    }
    printf("    %u runs, %u deaths\n", runs, deaths);
    CHECK(deaths > 0);
}

TEST(a_death_at_any_step_leaves_the_lock_to_the_others) {
    die_everywhere(lock_with, 0);
    die_everywhere(lock_with, PROCESSES - 1);
}

TEST(a_waiter_that_dies_at_any_step_keeps_the_event_from_nobody) {
    die_everywhere(event_with, 0);
    die_everywhere(event_with, PROCESSES - 1);
}
