/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. Timers in a pairing heap, on one thread.
 *
 * scheduler.S1: an entry is in the heap exactly while its order is not 0. All of it is guarded by the lock.
 * scheduler.S2: a thread that makes another entry the earliest sets `look_again` after it has released the
 *     lock; the scheduler's thread clears it while holding the lock, before it looks. So it never sleeps past
 *     an entry that it has not seen.
 * scheduler.S3: while a function runs, `running` is its entry, and the entry is not touched: the function may
 *     free it. `again` says whether it is still ours afterwards: it is periodic, and nobody has cancelled it.
 * scheduler.S4: every call that ends raises `runs`, also when the thread ends in it. A cancel waits for that
 *     and looks no more: the entry may have been used anew.
 * scheduler.S5: while anything is pending, and the scheduler was not stopped, there is a thread, or starting
 *     one has failed; then the next scheduling tries again.
 * scheduler.S6: a function that fails or exits ends, and its thread goes on. One that calls pthread_exit, or
 *     is cancelled, leaves what is pending to another thread; while none can be had, the ending one goes on.
 * scheduler.S7: an entry that inherits has `wrapped` for its function, and for its argument a block with its
 *     own function, argument and context. A cancel, a stop, or the end of its last call frees the block, with
 *     nothing locked: the one that takes the entry out for good. Between calls the thread has no context.
 */
#include "../atomic/tell.h"
#include "../rcu/own_thread.h"
#include "../rcu/rank.h"
#include "context.h"
#include "record.h"

#include <limits.h>
#include <pthread.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thrum/futex.h>
#include <thrum/registry.h>
#include <thrum/scheduler.h>

THRUM_RANK(2, s->lock_);

THRUM_STATIC_ASSERT(sizeof(void *) != 8 || sizeof(thrum_scheduled) == 72,
                    "the header says how large an entry is");

/* ---- the heap ---- */

static bool is_earlier(const thrum_scheduled *a, const thrum_scheduled *b) {
    return a->due_.ns != b->due_.ns ? a->due_.ns < b->due_.ns : a->order_ < b->order_;
}

/* Two heaps in one; the roots have no siblings. */
static thrum_scheduled *merge(thrum_scheduled *a, thrum_scheduled *b) {
    if (!a || !b) return a ? a : b;
    thrum_scheduled *const root = is_earlier(a, b) ? a : b;
    thrum_scheduled *const under = root == a ? b : a;
    under->next_ = root->child_;
    if (under->next_) under->next_->place_ = &under->next_;
    under->place_ = &root->child_;
    root->child_ = under;
    return root;
}

/* A list of siblings in one heap: in pairs from the left, and the pairs from the right. */
static thrum_scheduled *merge_siblings(thrum_scheduled *list) {
    thrum_scheduled *pairs = NULL;
    while (list) {
        thrum_scheduled *const a = list, *const b = a->next_;
        list = b ? b->next_ : NULL;
        a->next_ = NULL;
        if (b) b->next_ = NULL;
        thrum_scheduled *const pair = merge(a, b);
        pair->next_ = pairs;
        pairs = pair;
    }
    thrum_scheduled *root = NULL;
    while (pairs) {
        thrum_scheduled *const next = pairs->next_;
        pairs->next_ = NULL;
        root = merge(root, pairs);
        pairs = next;
    }
    return root;
}

/* Whether it has become the earliest. */
static bool insert(thrum_scheduler *s, thrum_scheduled *entry) {
    entry->order_ = ++s->last_order_; /* scheduler.S1 */
    entry->child_ = entry->next_ = NULL;
    entry->place_ = NULL;
    s->earliest_ = merge(s->earliest_, entry);
    s->pending_++;
    return s->earliest_ == entry;
}

static void take_out(thrum_scheduler *s, thrum_scheduled *entry) {
    thrum_scheduled *const below = merge_siblings(entry->child_);
    if (entry == s->earliest_) {
        s->earliest_ = below;
    } else {
        *entry->place_ = entry->next_;
        if (entry->next_) entry->next_->place_ = entry->place_;
        s->earliest_ = merge(s->earliest_, below);
    }
    entry->order_ = 0; /* scheduler.S1 */
    s->pending_--;
}

/* ---- inheriting; scheduler.S7 ---- */

typedef struct block {
    thrum_scheduler_function *function;
    void *argument;
    thrum_context_ context;
    struct block *next; /* of those that a stop takes out */
} block;

static __thread block *in_force; /* its context is, while its function runs */
static __thread bool entered;

/* The function of an entry that inherits. */
static void wrapped(void *p) {
    const block *const b = p;
    b->function(b->argument);
}

static thrum_result wrap(thrum_scheduled *wanted) {
    thrum_context_ context = {0, NULL};
    const thrum_result result = thrum_context_copy_(&context, THRUM_CONTEXT_INHERIT);
    if (context.count == 0) return result; /* nothing is inherited, or the copy has failed */
    block *const b = thrum_context_space_(1, sizeof *b);
    if (!b) {
        thrum_context_drop_(&context);
        return THRUM_NO_MEMORY;
    }
    *b = (block){wanted->function_, wanted->argument_, context, NULL};
    wanted->function_ = wrapped;
    wanted->argument_ = b;
    return THRUM_OK;
}

static block *block_of(const thrum_scheduled *entry) {
    return entry->function_ == wrapped ? entry->argument_ : NULL;
}

static void dispose(block *b) {
    if (!b) return;
    thrum_context_ context = b->context;
    thrum_context_free_space_(b);
    thrum_context_drop_(&context);
}

static void dispose_all(block *first) {
    while (first) {
        block *const b = first;
        first = b->next;
        dispose(b);
    }
}

/* Before a call. */
static void enter(const thrum_scheduled *entry) {
    thrum_context_ none = {0, NULL};
    in_force = block_of(entry);
    entered = in_force != NULL;
    if (entered) thrum_context_enter_(&none, in_force->context);
}

/* After it; again, where a destructor ends the thread. What the call made is in the context, or goes. */
static void leave(void) {
    thrum_context_ none = {0, NULL};
    if (entered) {
        in_force->context = thrum_local_context_now_;
        thrum_local_context_now_ = none;
    } else {
        thrum_context_leave_(&none);
    }
    entered = false;
}

/* ---- the thread ---- */

/* What the thread is at. Lies on its stack. */
typedef struct stint {
    thrum_scheduler *scheduler;
    thrum_failing_ failing; /* of the function that runs */
    thrum_left_ left;       /* how the thread came out of the call that it was in the midst of */
    bool calls;             /* it is in the midst of one */
    bool ending;            /* a function has called pthread_exit, or was cancelled */
} stint;

static thrum_result start_thread(thrum_scheduler *s);

/* The first moment of the schedule that lies ahead; counts those that have passed unused. */
static thrum_deadline next_due(thrum_scheduled *entry) {
    const uint64_t now = thrum_futex_now_ns(), due = entry->due_.ns, period = entry->period_ns_;
    const uint64_t missed = now > due ? (now - due) / period : 0;
    const uint64_t room = (uint64_t)INT64_MAX - due;
    entry->missed_ += missed;
    return missed + 1 > room / period ? THRUM_FOREVER : (thrum_deadline){due + (missed + 1) * period};
}

static void begin_call(thrum_scheduler *s) {
    thrum_scheduled *const entry = s->earliest_;
    take_out(s, entry);
    s->running_ = entry; /* scheduler.S3 */
    s->caller_ = thrum_get_ident();
    s->again_ = entry->period_ns_ != 0;
}

/* The lock is held, and given back meanwhile where an entry's last call has ended (scheduler.S7). */
static void end_call(thrum_scheduler *s) {
    thrum_scheduled *const entry = s->running_;
    /* scheduler.S3: what is not ours any more will not be again */
    const bool again = s->again_ && !s->stopped_;
    block *const over = again ? NULL : in_force;
    in_force = NULL;
    if (over) {
        thrum_lock_release(&s->lock_);
        dispose(over);
        thrum_lock_acquire(&s->lock_);
    }
    s->running_ = NULL;
    s->caller_ = 0;
    if (again) {
        entry->due_ = next_due(entry);
        insert(s, entry);
    }
    THRUM_TELL_OWN_RELEASE(&s->runs_);
    /* scheduler.S4; relaxed: a waiter for it acquires the lock then */
    thrum_u32_fetch_add_relaxed(&s->runs_, 1);
    if (s->waiting_) thrum_futex_wake(&s->runs_, INT_MAX, THRUM_FUTEX_ANY, false);
}

/* The lock is held, and given back meanwhile. */
static void call(stint *my) {
    thrum_scheduler *const s = my->scheduler;
    begin_call(s);
    const thrum_scheduled entry = *s->running_;
    thrum_lock_release(&s->lock_);
    THRUM_TELL_OWN_ACQUIRE(s);
    my->calls = true; /* until it has ended: resume ends one that a function or a destructor has left */
    enter(&entry);
    entry.function_(entry.argument_);
    leave();
    thrum_lock_acquire(&s->lock_);
    end_call(s);
    my->calls = false;
}

/* A function has not returned: what is left of its call. */
static void resume(stint *my) {
    thrum_scheduler *const s = my->scheduler;
    const bool failed = my->left == THRUM_LEFT_FAILING;
    if (my->left == THRUM_LEFT_ENDING) my->ending = true;
    if (my->calls) {
        leave();
        thrum_lock_acquire(&s->lock_);
        end_call(s);
        my->calls = false;
        thrum_lock_release(&s->lock_);
    }
    if (failed) thrum_hooks_report_(&my->failing);
}

/*
 * scheduler.S6. Whether the thread may end: another one goes on, or nothing is pending (scheduler.S5). While
 * the lock is held.
 */
static bool replace(thrum_scheduler *s) {
    thrum_thread ending = s->thread_;
    if (!s->earliest_) {
        thrum_thread_release(&s->thread_);
        return true;
    }
    if (start_thread(s) != THRUM_OK) {
        s->thread_ = ending;
        return false;
    }
    thrum_thread_release(&ending);
    return true;
}

static void serve(void *p) {
    stint *const my = p;
    thrum_scheduler *const s = my->scheduler;
    resume(my);
    thrum_lock_acquire(&s->lock_);
    while (!s->stopped_) {
        if (THRUM_UNLIKELY(my->ending) && replace(s)) {
            thrum_lock_release(&s->lock_);
            return;
        }
        thrum_event_clear(&s->look_again_); /* scheduler.S2 */
        const thrum_deadline due = s->earliest_ ? s->earliest_->due_ : THRUM_FOREVER;
        if (thrum_deadline_passed(due)) {
            call(my);
        } else {
            thrum_lock_release(&s->lock_);
            (void)thrum_event_wait_until(&s->look_again_, due);
            thrum_lock_acquire(&s->lock_);
        }
    }
    thrum_thread own = s->thread_; /* stopped by one of its functions, it gives its object back itself */
    s->thread_.record_ = NULL;
    thrum_lock_release(&s->lock_);
    thrum_thread_release(&own);
}

static void *run(void *scheduler) {
    thrum_own_thread_begin_();
    stint my = {.scheduler = scheduler, .left = THRUM_LEFT_RETURNING};
    do my.left = thrum_hooks_call_(serve, &my, &my.failing, NULL);
    while (my.left != THRUM_LEFT_RETURNING);
    return NULL;
}

/* While the lock is held. */
static thrum_result start_thread(thrum_scheduler *s) {
    const thrum_thread_config config = {.target = run,
                                        .argument = s,
                                        .name = "scheduler",
                                        .daemon = THRUM_DAEMON_YES,
                                        .context = THRUM_CONTEXT_EMPTY};
    thrum_result result = thrum_thread_init(&s->thread_, &config);
    if (result != THRUM_OK) return result;
    sigset_t before;
    thrum_own_thread_block_(&before);
    result = thrum_thread_start(&s->thread_);
    thrum_own_thread_unblock_(&before);
    if (result != THRUM_OK) thrum_thread_release(&s->thread_);
    return result;
}

/* Whether it is a function of the scheduler's that calls; while the lock is held. */
static bool is_own(const thrum_scheduler *s) {
    return s->caller_ == thrum_get_ident();
}

/* ---- scheduling ---- */

static thrum_result schedule(thrum_scheduler *s, thrum_scheduled *entry, thrum_scheduled wanted) {
    bool look_again = false;
    const thrum_result wrapping = wrap(&wanted);
    if (wrapping != THRUM_OK) return wrapping;
    thrum_lock_acquire(&s->lock_);
    thrum_result result = s->stopped_ ? THRUM_CLOSED : entry->order_ ? THRUM_STATE : THRUM_OK;
    if (result == THRUM_OK && !s->thread_.record_) result = start_thread(s); /* scheduler.S5 */
    if (result == THRUM_OK) {
        if (s->running_ == entry) s->again_ = false; /* scheduled anew by its own function */
        *entry = wanted;
        THRUM_TELL_OWN_RELEASE(s);
        look_again = insert(s, entry) && !is_own(s);
    }
    thrum_lock_release(&s->lock_);
    if (look_again)
        thrum_event_set(&s->look_again_); /* scheduler.S2 */
    else if (result != THRUM_OK)
        dispose(block_of(&wanted));
    return result;
}

thrum_result thrum_scheduler_at(thrum_scheduler *scheduler, thrum_scheduled *entry, thrum_deadline deadline,
                                thrum_scheduler_function *function, void *argument) {
    const thrum_scheduled wanted = {.due_ = deadline, .function_ = function, .argument_ = argument};
    return schedule(scheduler, entry, wanted);
}

thrum_result thrum_scheduler_every(thrum_scheduler *scheduler, thrum_scheduled *entry, thrum_deadline first,
                                   uint64_t period_ns, thrum_scheduler_function *function, void *argument) {
    if (period_ns == 0) return THRUM_INVALID;
    if (first.ns == THRUM_NOW.ns) first.ns = thrum_futex_now_ns(); /* a schedule counts from a moment */
    const thrum_scheduled wanted = {
        .due_ = first, .period_ns_ = period_ns, .function_ = function, .argument_ = argument};
    return schedule(scheduler, entry, wanted);
}

/* Waits for the end of the call that runs; gives the lock back meanwhile. */
static void wait_for_call(thrum_scheduler *s) {
    const uint32_t seen = thrum_u32_load_relaxed(&s->runs_); /* relaxed: the lock is held */
    s->waiting_++;
    thrum_lock_release(&s->lock_);
    while (thrum_u32_load_relaxed(&s->runs_) == seen) /* scheduler.S4; relaxed: as below, the lock */
        (void)thrum_futex_wait(&s->runs_, seen, THRUM_FUTEX_ANY, false, THRUM_FOREVER);
    thrum_lock_acquire(&s->lock_);
    s->waiting_--;
}

bool thrum_scheduler_cancel(thrum_scheduler *s, thrum_scheduled *entry) {
    thrum_lock_acquire(&s->lock_);
    bool kept = entry->order_ != 0;
    block *const over = kept ? block_of(entry) : NULL; /* else the end of its call disposes of it */
    if (kept) take_out(s, entry);
    if (s->running_ == entry) {
        kept |= s->again_;
        s->again_ = false; /* scheduler.S3 */
        if (!is_own(s)) wait_for_call(s);
    }
    THRUM_TELL_OWN_ACQUIRE(&s->runs_); /* the lock's order, of calls that have ended before, too */
    thrum_lock_release(&s->lock_);
    THRUM_TELL_OWN_ACQUIRE(s);
    dispose(over);
    return kept;
}

size_t thrum_scheduler_pending(thrum_scheduler *s) {
    thrum_lock_acquire(&s->lock_);
    const size_t pending = s->pending_;
    thrum_lock_release(&s->lock_);
    return pending;
}

size_t thrum_scheduler_describe(thrum_scheduler *s, char *text, size_t size) {
    thrum_lock_acquire(&s->lock_);
    const size_t pending = s->pending_;
    const bool runs = s->running_ != NULL, stopped = s->stopped_;
    thrum_lock_release(&s->lock_);
    const int length = snprintf(text, size, "scheduler: %zu pending%s%s", pending,
                                runs ? ", a call runs" : "", stopped ? ", stopped" : "");
    return length < 0 ? 0 : (size_t)length;
}

uint64_t thrum_scheduler_missed(thrum_scheduler *s, const thrum_scheduled *entry) {
    thrum_lock_acquire(&s->lock_);
    const uint64_t missed = entry->missed_;
    thrum_lock_release(&s->lock_);
    return missed;
}

size_t thrum_scheduler_stop(thrum_scheduler *s) {
    thrum_lock_acquire(&s->lock_);
    const size_t dropped = s->pending_ + (s->running_ && s->again_ && !s->stopped_);
    s->stopped_ = true;
    block *over = NULL;
    while (s->earliest_) {
        block *const b = block_of(s->earliest_);
        take_out(s, s->earliest_);
        if (!b) continue;
        b->next = over;
        over = b;
    }
    thrum_thread thread = {NULL};
    if (!is_own(s)) { /* else it ends when its function returns */
        thread = s->thread_;
        s->thread_.record_ = NULL;
    }
    thrum_lock_release(&s->lock_);
    thrum_event_set(&s->look_again_); /* scheduler.S2 */
    THRUM_TELL_OWN_ACQUIRE(s);
    dispose_all(over);
    if (thread.record_) {
        /*
         * A daemon that runs may be joined with a deadline only, once the process has ended (thrum/thread.h).
         */
        while (thrum_thread_join_until(&thread, NULL, thrum_after(3600)) == THRUM_TIMEOUT) {
        }
        thrum_thread_release(&thread);
    }
    return dropped;
}

void thrum_scheduler_reset_after_fork(thrum_scheduler *s) {
    thrum_thread_release(&s->thread_);
    memset(s, 0, sizeof *s);
}
