/* SPDX-License-Identifier: MIT */
/*
 * rcu: read sections that never wait, and memory that is freed once nobody can be reading it; read-copy-update,
 * by liburcu (its bp flavour: any thread may read, none has to register).
 *
 * Floor 3, in libthrum.
 *
 * Cost        a read section is what liburcu asks, two loads and two stores of the thread's own line, with no
 *             atomic instruction; the first in a thread registers it (two system calls). A retire is one
 *             compare-and-swap, and at most one wake in ten milliseconds.
 * Grace       what is retired is called back after every read section has ended that had begun before the
 *             retire; ten milliseconds later at the earliest, in a helper thread, one after the other.
 * Helper      one thread for the process, started by the first retire or thrum_rcu_prepare. liburcu's own
 *             call_rcu is not used because it ends the process when its helper cannot be started; here
 *             that is a result, and what was retired waits until a helper can be.
 * Memory      the first read section of a thread takes some, in liburcu, which aborts where there is none.
 * Fork        the child has the forking thread's read section and no other, and what was retired is still
 *             called back there. Not from inside a read section: liburcu would wait for itself.
 *
 *     thrum_rcu_read_begin();
 *     balance = read_page()->balance;                           // follows a published pointer
 *     thrum_rcu_read_end();
 *     ...
 *     thrum_rcu_retire(old_page, free_page);                    // nobody can reach it any more
 *
 * Memory order: what a thread does in a read section happens before the callback, or the return from
 * thrum_rcu_synchronize, that waited for it; what happened before a retire, before its callback.
 *
 * Any thread; not signal handlers. Nothing here is a cancellation point.
 */
#ifndef THRUM_RCU_H
#define THRUM_RCU_H

#include <thrum/cpu.h>
#include <thrum/result.h>

/* Lies in what will be retired. Belongs to thrum from the retire to the callback. */
typedef struct thrum_rcu_head {
    struct thrum_rcu_head *next_;
    void (*callback_)(struct thrum_rcu_head *head);
} thrum_rcu_head;

typedef void thrum_rcu_callback(thrum_rcu_head *head);

THRUM_BEGIN_DECLS

/*
 * What is reachable between the two stays readable until the end. They nest. A read section never waits;
 * who sleeps inside one delays every callback.
 */
THRUM_API void thrum_rcu_read_begin(void);
THRUM_API void thrum_rcu_read_end(void);

/*
 * Makes sure that the helper runs. THRUM_OK; THRUM_NO_MEMORY, THRUM_NO_THREAD: nothing has changed, and it may be
 * tried again.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_rcu_prepare(void);

/*
 * Hands over what no new read section can reach: `callback` is called with it after a grace period, in the
 * helper, where it may retire more but must not wait, fork or end the thread. Never waits, cannot fail: where there
 * is no helper and none can be started it is kept until there is one (a later retire or thrum_rcu_prepare tries).
 * Inside read sections too.
 */
THRUM_API void thrum_rcu_retire(thrum_rcu_head *head, thrum_rcu_callback *callback);

/* Waits until every read section has ended that had begun before the call. Not inside a read section. */
THRUM_API void thrum_rcu_synchronize(void);

/*
 * Waits until everything that was retired before the call has been called back. Not inside a read section or a
 * callback. THRUM_OK; THRUM_NO_MEMORY, THRUM_NO_THREAD when there is no helper and none can be started.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_rcu_barrier(void);

THRUM_END_DECLS

#endif
