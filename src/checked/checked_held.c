/* SPDX-License-Identifier: MIT */
/*
 * Above all floors. What a thread holds: said after the acquire, taken back before the release (checked.I2).
 *
 * In a circle with checked.c, checked_order.c: a thread and an object there know what is held, and each
 * acquire is looked at there before.
 */
#include "../atomic/tell.h"
#include "checked_inside.h"

static check_holding *unused; /* linked by next_of_thread */

check_holding *check_holding_of_(const check_thread *thread, const check_object *object) {
    check_holding *h = thread->held;
    while (h && h->object != object) h = h->next_of_thread;
    return h;
}

static void put_by(check_holding *holding) {
    holding->next_of_thread = unused;
    unused = holding;
}

/* checked.I5 */
static void say_or_owe(check_holding *holding) {
    check_thread *const thread = holding->thread;
    if (!holding->is_told || thread == check_own_()) {
        check_tell_has_no_more_(holding);
        put_by(holding);
        return;
    }
    holding->object->owed++;
    holding->next_of_thread = thread->owed;
    thread->owed = holding;
}

void check_pay_(check_thread *thread) {
    while (thread->owed) {
        check_holding *const holding = thread->owed;
        thread->owed = holding->next_of_thread;
        check_tell_has_no_more_(holding);
        holding->object->owed--;
        put_by(holding);
    }
}

void check_drop_(check_holding *holding) {
    check_holding **place = &holding->thread->held;
    while (*place != holding) place = &(*place)->next_of_thread;
    *place = holding->next_of_thread;
    place = &holding->object->holdings;
    while (*place != holding) place = &(*place)->next_of_object;
    *place = holding->next_of_object;
    say_or_owe(holding);
}

void check_forget_(check_object *object) {
    while (object->holdings) check_drop_(object->holdings);
    check_nobody_waits_(object);
    check_tell_gone_(object);
    object->own = NULL; /* what was seen of its order leads to a node that nothing else leads from */
    object->class = NULL;
    object->told_again = object->handed_over = false;
}

/* ---- before an acquire that waits ---- */

/* Whether the thread would wait for itself, or might. */
static bool is_again(const check_call *call, const check_holding *mine) {
    if (call->object->kind == CHECK_RLOCK) return false;
    const bool reads_twice = mine->mode == CHECK_READ && call->mode == CHECK_READ;
    return !reads_twice || !call->object->told_again;
}

static void tell_again(const check_call *call, const check_holding *mine, check_report *report) {
    const bool reads = mine->mode == CHECK_READ, reads_twice = reads && call->mode == CHECK_READ;
    call->object->told_again = reads_twice;
    const char *const what =
        reads_twice ? "may wait for itself: it reads what it reads, and a writer may come between"
        : reads     ? "waits for itself: it makes a read a write"
        : call->object->kind == CHECK_LOCK
            ? "waits for itself, unless another thread releases: it acquires what it holds"
            : "waits for itself: it acquires what it holds";
    check_title_(report, THRUM_CHECKED_AGAIN, "thread %llu %s", (unsigned long long)call->thread->ident,
                 what);
    check_say_object_(report, call->object, call->mode);
    check_say_(report, "  acquired\n");
    check_say_stack_(report, &call->at);
    check_say_(report, "  and held since\n");
    check_say_stack_(report, &mine->at);
}

void check_wants_(check_call *call) {
    check_report report = {.made = false};
    if (!check_enter_()) return;
    const check_holding *const mine = check_holding_of_(call->thread, call->object);
    if (!mine)
        check_order_(call, &report);
    else if (is_again(call, mine))
        tell_again(call, mine, &report);
    const bool tells = !mine && !call->object->owed; /* checked.I5 */
    check_leave_(call->thread, &report);
    call->wanted = true;
    if (tells) check_tell_wants_(call);
}

/* ---- held ---- */

void check_has_(check_call *call, uint32_t depth) {
    THRUM_TELL_OWN_ACQUIRE(call->object->address);
    if (!check_enter_()) return;
    check_holding *mine = check_holding_of_(call->thread, call->object);
    if (mine && call->object->kind == CHECK_RLOCK) {
        mine->depth += depth;
        check_leave_(call->thread, NULL);
        return;
    }
    mine = unused;
    if (mine)
        unused = mine->next_of_thread;
    else
        mine = check_memory_(sizeof *mine);
    if (mine) {
        *mine = (check_holding){call->object, call->thread, call->mode,         depth,
                                false,        call->at,     call->thread->held, call->object->holdings};
        call->thread->held = call->object->holdings = mine;
        check_tell_has_(mine, call->wanted);
    }
    check_leave_(call->thread, NULL);
}

static void tell_not_holder(const check_call *call, const char *verb, check_report *report) {
    check_title_(report, THRUM_CHECKED_NOT_HOLDER, "thread %llu %s without holding",
                 (unsigned long long)call->thread->ident, verb);
    check_say_object_(report, call->object, CHECK_ALONE);
    check_say_stack_(report, &call->at);
    const check_holding *const other = call->object->holdings;
    if (!other) {
        check_say_(report, "  which nobody holds\n");
        return;
    }
    check_say_(report, "  which thread %llu has held since\n", (unsigned long long)other->thread->ident);
    check_say_stack_(report, &other->at);
}

/* Another's, where the object may be released by any thread: it holds it no more. */
static check_holding *to_take_back(const check_call *call) {
    check_holding *const mine = check_holding_of_(call->thread, call->object);
    if (mine || call->object->kind == CHECK_RLOCK) return mine;
    return call->object->holdings;
}

void check_released_(check_call *call, bool all) {
    check_report report = {.made = false};
    THRUM_TELL_OWN_RELEASE(call->object->address);
    if (!check_enter_()) return;
    check_holding *const held = to_take_back(call);
    if (!held || held->thread != call->thread) tell_not_holder(call, "releases", &report);
    if (held && held->thread != call->thread) call->object->handed_over = true;
    if (held && (all || --held->depth == 0)) check_drop_(held);
    check_leave_(call->thread, &report);
}

void check_lowers_(check_call *call) {
    if (!check_enter_()) return;
    check_holding *const mine = check_holding_of_(call->thread, call->object);
    if (mine) {
        check_tell_has_no_more_(mine);
        mine->mode = CHECK_READ;
        check_tell_has_(mine, false);
    }
    check_leave_(call->thread, NULL);
}

void check_needs_(check_call *call, const char *verb) {
    check_report report = {.made = false};
    if (!check_enter_()) return;
    if (!check_holding_of_(call->thread, call->object)) tell_not_holder(call, verb, &report);
    check_leave_(call->thread, &report);
}

/* How deep it was held; 0: it was not. */
uint32_t check_puts_off_(check_call *call) {
    check_report report = {.made = false};
    if (!check_enter_()) return 0;
    check_holding *const mine = check_holding_of_(call->thread, call->object);
    const uint32_t depth = mine ? mine->depth : 0;
    if (mine) {
        check_drop_(mine);
        if (call->thread->held) {
            check_title_(&report, THRUM_CHECKED_SECOND_LOCK,
                         "thread %llu waits on a condition, and holds more than the condition's lock",
                         (unsigned long long)call->thread->ident);
            check_say_object_(&report, call->object, CHECK_ALONE);
            check_say_(&report, "  the wait\n");
            check_say_stack_(&report, &call->at);
            check_say_held_(&report, call->thread);
        }
    } else {
        tell_not_holder(call, "waits on a condition", &report);
    }
    check_leave_(call->thread, &report);
    return depth;
}

void check_is_reset_(const void *address) {
    check_thread *const thread = check_enter_();
    if (!thread) return;
    check_object *const object = check_object_at_(address);
    if (object) check_nobody_waits_(object);
    for (check_holding *h = object ? object->holdings : NULL, *next; h; h = next) {
        next = h->next_of_object;
        if (h->thread != thread || object->kind != CHECK_RLOCK) check_drop_(h);
    }
    check_leave_(thread, NULL);
}
