/* SPDX-License-Identifier: MIT */
/*
 * all: acquires several locks at once, whatever order anybody names them in.
 *
 * A thrum_all names up to THRUM_ALL_MAX locks and rlocks. It is a list of pointers: it holds nothing,
 * may be made anew for each call, and be used by several threads. All-zero memory is an empty one.
 *
 * Deadlock    none, whatever sets and orders the callers name, if they hold nothing else: a call waits for
 *             one lock at a time and holds none of the others while it waits. So it is safe, too, beside
 *             threads that take the same locks one by one, in an order that those keep among themselves.
 * Cost        free, what its locks cost; each time that one of them is not free beside the others, those
 *             taken so far are released again.
 * Fairness    by chance. A caller that finds one lock taken waits for that one first, in its turn, and then
 *             tries for the others; it may have to begin again while they are taken by turns.
 * Freed       each lock as its own header says; the set at any time, since nobody keeps a pointer to it.
 * Fork        nothing to do for a set; its locks have a reset each.
 *
 *     thrum_all both = THRUM_ALL(&accounts, &l);
 *
 *     thrum_acquire_all(&both);
 *     balance += amount;
 *     thrum_release_all(&both);
 *
 *     THRUM_WITH(&both) balance += amount;                      // the same (thrum/with.h)
 *
 * A set that is always the same is best `static const`: writing its 264 bytes takes longer than acquiring
 * two free locks.
 *
 * An rlock named twice is acquired twice. A lock named twice could never be had, so the set is refused.
 *
 * Memory order: of each lock its own. Any thread may call everything; signal handlers nothing.
 *
 * The way of waiting is Howard Hinnant's "smart and polite" ("Dining Philosophers Rebooted", 2013).
 */
#if defined(THRUM_CHECKED) && !defined(THRUM_CHECKED_H)
#include <thrum/checked.h>
#endif
#ifndef THRUM_ALL_H
#define THRUM_ALL_H

#include <thrum/lock.h>
#include <thrum/rlock.h>

/* The most that a set can name. */
#define THRUM_ALL_MAX 16

enum { THRUM_ALL_LOCK_, THRUM_ALL_RLOCK_ };

typedef struct thrum_all_member_ {
    void *object;
    uint32_t kind; /* THRUM_ALL_LOCK_, THRUM_ALL_RLOCK_ */
} thrum_all_member_;

typedef struct thrum_all {
    thrum_all_member_ members[THRUM_ALL_MAX];
    uint32_t count;
} thrum_all;

THRUM_STATIC_ASSERT(offsetof(thrum_rlock, lock) == 0, "a member's address is its lock's");

#ifdef __cplusplus
constexpr uint32_t thrum_all_kind_(const thrum_lock *) {
    return THRUM_ALL_LOCK_;
}
constexpr uint32_t thrum_all_kind_(const thrum_rlock *) {
    return THRUM_ALL_RLOCK_;
}
#else
#define thrum_all_kind_(lock) \
    _Generic((lock), thrum_lock * : THRUM_ALL_LOCK_, thrum_rlock * : THRUM_ALL_RLOCK_)
#endif

#define THRUM_ALL_MEMBER_(lock) {(lock), thrum_all_kind_(lock)}
#define THRUM_ALL_1_(a) THRUM_ALL_MEMBER_(a)
#define THRUM_ALL_2_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_1_(__VA_ARGS__)
#define THRUM_ALL_3_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_2_(__VA_ARGS__)
#define THRUM_ALL_4_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_3_(__VA_ARGS__)
#define THRUM_ALL_5_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_4_(__VA_ARGS__)
#define THRUM_ALL_6_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_5_(__VA_ARGS__)
#define THRUM_ALL_7_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_6_(__VA_ARGS__)
#define THRUM_ALL_8_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_7_(__VA_ARGS__)
#define THRUM_ALL_9_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_8_(__VA_ARGS__)
#define THRUM_ALL_10_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_9_(__VA_ARGS__)
#define THRUM_ALL_11_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_10_(__VA_ARGS__)
#define THRUM_ALL_12_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_11_(__VA_ARGS__)
#define THRUM_ALL_13_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_12_(__VA_ARGS__)
#define THRUM_ALL_14_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_13_(__VA_ARGS__)
#define THRUM_ALL_15_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_14_(__VA_ARGS__)
#define THRUM_ALL_16_(a, ...) THRUM_ALL_MEMBER_(a), THRUM_ALL_15_(__VA_ARGS__)
#define THRUM_ALL_NEXT_(m1, m2, m3, m4, m5, m6, m7, m8, m9, m10, m11, m12, m13, m14, m15, m16, next, ...) next
#define THRUM_ALL_COUNT_(...) \
    THRUM_ALL_NEXT_(__VA_ARGS__, 16, 15, 14, 13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1, 0)
#define THRUM_ALL_PASTE_(number) THRUM_ALL_##number##_
#define THRUM_ALL_EACH_(number) THRUM_ALL_PASTE_(number)

/* An initialiser: the set of these, one to THRUM_ALL_MAX pointers to locks and rlocks. */
#define THRUM_ALL(...) {{THRUM_ALL_EACH_(THRUM_ALL_COUNT_(__VA_ARGS__))(__VA_ARGS__)}, THRUM_ALL_COUNT_(__VA_ARGS__)}
/* The empty set, which thrum_all_add_lock and thrum_all_add_rlock fill. */
#define THRUM_ALL_INIT {{{THRUM_NULL_, 0}}, 0}

THRUM_BEGIN_DECLS

THRUM_API thrum_result thrum_acquire_all_until_(const thrum_all *all, thrum_deadline deadline);
THRUM_API thrum_result thrum_release_all_(const thrum_all *all);

THRUM_INLINE thrum_result thrum_all_add_(thrum_all *all, void *object, uint32_t kind) {
    if (all->count >= THRUM_ALL_MAX) return THRUM_INVALID;
    all->members[all->count].object = object;
    all->members[all->count++].kind = kind;
    return THRUM_OK;
}

/* Adds one to a set. THRUM_OK, or THRUM_INVALID: it names THRUM_ALL_MAX already. */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_all_add_lock(thrum_all *all, thrum_lock *lock) {
    return thrum_all_add_(all, lock, THRUM_ALL_LOCK_);
}
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_all_add_rlock(thrum_all *all, thrum_rlock *rlock) {
    return thrum_all_add_(all, rlock, THRUM_ALL_RLOCK_);
}

/* The call has acquired them; the same for what follows a try. */
THRUM_INLINE thrum_result thrum_all_announce_(const thrum_all *all, thrum_result result) {
    for (uint32_t i = 0; result == THRUM_OK && i < all->count; i++)
        THRUM_ANNOUNCE_ACQUIRE_(all->members[i].object);
    return result;
}

/*
 * Waits until all of them are the caller's, at the end of the call at once. THRUM_OK, or nothing was
 * taken: THRUM_INVALID when a lock is named twice, a pointer is NULL, or the count is above THRUM_ALL_MAX;
 * THRUM_OVERFLOW when an rlock would be too deep. Not a cancellation point.
 */
THRUM_INLINE thrum_result thrum_acquire_all(const thrum_all *all) {
    return thrum_all_announce_(all, thrum_acquire_all_until_(all, THRUM_FOREVER));
}

/* Takes all of them if they are free (or rlocks of the caller's), and says whether it did. Never waits. */
THRUM_INLINE THRUM_MUST_USE bool thrum_try_acquire_all(const thrum_all *all) {
    return thrum_all_announce_(all, thrum_acquire_all_until_(all, THRUM_NOW)) == THRUM_OK;
}

/*
 * Waits as thrum_acquire_all, but not beyond the deadline. As there, or THRUM_TIMEOUT: nothing was
 * taken. A deadline that has passed makes this a try. Signals neither shorten nor lengthen the wait.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_acquire_all_until(const thrum_all *all,
                                                                 thrum_deadline deadline) {
    return thrum_all_announce_(all, thrum_acquire_all_until_(all, deadline));
}

/*
 * Lets all of them go, the last one named first. THRUM_OK, or nothing has changed: THRUM_NOT_LOCKED when a
 * lock is not locked, THRUM_NOT_OWNER when an rlock is not the caller's as often as it is named,
 * THRUM_INVALID as thrum_acquire_all. It looks first and then releases: a member that another thread
 * releases meanwhile is a bug that is not told.
 */
THRUM_INLINE thrum_result thrum_release_all(const thrum_all *all) {
    for (uint32_t i = 0; i < all->count && i < THRUM_ALL_MAX; i++)
        THRUM_ANNOUNCE_RELEASE_(all->members[i].object);
    return thrum_release_all_(all);
}

/*
 * Writes the state as text ("all: 3 members, 1 held by somebody"), cut to `size` bytes with its final NUL,
 * and returns the length of the whole text, as snprintf does.
 */
THRUM_API size_t thrum_all_describe(const thrum_all *all, char *text, size_t size);

THRUM_END_DECLS

#endif
