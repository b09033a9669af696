/* SPDX-License-Identifier: MIT */
/* Daemons: the process does not wait for them, unless somebody joins. */
#include "crew.h"

static thrum_event never;

static void *serve(void *unused) {
    thrum_event_wait(&never);
    printf("never printed\n");
    return unused;
}

static void *work(void *unused) {
    printf("a daemon that is joined ends first\n");
    return unused;
}

int main(void) {
    thrum_thread *thread = crew_make((thrum_thread_config){.target = work});
    printf("by default: %s\n", crew_yes(thrum_thread_daemon(thread)));
    if (thrum_thread_set_daemon(thread, true) != THRUM_OK) return 1;
    printf("by the setter: %s\n", crew_yes(thrum_thread_daemon(thread)));
    if (thrum_thread_start(thread) != THRUM_OK) return 1;
    crew_end(thread);

    thrum_thread *server = crew_spawn((thrum_thread_config){.target = serve, .daemon = THRUM_DAEMON_YES});
    printf("from the config: %s\n", crew_yes(thrum_thread_daemon(server)));
    printf("set after the start: %s\n", thrum_result_name(thrum_thread_set_daemon(server, false)));
    printf("joined for a moment: %s\n",
           thrum_result_name(thrum_thread_join_until(server, NULL, thrum_after_ms(20))));
    printf("alive: %s\n", crew_yes(thrum_thread_is_alive(server)));
    thrum_thread_release(server);
    thrum_shutdown(); /* does not wait for it */
    printf("the process ends\n");
}
