/* SPDX-License-Identifier: MIT */
/*
 * with: holds an object for the length of a block and releases it on every way out; Python's `with`.
 *
 *     THRUM_WITH(&accounts) {
 *         if (!valid(amount)) return false;                     // releases it
 *         balance += amount;
 *     }                                                         // releases it
 *
 * It takes a pointer to any object that can be acquired: thrum_lock, thrum_rlock, thrum_all, thrum_cond,
 * thrum_monitor, thrum_spinlock, thrum_semaphore, thrum_bounded_semaphore. THRUM_WITH_READ and
 * THRUM_WITH_WRITE take a thrum_rwlock or thrum_sharded_rwlock. The expression is evaluated once. Where the
 * acquire is refused (an rlock too deep, a condition without a lock) the block is skipped.
 *
 * Every way out releases it: falling off the end, `break`, `continue`, `return`, `goto`, a C++
 * exception, thrum_thread_exit and thrum_thread_fail (thrum/thread.h), and another end of the thread
 * if it drains its guards first (thrum_self_release_guards in thrum/self.h). `break` and `continue`
 * inside leave only this block, never a loop around it: the block is a loop of its own that runs
 * once. `longjmp` across it is undefined.
 *
 *     THRUM_HOLD(&accounts);                                    // until the enclosing scope ends
 *
 *     thrum_result result;
 *     THRUM_WITH_UNTIL(&accounts, thrum_after_ms(5), &result) { balance += amount; }
 *     if (result != THRUM_OK) ...                               // THRUM_TIMEOUT: the body was skipped
 *
 * Memory order: as the object's own acquire and release; so is who may call. Not in signal handlers.
 */
#ifndef THRUM_WITH_H
#define THRUM_WITH_H

#include <thrum/all.h>
#include <thrum/cond.h>
#include <thrum/lock.h>
#include <thrum/monitor.h>
#include <thrum/rlock.h>
#include <thrum/rwlock.h>
#include <thrum/self.h>
#include <thrum/semaphore.h>
#include <thrum/spinlock.h>

THRUM_BEGIN_QUIET_

/*
 * One line for each type that can be acquired. `acquired` is an expression that acquires the object and says
 * whether it did; `until` and `release` are the functions that do that.
 */
#define THRUM_GUARD_DEFINE_AS_(name, type, acquired, until, release)                                    \
    THRUM_INLINE void thrum_guard_release_##name##_(void *object) {                                     \
        (void)release((type *)object);                                                                  \
    }                                                                                                   \
    THRUM_INLINE THRUM_MUST_USE thrum_guard_ thrum_guard_acquire_##name##_(type *object) {              \
        const thrum_guard_ guard = {thrum_guard_release_##name##_, (acquired) ? object : NULL, NULL};   \
        return guard;                                                                                   \
    }                                                                                                   \
    THRUM_INLINE THRUM_MUST_USE thrum_guard_ thrum_guard_acquire_until_##name##_(                       \
        type *object, thrum_deadline deadline, thrum_result *result) {                                  \
        *result = until(object, deadline);                                                              \
        const thrum_guard_ guard = {thrum_guard_release_##name##_, *result == THRUM_OK ? object : NULL, \
                                    NULL};                                                              \
        return guard;                                                                                   \
    }

/* The name of the type and the prefix of its verbs are the same. */
#define THRUM_GUARD_DEFINE_(type) \
    THRUM_GUARD_DEFINE_AS_(type, type, (type##_acquire(object), true), type##_acquire_until, type##_release)
/* Its acquire returns a result and may be refused. */
#define THRUM_GUARD_DEFINE_REFUSING_(type)                                                       \
    THRUM_GUARD_DEFINE_AS_(type, type, type##_acquire(object) == THRUM_OK, type##_acquire_until, \
                           type##_release)
/* It can be held in two ways. */
#define THRUM_GUARD_DEFINE_SIDE_(type, side)                                           \
    THRUM_GUARD_DEFINE_AS_(side##_##type, type, (type##_acquire_##side(object), true), \
                           type##_acquire_##side##_until, type##_release_##side)

THRUM_GUARD_DEFINE_(thrum_lock)
THRUM_GUARD_DEFINE_(thrum_spinlock)
THRUM_GUARD_DEFINE_(thrum_semaphore)
THRUM_GUARD_DEFINE_(thrum_bounded_semaphore)
THRUM_GUARD_DEFINE_REFUSING_(thrum_rlock)
THRUM_GUARD_DEFINE_REFUSING_(thrum_cond)
THRUM_GUARD_DEFINE_REFUSING_(thrum_monitor)
THRUM_GUARD_DEFINE_SIDE_(thrum_rwlock, read)
THRUM_GUARD_DEFINE_SIDE_(thrum_rwlock, write)
THRUM_GUARD_DEFINE_SIDE_(thrum_sharded_rwlock, read)
THRUM_GUARD_DEFINE_SIDE_(thrum_sharded_rwlock, write)
THRUM_GUARD_DEFINE_AS_(thrum_all, thrum_all, thrum_acquire_all(object) == THRUM_OK, thrum_acquire_all_until,
                       thrum_release_all)

/* What the compiler says of a rwlock that no side is named for. */
#define THRUM_GUARD_NEEDS_SIDE_                                                                   \
    "a rwlock is held for reading or for writing: write THRUM_WITH_READ or THRUM_WITH_WRITE (or " \
    "THRUM_HOLD_READ, "                                                                           \
    "THRUM_HOLD_WRITE)"

#ifdef __cplusplus
#define THRUM_GUARD_OVERLOAD_AS_(side, name, type)                                                    \
    THRUM_INLINE thrum_guard_ thrum_guard_acquire_##side(type *object) {                              \
        return thrum_guard_acquire_##name##_(object);                                                 \
    }                                                                                                 \
    THRUM_INLINE thrum_guard_ thrum_guard_acquire_until_##side(type *object, thrum_deadline deadline, \
                                                               thrum_result *result) {                \
        return thrum_guard_acquire_until_##name##_(object, deadline, result);                         \
    }
#define THRUM_GUARD_OVERLOAD_(type) THRUM_GUARD_OVERLOAD_AS_(, type, type)
#define THRUM_GUARD_OVERLOAD_SIDES_(type)              \
    THRUM_GUARD_OVERLOAD_AS_(read_, read_##type, type) \
    THRUM_GUARD_OVERLOAD_AS_(write_, write_##type, type)
THRUM_GUARD_OVERLOAD_(thrum_lock)
THRUM_GUARD_OVERLOAD_(thrum_spinlock)
THRUM_GUARD_OVERLOAD_(thrum_semaphore)
THRUM_GUARD_OVERLOAD_(thrum_bounded_semaphore)
THRUM_GUARD_OVERLOAD_(thrum_rlock)
THRUM_GUARD_OVERLOAD_(thrum_cond)
THRUM_GUARD_OVERLOAD_(thrum_monitor)
THRUM_GUARD_OVERLOAD_(thrum_all)
THRUM_GUARD_OVERLOAD_SIDES_(thrum_rwlock)
THRUM_GUARD_OVERLOAD_SIDES_(thrum_sharded_rwlock)
#define THRUM_GUARD_REFUSE_(type)                                                                    \
    __attribute__((unavailable(THRUM_GUARD_NEEDS_SIDE_))) thrum_guard_ thrum_guard_acquire_(type *); \
    __attribute__((unavailable(THRUM_GUARD_NEEDS_SIDE_))) thrum_guard_ thrum_guard_acquire_until_(   \
        type *, thrum_deadline, thrum_result *);
THRUM_GUARD_REFUSE_(thrum_rwlock)
THRUM_GUARD_REFUSE_(thrum_sharded_rwlock)
#undef THRUM_GUARD_REFUSE_
#else
/* clang-format off */
#define THRUM_GUARD_SELECT_(verb, object)                                                          \
    _Generic((object),                                                                             \
        thrum_lock *: thrum_guard_##verb##_thrum_lock_,                                            \
        thrum_spinlock *: thrum_guard_##verb##_thrum_spinlock_,                                    \
        thrum_semaphore *: thrum_guard_##verb##_thrum_semaphore_,                                  \
        thrum_bounded_semaphore *: thrum_guard_##verb##_thrum_bounded_semaphore_,                  \
        thrum_rlock *: thrum_guard_##verb##_thrum_rlock_,                                          \
        thrum_all *: thrum_guard_##verb##_thrum_all_,                                              \
        thrum_cond *: thrum_guard_##verb##_thrum_cond_,                                            \
        thrum_monitor *: thrum_guard_##verb##_thrum_monitor_,                                      \
        thrum_rwlock *: thrum_guard_##verb##_read_thrum_rwlock_,                                   \
        thrum_sharded_rwlock *: thrum_guard_##verb##_read_thrum_sharded_rwlock_)
#define THRUM_GUARD_SELECT_SIDE_(verb, object)                                                     \
    _Generic((object),                                                                             \
        thrum_rwlock *: thrum_guard_##verb##_thrum_rwlock_,                                        \
        thrum_sharded_rwlock *: thrum_guard_##verb##_thrum_sharded_rwlock_)
#define THRUM_GUARD_CHECK_(object)                                                                 \
    ((void)sizeof(struct {                                                                         \
        _Static_assert(_Generic((object), thrum_rwlock *: 0, thrum_sharded_rwlock *: 0, default: 1), \
                       THRUM_GUARD_NEEDS_SIDE_);                                                   \
        char any;                                                                                  \
    }))
/* clang-format on */
#define thrum_guard_acquire_(object) \
    (THRUM_GUARD_CHECK_(object), THRUM_GUARD_SELECT_(acquire, object)(object))
#define thrum_guard_acquire_until_(object, deadline, result) \
    (THRUM_GUARD_CHECK_(object), THRUM_GUARD_SELECT_(acquire_until, object)(object, deadline, result))
#define thrum_guard_acquire_read_(object) THRUM_GUARD_SELECT_SIDE_(acquire_read, object)(object)
#define thrum_guard_acquire_write_(object) THRUM_GUARD_SELECT_SIDE_(acquire_write, object)(object)
#define thrum_guard_acquire_until_read_(object, deadline, result) \
    THRUM_GUARD_SELECT_SIDE_(acquire_until_read, object)(object, deadline, result)
#define thrum_guard_acquire_until_write_(object, deadline, result) \
    THRUM_GUARD_SELECT_SIDE_(acquire_until_write, object)(object, deadline, result)
#endif

/*
 * What a block's guard holds, for clang's thread-safety analysis (thrum/cpu.h). A build for it names the
 * object once more: the expression is evaluated twice.
 */
#if THRUM_ANALYSED_
#ifdef __cplusplus
#define THRUM_ASSUME_NAME_(side, type) thrum_assume_##side
#else
#define THRUM_ASSUME_NAME_(side, type) thrum_assume_##side##type##_
#endif
#define THRUM_ASSUME_DEFINE_(side, type, assumes)                                         \
    THRUM_INLINE bool THRUM_ASSUME_NAME_(side, type)(const type *object) assumes(object); \
    THRUM_INLINE bool THRUM_ASSUME_NAME_(side, type)(const type *object) {                \
        (void)object;                                                                     \
        return true;                                                                      \
    }
/* The analysis knows nothing of a condition's lock, of the locks of a set, of permits. */
#define THRUM_ASSUMES_NOTHING_(object)
THRUM_ASSUME_DEFINE_(, thrum_lock, THRUM_ASSUMES_)
THRUM_ASSUME_DEFINE_(, thrum_spinlock, THRUM_ASSUMES_)
THRUM_ASSUME_DEFINE_(, thrum_rlock, THRUM_ASSUMES_)
THRUM_ASSUME_DEFINE_(, thrum_monitor, THRUM_ASSUMES_)
THRUM_ASSUME_DEFINE_(, thrum_all, THRUM_ASSUMES_NOTHING_)
THRUM_ASSUME_DEFINE_(, thrum_cond, THRUM_ASSUMES_NOTHING_)
THRUM_ASSUME_DEFINE_(, thrum_semaphore, THRUM_ASSUMES_NOTHING_)
THRUM_ASSUME_DEFINE_(, thrum_bounded_semaphore, THRUM_ASSUMES_NOTHING_)
THRUM_ASSUME_DEFINE_(read_, thrum_rwlock, THRUM_ASSUMES_READ_)
THRUM_ASSUME_DEFINE_(read_, thrum_sharded_rwlock, THRUM_ASSUMES_READ_)
THRUM_ASSUME_DEFINE_(write_, thrum_rwlock, THRUM_ASSUMES_)
THRUM_ASSUME_DEFINE_(write_, thrum_sharded_rwlock, THRUM_ASSUMES_)
#ifndef __cplusplus
/* clang-format off */
#define thrum_assume_(object)                                                                      \
    _Generic((object),                                                                             \
        thrum_lock *: thrum_assume_thrum_lock_,                                                    \
        thrum_spinlock *: thrum_assume_thrum_spinlock_,                                            \
        thrum_rlock *: thrum_assume_thrum_rlock_,                                                  \
        thrum_monitor *: thrum_assume_thrum_monitor_,                                              \
        thrum_all *: thrum_assume_thrum_all_,                                                      \
        thrum_cond *: thrum_assume_thrum_cond_,                                                    \
        thrum_semaphore *: thrum_assume_thrum_semaphore_,                                          \
        thrum_bounded_semaphore *: thrum_assume_thrum_bounded_semaphore_)(object)
#define THRUM_ASSUME_SIDE_(side, object)                                                           \
    _Generic((object),                                                                             \
        thrum_rwlock *: thrum_assume_##side##_thrum_rwlock_,                                       \
        thrum_sharded_rwlock *: thrum_assume_##side##_thrum_sharded_rwlock_)(object)
/* clang-format on */
#define thrum_assume_read_(object) THRUM_ASSUME_SIDE_(read, object)
#define thrum_assume_write_(object) THRUM_ASSUME_SIDE_(write, object)
#endif
#else
#define thrum_assume_(object) true
#define thrum_assume_read_(object) true
#define thrum_assume_write_(object) true
#endif

/*
 * Tells clang's thread-safety analysis (thrum/cpu.h) that the object is held from here on, by an acquire that
 * it does not follow. Nothing elsewhere.
 */
#define THRUM_ASSUME_HELD(object) ((void)thrum_assume_(object))
#define THRUM_ASSUME_HELD_READ(object) ((void)thrum_assume_read_(object))
#define THRUM_ASSUME_HELD_WRITE(object) ((void)thrum_assume_write_(object))

/* Links a guard that holds something; says whether it does. */
THRUM_INLINE bool thrum_guard_link_(thrum_guard_ *guard) {
    if (guard->object == NULL) return false;
    thrum_self_push_(guard);
    return true;
}

/* Releases once: what has been released already, or never was held, is left alone. */
THRUM_INLINE void thrum_guard_leave_(thrum_guard_ *guard) {
    if (guard->object == NULL) return;
    void *const object = guard->object;
    thrum_self_pop_(guard);
    guard->object = NULL;
    guard->release(object);
}

#define THRUM_PASTE_(a, b) a##b
#define THRUM_GUARD_NAME_(number) THRUM_PASTE_(thrum_guard_of_block_, number)
#define THRUM_GUARD_VARIABLE_(name, value) \
    thrum_guard_ name __attribute__((cleanup(thrum_guard_leave_), unused)) = value

#define THRUM_WITH_GUARD_(name, value, held) \
    for (THRUM_GUARD_VARIABLE_(name, value); thrum_guard_link_(&name) && (held); thrum_guard_leave_(&name))
#define THRUM_WITH_BLOCK_(name, value) THRUM_WITH_GUARD_(name, value, true)

/* Acquires the object, runs the block that follows, and releases it. */
#define THRUM_WITH(object) \
    THRUM_WITH_GUARD_(THRUM_GUARD_NAME_(__COUNTER__), thrum_guard_acquire_(object), thrum_assume_(object))
#define THRUM_WITH_READ(object)                                                          \
    THRUM_WITH_GUARD_(THRUM_GUARD_NAME_(__COUNTER__), thrum_guard_acquire_read_(object), \
                      thrum_assume_read_(object))
#define THRUM_WITH_WRITE(object)                                                          \
    THRUM_WITH_GUARD_(THRUM_GUARD_NAME_(__COUNTER__), thrum_guard_acquire_write_(object), \
                      thrum_assume_write_(object))

/* The same with a deadline; *result says whether the block ran (THRUM_OK) or was skipped. */
#define THRUM_WITH_UNTIL(object, deadline, result)                                                          \
    THRUM_WITH_GUARD_(THRUM_GUARD_NAME_(__COUNTER__), thrum_guard_acquire_until_(object, deadline, result), \
                      thrum_assume_(object))
#define THRUM_WITH_READ_UNTIL(object, deadline, result) \
    THRUM_WITH_GUARD_(THRUM_GUARD_NAME_(__COUNTER__),   \
                      thrum_guard_acquire_until_read_(object, deadline, result), thrum_assume_read_(object))
#define THRUM_WITH_WRITE_UNTIL(object, deadline, result)                          \
    THRUM_WITH_GUARD_(THRUM_GUARD_NAME_(__COUNTER__),                             \
                      thrum_guard_acquire_until_write_(object, deadline, result), \
                      thrum_assume_write_(object))

#define THRUM_HOLD_(name, value, held)  \
    THRUM_GUARD_VARIABLE_(name, value); \
    (void)(thrum_guard_link_(&name) && (held))

/* Acquires the object and releases it when the enclosing scope ends. A declaration: not after `if`. */
#define THRUM_HOLD(object) \
    THRUM_HOLD_(THRUM_GUARD_NAME_(__COUNTER__), thrum_guard_acquire_(object), thrum_assume_(object))
#define THRUM_HOLD_READ(object) \
    THRUM_HOLD_(THRUM_GUARD_NAME_(__COUNTER__), thrum_guard_acquire_read_(object), thrum_assume_read_(object))
#define THRUM_HOLD_WRITE(object)                                                    \
    THRUM_HOLD_(THRUM_GUARD_NAME_(__COUNTER__), thrum_guard_acquire_write_(object), \
                thrum_assume_write_(object))

THRUM_END_QUIET_

#endif
