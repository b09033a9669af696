/* SPDX-License-Identifier: MIT */
/*
 * thread: threads as objects; Python's threading.Thread, and what happens to them when the process ends.
 *
 * Floor 4, in libthrum. A `thrum_thread` is a handle of one pointer to a counted object. Either
 * thrum_thread_new makes it, and it is used by pointer; or it is embedded in a struct of the caller's, which
 * carries arguments in and results out, and thrum_thread_init makes it. Every function takes both.
 *
 *     static thrum_thread_config config;      // in C: = {THRUM_TARGET(serve), .name = "server"}
 *     config.target = serve;
 *     config.name = "server";
 *
 *     thrum_thread *thread;
 *     if (thrum_thread_spawn(&thread, &config) != THRUM_OK) return false;
 *     ...
 *     thrum_thread_join(thread, NULL);
 *     thrum_thread_release(thread);
 *
 * Cost        start and join together are within a tenth of pthread_create and pthread_join.
 * Ends        when its target or run returns, by thrum_thread_exit, and by thrum_thread_fail (thrum/hooks.h):
 *             then what it holds through THRUM_WITH is released first. By pthread_exit and by cancellation,
 *             too: but then C code that is compiled without -fexceptions releases nothing.
 * Freed       the object, when its last reference is released and the thread has ended, joined or not. A
 *             struct with an embedded thread: after a join, and thrum_thread_release, or when it was never
 *             started. The starter's call may still be returning then.
 * Process     the end has two phases. Waiting: thrum_shutdown runs what thrum_at_shutdown was given, the last
 *             first, and waits for every thread that is not a daemon, those started meanwhile too, until its
 *             thread-local values are destroyed. Ended: no thread starts any more, and daemons are abandoned
 *             to the exit. thrum_shutdown is meant as the last line of main; an exit handler, registered by
 *             the first start, does it for programs that forget, on `return` from main and on exit(n), whose
 *             n is kept. Handlers that are registered after it, and destructors of C++ objects with static
 *             storage that are built after it, run before it. _exit, quick_exit, abort and exec do not wait.
 *             A thread that calls exit is not waited for; with glibc 2.41 and later it must not do so while
 *             another thread's exit waits for it.
 * Fork        the child has the forking thread, which is its main thread, and no other. Every other thread of
 *             the parent counts as ended and joined there, whatever it was amid: its object can be asked,
 *             joined and released at once. The child's main thread keeps its daemon flag; a thread that thrum
 *             did not start becomes "MainThread" and no daemon. The child is a process at its beginning, also
 *             when the fork was in an at_shutdown function, an exit handler or a destructor: threads start,
 *             and its exit waits for them. An at_shutdown function that returns in the child returns to a
 *             shutdown that goes on there: it calls the functions that are left, and waits. vfork and raw
 *             clone are not supported.
 *
 * Memory order: what happened before the start happens before the target; what happens in the thread
 * happens before every join that returns THRUM_OK. is_alive and the like are relaxed.
 *
 * Any thread may call everything; no signal handler may. Nothing here is a cancellation point.
 */
#ifndef THRUM_THREAD_H
#define THRUM_THREAD_H

#include <thrum/deadline.h>
#include <thrum/event.h>
#include <thrum/local.h>
#include <thrum/result.h>

/* What a name holds at most, its end included. The kernel's own name of a thread holds 16. */
#define THRUM_NAME_SIZE 64
/* The smallest stack that can be asked for. */
#define THRUM_STACK_MIN ((size_t)32 * 1024)

typedef struct thrum_thread {
    struct thrum_thread_record_ *record_;
} thrum_thread;

typedef void *thrum_thread_target(void *argument);
/* Not THRUM_OK: the thread has failed, and the exception hook is told. */
typedef thrum_result thrum_thread_run(thrum_thread *self);

typedef enum thrum_daemon {
    /* As the thread that makes it: main is none, a thread that thrum did not start is one. */
    THRUM_DAEMON_INHERIT,
    THRUM_DAEMON_YES,
    THRUM_DAEMON_NO
} thrum_daemon;

/* All-zero but for a target or a run is a config. */
typedef struct thrum_thread_config {
    thrum_thread_target *target; /* this, called with the argument, */
    const char *target_name;     /* and shown in the default name: THRUM_TARGET sets both */
    thrum_thread_run *run;       /* or this, called with the handle that was started */
    void *argument;
    const char *name; /* NULL: "Thread-N" or "Thread-N (target)" */
    thrum_daemon daemon;
    size_t stack_size;       /* 0: thrum_stack_size decides */
    uint64_t timer_slack_ns; /* how late its timed waits may be woken; 0: as the starter's (50 µs, mostly) */
    thrum_context context;   /* what it begins with; Thread(context=) */
} thrum_thread_config;

#define THRUM_TARGET(function) .target = (function), .target_name = #function

/* A name by value: printf("%s", thrum_thread_name(thread).text). */
typedef struct thrum_name {
    char text[THRUM_NAME_SIZE];
} thrum_name;

typedef void thrum_shutdown_function(void *argument);

THRUM_BEGIN_DECLS

/*
 * Makes a thread object, with one reference, the caller's. THRUM_OK; THRUM_INVALID: not exactly one of target
 * and run, or a stack below THRUM_STACK_MIN; THRUM_OVERFLOW: a name of THRUM_NAME_SIZE bytes or more;
 * THRUM_NO_MEMORY. `*thread` is left alone unless THRUM_OK.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_thread_new(thrum_thread **thread,
                                                       const thrum_thread_config *config);

/* The same for an embedded one. The caller releases it, started or not. */
THRUM_API THRUM_MUST_USE thrum_result thrum_thread_init(thrum_thread *thread,
                                                        const thrum_thread_config *config);

/*
 * Makes and starts. With `thread` NULL nobody has a handle: the thread runs, is waited for by the process's
 * end unless it is a daemon, and frees itself. Results of new and of start; then nothing is left behind.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_thread_spawn(thrum_thread **thread,
                                                         const thrum_thread_config *config);

/*
 * One more reference. Hands back the counted object, which of an embedded thread is another handle than
 * the argument: it stays valid when the struct is gone. The registry knows threads by their counted objects.
 */
THRUM_API thrum_thread *thrum_thread_retain(thrum_thread *thread);

/* Gives a reference back; an embedded handle is empty afterwards. NULL and an empty handle: nothing. */
THRUM_API void thrum_thread_release(thrum_thread *thread);

/*
 * Starts it. On THRUM_OK the thread exists, is alive, has its ident and is in the registry.
 * THRUM_ALREADY_STARTED: also after its end, and for main and threads that thrum did not start;
 * THRUM_FINALIZING; THRUM_NO_THREAD: the system refused one (a limit, a sandbox); THRUM_NO_MEMORY;
 * THRUM_INVALID: an empty handle, or a stack that the system does not accept. After a failure nothing is
 * registered, and it may be tried again; a failed start waits for a grace period, so not inside a read
 * section of thrum/rcu.h. The thread begins with copies of the calling thread's inherited locals
 * (thrum/local.h); what a copier returned that failed is returned.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_thread_start(thrum_thread *thread);

/*
 * Calls its target or its run in the calling thread, as a plain function: Thread.run() called directly. No
 * thread is started, and the object stays as it is: it may be started before, later or never. `*value`,
 * unless NULL, becomes what the target returned. THRUM_OK; what its run returned, of which no hook is told;
 * THRUM_INVALID: an empty handle; THRUM_STATE: main, or a thread that thrum did not start.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_thread_run_here(thrum_thread *thread, void **value);

/*
 * Waits until it has ended: its cleanups have run, its thread-local values are destroyed, and no code
 * of it runs any more. Any number of threads may, any number of times. `*value`, unless NULL, becomes what
 * the target returned or thrum_thread_exit was given; NULL when the thread failed. THRUM_OK;
 * THRUM_NOT_STARTED; THRUM_DEADLOCK: it is the caller; THRUM_STATE: a thread that thrum did not start;
 * THRUM_FINALIZING: a daemon that runs on while the process ends. The main thread ends when thrum_shutdown
 * begins to wait, or when it fails or exits and its thread-local values are destroyed.
 */
THRUM_API thrum_result thrum_thread_join(thrum_thread *thread, void **value);

/*
 * The same up to the deadline; THRUM_TIMEOUT, also while destructors of thread-local values run. Only a
 * destructor of a pthread key of the program's own can hold it up beyond the deadline, and only if it sets
 * the key anew in every round that the C library makes, but for the last. A daemon may be waited for like
 * this at any time.
 */
THRUM_API thrum_result thrum_thread_join_until(thrum_thread *thread, void **value, thrum_deadline deadline);

/*
 * Ends the calling thread: releases what it holds through THRUM_WITH, unwinds (C++ destructors, cleanup
 * handlers), and hands `value` to join. No failure. In a thread that thrum did not start, and in main: as
 * pthread_exit.
 */
THRUM_API void thrum_thread_exit(void *value) __attribute__((noreturn));

/* "" for an empty handle. */
THRUM_API thrum_name thrum_thread_name(const thrum_thread *thread);

/*
 * Renames it, at any time. The kernel's name follows at the start, and when a thread renames itself, cut to
 * 15 bytes. THRUM_OK; THRUM_OVERFLOW: THRUM_NAME_SIZE bytes or more, and nothing has changed.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_thread_set_name(thrum_thread *thread, const char *name);

/* thrum_get_ident of the thread (thrum/registry.h): 0 until it is started, and kept after its end. */
THRUM_API uint64_t thrum_thread_ident(const thrum_thread *thread);

/* The kernel's thread id; 0 until started; kept. Waits until a thread just started has said it. */
THRUM_API uint32_t thrum_thread_native_id(const thrum_thread *thread);

/* From the start, just before its run begins, until just after it has ended. */
THRUM_API bool thrum_thread_is_alive(const thrum_thread *thread);

/* Whether the process's end does not wait for it. */
THRUM_API bool thrum_thread_daemon(const thrum_thread *thread);

/* THRUM_OK; THRUM_ALREADY_STARTED: nothing has changed. */
THRUM_API THRUM_MUST_USE thrum_result thrum_thread_set_daemon(thrum_thread *thread, bool daemon);

/*
 * Says what it begins with, in its config's place: of a timer, `&timer.thread`. THRUM_OK;
 * THRUM_ALREADY_STARTED: nothing has changed.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_thread_set_context(thrum_thread *thread, thrum_context context);

/* Whether it has ended by failing; then its code in `*code`, unless NULL. */
THRUM_API bool thrum_thread_failed(const thrum_thread *thread, int *code);

/*
 * An event that is set when its target is over, for thrum_wait_any; destructors of its thread-local values
 * may still run. It lives as long as the handle's reference.
 */
THRUM_API thrum_event *thrum_thread_ended(thrum_thread *thread);

/*
 * The state as text, for logs and debuggers, cut to `size` with its final NUL; the length of the whole, as
 * snprintf.
 */
THRUM_API size_t thrum_thread_describe(const thrum_thread *thread, char *text, size_t size);

/*
 * The process's end, up to where it exits: see above. The last line of main, so that objects on main's stack
 * live until no thread can use them. Any thread, again and again; a thread that calls it is not waited for,
 * main neither.
 */
THRUM_API void thrum_shutdown(void);

/*
 * `function` is called with the argument by thrum_shutdown, before it waits; the last registered first. To
 * ask threads to end. One that fails or exits (thrum/hooks.h) ends alone: the exception hook is told of a
 * failure, and the shutdown goes on. THRUM_OK; THRUM_NO_MEMORY; THRUM_FINALIZING: thrum_shutdown has begun.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_at_shutdown(thrum_shutdown_function *function, void *argument);

/*
 * The slice for which the scheduler lets the calling thread run when another one wants its processor;
 * sys.setswitchinterval's counterpart. 100 000 to 100 000 000 ns; threads that it starts later inherit it.
 * THRUM_OK: the kernel has taken it; THRUM_INVALID: outside that range; THRUM_UNSUPPORTED: before Linux 6.12,
 * a sandbox, or a scheduling policy without slices. Nothing else of the thread's scheduling is changed.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_set_switch_interval(uint64_t ns);

/* The calling thread's slice in ns; 0 where the kernel does not tell. */
THRUM_API uint64_t thrum_get_switch_interval(void);

#if defined(THRUM_CHECKED) && !defined(THRUM_CHECKED_INSIDE_)
THRUM_API thrum_result thrum_checked_thread_join_(thrum_thread *thread, void **value);
#define thrum_thread_join thrum_checked_thread_join_
#endif

THRUM_END_DECLS

#endif
