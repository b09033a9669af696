/* SPDX-License-Identifier: MIT */
/* Floor 3. What the rooms of this floor know of retires beyond thrum/rcu.h. */
#ifndef THRUM_SRC_RCU_RETIRE_H
#define THRUM_SRC_RCU_RETIRE_H

#include <thrum/rcu.h>

/*
 * So much may be retired and not yet called back before a retire waits; an exploration makes it small. Values
 * of 64 bytes come to 4 MB, and a million retires cost what they do unbounded (rcu/retire_and_call_back).
 */
#ifndef THRUM_RCU_BACKLOG
#define THRUM_RCU_BACKLOG 32768
#endif

/*
 * How long the helper lasts when nothing is retired; most explorations let it last. A retire that starts one
 * takes some 30 to 100 us, so that starts cost a thousandth of the time at most.
 */
#ifndef THRUM_RCU_LINGER_MS
#define THRUM_RCU_LINGER_MS 100
#endif

/* The debug build checks it: inner_lock.h. */
#ifndef THRUM_NOTHING_LOCKED
#define THRUM_NOTHING_LOCKED() ((void)0)
#endif

/* For a caller that has retired in its own read section: waits after the section, as a retire does. */
void thrum_rcu_wait_for_room_(void);

/*
 * For a callback: it is called back again, after those that are next. So what takes long goes in pieces, and
 * delays others less.
 */
void thrum_rcu_again_(thrum_rcu_head *head, thrum_rcu_callback *callback);

/* rcu_read.c. Whether the calling thread is in a read section. */
bool thrum_rcu_is_reading_(void);
/* Makes sure that liburcu does not call membarrier; before each wait, for its constructor may be late. */
void thrum_rcu_tell_liburcu_(void);

#endif
