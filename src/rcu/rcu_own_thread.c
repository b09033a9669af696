/* SPDX-License-Identifier: MIT */
/* Floor 3. Which signals the library's own threads block; own_thread.h says why. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "own_thread.h"

#include <stddef.h>

/* All but those that a thread raises by its own fault. */
static void fill(sigset_t *blocked) {
    static const int faults[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP, SIGSYS, SIGABRT};
    sigfillset(blocked);
    for (size_t i = 0; i < sizeof faults / sizeof faults[0]; i++) sigdelset(blocked, faults[i]);
}

void thrum_own_thread_block_(sigset_t *before) {
    sigset_t blocked;
    fill(&blocked);
    (void)pthread_sigmask(SIG_BLOCK, &blocked, before);
}

void thrum_own_thread_unblock_(const sigset_t *before) {
    (void)pthread_sigmask(SIG_SETMASK, before, NULL);
}

void thrum_own_thread_begin_(void) {
    sigset_t blocked;
    fill(&blocked);
    (void)pthread_sigmask(SIG_SETMASK, &blocked, NULL);
}
