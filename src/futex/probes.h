/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. Static probes, for tools that look into a running process (bpftrace, perf, SystemTap, GDB): each
 * is an instruction that does nothing, in a slow path, and a note of where it is and where its arguments are.
 * The build has them where sys/sdt.h is installed (THRUM_PROBES in CMake).
 *
 *   contended     kind, object, place      a thread begins to wait; `kind` is a number of waits.h
 *   waited        kind, object, place, ns  it waits no more, and has slept for so long
 *   parked        word, deadline           a thread goes to sleep at a word of an object
 *   woken         word                     a wake has ended that sleep
 *   timed_out     word                     its deadline has
 *   handed_over   object                   an heir, or a candidate, has gone in past newcomers
 *   closed        object                   it has closed the object to newcomers
 */
#ifndef THRUM_SRC_PROBES_H
#define THRUM_SRC_PROBES_H

#ifdef THRUM_PROBES_
#include <sys/sdt.h>
/* What it makes of a probe is no strict C11; builds without probes see what else is not. */
#pragma GCC diagnostic ignored "-Wpedantic"
#define THRUM_PROBE_1_(name, a) DTRACE_PROBE1(thrum, name, a)
#define THRUM_PROBE_2_(name, a, b) DTRACE_PROBE2(thrum, name, a, b)
#define THRUM_PROBE_3_(name, a, b, c) DTRACE_PROBE3(thrum, name, a, b, c)
#define THRUM_PROBE_4_(name, a, b, c, d) DTRACE_PROBE4(thrum, name, a, b, c, d)
#else
#define THRUM_PROBE_1_(name, a) ((void)(a))
#define THRUM_PROBE_2_(name, a, b) ((void)(a), (void)(b))
#define THRUM_PROBE_3_(name, a, b, c) ((void)(a), (void)(b), (void)(c))
#define THRUM_PROBE_4_(name, a, b, c, d) ((void)(a), (void)(b), (void)(c), (void)(d))
#endif

#endif
