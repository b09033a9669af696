/* SPDX-License-Identifier: MIT */
/*
 * What explored sources of the upper floors call of floors that are not explored; a scenario may define its
 * own.
 */
#include "../../src/rcu/map_inside.h"
#include "../../src/rcu/own_thread.h"
#include "../../src/thread/record.h"
#include "../../src/work/executor_jobs.h"

#include <stdlib.h>

#define STANDS_IN __attribute__((weak))

STANDS_IN void thrum_own_thread_block_(sigset_t *before) {
    (void)before;
}
STANDS_IN void thrum_own_thread_unblock_(const sigset_t *before) {
    (void)before;
}
STANDS_IN void thrum_own_thread_begin_(void) {}
STANDS_IN void thrum_hooks_shield_(void (*function)(void *), void *argument) {
    function(argument);
}
STANDS_IN void thrum_hooks_each_(bool (*step)(void *argument), void *argument) {
    while (step(argument)) continue;
}
STANDS_IN thrum_left_ thrum_hooks_call_(void (*function)(void *), void *argument, thrum_failing_ *failing,
                                        void **value) {
    failing->failed = false;
    thrum_here_.failing = failing;
    if (value) *value = NULL;
    function(argument);
    thrum_here_.failing = NULL;
    return THRUM_LEFT_RETURNING;
}
STANDS_IN void thrum_hooks_leave_(thrum_left_ how, void *value) {
    (void)how, (void)value;
    abort();
}
STANDS_IN void thrum_hooks_report_(thrum_failing_ *failing) {
    (void)failing;
}
STANDS_IN void thrum_hooks_describe_(thrum_failing_ *failing, int code, const char *format, ...) {
    (void)failing, (void)code, (void)format;
}
STANDS_IN thrum_u32 thrum_tracing_;
STANDS_IN void thrum_trace_tell_(thrum_trace_event event, void *function, void *call_site) {
    (void)event, (void)function, (void)call_site;
}
STANDS_IN void thrum_hooks_begin_thread_(thrum_thread_record_ *record) {
    (void)record;
}
STANDS_IN thrum_executor_block_ *thrum_executor_block_get_(thrum_u64 *spare) {
    (void)spare;
    abort();
}
STANDS_IN void thrum_executor_block_give_(thrum_u64 *spare, thrum_executor_block_ *block) {
    (void)spare, (void)block;
    abort();
}
STANDS_IN uint64_t thrum_map_draw_seed_(const thrum_map *map) {
    (void)map;
    return 0;
}
STANDS_IN void thrum_map_enter_(void) {}
STANDS_IN void thrum_map_leave_(void) {}
STANDS_IN void thrum_map_close_(void) {}
STANDS_IN void thrum_map_open_(void) {}
STANDS_IN bool thrum_map_watch_forks_(void) {
    return true;
}
