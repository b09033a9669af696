/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. The order of the library's own locks, checked. docs/locks.md states the order and why it holds;
 * the table in rcu_inner_lock.c is the same one.
 *
 * The debug build includes this file before each source of floors 3 to 5: each acquire there is checked
 * against what the thread holds. A lock without a row in the table, and one that is acquired after a later
 * one, ends the process with a message that names the locks. Other builds know nothing of it, and neither
 * does the explorer. What would acquire unseen, THRUM_WITH, does not compile here.
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

/* `file` is a source's name, and `expression` how it names the lock. */
void thrum_inner_acquire_(const void *lock, const char *file, const char *expression);
void thrum_inner_release_(const void *lock);
void thrum_inner_reset_(const void *lock);
/* Before a function of the caller's is called, and before a wait for one. */
void thrum_inner_none_(const char *file, int line);

#define thrum_lock_acquire(lock) (thrum_inner_acquire_(lock, __FILE__, #lock), thrum_lock_acquire(lock))
#define thrum_lock_release(lock) (thrum_inner_release_(lock), thrum_lock_release(lock))
#define thrum_lock_reset_after_fork(lock) (thrum_inner_reset_(lock), thrum_lock_reset_after_fork(lock))
#define thrum_rlock_acquire(lock) (thrum_inner_acquire_(lock, __FILE__, #lock), thrum_rlock_acquire(lock))
#define thrum_rlock_release(lock) (thrum_inner_release_(lock), thrum_rlock_release(lock))
#define thrum_rlock_reset_after_fork(lock) (thrum_inner_reset_(lock), thrum_rlock_reset_after_fork(lock))
#undef THRUM_WITH
#define THRUM_WITH(object) the_check_of_inner_locks_does_not_see_this
#define THRUM_NOTHING_LOCKED() thrum_inner_none_(__FILE__, __LINE__)

#endif
