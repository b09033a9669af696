/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. What a thread object is inside; shared by the rooms thread, registry and hooks.
 *
 * state      set by                                    means
 * NEW        making                                    not started, or the start failed
 * STARTING   start, holding `lives`                    listed, not seen: the system is asked for a thread
 * ALIVE      starter or thread, the first of the two   runs, or is about to
 * ENDED      the thread                                its target has returned; listed, and not seen
 *
 * thread.I1: `references` counts the handles, and has a bit for each other share in the record: the
 *     starter's, while its call of start lasts; the thread's, from the start until it leaves the table; the
 *     table's, which is given back a grace period after that. So a reader that finds a record in a read
 *     section may take a reference. The first thread's record is never freed: the table has no share in it.
 * thread.I2: `lives` guards the table's changes, the process's phase, names, and the states NEW and STARTING.
 *     A fork holds it, so that a child finds no change half made. Readers of the table do not take it.
 * thread.I3: one thread joins the system's or detaches it: the one that changes `joiner` from NOBODY. Other
 *     joiners wait for `joined`, or for `gone` if it is detached. The step that leaves no share but the
 *     table's detaches: the thread's own, if its object has been released before, else the last holder's. So
 *     a thread that nobody joins is detached before its end and its object's release are over, and not a
 *     grace period later. A reader may take a reference after that (thread.I1), and join: then the thread is
 *     as good as gone.
 * thread.I4: a thread leaves the table at its very end: all destructors of its thread-local values have run.
 *     Then it sets `gone`. So a wait for `gone` is all that a join needs a deadline for, and a shutdown that
 *     finds nobody in the table waits for no destructor.
 * thread.I5: `process` numbers the process in which the record was last started. In a forked child the
 *     records of other processes are those of threads that are no more: ended and joined, whatever their
 *     words say, and only handles count of their references. One kind is never freed there: the record of a
 *     thread that has left the table and has not retired the record yet when another thread forks. The child
 *     cannot tell the table's share in it from one that rcu's helper will give back.
 */
#ifndef THRUM_SRC_THREAD_RECORD_H
#define THRUM_SRC_THREAD_RECORD_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <thrum/hooks.h>
#include <thrum/lock.h>
#include <thrum/rcu.h>
#include <thrum/registry.h>
#include <thrum/thread.h>
#include <unwind.h>

#include "../atomic/tell.h"
#include "../rcu/rank.h"
#include "context.h"

enum { THRUM_THREAD_NEW, THRUM_THREAD_STARTING, THRUM_THREAD_ALIVE, THRUM_THREAD_ENDED };
enum { THRUM_NOBODY_JOINS, THRUM_SOMEBODY_JOINS, THRUM_DETACHED };
/*
 * The round of the C library's destructors in which a thread's end is over. In the last one sanitizers take
 * down what they keep for the thread, and no code that they instrument may run after that.
 */
#define THRUM_LAST_ROUND (PTHREAD_DESTRUCTOR_ITERATIONS - 1)
/* The shares in a record (thread.I1). */
enum { THRUM_HANDLE = 1, THRUM_STARTER = 1 << 28, THRUM_THREAD = 1 << 29, THRUM_TABLE = 1 << 30 };
/* Whose thread it is: made by start; the process's first; of others. Only the first can be joined. */
typedef enum thrum_thread_kind { THRUM_THREAD_OWN, THRUM_THREAD_MAIN, THRUM_THREAD_ALIEN } thrum_thread_kind;

typedef struct thrum_thread_record_ {
    thrum_thread self;    /* the counted object: points here */
    thrum_thread *handle; /* with which it was started; the thread alone reads it */
    thrum_u32 references; /* thread.I1 */
    thrum_u32 state;
    struct thrum_thread_record_ *after; /* in the table's row: beside what a reader of the row looks at */
    thrum_thread_kind kind;
    thrum_u32 daemon;
    thrum_u32 shutting_down;
    thrum_u64 ident;
    thrum_u64 pthread; /* pthread_t as a number, written by starter and thread alike */
    thrum_u32 native_id;
    thrum_u64 waits;  /* the thread's own thrum_waits_, as an address; 0: it has not begun yet */
    uint32_t process; /* thread.I5 */
    thrum_event said; /* native_id is there */
    thrum_event ended;
    thrum_event gone; /* thread.I4 */
    thrum_event joined;
    thrum_u32 joiner;

    thrum_thread_target *target;
    thrum_thread_run *run;
    void *argument;
    void *value;
    size_t stack_size;
    uint64_t timer_slack_ns;
    thrum_u32 how;           /* a thrum_context */
    thrum_context_ inherits; /* from the start until the thread has begun */
    thrum_u32 failed;
    int code;

    thrum_u64 trace, profile; /* functions as numbers */
    thrum_name name;
    struct thrum_thread_record_ *next, **place; /* in its chain of the table */
    struct thrum_thread_record_ **row_place;
    thrum_rcu_head retired;
} thrum_thread_record_;

/* How a thread failed, until the hook is told. Lies on the thread's own stack. */
typedef struct thrum_failing_ {
    bool failed;
    int code;
    char message[256];
    size_t frames;
    void *backtrace[64];
} thrum_failing_;

/* What floor 4 knows of the calling thread. */
typedef struct thrum_here_state_ {
    thrum_thread_record_ *record;
    thrum_failing_ *failing; /* where to write down a failure; NULL in threads that thrum did not start */
    struct thrum_landing_ *landing; /* the innermost; NULL: a failure or an exit ends the thread */
    bool gone;                      /* its record has been given back: it gets no other */
    unsigned rounds;                /* of destructors of keys that it has gone through */
    bool shutting_down;
    bool tracing;
} thrum_here_state_;
/* thread_state.c */
extern thrum_lock thrum_lives_ __attribute__((visibility("hidden")));
THRUM_RANK(10, thrum_lives_);
extern __thread thrum_here_state_ thrum_here_ __attribute__((visibility("hidden"), THRUM_TLS_MODEL_));

/* thread.c */
void thrum_thread_drop_(thrum_thread_record_ *record, uint32_t share);
/* The target is over. */
void thrum_thread_end_(thrum_thread_record_ *record);
/* The very end, of which the record hears last. */
void thrum_thread_leave_(thrum_thread_record_ *record);

/* thread_process.c. */
typedef enum thrum_phase_ { THRUM_RUNNING, THRUM_WAITING, THRUM_ENDED_PHASE } thrum_phase_;
extern thrum_phase_ thrum_phase_now_ __attribute__((visibility("hidden"))); /* `lives` guards it */
thrum_result thrum_process_prepare_(void);
/* In the only thread of a forked child: the process is at its beginning. */
void thrum_process_begin_in_child_(void);

/* registry_fork.c */
/* How many forks lie between the first process and this one (thread.I5). Changes in a child's only thread. */
extern uint32_t thrum_process_number_ __attribute__((visibility("hidden")));
thrum_result thrum_fork_prepare_(void);

/* registry.c. The first five while `lives` is held. */
void thrum_registry_add_(thrum_thread_record_ *record);
void thrum_registry_remove_(thrum_thread_record_ *record);
thrum_thread_record_ *thrum_registry_to_wait_for_(void);
void thrum_registry_each_(void (*visit)(thrum_thread_record_ *record, uint64_t argument), uint64_t argument);
thrum_result thrum_registry_prepare_(void);
bool thrum_registry_keep_until_end_(thrum_thread_record_ *record);
void thrum_registry_leave_(thrum_thread_record_ *record);
void thrum_registry_begin_in_child_(void);
size_t thrum_registry_default_stack_(void);
thrum_name thrum_registry_name_(const char *pattern, thrum_u64 *counter, const char *of);

/* registry_table.c. The first two while `lives` is held. */
#ifndef THRUM_TABLE_CHAINS
#define THRUM_TABLE_CHAINS 256u
#endif
void thrum_table_add_(thrum_thread_record_ *record, uint64_t ident);
void thrum_table_remove_(thrum_thread_record_ *record);
/*
 * The first of the chain of an ident, and the next; the first of all, and the one after. Within a read
 * section, or holding `lives`.
 */
thrum_thread_record_ *thrum_table_chain_(uint64_t ident);
thrum_thread_record_ *thrum_table_next_(const thrum_thread_record_ *record);
thrum_thread_record_ *thrum_table_first_(void);
thrum_thread_record_ *thrum_table_after_(const thrum_thread_record_ *record);

/* local.c */
extern thrum_lock thrum_locals_ __attribute__((visibility("hidden")));
THRUM_RANK(11, thrum_locals_);
/* Destroys the calling thread's values. It makes none any more. */
void thrum_local_finish_(void);
/* In the only thread of a forked child, while `locals` is held: the tables of others are freed. */
void thrum_local_begin_in_child_(void);

/* How a function of the caller's was left. */
typedef enum thrum_left_ {
    THRUM_LEFT_RETURNING,
    THRUM_LEFT_FAILING, /* by thrum_thread_fail */
    THRUM_LEFT_EXITING, /* by thrum_thread_exit */
    THRUM_LEFT_ENDING   /* by pthread_exit, or cancelled */
} thrum_left_;

/* Where thrum_thread_fail and thrum_thread_exit lead to; hooks_call.c. */
typedef struct thrum_landing_ {
    jmp_buf way;
#ifdef __GLIBC__
    __pthread_unwind_buf_t entry;
    struct _Unwind_Exception unwinding;
    uintptr_t frame; /* of what the unwinding leads to */
#endif
    void (*function)(void *argument);
    void *argument;
    thrum_left_ left;
    void *value; /* of thrum_thread_exit */
    thrum_here_state_ outer;
} thrum_landing_;

/* hooks.c */
void thrum_hooks_report_(thrum_failing_ *failing);

/* hooks_call.c */
/* Calls a function of the caller's, shielded: its failing or exiting ends it alone; a failure is reported. */
void thrum_hooks_shield_(void (*function)(void *), void *argument);
/*
 * Takes steps, each shielded, until one returns false. A step that calls a function of the caller's has taken
 * it off its list before: whatever way the function is left, the next step follows.
 */
void thrum_hooks_each_(bool (*step)(void *argument), void *argument);
/*
 * The same as the first without the report; the caller ends the thread by thrum_hooks_go_on_ending_ if it is
 * THRUM_LEFT_ENDING.
 */
thrum_left_ thrum_hooks_shield_with_(void (*function)(void *), void *argument, thrum_failing_ *failing);
void thrum_hooks_go_on_ending_(void) __attribute__((noreturn));
/*
 * In a thread of the library's own, outermost: every way out leads back here, and the thread may go on. After
 * THRUM_LEFT_ENDING not for long: the C library takes it for ending. *value is that of thrum_thread_exit.
 */
thrum_left_ thrum_hooks_call_(void (*function)(void *), void *argument, thrum_failing_ *failing,
                              void **value);
/* Leads to the innermost landing. */
void thrum_hooks_leave_(thrum_left_ how, void *value) __attribute__((noreturn));

/* hooks.c */
void thrum_hooks_describe_(thrum_failing_ *failing, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* hooks_trace.c */
void thrum_hooks_begin_thread_(thrum_thread_record_ *record); /* while `lives` is held */

#endif
