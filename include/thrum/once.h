/* SPDX-License-Identifier: MIT */
/*
 * once: runs a function exactly once, however many threads ask for it.
 *
 * Four bytes. All-zero memory is a once that has not run; nothing allocates, nothing needs
 * destroying.
 *
 * Cost        one acquire load when it is done, inlined. The first run is two read-modify-writes,
 *             and one system call when another thread sleeps.
 * Failure     a function that does not return THRUM_OK leaves it open: its result goes to its own
 *             caller, and one of the waiters, or the next caller, tries again. So does a thread
 *             that ends within the function, and a C++ exception that leaves it; nobody is handed a
 *             result then. The function must not be left by longjmp.
 * Recursion   a function that asks for its own once, directly or in a signal handler that interrupts
 *             it, gets THRUM_DEADLOCK. Two functions in two threads, each asking for the other's
 *             once, wait for ever: what nests must nest in one order, as with locks.
 * Freed       the last user may free it as soon as it was answered THRUM_OK, or found it done, even if
 *             the call that ran the function has not returned yet: after its operation on the word
 *             that call touches the once no more (a FUTEX_WAKE on its address may follow).
 * Processes   not for memory that processes share.
 * Fork        a child calls thrum_once_reset_after_fork: what another thread of the parent was
 *             running will never end there.
 *
 *     static thrum_once configured = THRUM_ONCE_INIT;
 *
 *     if (thrum_once_run(&configured, read_configuration, NULL) != THRUM_OK) return false;
 *
 * Memory order: the function's end is a release, whether it succeeded or failed; a run that returns
 * THRUM_OK and a thrum_once_done that returns true are acquires that pair with it, and so is the
 * beginning of the next try. A timeout and a false answer are relaxed.
 *
 * Any thread may call everything; a signal handler thrum_once_done.
 */
#ifndef THRUM_ONCE_H
#define THRUM_ONCE_H

#include <thrum/atomic.h>
#include <thrum/deadline.h>
#include <thrum/self.h>

typedef struct thrum_once {
    thrum_u32 state;
} thrum_once;

typedef thrum_result thrum_once_function(void *argument);

#define THRUM_ONCE_INIT {{0}}

THRUM_STATIC_ASSERT(sizeof(thrum_once) == 4, "a once is four bytes");

/* The bits of the word; src/futex/once.c says who sets and who clears each. */
enum { THRUM_ONCE_DONE_ = 1 << 0, THRUM_ONCE_RUNNING_ = 1 << 1, THRUM_ONCE_WAITERS_ = 1 << 2 };

/* What thrum_once_begin_ answers when it is the caller who is to run the function. */
#define THRUM_ONCE_YOURS_ THRUM_STATE

THRUM_BEGIN_DECLS

THRUM_API thrum_result thrum_once_begin_(thrum_once *once, thrum_deadline deadline) THRUM_COLD;
THRUM_API void thrum_once_end_(thrum_once *once, thrum_result result) THRUM_COLD;
THRUM_API void thrum_once_abandon_(void *object) THRUM_COLD;
/* Everything but the look. */
THRUM_API thrum_result thrum_once_call_(thrum_once *once, thrum_once_function *function, void *argument,
                                        thrum_deadline deadline) THRUM_COLD;

/* Makes a once that has not run. The same as all-zero memory. */
THRUM_INLINE void thrum_once_init(thrum_once *once) {
    thrum_u32_store_relaxed(&once->state, 0);
}

/* Whether the function has run and succeeded, at the moment of looking. */
THRUM_INLINE bool thrum_once_done(const thrum_once *once) {
    /* once.O1: acquire, pairs with once.O2 */
    return (thrum_u32_load_acquire(&once->state) & THRUM_ONCE_DONE_) != 0;
}

/*
 * Runs function(argument), unless it has succeeded before; waits while another thread runs it.
 * THRUM_OK: it has succeeded. THRUM_DEADLOCK: the caller is inside the function. Every other result
 * is the function's own. Not a cancellation point.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_once_run(thrum_once *once, thrum_once_function *function,
                                                        void *argument) {
    if (THRUM_LIKELY(thrum_once_done(once))) return THRUM_OK;
    return thrum_once_call_(once, function, argument, THRUM_FOREVER);
}

/*
 * The same, but does not wait for another thread beyond the deadline: THRUM_TIMEOUT, and the other
 * goes on. A function that nobody is running is run whatever the deadline, and for as long as it
 * takes. Signals neither shorten nor lengthen the wait.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_once_run_until(thrum_once *once, thrum_once_function *function,
                                                              void *argument, thrum_deadline deadline) {
    if (THRUM_LIKELY(thrum_once_done(once))) return THRUM_OK;
    return thrum_once_call_(once, function, argument, deadline);
}

/*
 * In the only thread of a forked child: forgets the waiters, and opens what another thread was
 * running. What the caller itself is running, and what is done, stays so.
 */
THRUM_API void thrum_once_reset_after_fork(thrum_once *once);

/*
 * Writes the state as text ("once: done"), cut to `size` bytes with its final NUL, and returns the
 * length of the whole text, as snprintf does.
 */
THRUM_API size_t thrum_once_describe(const thrum_once *once, char *text, size_t size);

THRUM_END_DECLS

#endif
