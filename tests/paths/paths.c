/* SPDX-License-Identifier: MIT */
/* The uncontended paths that are inlined into programs. tests/paths_test.sh reads their instructions. */
#include <thrum/event.h>
#include <thrum/latch.h>
#include <thrum/lock.h>
#include <thrum/once.h>
#include <thrum/rlock.h>
#include <thrum/rwlock.h>
#include <thrum/self.h>
#include <thrum/semaphore.h>

#define PATH(name, arguments, ...) \
    void name(arguments);          \
    void name(arguments) {         \
        __VA_ARGS__;               \
    }

PATH(lock_acquire, thrum_lock *lock, thrum_lock_acquire(lock))
PATH(lock_acquire_until, thrum_lock *lock, (void)!thrum_lock_acquire_until(lock, THRUM_NOW))
PATH(lock_release, thrum_lock *lock, thrum_lock_release(lock))
PATH(rlock_acquire, thrum_rlock *rlock, (void)thrum_rlock_acquire(rlock))
PATH(rlock_release, thrum_rlock *rlock, (void)thrum_rlock_release(rlock))
PATH(rwlock_acquire_read, thrum_rwlock *rwlock, thrum_rwlock_acquire_read(rwlock))
PATH(rwlock_release_read, thrum_rwlock *rwlock, (void)thrum_rwlock_release_read(rwlock))
PATH(rwlock_acquire_write, thrum_rwlock *rwlock, thrum_rwlock_acquire_write(rwlock))
PATH(rwlock_release_write, thrum_rwlock *rwlock, (void)thrum_rwlock_release_write(rwlock))
PATH(semaphore_acquire, thrum_semaphore *semaphore, thrum_semaphore_acquire(semaphore))
PATH(semaphore_release, thrum_semaphore *semaphore, (void)thrum_semaphore_release(semaphore))
PATH(event_set, thrum_event *event, thrum_event_set(event))
PATH(event_wait, thrum_event *event, thrum_event_wait(event))
PATH(latch_count_down, thrum_latch *latch, thrum_latch_count_down(latch))
PATH(latch_wait, thrum_latch *latch, thrum_latch_wait(latch))
PATH(self_id, uint64_t *id, *id = thrum_self_id())
