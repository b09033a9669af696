/* SPDX-License-Identifier: MIT */
/*
 * The kernel says no: each call that src/futex/futex.c makes, with each errno, to every primitive. A wait
 * ends at its deadline, a try says no, a hand-over arrives; nothing hangs, and nothing aborts.
 *
 * Each refusal has a child process, with a waiter and a giver for each primitive. The child's first thread
 * stays outside the sandbox: the C library's join aborts without its futex.
 *
 * ctest: seconds 120
 * mutants: also futex
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "refuse.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include <thrum/all.h>
#include <thrum/barrier.h>
#include <thrum/cond.h>
#include <thrum/event.h>
#include <thrum/futex.h>
#include <thrum/latch.h>
#include <thrum/lock.h>
#include <thrum/monitor.h>
#include <thrum/once.h>
#include <thrum/rwlock.h>
#include <thrum/semaphore.h>
#include <thrum/spinlock.h>
#include <thrum/wait_any.h>

/* tests/calls_test.sh holds this list and futex.c together. */
typedef struct call {
    const char *name;
    long number;
} call;
static const call calls[] = {
    {"futex", SYS_futex},
    {"futex_waitv", TEST_SYS_FUTEX_WAITV},
    {"clock_gettime", SYS_clock_gettime},
    {"clock_nanosleep", SYS_clock_nanosleep},
    {"sched_yield", SYS_sched_yield},
    {"sched_getscheduler", SYS_sched_getscheduler},
    {"sched_getaffinity", SYS_sched_getaffinity},
    {"membarrier", SYS_membarrier},
    {"getpid", SYS_getpid},
    {"gettid", SYS_gettid},
    {"tgkill", SYS_tgkill},
    {"openat", SYS_openat},
    {"read", SYS_read},
    {"write", SYS_write},
    {"close", SYS_close},
    {"process_vm_readv", SYS_process_vm_readv},
};
enum { CALLS = sizeof calls / sizeof calls[0] };

static const int errors[] = {EPERM, EACCES, ENOSYS, ENOMEM, EINVAL, EAGAIN, EFAULT, EINTR, ESRCH, ETIMEDOUT};
enum { ERRORS = sizeof errors / sizeof errors[0] };

/*
 * A primitive, taken when the child begins. `until` waits for what `give` gives; after a success it is taken
 * again. `try` asks for it.
 */
typedef struct primitive {
    const char *name;
    thrum_result (*until)(thrum_deadline deadline);
    bool (*attempt)(void);
    void (*give)(void);
} primitive;

static thrum_lock lock;
static thrum_result lock_until(thrum_deadline deadline) {
    return thrum_lock_acquire_until(&lock, deadline);
}
static bool lock_try(void) {
    return thrum_lock_try_acquire(&lock);
}
static void lock_give(void) {
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
}

static thrum_spinlock spinlock;
static thrum_result spinlock_until(thrum_deadline deadline) {
    return thrum_spinlock_acquire_until(&spinlock, deadline);
}
static bool spinlock_try(void) {
    return thrum_spinlock_try_acquire(&spinlock);
}
static void spinlock_give(void) {
    CHECK_EQ(thrum_spinlock_release(&spinlock), THRUM_OK);
}

static thrum_lock first, second;
static thrum_all both(void) {
    thrum_all all = THRUM_ALL_INIT;
    CHECK_EQ(thrum_all_add_lock(&all, &first), THRUM_OK);
    CHECK_EQ(thrum_all_add_lock(&all, &second), THRUM_OK);
    return all;
}
static thrum_result all_until(thrum_deadline deadline) {
    const thrum_all all = both();
    return thrum_acquire_all_until(&all, deadline);
}
static bool all_try(void) {
    const thrum_all all = both();
    return thrum_try_acquire_all(&all);
}
static void all_give(void) {
    const thrum_all all = both();
    CHECK_EQ(thrum_release_all(&all), THRUM_OK);
}

static thrum_semaphore semaphore;
static thrum_result semaphore_until(thrum_deadline deadline) {
    return thrum_semaphore_acquire_until(&semaphore, deadline);
}
static bool semaphore_try(void) {
    return thrum_semaphore_try_acquire(&semaphore);
}
static void semaphore_give(void) {
    CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OK);
}

static thrum_event event;
static thrum_result event_until(thrum_deadline deadline) {
    const thrum_result result = thrum_event_wait_until(&event, deadline);
    if (result == THRUM_OK) thrum_event_clear(&event);
    return result;
}
static bool event_try(void) {
    return thrum_event_try_wait(&event);
}
static void event_give(void) {
    thrum_event_set(&event);
}

static thrum_latch latch = THRUM_LATCH_INIT(1);
static thrum_result latch_until(thrum_deadline deadline) {
    const thrum_result result = thrum_latch_wait_until(&latch, deadline);
    if (result == THRUM_OK) CHECK_EQ(thrum_latch_reset(&latch, 1), THRUM_OK);
    return result;
}
static bool latch_try(void) {
    return thrum_latch_try_wait(&latch);
}
static void latch_give(void) {
    thrum_latch_count_down(&latch);
}

static thrum_barrier barrier = THRUM_BARRIER_INIT(2);
static thrum_result barrier_until(thrum_deadline deadline) {
    const thrum_result result = thrum_barrier_wait_until(&barrier, NULL, deadline);
    if (result == THRUM_TIMEOUT) thrum_barrier_reset(&barrier);
    return result;
}
static bool barrier_try(void) {
    return barrier_until(THRUM_NOW) == THRUM_OK;
}
static void barrier_give(void) {
    while (thrum_barrier_wait(&barrier, NULL) == THRUM_BROKEN) {
    } /* the waiter's deadline passed first */
}

/* What a condition is waited for. */
static thrum_lock store_lock;
static thrum_cond store = THRUM_COND_INIT(&store_lock);
static bool stored; /* plain: the lock protects it */
static thrum_result cond_until(thrum_deadline deadline) {
    thrum_lock_acquire(&store_lock);
    thrum_result result = THRUM_OK;
    while (!stored && result == THRUM_OK) result = thrum_cond_wait_until(&store, deadline);
    if (stored) result = THRUM_OK;
    stored = false;
    CHECK_EQ(thrum_lock_release(&store_lock), THRUM_OK);
    return result;
}
static bool cond_try(void) {
    return cond_until(THRUM_NOW) == THRUM_OK;
}
static void cond_give(void) {
    thrum_lock_acquire(&store_lock);
    stored = true;
    CHECK_EQ(thrum_cond_notify(&store, 1), THRUM_OK);
    CHECK_EQ(thrum_lock_release(&store_lock), THRUM_OK);
}

static thrum_monitor monitor;
static bool monitored; /* plain: the monitor protects it */
static int is_monitored(void *unused) {
    (void)unused;
    return monitored;
}
static thrum_result monitor_until(thrum_deadline deadline) {
    CHECK_EQ(thrum_monitor_acquire(&monitor), THRUM_OK);
    const int result = thrum_monitor_wait_for(&monitor, is_monitored, NULL, deadline);
    monitored = false;
    CHECK_EQ(thrum_monitor_release(&monitor), THRUM_OK);
    return (thrum_result)result;
}
static bool monitor_try(void) {
    return monitor_until(THRUM_NOW) == THRUM_OK;
}
static void monitor_give(void) {
    CHECK_EQ(thrum_monitor_acquire(&monitor), THRUM_OK);
    monitored = true;
    CHECK_EQ(thrum_monitor_notify_all(&monitor), THRUM_OK);
    CHECK_EQ(thrum_monitor_release(&monitor), THRUM_OK);
}

/* Another thread is inside the function until it is given. */
static thrum_once once;
static atomic_bool running, given;
static thrum_result run_until_given(void *unused) {
    (void)unused;
    atomic_store(&running, true);
    while (!atomic_load(&given)) thrum_futex_nap(thrum_after_us(100));
    return THRUM_OK;
}
static void *run_once(void *unused) {
    CHECK_EQ(thrum_once_run(&once, run_until_given, NULL), THRUM_OK);
    return unused;
}
static thrum_result once_until(thrum_deadline deadline) {
    return thrum_once_run_until(&once, run_until_given, NULL, deadline);
}
static bool once_try(void) {
    return once_until(THRUM_NOW) == THRUM_OK;
}
static void once_give(void) {
    atomic_store(&given, true);
}

/* Held by a writer; the reader that gets in makes itself the writer. */
static thrum_rwlock rwlock;
static thrum_result rwlock_until(thrum_deadline deadline) {
    const thrum_result result = thrum_rwlock_acquire_read_until(&rwlock, deadline);
    if (result != THRUM_OK) return result;
    CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_OK);
    return thrum_rwlock_acquire_write_until(&rwlock, deadline);
}
static bool rwlock_try(void) {
    return thrum_rwlock_try_acquire_read(&rwlock) || thrum_rwlock_try_acquire_write(&rwlock);
}
static void rwlock_give(void) {
    CHECK_EQ(thrum_rwlock_release_write(&rwlock), THRUM_OK);
}

static thrum_rwlock_slot slots[4];
static thrum_sharded_rwlock sharded = THRUM_SHARDED_RWLOCK_INIT(slots, 4);
static thrum_result sharded_until(thrum_deadline deadline) {
    const thrum_result result = thrum_sharded_rwlock_acquire_read_until(&sharded, deadline);
    if (result != THRUM_OK) return result;
    CHECK_EQ(thrum_sharded_rwlock_release_read(&sharded), THRUM_OK);
    return thrum_sharded_rwlock_acquire_write_until(&sharded, deadline);
}
static bool sharded_try(void) {
    return thrum_sharded_rwlock_try_acquire_read(&sharded) ||
           thrum_sharded_rwlock_try_acquire_write(&sharded);
}
static void sharded_give(void) {
    CHECK_EQ(thrum_sharded_rwlock_release_write(&sharded), THRUM_OK);
}

static thrum_event never;
static thrum_semaphore any;
static thrum_result any_until(thrum_deadline deadline) {
    const thrum_waitable set[] = {THRUM_WAITABLE(&never), THRUM_WAITABLE(&any)};
    unsigned which = 0;
    return thrum_wait_any_until(set, 2, &which, deadline);
}
static bool any_try(void) {
    return any_until(THRUM_NOW) == THRUM_OK;
}
static void any_give(void) {
    CHECK_EQ(thrum_semaphore_release(&any), THRUM_OK);
}

static const primitive primitives[] = {
    {"lock", lock_until, lock_try, lock_give},
    {"spinlock", spinlock_until, spinlock_try, spinlock_give},
    {"all", all_until, all_try, all_give},
    {"semaphore", semaphore_until, semaphore_try, semaphore_give},
    {"event", event_until, event_try, event_give},
    {"latch", latch_until, latch_try, latch_give},
    {"barrier", barrier_until, barrier_try, barrier_give},
    {"cond", cond_until, cond_try, cond_give},
    {"monitor", monitor_until, monitor_try, monitor_give},
    {"once", once_until, once_try, once_give},
    {"rwlock", rwlock_until, rwlock_try, rwlock_give},
    {"sharded rwlock", sharded_until, sharded_try, sharded_give},
    {"wait_any", any_until, any_try, any_give},
};
enum { PRIMITIVES = sizeof primitives / sizeof primitives[0], ROUNDS = 4, ERRNO_MARK = 4242 };

/* What the children of one walk do. */
typedef struct plan {
    unsigned waiter_refused_in, giver_refused_in; /* the round before which that thread enters the sandbox */
    unsigned timed_in; /* the round in which the hand-over is waited for again and again, with a deadline */
} plan;

static plan plans;
static const call *refused_call;
static int refused_error;
static atomic_uint taken[PRIMITIVES]; /* hand-overs that have arrived */
static atomic_uint next[PRIMITIVES];  /* the hand-over for which the waiter is ready */

static void enter_sandbox(unsigned round, unsigned in) {
    static const thrum_u32 nobody;
    if (round != in) return;
    refuse(refused_call->number, refused_error);
    thrum_futex_wake(&nobody, 1, THRUM_FUTEX_ANY, false); /* the first that is refused */
}

static void *wait_for_hand_overs(void *argument) {
    const unsigned which = (unsigned)(uintptr_t)argument;
    const primitive *const p = &primitives[which];
    const unsigned rounds = p->until == once_until ? 1 : ROUNDS;
    for (unsigned round = 0; round < rounds; round++) {
        enter_sandbox(round, plans.waiter_refused_in);
        errno = ERRNO_MARK;
        CHECK(!p->attempt());
        const uint64_t begin = test_now_ns();
        CHECK_EQ(p->until(thrum_after_ms(4)), THRUM_TIMEOUT);
        const uint64_t end = test_now_ns();
        CHECK(end >= begin + 4000000);
        CHECK(end < begin + 5000000000);
        atomic_store(&next[which], round + 1);
        const bool timed = round == plans.timed_in;
        while (p->until(timed ? thrum_after_ms(20) : THRUM_FOREVER) != THRUM_OK) CHECK(timed);
        CHECK_EQ(errno, ERRNO_MARK);
        atomic_store(&taken[which], round + 1);
    }
    return NULL;
}

static void *hand_over(void *argument) {
    const unsigned which = (unsigned)(uintptr_t)argument;
    const primitive *const p = &primitives[which];
    const unsigned rounds = p->until == once_until ? 1 : ROUNDS;
    for (unsigned round = 0; round < rounds; round++) {
        enter_sandbox(round, plans.giver_refused_in);
        while (atomic_load(&next[which]) <= round) thrum_futex_nap(thrum_after_us(100));
        p->give();
        while (atomic_load(&taken[which]) <= round) thrum_futex_nap(thrum_after_us(100));
    }
    return NULL;
}

static void use_all(void) {
    thrum_lock_acquire(&lock);
    thrum_spinlock_acquire(&spinlock);
    thrum_lock_acquire(&first);
    thrum_lock_acquire(&second);
    thrum_rwlock_acquire_write(&rwlock);
    thrum_sharded_rwlock_acquire_write(&sharded);
    test_thread runner = test_start(run_once, NULL);
    while (!atomic_load(&running)) sched_yield();
    test_thread waiters[PRIMITIVES], givers[PRIMITIVES];
    for (uintptr_t i = 0; i < PRIMITIVES; i++) {
        waiters[i] = test_start(wait_for_hand_overs, (void *)i);
        givers[i] = test_start(hand_over, (void *)i);
    }
    for (unsigned i = 0; i < PRIMITIVES; i++) {
        test_join(&waiters[i]);
        test_join(&givers[i]);
    }
    test_join(&runner);
}

static void walk(plan p) {
    if (THRUM_UNDER_TSAN || test_under_asan())
        test_skip("the sanitizer's own locks sleep on futexes, and lose the wakes that are refused");
    plans = p;
    for (unsigned c = 0; c < CALLS; c++) {
        for (unsigned e = 0; e < ERRORS; e++) {
            refused_call = &calls[c];
            refused_error = errors[e];
            const pid_t child = fork();
            CHECK(child >= 0);
            if (child == 0) {
                alarm(20); /* a hang has a name then: the line that is not followed by others */
                use_all();
                _exit(0);
            }
            test_join_child(child);
        }
        printf("    %s\n", calls[c].name);
        fflush(stdout);
    }
}

TEST(whatever_call_is_refused_with_whatever_errno_every_primitive_keeps_its_word) {
    walk((plan){.waiter_refused_in = 0, .giver_refused_in = 0, .timed_in = ROUNDS});
}

TEST(a_call_that_is_refused_in_the_middle_of_life_keeps_nobody_waiting) {
    walk((plan){.waiter_refused_in = 1, .giver_refused_in = 2, .timed_in = ROUNDS});
}

/* A wait that began before the first refused wake may need its deadline; later ones need none. */
TEST(a_thread_that_may_not_wake_keeps_nobody_waiting) {
    walk((plan){.waiter_refused_in = ROUNDS, .giver_refused_in = 1, .timed_in = 1});
}
