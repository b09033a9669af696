/* SPDX-License-Identifier: MIT */
/* pthread_barrier_… on thrum's objects. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

/* How many parties are inside, as src/pthread/pthread_barrier.c has it: one is told to be that is not. */
static _Atomic uint32_t *inside_of(pthread_barrier_t *barrier) {
    return (_Atomic uint32_t *)(void *)((char *)barrier + 16);
}

static _Atomic bool is_destroyed;

static void *destroy(void *barrier) {
    CHECK_EQ(pthread_barrier_destroy(barrier), 0);
    is_destroyed = true;
    return NULL;
}

TEST(the_last_party_to_leave_wakes_the_destroyer) {
    pthread_barrier_t barrier;
    CHECK_EQ(pthread_barrier_init(&barrier, NULL, 1), 0);
    CHECK_EQ(*inside_of(&barrier), 0);
    *inside_of(&barrier) += 2;
    test_thread destroyer = test_start(destroy, &barrier);
    test_await_asleep_for_ever(&destroyer);
    --*inside_of(&barrier);
    (void)syscall(SYS_futex, inside_of(&barrier), FUTEX_WAKE_PRIVATE, 1); /* there is one more */
    for (int i = 0; i < 100; i++) sched_yield();
    CHECK(!is_destroyed);
    test_await_asleep_for_ever(&destroyer);
    --*inside_of(&barrier);
    CHECK_EQ(pthread_barrier_wait(&barrier), PTHREAD_BARRIER_SERIAL_THREAD);
    test_join(&destroyer);
}
