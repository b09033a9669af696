/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. What threads, jobs and scheduled functions inherit of their maker; the argument is in
 * local_context.c.
 */
#ifndef THRUM_SRC_THREAD_CONTEXT_H
#define THRUM_SRC_THREAD_CONTEXT_H

#include <thrum/local.h>

/* The values of inherited locals; all-zero: none. */
typedef thrum_local_table_ thrum_context_;

/* local_context.c: copies of the calling thread's. Unless THRUM_OK, *copy is left alone. */
thrum_result thrum_context_copy_now_(thrum_context_ *copy);
/* Destroys the values; the context is empty then. */
void thrum_context_drop_(thrum_context_ *context);
/* Destroys what is in force, as the context of a job that has ended, and puts `own` in force again. */
void thrum_context_end_(thrum_context_ *own);
/* What the calling thread hands down, in the way that a config says. Costs a load where there is nothing. */
static inline thrum_result thrum_context_copy_(thrum_context_ *copy, thrum_context how) {
    if (THRUM_LIKELY(thrum_local_context_now_.count == 0) || how == THRUM_CONTEXT_EMPTY) return THRUM_OK;
    return thrum_context_copy_now_(copy);
}

/* Puts a context in force, and the one that was into `own`, which is empty. */
static inline void thrum_context_enter_(thrum_context_ *own, thrum_context_ context) {
    if (THRUM_LIKELY((thrum_local_context_now_.count | context.count) == 0)) return;
    *own = thrum_local_context_now_;
    thrum_local_context_now_ = context;
}

static inline void thrum_context_leave_(thrum_context_ *own) {
    if (THRUM_UNLIKELY((thrum_local_context_now_.count | own->count) != 0)) thrum_context_end_(own);
}

/* local.c. Zeroed memory that leads to a context, or is one's slots; NULL: there is none. */
void *thrum_context_space_(size_t count, size_t each);
void thrum_context_free_space_(void *data);
/* local.c. A listed copy of a value of the calling thread's; an empty slot if the local is gone. */
thrum_result thrum_local_copy_(thrum_local_slot_ from, thrum_local_slot_ *to);
/* Destroys the values of the context in force, which is empty then, whatever way a destructor is left. */
void thrum_local_end_context_(void);

#endif
