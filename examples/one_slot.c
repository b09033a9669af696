/* SPDX-License-Identifier: MIT */
/* A producer and a consumer with one slot between them: two locks, each released by the other thread. */
#include "crew.h"

enum { MESSAGES = 4, END = -1 };

static int slot;
static thrum_lock may_put, may_get; /* the slot is empty; it is full */

static void put(int message) {
    thrum_lock_acquire(&may_put);
    slot = message;
    thrum_lock_release(&may_get); /* any thread may release a lock */
}

static int get(void) {
    thrum_lock_acquire(&may_get);
    const int message = slot;
    thrum_lock_release(&may_put);
    return message;
}

static void *produce(void *unused) {
    for (int i = 0; i < MESSAGES; i++) put(i * i);
    put(END);
    return unused;
}

static void *consume(void *unused) {
    for (int message; (message = get()) != END;) printf("consumer: got %d\n", message);
    printf("consumer: the end\n");
    return unused;
}

int main(void) {
    thrum_lock_acquire(&may_get); /* nothing is there yet */
    thrum_thread *producer = crew_spawn((thrum_thread_config){THRUM_TARGET(produce)});
    thrum_thread *consumer = crew_spawn((thrum_thread_config){THRUM_TARGET(consume)});
    crew_end(producer);
    crew_end(consumer);
    thrum_shutdown();
}
