/* SPDX-License-Identifier: MIT */
/*
 * result: what a call can answer, by name.
 *
 * Floor 1: never sleeps. A call that cannot fail returns void; one that only answers a question
 * returns bool; every other returns a `thrum_result`. `errno` is left as it was found.
 *
 * The compiler warns of an ignored result (THRUM_MUST_USE) where the caller cannot go on right without it: a
 * lock may not be held, an object not made, an item, value or job not handed over, an out-parameter not set.
 * A wait that takes nothing may be ignored: an event's, a latch's, a condition's, a join's. Its caller looks
 * again.
 *
 *     thrum_result r = thrum_lock_acquire_until(&l, thrum_after_ms(50));
 *     if (r != THRUM_OK) fprintf(stderr, "%s: %s\n", thrum_result_name(r), thrum_result_message(r));
 */
#ifndef THRUM_RESULT_H
#define THRUM_RESULT_H

#include <thrum/cpu.h>

/* name, number, message: the one list from which the enumeration and its texts are made. */
#define THRUM_RESULTS_(X)                                            \
    X(THRUM_OK, 0, "success")                                        \
    X(THRUM_TIMEOUT, 1, "the deadline passed first")                 \
    X(THRUM_INVALID, 2, "an argument is outside its range")          \
    X(THRUM_OVERFLOW, 3, "the value is too large for its type")      \
    X(THRUM_LIMIT, 4, "more than the object allows")                 \
    X(THRUM_NOT_LOCKED, 5, "the lock is not locked")                 \
    X(THRUM_NOT_OWNER, 6, "the caller does not own the lock")        \
    X(THRUM_BROKEN, 7, "the object is broken")                       \
    X(THRUM_EMPTY, 8, "the queue is empty")                          \
    X(THRUM_FULL, 9, "the queue is full")                            \
    X(THRUM_CLOSED, 10, "the object has been shut down")             \
    X(THRUM_CANCELLED, 11, "the work was cancelled")                 \
    X(THRUM_STATE, 12, "not possible in the object's present state") \
    X(THRUM_ALREADY_STARTED, 13, "the thread was started before")    \
    X(THRUM_NOT_STARTED, 14, "the thread has not been started")      \
    X(THRUM_DEADLOCK, 15, "the wait could never end")                \
    X(THRUM_FINALIZING, 16, "the process is ending")                 \
    X(THRUM_NO_MEMORY, 17, "no memory")                              \
    X(THRUM_NO_THREAD, 18, "the system refused a thread")            \
    X(THRUM_UNSUPPORTED, 19, "this system does not offer it")        \
    X(THRUM_NOT_FOUND, 20, "there is nothing of that name")          \
    X(THRUM_FAILED, 21, "the work failed")                           \
    X(THRUM_EXISTS, 22, "there is something of that name already")

#define THRUM_RESULT_ENUMERATOR_(name, number, message) name = number,
typedef enum thrum_result { THRUM_RESULTS_(THRUM_RESULT_ENUMERATOR_) } thrum_result;
#undef THRUM_RESULT_ENUMERATOR_

THRUM_BEGIN_DECLS

/*
 * The constant's own name ("THRUM_TIMEOUT"), or "THRUM_?" for a number that is none. Never NULL;
 * the text is static. Any thread, signal handlers too.
 */
THRUM_API const char *thrum_result_name(thrum_result result);

/*
 * A short English sentence without a full stop ("the deadline passed first"), or "unknown result".
 * Never NULL; the text is static. Any thread, signal handlers too.
 */
THRUM_API const char *thrum_result_message(thrum_result result);

THRUM_END_DECLS

#endif
