/* SPDX-License-Identifier: MIT */
/* The trace of a failing execution, as a table: one line an event, one column a thread. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "engine.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { EVENTS_MAX = 8192, PLACE = 128, SHOWN = 150 };

typedef struct event {
    const void *pc;
    unsigned thread;
    uintptr_t address;
    char what[96];
    char place[PLACE];
} event;

static event events[EVENTS_MAX];
static unsigned count;

void report_reset(void) {
    count = 0;
}

static void record(unsigned t, const void *pc, uintptr_t address, const char *format, va_list arguments) {
    if (count == EVENTS_MAX) return;
    event *e = &events[count++];
    *e = (event){pc, t, address, "", ""};
    vsnprintf(e->what, sizeof e->what, format, arguments);
}

void report_event(const void *pc, uintptr_t address, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(engine.me, pc, address, format, arguments);
    va_end(arguments);
}

void report_event_of(unsigned t, const void *pc, uintptr_t address, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    record(t, pc, address, format, arguments);
    va_end(arguments);
}

/* --- places in the source ----------------------------------------------------------------------- */

static const char *base_of(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

/*
 * addr2line answers with each address and the chain of functions inlined there, innermost first, two lines
 * each. The operations of atomic.h are passed over; of a fast path in another header the caller is named,
 * too.
 */
static void add_frame(char *place, const char *function, const char *line) {
    const size_t n = strlen(place);
    const bool complete = n > 0 && place[n - 1] != '<';
    if (complete || function[0] == '?' || strstr(line, "/atomic.h:")) return;
    const bool more = strstr(line, "/include/thrum/") != NULL;
    snprintf(place + n, PLACE - n, "%s%s %s%s", n ? " " : "", function, base_of(line), more ? " <" : "");
}

static void resolve_some(unsigned from, unsigned to) {
    static char command[64 + 20 * 256];
    size_t n = (size_t)snprintf(command, sizeof command, "addr2line -a -f -i -e /proc/%d/exe", (int)getpid());
    for (unsigned i = from; i < to; i++) /* a call's return address lies behind it */
        n += (size_t)snprintf(command + n, sizeof command - n, " %#lx",
                              (unsigned long)events[i].pc - (events[i].pc != NULL));
    FILE *answers = popen(command, "r");
    if (!answers) return;
    char function[256], line[512];
    unsigned next = from;
    while (fgets(function, sizeof function, answers)) {
        if (function[0] == '0') {
            next++;
            continue;
        }
        if (!fgets(line, sizeof line, answers)) break;
        function[strcspn(function, "\n")] = 0;
        line[strcspn(line, " \n")] = 0;
        if (next > from && next <= to) add_frame(events[next - 1].place, function, line);
    }
    pclose(answers);
}

/* --- the table ---------------------------------------------------------------------------------- */

static void print_event(unsigned number, const event *e) {
    printf("%4u ", number);
    for (unsigned t = 1; t < engine.count; t++) {
        if (e->thread == MAIN)
            printf(" -"); /* begin and end */
        else if (e->thread == t)
            printf(" %u", t - 1);
        else
            printf(" .");
    }
    uintptr_t offset = 0;
    const char *name = e->address ? races_name(e->address, &offset) : NULL;
    char word[48] = "";
    if (name && offset)
        snprintf(word, sizeof word, "%s+%u ", name, (unsigned)offset);
    else if (name)
        snprintf(word, sizeof word, "%s ", name);
    else if (e->address)
        snprintf(word, sizeof word, "%lx ", (unsigned long)e->address);
    char what[160];
    snprintf(what, sizeof what, "%s%s", word, e->what);
    printf("  %-52s %s\n", what, e->place);
}

void report_print(void) {
    for (unsigned i = 0; i < count; i += 256) resolve_some(i, i + 256 < count ? i + 256 : count);
    printf("   #  threads, what, where (values are hexadecimal)\n");
    for (unsigned i = 0; i < count; i++) {
        if (i >= SHOWN && i + SHOWN < count) continue; /* of a livelock the beginning and the end */
        if (i + SHOWN == count && i > SHOWN) printf("      ...\n");
        print_event(i, &events[i]);
    }
    static const char *const states[] = {"has not begun", "could go on", "sleeps",
                                         "naps",          "waits",       "has ended"};
    for (unsigned t = 1; t < engine.count; t++)
        printf("thread %u %s\n", t - 1, states[engine.threads[t].state]);
}
