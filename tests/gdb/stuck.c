/* SPDX-License-Identifier: MIT */
/* Two threads that wait for each other, then an end that a debugger and a core file show. */
#include "start.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <thrum.h>

/* What tools/gdb/thrum-gdb.py knows of the layout. */
#define AT(member, place) \
    _Static_assert(offsetof(thrum_self_state_, member) == (place), "the script knows it elsewhere")
AT(id, 0);
AT(innermost, 8);
AT(waits.kind, 28);
AT(waits.object, 32);
AT(waits.site, 40);
AT(waits.since_ns, 48);
AT(waits.waited_ns, 56);
_Static_assert(offsetof(thrum_guard_, object) == 8 && offsetof(thrum_guard_, outer) == 16, "a guard");
_Static_assert(offsetof(thrum_rlock, owner) == 8, "an rlock");
_Static_assert(THRUM_EVENT_SET_ == 1 && THRUM_EVENT_WAITERS_ == 1u << 31, "an event");
_Static_assert(THRUM_ONCE_DONE_ == 1 && THRUM_ONCE_RUNNING_ == 2, "a once");
_Static_assert(THRUM_RWLOCK_WRITER_ == 2 && THRUM_RWLOCK_CLOSED_ == 4 && THRUM_RWLOCK_READER_ == 16,
               "a rwlock");
_Static_assert(THRUM_LOCK_HEIR_ == 1 << 9 && THRUM_LOCK_WAITERS_ == 1 << 10 && THRUM_LOCK_CLOSED_ == 1 << 11,
               "a lock");

thrum_rlock ledger;
thrum_lock journal, nobodys;
thrum_semaphore permits = THRUM_SEMAPHORE_INIT(3);
thrum_event happened;
thrum_rwlock read_by_one, written;
thrum_once never_run;
thrum_cond changed = THRUM_COND_INIT(&nobodys);
thrum_monitor own;
thrum_bounded_semaphore slots = THRUM_BOUNDED_SEMAPHORE_INIT(4);
thrum_spinlock spin;
thrum_counter below_zero;
thrum_seqlock position;
thrum_barrier of_two = THRUM_BARRIER_INIT(2);
thrum_deadline never = {UINT64_MAX};
thrum_latch two_more = THRUM_LATCH_INIT(2);
static thrum_barrier both_hold_one = THRUM_BARRIER_INIT(2);

static void *book(void *unused) {
    THRUM_WITH(&ledger) {
        if (thrum_barrier_wait(&both_hold_one, NULL) != THRUM_OK) abort();
        THRUM_WITH(&journal) abort();
    }
    return unused;
}

static void *audit(void *unused) {
    THRUM_WITH(&journal) {
        if (thrum_barrier_wait(&both_hold_one, NULL) != THRUM_OK) abort();
        THRUM_WITH(&ledger) abort();
    }
    return unused;
}

static void *wait_for_a_change(void *unused) {
    (void)thrum_monitor_acquire(&own);
    if (thrum_monitor_wait(&own) != THRUM_OK) abort();
    return unused;
}

static void *meet_alone(void *unused) {
    if (thrum_barrier_wait(&of_two, NULL) != THRUM_OK) abort();
    return unused;
}

int main(void) {
    char text[80];
    start(book, "book");
    start(audit, "audit");
    start(wait_for_a_change, "change");
    start(meet_alone, "alone");
    thrum_event_set(&happened);
    thrum_rwlock_acquire_read(&read_by_one);
    thrum_rwlock_acquire_write(&written);
    thrum_counter_add(&below_zero, -3);
    unsigned waiting;
    do {
        (void)thrum_monitor_acquire(&own);
        waiting = thrum_monitor_waiters(&own);
        (void)thrum_monitor_release(&own);
        thrum_futex_nap(thrum_after_ms(20));
    } while (!waiting || !thrum_barrier_waiting(&of_two));
    do {
        thrum_futex_nap(thrum_after_ms(20));
        thrum_rlock_describe(&ledger, text, sizeof text);
        if (!strstr(text, "waited for")) continue;
        thrum_lock_describe(&journal, text, sizeof text);
    } while (!strstr(text, "waited for"));
    thrum_futex_nap(thrum_after_ms(20));
    abort();
}
