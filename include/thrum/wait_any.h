/* SPDX-License-Identifier: MIT */
/*
 * wait_any: waits for the first of several events, latches and semaphores.
 *
 * A set is an array of thrum_waitable, at most THRUM_WAIT_ANY_MAX of them: pointers to the objects, which
 * must live until the call has returned. It may be made anew for each call and be used by several threads.
 * Nothing allocates.
 *
 * Ready       an event that is set, a latch that is open, a semaphore with a permit, which the call then
 *             takes. Of several that are ready it is the first in the order of the set; of those that
 *             become ready while it looks it may be any. Nothing is taken from the others. An object
 *             may be named twice.
 * Promises    as those of each object's own wait: a set that is cleared at once, and a latch that is reset at
 *             once, still end a wait that was there. A wake that was meant for another object of the set is
 *             passed on before the call returns: a permit never lies beside a sleeper.
 * Cost        one look at each when one is ready. A wait that sleeps announces itself to each and makes one
 *             system call, futex_waitv (Linux 5.16). Where the kernel or a sandbox refuses it, the call
 *             looks at the objects from time to time: after 50 microseconds at first, then twice as long,
 *             up to a millisecond. Then it may notice late, and no order among waiters is kept.
 * Freed       the set when the call has returned. So each object: until then every one of them is in use.
 * Processes   objects that processes share may be among them.
 * Fork        nothing to do for a set; its objects have a reset each.
 *
 *     static thrum_event stop;
 *     static thrum_semaphore connections = THRUM_SEMAPHORE_INIT(8);
 *
 *     const thrum_waitable either[] = {THRUM_WAITABLE(&stop), THRUM_WAITABLE(&connections)};
 *     unsigned which;
 *     if (thrum_wait_any(either, 2, &which) == THRUM_OK && which == 1) use_connection();
 *
 * Memory order: of the chosen object the wait's or the acquire's own; of the others none. Timeouts and false
 * answers are relaxed.
 *
 * Any thread may call everything; a signal handler thrum_try_wait_any.
 */
#ifndef THRUM_WAIT_ANY_H
#define THRUM_WAIT_ANY_H

#include <thrum/event.h>
#include <thrum/latch.h>
#include <thrum/semaphore.h>

/* The most objects in a set. */
#define THRUM_WAIT_ANY_MAX 128

enum { THRUM_WAITABLE_EVENT_, THRUM_WAITABLE_LATCH_, THRUM_WAITABLE_SEMAPHORE_ };

typedef struct thrum_waitable {
    void *object;
    uint32_t kind_;
} thrum_waitable;

THRUM_STATIC_ASSERT(offsetof(thrum_bounded_semaphore, permits) == 0, "its address is its semaphore's");

#ifdef __cplusplus
constexpr uint32_t thrum_waitable_kind_(const thrum_event *) {
    return THRUM_WAITABLE_EVENT_;
}
constexpr uint32_t thrum_waitable_kind_(const thrum_latch *) {
    return THRUM_WAITABLE_LATCH_;
}
constexpr uint32_t thrum_waitable_kind_(const thrum_semaphore *) {
    return THRUM_WAITABLE_SEMAPHORE_;
}
constexpr uint32_t thrum_waitable_kind_(const thrum_bounded_semaphore *) {
    return THRUM_WAITABLE_SEMAPHORE_;
}
#else
/* clang-format off */
#define thrum_waitable_kind_(object)                          \
    _Generic((object),                                        \
        thrum_event *: THRUM_WAITABLE_EVENT_,                 \
        thrum_latch *: THRUM_WAITABLE_LATCH_,                 \
        thrum_semaphore *: THRUM_WAITABLE_SEMAPHORE_,         \
        thrum_bounded_semaphore *: THRUM_WAITABLE_SEMAPHORE_)
/* clang-format on */
#endif

/* An initialiser: a pointer to an event, a latch, a semaphore or a bounded semaphore. */
#define THRUM_WAITABLE(object) {(object), thrum_waitable_kind_(object)}

THRUM_BEGIN_DECLS

THRUM_API thrum_result thrum_wait_any_until_(const thrum_waitable *set, unsigned count, unsigned *which,
                                             thrum_deadline deadline);

/* The same, and what follows sees what the chosen object publishes. */
THRUM_INLINE thrum_result thrum_wait_any_announced_(const thrum_waitable *set, unsigned count,
                                                    unsigned *which, thrum_deadline deadline) {
    const thrum_result result = thrum_wait_any_until_(set, count, which, deadline);
    if (result == THRUM_OK) THRUM_ANNOUNCE_ACQUIRE_(set[*which].object);
    return result;
}

/*
 * Waits until one is ready and says which in *which: its place in the set. THRUM_OK, or THRUM_INVALID: the
 * count is 0 or above THRUM_WAIT_ANY_MAX, or a pointer is NULL; then nothing has changed, *which neither. Not
 * a cancellation point.
 */
THRUM_INLINE thrum_result thrum_wait_any(const thrum_waitable *set, unsigned count, unsigned *which) {
    return thrum_wait_any_announced_(set, count, which, THRUM_FOREVER);
}

/* Says whether one is ready, and which; false also where thrum_wait_any says THRUM_INVALID. Never waits. */
THRUM_INLINE THRUM_MUST_USE bool thrum_try_wait_any(const thrum_waitable *set, unsigned count,
                                                    unsigned *which) {
    return thrum_wait_any_announced_(set, count, which, THRUM_NOW) == THRUM_OK;
}

/*
 * Waits as thrum_wait_any, but not beyond the deadline. As there, or THRUM_TIMEOUT: none was ready, nothing
 * was taken, and *which is as it was. A deadline that has passed makes this a try. Signals neither shorten
 * nor lengthen the wait.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_wait_any_until(const thrum_waitable *set, unsigned count,
                                                              unsigned *which, thrum_deadline deadline) {
    return thrum_wait_any_announced_(set, count, which, deadline);
}

THRUM_END_DECLS

#endif
