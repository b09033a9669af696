/* SPDX-License-Identifier: MIT */
/*
 * pthread: for programs that are built from source and keep pthread's names. Maps those that are called most
 * to inlined fast paths on thrum's objects; all others are calls of the same names, which libthrum-pthread.so
 * takes over.
 *
 * Not a part of thrum.h, for it changes what names mean. A program includes it after <pthread.h>, in as many
 * of its sources as it likes, and is linked with -lthrum-pthread before the C library:
 *
 *     pthread_mutex_lock(&visits_mutex);                        // one compare-and-swap, inlined
 *     visits++;
 *     pthread_mutex_unlock(&visits_mutex);                      // one addition
 *
 * Cost        an uncontended lock and unlock of a normal mutex are a comparison and one read-modify-write
 *             each, without a call. So is a signal that nobody waits for one load, and a once that has run
 *             another.
 * Mixing      sources with and without this header, and libraries that know nothing of it, use the same
 *             objects: the header has no objects of its own. docs/pthread.md says what is taken over.
 * Library     the process must have libthrum-pthread.so; it decides at its first use what is taken over, and
 *             until then each of these is a call.
 * Names       are function-like macros: the address of pthread_mutex_lock is the library's function.
 * Platforms   64 bits, glibc or musl.
 *
 * Memory order: as POSIX has it; that of lock.h, once.h, rlock.h below.
 */
#ifndef THRUM_PTHREAD_H
#define THRUM_PTHREAD_H

#include <pthread.h>
#include <stddef.h>

#include <thrum/lock.h>
#include <thrum/once.h>

THRUM_BEGIN_DECLS

/* 0 where mutexes, conditions, once are taken over: copies of the library's own, written once. */
enum { THRUM_PTHREAD_MUTEX_, THRUM_PTHREAD_COND_, THRUM_PTHREAD_ONCE_, THRUM_PTHREAD_KINDS_ };
extern THRUM_API thrum_u32 libthrum_pthread_gates_[THRUM_PTHREAD_KINDS_];
/* Where a C library's own condition tells that it is shared. */
extern THRUM_API uint32_t libthrum_pthread_cond_mark_[2];

/* Where the words lie in the pthread types: src/pthread has the reasons. */
#ifdef __GLIBC__
#define THRUM_PTHREAD_KIND_AT_ 16
#else
#define THRUM_PTHREAD_KIND_AT_ 0
#endif
#define THRUM_PTHREAD_LOCK_AT_ 24
#define THRUM_PTHREAD_NEWEST_AT_ 40

/* Whether it is a normal mutex of thrum's. */
THRUM_INLINE bool thrum_pthread_is_plain_(const pthread_mutex_t *mutex) {
    const uint32_t kind = *(const uint32_t *)(const void *)((const char *)mutex + THRUM_PTHREAD_KIND_AT_);
    /* relaxed: a mutex needs no mark but its own kind */
    return THRUM_LIKELY((kind | thrum_u32_load_relaxed(&libthrum_pthread_gates_[THRUM_PTHREAD_MUTEX_])) == 0);
}
THRUM_INLINE thrum_lock *thrum_pthread_lock_of_(pthread_mutex_t *mutex) {
    return (thrum_lock *)(void *)((char *)mutex + THRUM_PTHREAD_LOCK_AT_);
}

THRUM_INLINE int thrum_pthread_mutex_lock_(pthread_mutex_t *mutex) {
    uint32_t expected = 0;
    /* lock.L1 */
    if (thrum_pthread_is_plain_(mutex) &&
        THRUM_LIKELY(
            thrum_u32_cas_acquire(&thrum_pthread_lock_of_(mutex)->state, &expected, THRUM_LOCK_LOCKED_)))
        return 0;
    return pthread_mutex_lock(mutex);
}

/*
 * A release that finds a waiter, or no lock, has made its step: what remains is the library's, told what it
 * saw.
 */
int libthrum_pthread_released_(pthread_mutex_t *mutex, int was);

THRUM_INLINE int thrum_pthread_mutex_unlock_(pthread_mutex_t *mutex) {
    if (!thrum_pthread_is_plain_(mutex)) return pthread_mutex_unlock(mutex);
    /* lock.L2 */
    const thrum_dropped_ was = thrum_u32_drop_release_(&thrum_pthread_lock_of_(mutex)->state);
    return THRUM_LIKELY(was == THRUM_DROPPED_) ? 0 : libthrum_pthread_released_(mutex, (int)was);
}

/* Whether nobody waits for a condition of thrum's, at the moment of looking. */
THRUM_INLINE bool thrum_pthread_is_idle_(const pthread_cond_t *cond) {
    const thrum_u64 *const newest =
        (const thrum_u64 *)(const void *)((const char *)cond + THRUM_PTHREAD_NEWEST_AT_);
    /* pthread.L1 */
    if (thrum_u32_load_acquire(&libthrum_pthread_gates_[THRUM_PTHREAD_COND_]) != 0) return false;
    const uint32_t *const mark =
        (const uint32_t *)(const void *)((const char *)cond + libthrum_pthread_cond_mark_[0]);
    return !(*mark & libthrum_pthread_cond_mark_[1]) && thrum_u64_load_relaxed(newest) == 0;
}

THRUM_INLINE int thrum_pthread_cond_signal_(pthread_cond_t *cond) {
    return thrum_pthread_is_idle_(cond) ? 0 : pthread_cond_signal(cond);
}
THRUM_INLINE int thrum_pthread_cond_broadcast_(pthread_cond_t *cond) {
    return thrum_pthread_is_idle_(cond) ? 0 : pthread_cond_broadcast(cond);
}

THRUM_INLINE int thrum_pthread_once_(pthread_once_t *control, void (*function)(void)) {
    const bool taken = thrum_u32_load_relaxed(&libthrum_pthread_gates_[THRUM_PTHREAD_ONCE_]) == 0;
    if (THRUM_LIKELY(taken && thrum_once_done((const thrum_once *)(void *)control))) return 0;
    return pthread_once(control, function);
}

THRUM_END_DECLS

#define pthread_mutex_lock(mutex) thrum_pthread_mutex_lock_(mutex)
#define pthread_mutex_unlock(mutex) thrum_pthread_mutex_unlock_(mutex)
#define pthread_cond_signal(cond) thrum_pthread_cond_signal_(cond)
#define pthread_cond_broadcast(cond) thrum_pthread_cond_broadcast_(cond)
#define pthread_once(control, function) thrum_pthread_once_(control, function)

#endif
