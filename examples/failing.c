/* SPDX-License-Identifier: MIT */
/*
 * A thread that fails: the default report goes to stderr; an exception hook of one's own; the program goes
 * on. The report names the functions that the dynamic linker knows: those of the program that are not static,
 * where it is linked with -rdynamic, as this one is (ENABLE_EXPORTS in CMake).
 */
#include "crew.h"

static thrum_lock held;

void *work(void *unused);
void *work(void *unused) {
    THRUM_WITH(&held) thrum_thread_fail(7, "something bad happened");
    return unused;
}

static void tell(const thrum_failure *failure) {
    printf("Thread failed: %s (code %d, in %s)\n", failure->message, failure->code,
           thrum_thread_name(failure->thread).text);
}

int main(void) {
    crew_end(crew_spawn((thrum_thread_config){THRUM_TARGET(work)}));
    printf("continuing on...\n");
    printf("what it held is free: %s\n", crew_yes(!thrum_lock_locked(&held)));

    thrum_set_excepthook(tell);
    thrum_thread *thread = crew_spawn((thrum_thread_config){THRUM_TARGET(work)});
    thrum_thread_join(thread, NULL);
    int code = 0;
    const bool failed = thrum_thread_failed(thread, &code);
    printf("failed: %s, with %d\n", crew_yes(failed), code);
    thrum_thread_release(thread);
    thrum_shutdown();
}
