/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. The order of the library's own locks, checked. docs/locks.md states the order and why it holds;
 * each lock has its rank beside it (rank.h).
 *
 * The debug build includes this file before each source of floors 3 to 5: each acquire there is checked
 * against what the thread holds. A lock whose rank the source does not see, and one that is acquired after a
 * later one, ends the process with a message that names the locks. Other builds know nothing of it, and
 * neither does the explorer. What would acquire unseen, THRUM_WITH, does not compile here.
 */
#ifndef THRUM_SRC_RCU_INNER_LOCK_H
#define THRUM_SRC_RCU_INNER_LOCK_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
/* Whatever calls these functions itself, before the names are changed. */
#include <thrum/all.h>
#include <thrum/cond.h>
#include <thrum/lock.h>
#include <thrum/monitor.h>
#include <thrum/rlock.h>
#include <thrum/with.h>

/* A source's word for a lock, and the lock's rank. The linker makes a table of all of them. */
typedef struct thrum_rank_ {
    unsigned rank;
    const char *file, *lock;
} thrum_rank_;

#define THRUM_RANK(number, lock) THRUM_RANK_1_(number, lock, __COUNTER__)
#define THRUM_RANK_1_(number, lock, count) THRUM_RANK_2_(number, lock, count)
#define THRUM_RANK_2_(number, lock, count)                                                                  \
    static const thrum_rank_ thrum_rank_##count##_ = {(number), __BASE_FILE__, #lock};                      \
    static const thrum_rank_ *const thrum_ranked_##count##_ __attribute__((used, section("thrum_ranks"))) = \
        &thrum_rank_##count##_

/* `file` is a source's name, and `expression` how it names the lock. */
void thrum_inner_acquire_(const void *lock, const char *file, const char *expression);
void thrum_inner_release_(const void *lock);
void thrum_inner_reset_(const void *lock);
/* Before a function of the caller's is called, and before a wait for one. */
void thrum_inner_none_(const char *file, int line);

#define thrum_lock_acquire(lock) (thrum_inner_acquire_(lock, __BASE_FILE__, #lock), thrum_lock_acquire(lock))
#define thrum_lock_release(lock) (thrum_inner_release_(lock), thrum_lock_release(lock))
#define thrum_lock_reset_after_fork(lock) (thrum_inner_reset_(lock), thrum_lock_reset_after_fork(lock))
#define thrum_rlock_acquire(lock) \
    (thrum_inner_acquire_(lock, __BASE_FILE__, #lock), thrum_rlock_acquire(lock))
#define thrum_rlock_release(lock) (thrum_inner_release_(lock), thrum_rlock_release(lock))
#define thrum_rlock_reset_after_fork(lock) (thrum_inner_reset_(lock), thrum_rlock_reset_after_fork(lock))
#undef THRUM_WITH
#define THRUM_WITH(object) the_check_of_inner_locks_does_not_see_this
#define THRUM_NOTHING_LOCKED() thrum_inner_none_(__FILE__, __LINE__)

#endif
