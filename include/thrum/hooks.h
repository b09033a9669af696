/* SPDX-License-Identifier: MIT */
/*
 * hooks: how a thread fails and what is told of it, and functions that are called for what threads do;
 * Python's threading.excepthook, settrace and setprofile.
 *
 * Floor 4, in libthrum.
 *
 * Failing     a thread fails by thrum_thread_fail, by a run that does not return THRUM_OK, or by a C++
 *             exception (thrum.hpp). It ends, what it holds through THRUM_WITH is released, it is unwound,
 *             and then the exception hook is called, in that thread, which is still alive and registered.
 *             The process goes on.
 * Report      the default hook writes which thread failed, where and why to stderr, in one write. Names of
 *             functions are those that the dynamic linker knows (-rdynamic for the program's own); for others
 *             it writes the object and the offset in it, which addr2line takes. The backtrace is the
 *             compiler's own unwinder's: no library beyond it, and no memory.
 * Ways out    a function of the program's that the library calls in somebody's thread (a future's callback, a
 *             hook, a trace function, a drop, a destructor, an at_shutdown function) ends alone by
 *             thrum_thread_fail, which the hook is told, and by thrum_thread_exit. pthread_exit and
 *             cancellation end the thread, and a C++ exception goes on to the thread's own code, each after
 *             what the library still had to do. A function that the program hands to a call of its own (a
 *             once's, a barrier's action, a predicate, an initialiser, a visitor) ends its thread by all of
 *             these. Either way destructors and the handlers of pthread_cleanup_push run, and no object is
 *             left half-done.
 * Tracing     a program compiled with -finstrument-functions calls the trace and the profile function at
 *             every function's entry and return; the start and the end of threads are told in all programs.
 *             Off, an instrumented function pays two calls and two loads for it.
 *
 *     thrum_set_excepthook(tell_the_operator);                  // a function of the program's own
 *     ...
 *     if (balance < 0) thrum_thread_fail(1, "the balance is %d", balance);
 *
 * Memory order: setting a hook is a release, calling it an acquire.
 *
 * Any thread; not signal handlers.
 */
#ifndef THRUM_HOOKS_H
#define THRUM_HOOKS_H

#include <thrum/atomic.h>
#include <thrum/thread.h>

/* Valid while the hook runs. */
typedef struct thrum_failure {
    int code;
    const char *message;
    thrum_thread *thread;   /* NULL when there was no memory for an alien's object */
    void *const *backtrace; /* return addresses, the innermost call first */
    size_t frames;          /* 0: a run returned an error */
} thrum_failure;

typedef void thrum_excepthook(const thrum_failure *failure);

typedef enum thrum_trace_event {
    THRUM_TRACE_CALL, /* a function, and where it was called from */
    THRUM_TRACE_RETURN,
    THRUM_TRACE_THREAD_START, /* in the thread, before its target; both addresses are NULL */
    THRUM_TRACE_THREAD_END
} thrum_trace_event;

/* Not called for what it does itself. One that fails or exits ends alone, and is called again. */
typedef void thrum_trace_function(thrum_trace_event event, void *function, void *call_site);

THRUM_BEGIN_DECLS

/*
 * Ends the calling thread as failed, with a code and a message (as printf; cut to 255 bytes). In main and in
 * threads that thrum did not start the hook is called before the unwinding; main's end does not end the
 * process.
 */
THRUM_API void thrum_thread_fail(int code, const char *format, ...)
    __attribute__((noreturn, cold, format(printf, 2, 3)));

/*
 * Sets the function that is told of failures; NULL: thrum_default_excepthook. Hands back the one before. It
 * is looked up when a thread has failed. One that fails itself ends there; the failure is then reported by
 * the default, below the line "Exception in threading.excepthook:" and the hook's own failure.
 * thrum_thread_exit is no failure: no hook is told of it (Python's is told of SystemExit, and its default
 * says nothing).
 */
THRUM_API thrum_excepthook *thrum_set_excepthook(thrum_excepthook *hook);
THRUM_API thrum_excepthook *thrum_get_excepthook(void);

/* Writes the report to stderr. */
THRUM_API void thrum_default_excepthook(const thrum_failure *failure);

/* The function that threads started later begin with; NULL: none. Of trace and profile both are called. */
THRUM_API void thrum_set_trace(thrum_trace_function *function);
THRUM_API void thrum_set_profile(thrum_trace_function *function);
THRUM_API thrum_trace_function *thrum_get_trace(void);
THRUM_API thrum_trace_function *thrum_get_profile(void);

/*
 * The same, and at once for all threads that run, those that thrum did not start too. Starts wait meanwhile.
 */
THRUM_API void thrum_set_trace_all_threads(thrum_trace_function *function);
THRUM_API void thrum_set_profile_all_threads(thrum_trace_function *function);

/* Not 0: some thread has a trace or profile function. */
extern THRUM_API thrum_u32 thrum_tracing_;
THRUM_API void thrum_trace_tell_(thrum_trace_event event, void *function, void *call_site);

/*
 * What the compiler's __cyg_profile_func_enter and _exit call. Those stand in a member of the archive of
 * their own: a program that defines them itself links, and may call these.
 */
THRUM_INLINE void thrum_trace_enter(void *function, void *call_site) {
    /* relaxed: the function itself is read with acquire */
    if (THRUM_UNLIKELY(thrum_u32_load_relaxed(&thrum_tracing_)))
        thrum_trace_tell_(THRUM_TRACE_CALL, function, call_site);
}

THRUM_INLINE void thrum_trace_exit(void *function, void *call_site) {
    if (THRUM_UNLIKELY(thrum_u32_load_relaxed(&thrum_tracing_))) /* relaxed: as above */
        thrum_trace_tell_(THRUM_TRACE_RETURN, function, call_site);
}

THRUM_END_DECLS

#endif
