/* SPDX-License-Identifier: MIT */
/* The stack's size of threads that start later; of one thread alone; what is refused. */
#include "crew.h"

static void *use_stack(void *unused) {
    volatile char large[200 * 1024];
    for (size_t i = 0; i < sizeof large; i += 1024) large[i] = 1;
    printf("200 KiB on the stack: %d\n", large[1024]);
    return unused;
}

int main(void) {
    size_t old = 1;
    if (thrum_stack_size(2 * 1024 * 1024, &old) != THRUM_OK) return 1;
    printf("before: %zu (the system's default)\n", old);
    crew_end(crew_spawn((thrum_thread_config){.target = use_stack}));
    printf("below the least: %s\n", thrum_result_name(thrum_stack_size(16 * 1024, NULL)));
    if (thrum_stack_size(0, &old) != THRUM_OK) return 1; /* the default again */
    printf("it was: %zu\n", old);
    crew_end(crew_spawn((thrum_thread_config){.target = use_stack, .stack_size = 4 * 1024 * 1024}));
    thrum_shutdown();
}
