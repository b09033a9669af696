/* SPDX-License-Identifier: MIT */
/*
 * rcu: read sections that never wait, and memory that is freed once nobody can be reading it;
 * read-copy-update, by liburcu (its bp flavour: any thread may read, none has to register).
 *
 * Floor 3, in libthrum.
 *
 * Cost        a read section is what liburcu asks, two loads and two stores of the thread's own line, with no
 *             atomic instruction, inlined; the first in a thread registers it (two system calls). A retire is
 *             an addition and a compare-and-swap, and at most one wake in ten milliseconds.
 * Grace       what is retired is called back after every read section has ended that had begun before the
 *             retire; some ten milliseconds later, or sooner where much is retired, in a helper thread, one
 *             after the other.
 * Helper      one thread for the process. A retire or thrum_rcu_prepare starts it where there is none. It
 *             ends when nothing has been retired for a tenth of a second: a process whose own threads have
 *             ended ends. It blocks most signals (thrum(7) names them), and so do exit handlers that run in
 *             it: where a callback calls exit, or the helper is the process's last thread. Where no helper
 *             can be started, that is a result, and what was retired is kept until one can be.
 * Callbacks   run with nothing of thrum's locked, and may call all of thrum but thrum_rcu_barrier. Each
 *             delays all later ones. A callback that ends the thread loses no other: another helper goes on.
 * Memory      a retire that finds more than 32,768 retired and not yet called back waits until there are
 *             fewer, five milliseconds at most: its caller may hold a lock for which a callback waits. So
 *             memory levels out near that bound; where callbacks do not get on, a writer adds two hundred a
 *             second. Inside a read section, and in a callback, a retire never waits. The first read section
 *             of a thread takes memory in liburcu, which aborts where there is none.
 * Fork        the child has the forking thread's read section and no other. What was retired is called back
 *             there, too, once the child retires, prepares or waits; but for what another thread's callback
 *             is amid: in the child that one neither goes on nor is called again. A callback that forks goes
 *             on in the child. Not from inside a read section: liburcu would wait for itself.
 *
 *     THRUM_WITH_RCU balance = thrum_rcu_read(&current_sheet)->balance;
 *     ...
 *     struct sheet *old = thrum_rcu_exchange(&current_sheet, fresh_sheet);
 *     thrum_rcu_retire(&old->head, free_sheet);                 // no new reader can reach it
 *
 * Memory order: what a thread does in a read section happens before the callback, or the return from
 * thrum_rcu_synchronize, that waited for it; what happened before a retire, before its callback; a callback,
 * before the next one.
 *
 * Any thread; not signal handlers. Nothing here is a cancellation point.
 */
#ifndef THRUM_RCU_H
#define THRUM_RCU_H

#include <thrum/futex.h>
#include <thrum/result.h>
#include <thrum/with.h>

/* Lies in what will be retired. Belongs to thrum from the retire to the callback. */
typedef struct thrum_rcu_head {
    struct thrum_rcu_head *next_;
    void (*callback_)(struct thrum_rcu_head *head);
} thrum_rcu_head;

typedef void thrum_rcu_callback(thrum_rcu_head *head);

THRUM_BEGIN_DECLS

/*
 * What is reachable between the two stays readable until the end. They nest. A read section never waits;
 * a thread that sleeps inside one delays every callback.
 */
THRUM_API void thrum_rcu_read_begin(void);
THRUM_API void thrum_rcu_read_end(void);

/* What the inlined sections need of liburcu's state; src/rcu/rcu_read.c has the laws. */
typedef unsigned long *thrum_rcu_reader_ __attribute__((may_alias));
typedef struct thrum_rcu_sections_ {
    const unsigned long *phase; /* what the outermost section of a thread stores in its reader's word */
    thrum_u32 light;            /* 1: the one that waits for sections makes their fences */
} thrum_rcu_sections_;
THRUM_API extern thrum_rcu_sections_ thrum_rcu_sections_now_;
/* Where liburcu keeps the thread's reader, which is NULL where the thread is not registered. */
extern THRUM_API __thread const thrum_rcu_reader_ *thrum_rcu_own_ __attribute__((THRUM_TLS_MODEL_));

THRUM_API unsigned long *thrum_rcu_register_(void) THRUM_COLD;

THRUM_INLINE void thrum_rcu_section_fence_(void) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    /* relaxed: rcu.S4 */
    if (THRUM_UNLIKELY(!thrum_u32_load_relaxed(&thrum_rcu_sections_now_.light))) thrum_futex_fence();
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

THRUM_INLINE void thrum_rcu_section_begin_(void) {
    unsigned long *own = *thrum_rcu_own_;
    if (THRUM_UNLIKELY(!own)) own = thrum_rcu_register_();
    const unsigned long sections = __atomic_load_n(own, __ATOMIC_RELAXED);
    if (THRUM_LIKELY((uint32_t)sections == 0)) {
        const unsigned long phase = __atomic_load_n(thrum_rcu_sections_now_.phase, __ATOMIC_RELAXED);
        __atomic_store_n(own, phase, __ATOMIC_RELAXED); /* rcu.S1 */
        thrum_rcu_section_fence_();
    } else {
        __atomic_store_n(own, sections + 1, __ATOMIC_RELAXED);
    }
}

THRUM_INLINE void thrum_rcu_section_end_(void) {
    unsigned long *const own = *thrum_rcu_own_;
    thrum_rcu_section_fence_();
    __atomic_store_n(own, __atomic_load_n(own, __ATOMIC_RELAXED) - 1, __ATOMIC_RELAXED); /* rcu.S2 */
}

/* Both are inlined, but under ThreadSanitizer, which is told by the calls, and in the checked build. */
#if defined(THRUM_CHECKED) && !defined(THRUM_CHECKED_INSIDE_)
THRUM_API void thrum_checked_rcu_read_begin_(void);
THRUM_API void thrum_checked_rcu_read_end_(void);
#define thrum_rcu_read_begin thrum_checked_rcu_read_begin_
#define thrum_rcu_read_end thrum_checked_rcu_read_end_
#define thrum_rcu_leave_ thrum_checked_rcu_leave_
#elif !defined(THRUM_RCU_CALLS_) && !THRUM_UNDER_TSAN
#define thrum_rcu_read_begin thrum_rcu_section_begin_
#define thrum_rcu_read_end thrum_rcu_section_end_
#endif

/*
 * Publishes: puts the pointer into the cell, `T *cell`, where read sections find it. A reader sees what it
 * points at as it was written before. The second form returns what the cell held before, which is
 * then to be retired.
 */
#define thrum_rcu_publish(cell, pointer) \
    __atomic_store_n((cell), (pointer), __ATOMIC_RELEASE) /* rcu.R5: release */
#define thrum_rcu_exchange(cell, pointer) \
    __atomic_exchange_n((cell), (pointer), __ATOMIC_ACQ_REL) /* rcu.R5: release and acquire */

/* What was published last in the cell. In a read section it stays readable until the section ends. */
/* rcu.R6: acquire, pairs with rcu.R5 */
#define thrum_rcu_read(cell) __atomic_load_n((cell), __ATOMIC_ACQUIRE)

/*
 * Starts the helper if there is none. THRUM_OK; THRUM_NO_MEMORY, THRUM_NO_THREAD: nothing has changed, and it
 * may be tried again.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_rcu_prepare(void);

/*
 * Hands over what no new read section can reach: `callback` is called with it after a grace period, in the
 * helper. Waits only where too much is retired, as is said above. Cannot fail: where there is no helper and
 * none can be started it is kept until there is one (a later retire or thrum_rcu_prepare tries). Inside read
 * sections too.
 */
THRUM_API void thrum_rcu_retire(thrum_rcu_head *head, thrum_rcu_callback *callback);

/*
 * Waits until every read section has ended that had begun before the call. Not inside a read section. (What
 * liburcu offers for that does not wait for these sections: thrum makes their fences, and goes on where a
 * sandbox refuses membarrier, at whatever moment.)
 */
THRUM_API void thrum_rcu_synchronize(void);

/*
 * Waits until everything that was retired before the call has been called back. Not inside a read section or
 * a callback. THRUM_OK; THRUM_NO_MEMORY, THRUM_NO_THREAD when there is no helper and none can be started.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_rcu_barrier(void);

/* A read section for a block, with every way out of it as in thrum/with.h. */
#define THRUM_WITH_RCU THRUM_WITH_BLOCK_(THRUM_GUARD_NAME_(__COUNTER__), thrum_rcu_enter_())

THRUM_API void thrum_rcu_leave_(void *unused);

THRUM_INLINE THRUM_MUST_USE thrum_guard_ thrum_rcu_enter_(void) {
    thrum_rcu_read_begin();
    const thrum_guard_ guard = {thrum_rcu_leave_, &thrum_self_, NULL}; /* any object: there is one a thread */
    return guard;
}

THRUM_END_DECLS

#endif
