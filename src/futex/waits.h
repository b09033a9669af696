/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. What a thread waits for, as its slow paths say it; waited.c keeps it. A wait names itself in the
 * function that the program called:
 *
 *     THRUM_WAITS_(EVENT, event, THRUM_SITE_);
 *
 * and is over when the block is left. Of waits that are made of other waits the outermost is told, since that
 * is what the program called, with one exception: a condition's waiter that goes for its lock, and one of
 * several locks, wait for that lock.
 */
#ifndef THRUM_SRC_WAITS_H
#define THRUM_SRC_WAITS_H

#include <thrum/self.h>

/* name, what a person reads. A number never changes its meaning: the GDB script knows them. */
#define THRUM_WAIT_KINDS_(X)       \
    X(NOTHING, "nothing")          \
    X(WORD, "a word")              \
    X(LOCK, "lock")                \
    X(RLOCK, "rlock")              \
    X(READ, "rwlock, to read")     \
    X(WRITE, "rwlock, to write")   \
    X(READERS, "sharded rwlock")   \
    X(SEMAPHORE, "semaphore")      \
    X(EVENT, "event")              \
    X(LATCH, "latch")              \
    X(BARRIER, "barrier")          \
    X(ONCE, "once")                \
    X(CONDITION, "condition")      \
    X(ANY, "any of a set")         \
    X(ALL, "all of a set")         \
    X(GRACE, "grace period")       \
    X(THREAD, "the end of thread") \
    X(QUEUE, "queue")              \
    X(FUTURES, "futures")

#define THRUM_WAIT_KIND_(name, text) THRUM_WAIT_##name##_,
typedef enum thrum_wait_kind_ { THRUM_WAIT_KINDS_(THRUM_WAIT_KIND_) THRUM_WAIT_KIND_COUNT_ } thrum_wait_kind_;
#undef THRUM_WAIT_KIND_

/* What a wait puts back when it is over. */
typedef struct thrum_wait_ {
    uint32_t kind; /* THRUM_WAIT_KIND_COUNT_: another wait's, and this one has changed nothing */
    uint64_t object;
    uint64_t begun_ns; /* of a wait within another, while a profile counts (thrum/profile.h) */
    uint32_t releases; /* of the object, as the wait began; for the profile */
} thrum_wait_;

THRUM_API thrum_wait_ thrum_wait_begin_(thrum_wait_kind_ kind, const void *object, const void *site);
THRUM_API void thrum_wait_end_(thrum_wait_ *wait);
/*
 * The thread is about to sleep: the time of the wait under way, if there is one, begins, unless it has begun.
 */
THRUM_API void thrum_wait_sleeps_(void);
/* What a person reads; "?" for a number that is no kind's. */
THRUM_API const char *thrum_wait_kind_name_(uint32_t kind);
/* Copies what a living thread waits for; false: it was changing it at every look. */
THRUM_API bool thrum_wait_read_(const thrum_waits_ *waits, thrum_waits_ *copy);
/* The calling thread's own. */
THRUM_API const thrum_waits_ *thrum_wait_own_(void);

/* futex.c. Copies memory that may be none any more, or that another thread writes; false: it is not there. */
THRUM_API bool thrum_futex_peek_(const void *from, void *to, size_t size);

/* In a function that the program calls: where it calls it. */
#define THRUM_SITE_ __builtin_return_address(0)

/* The checked build looks at each wait before it begins (src/checked/checked_sections.c). */
#ifdef THRUM_CHECKED_INSIDE_
thrum_wait_ thrum_checked_wait_begin_(thrum_wait_kind_ kind, const void *object, const void *site);
#define THRUM_WAIT_BEGIN_ thrum_checked_wait_begin_
#else
#define THRUM_WAIT_BEGIN_ thrum_wait_begin_
#endif

#define THRUM_WAITS_(kind, object, site)                                       \
    thrum_wait_ wait_here_ __attribute__((cleanup(thrum_wait_end_), unused)) = \
        THRUM_WAIT_BEGIN_(THRUM_WAIT_##kind##_, object, site)

#endif
