/* SPDX-License-Identifier: MIT */
/*
 * Above all floors. Circles of waiting threads. A thread that is about to wait goes from holder to holder:
 * each waits for ever for what the next one holds. Where the way comes back to it, all of them wait for ever
 * (checked.I3).
 */
#include "checked_inside.h"

#include <thrum/thread.h>

thrum_result thrum_checked_thread_join_(thrum_thread *joined, void **value);

enum { LONGEST = 32 };

typedef struct circle {
    unsigned count;
    const check_thread *threads[LONGEST];
    bool is_lost; /* the last one was not taken along by a fork */
} circle;

static bool goes_round(circle *way, const check_thread *next);

static bool is_on(const circle *way, const check_thread *thread) {
    for (unsigned i = 1; i < way->count; i++)
        if (way->threads[i] == thread) return true;
    return false;
}

/* Through the threads that a waiting one waits for. */
static bool through_holders(circle *way, const check_thread *waiting) {
    for (const check_holding *h = waiting->wanted->holdings; h; h = h->next_of_object) {
        const bool bars = h->mode != CHECK_READ || waiting->mode != CHECK_READ;
        if (bars && goes_round(way, h->thread)) return true;
    }
    return false;
}

/*
 * A reader behind a writer that waits. Only for the first of the way, which surely waits: its try has failed.
 */
static bool through_writers(circle *way, const check_thread *reader) {
    for (const check_thread *t = check_threads_(); t; t = t->next)
        if (t != reader && t->ident && t->wait == CHECK_WAITS && t->wanted == reader->wanted &&
            t->mode == CHECK_ALONE && goes_round(way, t))
            return true;
    return false;
}

static bool through_end(circle *way, const check_thread *joiner) {
    for (const check_thread *t = check_threads_(); t; t = t->next)
        if (t->ident && t->ident == joiner->joined) return goes_round(way, t);
    return false;
}

static bool from_there(circle *way, const check_thread *thread) {
    if (thread->wait == CHECK_JOINS) return through_end(way, thread);
    if (thread->wait != CHECK_WAITS) return false;
    if (through_holders(way, thread)) return true;
    return way->count == 1 && thread->mode == CHECK_READ && through_writers(way, thread);
}

static bool goes_round(circle *way, const check_thread *next) {
    if (next->lost) return way->is_lost = true;
    if (next == way->threads[0]) return way->count > 1;
    if (is_on(way, next) || way->count == LONGEST) return false;
    way->threads[way->count++] = next;
    if (from_there(way, next)) return true;
    way->count--;
    return false;
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

static void look(const check_thread *thread, check_report *report) {
    circle way = {1, {thread}, false};
    if (!from_there(&way, thread)) return;
    if (way.is_lost)
        check_title_(report, THRUM_CHECKED_OVER_FORK,
                     "a wait for what a thread held that the fork did not take along");
    else
        check_title_(report, THRUM_CHECKED_CIRCLE, "a deadlock of %u threads", way.count);
    for (unsigned i = 0; i < way.count; i++) say_wait(report, way.threads[i]);
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
