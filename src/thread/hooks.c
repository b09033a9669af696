/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. How a thread fails, and the report of it.
 *
 * hooks.H1: a failure is written down where it happens, on the stack of the thread's beginning, which
 *     outlives the unwinding; the hook is told after the unwinding. So cleanups have run when it runs, and
 *     nothing has to be allocated.
 * hooks.H2: a function that must not end its thread is called with a landing (hooks_call.c). Failing and
 *     exiting lead to the landing, after what the function itself holds is released. What the blocks around
 *     the call hold stays held: a fence lies before it in the chain of guards.
 *
 * In a circle with hooks_call.c, thread.c: a failure leaves by a landing, and a report is shielded by
 * one; a thread that ends is reported, and the report names it.
 */
#include "record.h"

#include "../futex/errno_kept.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <unwind.h>

enum { REPORT_SIZE = 8192 };

static thrum_u64 hook_now; /* a function as a number; 0: the default */

thrum_excepthook *thrum_get_excepthook(void) {
    /* hooks.X1: acquire, pairs with hooks.X1 in set */
    thrum_excepthook *const hook = (thrum_excepthook *)(uintptr_t)thrum_u64_load_acquire(&hook_now);
    THRUM_TELL_OWN_ACQUIRE(&hook_now);
    return hook ? hook : thrum_default_excepthook;
}

thrum_excepthook *thrum_set_excepthook(thrum_excepthook *hook) {
    if (hook == thrum_default_excepthook) hook = NULL;
    THRUM_TELL_OWN_RELEASE(&hook_now);
    /* hooks.X1: release and acquire */
    const uint64_t before = thrum_u64_exchange_acq_rel(&hook_now, (uint64_t)(uintptr_t)hook);
    THRUM_TELL_OWN_ACQUIRE(&hook_now);
    return before ? (thrum_excepthook *)(uintptr_t)before : thrum_default_excepthook;
}

/* ---- failing ---- */

static _Unwind_Reason_Code note_frame(struct _Unwind_Context *context, void *p) {
    thrum_failing_ *const failing = p;
    void *const address = (void *)_Unwind_GetIP(context);
    if (!address || failing->frames == sizeof failing->backtrace / sizeof failing->backtrace[0])
        return _URC_END_OF_STACK;
    failing->backtrace[failing->frames++] = address;
    return _URC_NO_REASON;
}

static void write_down(thrum_failing_ *failing, int code, const char *format, va_list arguments) {
    failing->failed = true;
    failing->code = code;
    failing->frames = 0;
    (void)vsnprintf(failing->message, sizeof failing->message, format, arguments);
}

void thrum_hooks_describe_(thrum_failing_ *failing, int code, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    write_down(failing, code, format, arguments);
    va_end(arguments);
}

void thrum_thread_fail(int code, const char *format, ...) {
    thrum_failing_ here;
    thrum_failing_ *const failing = thrum_here_.failing ? thrum_here_.failing : &here; /* hooks.H1 */
    va_list arguments;
    va_start(arguments, format);
    write_down(failing, code, format, arguments);
    va_end(arguments);
    (void)_Unwind_Backtrace(note_frame, failing);
    if (failing->frames) { /* the first is this function's own */
        failing->frames--;
        memmove(failing->backtrace, failing->backtrace + 1, failing->frames * sizeof failing->backtrace[0]);
    }
    thrum_self_release_guards();
    if (thrum_here_.landing) thrum_hooks_leave_(THRUM_LEFT_FAILING, NULL); /* hooks.H2 */
    if (failing == &here) thrum_hooks_report_(failing);
    pthread_exit(NULL);
}

/* ---- telling ---- */

static void report_failing_hook(const thrum_failing_ *hooks, const thrum_failing_ *threads);

static thrum_failure failure_of(const thrum_failing_ *failing) {
    return (thrum_failure){failing->code, failing->message, thrum_current_thread(), failing->backtrace,
                           failing->frames};
}

static void call_hook(void *failure) {
    thrum_get_excepthook()((const thrum_failure *)failure);
}

void thrum_hooks_report_(thrum_failing_ *failing) {
    thrum_failing_ of_hook;
    thrum_failure failure = failure_of(failing);
    const thrum_left_ left = thrum_hooks_shield_with_(call_hook, &failure, &of_hook);
    if (left == THRUM_LEFT_FAILING) report_failing_hook(&of_hook, failing);
    if (left == THRUM_LEFT_ENDING) thrum_hooks_go_on_ending_();
}

/* ---- the default's report ---- */

struct report {
    size_t length;
    char text[REPORT_SIZE];
};

__attribute__((format(printf, 2, 3))) static void add(struct report *report, const char *format, ...) {
    const size_t room = sizeof report->text - report->length;
    va_list arguments;
    va_start(arguments, format);
    const int length = vsnprintf(report->text + report->length, room, format, arguments);
    va_end(arguments);
    if (length < 0) return;
    report->length += (size_t)length < room ? (size_t)length : room - 1; /* what does not fit is cut */
}

/* One call of a backtrace. The dynamic linker names a function only if the address is within it. */
static void add_frame(struct report *report, void *address) {
    Dl_info info;
    /* A return address is behind its call: the byte before it belongs to the caller for certain. */
    const uintptr_t call = (uintptr_t)address - 1;
    if (!dladdr((void *)call, &info)) {
        add(report, "  at %p\n", address);
        return;
    }
    const char *const object = info.dli_fname ? info.dli_fname : "?";
    const uintptr_t offset = (uintptr_t)address - (uintptr_t)info.dli_fbase;
    if (info.dli_sname)
        add(report, "  in %s, %s+0x%llx\n", info.dli_sname, object, (unsigned long long)offset);
    else
        add(report, "  in %s+0x%llx\n", object, (unsigned long long)offset);
}

static void add_failure(struct report *report, const char *title, const char *name,
                        const thrum_failure *failure) {
    add(report, "%s%s:\n", title, name);
    for (size_t i = 0; i < failure->frames; i++) add_frame(report, failure->backtrace[i]);
    add(report, "%s (code %d)\n", failure->message, failure->code);
}

/* In one piece, unless the receiver takes it in several. By a system call: write is a cancellation point. */
static void send(const struct report *report) {
    THRUM_KEEPS_ERRNO_;
    for (size_t sent = 0; sent < report->length;) {
        const long more = syscall(SYS_write, STDERR_FILENO, report->text + sent, report->length - sent);
        if (more < 0 && errno == EINTR) continue;
        if (more <= 0) break;
        sent += (size_t)more;
    }
}

static void add_default(struct report *report, const thrum_failure *failure) {
    const thrum_name name = failure->thread ? thrum_thread_name(failure->thread) : (thrum_name){"?"};
    add_failure(report, "Exception in thread ", name.text, failure);
}

void thrum_default_excepthook(const thrum_failure *failure) {
    struct report report = {.length = 0};
    add_default(&report, failure);
    send(&report);
}

static void report_failing_hook(const thrum_failing_ *hooks, const thrum_failing_ *threads) {
    struct report report = {.length = 0};
    const thrum_failure of_hook = failure_of(hooks);
    const thrum_failure of_thread = failure_of(threads);
    add_failure(&report, "Exception in threading.excepthook", "", &of_hook);
    add_default(&report, &of_thread);
    send(&report);
}
