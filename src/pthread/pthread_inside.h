/* SPDX-License-Identifier: MIT */
/*
 * Above the floors, beside the library: pthread's names on thrum's objects, for programs that know nothing of
 * thrum. This is what the sources of the shim share.
 *
 * An object is thrum's or the C library's, from its initialisation to its destruction. All-zero memory, and
 * what the static initialisers make, is thrum's. What thrum does not do (robust, priority-inheriting and
 * -protecting, shared between processes) the C library initialises, and the object's own memory tells so ever
 * after: the kind of a mutex, and the sharing flag that the C library keeps in a condition or a rwlock.
 * thrum's objects leave those places as they are, so each C library reads a mark only where it has written
 * one.
 *
 *   bytes of   glibc                                        musl
 *   mutex      kind at 16: 0 to 3, else the C library's     type at 0, the same numbers
 *   cond       shared: bit 0 of the word at 36, or at 28    shared: the word at 0
 *
 * The places of the second kind differ between versions of a C library, and are looked up at the first use
 * (pthread.c). An object whose C library keeps them elsewhere goes through to it, and so do all of its kind.
 */
#ifndef THRUM_SRC_PTHREAD_INSIDE_H
#define THRUM_SRC_PTHREAD_INSIDE_H

#include "../rcu/rank.h"

#include <thrum/cond.h>
#include <thrum/rlock.h>

#include <pthread.h>
#include <semaphore.h>

/* The names that the shim gives away; all else is hidden. */
#define THRUM_NAME __attribute__((visibility("default")))
/* The second name under which glibc exports a function; older programs call it. */
#ifdef __GLIBC__
#define THRUM_SECOND_NAME(name) __asm__(".globl __" #name "\n.set __" #name ", " #name "\n")
#else
#define THRUM_SECOND_NAME(name) THRUM_STATIC_ASSERT(1, #name)
#endif

THRUM_STATIC_ASSERT(sizeof(void *) == 8, "the shim's objects are laid out for 64 bits");

/* ---- what is taken over ---- */

typedef enum thrum_taken_kind {
    THRUM_TAKEN_MUTEX,
    THRUM_TAKEN_COND,
    THRUM_TAKEN_RWLOCK,
    THRUM_TAKEN_SEM,
    THRUM_TAKEN_BARRIER,
    THRUM_TAKEN_SPIN,
    THRUM_TAKEN_ONCE,
    THRUM_TAKEN_KINDS
} thrum_taken_kind;

/* 0: taken over. Beyond every kind of a mutex, so that one comparison sees both. */
enum { THRUM_TAKEN = 0, THRUM_UNDECIDED = 1 << 16, THRUM_THROUGH = 1 << 17 };
extern thrum_u32 thrum_gates_[THRUM_TAKEN_KINDS];

/* Tells what has been decided to the inlined forms of thrum/pthread.h. */
void thrum_tell_inlined_(void);

/* For fast paths, which stay leaves: they save no registers for a call that they do not make. */
#define THRUM_ALWAYS_INLINE static inline __attribute__((always_inline))

bool thrum_is_taken_slow_(thrum_taken_kind kind) THRUM_COLD;

/* Decides all gates, at the first use: that may come before any constructor. */
void thrum_settle_(void) THRUM_COLD;

/*
 * pthread.L1: acquire, pairs with pthread.L2: a decided gate comes with the places that pthread.c has found.
 */
THRUM_ALWAYS_INLINE bool thrum_is_taken_(thrum_taken_kind kind) {
    const uint32_t gate = thrum_u32_load_acquire(&thrum_gates_[kind]);
    return THRUM_LIKELY(gate == THRUM_TAKEN) || thrum_is_taken_slow_(kind);
}

/* Where the C library keeps that an object is shared between processes: never 0 then, else always. */
typedef struct thrum_mark {
    uint32_t at; /* a byte's place; of a word of four */
    uint32_t mask;
} thrum_mark;
extern thrum_mark thrum_cond_mark_, thrum_rwlock_mark_;

THRUM_ALWAYS_INLINE bool thrum_is_marked_(const void *object, const thrum_mark *mark) {
    const uint32_t *const word = (const void *)((const char *)object + mark->at);
    return (*(const volatile uint32_t *)word & mark->mask) != 0;
}

/* ---- the C library's own functions ---- */

#define THRUM_C_LIBRARYS_(X)      \
    X(pthread_mutex_init)         \
    X(pthread_mutex_destroy)      \
    X(pthread_mutex_lock)         \
    X(pthread_mutex_trylock)      \
    X(pthread_mutex_timedlock)    \
    X(pthread_mutex_clocklock)    \
    X(pthread_mutex_unlock)       \
    X(pthread_cond_init)          \
    X(pthread_cond_destroy)       \
    X(pthread_cond_signal)        \
    X(pthread_cond_broadcast)     \
    X(pthread_cond_wait)          \
    X(pthread_cond_timedwait)     \
    X(pthread_cond_clockwait)     \
    X(pthread_cancel)             \
    X(pthread_rwlock_init)        \
    X(pthread_rwlock_destroy)     \
    X(pthread_rwlock_rdlock)      \
    X(pthread_rwlock_tryrdlock)   \
    X(pthread_rwlock_timedrdlock) \
    X(pthread_rwlock_clockrdlock) \
    X(pthread_rwlock_wrlock)      \
    X(pthread_rwlock_trywrlock)   \
    X(pthread_rwlock_timedwrlock) \
    X(pthread_rwlock_clockwrlock) \
    X(pthread_rwlock_unlock)      \
    X(sem_init)                   \
    X(sem_destroy)                \
    X(sem_wait)                   \
    X(sem_trywait)                \
    X(sem_timedwait)              \
    X(sem_clockwait)              \
    X(sem_post)                   \
    X(sem_getvalue)               \
    X(pthread_barrier_init)       \
    X(pthread_barrier_wait)       \
    X(pthread_barrier_destroy)    \
    X(pthread_spin_init)          \
    X(pthread_spin_destroy)       \
    X(pthread_spin_lock)          \
    X(pthread_spin_trylock)       \
    X(pthread_spin_unlock)        \
    X(pthread_once)
#define THRUM_ENUMERATOR_(name) THRUM_AT_##name,
enum { THRUM_C_LIBRARYS_(THRUM_ENUMERATOR_) THRUM_C_LIBRARYS_COUNT };
#undef THRUM_ENUMERATOR_

typedef void thrum_any_function(void);
/* Never NULL: a function that the C library does not have answers ENOSYS. */
thrum_any_function *thrum_c_librarys_(unsigned which);
#define THRUM_C_LIBRARYS(name) ((__typeof__(name) *)thrum_c_librarys_(THRUM_AT_##name))

#ifndef __GLIBC__ /* what musl lacks, and programs for it do not call */
int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *end);
int pthread_cond_clockwait(pthread_cond_t *cond, pthread_mutex_t *mutex, clockid_t clock,
                           const struct timespec *end);
int pthread_rwlock_clockrdlock(pthread_rwlock_t *rwlock, clockid_t clock, const struct timespec *end);
int pthread_rwlock_clockwrlock(pthread_rwlock_t *rwlock, clockid_t clock, const struct timespec *end);
int sem_clockwait(sem_t *sem, clockid_t clock, const struct timespec *end);
#endif

/* ---- forks ---- */

/* How many forks lie between the first process and this one. */
extern thrum_u32 thrum_generation_;
/* Held while an object that an earlier process used is made this one's. */
extern thrum_lock thrum_healing_;
THRUM_RANK(16, thrum_healing_);

THRUM_INLINE bool thrum_is_of_this_process_(const thrum_u32 *generation) {
    /*
     * pthread.L3: acquire, pairs with pthread.L4 in the healing; relaxed: this process's number never changes
     */
    return THRUM_LIKELY(thrum_u32_load_acquire(generation) == thrum_u32_load_relaxed(&thrum_generation_));
}

/* ---- mutexes, for conditions ---- */

/* Whether thrum has it. */
bool thrum_mutex_is_ours_(const pthread_mutex_t *mutex);
/* 0, or EPERM where the kind of the mutex says that the caller must own it. */
int thrum_mutex_may_wait_(const pthread_mutex_t *mutex);

#endif
