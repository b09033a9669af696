/* SPDX-License-Identifier: MIT */
/*
 * local: an object of which each thread has a value of its own; Python's threading.local, with types.
 *
 * Floor 4, in libthrum. A thread's value is made at the thread's first touch, and destroyed when the thread
 * ends, whether thrum started it or not. C's _Thread_local has neither the initialiser nor the destructor.
 *
 * Cost        a touch of a value that is there: two loads of the object and of the thread's own table, and a
 *             comparison. The first touch takes memory, and a lock for a moment.
 * Limit       65 535 locals at a time in a process.
 * Destroyed   the thread's value, by the destructor, when the thread ends, before a join returns; in no
 *             promised order, and after the thread's target. A destructor may touch locals: what it makes is
 *             destroyed, too. Destructors that make values again and again are refused the fourth time, and
 *             every first touch is refused at the very end of a thread, from the last but one of the rounds
 *             that pthread keys have. A thread that thrum did not start may touch its first local in the last
 *             round, in the destructor of a key made after the process's first local: that value alone is
 *             destroyed with the object.
 *             Main's values are destroyed when main ends by pthread_exit, thrum_thread_exit or
 *             thrum_thread_fail, not by the process's end.
 * The object  thrum_local_destroy destroys every thread's value, in the calling thread; nobody may be using
 *             the object. It is as new afterwards: neither it nor another one at its address sees any old
 *             value.
 * Fork        the child has the forking thread's values; those of the others are destroyed with the object,
 *             copies that a job or a scheduled function had, too.
 * Inherited   a local with a copier (THRUM_LOCAL_INHERITED) is inherited. A thread that is started
 *             (thrum/thread.h; timers, too), a job that is submitted (thrum/executor.h) and a function that
 *             is scheduled (thrum/scheduler.h) get copies of the values that their maker has at that moment,
 *             made in the maker's thread, and no value where the maker has none. THRUM_CONTEXT_EMPTY in a
 *             config says: no copies. While a job or a scheduled function runs it sees its copies, and none
 *             of its thread's own. A job's copies, and what it makes, are destroyed before its future is
 *             done, whatever way it ends. A touch of such a value costs a look through those that the thread
 *             has.
 *
 *     static thrum_local sessions = THRUM_LOCAL_INIT(sizeof(session), connect_session, close_session, NULL);
 *
 *     session *mine = (session *)thrum_local_get(&sessions);    // made at the first touch
 *     if (!mine) return false;
 *     mine->requests++;
 *
 * Memory order: none. A value is its thread's alone; thrum_local_destroy must be ordered after its uses by
 * the caller.
 *
 * Any thread, those that thrum did not start too; not signal handlers. `errno` is kept.
 */
#ifndef THRUM_LOCAL_H
#define THRUM_LOCAL_H

#include <thrum/atomic.h>
#include <thrum/result.h>

/*
 * Makes a value out of zeroes. Not THRUM_OK: there is none, and the next touch tries again. Must not touch
 * the same local.
 */
typedef thrum_result thrum_local_initialiser(void *value, void *argument);
typedef void thrum_local_destructor(void *value, void *argument);
/*
 * Makes a value out of zeroes, the copy of `from`, a value of the calling thread's. Not THRUM_OK: the start,
 * submit or schedule that asked for the copy returns that, and nothing has changed.
 */
typedef thrum_result thrum_local_copier(void *value, const void *from, void *argument);

/* What a thread, a job or a scheduled function begins with. */
typedef enum thrum_context {
    THRUM_CONTEXT_INHERIT, /* copies of its maker's values of inherited locals */
    THRUM_CONTEXT_EMPTY    /* none */
} thrum_context;

typedef struct thrum_local {
    thrum_u64 key_; /* 0: nobody has touched it yet */
    size_t size;
    thrum_local_initialiser *initialise; /* NULL: zeroes are a value */
    thrum_local_destructor *destroy;     /* NULL: nothing to be done */
    void *argument;
    thrum_local_copier *copy; /* NULL: not inherited */
} thrum_local;

#define THRUM_LOCAL_INIT(size, initialise, destroy, argument) \
    { {0}, (size), (initialise), (destroy), (argument), NULL }
#define THRUM_LOCAL_INHERITED(size, initialise, destroy, copy, argument) \
    { {0}, (size), (initialise), (destroy), (argument), (copy) }

/*
 * What each thread has: the values by the low half-word of their keys; those of inherited locals apart, in
 * any order. src/thread/local.c says who writes them.
 */
typedef struct thrum_local_slot_ {
    uint64_t key;
    void *value;
} thrum_local_slot_;

typedef struct thrum_local_table_ {
    size_t count;
    thrum_local_slot_ *slots;
} thrum_local_table_;

THRUM_BEGIN_DECLS

extern THRUM_API __thread thrum_local_table_ thrum_local_table_now_ __attribute__((THRUM_TLS_MODEL_));

extern THRUM_API __thread thrum_local_table_ thrum_local_context_now_ __attribute__((THRUM_TLS_MODEL_));
/* In the key of an inherited local. */
#define THRUM_LOCAL_INHERITED_KEY_ ((uint64_t)1 << 63)

THRUM_API void *thrum_local_make_(thrum_local *local, thrum_result *result) THRUM_COLD;

THRUM_INLINE void *thrum_local_inherited_(uint64_t key) {
    for (size_t i = 0; i < thrum_local_context_now_.count; i++)
        if (thrum_local_context_now_.slots[i].key == key) return thrum_local_context_now_.slots[i].value;
    return NULL;
}

/* The calling thread's value; NULL when it has none. Makes none. */
THRUM_INLINE void *thrum_local_peek(const thrum_local *local) {
    const uint64_t key =
        thrum_u64_load_relaxed(&local->key_); /* relaxed: only what this thread put there can match */
    const size_t index = key & 0xFFFF;
    if (THRUM_LIKELY(index < thrum_local_table_now_.count && thrum_local_table_now_.slots[index].key == key))
        return thrum_local_table_now_.slots[index].value;
    return key & THRUM_LOCAL_INHERITED_KEY_ ? thrum_local_inherited_(key) : NULL;
}

/* The calling thread's value, made if there is none; NULL when that fails. */
THRUM_INLINE void *thrum_local_get(thrum_local *local) {
    void *const value = thrum_local_peek(local);
    thrum_result result;
    return THRUM_LIKELY(value != NULL) ? value : thrum_local_make_(local, &result);
}

/*
 * The same with a reason. THRUM_OK; THRUM_NO_MEMORY; THRUM_LIMIT: too many locals; THRUM_FINALIZING: the
 * thread's end is all but over; or what the initialiser returned. Then `*value` is left alone.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_local_value(thrum_local *local, void **value) {
    thrum_result result = THRUM_OK;
    void *found = thrum_local_peek(local);
    if (!found) found = thrum_local_make_(local, &result);
    if (result == THRUM_OK) *value = found;
    return result;
}

/* Destroys the calling thread's value, if there is one. */
THRUM_API void thrum_local_clear(thrum_local *local);

/* Destroys every thread's value. */
THRUM_API void thrum_local_destroy(thrum_local *local);

/*
 * Writes the state as text ("local of 24 bytes: 3 values"), cut to `size` bytes with its final NUL, and
 * returns the length of the whole text, as snprintf does. Costs a look at every thread's value, while no
 * thread can make one.
 */
THRUM_API size_t thrum_local_describe(const thrum_local *local, char *text, size_t size);

/*
 * Named attributes, a set of them a thread: what Python keeps in a threading.local. The values are the
 * caller's pointers, which are not followed; the names are copied.
 */
typedef void thrum_attributes_visitor(const char *name, void *value, void *argument);

typedef struct thrum_attributes {
    thrum_local local_;
} thrum_attributes;

THRUM_API void thrum_attributes_forget_(void *value, void *argument);
#define THRUM_ATTRIBUTES_INIT \
    { THRUM_LOCAL_INIT(sizeof(void *), NULL, thrum_attributes_forget_, NULL) }

/* THRUM_OK; the results of thrum_local_value, and nothing has changed. */
THRUM_API THRUM_MUST_USE thrum_result thrum_attributes_set(thrum_attributes *attributes, const char *name,
                                                           void *value);

/*
 * Sets it unless the calling thread has one of that name already; dict.setdefault. `*found`, unless NULL,
 * becomes what the name has then. The same results; unless THRUM_OK `*found` is left alone.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_attributes_set_default(thrum_attributes *attributes,
                                                                   const char *name, void *value,
                                                                   void **found);

/* THRUM_OK; THRUM_NOT_FOUND: the calling thread has none of that name, and `*value` is left alone. */
THRUM_API THRUM_MUST_USE thrum_result thrum_attributes_get(const thrum_attributes *attributes,
                                                           const char *name, void **value);

/* THRUM_OK; THRUM_NOT_FOUND. */
THRUM_API THRUM_MUST_USE thrum_result thrum_attributes_delete(thrum_attributes *attributes, const char *name);

/* Calls `visit` for each of the calling thread's, in the order of their names. It must not change them. */
THRUM_API void thrum_attributes_each(const thrum_attributes *attributes, thrum_attributes_visitor *visit,
                                     void *argument);

/* Forgets every thread's. */
THRUM_API void thrum_attributes_destroy(thrum_attributes *attributes);

THRUM_END_DECLS

#endif
