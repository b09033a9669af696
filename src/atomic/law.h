/* SPDX-License-Identifier: MIT */
/*
 * Floor 1. A law that stands at the head of a source, as far as one thread can see at one point that it
 * holds:
 *
 *     THRUM_LAW(lock.I1, seen & HEIR);
 *
 * The debug build, the checked build and the explorer compile with THRUM_LAWS: a condition that is false ends
 * the process, or the scenario, with the law's label. Other builds have nothing of it. The condition changes
 * nothing, and is about what the thread itself keeps so: another thread may run between its loads. To the
 * explorer these loads are no steps, and read what was stored last.
 *
 * tools/laws lists the labels that have such a statement, and those that have none.
 */
#ifndef THRUM_SRC_ATOMIC_LAW_H
#define THRUM_SRC_ATOMIC_LAW_H

#ifdef THRUM_LAWS

#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* for headers behind it, which a source may have first without this one */
#endif
#include <thrum/cpu.h>

/* A condition is about to be looked at; it has been. Nothing, but in the explorer. */
THRUM_API void thrum_law_looks_(bool begins);
THRUM_API void thrum_law_broken_(const char *file, int line, const char *label, const char *condition);

#define THRUM_LAW(label, condition)                                                 \
    do {                                                                            \
        thrum_law_looks_(true);                                                     \
        const bool law_holds_ = (condition);                                        \
        thrum_law_looks_(false);                                                    \
        if (!law_holds_) thrum_law_broken_(__FILE__, __LINE__, #label, #condition); \
    } while (0)

#else

#define THRUM_LAW(label, condition) ((void)(0 && (condition)))

#endif

#endif
