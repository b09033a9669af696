/* SPDX-License-Identifier: MIT */
/* Hooks, timers, schedulers. */
#include "threads_parts.h"
#include "orders.h"

static thrum_u32 begun, go; /* hints */

/* ---- hooks: what was written before they were set ---- */

static int hooked; /* plain: what the hook has seen */

static void hook(const thrum_failure *failure) {
    (void)failure;
    hooked = hand_data;
}

static void *fails_later(void *unused) {
    hint(&begun);
    await_hint(&go);
    thrum_thread_fail(1, "to be told of");
    return unused;
}

static void *starts_and_joins(void *target) {
    const thrum_thread_config config = {.target = (thrum_thread_target *)(uintptr_t)target};
    CHECK_EQ(thrum_thread_spawn(&thread, &config), THRUM_OK);
    return NULL;
}

TEST(excepthook) {
    for (int i = 1; i <= HAND_ROUNDS; i++) {
        starts_and_joins((void *)(uintptr_t)fails_later);
        await_hint(&begun);
        hand_data = i;
        (void)thrum_set_excepthook(hook);
        hint(&go);
        joins();
        CHECK_EQ(hooked, i);
        thrum_thread_release(thread);
        (void)thrum_set_excepthook(NULL);
    }
}

static void hook_set(void) {
    (void)thrum_set_excepthook(hook);
}

static void hook_is_set(void) {
    YIELD_UNTIL(thrum_get_excepthook() == hook);
}

static void hook_is_set_anew(void) {
    YIELD_UNTIL(thrum_set_excepthook(thrum_default_excepthook) == hook);
}

static void hook_rest(void) {
    (void)thrum_set_excepthook(NULL);
}

TEST(excepthook_get) {
    hand_over((hand){NULL, hook_set, hook_is_set, HAND_SPINS, hook_rest});
    hand_over((hand){NULL, hook_set, hook_is_set_anew, HAND_COMES_LATER, hook_rest});
}

static void trace(thrum_trace_event event, void *function, void *call_site) {
    (void)function, (void)call_site;
    if (event == THRUM_TRACE_CALL || event == THRUM_TRACE_THREAD_START) hooked = hand_data;
}

static void trace_set(void) {
    thrum_set_trace(trace);
}

static void profile_set(void) {
    thrum_set_profile(trace);
}

static void trace_set_for_all(void) {
    thrum_set_trace_all_threads(trace);
}

static void profile_set_for_all(void) {
    thrum_set_profile_all_threads(trace);
}

static void trace_is_set(void) {
    YIELD_UNTIL(thrum_get_trace() == trace || thrum_get_profile() == trace);
}

static void trace_rest(void) {
    thrum_set_trace_all_threads(NULL);
    thrum_set_profile_all_threads(NULL);
}

static void traced(void) { /* in a thread without an object */
    do {
        hooked = -1;
        thrum_trace_enter(NULL, NULL);
        thrum_trace_exit(NULL, NULL);
        sched_yield();
    } while (hooked == -1);
    CHECK_EQ(hooked, hand_data);
}

TEST(trace) {
    void (*const sets[])(void) = {trace_set, profile_set, trace_set_for_all, profile_set_for_all};
    for (int i = 0; i < 4; i++) hand_over((hand){NULL, sets[i], trace_is_set, HAND_SPINS, trace_rest});
    hand_over((hand){NULL, trace_set_for_all, traced, HAND_SPINS, trace_rest});
    hand_over((hand){NULL, profile_set_for_all, traced, HAND_SPINS, trace_rest});
}

/* A thread that starts takes over what another one has set, and tells of its start. */
static void starts_traced(void) {
    starts_and_joins((void *)(uintptr_t)nothing);
    joins();
    thrum_thread_release(thread);
    CHECK_EQ(hooked, hand_data);
}

TEST(trace_of_later_threads) {
    hand_over((hand){NULL, trace_set, starts_traced, HAND_COMES_LATER, trace_rest});
    hand_over((hand){NULL, profile_set, starts_traced, HAND_COMES_LATER, trace_rest});
}

/* ---- timers ---- */

static thrum_timer timer;
static int fired; /* plain */

static void fire(void *unused) {
    (void)unused;
    fired = hand_data;
}

static void timer_shut(void) {
    CHECK_EQ(thrum_timer_init(&timer, 0.0, fire, NULL), THRUM_OK);
}

static void timer_start(void) {
    CHECK_EQ(thrum_timer_start(&timer), THRUM_OK);
}

static void timer_finished(void) {
    thrum_event_wait(&timer.finished);
    CHECK_EQ(fired, hand_data);
}

static void timer_joined(void) {
    CHECK_EQ(thrum_timer_join(&timer), THRUM_OK);
    CHECK_EQ(fired, hand_data);
}

static void timer_rest(void) {
    CHECK_EQ(thrum_timer_join(&timer), THRUM_OK);
    thrum_timer_release(&timer);
}

static void slow_timer_shut(void) {
    CHECK_EQ(thrum_timer_init(&timer, 100, fire, NULL), THRUM_OK);
    timer_start();
}

static void timer_cancel(void) {
    thrum_timer_cancel(&timer);
}

static void timer_cancelled(void) {
    thrum_event_wait(&timer.finished);
}

TEST(timer) {
    hand_over((hand){timer_shut, timer_start, timer_finished, HAND_SLEEPS, timer_rest});
    hand_over((hand){timer_shut, timer_start, timer_joined, HAND_COMES_LATER, timer_rest});
    hand_over((hand){slow_timer_shut, timer_cancel, timer_cancelled, HAND_SLEEPS, timer_rest});
}

/* ---- scheduler ---- */

static thrum_scheduler scheduler;
static thrum_scheduled entry, other_entry;
static thrum_u32 fires; /* a hint that counts */

static void fire_and_tell(void *unused) {
    fire(unused);
    thrum_u32_fetch_add_relaxed(&fires, 1);
}

static void scheduler_rest(void) {
    (void)thrum_scheduler_stop(&scheduler);
    memset(&scheduler, 0, sizeof scheduler);
    memset(&entry, 0, sizeof entry);
    memset(&other_entry, 0, sizeof other_entry);
    thrum_u32_store_relaxed(&fires, 0);
}

/* The function runs on a thread that was there before; a cancel or a stop sees what it did. */
static void tick(void *unused) {
    (void)unused;
    thrum_u32_fetch_add_relaxed(&fires, 1);
}

static void scheduler_shut(void) {
    CHECK_EQ(thrum_scheduler_every(&scheduler, &other_entry, THRUM_NOW, 1000000, tick, NULL), THRUM_OK);
    YIELD_UNTIL(thrum_u32_load_relaxed(&fires));
    (void)thrum_scheduler_cancel(&scheduler, &other_entry);
    thrum_u32_store_relaxed(&fires, 0);
}

static void scheduler_at(void) {
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, THRUM_NOW, fire_and_tell, NULL), THRUM_OK);
}

static void scheduler_every(void) {
    CHECK_EQ(thrum_scheduler_every(&scheduler, &entry, THRUM_NOW, 1000000, fire_and_tell, NULL), THRUM_OK);
}

static void scheduler_cancel(void) {
    YIELD_UNTIL(thrum_u32_load_relaxed(&fires));
    (void)thrum_scheduler_cancel(&scheduler, &entry);
    CHECK_EQ(fired, hand_data);
}

static void scheduler_stop(void) {
    YIELD_UNTIL(thrum_u32_load_relaxed(&fires));
    (void)thrum_scheduler_stop(&scheduler);
    CHECK_EQ(fired, hand_data);
}

TEST(scheduler) {
    hand_over((hand){scheduler_shut, scheduler_at, scheduler_cancel, HAND_SPINS, scheduler_rest});
    hand_over((hand){scheduler_shut, scheduler_every, scheduler_cancel, HAND_SPINS, scheduler_rest});
    hand_over((hand){scheduler_shut, scheduler_at, scheduler_stop, HAND_SPINS, scheduler_rest});
}

/* What an entry has inherited is destroyed by the thread that takes it out. */
static thrum_result copies(void *value, const void *from, void *unused) {
    (void)from, (void)unused;
    *(int *)value = hand_data;
    return THRUM_OK;
}

static void destroys(void *value, void *unused) {
    (void)unused;
    fired = *(int *)value;
}

static thrum_local inherited = THRUM_LOCAL_INHERITED(sizeof(int), NULL, destroys, copies, NULL);

static void scheduler_at_last(void) {
    CHECK(thrum_local_get(&inherited) != NULL);
    CHECK_EQ(thrum_scheduler_at(&scheduler, &entry, THRUM_FOREVER, fire, NULL), THRUM_OK);
}

static void scheduler_cancelled(void) {
    CHECK(thrum_scheduler_cancel(&scheduler, &entry));
    CHECK_EQ(fired, hand_data);
}

static void scheduler_stopped(void) {
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 1);
    CHECK_EQ(fired, hand_data);
}

TEST(scheduler_inherited) {
    hand_over(
        (hand){scheduler_shut, scheduler_at_last, scheduler_cancelled, HAND_COMES_LATER, scheduler_rest});
    hand_over((hand){scheduler_shut, scheduler_at_last, scheduler_stopped, HAND_COMES_LATER, scheduler_rest});
}
