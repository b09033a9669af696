/* SPDX-License-Identifier: MIT */
/*
 * self: which thread is calling, and which guards it holds.
 *
 * Floor 2. Works in every thread, those that thrum did not start too, and registers nobody. Holds
 * the only thread-local variable of floors 1 and 2.
 *
 * A thread's slot is its place in arrays that threads share, each writing its own place only:
 *
 *     counts[thrum_self_slot()]++;
 *
 * THRUM_WITH and THRUM_HOLD (thrum/with.h) link each guard into a chain while its block runs. A
 * runtime that ends a thread with `pthread_exit` drains that chain first, because C code compiled
 * without `-fexceptions` skips cleanups there without a word:
 *
 *     thrum_self_release_guards();
 *     pthread_exit(NULL);
 *
 * Copies      a program and its plugins may each contain the static library. All copies know a thread by one
 *             id and one slot, so objects may be shared between them. Guards stay with the copy whose
 *             THRUM_WITH made them: a thread that is ended by another copy does not release them.
 * Unloading   dlclose may unload a plugin that contains the core alone, when nothing of the plugin's is in
 *             use any more; unless another copy has found the plugin's to be the first in the process: then
 *             it stays. One that contains all of the library stays from the moment in which it is loaded.
 */
#ifndef THRUM_SELF_H
#define THRUM_SELF_H

#include <thrum/atomic.h>

/* One held object. Lives in the block that holds it; belongs to THRUM_WITH. */
typedef struct thrum_guard_ {
    void (*release)(void *object); /* NULL: a fence, see thrum_self_call_ */
    void *object;                  /* NULL: holds nothing, or nothing any more */
    struct thrum_guard_ *outer;
} thrum_guard_;

/* What a thread waits for. src/futex/waited.c writes it; thrum_dump and debuggers read it. */
typedef struct thrum_waits_ {
    thrum_u32 turn, kind;
    thrum_u64 object, site, since_ns, waited_ns;
} thrum_waits_;

/* What each thread has of its own: the thread-local variable. src/futex/self.c says who writes it. */
typedef struct thrum_self_state_ {
    uint64_t id; /* 0: not yet drawn */
    thrum_guard_ *innermost;
    uint32_t slot; /* 0: not yet drawn; else one more than the slot */
    thrum_waits_ waits;
} thrum_self_state_;

/* Slots are 0 … THRUM_SELF_SLOTS - 1; exploration has fewer. */
#ifdef THRUM_SELF_SLOTS_
#define THRUM_SELF_SLOTS THRUM_SELF_SLOTS_
#else
#define THRUM_SELF_SLOTS 1024
#endif

THRUM_BEGIN_DECLS

/* Visible so that the number is read inline: one load relative to the thread pointer. */
extern THRUM_API __thread thrum_self_state_ thrum_self_ __attribute__((THRUM_TLS_MODEL_));

THRUM_API uint64_t thrum_self_draw_id_(void) THRUM_COLD;

/*
 * A number for a thread that does not run yet; the thread adopts it before it asks for one. For thread
 * objects.
 */
THRUM_API uint64_t thrum_self_reserve_id_(void);
THRUM_API void thrum_self_adopt_id_(uint64_t id);

/*
 * A number that is this thread's alone: never 0, never given again in the life of the process,
 * the same in a forked child. Not the kernel's thread id. Inlined; the thread's first call draws
 * it. Any thread; not signal handlers, unless the thread has called it before.
 */
THRUM_INLINE uint64_t thrum_self_id(void) {
    const uint64_t id = thrum_self_.id;
    return THRUM_LIKELY(id != 0) ? id : thrum_self_draw_id_();
}

THRUM_API uint32_t thrum_self_draw_slot_(void) THRUM_COLD;

/*
 * A small number that no other living thread has; THRUM_SELF_SLOTS for threads that find all of them taken.
 * The same for as long as the thread lives. A thrum_thread gives it back as it ends, before a join returns;
 * that of another thread is taken back some time after its end. A thread that gets a number sees what its
 * former owners wrote. Inlined; the thread's first call draws it, with system calls. Any thread; not signal
 * handlers, unless the thread has called it before.
 */
THRUM_INLINE uint32_t thrum_self_slot(void) {
    const uint32_t slot = thrum_self_.slot;
    return THRUM_LIKELY(slot != 0) ? slot - 1 : thrum_self_draw_slot_();
}

/*
 * In the only thread of a forked child: the slots of the parent's other threads are free. Until it is called
 * they are taken. libthrum calls it by itself.
 */
THRUM_API void thrum_self_reset_after_fork(void);

/* Gives the caller's slot back. For thread objects. */
THRUM_API void thrum_self_leave_slot_(void);

/*
 * Releases everything that this thread holds through THRUM_WITH and THRUM_HOLD, innermost
 * first. The blocks must not be returned to, or only to leave them: their own release then does
 * nothing. Any thread, for itself.
 */
THRUM_API void thrum_self_release_guards(void);

/* Forgets them without a release: their blocks' stack is gone. For thread objects. */
THRUM_API void thrum_self_forget_guards_(void);

/*
 * Keeps the program or shared object in which the address lies in memory until the process ends. Comes before
 * anything of the system's that points into it: a key's destructor, a handler of forks, a thread.
 */
THRUM_API void thrum_self_pin_(const void *address);

/* How many guards the chain holds. For tests and debuggers. */
THRUM_API unsigned thrum_self_guards(void);

/* Whether a guard of the calling thread holds this object. For objects that run a callback. */
THRUM_API bool thrum_self_holds_(const void *object);

THRUM_API void thrum_self_pop_inner_(thrum_guard_ *guard) THRUM_COLD;

/* Links the guard in as the innermost, and out again. For thrum/with.h. */
THRUM_INLINE void thrum_self_push_(thrum_guard_ *guard) {
    guard->outer = thrum_self_.innermost;
    thrum_self_.innermost = guard;
}
THRUM_INLINE void thrum_self_pop_(thrum_guard_ *guard) {
    if (THRUM_LIKELY(thrum_self_.innermost == guard))
        thrum_self_.innermost = guard->outer;
    else
        thrum_self_pop_inner_(guard);
}

/*
 * Calls a function of the caller's inside a guard. The way out of the function decides what becomes of the
 * guard:
 *
 *     it returns                                         the guard is unlinked, its object kept: true
 *     it returns, and the guard was released meanwhile   false
 *     a C++ exception, pthread_exit, cancellation        the guard is unlinked, its object released
 *
 * On every way out the chain is what it was before the call: guards that the function left linked, in frames
 * that are gone, are forgotten. A guard without a release is a fence: thrum_self_release_guards stops before
 * it, for what is outside of it is not the function's to release. For objects that run a callback.
 */
THRUM_API bool thrum_self_call_(thrum_guard_ *guard, void (*function)(void *argument), void *argument);

/* The same with a guard that holds nothing, for a function whose way out leaves no object half-done. */
THRUM_API void thrum_self_call_plainly_(void (*function)(void *argument), void *argument);

THRUM_END_DECLS

#endif
