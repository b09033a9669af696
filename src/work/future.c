/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. The states of a future, and the telling when it is done.
 *
 * state                    set by                                          next
 * PENDING                  making                                          RUNNING, FINISHING, CANCELLED
 * RUNNING                  start                                           FINISHING
 * FINISHING                the setter of a result, alone from then on      FINISHED
 * FINISHED                 the same                                        -
 * CANCELLED                cancel                                          CANCELLED_AND_NOTIFIED
 * CANCELLED_AND_NOTIFIED   start                                           -
 *
 * future.F1: PENDING and RUNNING are left by compare-and-swap, so one alone finishes or cancels a future.
 *     What it ends with is written before `state` says so, and never again.
 * future.F2: `state` becomes FINISHED or CANCELLED while the lock is held, and nothing is listed while it is
 *     one of these. So the thread that makes it done finds every node that is to be told, and tells each
 *     once, after it has released the lock.
 * future.F3: the thread that makes it done has a reference, or its caller has: the future is there until all
 *     are told.
 * future.F4: a callback is off the list before it is called: whatever way it is left, the others are called,
 *     once.
 *
 * In a circle with future_wait.c: what makes a future done tells the watches, which are listed with it.
 */
#include "../atomic/law.h"
#include "../thread/record.h"
#include "future_inside.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FINISHING = THRUM_FUTURE_CANCELLED_AND_NOTIFIED + 1 };

/* ---- references ---- */

thrum_result thrum_future_new(thrum_future **made) {
    thrum_future *const future = calloc(1, sizeof *future);
    if (!future) return THRUM_NO_MEMORY;
    thrum_u32_store_relaxed(&future->references, 1); /* relaxed: nobody knows it yet */
    future->last_call = &future->calls;
    *made = future;
    return THRUM_OK;
}

thrum_future *thrum_future_retain(thrum_future *future) {
    thrum_u32_fetch_add_relaxed(&future->references, 1); /* relaxed: the adder has one */
    return future;
}

static void report(const thrum_future *future) {
    thrum_failing_ failing;
    thrum_hooks_describe_(&failing, future->code, "a job failed, and nobody asked for its result: %s",
                          future->message ? future->message : "");
    thrum_hooks_report_(&failing);
}

static void free_future(void *p) {
    thrum_future *const future = p;
    while (future->calls) { /* it was never done */
        thrum_future_call_ *const call = future->calls;
        future->calls = call->next;
        free(call);
    }
    free(future->message);
    free(future);
}

void thrum_future_release(thrum_future *future) {
    if (!future) return;
    THRUM_TELL_OWN_RELEASE(&future->references);
    /* future.D1: release, and acquire: the free comes after all that others did with it */
    if (thrum_u32_fetch_sub_acq_rel(&future->references, 1) != 1) return;
    THRUM_TELL_OWN_ACQUIRE(&future->references);
    /* relaxed: nobody else knows it any more */
    const bool unheard = future->result == THRUM_FAILED && !thrum_u32_load_relaxed(&future->asked);
    pthread_cleanup_push(free_future, future);
    if (unheard) report(future);
    pthread_cleanup_pop(1);
}

/* ---- done ---- */

static bool is_done(uint32_t state) {
    return state >= THRUM_FUTURE_FINISHED && state != FINISHING;
}

/* The state; with one that is done comes what happened before. */
static uint32_t look(const thrum_future *future) {
    /* future.D2: acquire, pairs with future.D2 in publish and cancel */
    const uint32_t state = thrum_u32_load_acquire(&future->state);
    if (is_done(state)) THRUM_TELL_OWN_ACQUIRE(&future->done);
    return state;
}

bool thrum_future_done(const thrum_future *future) {
    return is_done(look(future));
}

struct call {
    thrum_future *future;
    thrum_future_callback *callback;
    void *argument;
};

static void call_back(void *p) {
    const struct call *const call = p;
    call->callback(call->future, call->argument);
}

static void run_callback(thrum_future *future, thrum_future_callback *callback, void *argument) {
    struct call call = {future, callback, argument};
    thrum_hooks_shield_(call_back, &call);
}

struct calls {
    thrum_future *future;
    thrum_future_call_ *first;
};

/* future.F4 */
static bool call_first_back(void *p) {
    struct calls *const calls = p;
    if (!calls->first) return false;
    THRUM_TELL_OWN_ACQUIRE(calls->first);
    const thrum_future_call_ call = *calls->first;
    free(calls->first);
    calls->first = call.next;
    call.callback(calls->future, call.argument);
    return true;
}

/* Holding the lock until now; the state says that it is done (future.F2). */
static void unlock_and_tell(thrum_future *future) {
    thrum_future_node_ *nodes = future->nodes;
    thrum_future_call_ *calls = future->calls;
    future->nodes = NULL;
    future->calls = NULL;
    for (thrum_future_node_ *node = nodes; node; node = node->next) node->place = NULL;
    thrum_lock_release(&future->lock);
    thrum_event_set(&future->done);
    while (nodes) {
        thrum_future_node_ *const node = nodes;
        nodes = node->next;
        thrum_future_tell_(node);
    }
    struct calls left = {future, calls};
    if (calls) thrum_hooks_each_(call_first_back, &left);
}

/* Whether it is the caller that finishes it (future.F1). */
static bool claim(thrum_future *future) {
    uint32_t state = thrum_u32_load_relaxed(&future->state);
    do {
        if (state != THRUM_FUTURE_PENDING && state != THRUM_FUTURE_RUNNING) return false;
        /* relaxed: it chooses one (future.F1) */
    } while (!thrum_u32_cas_relaxed(&future->state, &state, FINISHING));
    return true;
}

static void publish(thrum_future *future) {
    THRUM_TELL_OWN_RELEASE(
        &future->done); /* future.D2; and the event's, which the user's program acquires inlined */
    thrum_lock_acquire(&future->lock);
    THRUM_LAW(future.F2, thrum_lock_locked(&future->lock));
    THRUM_LAW(future.F1, thrum_u32_load_relaxed(&future->state) == FINISHING);
    thrum_u32_store_release(&future->state, THRUM_FUTURE_FINISHED); /* future.D2: release */
    unlock_and_tell(future);
}

thrum_result thrum_future_set_result(thrum_future *future, void *value) {
    if (!claim(future)) return THRUM_STATE;
    future->value = value;
    publish(future);
    return THRUM_OK;
}

thrum_result thrum_future_break_(thrum_future *future, thrum_result result) {
    if (!claim(future)) return THRUM_STATE;
    future->result = result;
    future->code = (int)result;
    publish(future);
    return THRUM_OK;
}

thrum_result thrum_future_set_error(thrum_future *future, int code, const char *format, ...) {
    if (code == 0) return THRUM_INVALID;
    if (!claim(future)) return THRUM_STATE;
    char text[256];
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    future->message = strdup(text); /* without memory it fails without a text */
    future->code = code;
    future->result = THRUM_FAILED;
    publish(future);
    return THRUM_OK;
}

thrum_result thrum_future_start(thrum_future *future) {
    uint32_t state = THRUM_FUTURE_PENDING;
    if (thrum_u32_cas_relaxed(&future->state, &state, THRUM_FUTURE_RUNNING)) return THRUM_OK; /* future.F1 */
    /* relaxed: it goes on with future.D2's release, and the look acquires */
    if (state == THRUM_FUTURE_CANCELLED)
        THRUM_IGNORE_(thrum_u32_cas_relaxed(&future->state, &state, THRUM_FUTURE_CANCELLED_AND_NOTIFIED));
    return thrum_future_cancelled(future) ? THRUM_CANCELLED : THRUM_STATE;
}

thrum_result thrum_future_cancel(thrum_future *future) {
    THRUM_TELL_OWN_RELEASE(&future->done);
    uint32_t state = THRUM_FUTURE_PENDING;
    thrum_lock_acquire(&future->lock);
    /* future.D2: release; future.F1, future.F2 */
    if (thrum_u32_cas_release(&future->state, &state, THRUM_FUTURE_CANCELLED)) {
        unlock_and_tell(future);
        return THRUM_OK;
    }
    thrum_lock_release(&future->lock);
    return thrum_future_cancelled(future) ? THRUM_OK : THRUM_STATE;
}

/* ---- lists ---- */

bool thrum_future_list_(thrum_future_node_ *node) {
    thrum_future *const future = node->future;
    thrum_lock_acquire(&future->lock);
    const bool early = !thrum_future_done(future); /* future.F2 */
    if (early) {
        node->next = future->nodes;
        if (node->next) node->next->place = &node->next;
        node->place = &future->nodes;
        future->nodes = node;
    }
    thrum_lock_release(&future->lock);
    return early;
}

bool thrum_future_unlist_(thrum_future_node_ *node) {
    thrum_lock_acquire(&node->future->lock);
    const bool listed = node->place != NULL;
    if (listed) {
        *node->place = node->next;
        if (node->next) node->next->place = node->place;
        node->place = NULL;
    }
    thrum_lock_release(&node->future->lock);
    return listed;
}

thrum_result thrum_future_add_callback(thrum_future *future, thrum_future_callback *callback,
                                       void *argument) {
    thrum_future_call_ *const call = malloc(sizeof *call);
    if (!call) return THRUM_NO_MEMORY;
    *call = (thrum_future_call_){NULL, callback, argument};
    thrum_lock_acquire(&future->lock);
    const bool early = !thrum_future_done(future); /* future.F2 */
    if (early) {
        THRUM_TELL_OWN_RELEASE(call);
        *future->last_call = call;
        future->last_call = &call->next;
    }
    thrum_lock_release(&future->lock);
    if (early) return THRUM_OK;
    free(call);
    run_callback(future, callback, argument);
    return THRUM_OK;
}

/* ---- asking ---- */

thrum_future_state thrum_future_state_of(const thrum_future *future) {
    const uint32_t state = look(future);
    return state == FINISHING ? THRUM_FUTURE_RUNNING : (thrum_future_state)state;
}

bool thrum_future_running(const thrum_future *future) {
    return thrum_future_state_of(future) == THRUM_FUTURE_RUNNING;
}

bool thrum_future_cancelled(const thrum_future *future) {
    const thrum_future_state state = thrum_future_state_of(future);
    return state == THRUM_FUTURE_CANCELLED || state == THRUM_FUTURE_CANCELLED_AND_NOTIFIED;
}

thrum_event *thrum_future_done_event(thrum_future *future) {
    return &future->done;
}

/* THRUM_OK: it is done. */
static thrum_result await(thrum_future *future, thrum_deadline deadline) {
    if (!thrum_future_done(future) && thrum_event_wait_until(&future->done, deadline) != THRUM_OK)
        return THRUM_TIMEOUT;
    /* relaxed: future.D1 orders it before the last look */
    if (!thrum_u32_load_relaxed(&future->asked)) thrum_u32_store_relaxed(&future->asked, 1);
    return THRUM_OK;
}

thrum_result thrum_future_result_until(thrum_future *future, void **value, thrum_deadline deadline) {
    if (await(future, deadline) != THRUM_OK) return THRUM_TIMEOUT;
    if (thrum_future_cancelled(future)) return THRUM_CANCELLED;
    if (future->result == THRUM_OK && value) *value = future->value;
    return future->result;
}

thrum_result thrum_future_result(thrum_future *future, void **value) {
    return thrum_future_result_until(future, value, THRUM_FOREVER);
}

thrum_result thrum_future_try_result(thrum_future *future, void **value) {
    return thrum_future_result_until(future, value, THRUM_NOW);
}

thrum_result thrum_future_error_until(thrum_future *future, thrum_future_failure *failure,
                                      thrum_deadline deadline) {
    if (await(future, deadline) != THRUM_OK) return THRUM_TIMEOUT;
    if (thrum_future_cancelled(future)) return THRUM_CANCELLED;
    failure->code = future->code;
    const char *const plain = future->result == THRUM_OK ? "" : thrum_result_message(future->result);
    failure->message = future->message ? future->message : plain;
    return THRUM_OK;
}

thrum_result thrum_future_error(thrum_future *future, thrum_future_failure *failure) {
    return thrum_future_error_until(future, failure, THRUM_FOREVER);
}

thrum_result thrum_future_try_error(thrum_future *future, thrum_future_failure *failure) {
    return thrum_future_error_until(future, failure, THRUM_NOW);
}

size_t thrum_future_describe(const thrum_future *future, char *text, size_t size) {
    static const char *const states[] = {"pending", "running", "finished", "cancelled",
                                         "cancelled and notified"};
    const thrum_future_state state = thrum_future_state_of(future);
    const bool failed = state == THRUM_FUTURE_FINISHED && future->result != THRUM_OK;
    const int length = snprintf(text, size, "future: %s%s", states[state], failed ? ", with an error" : "");
    return length < 0 ? 0 : (size_t)length;
}
