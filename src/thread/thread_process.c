/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. The process's end, in two phases.
 *
 * phase     threads start   set by
 * RUNNING   yes
 * WAITING   yes             the first thrum_shutdown
 * ENDED     no              a thrum_shutdown that found, holding `lives`, nobody left to wait for
 *
 * thread.P1: a thread that is not a daemon is listed before its start releases `lives`. So in the moment in
 *     which ENDED is set there is none, and none comes after it.
 * thread.P2: nobody waits for a thread that is in thrum_shutdown itself (it would wait for us), nor for main:
 *     so two threads that end the process at once do not wait for each other.
 * thread.P3: an at_shutdown function that fails or exits ends alone, and is reported: the thread that ends
 *     the process goes on with the others, waits, and keeps its exit status. One that calls pthread_exit ends
 *     its thread after all that.
 * thread.P4: the phase is looked at anew after each at_shutdown function: one that forks returns twice, and
 *     in the child, which was RUNNING from the fork on, the shutdown goes on as the child's own.
 *
 * In a circle with registry.c, registry_fork.c, thread.c: the end of the process waits for the listed
 * threads, and a start asks for the phase.
 */
#include "record.h"

#include "prepare.h"

#include <stdlib.h>
#include <thrum/futex.h>

typedef struct last_wish {
    struct last_wish *earlier;
    thrum_shutdown_function *function;
    void *argument;
} last_wish;

thrum_phase_ thrum_phase_now_;
static last_wish *latest; /* `lives` guards it */
static thrum_first_use_ prepared;
static thrum_u32 registered; /* the exit handler: until it is called */

static void shutdown_at_exit(void) {
    thrum_u32_store_relaxed(&registered, 0); /* relaxed: only a child's only thread looks at it then */
    thrum_shutdown();
}

static thrum_result prepare(void) {
    const thrum_result result = thrum_registry_prepare_();
    if (result != THRUM_OK) return result;
    if (thrum_u32_load_relaxed(&registered)) return THRUM_OK;
    if (atexit(shutdown_at_exit)) return THRUM_NO_MEMORY;
    thrum_u32_store_relaxed(&registered, 1);
    return THRUM_OK;
}

thrum_result thrum_process_prepare_(void) {
    const thrum_result result = thrum_rcu_prepare();
    return result == THRUM_OK ? thrum_first_use_run_(&prepared, prepare) : result;
}

thrum_result thrum_at_shutdown(thrum_shutdown_function *function, void *argument) {
    const thrum_result result = thrum_first_use_run_(&prepared, prepare);
    if (result != THRUM_OK) return result;
    last_wish *const wish = malloc(sizeof *wish);
    if (!wish) return THRUM_NO_MEMORY;
    thrum_lock_acquire(&thrum_lives_);
    const bool late = thrum_phase_now_ != THRUM_RUNNING;
    if (!late) {
        *wish = (last_wish){latest, function, argument};
        THRUM_TELL_OWN_RELEASE(wish);
        latest = wish;
    }
    thrum_lock_release(&thrum_lives_);
    if (!late) return THRUM_OK;
    free(wish);
    return THRUM_FINALIZING;
}

/* thread.P2 */
static void say_shutting_down(bool now) {
    thrum_here_.shutting_down = now;
    thrum_thread_record_ *const own = thrum_here_.record;
    if (own) thrum_u32_store_relaxed(&own->shutting_down, now); /* relaxed: `lives` publishes it */
}

/* thread.P4 */
static bool fulfil_latest(void *unused) {
    (void)unused;
    thrum_lock_acquire(&thrum_lives_);
    if (thrum_phase_now_ == THRUM_RUNNING) thrum_phase_now_ = THRUM_WAITING;
    say_shutting_down(true);
    last_wish *const wish = latest;
    if (wish) latest = wish->earlier;
    thrum_lock_release(&thrum_lives_);
    if (!wish) return false;
    THRUM_TELL_OWN_ACQUIRE(wish);
    const last_wish copy = *wish;
    free(wish);
    copy.function(copy.argument);
    return true;
}

/*
 * One that has not come further than STARTING may yet be refused, and then never ends: it is looked at again.
 */
static void wait_for(thrum_thread_record_ *record) {
    if (thrum_thread_join(&record->self, NULL) == THRUM_NOT_STARTED) thrum_futex_nap(thrum_after_ms(1));
    thrum_thread_drop_(record, THRUM_HANDLE);
}

/* Waits for every thread that is waited for, and ends the first phase. */
static void await_all(void *unused) {
    (void)unused;
    thrum_thread_record_ *const own = thrum_here_.record;
    if (own && own->kind == THRUM_THREAD_MAIN) {
        THRUM_TELL_OWN_RELEASE(&own->ended);
        thrum_event_set(&own->ended);
        THRUM_TELL_OWN_RELEASE(&own->gone);
        thrum_event_set(&own->gone);
    }
    thrum_lock_acquire(&thrum_lives_);
    for (thrum_thread_record_ *other; (other = thrum_registry_to_wait_for_());) {
        thrum_lock_release(&thrum_lives_);
        wait_for(other);
        thrum_lock_acquire(&thrum_lives_);
    }
    thrum_phase_now_ = THRUM_ENDED_PHASE; /* thread.P1 */
    THRUM_TELL_OWN_ACQUIRE(&thrum_phase_now_);
    thrum_lock_release(&thrum_lives_);
    say_shutting_down(false);
}

void thrum_shutdown(void) {
    if (thrum_here_.shutting_down) return; /* called by a function that it calls */
    pthread_cleanup_push(await_all, NULL);
    thrum_hooks_each_(fulfil_latest, NULL); /* thread.P3 */
    pthread_cleanup_pop(1);
}

void thrum_process_begin_in_child_(void) {
    thrum_phase_now_ = THRUM_RUNNING;
    say_shutting_down(false);
    /* The parent was in its exit handlers: this process gets one of its own. */
    if (!thrum_u32_load_relaxed(&registered)) thrum_first_use_reopen_(&prepared);
}
