/* SPDX-License-Identifier: MIT */
/* thread: a function in a thread, with and without arguments; five workers; what a second start answers. */
#include "crew.h"

static void *task(void *unused) {
    printf("a message from the thread\n");
    return unused;
}

static void *task_with(void *message) {
    printf("the message handed over: %s\n", (const char *)message);
    return NULL;
}

static thrum_lock line;
static bool done[5];

static void work(unsigned number) {
    THRUM_WITH(&line) done[number] = true;
}

int main(void) {
    thrum_thread *thread = crew_make((thrum_thread_config){THRUM_TARGET(task)});
    printf("waiting\n");
    if (thrum_thread_start(thread) != THRUM_OK) return 1;
    thrum_thread_join(thread, NULL);
    printf("a second start: %s\n", thrum_result_name(thrum_thread_start(thread)));
    thrum_thread_release(thread);

    static char message[] = "hello";
    crew_end(crew_spawn((thrum_thread_config){THRUM_TARGET(task_with), .argument = message}));

    crew_run(5, work);
    for (int i = 0; i < 5; i++) printf("worker %d: %s\n", i, done[i] ? "done" : "missing");
    thrum_shutdown();
}
