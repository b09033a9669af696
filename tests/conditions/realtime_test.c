/* SPDX-License-Identifier: MIT */
/*
 * Real-time threads on one processor: a thread that spins there keeps the one that it waits for from
 * running, unless it sleeps or yields.
 *
 * ctest: serial
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "shapes.h"

#include <thrum/futex.h>

enum { LOW = 10, HIGH = 20 };

static cpu_set_t one; /* the last of our processors: the test's own thread stays off it if it can */

static void choose_processor(void) {
    cpu_set_t all;
    CHECK_EQ(sched_getaffinity(0, sizeof all, &all), 0);
    CPU_ZERO(&one);
    for (size_t i = CPU_SETSIZE; i-- > 0 && CPU_COUNT(&one) == 0;)
        if (CPU_ISSET(i, &all)) CPU_SET(i, &one);
    const struct sched_param low = {.sched_priority = LOW};
    if (sched_setscheduler(0, SCHED_FIFO, &low)) test_skip("real-time priorities are not permitted");
    const struct sched_param none = {0};
    CHECK_EQ(sched_setscheduler(0, SCHED_OTHER, &none), 0);
}

static void become(int priority) {
    const struct sched_param param = {.sched_priority = priority};
    /* The priority first: an ordinary thread would not get a turn on that processor any more. */
    CHECK_EQ(sched_setscheduler(0, SCHED_FIFO, &param), 0);
    CHECK_EQ(sched_setaffinity(0, sizeof one, &one), 0);
}

static pthread_barrier_t all_there; /* nobody would run beside one that has begun */

static void arrive_low(unsigned number) {
    (void)number;
    become(LOW);
    pthread_barrier_wait(&all_there);
}

static void play_together(const shape *s, const crowd *c) {
    CHECK_EQ(pthread_barrier_init(&all_there, NULL, c->threads), 0);
    play(s, c, NULL);
    CHECK_EQ(pthread_barrier_destroy(&all_there), 0);
}

TEST(threads_of_one_priority_on_one_processor_all_finish) {
    choose_processor();
    const crowd c = {.threads = 8, .rounds = 3000 / test_slowdown(), .arrive = arrive_low};
    for (unsigned i = 0; i < SHAPES; i++) play_together(&shapes[i], &c);
}

/* The whole process is kept there: nobody spins (thrum/park.h). */
TEST(threads_of_a_process_pinned_to_their_processor_all_finish) {
    choose_processor();
    test_pin(1);
    CHECK_EQ(sched_getaffinity(0, sizeof one, &one), 0);
    const crowd c = {.threads = 8, .rounds = 3000 / test_slowdown(), .arrive = arrive_low};
    for (unsigned i = 0; i < SHAPES; i++) play_together(&shapes[i], &c);
    test_unpin();
}

static void arrive_mixed(unsigned number) {
    become(number % 2 ? HIGH : LOW);
    pthread_barrier_wait(&all_there);
}

/* Every pair of an event crosses the priorities. A spinlock promises nothing here: the test below. */
TEST(threads_of_two_priorities_on_one_processor_all_finish) {
    choose_processor();
    const crowd c = {.threads = 8, .rounds = 2000 / test_slowdown(), .arrive = arrive_mixed};
    for (unsigned i = 0; i < SHAPES; i++)
        if (shapes[i].use != use_spinlock) play_together(&shapes[i], &c);
}

static thrum_spinlock guard;
static atomic_bool over;

static void *hold_guard(void *p) {
    (void)p;
    become(LOW);
    thrum_spinlock_acquire(&guard);
    atomic_store(&here, 1);
    while (!atomic_load(&over)) thrum_cpu_pause();
    CHECK_EQ(thrum_spinlock_release(&guard), THRUM_OK);
    return NULL;
}

static void *spin_above(void *result) {
    become(HIGH);
    *(thrum_result *)result = thrum_spinlock_acquire_until(&guard, thrum_after_ms(30));
    atomic_store(&over, true);
    return NULL;
}

/* The spinlock's header: under real-time priorities a spinner can keep the holder from running. */
TEST(a_spinner_above_the_holder_gives_up_at_its_deadline) {
    choose_processor();
    thrum_result result = THRUM_OK;
    test_thread holder = test_start(hold_guard, NULL);
    while (!atomic_load(&here)) sched_yield();
    test_thread spinner = test_start(spin_above, &result);
    test_join(&spinner);
    test_join(&holder);
    CHECK_EQ(result, THRUM_TIMEOUT);
    CHECK(!thrum_spinlock_locked(&guard));
}

/*
 * A waiter that gets no processor: LOW waits in line and has closed the rwlock, and a busy thread of a
 * priority between keeps the processor. HIGH, which let the rwlock go, takes the free rwlock again.
 */
static thrum_rwlock inverted;
static bool low_writes, high_writes;

static bool get_in(bool writes, thrum_deadline deadline) {
    const thrum_result result = writes ? thrum_rwlock_acquire_write_until(&inverted, deadline)
                                       : thrum_rwlock_acquire_read_until(&inverted, deadline);
    return result == THRUM_OK;
}
static void let_go(bool writes) {
    CHECK_EQ(writes ? thrum_rwlock_release_write(&inverted) : thrum_rwlock_release_read(&inverted), THRUM_OK);
}

static void *wait_below(void *unused) {
    become(LOW);
    CHECK(get_in(low_writes, THRUM_FOREVER));
    let_go(low_writes);
    return unused;
}
static void *keep_the_processor(void *unused) {
    become((LOW + HIGH) / 2);
    atomic_store(&here, 1);
    while (!atomic_load(&over)) thrum_cpu_pause();
    return unused;
}
static void *take_it_again(void *taken) {
    enum { WAITED_FOR = THRUM_RWLOCK_CLOSED_ | THRUM_RWLOCK_PARKED_ };
    become(HIGH);
    thrum_rwlock_acquire_write(&inverted);
    test_thread below = test_start(wait_below, NULL);
    while ((thrum_u32_load_relaxed(&inverted.state) & WAITED_FOR) != WAITED_FOR)
        thrum_futex_nap(thrum_after_ms(1));
    test_thread busy = test_start(keep_the_processor, NULL);
    while (!atomic_load(&here)) thrum_futex_nap(thrum_after_ms(1));
    let_go(true);
    *(bool *)taken = get_in(high_writes, thrum_after_ms(500));
    atomic_store(&over, true);
    if (*(bool *)taken) let_go(high_writes);
    test_join(&busy);
    test_join(&below);
    return NULL;
}

static void invert(bool low, bool high) {
    bool taken = false;
    low_writes = low;
    high_writes = high;
    atomic_store(&here, 0);
    atomic_store(&over, false);
    test_thread above = test_start(take_it_again, &taken);
    test_join(&above);
    CHECK(taken);
    CHECK_EQ(thrum_u32_load_relaxed(&inverted.state), 0);
}

TEST(a_waiter_that_gets_no_processor_keeps_nobody_out_of_a_free_rwlock) {
    choose_processor();
    for (int mix = 0; mix < 4; mix++) invert(mix & 1, mix & 2);
}
