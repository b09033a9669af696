/* SPDX-License-Identifier: MIT */
/*
 * Above all floors. Threads and objects as the check knows them, what the program has set, and forks.
 *
 * In a circle with checked_held.c: the objects are here, and what ends here is no more held.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../futex/errno_kept.h"
#include "../rcu/rank.h"
#include "checked_inside.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <thrum/futex.h>
#include <unistd.h>

enum { CHAINS = 1024, ROOM = 1 << 18 };

static thrum_lock guard;
THRUM_RANK(17, guard);
static pthread_once_t prepared = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static __thread check_thread *own;
/*
 * Amid its first call, its end, or a fork: what a signal handler calls then is not checked, nor what a fork
 * handler does that was registered before the check's.
 */
static __thread volatile bool busy;
static check_thread *threads;
static check_object *objects[CHAINS];
static check_node *classes;

/* What the program has set; plain: set before it matters. */
static struct {
    thrum_checked_function *function;
    void *argument;
    bool aborts;
    uint32_t left_out;
} settings;

/* ---- memory ---- */

void *check_memory_(size_t size) {
    static char *rest;
    static size_t left;
    static bool told;
    size = (size + 15) / 16 * 16;
    if (left < size) {
        void *const room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (room == MAP_FAILED) {
            static const char words[] = "thrum: the check has no memory, and does not see everything\n";
            if (!told && write(STDERR_FILENO, words, sizeof words - 1) < 0) told = true;
            told = true;
            return NULL;
        }
        rest = room;
        left = ROOM;
    }
    void *const taken = rest;
    rest += size;
    left -= size;
    return taken;
}

check_node *check_new_node_(void) {
    return check_memory_(sizeof(check_node));
}

/* A signal handler that comes by finds all done that stands before it, and nothing of what stands after. */
static void set(volatile bool *flag, bool value) {
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
    *flag = value;
    __atomic_signal_fence(__ATOMIC_SEQ_CST);
}

/* ---- reports ---- */

static void hand_over(const check_report *report) {
    if (!report->made || (settings.left_out >> report->kind & 1)) return;
    check_report named;
    check_name_functions_(&named, report);
    const thrum_checked_report handed = {named.kind, named.text};
    if (settings.function) {
        settings.function(&handed, settings.argument);
    } else {
        for (size_t done = 0; done < named.length;) {
            const ssize_t written = write(STDERR_FILENO, named.text + done, named.length - done);
            if (written <= 0 && errno != EINTR) break;
            if (written > 0) done += (size_t)written;
        }
    }
    if (settings.aborts) abort();
}

void thrum_checked_report_to(thrum_checked_function *function, void *argument) {
    settings.argument = argument;
    settings.function = function;
}

void thrum_checked_abort(bool aborts) {
    settings.aborts = aborts;
}

void thrum_checked_leave_out(thrum_checked_kind kind) {
    settings.left_out |= 1u << kind;
}

/* ---- threads ---- */

/*
 * A report of what the thread leaves held. Its record is another thread's as soon as `guard` is free: it is
 * not looked at any more. What the program's function calls is not checked, as it is in another report.
 */
static void leave(check_thread *thread, const char *how) {
    check_report report = {.made = false};
    if (!check_enter_()) return;
    if (thread->held) {
        check_title_(&report, THRUM_CHECKED_LEFT, "thread %llu %s and left held",
                     (unsigned long long)thread->ident, how);
        check_say_held_(&report, thread);
    }
    while (thread->held) check_drop_(thread->held);
    set(&busy, true);
    own = NULL;
    thread->ident = 0;
    thrum_lock_release(&guard);
    THRUM_KEEPS_ERRNO_;
    hand_over(&report);
    set(&busy, false);
}

static void end_thread(void *record) {
    leave(record, "has ended");
}

/* Of the thread that ends the process: no destructor of its keys runs. After the program's own handlers. */
__attribute__((destructor)) static void end_process(void) {
    if (own) leave(own, "has ended the process");
}

static void before_fork(void) {
    set(&busy, true);
    thrum_lock_acquire(&guard);
}

static void after_fork_in_parent(void) {
    thrum_lock_release(&guard);
    set(&busy, false);
}

static void after_fork_in_child(void) {
    thrum_lock_reset_after_fork(&guard);
    for (check_thread *t = threads; t; t = t->next)
        if (t != own) t->lost = true;
    set(&busy, false);
}

/*
 * Before main, and before rcu's: `guard` is the last lock that a fork acquires (docs/locks.md). The handlers
 * that the program registers find it free, and what they acquire is checked.
 */
__attribute__((constructor(1000))) static void watch_forks_early(void) {
    (void)pthread_atfork(before_fork, after_fork_in_parent, after_fork_in_child);
}

static void prepare(void) {
    (void)pthread_key_create(&key, end_thread);
    const char *const set = getenv("THRUM_CHECKED");
    if (set && !strcmp(set, "abort")) settings.aborts = true;
}

static check_thread *new_thread(void) {
    check_thread *thread = threads;
    while (thread && thread->ident) thread = thread->next;
    if (!thread) {
        thread = check_memory_(sizeof *thread);
        if (!thread) return NULL;
        thread->next = threads;
        threads = thread;
    }
    check_thread *const next = thread->next;
    *thread = (check_thread){.ident = thrum_self_id(), .next = next, .inside = true};
    return thread;
}

check_thread *check_enter_(void) {
    if (busy) return NULL;
    if (own) {
        if (own->inside) return NULL;
        set(&own->inside, true);
        thrum_lock_acquire(&guard);
        if (own->owed) check_pay_(own);
        return own;
    }
    THRUM_KEEPS_ERRNO_;
    set(&busy, true);
    (void)pthread_once(&prepared, prepare);
    thrum_lock_acquire(&guard);
    check_thread *const thread = new_thread();
    own = thread; /* inside */
    if (!thread) thrum_lock_release(&guard);
    set(&busy, false);
    if (thread) (void)pthread_setspecific(key, thread);
    return thread;
}

void check_leave_(check_thread *thread, const check_report *report) {
    thrum_lock_release(&guard);
    THRUM_KEEPS_ERRNO_;
    if (report) hand_over(report);
    set(&thread->inside, false);
}

check_thread *check_threads_(void) {
    return threads;
}

void check_nobody_waits_(const check_object *object) {
    for (check_thread *t = threads; t; t = t->next) {
        if (t->wanted != object) continue;
        t->wait = CHECK_RUNS;
        t->wanted = NULL;
    }
}

check_thread *check_own_(void) {
    return own;
}

/* ---- objects ---- */

static check_object **chain_of(const void *address) {
    const uintptr_t number = (uintptr_t)address;
    return &objects[(number >> 2 ^ number >> 12) % CHAINS];
}

check_object *check_object_at_(const void *address) {
    check_object *object = *chain_of(address);
    while (object && object->address != address) object = object->next;
    return object;
}

static check_object *object_of(const void *address, check_kind kind) {
    check_object *object = check_object_at_(address);
    if (object && object->kind != kind) check_forget_(object);
    if (!object) {
        object = check_memory_(sizeof *object);
        if (!object) return NULL;
        object->address = address;
        check_object **const chain = chain_of(address);
        object->next = *chain;
        *chain = object;
    }
    object->kind = kind;
    if (!object->own) object->own = check_new_node_();
    return object->own ? object : NULL;
}

bool check_begin_(check_call *call, const void *object, check_kind kind, check_mode mode, const void *site) {
    check_stack at;
    if (own && own->inside) return false;
    check_stack_here_(&at, site);
    check_thread *const thread = check_enter_();
    if (!thread) return false;
    *call = (check_call){thread, object_of(object, kind), mode, false, at};
    const bool is_checked = call->object && !call->object->handed_over;
    check_leave_(thread, NULL);
    return is_checked;
}

static check_node *class_of(const void *made_at, const char *name) {
    check_node *node = classes;
    while (node && (name ? !node->name || strcmp(node->name, name) != 0 : node->made_at != made_at))
        node = node->next;
    if (node) return node;
    node = check_new_node_();
    if (!node) return NULL;
    node->made_at = made_at;
    node->name = name;
    node->next = classes;
    classes = node;
    return node;
}

void thrum_checked_class(const void *address, const char *name) {
    check_thread *const thread = check_enter_();
    if (!thread) return;
    check_object *const known = check_object_at_(address);
    check_object *const object = object_of(address, known ? known->kind : CHECK_LOCK);
    if (object) object->class = class_of(NULL, name);
    check_leave_(thread, NULL);
}

static void tell_gone(check_report *report, const check_object *object, const char *how) {
    check_title_(report, THRUM_CHECKED_GONE, "what is held %s", how);
    check_say_object_(report, object, CHECK_ALONE);
    for (const check_holding *h = object->holdings; h; h = h->next_of_object) {
        check_say_(report, "  held by thread %llu since\n", (unsigned long long)h->thread->ident);
        check_say_stack_(report, &h->at);
    }
}

void check_is_made_(const void *address, check_kind kind, const void *site) {
    check_report report = {.made = false};
    check_thread *const thread = check_enter_();
    if (!thread) return;
    check_object *const object = object_of(address, kind);
    if (object) {
        if (object->holdings) tell_gone(&report, object, "is made again");
        check_forget_(object);
        object->class = class_of(site, NULL);
    }
    check_leave_(thread, &report);
}

void thrum_checked_gone(const void *memory, size_t size) {
    const uintptr_t begin = (uintptr_t)memory;
    check_report report = {.made = false};
    check_thread *const thread = check_enter_();
    if (!thread) return;
    for (unsigned i = 0; i < CHAINS; i++) {
        for (check_object *o = objects[i]; o; o = o->next) {
            if ((uintptr_t)o->address - begin >= size) continue;
            if (o->holdings) tell_gone(&report, o, "goes away");
            check_forget_(o);
        }
    }
    check_leave_(thread, &report);
}
