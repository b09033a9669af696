/* SPDX-License-Identifier: MIT */
/*
 * Built with AddressSanitizer, on the ordinary archive: frames with marked variables end by unwindings of the
 * library's, of which no compiler has told. What runs in their place next, a cleanup handler that asks the
 * C library to write to its stack, is right.
 */
#define _GNU_SOURCE
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <thrum.h>

#define UNTOLD __attribute__((noinline, no_sanitize_address))

static unsigned cleaned;

/* As a library does that is not instrumented. */
UNTOLD static void end_the_thread(void *value, void *unused) {
    (void)value, (void)unused;
    pthread_exit(NULL);
}
static thrum_local ending = THRUM_LOCAL_INIT(1, NULL, end_the_thread, NULL);
UNTOLD static void exit_the_thread(void) {
    thrum_thread_exit(NULL);
}
static void end_in_a_destructor(void) {
    if (thrum_local_get(&ending)) thrum_local_clear(&ending);
}

__attribute__((noinline)) static void have_marks(void (*leave)(void)) {
    char some[40], more[100], most[1000];
    memset(some, 1, sizeof some);
    memset(more, 1, sizeof more);
    memset(most, 1, sizeof most);
    leave();
    abort();
}

UNTOLD static void clean(void *unused) {
    sigset_t sets[8];
    (void)unused;
    for (int i = 0; i < 8; i++) sigfillset(&sets[i]);
    cleaned++;
}

static void *run(void *leave) {
    pthread_cleanup_push(clean, NULL);
    have_marks((void (*)(void))(uintptr_t)leave);
    pthread_cleanup_pop(0);
    return NULL;
}

int main(void) {
    void (*const ways[])(void) = {exit_the_thread, end_in_a_destructor};
    for (int i = 0; i < 2; i++) {
        thrum_thread *thread;
        const thrum_thread_config config = {.target = run, .argument = (void *)(uintptr_t)ways[i]};
        if (thrum_thread_spawn(&thread, &config) != THRUM_OK) return 1;
        if (thrum_thread_join(thread, NULL) != THRUM_OK) return 1;
        thrum_thread_release(thread);
    }
    printf("%u\n", cleaned);
    return cleaned == 2 ? 0 : 1;
}
