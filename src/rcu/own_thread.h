/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. The signals of the library's own threads: rcu's helper, a scheduler's thread, an executor's
 * workers.
 *
 * A signal that is sent to the process is for the program's threads: the library's own threads block it. A
 * signal that a thread raises by a fault of its own must not be blocked, for the kernel would end the process
 * without calling the program's handler. These are SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS and
 * SIGABRT. The library's own threads never block them, whatever the mask of the thread that starts them.
 *
 * The starter blocks around the start, so that the new thread never runs unblocked; the new thread then sets
 * its mask itself, since the starter may block signals of faults.
 */
#ifndef THRUM_SRC_RCU_OWN_THREAD_H
#define THRUM_SRC_RCU_OWN_THREAD_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <signal.h>

/* The starter, before and after it starts a thread of the library's own. */
void thrum_own_thread_block_(sigset_t *before);
void thrum_own_thread_unblock_(const sigset_t *before);

/* Such a thread itself, first of all. */
void thrum_own_thread_begin_(void);

#endif
