/* SPDX-License-Identifier: MIT */
/*
 * dump: every thread's name and what it waits for, written at once; for a process that hangs.
 *
 * Floor 4, in libthrum. A program installs it for SIGQUIT, which a terminal sends by Ctrl and the backslash:
 *
 *     signal(SIGQUIT, tell);                                    // examples/stuck.c has a sigaction
 *     ...
 *     if (thrum_dump(STDERR_FILENO) != THRUM_OK) return;        // in tell
 *
 * and then sees, one line a thread (broken here, for want of room):
 *
 *   thrum: 3 threads
 *   1 "MainThread", native 4711: waits 12.204 s for the end of thread 2, called at 0x55d0c3f1 (+0x13f1)
 *   2 "first", native 4712: waits 12.203 s for rlock 0x55d0f040, held by 3, called at 0x55d0c2b0 (+0x12b0);
 *       holds 0x55d0f050
 *   3 "second", native 4713: runs
 *
 * Which      the threads of the registry: main, those of thrum's, and others that asked for their object.
 * Waits      for which object, since its first sleep, and where the program has called: an address, and how
 *            far from the program's beginning that is, for addr2line. In a program that is built without
 *            optimisation it lies in the header's function. A waiter that has not slept yet is about to.
 * Held by    the ident of the thread that owns an rlock, at the moment of looking.
 * Holds      what a waiting thread holds by THRUM_WITH and THRUM_HOLD, innermost first.
 * Exact      each line is: a thread is said to wait only if it was in that one wait while it was looked at.
 *            The lines are not of one moment.
 * Locks      the list of threads is held while it is written. A handler that has interrupted a thread amid a
 *            change of it cannot have it, and tries for about 20 ms. So the file must not be a pipe that is
 *            full and whose reader starts or ends threads of this process.
 * Copies     of several copies of the library (thrum/self.h) each tells of its own threads and waits.
 *
 * Any thread; signal handlers. Not a cancellation point. It carries no memory order; errno is kept.
 */
#ifndef THRUM_DUMP_H
#define THRUM_DUMP_H

#include <thrum/result.h>

THRUM_BEGIN_DECLS

/*
 * Writes it to an open file. THRUM_OK; THRUM_TIMEOUT: the list of threads was being changed all the time, and
 * one line says so; THRUM_FAILED: the file took less than all of it.
 */
THRUM_API thrum_result thrum_dump(int fd);

THRUM_END_DECLS

#endif
