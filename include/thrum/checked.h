/* SPDX-License-Identifier: MIT */
/*
 * checked: the build that says where a program can deadlock, before it does.
 *
 * A program compiled with THRUM_CHECKED and linked with libthrum-checked.a (CMake: thrum::checked;
 * pkg-config: thrum-checked) has each acquire and release of a lock, rlock, rwlock, spinlock, condition and
 * monitor checked. The source is the same; a build without the macro has nothing of it, and these functions
 * do nothing there.
 *
 *     static thrum_lock accounts = THRUM_LOCK_INIT;
 *
 *     thrum_checked_class(&accounts, "accounts");               // what reports call it
 *
 * Order       a graph of classes. A class is what thrum_checked_class says, or else the place where the
 *             object was made by an _init function, or else the object itself. An acquire that would wait for
 *             B while the thread holds A makes the order A, B. The first acquire against an order that was
 *             seen before is told, with where each of the two was acquired, though nothing has deadlocked.
 *             Two objects of one class have an order of their own. A try and an acquire with a deadline make
 *             no order: they give up. What they have acquired does.
 * Deadlocks   a thread that waits for itself, and a circle of threads that wait for each other or for each
 *             other's ends, with what each of them holds. A circle in which one has a deadline is none.
 * Misuse      a wait on a condition while another lock is held; a release, wait or notify by a thread that
 *             does not hold; a lock that is made again or goes away while it is held; one left held at the
 *             end of its thread, or by the thread that calls exit or returns from main; one that a thread of
 *             the parent held over a fork; thrum_rcu_synchronize, or a wait for anything but a lock or
 *             a once, in a read section.
 * Handed over a lock that another thread than its holder releases is told once, and checked no more.
 * Report      written to stderr, or handed to a function. The program goes on, unless it is told to abort
 *             (thrum_checked_abort, or THRUM_CHECKED=abort in the environment).
 * Loader      a report names functions, for which its thread acquires the loader's lock while it holds the
 *             program's: what dlopen and dlclose run must not wait for a lock that this thread may hold.
 * Sanitizer   a program that is compiled with -fsanitize=thread has ThreadSanitizer told of the locks: its
 *             own reports of orders that may deadlock, and of races, name them.
 * Cost        microseconds an acquire, and memory that grows with the objects and orders seen. Where there is
 *             none it says so once, and goes on without.
 * Reuse       memory of a lock that is freed and used for another one, without an _init, keeps the old one's
 *             order: thrum_checked_gone tells that it went away.
 * Not seen    objects that processes share; semaphores, which have no holder.
 *
 * Any thread. The calls of a signal handler that interrupts the check itself are not checked. No memory
 * order.
 */
#ifndef THRUM_CHECKED_H
#define THRUM_CHECKED_H

#include <thrum/all.h>
#include <thrum/cond.h>
#include <thrum/lock.h>
#include <thrum/monitor.h>
#include <thrum/rlock.h>
#include <thrum/rwlock.h>
#include <thrum/spinlock.h>

THRUM_BEGIN_DECLS

/* What is reported; a number never changes its meaning. */
typedef enum thrum_checked_kind {
    THRUM_CHECKED_INVERSION, /* two orders: may be a deadlock */
    THRUM_CHECKED_CIRCLE,    /* threads that wait for each other: is a deadlock */
    THRUM_CHECKED_AGAIN, /* acquires what it holds: is a deadlock, or of a read within a read may be one */
    THRUM_CHECKED_SECOND_LOCK, /* waits on a condition and holds another lock: may be a deadlock */
    THRUM_CHECKED_NOT_HOLDER,  /* releases, waits or notifies without holding the lock */
    THRUM_CHECKED_GONE,        /* made again, or its memory goes away, while it is held */
    THRUM_CHECKED_LEFT,        /* held at its thread's end, or by the thread that ends the process */
    THRUM_CHECKED_OVER_FORK,   /* waited for, and held by a thread that the fork did not take along */
    THRUM_CHECKED_IN_SECTION   /* in a read section: a wait for anything but a lock or a once */
} thrum_checked_kind;

typedef struct thrum_checked_report {
    thrum_checked_kind kind;
    const char *text; /* lines, each with its newline */
} thrum_checked_report;

/*
 * Runs in the thread that has found it, with nothing of the check's locked; its own acquires are not checked.
 */
typedef void thrum_checked_function(const thrum_checked_report *report, void *argument);

#ifndef THRUM_CHECKED

THRUM_INLINE void thrum_checked_class(const void *object, const char *name) {
    (void)object, (void)name;
}
THRUM_INLINE void thrum_checked_gone(const void *memory, size_t size) {
    (void)memory, (void)size;
}
THRUM_INLINE void thrum_checked_report_to(thrum_checked_function *function, void *argument) {
    (void)function, (void)argument;
}
THRUM_INLINE void thrum_checked_abort(bool aborts) {
    (void)aborts;
}
THRUM_INLINE void thrum_checked_leave_out(thrum_checked_kind kind) {
    (void)kind;
}

#else

/* The object is of the class of that name, which stays valid. Before its first acquire. */
THRUM_API void thrum_checked_class(const void *object, const char *name);
/*
 * The memory is about to be freed or unmapped: what lies in it is forgotten, and a report where it is held.
 */
THRUM_API void thrum_checked_gone(const void *memory, size_t size);
/* Reports go to the function, and no more to stderr; NULL: to stderr again. */
THRUM_API void thrum_checked_report_to(thrum_checked_function *function, void *argument);
/* Whether a report ends the process. */
THRUM_API void thrum_checked_abort(bool aborts);
/*
 * Reports of that kind are made no more: of THRUM_CHECKED_NOT_HOLDER, where locks are handed over on purpose.
 */
THRUM_API void thrum_checked_leave_out(thrum_checked_kind kind);

#define THRUM_CHECKED_LOCKS_(type, result)                                                                \
    THRUM_API result thrum_checked_##type##_acquire_(thrum_##type *object);                               \
    THRUM_API THRUM_MUST_USE bool thrum_checked_##type##_try_acquire_(thrum_##type *object);              \
    THRUM_API THRUM_MUST_USE thrum_result thrum_checked_##type##_acquire_until_(thrum_##type *object,     \
                                                                                thrum_deadline deadline); \
    THRUM_API thrum_result thrum_checked_##type##_release_(thrum_##type *object);
#define THRUM_CHECKED_SIDE_(type, side)                                                               \
    THRUM_API void thrum_checked_##type##_acquire_##side##_(thrum_##type *object);                    \
    THRUM_API THRUM_MUST_USE bool thrum_checked_##type##_try_acquire_##side##_(thrum_##type *object); \
    THRUM_API THRUM_MUST_USE thrum_result thrum_checked_##type##_acquire_##side##_until_(             \
        thrum_##type *object, thrum_deadline deadline);                                               \
    THRUM_API thrum_result thrum_checked_##type##_release_##side##_(thrum_##type *object);
#define THRUM_CHECKED_WAITS_(type)                                                                   \
    THRUM_API thrum_result thrum_checked_##type##_wait_(thrum_##type *object);                       \
    THRUM_API thrum_result thrum_checked_##type##_wait_until_(thrum_##type *object,                  \
                                                              thrum_deadline deadline);              \
    THRUM_API int thrum_checked_##type##_wait_for_(thrum_##type *object, thrum_predicate *predicate, \
                                                   void *argument, thrum_deadline deadline);         \
    THRUM_API thrum_result thrum_checked_##type##_notify_(thrum_##type *object, int n);              \
    THRUM_API thrum_result thrum_checked_##type##_notify_all_(thrum_##type *object);
#define THRUM_CHECKED_MAKES_(type)                                     \
    THRUM_API void thrum_checked_##type##_init_(thrum_##type *object); \
    THRUM_API void thrum_checked_##type##_reset_after_fork_(thrum_##type *object);

THRUM_CHECKED_LOCKS_(lock, void)
THRUM_CHECKED_LOCKS_(spinlock, void)
THRUM_CHECKED_LOCKS_(rlock, thrum_result)
THRUM_CHECKED_LOCKS_(cond, thrum_result)
THRUM_CHECKED_LOCKS_(monitor, thrum_result)
THRUM_CHECKED_SIDE_(rwlock, read)
THRUM_CHECKED_SIDE_(rwlock, write)
THRUM_CHECKED_SIDE_(sharded_rwlock, read)
THRUM_CHECKED_SIDE_(sharded_rwlock, write)
THRUM_CHECKED_WAITS_(cond)
THRUM_CHECKED_WAITS_(monitor)
THRUM_CHECKED_MAKES_(lock)
THRUM_CHECKED_MAKES_(rlock)
THRUM_CHECKED_MAKES_(monitor)
THRUM_CHECKED_MAKES_(rwlock)
THRUM_API void thrum_checked_spinlock_init_(thrum_spinlock *object);
THRUM_API THRUM_MUST_USE thrum_result thrum_checked_sharded_rwlock_init_(thrum_sharded_rwlock *object,
                                                                         thrum_rwlock_slot *slots,
                                                                         uint32_t count);
THRUM_API void thrum_checked_sharded_rwlock_reset_after_fork_(thrum_sharded_rwlock *object);
THRUM_API thrum_result thrum_checked_rwlock_downgrade_(thrum_rwlock *object);
THRUM_API thrum_result thrum_checked_sharded_rwlock_downgrade_(thrum_sharded_rwlock *object);
THRUM_API THRUM_MUST_USE thrum_result thrum_checked_rlock_release_all_(thrum_rlock *object, uint32_t *depth);
THRUM_API THRUM_MUST_USE thrum_result thrum_checked_rlock_acquire_depth_(thrum_rlock *object, uint32_t depth);
THRUM_API THRUM_MUST_USE thrum_result thrum_checked_rlock_acquire_depth_until_(thrum_rlock *object,
                                                                               uint32_t depth,
                                                                               thrum_deadline deadline);
THRUM_API thrum_result thrum_checked_acquire_all_(const thrum_all *all);
THRUM_API THRUM_MUST_USE bool thrum_checked_try_acquire_all_(const thrum_all *all);
THRUM_API THRUM_MUST_USE thrum_result thrum_checked_acquire_all_until_(const thrum_all *all,
                                                                       thrum_deadline deadline);
THRUM_API thrum_result thrum_checked_release_all_(const thrum_all *all);

#endif

THRUM_END_DECLS

#if defined(THRUM_CHECKED) && !defined(THRUM_CHECKED_INSIDE_)
/* The names that the program calls, from here on; what the headers above have inlined is as it was. */
#define thrum_lock_acquire thrum_checked_lock_acquire_
#define thrum_lock_try_acquire thrum_checked_lock_try_acquire_
#define thrum_lock_acquire_until thrum_checked_lock_acquire_until_
#define thrum_lock_release thrum_checked_lock_release_
#define thrum_spinlock_acquire thrum_checked_spinlock_acquire_
#define thrum_spinlock_try_acquire thrum_checked_spinlock_try_acquire_
#define thrum_spinlock_acquire_until thrum_checked_spinlock_acquire_until_
#define thrum_spinlock_release thrum_checked_spinlock_release_
#define thrum_rlock_acquire thrum_checked_rlock_acquire_
#define thrum_rlock_try_acquire thrum_checked_rlock_try_acquire_
#define thrum_rlock_acquire_until thrum_checked_rlock_acquire_until_
#define thrum_rlock_release thrum_checked_rlock_release_
#define thrum_cond_acquire thrum_checked_cond_acquire_
#define thrum_cond_try_acquire thrum_checked_cond_try_acquire_
#define thrum_cond_acquire_until thrum_checked_cond_acquire_until_
#define thrum_cond_release thrum_checked_cond_release_
#define thrum_monitor_acquire thrum_checked_monitor_acquire_
#define thrum_monitor_try_acquire thrum_checked_monitor_try_acquire_
#define thrum_monitor_acquire_until thrum_checked_monitor_acquire_until_
#define thrum_monitor_release thrum_checked_monitor_release_
#define thrum_rwlock_acquire_read thrum_checked_rwlock_acquire_read_
#define thrum_rwlock_try_acquire_read thrum_checked_rwlock_try_acquire_read_
#define thrum_rwlock_acquire_read_until thrum_checked_rwlock_acquire_read_until_
#define thrum_rwlock_release_read thrum_checked_rwlock_release_read_
#define thrum_rwlock_acquire_write thrum_checked_rwlock_acquire_write_
#define thrum_rwlock_try_acquire_write thrum_checked_rwlock_try_acquire_write_
#define thrum_rwlock_acquire_write_until thrum_checked_rwlock_acquire_write_until_
#define thrum_rwlock_release_write thrum_checked_rwlock_release_write_
#define thrum_sharded_rwlock_acquire_read thrum_checked_sharded_rwlock_acquire_read_
#define thrum_sharded_rwlock_try_acquire_read thrum_checked_sharded_rwlock_try_acquire_read_
#define thrum_sharded_rwlock_acquire_read_until thrum_checked_sharded_rwlock_acquire_read_until_
#define thrum_sharded_rwlock_release_read thrum_checked_sharded_rwlock_release_read_
#define thrum_sharded_rwlock_acquire_write thrum_checked_sharded_rwlock_acquire_write_
#define thrum_sharded_rwlock_try_acquire_write thrum_checked_sharded_rwlock_try_acquire_write_
#define thrum_sharded_rwlock_acquire_write_until thrum_checked_sharded_rwlock_acquire_write_until_
#define thrum_sharded_rwlock_release_write thrum_checked_sharded_rwlock_release_write_
#define thrum_cond_wait thrum_checked_cond_wait_
#define thrum_cond_wait_until thrum_checked_cond_wait_until_
#define thrum_cond_wait_for thrum_checked_cond_wait_for_
#define thrum_cond_notify thrum_checked_cond_notify_
#define thrum_cond_notify_all thrum_checked_cond_notify_all_
#define thrum_monitor_wait thrum_checked_monitor_wait_
#define thrum_monitor_wait_until thrum_checked_monitor_wait_until_
#define thrum_monitor_wait_for thrum_checked_monitor_wait_for_
#define thrum_monitor_notify thrum_checked_monitor_notify_
#define thrum_monitor_notify_all thrum_checked_monitor_notify_all_
#define thrum_lock_init thrum_checked_lock_init_
#define thrum_lock_reset_after_fork thrum_checked_lock_reset_after_fork_
#define thrum_rlock_init thrum_checked_rlock_init_
#define thrum_rlock_reset_after_fork thrum_checked_rlock_reset_after_fork_
#define thrum_monitor_init thrum_checked_monitor_init_
#define thrum_monitor_reset_after_fork thrum_checked_monitor_reset_after_fork_
#define thrum_rwlock_init thrum_checked_rwlock_init_
#define thrum_rwlock_reset_after_fork thrum_checked_rwlock_reset_after_fork_
#define thrum_sharded_rwlock_init thrum_checked_sharded_rwlock_init_
#define thrum_sharded_rwlock_reset_after_fork thrum_checked_sharded_rwlock_reset_after_fork_
#define thrum_spinlock_init thrum_checked_spinlock_init_
#define thrum_rwlock_downgrade thrum_checked_rwlock_downgrade_
#define thrum_sharded_rwlock_downgrade thrum_checked_sharded_rwlock_downgrade_
#define thrum_rlock_release_all thrum_checked_rlock_release_all_
#define thrum_rlock_acquire_depth thrum_checked_rlock_acquire_depth_
#define thrum_rlock_acquire_depth_until thrum_checked_rlock_acquire_depth_until_
#define thrum_acquire_all thrum_checked_acquire_all_
#define thrum_try_acquire_all thrum_checked_try_acquire_all_
#define thrum_acquire_all_until thrum_checked_acquire_all_until_
#define thrum_release_all thrum_checked_release_all_
#endif

#endif
