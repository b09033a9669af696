/* SPDX-License-Identifier: MIT */
/* Logging with the names of threads: one line a message, never mixed, in whatever order. */
#include "crew.h"

#include <stdarg.h>
#include <string.h>

static thrum_lock output;

__attribute__((format(printf, 1, 2))) static void say(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    THRUM_WITH(&output) {
        printf("[%s] ", thrum_thread_name(thrum_current_thread()).text);
        vprintf(format, arguments);
        printf("\n");
    }
    va_end(arguments);
}

/* A generator of its own for each thread: its numbers depend on its seed alone. */
static unsigned next_random(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (unsigned)(*state >> 33);
}

static void *work(void *seed) {
    uint64_t state = *(const uint64_t *)seed;
    for (int i = 0; i < 3; i++) say("message %d, at random %u", i, next_random(&state) % 100);
    return NULL;
}

int main(void) {
    uint64_t seeds[2] = {1, 2};
    thrum_thread *one =
        crew_spawn((thrum_thread_config){.target = work, .argument = &seeds[0], .name = "one"});
    thrum_thread *two =
        crew_spawn((thrum_thread_config){.target = work, .argument = &seeds[1], .name = "two"});
    crew_end(one);
    crew_end(two);
    say("done");
    thrum_shutdown();
}
