/* SPDX-License-Identifier: MIT */
/*
 * Busy waiting, in the forms that leave the processor to others: looks with a sleep between them, a
 * condition's timed wait with other work between, and a spin lock that is tried with a sleep. An event
 * (examples/event.c) needs none of it.
 */
#include "crew.h"

static thrum_event waits; /* the other one has looked, and waits */

static void await_a_wait(void) {
    thrum_event_wait(&waits);
    thrum_event_clear(&waits);
}

static thrum_u32 done;

static void set_later(unsigned number) {
    (void)number;
    await_a_wait();
    thrum_u32_store_release(&done, 1);
}

static void look_and_sleep(void) {
    crew one = {.size = 0};
    crew_start(&one, set_later);
    unsigned looks = 0;
    while (!thrum_u32_load_acquire(&done)) {
        if (++looks == 2) thrum_event_set(&waits);
        crew_sleep_ms(2);
    }
    printf("looks with a sleep: done, after more than one: %s\n", crew_yes(looks > 1));
    crew_join(&one);
}

static thrum_monitor changed;
static bool ready; /* the monitor protects it */

static void notify_later(unsigned number) {
    (void)number;
    await_a_wait();
    THRUM_WITH(&changed) {
        ready = true;
        if (thrum_monitor_notify(&changed, 1) != THRUM_OK) exit(1);
    }
}

static void wait_for_a_moment(void) {
    crew one = {.size = 0};
    unsigned other_work = 0;
    crew_start(&one, notify_later);
    THRUM_WITH(&changed) {
        while (!ready)
            if (thrum_monitor_wait_until(&changed, thrum_after_ms(2)) == THRUM_TIMEOUT && ++other_work == 1)
                thrum_event_set(&waits);
    }
    printf("a condition's timed wait: done, with other work meanwhile: %s\n", crew_yes(other_work > 0));
    crew_join(&one);
}

static thrum_spinlock spinlock;
static thrum_event held;

static void hold(unsigned number) {
    (void)number;
    thrum_spinlock_acquire(&spinlock);
    thrum_event_set(&held);
    await_a_wait();
    thrum_spinlock_release(&spinlock);
}

static void spin_with_a_sleep(void) {
    crew one = {.size = 0};
    crew_start(&one, hold);
    thrum_event_wait(&held);
    unsigned tries = 1;
    while (!thrum_spinlock_try_acquire(&spinlock)) {
        if (++tries == 2) thrum_event_set(&waits);
        crew_sleep_ms(2);
    }
    printf("a spin lock with a sleep: acquired, after more than one try: %s\n", crew_yes(tries > 1));
    thrum_spinlock_release(&spinlock);
    crew_join(&one);
}

int main(void) {
    look_and_sleep();
    wait_for_a_moment();
    spin_with_a_sleep();
    return 0;
}
