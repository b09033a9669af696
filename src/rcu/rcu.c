/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. Read sections are liburcu's (rcu_read.c); the helper that runs callbacks is ours (the header says
 * why).
 *
 * What has been retired goes three ways: a retire pushes it onto `retired`; the helper moves the whole stack
 * to `in_hand`, oldest first; after a grace period the helper takes one after the other from there and calls
 * it back.
 *
 * state       set by                                     means
 * NO_HELPER   the helper, as it ends; a forked child     the next retire starts one
 * IDLE        the helper, before it takes the stack      nothing has been retired since
 * CALLED      a retire, which wakes it; the starter      the helper gathers, and will take the stack
 * HURRIED     a retire that finds much; a barrier        the same, at once
 *
 * rcu.I1: whatever is in `in_hand` when a grace period begins has been retired before it: both moves happen
 *     in the helper, the first before the period, the second after it.
 * rcu.I2: a push is never left with a helper that sleeps for good, or with none. A retire pushes, and then
 *     looks at the state. The helper sets IDLE, and then takes the stack. If the taking misses the push, the
 *     push has read what the taking wrote (rcu.R3, rcu.R4), so that the retire sees IDLE or a later state: it
 *     calls the helper, or starts one. CALLED and HURRIED mean a taking that is still to come. The helper
 *     ends by changing IDLE to NO_HELPER in one step, which fails once a retire has changed IDLE to CALLED.
 *     If the helper's step comes first, the retire's step fails and finds NO_HELPER.
 * rcu.I3: `guard` is held while the stack moves, while a helper is made, and while it ends. A fork takes it:
 *     the child finds every head in one of the two places. A callback runs with nothing locked. The helper
 *     takes a head out of `in_hand` before it calls it back: a child that was forked amid a callback does not
 *     run it again. The child has no helper, but where a callback has forked.
 * rcu.I4: backlog = pushes - called. Pushes are counted before they are made; callbacks are counted in steps
 *     of COUNT_EVERY. A retire that finds more than THRUM_RCU_BACKLOG waits PATIENCE_MS at most: it may hold
 *     a lock for which a callback waits. It does not wait in a read section, for which the helper would wait,
 *     nor in the helper.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../atomic/dead_frames.h"
#include "../atomic/law.h"
#include "../atomic/tell.h"
#include "../futex/errno_kept.h"
#include "../futex/waits.h"
#include "grace.h"
#include "own_thread.h"
#include "rank.h"
#include "retire.h"

#include <errno.h>
#include <pthread.h>
#include <thrum/event.h>
#include <thrum/fence.h>
#include <thrum/futex.h>
#include <thrum/lock.h>
#include <thrum/profile.h>
#include <thrum/rcu.h>
#include <thrum/self.h>
#include <urcu/urcu-bp.h>

/* How long the helper gathers before it begins a grace period; it bounds the wakes that retires make. */
#define GATHER_MS 10
/* So many callbacks take some microseconds. The helper yields after them, in a batch's first YIELD_MS. */
#define COUNT_EVERY 32
#define YIELD_MS 10
/* The helper gathers no more when there is so much. */
#define HURRY (THRUM_RCU_BACKLOG / 4)
/*
 * How long one retire waits at most for a backlog that is too long, and how often it looks. The caller may
 * hold a lock that a callback wants: twice the wait is twice that stop, half of it lets the backlog grow
 * twice as fast. A look in half the time comes no sooner, by the slack of the kernel's timers.
 */
#define PATIENCE_MS 5
#define LOOK_US 100

/*
 * How long what is under way in other processors may take to become visible (rcu.S4): a thousand times what a
 * store takes. Once in a process it is waited for; half of it is a smaller factor, twice it gains nothing.
 */
#define UNSURE_NS 1000000

enum { NO_HELPER, IDLE, CALLED, HURRIED };

static struct {
    THRUM_ALIGNAS(THRUM_CACHE_LINE) thrum_u64 top; /* a stack of thrum_rcu_head, its top as a number */
    thrum_u64 pushes;                              /* rcu.I4 */
} retired;
static struct {
    THRUM_ALIGNAS(THRUM_CACHE_LINE) thrum_u32 state;
    thrum_u64 called; /* rcu.I4 */
    thrum_u64 id;     /* its thread's; 0: there is no helper */
} helper;
static thrum_u64 in_hand; /* a list of thrum_rcu_head; the helper changes it */
static uint64_t called;   /* the helper's own */
static thrum_lock guard;
THRUM_RANK(15, guard);
static thrum_u32 settled; /* rcu.S4 */
static bool forks_watched;

/*
 * --- grace periods; rcu.S1 to rcu.S5 in rcu_read.c
 * -----------------------------------------------------------
 */

static void fence_sections(void) {
    if (thrum_u32_load_acquire(&settled)) { /* rcu.R8: acquire, pairs with rcu.R8: rcu.S4 */
        thrum_futex_fence();
        return;
    }
    if (thrum_fence_heavy()) return;
    thrum_u32_store_relaxed(&thrum_rcu_sections_now_.light, 0); /* relaxed: the nap makes it visible */
    thrum_futex_nap(thrum_after_ns(UNSURE_NS));
    thrum_u32_store_release(&settled, 1); /* rcu.R8: release */
}

void thrum_rcu_synchronize(void) {
    THRUM_KEEPS_ERRNO_;
    thrum_rcu_tell_liburcu_();
    fence_sections(); /* rcu.S1 */
    THRUM_WAITS_(GRACE, NULL, THRUM_SITE_);
    thrum_wait_sleeps_();
    urcu_bp_synchronize_rcu();
    fence_sections();                      /* rcu.S2 */
    THRUM_TELL_ACQUIRE(&thrum_rcu_grace_); /* rcu.R2 */
}

/* --- lists -------------------------------------------------------------------------------------------- */

static thrum_rcu_head *head_at(uint64_t address) {
    return (thrum_rcu_head *)(uintptr_t)address;
}

static uint64_t address_of(const thrum_rcu_head *head) {
    return (uint64_t)(uintptr_t)head;
}

static bool is_helper(void) {
    return thrum_u64_load_relaxed(&helper.id) == thrum_self_id(); /* relaxed: true only for what it stored */
}

/* --- the helper ------------------------------------------------------------------------------------- */

/*
 * Moves what has been retired behind what is in hand: nothing, but for what a helper before has left, or a
 * parent's.
 */
static void take_in_hand(void) {
    thrum_lock_acquire(&guard);
    THRUM_LAW(rcu.I3, is_helper());
    thrum_u32_store_relaxed(&helper.state, IDLE); /* relaxed: rcu.I2 by rcu.R3 */
    /* rcu.R3: acquire, pairs with rcu.R4; release: rcu.I2 */
    thrum_rcu_head *newest = head_at(thrum_u64_exchange_acq_rel(&retired.top, 0));
    thrum_rcu_head *oldest = NULL;
    while (newest) {
        thrum_rcu_head *const older = newest->next_;
        newest->next_ = oldest;
        oldest = newest;
        newest = older;
    }
    /* relaxed, here and below: the helper's own */
    thrum_rcu_head *last = head_at(thrum_u64_load_relaxed(&in_hand));
    while (last && last->next_) last = last->next_;
    if (last)
        last->next_ = oldest;
    else
        thrum_u64_store_relaxed(&in_hand, address_of(oldest));
    thrum_lock_release(&guard);
}

/* rcu.I4. Relaxed: it says how many, not what they did. */
static void count(void) {
    thrum_u64_store_relaxed(&helper.called, called);
}

/*
 * Nobody waits for the callbacks: a thread that has a request to answer may have the processor in between.
 * For a while only: on a busy machine a yield costs whole slices, and a helper that went on yielding would
 * fall behind the writers.
 */
static void call_back(void) {
    const thrum_deadline polite = thrum_after_ms(YIELD_MS);
    for (thrum_rcu_head *head; (head = head_at(thrum_u64_load_relaxed(&in_hand)));) {
        thrum_u64_store_relaxed(&in_hand, address_of(head->next_)); /* rcu.I3 */
        called++;
        THRUM_TELL_OWN_ACQUIRE(head);
        THRUM_NOTHING_LOCKED();
        head->callback_(head);
        if (called % COUNT_EVERY) continue;
        count();
        /* relaxed: a hint */
        if (thrum_u32_load_relaxed(&helper.state) != HURRIED && !thrum_deadline_passed(polite))
            thrum_futex_yield();
    }
    count();
}

static thrum_rcu_callback pass;

/*
 * Before the next marker, which stands for a barrier that waits for the whole of it. A list that is cut by a
 * fork here has the head or has it not.
 */
void thrum_rcu_again_(thrum_rcu_head *head, thrum_rcu_callback *callback) {
    thrum_rcu_head *last = NULL;
    thrum_rcu_head *next = head_at(thrum_u64_load_relaxed(&in_hand)); /* relaxed: the helper's own */
    for (; next && next->callback_ != pass; next = next->next_) last = next;
    head->callback_ = callback;
    head->next_ = next;
    thrum_u64_fetch_add_relaxed(&retired.pushes, 1); /* rcu.I4 */
    if (last)
        last->next_ = head;
    else
        thrum_u64_store_relaxed(&in_hand, address_of(head));
}

/* Holding `guard`, which hands all that the helper has called back to the next one. */
static void leave(void) {
    THRUM_LAW(rcu.I3, thrum_lock_locked(&guard));
    thrum_u64_store_relaxed(&helper.id, 0);
    THRUM_TELL_OWN_RELEASE(&helper);
}

/* Whether the helper ends: unless it is called meanwhile (rcu.I2). */
static bool end(void) {
    uint32_t idle = IDLE;
    thrum_lock_acquire(&guard);                                               /* rcu.I3 */
    const bool ends = thrum_u32_cas_relaxed(&helper.state, &idle, NO_HELPER); /* relaxed: `guard` publishes */
    if (ends) leave();
    thrum_lock_release(&guard);
    return ends;
}

/* Whether it is called; false: it has not been for so long that it has ended. */
static bool wait_for_call(void) {
    const thrum_deadline over = thrum_after_ms(THRUM_RCU_LINGER_MS);
    /* relaxed: take_in_hand acquires */
    while (thrum_u32_load_relaxed(&helper.state) == IDLE) {
        if (!thrum_deadline_passed(over))
            (void)thrum_futex_wait(&helper.state, IDLE, THRUM_FUTEX_ANY, false, over);
        else if (end())
            return false;
    }
    return true;
}

/* Until something is worth a grace period; an early return does no harm. */
static void gather(void) {
    /* relaxed: as above */
    if (thrum_u32_load_relaxed(&helper.state) != CALLED) return;
    (void)thrum_futex_wait(&helper.state, CALLED, THRUM_FUTEX_ANY, false, thrum_after_ms(GATHER_MS));
}

static thrum_result start_helper(void);

/* A callback has ended the thread: another one goes on with what is left. */
static void be_replaced(void *unused) {
    (void)unused;
    thrum_frames_have_ended_(); /* dead_frames.D2 */
    thrum_lock_acquire(&guard);
    count();
    leave();
    thrum_u32_store_relaxed(&helper.state, NO_HELPER);
    (void)start_helper();
    thrum_lock_release(&guard);
}

static void *help(void *unused) {
    thrum_own_thread_begin_();
    thrum_lock_acquire(&guard); /* the starter has said CALLED, and the helper before has left its count */
    thrum_u64_store_relaxed(&helper.id, thrum_self_id());
    THRUM_TELL_OWN_ACQUIRE(&helper); /* what the helper before has called back */
    thrum_lock_release(&guard);
    int before;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before); /* liburcu's wait would leave its locks held */
    pthread_cleanup_push(be_replaced, NULL);
    while (wait_for_call()) {
        gather();
        take_in_hand();
        thrum_rcu_synchronize(); /* rcu.I1 */
        call_back();
    }
    pthread_cleanup_pop(0);
    return unused;
}

/* Holding `guard`. */
static thrum_result start_helper(void) {
    THRUM_LAW(rcu.I3, thrum_lock_locked(&guard));
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes)) return THRUM_NO_MEMORY;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    sigset_t before;
    thrum_own_thread_block_(&before);
    pthread_t thread;
    const int error = pthread_create(&thread, &attributes, help, NULL);
    thrum_own_thread_unblock_(&before);
    pthread_attr_destroy(&attributes);
    if (error) return error == ENOMEM ? THRUM_NO_MEMORY : THRUM_NO_THREAD;
    pthread_setname_np(thread, "thrum-rcu");        /* it is there: it waits for `guard` */
    thrum_u32_store_relaxed(&helper.state, CALLED); /* relaxed: `guard` publishes it to the helper */
    return THRUM_OK;
}

/* --- forks ------------------------------------------------------------------------------------------ */

static void before_fork(void) {
    thrum_lock_acquire(&guard); /* rcu.I3 */
    urcu_bp_before_fork();
}

static void after_fork_in_parent(void) {
    urcu_bp_after_fork_parent();
    thrum_lock_release(&guard);
}

/*
 * Takes the markers out of a list, which lie on the stacks of threads that the child does not have. How many
 * others there are.
 */
static uint64_t without_markers(thrum_u64 *list) {
    uint64_t count = 0;
    thrum_rcu_head *last = NULL;
    /* rcu.R3: acquire, pairs with rcu.R4 */
    for (thrum_rcu_head *head = head_at(thrum_u64_load_acquire(list)); head; head = head->next_) {
        if (head->callback_ != pass) {
            last = head;
            count++;
        } else if (last) {
            last->next_ = head->next_;
        } else {
            thrum_u64_store_relaxed(list, address_of(head->next_)); /* relaxed: there is one thread */
        }
    }
    return count;
}

static void after_fork_in_child(void) {
    urcu_bp_after_fork_child();
    thrum_self_reset_after_fork();
    thrum_profile_reset_after_fork();
    /* relaxed, all of them: there is one thread */
    if (!is_helper()) {
        thrum_u32_store_relaxed(&helper.state, NO_HELPER);
        thrum_u64_store_relaxed(&helper.id, 0);
    }
    thrum_u64_store_relaxed(&retired.pushes, without_markers(&retired.top) + without_markers(&in_hand));
    called = 0;
    count();
    thrum_lock_reset_after_fork(&guard);
}

static bool watch_forks(void) {
    thrum_self_pin_(&guard);
    if (!forks_watched)
        forks_watched = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
    return forks_watched;
}

/*
 * Before main: a program that only reads is to survive a fork, too. And before the upper floors watch forks:
 * of the locks that a fork holds, `guard` is the last one acquired (docs/locks.md).
 */
__attribute__((constructor(1001))) static void watch_forks_early(void) {
    (void)watch_forks();
}

/* --- retires ---------------------------------------------------------------------------------------- */

/* Holding `guard`. */
static thrum_result make_sure_of_helper(void) {
    if (thrum_u32_load_relaxed(&helper.state) != NO_HELPER) return THRUM_OK; /* relaxed: `guard` is held */
    return watch_forks() ? start_helper() : THRUM_NO_MEMORY;
}

thrum_result thrum_rcu_prepare(void) {
    /* relaxed: it says that there is a helper, not what it did */
    if (THRUM_LIKELY(thrum_u32_load_relaxed(&helper.state) != NO_HELPER)) return THRUM_OK;
    THRUM_KEEPS_ERRNO_;
    thrum_lock_acquire(&guard);
    const thrum_result result = make_sure_of_helper();
    thrum_lock_release(&guard);
    return result;
}

/* How many have been pushed. */
static uint64_t push(thrum_rcu_head *head, thrum_rcu_callback *callback) {
    head->callback_ = callback;
    THRUM_TELL_OWN_RELEASE(head);
    /* rcu.I4; relaxed: it only counts */
    const uint64_t pushes = thrum_u64_fetch_add_relaxed(&retired.pushes, 1) + 1;
    uint64_t top = thrum_u64_load_relaxed(&retired.top); /* relaxed: the swap checks it */
    do {
        head->next_ = head_at(top);
        /*
         * rcu.R4: release, pairs with rcu.R3; acquire, for rcu.I2: the look at the state follows the taking
         *     before it
         */
    } while (!thrum_u64_cas_acq_rel(&retired.top, &top, address_of(head)));
    return pushes;
}

/* rcu.I2. After a push. */
static void call_helper(void) {
    uint32_t state = thrum_u32_load_relaxed(&helper.state); /* relaxed: rcu.R4 has ordered it */
    if (THRUM_LIKELY(state >= CALLED)) return;
    state = IDLE;
    if (thrum_u32_cas_relaxed(&helper.state, &state, CALLED)) /* relaxed: rcu.I2 by rcu.R3 and rcu.R4 */
        thrum_futex_wake(&helper.state, 1, THRUM_FUTEX_ANY, false);
    else if (state == NO_HELPER)
        THRUM_IGNORE_(thrum_rcu_prepare());
}

/* rcu.I4; relaxed: as above. */
static int64_t backlog_of(uint64_t pushes) {
    return (int64_t)(pushes - thrum_u64_load_relaxed(&helper.called));
}

static int64_t backlog(void) {
    return backlog_of(thrum_u64_load_relaxed(&retired.pushes));
}

/* Relaxed: it says that a taking is to come at once, and the push before it is ordered by rcu.R4. */
static void hurry(void) {
    uint32_t state = thrum_u32_load_relaxed(&helper.state);
    if (state == CALLED && thrum_u32_cas_relaxed(&helper.state, &state, HURRIED))
        thrum_futex_wake(&helper.state, 1, THRUM_FUTEX_ANY, false);
}

void thrum_rcu_wait_for_room_(void) {
    if (THRUM_LIKELY(backlog() <= HURRY)) return;
    hurry();
    if (backlog() <= THRUM_RCU_BACKLOG || thrum_rcu_is_reading_() || is_helper()) return; /* rcu.I4 */
    THRUM_NOTHING_LOCKED();
    const thrum_deadline patience = thrum_after_ms(PATIENCE_MS);
    while (backlog() > THRUM_RCU_BACKLOG && !thrum_deadline_passed(patience))
        thrum_futex_nap(thrum_deadline_earlier(patience, thrum_after_us(LOOK_US)));
}

void thrum_rcu_retire(thrum_rcu_head *head, thrum_rcu_callback *callback) {
    const uint64_t pushes = push(head, callback);
    call_helper();
    if (THRUM_UNLIKELY(backlog_of(pushes) > HURRY)) thrum_rcu_wait_for_room_();
}

struct marker {
    thrum_rcu_head head;
    thrum_event passed;
};

static void pass(thrum_rcu_head *head) {
    struct marker *const marker = (struct marker *)head;
    THRUM_TELL_OWN_RELEASE(marker);
    thrum_event_set(&marker->passed);
}

/* The helper cannot end between the two: it would need `guard`. */
thrum_result thrum_rcu_barrier(void) {
    struct marker marker = {.passed = THRUM_EVENT_INIT};
    THRUM_KEEPS_ERRNO_;
    thrum_lock_acquire(&guard);
    const thrum_result result = make_sure_of_helper();
    if (result == THRUM_OK) {
        (void)push(&marker.head, pass);
        call_helper();
    }
    thrum_lock_release(&guard);
    if (result != THRUM_OK) return result;
    hurry();
    thrum_event_wait(&marker.passed);
    THRUM_TELL_OWN_ACQUIRE(&marker);
    return THRUM_OK;
}
