/* SPDX-License-Identifier: MIT */
/* Above all floors. Stacks, and the text of reports. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "checked_inside.h"

#include <dlfcn.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unwind.h>

/* Of the linker: the beginning of the program or shared object that this copy is part of. */
extern const char __ehdr_start[] __attribute__((weak, visibility("hidden")));

/* ---- stacks ---- */

struct walk {
    check_stack *stack;
    const void *site;
    bool found;
};

static _Unwind_Reason_Code next_frame(struct _Unwind_Context *context, void *argument) {
    struct walk *const walk = argument;
    const void *const at = (const void *)(uintptr_t)_Unwind_GetIP(context);
    if (at == walk->site) walk->found = true;
    if (!at || walk->stack->count == CHECK_FRAMES) return _URC_END_OF_STACK;
    if (walk->found) walk->stack->frames[walk->stack->count++] = at;
    return _URC_NO_REASON;
}

/* From the program's call on; of a stack that cannot be walked, that alone. */
void check_stack_here_(check_stack *stack, const void *site) {
    struct walk walk = {stack, site, false};
    stack->count = 0;
    (void)_Unwind_Backtrace(next_frame, &walk);
    if (!stack->count) stack->frames[stack->count++] = site;
}

/* ---- text ---- */

static void say(check_report *report, const char *format, va_list values) {
    const size_t room = sizeof report->text - report->length;
    const int wanted = vsnprintf(report->text + report->length, room, format, values);
    if (wanted > 0) report->length += (size_t)wanted < room ? (size_t)wanted : room - 1;
}

void check_say_(check_report *report, const char *format, ...) {
    va_list values;
    va_start(values, format);
    say(report, format, values);
    va_end(values);
}

void check_title_(check_report *report, thrum_checked_kind kind, const char *format, ...) {
    report->kind = kind;
    report->length = 0;
    report->made = true;
    check_say_(report, "thrum: ");
    va_list values;
    va_start(values, format);
    say(report, format, values);
    va_end(values);
    check_say_(report, "\n");
}

static void say_address(check_report *report, const void *address) {
    const uintptr_t begin = (uintptr_t)__ehdr_start, at = (uintptr_t)address;
    check_say_(report, "0x%llx", (unsigned long long)at);
    if (at - begin < UINT32_MAX) /* of this copy's, or close behind */
        check_say_(report, " (+0x%llx)", (unsigned long long)(at - begin));
}

void check_say_object_(check_report *report, const check_object *object, check_mode mode) {
    static const char *const names[] = {"lock", "rlock", "rwlock", "spinlock"};
    check_say_(report, "    %s ", names[object->kind]);
    say_address(report, object->address);
    if (object->kind == CHECK_RWLOCK) check_say_(report, mode == CHECK_READ ? ", to read" : ", to write");
    if (object->class && object->class->name) {
        check_say_(report, ", of class \"%s\"", object->class->name);
    } else if (object->class) {
        check_say_(report, ", made at ");
        say_address(report, object->class->made_at);
    }
    check_say_(report, "\n");
}

#define FRAME "      at "

void check_say_stack_(check_report *report, const check_stack *stack) {
    for (uint32_t i = 0; i < stack->count; i++) {
        check_say_(report, FRAME);
        say_address(report, stack->frames[i]);
        check_say_(report, "\n");
    }
}

static void say_function(check_report *report, const char *address) {
    Dl_info found;
    void *const at = (void *)(uintptr_t)strtoull(address, NULL, 16);
    if (dladdr(at, &found) && found.dli_sname) check_say_(report, " %s", found.dli_sname);
}

/* The linker names functions of shared objects, and of programs that are linked with -rdynamic. */
void check_name_functions_(check_report *named, const check_report *report) {
    *named = (check_report){.made = true, .kind = report->kind};
    for (const char *line = report->text; *line;) {
        const size_t length = strcspn(line, "\n");
        check_say_(named, "%.*s", (int)length, line);
        if (!line[length]) return; /* cut off */
        if (!strncmp(line, FRAME, strlen(FRAME))) say_function(named, line + strlen(FRAME));
        check_say_(named, "\n");
        line += length + 1;
    }
}

void check_say_held_(check_report *report, const check_thread *thread) {
    for (const check_holding *h = thread->held; h; h = h->next_of_thread) {
        check_say_(report, "  thread %llu holds\n", (unsigned long long)thread->ident);
        check_say_object_(report, h->object, h->mode);
        check_say_stack_(report, &h->at);
    }
}
