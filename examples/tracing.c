/* SPDX-License-Identifier: MIT */
/*
 * Trace and profile functions: told of the start and the end of each thread, and of each call and return of a
 * function that is compiled with -finstrument-functions; here a function tells of itself.
 */
#include "crew.h"

static const char *const events[] = {"call", "return", "thread start", "thread end"};

static void trace(thrum_trace_event event, void *function, void *call_site) {
    (void)function, (void)call_site;
    printf("trace: %s, %s\n", events[event], thrum_thread_name(thrum_current_thread()).text);
}

static void profile(thrum_trace_event event, void *function, void *call_site) {
    static unsigned calls, returns;
    (void)function, (void)call_site;
    calls += event == THRUM_TRACE_CALL;
    returns += event == THRUM_TRACE_RETURN;
    if (event == THRUM_TRACE_THREAD_END) printf("profile: %u calls, %u returns\n", calls, returns);
}

static void *work(void *unused) {
    thrum_trace_enter(NULL, NULL); /* what the compiler's hooks call */
    thrum_trace_exit(NULL, NULL);
    return unused;
}

int main(void) {
    thrum_set_trace(trace); /* of the threads that start from now on */
    crew_end(crew_spawn((thrum_thread_config){.target = work, .name = "traced"}));
    thrum_set_trace(NULL);
    thrum_set_profile(profile);
    crew_end(crew_spawn((thrum_thread_config){.target = work, .name = "profiled"}));
    printf("a profile function is set: %s\n", crew_yes(thrum_get_profile() != NULL));
    thrum_set_profile(NULL);
    crew_end(crew_spawn((thrum_thread_config){.target = work, .name = "neither"}));
    thrum_shutdown();
}
