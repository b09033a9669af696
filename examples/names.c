/* SPDX-License-Identifier: MIT */
/* The names of threads: by default, from the config, changed later. */
#include "crew.h"

static void *worker(void *unused) {
    printf("in the thread: %s\n", thrum_thread_name(thrum_current_thread()).text);
    return unused;
}

int main(void) {
    thrum_thread *plain = crew_make((thrum_thread_config){.target = worker});
    printf("by default: %s\n", thrum_thread_name(plain).text);
    thrum_thread_release(plain);

    thrum_thread *of_target = crew_make((thrum_thread_config){THRUM_TARGET(worker)});
    printf("with its target: %s\n", thrum_thread_name(of_target).text);
    if (thrum_thread_start(of_target) != THRUM_OK) return 1;
    crew_end(of_target);

    thrum_thread *named = crew_make((thrum_thread_config){.target = worker, .name = "MyThread"});
    printf("from the config: %s\n", thrum_thread_name(named).text);
    if (thrum_thread_set_name(named, "MyNewName") != THRUM_OK) return 1;
    if (thrum_thread_start(named) != THRUM_OK) return 1;
    crew_end(named);
    thrum_shutdown();
}
