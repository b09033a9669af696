/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. What threads, jobs and scheduled functions inherit of their maker: copies of its values of
 * inherited locals, a context.
 *
 * local.X1: one thread at a time owns a context: its maker, until the thread, the job or the entry that it
 *     belongs to is handed over, which orders the two owners; then the thread in which it is in force, as
 *     `thrum_local_context_now_`.
 * local.X2: its values are in the lists of their entries as all others (local.V1, local.V2 in local.c). So a
 *     local that is destroyed destroys them wherever the context is, and the end of a context follows no
 *     pointer to them.
 * local.X3: entering and leaving move tables, and take no memory: what can fail is the copy, in the maker.
 * local.X4: a context comes to its end while it is in force: what its destructors make is in it, and is
 *     destroyed.
 *
 * In a circle with local.c, thread.c: a thread begins with a context, whose values are those of locals.
 */
#include "context.h"

#include "../futex/errno_kept.h"

#include <pthread.h>

#include "record.h"

static void drop(void *context) {
    thrum_context_drop_(context);
}

void thrum_context_drop_(thrum_context_ *context) {
    if (!context->slots) return;
    thrum_context_ own = thrum_local_context_now_;
    thrum_local_context_now_ = *context;
    *context = (thrum_context_){0, NULL};
    thrum_context_end_(&own);
}

static thrum_result copy_each(thrum_context_ *copy, size_t room) {
    thrum_result result = THRUM_OK;
    /* A copier that touches a local may enlarge what it is copied from. */
    for (size_t i = 0; i < thrum_local_context_now_.count && copy->count < room && result == THRUM_OK; i++) {
        result = thrum_local_copy_(thrum_local_context_now_.slots[i], &copy->slots[copy->count]);
        if (copy->slots[copy->count].value) copy->count++;
    }
    return result;
}

thrum_result thrum_context_copy_now_(thrum_context_ *copy) {
    THRUM_KEEPS_ERRNO_;
    const size_t room = thrum_local_context_now_.count;
    thrum_context_ made = {0, thrum_context_space_(room, sizeof *made.slots)};
    thrum_result result = THRUM_NO_MEMORY;
    if (made.slots) {
        pthread_cleanup_push(drop, &made); /* where a copier ends the thread */
        result = copy_each(&made, room);
        if (result != THRUM_OK || made.count == 0) thrum_context_drop_(&made);
        pthread_cleanup_pop(0);
    }
    if (result == THRUM_OK) *copy = made;
    return result;
}

/* ---- in force ---- */

static void put_in_force(void *p) {
    thrum_context_ *const own = p;
    thrum_local_context_now_ = *own;
    *own = (thrum_context_){0, NULL};
}

void thrum_context_end_(thrum_context_ *own) {
    THRUM_KEEPS_ERRNO_;
    pthread_cleanup_push(put_in_force, own);
    thrum_local_end_context_();
    pthread_cleanup_pop(1);
}
