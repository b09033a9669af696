/* SPDX-License-Identifier: MIT */
/*
 * A thread-safe counter, by a lock, exact, and with a place for each thread; a spinlock, tried and with a
 * deadline; a busy wait for a condition.
 */
#include "crew.h"

enum { THREADS = 4, TIMES = 1000 };

typedef struct counter {
    thrum_lock lock;
    unsigned value;
} counter;

static void counter_increment(counter *c) {
    THRUM_WITH(&c->lock) c->value++;
}

static unsigned counter_value(counter *c) {
    unsigned value = 0;
    THRUM_WITH(&c->lock) value = c->value;
    return value;
}

static counter locked;
static thrum_counter exact;
static thrum_counter_slot places[THREADS + 1]; /* and main's */
static thrum_sharded_counter sharded = THRUM_SHARDED_COUNTER_INIT(places, THREADS + 1);
static thrum_spinlock spin;
static unsigned spun; /* the spinlock protects it */
static thrum_u32 finished;

static void count(unsigned number) {
    (void)number;
    for (int i = 0; i < TIMES; i++) {
        counter_increment(&locked);
        thrum_counter_add(&exact, 1);
        thrum_sharded_counter_add(&sharded, 1);
        thrum_spinlock_acquire(&spin);
        spun++;
        thrum_spinlock_release(&spin);
    }
    thrum_u32_fetch_add_release(&finished, 1);
}

int main(void) {
    crew workers = {.size = 0};
    while (workers.size < THREADS) crew_start(&workers, count);
    while (thrum_u32_load_acquire(&finished) < THREADS)
        thrum_futex_yield(); /* a busy wait: better an event */
    printf("counter: %u, under the spinlock: %u\n", counter_value(&locked), spun);
    crew_join(&workers);
    printf("exact: %d, sharded: %d\n", (int)thrum_counter_value(&exact),
           (int)thrum_sharded_counter_sum(&sharded));

    thrum_spinlock_acquire(&spin);
    printf("spinlock held, tried: %s\n", crew_yes(thrum_spinlock_try_acquire(&spin)));
    printf("with a deadline: %s\n",
           thrum_result_name(thrum_spinlock_acquire_until(&spin, thrum_after_ms(10))));
    thrum_spinlock_release(&spin);
    printf("released, tried: %s\n", crew_yes(thrum_spinlock_try_acquire(&spin)));
    thrum_spinlock_release(&spin);
    thrum_shutdown();
}
