/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. What a thread object is inside; shared by the rooms thread, registry and hooks.
 *
 * state      set by                            means
 * NEW        making                            not started, or the start failed
 * STARTING   start, holding `lives`            listed and not yet seen: the system is asked for a thread
 * ALIVE      starter or thread, who is first   runs, or is about to
 * ENDED      the thread, holding `lives`       its target has returned, it is in the registry no more
 *
 * I1: a record has a reference for each handle, one for the thread from its start to its very end, and one
 *     for its place in the registry's table, which is given back a grace period after it left the table. So
 *     who finds a record in a read section may take a reference.
 * I2: `lives` guards the table's changes, the process's phase, names, and the states NEW, STARTING and ENDED.
 *     A fork holds it, so that a child finds no change half made. Readers of the table do not take it.
 * I3: the system's thread is joined by exactly one: who changes `joiner` from NOBODY. The others wait for
 *     `joined`. Who gives the last reference back while there is still NOBODY detaches it.
 */
#ifndef THRUM_SRC_THREAD_RECORD_H
#define THRUM_SRC_THREAD_RECORD_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <setjmp.h>
#include <thrum/hooks.h>
#include <thrum/lock.h>
#include <thrum/rcu.h>
#include <thrum/registry.h>
#include <thrum/thread.h>

#include "../atomic/tell.h"

enum { THRUM_THREAD_NEW, THRUM_THREAD_STARTING, THRUM_THREAD_ALIVE, THRUM_THREAD_ENDED };
enum { THRUM_NOBODY_JOINS, THRUM_SOMEBODY_JOINS };
/* Whose thread it is: made by start; the process's first; of others. Only the first can be joined. */
typedef enum thrum_thread_kind { THRUM_THREAD_OWN, THRUM_THREAD_MAIN, THRUM_THREAD_ALIEN } thrum_thread_kind;

typedef struct thrum_thread_record_ {
    thrum_thread self;    /* the counted object: points here */
    thrum_thread *handle; /* with which it was started; the thread alone reads it */
    thrum_u32 references;
    thrum_u32 state;
    thrum_thread_kind kind;
    thrum_u32 daemon;
    thrum_u32 shutting_down;
    thrum_u64 ident;
    thrum_u64 pthread; /* pthread_t as a number, written by starter and thread alike */
    thrum_u32 native_id;
    thrum_event said; /* native_id is there */
    thrum_event ended;
    thrum_event joined;
    thrum_u32 joiner;

    thrum_thread_target *target;
    thrum_thread_run *run;
    void *argument;
    void *value;
    size_t stack_size;
    uint64_t timer_slack_ns;
    thrum_u32 failed;
    int code;

    thrum_u64 trace, profile; /* functions as numbers */
    thrum_name name;
    struct thrum_thread_record_ *next, **place; /* in the table */
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
    jmp_buf *hook;           /* the way out of an exception hook or a callback that fails or exits */
    bool gone;               /* its record has been given back: it gets no other */
    bool shutting_down;
    bool tracing;
} thrum_here_state_;
extern __thread thrum_here_state_ thrum_here_
    __attribute__((visibility("hidden"), tls_model("initial-exec")));

/* thread.c */
void thrum_thread_drop_(thrum_thread_record_ *record);
void thrum_thread_end_(thrum_thread_record_ *record);

/* thread_process.c. */
typedef enum thrum_phase_ { THRUM_RUNNING, THRUM_WAITING, THRUM_ENDED_PHASE } thrum_phase_;
extern thrum_lock thrum_lives_ __attribute__((visibility("hidden")));
extern thrum_phase_ thrum_phase_now_ __attribute__((visibility("hidden"))); /* `lives` guards it */
thrum_result thrum_process_prepare_(void);

/* registry.c. The first five while `lives` is held. */
void thrum_registry_add_(thrum_thread_record_ *record);
void thrum_registry_remove_(thrum_thread_record_ *record);
thrum_thread_record_ *thrum_registry_to_wait_for_(void);
void thrum_registry_each_(void (*visit)(thrum_thread_record_ *record, uint64_t argument), uint64_t argument);
thrum_result thrum_registry_prepare_(void);
bool thrum_registry_keep_until_end_(thrum_thread_record_ *record);
size_t thrum_registry_default_stack_(void);
thrum_name thrum_registry_name_(const char *pattern, thrum_u64 *counter, const char *of);

/* registry_table.c. The first two while `lives` is held. */
#ifndef THRUM_TABLE_CHAINS
#define THRUM_TABLE_CHAINS 256u
#endif
void thrum_table_add_(thrum_thread_record_ *record, uint64_t ident);
void thrum_table_remove_(thrum_thread_record_ *record);
/* The first of a chain, and the next; within a read section, or holding `lives`. */
thrum_thread_record_ *thrum_table_first_(unsigned chain);
thrum_thread_record_ *thrum_table_next_(const thrum_thread_record_ *record);

/* hooks.c */
void thrum_hooks_report_(thrum_failing_ *failing);
/* Calls the function, a callback of others: its failing or exiting ends it alone, and is reported. */
void thrum_hooks_shield_(void (*function)(void *), void *argument);
void thrum_hooks_describe_(thrum_failing_ *failing, int code, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* hooks_trace.c */
void thrum_hooks_begin_thread_(thrum_thread_record_ *record); /* while `lives` is held */

#endif
