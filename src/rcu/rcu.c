/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. Read sections are liburcu's (rcu_read.c); the helper that runs callbacks is ours (the header says
 * why).
 *
 * What has been retired goes three ways: a retire pushes it onto `retired`; the helper, in its turn, moves
 * the whole stack to `in_hand`, oldest first; after a grace period it takes them from there and calls them
 * back.
 *
 * I1: whatever is in `in_hand` when a grace period begins has been retired before it: both moves happen in
 *     the helper, the first before the period, the second after it.
 * I2: whoever pushes sets `work` after it, and the helper clears `work` before it takes the stack. So a push
 *     that the taking missed finds `work` clear, sets it, and the helper comes again. A set that finds it set
 *     publishes the push as well.
 * I3: `turn` is held while anything moves or is called back, and while a helper is made. A fork takes it, so
 *     that the child finds every head in one of the two places and none half called back; the child has
 *     no helper, and what it finds it hands to the one that it makes itself.
 * I4: `has_helper` is true only while a helper lives in this process: it never ends by itself.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../atomic/tell.h"
#include "grace.h"
#include "own_thread.h"

#include <errno.h>
#include <pthread.h>
#include <thrum/event.h>
#include <thrum/futex.h>
#include <thrum/lock.h>
#include <thrum/rcu.h>
#include <thrum/self.h>
#include <urcu/urcu-bp.h>

/* How long the helper gathers before it begins a grace period; it bounds the wakes that retires make. */
#define GATHER_MS 10
/* So many callbacks take some microseconds. The helper yields after them, in a batch's first YIELD_MS. */
#define YIELD_EVERY 32
#define YIELD_MS 10
/* The helper calls back and nothing else. */
#define HELPER_STACK ((size_t)256 * 1024)

static thrum_u64 retired; /* a stack of thrum_rcu_head, its top as a number */
static thrum_event work;
static thrum_lock turn;
static thrum_rcu_head *in_hand; /* `turn` guards it */
static thrum_u32 has_helper;    /* `turn` guards its changes */
static bool forks_watched;

void thrum_rcu_synchronize(void) {
    const int saved = errno;
    urcu_bp_synchronize_rcu();
    THRUM_TELL_ACQUIRE(&thrum_rcu_grace_); /* R2 */
    errno = saved;
}

/* Moves what has been retired behind what is in hand. In its turn. */
static void take_in_hand(void) {
    /* R3: acquire, pairs with R4 */
    thrum_rcu_head *newest = (thrum_rcu_head *)(uintptr_t)thrum_u64_exchange_acquire(&retired, 0);
    thrum_rcu_head *oldest = NULL;
    while (newest) {
        thrum_rcu_head *const older = newest->next_;
        newest->next_ = oldest;
        oldest = newest;
        newest = older;
    }
    thrum_rcu_head **end = &in_hand;
    while (*end) end = &(*end)->next_;
    *end = oldest;
}

/*
 * Nobody waits for the callbacks; who has a request to answer may have the processor in between. For a while
 * only: on a busy machine a yield costs whole slices, and a helper that went on yielding would fall behind
 * those who retire, without bound.
 */
static void call_back(void) {
    const thrum_deadline polite = thrum_after_ms(YIELD_MS);
    for (unsigned called = 1; in_hand; called++) {
        thrum_rcu_head *const head = in_hand;
        in_hand = head->next_;
        THRUM_TELL_OWN_ACQUIRE(head);
        head->callback_(head);
        if (called % YIELD_EVERY == 0 && !thrum_deadline_passed(polite)) thrum_futex_yield();
    }
}

static void *help(void *unused) {
    thrum_own_thread_begin_();
    for (;;) {
        thrum_event_wait(&work);
        thrum_futex_nap(thrum_after_ms(GATHER_MS));
        thrum_lock_acquire(&turn);
        thrum_event_clear(&work); /* I2 */
        take_in_hand();
        thrum_lock_release(&turn);
        thrum_rcu_synchronize(); /* I1 */
        thrum_lock_acquire(&turn);
        call_back();
        thrum_lock_release(&turn);
    }
    return unused;
}

static void before_fork(void) {
    thrum_lock_acquire(&turn); /* I3 */
    urcu_bp_before_fork();
}

static void after_fork_in_parent(void) {
    urcu_bp_after_fork_parent();
    thrum_lock_release(&turn);
}

static void after_fork_in_child(void) {
    urcu_bp_after_fork_child();
    thrum_self_reset_after_fork();
    thrum_u32_store_relaxed(&has_helper, 0); /* I4; relaxed: there is one thread */
    thrum_event_reset_after_fork(&work);
    if (in_hand || thrum_u64_load_relaxed(&retired)) thrum_event_set(&work);
    thrum_lock_reset_after_fork(&turn);
}

static bool watch_forks(void) {
    thrum_self_pin_(&turn);
    if (!forks_watched)
        forks_watched = pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child) == 0;
    return forks_watched;
}

/* Before main: who only reads is to survive a fork, too. */
__attribute__((constructor)) static void watch_forks_early(void) {
    (void)watch_forks();
}

static thrum_result make_helper(void) {
    if (!watch_forks()) return THRUM_NO_MEMORY;
    pthread_attr_t attributes;
    if (pthread_attr_init(&attributes)) return THRUM_NO_MEMORY;
    (void)pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
    (void)pthread_attr_setstacksize(&attributes, HELPER_STACK);
    sigset_t before;
    thrum_own_thread_block_(&before);
    pthread_t helper;
    const int error = pthread_create(&helper, &attributes, help, NULL);
    thrum_own_thread_unblock_(&before);
    pthread_attr_destroy(&attributes);
    if (error) return error == ENOMEM ? THRUM_NO_MEMORY : THRUM_NO_THREAD;
    pthread_setname_np(helper, "thrum-rcu");
    thrum_u32_store_relaxed(&has_helper, 1); /* relaxed: it says that the helper exists, not what it did */
    return THRUM_OK;
}

thrum_result thrum_rcu_prepare(void) {
    if (THRUM_LIKELY(thrum_u32_load_relaxed(&has_helper))) return THRUM_OK; /* relaxed: as above */
    const int saved = errno;
    thrum_lock_acquire(&turn);
    const thrum_result result = thrum_u32_load_relaxed(&has_helper) ? THRUM_OK : make_helper();
    thrum_lock_release(&turn);
    errno = saved;
    return result;
}

void thrum_rcu_retire(thrum_rcu_head *head, thrum_rcu_callback *callback) {
    head->callback_ = callback;
    THRUM_TELL_OWN_RELEASE(head);
    uint64_t top = thrum_u64_load_relaxed(&retired); /* relaxed: the swap checks it */
    do {
        head->next_ = (thrum_rcu_head *)(uintptr_t)top;
    } while (
        !thrum_u64_cas_release(&retired, &top, (uint64_t)(uintptr_t)head)); /* R4: release, pairs with R3 */
    thrum_event_set(&work);                                                 /* I2 */
    (void)!thrum_rcu_prepare();
}

struct marker {
    thrum_rcu_head head;
    thrum_event passed;
};

static void pass(thrum_rcu_head *head) {
    thrum_event_set(&((struct marker *)head)->passed);
}

thrum_result thrum_rcu_barrier(void) {
    const thrum_result result = thrum_rcu_prepare();
    if (result != THRUM_OK) return result;
    struct marker marker = {.passed = THRUM_EVENT_INIT};
    thrum_rcu_retire(&marker.head, pass);
    thrum_event_wait(&marker.passed);
    THRUM_TELL_ACQUIRE(&thrum_rcu_grace_);
    return THRUM_OK;
}
