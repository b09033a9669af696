/* SPDX-License-Identifier: MIT */
/*
 * Where threads wait, of a program that runs: on SIGUSR2 it writes what it has counted so far to the file
 * that it was given, for thrum-report. Here one thread holds the ledger while another wants it.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "crew.h"

#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

static thrum_lock ledger;
static const char *path = "/dev/null";

static void tell(int signal) {
    (void)signal;
    const int file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (file < 0 || thrum_profile_write(file) != THRUM_OK) _exit(1);
    (void)close(file);
}

static void *pay(void *unused) {
    thrum_lock_acquire(&ledger);
    thrum_lock_release(&ledger);
    return unused;
}

static void audit(void) {
    thrum_lock_acquire(&ledger);
    thrum_thread *const waiter = crew_spawn((thrum_thread_config){.target = pay, .name = "pay"});
    crew_sleep_ms(20);
    thrum_lock_release(&ledger);
    thrum_thread_join(waiter, NULL);
    thrum_thread_release(waiter);
}

int main(int count, char **arguments) {
    if (count > 1 && arguments[1][0] != '-') path = arguments[1];
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = tell;
    action.sa_flags = SA_RESTART;
    if (sigaction(SIGUSR2, &action, NULL) != 0) return 1;

    thrum_profile_begin();
    audit();
    (void)raise(SIGUSR2);
    thrum_profile_end();
    printf("counted, and written while the program ran\n");
    return 0;
}
