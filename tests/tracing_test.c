/* SPDX-License-Identifier: MIT */
/*
 * Functions of a program that the compiler instruments. The test frame, and what looks, must not be.
 *
 * ctest: libraries thrum
 * ctest: flags -finstrument-functions
 */
#include "test.h"

#include <thrum.h>

#define QUIET __attribute__((no_instrument_function))

typedef struct happening {
    thrum_trace_event event;
    void *function;
    uint64_t ident;
} happening;

static happening seen[256];
static thrum_u32 count;
static thrum_event begin, go_on;

QUIET static void note(thrum_trace_event event, void *function, void *call_site) {
    (void)call_site;
    const uint32_t i = thrum_u32_fetch_add_relaxed(&count, 1);
    if (i < 256) seen[i] = (happening){event, function, thrum_get_ident()};
}

/* How often the function did that, in that thread (0: any). */
QUIET static int times(thrum_trace_event event, void *(*function)(void *), uint64_t ident) {
    int found = 0;
    for (uint32_t i = 0; i < thrum_u32_load_relaxed(&count) && i < 256; i++)
        found += seen[i].event == event && seen[i].function == (void *)(uintptr_t)function &&
                 (ident == 0 || seen[i].ident == ident);
    return found;
}

__attribute__((noinline)) static void *inner(void *argument) {
    return argument;
}

static void *outer(void *argument) {
    return inner(inner(argument));
}

QUIET static uint64_t run(void) {
    thrum_thread *thread;
    const thrum_thread_config config = {.target = outer};
    CHECK_EQ(thrum_thread_spawn(&thread, &config), THRUM_OK);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    const uint64_t ident = thrum_thread_ident(thread);
    thrum_thread_release(thread);
    return ident;
}

TEST(entries_and_returns_are_told_in_threads_started_later) {
    run();
    CHECK_EQ(thrum_u32_load_relaxed(&count), 0);
    thrum_set_trace(note);
    inner(NULL); /* this thread began before */
    CHECK_EQ(thrum_u32_load_relaxed(&count), 0);
    const uint64_t ident = run();
    CHECK_EQ(times(THRUM_TRACE_CALL, outer, ident), 1);
    CHECK_EQ(times(THRUM_TRACE_CALL, inner, ident), 2);
    CHECK_EQ(times(THRUM_TRACE_RETURN, inner, ident), 2);
    CHECK_EQ(times(THRUM_TRACE_RETURN, outer, ident), 1);
    CHECK_EQ(seen[0].event, THRUM_TRACE_THREAD_START);
    CHECK_EQ(seen[7].event, THRUM_TRACE_THREAD_END);
    CHECK_EQ(thrum_u32_load_relaxed(&count), 8); /* and none of the library's own functions */
    thrum_set_trace(NULL);
    run();
    CHECK_EQ(thrum_u32_load_relaxed(&count), 8);
}

static void *outer_when_let_go(void *argument) {
    thrum_event_set(&begin);
    thrum_event_wait(&go_on);
    return outer(argument);
}

QUIET static void check_all(void (*set)(thrum_trace_function *)) {
    thrum_thread *thread;
    const thrum_thread_config config = {.target = outer_when_let_go};
    CHECK_EQ(thrum_thread_spawn(&thread, &config), THRUM_OK);
    test_thread alien = test_start(outer_when_let_go, NULL);
    thrum_event_wait(&begin);
    test_await_asleep(&alien);
    set(note);
    thrum_event_set(&go_on);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    test_join(&alien);
    inner(NULL);
    CHECK_EQ(times(THRUM_TRACE_CALL, outer, thrum_thread_ident(thread)), 1); /* it was running */
    CHECK_EQ(times(THRUM_TRACE_CALL, outer, 0), 2);                          /* the alien, too */
    CHECK_EQ(times(THRUM_TRACE_CALL, inner, thrum_get_ident()), 1);          /* and we */
    set(NULL);
    const uint32_t before = thrum_u32_load_relaxed(&count);
    inner(NULL);
    run();
    CHECK_EQ(thrum_u32_load_relaxed(&count), before);
    thrum_thread_release(thread);
}

TEST(tracing_of_all_threads_is_switched_while_they_run) {
    check_all(thrum_set_trace_all_threads);
}

TEST(profiling_of_all_threads_is_switched_while_they_run) {
    check_all(thrum_set_profile_all_threads);
}

static void note_and_call(thrum_trace_event event, void *function, void *call_site) {
    note(event, function, call_site);
    inner(NULL); /* instrumented, as this function is */
}

TEST(a_trace_function_is_not_traced_itself) {
    thrum_set_trace(note_and_call);
    const uint64_t ident = run();
    CHECK_EQ(times(THRUM_TRACE_CALL, inner, ident), 2);
    CHECK_EQ(thrum_u32_load_relaxed(&count), 8);
    thrum_set_trace(NULL);
}
