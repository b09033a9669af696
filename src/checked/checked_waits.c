/* SPDX-License-Identifier: MIT */
/*
 * Above all floors. Circles of waiting threads. A thread that is about to wait looks for the threads that it
 * waits for, for those that these wait for, and so on: the nearest first, and each once. Where one of them
 * waits for the first thread, all threads on the way between the two wait for ever (checked.I3).
 */
#include "checked_inside.h"

#include <thrum/thread.h>

thrum_result thrum_checked_thread_join_(thrum_thread *joined, void **value);

static uint32_t looks;

/* The threads that a look has found, linked by `found`. */
typedef struct circle {
    check_thread *first, *last;
    bool is_lost; /* the way ends with a wait for a thread that a fork did not take along */
} circle;

/*
 * `waiting` waits for `next`. True: it is the last thread of a circle. A wait for itself is told elsewhere.
 */
static bool closes(circle *way, check_thread *waiting, check_thread *next) {
    if (next->lost) return way->is_lost = true;
    if (next == waiting) return false;
    if (next == way->first) return true;
    if (next->look == looks) return false;
    next->look = looks;
    next->before = waiting;
    next->found = NULL;
    way->last->found = next;
    way->last = next;
    return false;
}

/* Through the threads that a waiting one waits for. */
static bool through_holders(circle *way, check_thread *waiting) {
    for (const check_holding *h = waiting->wanted->holdings; h; h = h->next_of_object) {
        const bool bars = h->mode != CHECK_READ || waiting->mode != CHECK_READ;
        if (bars && closes(way, waiting, h->thread)) return true;
    }
    return false;
}

/* Its writer is alone. */
static bool is_written(const check_object *object) {
    return object->holdings && object->holdings->mode != CHECK_READ;
}

/*
 * A reader behind a writer that waits. Only for the first of the way, which surely waits: its try has failed.
 * From another reader that waits the way leads nowhere but where it leads from this one; nor from a living
 * writer with a deadline anywhere. One that is lost keeps what it has closed, whatever its deadline was.
 * While a writer is inside each waiter waits for that one, which may be the reader itself.
 */
static bool through_writers(circle *way, check_thread *reader) {
    if (is_written(reader->wanted)) return false;
    for (check_thread *t = check_threads_(); t; t = t->next)
        if (t->wanted == reader->wanted && t->mode != CHECK_READ && closes(way, reader, t)) return true;
    return false;
}

/* A thread that a fork did not take along has ended. */
static bool through_end(circle *way, check_thread *joiner) {
    for (check_thread *t = check_threads_(); t; t = t->next)
        if (t->ident == joiner->joined && !t->lost) return closes(way, joiner, t);
    return false;
}

static bool from_there(circle *way, check_thread *thread) {
    if (thread->wait == CHECK_JOINS) return through_end(way, thread);
    if (thread->wait != CHECK_WAITS) return false;
    if (through_holders(way, thread)) return true;
    return thread == way->first && thread->mode == CHECK_READ && through_writers(way, thread);
}

/* The last thread of a circle; NULL: there is none. */
static check_thread *last_of(circle *way) {
    for (check_thread *t = way->first; t; t = t->found)
        if (from_there(way, t)) return t;
    return NULL;
}

static void say_wait(check_report *report, const check_thread *thread) {
    const unsigned long long ident = thread->ident;
    if (thread->wait == CHECK_JOINS) {
        check_say_(report, "  thread %llu waits for the end of thread %llu\n", ident,
                   (unsigned long long)thread->joined);
    } else {
        check_say_(report, "  thread %llu waits for\n", ident);
        check_say_object_(report, thread->wanted, thread->mode);
    }
    check_say_stack_(report, &thread->wait_at);
    check_say_held_(report, thread);
}

static void look(check_thread *thread, check_report *report) {
    circle way = {thread, thread, false};
    unsigned count = 1;
    looks++;
    thread->found = NULL;
    check_thread *last = last_of(&way);
    if (!last) return;
    last->found = NULL;
    for (; last != thread; last = last->before) { /* now each thread leads to the one that it waits for */
        last->before->found = last;
        count++;
    }
    if (way.is_lost)
        check_title_(report, THRUM_CHECKED_OVER_FORK,
                     "a wait for what a thread held that the fork did not take along");
    else
        check_title_(report, THRUM_CHECKED_CIRCLE, "a deadlock of %u threads", count);
    for (const check_thread *t = thread; t; t = t->found) say_wait(report, t);
}

void check_waits_(check_call *call, bool for_ever) {
    check_report report = {.made = false};
    if (!check_enter_()) return;
    check_thread *const thread = call->thread;
    thread->wanted = call->object;
    thread->mode = call->mode;
    thread->wait_at = call->at;
    thread->wait = for_ever ? CHECK_WAITS : CHECK_WAITS_A_WHILE;
    if (for_ever) look(thread, &report);
    check_leave_(thread, &report);
}

void check_waits_no_more_(check_call *call) {
    if (!check_enter_()) return;
    call->thread->wait = CHECK_RUNS;
    call->thread->wanted = NULL;
    check_leave_(call->thread, NULL);
}

thrum_result thrum_checked_thread_join_(thrum_thread *joined, void **value) {
    check_report report = {.made = false};
    check_stack at;
    check_stack_here_(&at, __builtin_return_address(0));
    check_thread *const thread = check_enter_();
    if (!thread) return thrum_thread_join(joined, value);
    thread->joined = thrum_thread_ident(joined);
    thread->wait_at = at;
    thread->wait = thread->joined ? CHECK_JOINS : CHECK_RUNS;
    look(thread, &report);
    check_leave_(thread, &report);
    const thrum_result result = thrum_thread_join(joined, value);
    check_call call = {.thread = thread};
    check_waits_no_more_(&call);
    return result;
}
