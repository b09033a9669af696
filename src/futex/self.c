/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The only thread-local variable of floors 1 and 2.
 *
 * self.I0: a thread's id is 0 until the thread draws it, or adopts one that was drawn for it before it ran,
 *     and never changes after that. Only this file, self_slot.c and waited.c write the variable, and the
 *     linking of guards in self.h.
 * self.I1: the chain holds exactly the guards whose object is not NULL, innermost first, and fences.
 * self.I2: a guard is unlinked before its object is released, so that a release which ends the thread
 *     does not release twice.
 *
 * In a circle with self_copies.c, waited.c: the first copy gives the ids, and its struct leads here; a
 * wait is written into the variable.
 */
#include "../atomic/law.h"
#include "debugger.h"
#include "self_copies.h"

#include <thrum/self.h>

__thread thrum_self_state_ thrum_self_;

uint64_t thrum_self_reserve_id_(void) {
    static thrum_u64 last;
    const thrum_self_copy_ *const first = thrum_self_first_copy_();
    if (first) return first->reserve_id(); /* self.C3 */
    /* relaxed: only the number must be unique; nothing is published by it */
    return thrum_u64_fetch_add_relaxed(&last, 1) + 1;
}

uint64_t thrum_self_draw_id_(void) {
    const thrum_self_copy_ *const first = thrum_self_first_copy_();
    thrum_self_.id = first ? first->id() : thrum_self_reserve_id_(); /* self.I0, self.C3 */
    THRUM_LAW(self.I0, thrum_self_.id != 0);
    return thrum_self_.id;
}

void thrum_self_adopt_id_(uint64_t id) {
    if (thrum_self_.id != 0) return; /* self.I0 */
    const thrum_self_copy_ *const first = thrum_self_first_copy_();
    if (first) first->adopt_id(id); /* self.C3: refused where the thread has an id there already */
    thrum_self_.id = first ? first->id() : id;
}

/* Two guards of one scope may leave in an order of their own. */
void thrum_self_pop_inner_(thrum_guard_ *guard) {
    for (thrum_guard_ *g = thrum_self_.innermost; g; g = g->outer) {
        if (g->outer == guard) {
            g->outer = guard->outer;
            return;
        }
    }
}

bool thrum_self_holds_(const void *object) {
    for (const thrum_guard_ *g = thrum_self_.innermost; g; g = g->outer)
        if (g->object == object) return true;
    return false;
}

void thrum_self_release_guards(void) {
    while (thrum_self_.innermost && thrum_self_.innermost->release) {
        thrum_guard_ *guard = thrum_self_.innermost;
        void *object = guard->object;
        THRUM_LAW(self.I1, object);
        thrum_self_.innermost = guard->outer; /* self.I2 */
        guard->object = NULL;                 /* self.I1 */
        guard->release(object);
    }
}

/* self.I1: forgets the guard and all inside it, and those outside it that were released meanwhile. */
static void unlink_all_inside(const thrum_guard_ *guard) {
    thrum_guard_ *g = guard->outer;
    while (g && g->release && !g->object) g = g->outer;
    thrum_self_.innermost = g;
}

/* The function did not return. */
static void leave(thrum_guard_ **called) {
    thrum_guard_ *const guard = *called;
    if (!guard) return;
    void *const object = guard->object;
    unlink_all_inside(guard); /* self.I2 */
    guard->object = NULL;
    if (object && guard->release) guard->release(object);
}

bool thrum_self_call_(thrum_guard_ *guard, void (*function)(void *argument), void *argument) {
    thrum_guard_ *called __attribute__((cleanup(leave))) = guard;
    thrum_self_push_(guard);
    function(argument);
    called = NULL;
    unlink_all_inside(guard);
    return guard->object || !guard->release;
}

static void release_nothing(void *object) {
    (void)object;
}

void thrum_self_call_plainly_(void (*function)(void *argument), void *argument) {
    thrum_guard_ guard = {release_nothing, &guard, NULL};
    (void)thrum_self_call_(&guard, function, argument);
}

void thrum_self_forget_guards_(void) {
    thrum_self_.innermost = NULL; /* self.I1 is void: the objects that held them are no more */
}

unsigned thrum_self_guards(void) {
    unsigned count = 0;
    for (const thrum_guard_ *g = thrum_self_.innermost; g; g = g->outer) count += g->release != NULL;
    return count;
}
