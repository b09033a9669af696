/* SPDX-License-Identifier: MIT */
/*
 * ident, native id and is_alive before, during and after; the main and the current thread; counting and
 * listing.
 */
#include "crew.h"

static thrum_event running, go_on;

static void *task(void *unused) {
    thrum_event_set(&running);
    thrum_event_wait(&go_on);
    return unused;
}

static void show(const char *when, const thrum_thread *thread) {
    printf("%s: ident %s, native id %s, alive %s\n", when, thrum_thread_ident(thread) ? "set" : "none",
           thrum_thread_native_id(thread) ? "set" : "none", crew_yes(thrum_thread_is_alive(thread)));
}

/* All that there are, by name; and lets the others end, and joins them. */
static void join_the_others(void) {
    thrum_thread **threads;
    size_t count;
    if (thrum_enumerate(&threads, &count) != THRUM_OK) exit(1);
    for (size_t i = 0; i < count; i++) printf("there is %s\n", thrum_thread_name(threads[i]).text);
    thrum_event_set(&go_on);
    for (size_t i = 0; i < count; i++)
        if (threads[i] != thrum_current_thread()) thrum_thread_join(threads[i], NULL);
    thrum_enumerate_release(threads, count);
}

int main(void) {
    printf("current: %s, main: %s, the same: %s\n", thrum_thread_name(thrum_current_thread()).text,
           thrum_thread_name(thrum_main_thread()).text,
           crew_yes(thrum_current_thread() == thrum_main_thread()));
    thrum_thread *thread = crew_make((thrum_thread_config){THRUM_TARGET(task)});
    show("before", thread);
    if (thrum_thread_start(thread) != THRUM_OK) return 1;
    thrum_event_wait(&running);
    show("during", thread);
    const uint64_t ident = thrum_thread_ident(thread);

    thrum_thread *another = crew_spawn((thrum_thread_config){THRUM_TARGET(task)});
    printf("active: %zu\n", thrum_active_count());
    thrum_event_set(&go_on);
    printf("active when two are joined: ");
    fflush(stdout);
    thrum_thread_join(thread, NULL);
    thrum_thread_join(another, NULL);
    printf("%zu\n", thrum_active_count());
    show("after", thread);
    printf("the ident is kept: %s\n", crew_yes(thrum_thread_ident(thread) == ident));
    thrum_thread_release(thread);
    thrum_thread_release(another);

    thrum_event_clear(&go_on);
    for (int i = 0; i < 3; i++) thrum_thread_release(crew_spawn((thrum_thread_config){THRUM_TARGET(task)}));
    join_the_others();
    printf("left: %zu\n", thrum_active_count());
    thrum_shutdown();
}
