/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. Trace and profile functions.
 *
 * A thread's own lie in its record, so that another thread can change them. Threads without a record share
 * one pair, which only the …_all_threads functions set.
 *
 * hooks.C1: a thread takes over what is set for later ones while `lives` is held and before it is listed;
 *     setting for all holds `lives`, too. So no thread is passed over.
 * hooks.C2: thrum_tracing_ is not 0 while any of the functions, of a listed thread or for others, is not
 *     NULL. Every change settles it anew.
 * hooks.C3: while the functions run, `tracing` says so, and what they do is not traced. The call that shields
 *     them restores it, whatever way they are left (hooks_call.c).
 *
 * In a circle with registry.c, thread.c: a thread begins with what is set for all, which every thread of
 * the registry gets.
 */
#include "record.h"

typedef struct pair {
    thrum_u64 trace, profile;
} pair;

static pair later;  /* of threads that start from now on; `lives` guards its changes */
static pair others; /* of threads without a record */
thrum_u32 thrum_tracing_;

static uint64_t number_of(thrum_trace_function *function) {
    return (uint64_t)(uintptr_t)function;
}

static thrum_trace_function *function_of(const thrum_u64 *number) {
    /* hooks.X2: acquire, pairs with hooks.X2 in set */
    thrum_trace_function *const function = (thrum_trace_function *)(uintptr_t)thrum_u64_load_acquire(number);
    if (function) THRUM_TELL_OWN_ACQUIRE(&thrum_tracing_); /* one address for all of them */
    return function;
}

void thrum_hooks_begin_thread_(thrum_thread_record_ *record) {
    thrum_u64_store_release(&record->trace, number_of(function_of(&later.trace))); /* hooks.C1, hooks.X2 */
    thrum_u64_store_release(&record->profile, number_of(function_of(&later.profile)));
}

struct telling {
    thrum_trace_event event;
    void *function, *call_site;
    thrum_trace_function *told[2];
    unsigned count, next;
};

static bool tell_next(void *p) {
    struct telling *const telling = p;
    if (telling->next == telling->count) return false;
    thrum_trace_function *const told = telling->told[telling->next++];
    thrum_here_.tracing = true; /* hooks.C3 */
    told(telling->event, telling->function, telling->call_site);
    return telling->next < telling->count;
}

static void add(struct telling *telling, const thrum_u64 *number) {
    thrum_trace_function *const function = function_of(number);
    if (function) telling->told[telling->count++] = function;
}

void thrum_trace_tell_(thrum_trace_event event, void *function, void *call_site) {
    if (thrum_here_.tracing) return; /* by the function itself */
    const thrum_thread_record_ *const record = thrum_here_.record;
    struct telling telling = {event, function, call_site, {NULL, NULL}, 0, 0};
    add(&telling, record ? &record->trace : &others.trace);
    add(&telling, record ? &record->profile : &others.profile);
    if (telling.count) thrum_hooks_each_(tell_next, &telling);
}

/* ---- setting ---- */

static void set_trace(thrum_thread_record_ *record, uint64_t number) {
    thrum_u64_store_release(&record->trace, number); /* hooks.X2: release */
}

static void set_profile(thrum_thread_record_ *record, uint64_t number) {
    thrum_u64_store_release(&record->profile, number); /* hooks.X2 */
}

/* Whether a pair has a function. relaxed: `lives` is held. */
static bool any(const thrum_u64 *trace, const thrum_u64 *profile) {
    return thrum_u64_load_relaxed(trace) || thrum_u64_load_relaxed(profile);
}

static void look(thrum_thread_record_ *record, uint64_t answer) {
    if (any(&record->trace, &record->profile)) *(bool *)(uintptr_t)answer = true;
}

static void settle(void) {
    bool wanted = any(&later.trace, &later.profile) || any(&others.trace, &others.profile);
    thrum_registry_each_(look, (uint64_t)(uintptr_t)&wanted);
    thrum_u32_store_relaxed(&thrum_tracing_, wanted); /* hooks.C2; relaxed: threads see it when they see it */
}

static void set(thrum_u64 *for_later, thrum_trace_function *function) {
    THRUM_TELL_OWN_RELEASE(&thrum_tracing_);
    thrum_lock_acquire(&thrum_lives_);
    thrum_u64_store_release(for_later, number_of(function)); /* hooks.X2 */
    settle();
    thrum_lock_release(&thrum_lives_);
}

static void set_for_all(thrum_u64 *for_later, thrum_u64 *for_others,
                        void (*visit)(thrum_thread_record_ *record, uint64_t number),
                        thrum_trace_function *function) {
    THRUM_TELL_OWN_RELEASE(&thrum_tracing_);
    thrum_lock_acquire(&thrum_lives_);
    thrum_u64_store_release(for_later, number_of(function)); /* hooks.X2 */
    thrum_u64_store_release(for_others, number_of(function));
    thrum_registry_each_(visit, number_of(function)); /* hooks.C1 */
    settle();
    thrum_lock_release(&thrum_lives_);
}

void thrum_set_trace(thrum_trace_function *function) {
    set(&later.trace, function);
}

void thrum_set_profile(thrum_trace_function *function) {
    set(&later.profile, function);
}

thrum_trace_function *thrum_get_trace(void) {
    return function_of(&later.trace);
}

thrum_trace_function *thrum_get_profile(void) {
    return function_of(&later.profile);
}

void thrum_set_trace_all_threads(thrum_trace_function *function) {
    set_for_all(&later.trace, &others.trace, set_trace, function);
}

void thrum_set_profile_all_threads(thrum_trace_function *function) {
    set_for_all(&later.profile, &others.profile, set_profile, function);
}
