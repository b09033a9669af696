/* SPDX-License-Identifier: MIT */
/*
 * Above all floors. What the program calls in the others' places: each tries first, and says that it waits
 * before it does. `object` is what the check knows the object by, also where the program names a condition or
 * a monitor of it.
 */
#include "checked_inside.h"

#define SITE __builtin_return_address(0)

/* How one kind is acquired, in one mode. */
typedef struct verbs {
    check_kind kind;
    check_mode mode;
    bool (*try)(void *object);
    thrum_result (*until)(void *object, thrum_deadline deadline);
    thrum_result (*release)(void *object);
} verbs;

#define VERBS(name, type, kind, mode, suffix)                                 \
    static bool try_##name(void *object) {                                    \
        return type##_try_acquire##suffix((type *)object);                    \
    }                                                                         \
    static thrum_result until_##name(void *object, thrum_deadline deadline) { \
        return type##_acquire##suffix##_until((type *)object, deadline);      \
    }                                                                         \
    static thrum_result release_##name(void *object) {                        \
        return type##_release##suffix((type *)object);                        \
    }                                                                         \
    static const verbs name = {kind, mode, try_##name, until_##name, release_##name};
VERBS(lock, thrum_lock, CHECK_LOCK, CHECK_ALONE, )
VERBS(spinlock, thrum_spinlock, CHECK_SPINLOCK, CHECK_ALONE, )
VERBS(rlock, thrum_rlock, CHECK_RLOCK, CHECK_ALONE, )
VERBS(rwlock_read, thrum_rwlock, CHECK_RWLOCK, CHECK_READ, _read)
VERBS(rwlock_write, thrum_rwlock, CHECK_RWLOCK, CHECK_ALONE, _write)
VERBS(sharded_read, thrum_sharded_rwlock, CHECK_RWLOCK, CHECK_READ, _read)
VERBS(sharded_write, thrum_sharded_rwlock, CHECK_RWLOCK, CHECK_ALONE, _write)

static thrum_result acquire_until(const verbs *by, void *object, thrum_deadline deadline, const void *site) {
    const bool for_ever = deadline.ns == THRUM_FOREVER.ns;
    check_call call;
    if (!check_begin_(&call, object, by->kind, by->mode, site)) return by->until(object, deadline);
    if (for_ever) check_wants_(&call);
    thrum_result result = THRUM_OK;
    if (!by->try(object)) {
        check_waits_(&call, for_ever);
        result = by->until(object, deadline);
        check_waits_no_more_(&call);
    }
    if (result == THRUM_OK) check_has_(&call, 1);
    return result;
}

static bool try_acquire(const verbs *by, void *object, const void *site) {
    check_call call;
    if (!by->try(object)) return false;
    if (check_begin_(&call, object, by->kind, by->mode, site)) check_has_(&call, 1);
    return true;
}

static thrum_result release(const verbs *by, void *object, const void *site) {
    check_call call;
    if (check_begin_(&call, object, by->kind, by->mode, site)) check_released_(&call, false);
    return by->release(object);
}

#define LOCKS(name, side, verbs, type)                                   \
    bool thrum_checked_##name##_try_acquire##side##_(type *object) {     \
        return try_acquire(&verbs, object, SITE);                        \
    }                                                                    \
    thrum_result thrum_checked_##name##_release##side##_(type *object) { \
        return release(&verbs, object, SITE);                            \
    }
#define LOCKS_FOR_SURE(name, side, verbs, type)                                                         \
    LOCKS(name, side, verbs, type)                                                                      \
    void thrum_checked_##name##_acquire##side##_(type *object) {                                        \
        (void)acquire_until(&verbs, object, THRUM_FOREVER, SITE);                                       \
    }                                                                                                   \
    thrum_result thrum_checked_##name##_acquire##side##_until_(type *object, thrum_deadline deadline) { \
        return acquire_until(&verbs, object, deadline, SITE);                                           \
    }
LOCKS_FOR_SURE(lock, , lock, thrum_lock)
LOCKS_FOR_SURE(spinlock, , spinlock, thrum_spinlock)
LOCKS_FOR_SURE(rwlock, _read, rwlock_read, thrum_rwlock)
LOCKS_FOR_SURE(rwlock, _write, rwlock_write, thrum_rwlock)
LOCKS_FOR_SURE(sharded_rwlock, _read, sharded_read, thrum_sharded_rwlock)
LOCKS_FOR_SURE(sharded_rwlock, _write, sharded_write, thrum_sharded_rwlock)

/* ---- rlocks: the owner goes deeper, whatever the depth ---- */

static thrum_result deepen_until(thrum_rlock *object, uint32_t depth, thrum_deadline deadline,
                                 const void *site) {
    check_call call;
    if (depth == 1) return acquire_until(&rlock, object, deadline, site);
    if (!depth || !check_begin_(&call, object, CHECK_RLOCK, CHECK_ALONE, site))
        return thrum_rlock_acquire_depth_until(object, depth, deadline);
    const bool for_ever = deadline.ns == THRUM_FOREVER.ns;
    if (for_ever) check_wants_(&call);
    check_waits_(&call, for_ever);
    const thrum_result result = thrum_rlock_acquire_depth_until(object, depth, deadline);
    check_waits_no_more_(&call);
    if (result == THRUM_OK) check_has_(&call, depth);
    return result;
}

LOCKS(rlock, , rlock, thrum_rlock)

thrum_result thrum_checked_rlock_acquire_(thrum_rlock *object) {
    return deepen_until(object, 1, THRUM_FOREVER, SITE);
}

thrum_result thrum_checked_rlock_acquire_until_(thrum_rlock *object, thrum_deadline deadline) {
    return deepen_until(object, 1, deadline, SITE);
}

thrum_result thrum_checked_rlock_acquire_depth_(thrum_rlock *object, uint32_t depth) {
    return deepen_until(object, depth, THRUM_FOREVER, SITE);
}

thrum_result thrum_checked_rlock_acquire_depth_until_(thrum_rlock *object, uint32_t depth,
                                                      thrum_deadline deadline) {
    return deepen_until(object, depth, deadline, SITE);
}

thrum_result thrum_checked_rlock_release_all_(thrum_rlock *object, uint32_t *depth) {
    check_call call;
    if (check_begin_(&call, object, CHECK_RLOCK, CHECK_ALONE, SITE)) check_released_(&call, true);
    return thrum_rlock_release_all(object, depth);
}

/* ---- conditions and monitors ---- */

/* The lock of a condition, as the check knows it. */
static const verbs *verbs_of(const void *lock_) {
    return thrum_cond_plain_(lock_) ? &lock : &rlock;
}

static void *object_of(const void *lock_) {
    thrum_lock *const plain = thrum_cond_plain_(lock_);
    return plain ? (void *)plain : (void *)thrum_cond_rlock_(lock_);
}

static thrum_result wait_until(const void *lock_, thrum_waiter_ **last, thrum_deadline deadline,
                               const void *site) {
    check_call call;
    const verbs *const by = verbs_of(lock_);
    const bool checked = lock_ && check_begin_(&call, object_of(lock_), by->kind, CHECK_ALONE, site);
    const uint32_t depth = checked ? check_puts_off_(&call) : 0;
    const thrum_result result = thrum_cond_wait_(lock_, last, deadline);
    if (depth) check_has_(&call, depth);
    return result;
}

static int wait_for(const void *lock_, thrum_waiter_ **last, thrum_predicate *predicate, void *argument,
                    thrum_deadline deadline, const void *site) {
    int answer = predicate(argument);
    thrum_result waited = THRUM_OK;
    while (answer == 0 && waited == THRUM_OK) {
        waited = wait_until(lock_, last, deadline, site);
        if (waited == THRUM_OK || waited == THRUM_TIMEOUT) answer = predicate(argument);
    }
    return answer < 0 ? answer : answer > 0 ? (int)THRUM_OK : (int)waited;
}

static void check_notify(const void *lock_, const void *site) {
    check_call call;
    if (!lock_ || !check_begin_(&call, object_of(lock_), verbs_of(lock_)->kind, CHECK_ALONE, site)) return;
    check_needs_(&call, "notifies a condition");
}

#define WAITS(name, type, lock_of)                                                                 \
    thrum_result thrum_checked_##name##_wait_(type *object) {                                      \
        return wait_until(lock_of, &object->last, THRUM_FOREVER, SITE);                            \
    }                                                                                              \
    thrum_result thrum_checked_##name##_wait_until_(type *object, thrum_deadline deadline) {       \
        return wait_until(lock_of, &object->last, deadline, SITE);                                 \
    }                                                                                              \
    int thrum_checked_##name##_wait_for_(type *object, thrum_predicate *predicate, void *argument, \
                                         thrum_deadline deadline) {                                \
        return wait_for(lock_of, &object->last, predicate, argument, deadline, SITE);              \
    }                                                                                              \
    thrum_result thrum_checked_##name##_notify_(type *object, int n) {                             \
        check_notify(lock_of, SITE);                                                               \
        return thrum_##name##_notify(object, n);                                                   \
    }                                                                                              \
    thrum_result thrum_checked_##name##_notify_all_(type *object) {                                \
        check_notify(lock_of, SITE);                                                               \
        return thrum_##name##_notify_all(object);                                                  \
    }
WAITS(cond, thrum_cond, object->lock)
WAITS(monitor, thrum_monitor, thrum_monitor_lock_(object))

#define BY_ITS_NAME(name, type, lock_of)                                                        \
    thrum_result thrum_checked_##name##_acquire_(type *object) {                                \
        return thrum_checked_##name##_acquire_until_(object, THRUM_FOREVER);                    \
    }                                                                                           \
    bool thrum_checked_##name##_try_acquire_(type *object) {                                    \
        return lock_of && try_acquire(verbs_of(lock_of), object_of(lock_of), SITE);             \
    }                                                                                           \
    thrum_result thrum_checked_##name##_release_(type *object) {                                \
        return lock_of ? release(verbs_of(lock_of), object_of(lock_of), SITE) : THRUM_INVALID;  \
    }                                                                                           \
    thrum_result thrum_checked_##name##_acquire_until_(type *object, thrum_deadline deadline) { \
        if (!(lock_of)) return THRUM_INVALID;                                                   \
        thrum_lock *const plain = thrum_cond_plain_(lock_of);                                   \
        return plain ? acquire_until(&lock, plain, deadline, SITE)                              \
                     : deepen_until(thrum_cond_rlock_(lock_of), 1, deadline, SITE);             \
    }
BY_ITS_NAME(cond, thrum_cond, object->lock)
BY_ITS_NAME(monitor, thrum_monitor, thrum_monitor_lock_(object))

/* ---- several at once ---- */

static const verbs *verbs_of_member(const thrum_all *all, uint32_t i) {
    return all->members[i].kind == THRUM_ALL_LOCK_ ? &lock : &rlock;
}

/* What is acquired by trying makes no order. */
static thrum_result note_all(const thrum_all *all, thrum_result result, const void *site) {
    check_call call;
    for (uint32_t i = 0; result == THRUM_OK && i < all->count; i++) {
        const verbs *const by = verbs_of_member(all, i);
        if (check_begin_(&call, all->members[i].object, by->kind, CHECK_ALONE, site)) check_has_(&call, 1);
    }
    return result;
}

thrum_result thrum_checked_acquire_all_(const thrum_all *all) {
    return note_all(all, thrum_acquire_all(all), SITE);
}

bool thrum_checked_try_acquire_all_(const thrum_all *all) {
    return thrum_try_acquire_all(all) && note_all(all, THRUM_OK, SITE) == THRUM_OK;
}

thrum_result thrum_checked_acquire_all_until_(const thrum_all *all, thrum_deadline deadline) {
    return note_all(all, thrum_acquire_all_until(all, deadline), SITE);
}

/* Whether the release of that member will be refused, and with it that of all. */
static bool is_refused(const thrum_all *all, uint32_t i) {
    const thrum_all_member_ *const member = &all->members[i];
    uint32_t before = 0; /* it is named so often */
    if (!member->object || member->kind > THRUM_ALL_RLOCK_) return true;
    for (uint32_t k = 0; k < i; k++) before += all->members[k].object == member->object;
    if (member->kind == THRUM_ALL_RLOCK_) return thrum_rlock_depth(member->object) <= before;
    return before || !thrum_lock_locked(member->object);
}

thrum_result thrum_checked_release_all_(const thrum_all *all) {
    check_call call;
    bool refused = all->count > THRUM_ALL_MAX;
    for (uint32_t i = 0; !refused && i < all->count; i++) refused = is_refused(all, i);
    for (uint32_t i = 0; all->count <= THRUM_ALL_MAX && i < all->count; i++) {
        const verbs *const by = verbs_of_member(all, i);
        if (!check_begin_(&call, all->members[i].object, by->kind, CHECK_ALONE, SITE)) continue;
        if (refused)
            check_needs_(&call, "releases");
        else
            check_released_(&call, false);
    }
    return thrum_release_all(all);
}

/* ---- made, reset, lowered ---- */

#define MAKES(name, type, kind)                       \
    void thrum_checked_##name##_init_(type *object) { \
        check_is_made_(object, kind, SITE);           \
        thrum_##name##_init(object);                  \
    }
#define RESETS(name, type)                                        \
    void thrum_checked_##name##_reset_after_fork_(type *object) { \
        check_is_reset_(object);                                  \
        thrum_##name##_reset_after_fork(object);                  \
    }
#define LOWERS(name, type)                                                                      \
    thrum_result thrum_checked_##name##_downgrade_(type *object) {                              \
        check_call call;                                                                        \
        if (check_begin_(&call, object, CHECK_RWLOCK, CHECK_ALONE, SITE)) check_lowers_(&call); \
        return thrum_##name##_downgrade(object);                                                \
    }
MAKES(lock, thrum_lock, CHECK_LOCK)
MAKES(rlock, thrum_rlock, CHECK_RLOCK)
MAKES(monitor, thrum_monitor, CHECK_RLOCK)
MAKES(rwlock, thrum_rwlock, CHECK_RWLOCK)
MAKES(spinlock, thrum_spinlock, CHECK_SPINLOCK)
RESETS(lock, thrum_lock)
RESETS(rlock, thrum_rlock)
RESETS(monitor, thrum_monitor)
RESETS(rwlock, thrum_rwlock)
RESETS(sharded_rwlock, thrum_sharded_rwlock)
LOWERS(rwlock, thrum_rwlock)
LOWERS(sharded_rwlock, thrum_sharded_rwlock)

thrum_result thrum_checked_sharded_rwlock_init_(thrum_sharded_rwlock *object, thrum_rwlock_slot *slots,
                                                uint32_t count) {
    check_is_made_(object, CHECK_RWLOCK, SITE);
    return thrum_sharded_rwlock_init(object, slots, count);
}
