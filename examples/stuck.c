/* SPDX-License-Identifier: MIT */
/*
 * A program that hangs says where: on SIGQUIT, Ctrl-\ on a terminal, it writes what each of its threads waits
 * for. Here two threads wait for each other's rlock.
 */
#ifndef _POSIX_C_SOURCE
#define _POSIX_C_SOURCE 200809L
#endif
#include "crew.h"

#include <signal.h>
#include <string.h>
#include <unistd.h>

static thrum_rlock ledger, journal;
static thrum_barrier both_hold_one = THRUM_BARRIER_INIT(2);

static void tell(int signal) {
    (void)signal;
    (void)thrum_dump(STDOUT_FILENO);
}

static void take(thrum_rlock *first, thrum_rlock *second) {
    THRUM_WITH(first) {
        if (thrum_barrier_wait(&both_hold_one, NULL) != THRUM_OK) exit(1);
        THRUM_WITH(second) printf("never printed\n");
    }
}

static void *book(void *unused) {
    take(&ledger, &journal);
    return unused;
}

static void *audit(void *unused) {
    take(&journal, &ledger);
    return unused;
}

static bool is_waited_for(const thrum_rlock *rlock) {
    char text[80];
    thrum_rlock_describe(rlock, text, sizeof text);
    return strstr(text, "waited for") != NULL;
}

int main(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = tell;
    action.sa_flags = SA_RESTART;
    if (sigaction(SIGQUIT, &action, NULL) != 0) return 1;

    thrum_thread_release(
        crew_spawn((thrum_thread_config){.target = book, .name = "book", .daemon = THRUM_DAEMON_YES}));
    thrum_thread_release(
        crew_spawn((thrum_thread_config){.target = audit, .name = "audit", .daemon = THRUM_DAEMON_YES}));
    while (!is_waited_for(&ledger) || !is_waited_for(&journal)) crew_sleep_ms(1);
    crew_sleep_ms(20);
    (void)raise(SIGQUIT);
    return 0;
}
