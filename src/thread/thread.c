/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. Thread objects: their making, their references, starting, ending and joining. record.h has the
 * states.
 *
 * A start lists the record, in state STARTING, before it asks for the thread. So the thread finds itself in
 * the registry however early it runs, a fork by a third thread finds the record whatever it interrupts, and
 * readers see it only once it is ALIVE. When the system refuses, the record leaves the table again, and its
 * node may go back only after a grace period, which the failing start waits for.
 *
 * The starter and the new thread both try to change STARTING to ALIVE; one succeeds. Each has stored
 * `pthread` before it tries (thread.J1). The starter touches the handle no more once the thread may run: a
 * joiner may free it.
 *
 * Ending: the target returns; ENDED and `ended` tell it; the destructors of thread-local values run; the
 * thread leaves the table and sets `gone` (thread.I4). What is left then is the C library's, and takes
 * microseconds.
 *
 * Joining: an untimed join that comes first goes straight to the C library's (thread.I3), so that ending
 * wakes one sleeper and not two; timed ones wait for `gone`, and then join what is all but gone.
 *
 * In a circle with hooks.c, hooks_trace.c, local_context.c, registry.c, thread_process.c: a thread runs
 * with all of them around it, and each of them tells of threads or waits for them.
 */
#include "record.h"

#include "../futex/errno_kept.h"
#include "../futex/waits.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static thrum_u64 unnamed;

/* ---- making ---- */

static bool fits(const char *name) {
    return strnlen(name, THRUM_NAME_SIZE) < THRUM_NAME_SIZE;
}

static bool inherited_daemon(void) {
    if (thrum_here_.record) return thrum_u32_load_relaxed(&thrum_here_.record->daemon); /* relaxed: our own */
    return true; /* as the dummy that it would be */
}

static thrum_result check(const thrum_thread_config *config) {
    if (!config->target == !config->run) return THRUM_INVALID;
    if (config->stack_size != 0 && config->stack_size < THRUM_STACK_MIN) return THRUM_INVALID;
    if (config->name && !fits(config->name)) return THRUM_OVERFLOW;
    return THRUM_OK;
}

static thrum_result make(const thrum_thread_config *config, thrum_thread_record_ **made) {
    const thrum_result result = check(config);
    if (result != THRUM_OK) return result;
    THRUM_KEEPS_ERRNO_;
    thrum_thread_record_ *const record = calloc(1, sizeof *record);
    if (!record) return THRUM_NO_MEMORY;
    record->self.record_ = record;
    record->kind = THRUM_THREAD_OWN;
    record->process = thrum_process_number_;
    record->target = config->target;
    record->run = config->run;
    record->argument = config->argument;
    record->stack_size = config->stack_size;
    record->timer_slack_ns = config->timer_slack_ns;
    thrum_u32_store_relaxed(&record->how, config->context); /* relaxed, as below */
    const bool daemon =
        config->daemon == THRUM_DAEMON_INHERIT ? inherited_daemon() : config->daemon == THRUM_DAEMON_YES;
    thrum_u32_store_relaxed(&record->daemon, daemon); /* relaxed: nobody knows the record yet */
    thrum_u32_store_relaxed(&record->references, THRUM_HANDLE);
    if (config->name)
        strcpy(record->name.text, config->name);
    else
        record->name = thrum_registry_name_("Thread", &unnamed, config->target_name);
    *made = record;
    return THRUM_OK;
}

thrum_result thrum_thread_new(thrum_thread **thread, const thrum_thread_config *config) {
    thrum_thread_record_ *record;
    const thrum_result result = make(config, &record);
    if (result == THRUM_OK) *thread = &record->self;
    return result;
}

thrum_result thrum_thread_init(thrum_thread *thread, const thrum_thread_config *config) {
    return make(config, &thread->record_);
}

thrum_result thrum_thread_spawn(thrum_thread **thread, const thrum_thread_config *config) {
    thrum_thread *made;
    thrum_result result = thrum_thread_new(&made, config);
    if (result != THRUM_OK) return result;
    result = thrum_thread_start(made);
    if (result == THRUM_OK && thread)
        *thread = made;
    else
        thrum_thread_release(made);
    return result;
}

/* ---- references ---- */

thrum_thread *thrum_thread_retain(thrum_thread *thread) {
    thrum_thread_record_ *const record = thread->record_;
    /* relaxed: the caller has one (thread.I1) */
    thrum_u32_fetch_add_relaxed(&record->references, THRUM_HANDLE);
    return &record->self;
}

/* Whether its thread was one of the parent's: it is no more (thread.I5). */
static bool is_buried(const thrum_thread_record_ *record) {
    return record->process != thrum_process_number_;
}

/* What `joiner` was: NOBODY_JOINS, and the caller's claim is the one that holds, or another's claim. */
static uint32_t claim(thrum_thread_record_ *record, uint32_t joiner) {
    uint32_t before = THRUM_NOBODY_JOINS;
    /* relaxed: it only chooses one (thread.I3) */
    (void)thrum_u32_cas_relaxed(&record->joiner, &before, joiner);
    return before;
}

/* thread.I3: nobody can join it any more. */
static void detach(thrum_thread_record_ *record) {
    /* relaxed: thread.J2 has acquired it, and `pthread`, or the thread has stored them itself */
    const bool started = thrum_u64_load_relaxed(&record->ident) != 0 && record->kind == THRUM_THREAD_OWN;
    if (started && !is_buried(record) && claim(record, THRUM_DETACHED) == THRUM_NOBODY_JOINS)
        (void)pthread_detach((pthread_t)thrum_u64_load_relaxed(&record->pthread));
}

/*
 * Not a subtraction: the share is held until the thread is detached. So of two threads that give their shares
 * back at once, one detaches it.
 */
void thrum_thread_drop_(thrum_thread_record_ *record, uint32_t share) {
    const bool buried = is_buried(record); /* looked at before the share is given back */
    uint32_t now, left;
    do {
        now = thrum_u32_load_acquire(&record->references); /* thread.J2: acquire; what detach looks at */
        left = now - share;
        if (share != THRUM_TABLE && (left & ~(uint32_t)THRUM_TABLE) == 0) detach(record);
        THRUM_TELL_OWN_RELEASE(&record->references);
        /*
         * thread.J2: release, pairs with thread.J2: the last has read what the others left, and comes after
         *     them
         */
    } while (!thrum_u32_cas_release(&record->references, &now, left));
    if (left != 0 && !(buried && left == THRUM_STARTER)) return; /* thread.I5 */
    THRUM_TELL_OWN_ACQUIRE(&record->references);
    free(record);
}

void thrum_thread_release(thrum_thread *thread) {
    if (!thread || !thread->record_) return;
    thrum_thread_record_ *const record = thread->record_;
    if (thread != &record->self) thread->record_ = NULL;
    thrum_thread_drop_(record, THRUM_HANDLE);
}

/* ---- the thread's own side ---- */

static void leave_the_table(thrum_rcu_head *head) {
    thrum_thread_drop_((thrum_thread_record_ *)((char *)head - offsetof(thrum_thread_record_, retired)),
                       THRUM_TABLE); /* thread.I1 */
}

void thrum_thread_end_(thrum_thread_record_ *record) {
    /* thread.J3: release, pairs with thread.J3 in join */
    thrum_u32_store_release(&record->state, THRUM_THREAD_ENDED);
    THRUM_TELL_OWN_RELEASE(&record->ended);
    thrum_event_set(&record->ended);
}

/*
 * The thread's share is given back in the step that leaves the table: a forked child that does not find the
 * record there has no share to give back.
 */
void thrum_thread_leave_(thrum_thread_record_ *record) {
    thrum_self_leave_slot_();
    thrum_lock_acquire(&thrum_lives_);
    thrum_registry_remove_(record);
    /* relaxed: it is not the last; the table's share, or main's handle, is given back after it */
    const uint32_t left = thrum_u32_fetch_sub_relaxed(&record->references, THRUM_THREAD) - THRUM_THREAD;
    THRUM_TELL_OWN_RELEASE(&thrum_phase_now_); /* to a shutdown that finds nobody */
    thrum_lock_release(&thrum_lives_);
    THRUM_TELL_OWN_RELEASE(&record->gone);
    thrum_event_set(&record->gone); /* thread.I4 */
    if (left == THRUM_TABLE) detach(record);
    if (left & THRUM_TABLE) thrum_rcu_retire(&record->retired, leave_the_table);
}

/* The target's function, within a landing. */
static void run(void *p) {
    thrum_thread_record_ *const record = p;
    if (thrum_u32_load_relaxed(&thrum_tracing_)) thrum_trace_tell_(THRUM_TRACE_THREAD_START, NULL, NULL);
    if (record->target) {
        record->value = record->target(record->argument);
        return;
    }
    const thrum_result result = record->run(record->handle);
    if (result != THRUM_OK)
        thrum_hooks_describe_(thrum_here_.failing, (int)result, "its run returned %s: %s",
                              thrum_result_name(result), thrum_result_message(result));
}

struct ending {
    thrum_thread_record_ *record;
    bool kept; /* the registry is told of the very end */
};

static void finish(void *p) {
    const struct ending *const ending = p;
    thrum_thread_end_(ending->record);
    if (!ending->kept) thrum_registry_leave_(ending->record); /* this is it */
}

/* What ends with the target, however it ended; the hook and the trace function may end the thread again. */
static void end(struct ending *ending, thrum_failing_ *failing) {
    thrum_thread_record_ *const record = ending->record;
    pthread_cleanup_push(finish, ending);
    if (failing->failed) {
        record->value = NULL;
        record->code = failing->code;
        thrum_u32_store_relaxed(&record->failed, 1); /* relaxed: thread.J3 publishes it */
        thrum_hooks_report_(failing);
    }
    if (thrum_u32_load_relaxed(&thrum_tracing_)) thrum_trace_tell_(THRUM_TRACE_THREAD_END, NULL, NULL);
    pthread_cleanup_pop(1);
}

/* Makes the thread's record its own. `name` is the kernel's. */
static void introduce_oneself(thrum_thread_record_ *record) {
    thrum_self_adopt_id_(
        thrum_u64_load_relaxed(&record->ident)); /* relaxed: pthread_create has published it */
    thrum_here_.record = record;
    /* dump.L1: release, pairs with dump.L2 */
    thrum_u64_store_release(&record->waits, (uint64_t)(uintptr_t)thrum_wait_own_());
    thrum_u64_store_relaxed(&record->pthread, (uint64_t)pthread_self());
    thrum_u32_store_relaxed(&record->native_id, thrum_get_native_id());
    thrum_event_set(&record->said);
    /* thread.J1: release, pairs with thread.J1 in join */
    thrum_u32_store_release(&record->state, THRUM_THREAD_ALIVE);

    char name[16];
    thrum_lock_acquire(&thrum_lives_);
    memcpy(name, record->name.text, sizeof name - 1);
    thrum_lock_release(&thrum_lives_);
    name[sizeof name - 1] = 0;
    (void)pthread_setname_np(pthread_self(), name);
    if (record->timer_slack_ns) (void)prctl(PR_SET_TIMERSLACK, record->timer_slack_ns);
}

static void *begin(void *argument) {
    thrum_thread_record_ *const record = argument;
    thrum_failing_ failing;
    void *value;
    introduce_oneself(record);
    struct ending ending = {record, thrum_registry_keep_until_end_(record)};
    thrum_local_context_now_ = record->inherits; /* which its end destroys: thread.I4 */
    if (thrum_hooks_call_(run, record, &failing, &value) == THRUM_LEFT_EXITING) record->value = value;
    end(&ending, &failing);
    return NULL;
}

void thrum_thread_exit(void *value) {
    thrum_self_release_guards();
    if (thrum_here_.landing) thrum_hooks_leave_(THRUM_LEFT_EXITING, value); /* hooks.H2 in hooks.c */
    pthread_exit(value);
}

/* ---- starting ---- */

static thrum_result begin_start(thrum_thread_record_ *record, thrum_thread *handle,
                                const thrum_context_ *context) {
    if (thrum_phase_now_ == THRUM_ENDED_PHASE) return THRUM_FINALIZING;
    /* Main and aliens were never NEW. */
    if (thrum_u32_load_relaxed(&record->state) != THRUM_THREAD_NEW) return THRUM_ALREADY_STARTED;
    record->handle = handle;
    if (is_buried(record)) record->process = thrum_process_number_; /* made by the parent */
    record->inherits = *context;
    thrum_u64_store_relaxed(&record->ident, thrum_self_reserve_id_());
    thrum_u32_store_release(&record->state, THRUM_THREAD_STARTING); /* thread.J1: release */
    /* thread.I1. The thread may end, and its object be released, before the starter's call returns. */
    thrum_u32_fetch_add_relaxed(&record->references, THRUM_STARTER + THRUM_THREAD + THRUM_TABLE);
    thrum_hooks_begin_thread_(record);
    thrum_registry_add_(record);
    return THRUM_OK;
}

static void take_back_start(thrum_thread_record_ *record) {
    thrum_lock_acquire(&thrum_lives_);
    thrum_registry_remove_(record);
    /* relaxed: nobody has had these two, and the starter's keeps it */
    thrum_u32_fetch_sub_relaxed(&record->references, THRUM_THREAD + THRUM_TABLE);
    thrum_lock_release(&thrum_lives_);
    thrum_rcu_synchronize(); /* no reader stands on the node any more: it may be listed anew */
    thrum_lock_acquire(&thrum_lives_);
    thrum_u64_store_relaxed(&record->ident, 0);
    thrum_u32_store_relaxed(&record->state, THRUM_THREAD_NEW);
    thrum_lock_release(&thrum_lives_);
}

static int create(thrum_thread_record_ *record) {
    pthread_t thread;
    const size_t stack = record->stack_size ? record->stack_size : thrum_registry_default_stack_();
    int error;
    if (stack == 0) {
        error = pthread_create(&thread, NULL, begin, record);
    } else {
        pthread_attr_t attributes;
        error = pthread_attr_init(&attributes);
        if (error) return error;
        error = pthread_attr_setstacksize(&attributes, stack);
        if (!error) error = pthread_create(&thread, &attributes, begin, record);
        pthread_attr_destroy(&attributes);
    }
    if (!error) thrum_u64_store_relaxed(&record->pthread, (uint64_t)thread); /* thread.J1 publishes it */
    return error;
}

static thrum_result result_of(int error) {
    switch (error) {
    case ENOMEM:
        return THRUM_NO_MEMORY;
    case EINVAL:
        return THRUM_INVALID;
    default:
        return THRUM_NO_THREAD;
    }
}

thrum_result thrum_thread_start(thrum_thread *thread) {
    thrum_thread_record_ *const record = thread->record_;
    if (!record) return THRUM_INVALID;
    THRUM_KEEPS_ERRNO_;
    thrum_result result = thrum_process_prepare_();
    if (result != THRUM_OK) return result;
    thrum_context_ context = {0, NULL};
    result = thrum_context_copy_(&context, (thrum_context)thrum_u32_load_relaxed(&record->how));
    if (result != THRUM_OK) return result;
    thrum_lock_acquire(&thrum_lives_);
    result = begin_start(record, thread, &context);
    thrum_lock_release(&thrum_lives_);
    if (result != THRUM_OK) {
        thrum_context_drop_(&context);
        return result;
    }

    const int error = create(record);
    if (error) {
        take_back_start(record);
        thrum_context_drop_(&context);
        result = result_of(error);
    } else {
        uint32_t state = THRUM_THREAD_STARTING;
        /* thread.J1. It may be over already. */
        (void)thrum_u32_cas_release(&record->state, &state, THRUM_THREAD_ALIVE);
    }
    thrum_thread_drop_(record, THRUM_STARTER);
    return result;
}

thrum_result thrum_thread_run_here(thrum_thread *thread, void **value) {
    const thrum_thread_record_ *const record = thread->record_;
    if (!record) return THRUM_INVALID;
    if (record->kind != THRUM_THREAD_OWN) return THRUM_STATE;
    if (record->run) return record->run(thread);
    void *const returned = record->target(record->argument);
    if (value) *value = returned;
    return THRUM_OK;
}

/* ---- joining ---- */

/* The system's join, which must not be cancelled halfway. */
static void join_the_system_thread(thrum_thread_record_ *record) {
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before);
    thrum_wait_sleeps_();
    (void)pthread_join((pthread_t)thrum_u64_load_relaxed(&record->pthread), NULL);
    pthread_setcancelstate(before, &before);
    THRUM_TELL_OWN_RELEASE(&record->joined);
    thrum_event_set(&record->joined);
}

/* The state; of a thread that is no more in this process it is ENDED. */
static uint32_t state_of(const thrum_thread_record_ *record) {
    const uint32_t state = thrum_u32_load_acquire(&record->state); /* thread.J1, thread.J3: acquire */
    return state != THRUM_THREAD_NEW && is_buried(record) ? THRUM_THREAD_ENDED : state;
}

static thrum_result refuse_to_join(thrum_thread_record_ *record, bool forever) {
    if (record->kind == THRUM_THREAD_ALIEN) return THRUM_STATE;
    const uint32_t state = state_of(record);
    if (state == THRUM_THREAD_NEW || state == THRUM_THREAD_STARTING) return THRUM_NOT_STARTED;
    if (record == thrum_here_.record) return THRUM_DEADLOCK;
    if (!forever || state == THRUM_THREAD_ENDED || !thrum_u32_load_relaxed(&record->daemon)) return THRUM_OK;
    thrum_lock_acquire(&thrum_lives_);
    const bool over = thrum_phase_now_ == THRUM_ENDED_PHASE;
    thrum_lock_release(&thrum_lives_);
    return over && !thrum_event_is_set(&record->ended) ? THRUM_FINALIZING : THRUM_OK;
}

/* Until an event of the thread's is set; it tells what was before it. */
static bool wait_for(thrum_event *event, thrum_deadline deadline) {
    if (thrum_event_wait_until(event, deadline) == THRUM_TIMEOUT) return false;
    THRUM_TELL_OWN_ACQUIRE(event);
    return true;
}

static thrum_result wait_for_the_end(thrum_thread_record_ *record, thrum_deadline deadline) {
    const bool own = record->kind == THRUM_THREAD_OWN;
    if ((!own || deadline.ns != THRUM_FOREVER.ns) && !wait_for(&record->gone, deadline)) return THRUM_TIMEOUT;
    if (!own) return THRUM_OK;
    const uint32_t joiner = claim(record, THRUM_SOMEBODY_JOINS);
    if (joiner == THRUM_NOBODY_JOINS) {
        join_the_system_thread(record);
        return THRUM_OK;
    }
    thrum_event *const last = joiner == THRUM_DETACHED ? &record->gone : &record->joined; /* thread.I3 */
    return wait_for(last, deadline) ? THRUM_OK : THRUM_TIMEOUT;
}

/* `site`: where the program has called. */
static thrum_result join(thrum_thread *thread, void **value, thrum_deadline deadline, const void *site) {
    thrum_thread_record_ *const record = thread->record_;
    if (!record) return THRUM_NOT_STARTED;
    THRUM_KEEPS_ERRNO_;
    thrum_result result = refuse_to_join(record, deadline.ns == THRUM_FOREVER.ns);
    THRUM_WAITS_(THREAD, record, site);
    if (result == THRUM_OK && !is_buried(record)) result = wait_for_the_end(record, deadline);
    if (result == THRUM_OK && value) *value = record->value;
    return result;
}

thrum_result thrum_thread_join_until(thrum_thread *thread, void **value, thrum_deadline deadline) {
    return join(thread, value, deadline, THRUM_SITE_);
}

thrum_result thrum_thread_join(thrum_thread *thread, void **value) {
    return join(thread, value, THRUM_FOREVER, THRUM_SITE_);
}

/* ---- asking ---- */

thrum_name thrum_thread_name(const thrum_thread *thread) {
    thrum_name name = {""};
    if (!thread->record_) return name;
    thrum_lock_acquire(&thrum_lives_);
    name = thread->record_->name;
    thrum_lock_release(&thrum_lives_);
    return name;
}

thrum_result thrum_thread_set_name(thrum_thread *thread, const char *name) {
    if (!fits(name)) return THRUM_OVERFLOW;
    thrum_name copy = {""};
    strcpy(copy.text, name);
    thrum_lock_acquire(&thrum_lives_);
    thread->record_->name = copy;
    thrum_lock_release(&thrum_lives_);
    if (thread->record_ == thrum_here_.record) {
        copy.text[15] = 0;
        (void)pthread_setname_np(pthread_self(), copy.text);
    }
    return THRUM_OK;
}

/* Whether it has been started, by somebody whose start has come so far. */
static bool started(const thrum_thread_record_ *record) {
    return record && state_of(record) >= THRUM_THREAD_ALIVE;
}

uint64_t thrum_thread_ident(const thrum_thread *thread) {
    return started(thread->record_) ? thrum_u64_load_relaxed(&thread->record_->ident) : 0;
}

uint32_t thrum_thread_native_id(const thrum_thread *thread) {
    thrum_thread_record_ *const record = thread->record_;
    if (!started(record)) return 0;
    if (!is_buried(record)) thrum_event_wait(&record->said);
    return thrum_u32_load_relaxed(&record->native_id);
}

bool thrum_thread_is_alive(const thrum_thread *thread) {
    return thread->record_ && thrum_u32_load_relaxed(&thread->record_->state) == THRUM_THREAD_ALIVE;
}

bool thrum_thread_daemon(const thrum_thread *thread) {
    return thread->record_ && thrum_u32_load_relaxed(&thread->record_->daemon);
}

/* For a word of the record that its start takes for good. */
static thrum_result set_before_start(thrum_thread_record_ *record, thrum_u32 *word, uint32_t value) {
    thrum_lock_acquire(&thrum_lives_);
    const bool fixed = thrum_u32_load_relaxed(&record->state) != THRUM_THREAD_NEW; /* as main is */
    if (!fixed) thrum_u32_store_relaxed(word, value);
    thrum_lock_release(&thrum_lives_);
    return fixed ? THRUM_ALREADY_STARTED : THRUM_OK;
}

thrum_result thrum_thread_set_daemon(thrum_thread *thread, bool daemon) {
    return set_before_start(thread->record_, &thread->record_->daemon, daemon);
}

thrum_result thrum_thread_set_context(thrum_thread *thread, thrum_context context) {
    return set_before_start(thread->record_, &thread->record_->how, context);
}

bool thrum_thread_failed(const thrum_thread *thread, int *code) {
    thrum_thread_record_ *const record = thread->record_;
    if (!record || state_of(record) != THRUM_THREAD_ENDED) return false;
    if (!thrum_u32_load_relaxed(&record->failed)) return false;
    if (code) *code = record->code;
    return true;
}

thrum_event *thrum_thread_ended(thrum_thread *thread) {
    return &thread->record_->ended;
}

size_t thrum_thread_describe(const thrum_thread *thread, char *text, size_t size) {
    static const char *const states[] = {"new", "starting", "alive", "ended"};
    const thrum_thread_record_ *const record = thread->record_;
    int length;
    if (record)
        length = snprintf(text, size, "thread \"%s\": %s%s, ident %llu", thrum_thread_name(thread).text,
                          states[state_of(record)], thrum_thread_daemon(thread) ? ", daemon" : "",
                          (unsigned long long)thrum_thread_ident(thread));
    else
        length = snprintf(text, size, "no thread");
    return length < 0 ? 0 : (size_t)length;
}
