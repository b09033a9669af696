/* SPDX-License-Identifier: MIT */
/* Forking a program that has threads: the child has one, which is its main thread. */
#include "crew.h"

#include <sys/wait.h>
#include <unistd.h>

static thrum_event go_on;

static void *wait_here(void *unused) {
    thrum_event_wait(&go_on);
    return unused;
}

static void show(const char *who, thrum_thread *worker) {
    printf("%s: %zu threads, in %s, the worker is alive: %s\n", who, thrum_active_count(),
           thrum_thread_name(thrum_current_thread()).text, crew_yes(thrum_thread_is_alive(worker)));
    fflush(stdout);
}

int main(void) {
    thrum_thread *worker = crew_spawn((thrum_thread_config){.target = wait_here});
    show("parent", worker);
    const pid_t child = fork();
    if (child < 0) return 1;
    if (child == 0) {
        show("child", worker);
        printf("child: join of the worker: %s\n", thrum_result_name(thrum_thread_join(worker, NULL)));
        fflush(stdout);
        _exit(0);
    }
    int status;
    if (waitpid(child, &status, 0) != child || status != 0) return 1;
    show("parent", worker);
    thrum_event_set(&go_on);
    crew_end(worker);
    thrum_shutdown();
}
