/* SPDX-License-Identifier: MIT */
/* A result from a thread, five ways: by polling, by join, by an event, by a condition, by a queue. */
#include "crew.h"

static int answer;
static thrum_u32 polled;
static thrum_event ready;
static thrum_monitor changed;
static bool there; /* the monitor protects it, and the answer */

static void *publish(void *unused) {
    answer = 42;
    thrum_u32_store_release(&polled, 1);
    return unused;
}

static void *hand_back(void *p) {
    *(int *)p = 43;
    return p;
}

static void *set_event(void *p) {
    *(int *)p = 44;
    thrum_event_set(&ready);
    return NULL;
}

static void *notify(void *p) {
    THRUM_WITH(&changed) {
        *(int *)p = 45;
        there = true;
        if (thrum_monitor_notify(&changed, 1) != THRUM_OK) abort();
    }
    return NULL;
}

static thrum_simple_queue answers;

static void *put(void *p) {
    *(int *)p = 46;
    if (thrum_simple_queue_put(&answers, p) != THRUM_OK) abort();
    return NULL;
}

int main(void) {
    int result = 0;
    thrum_thread *thread = crew_spawn((thrum_thread_config){.target = publish});
    while (!thrum_u32_load_acquire(&polled)) thrum_futex_nap(thrum_after_ms(1));
    printf("polling: %d\n", answer);
    crew_end(thread);

    thread = crew_spawn((thrum_thread_config){.target = hand_back, .argument = &result});
    void *value = NULL;
    thrum_thread_join(thread, &value);
    printf("join: %d\n", value ? *(int *)value : 0);
    thrum_thread_release(thread);

    thread = crew_spawn((thrum_thread_config){.target = set_event, .argument = &result});
    thrum_event_wait(&ready);
    printf("event: %d\n", result);
    crew_end(thread);

    thread = crew_spawn((thrum_thread_config){.target = notify, .argument = &result});
    THRUM_WITH(&changed) {
        while (!there)
            if (thrum_monitor_wait(&changed) != THRUM_OK) abort();
        printf("condition: %d\n", result);
    }
    crew_end(thread);

    thread = crew_spawn((thrum_thread_config){.target = put, .argument = &result});
    printf("queue: %d\n", *(int *)thrum_simple_queue_get(&answers));
    crew_end(thread);
    thrum_shutdown();
}
