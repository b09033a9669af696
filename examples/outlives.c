/* SPDX-License-Identifier: MIT */
/* Threads that outlive main's last line: the process waits for the thread, and not for the daemon. */
#include "crew.h"

static void *outlive(void *unused) {
    thrum_thread_join(thrum_main_thread(), NULL); /* main has ended: the process waits for its threads */
    printf("the thread: still here\n");
    return unused;
}

static void *outlive_as_daemon(void *unused) {
    crew_sleep_ms(3600 * 1000);
    printf("the daemon: never printed\n");
    return unused;
}

int main(void) {
    const thrum_thread_config thread = {.target = outlive};
    const thrum_thread_config daemon = {.target = outlive_as_daemon, .daemon = THRUM_DAEMON_YES};
    if (thrum_thread_spawn(NULL, &daemon) != THRUM_OK) return 1; /* with NULL nobody has a handle */
    if (thrum_thread_spawn(NULL, &thread) != THRUM_OK) return 1;
    printf("main: the last line\n");
    return 0;
}
