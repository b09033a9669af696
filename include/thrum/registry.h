/* SPDX-License-Identifier: MIT */
/*
 * registry: which threads there are; Python's threading.enumerate, active_count, current_thread, main_thread.
 *
 * Floor 4, in libthrum. It holds the main thread, every thread of thrum's that is alive, and those threads
 * that thrum did not start and that asked for their object. Using a primitive registers nobody.
 *
 * Cost        looking takes no lock: it goes along a table within a read section (thrum/rcu.h). Starts and
 *             exits never wait for it, nor it for them. A count or an enumeration is linear in the number
 *             of threads.
 * Aliens      thrum_current_thread in a thread that thrum did not start gives it one object: "Dummy-N", a
 *             daemon, alive, that can be neither started nor joined, and is gone when the thread exits.
 *
 *     thrum_thread **threads;
 *     size_t count;
 *     if (thrum_enumerate(&threads, &count) != THRUM_OK) return false;
 *     for (size_t i = 0; i < count; i++) printf("%s\n", thrum_thread_name(threads[i]).text);
 *     thrum_enumerate_release(threads, count);
 *
 * Fork        the child's main thread is the one that forked, and thrum_main_thread is its object;
 *             thrum/thread.h says more.
 *
 * Memory order: what a thread did before it started or registered is visible to a thread that finds it.
 *
 * Any thread; not signal handlers.
 */
#ifndef THRUM_REGISTRY_H
#define THRUM_REGISTRY_H

#include <thrum/self.h>
#include <thrum/thread.h>

THRUM_BEGIN_DECLS

/*
 * A snapshot of all that are alive, in the order of their idents, each with a reference; an array for
 * thrum_enumerate_release. THRUM_OK; THRUM_NO_MEMORY: both are left alone.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_enumerate(thrum_thread ***threads, size_t *count);

/* Releases each, and frees the array. */
THRUM_API void thrum_enumerate_release(thrum_thread **threads, size_t count);

/* How long thrum_enumerate's list would be. */
THRUM_API size_t thrum_active_count(void);

/*
 * The caller's own object. The caller has no reference to it: it is valid while the caller runs, unless
 * retained. NULL: there is no memory for that of an alien, or the thread's end is all but over.
 */
THRUM_API thrum_thread *thrum_current_thread(void);

/* The main thread's. Always there; valid always. */
THRUM_API thrum_thread *thrum_main_thread(void);

/* The living thread with this ident, with a reference; NULL when there is none. */
THRUM_API thrum_thread *thrum_thread_by_ident(uint64_t ident);

/* A number that is the calling thread's alone, never 0 and never given again. Registers nobody. */
THRUM_INLINE uint64_t thrum_get_ident(void) {
    return thrum_self_id();
}

/* The kernel's id of the calling thread; right after a fork, too. No system call with glibc. */
THRUM_API uint32_t thrum_get_native_id(void);

/*
 * Sets the stack of threads started from now on whose config does not say one; 0: the system's
 * default. `*old`, unless NULL, becomes what was set before. THRUM_OK; THRUM_INVALID: below THRUM_STACK_MIN
 * and not 0, and nothing has changed.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_stack_size(size_t size, size_t *old);

THRUM_END_DECLS

#endif
