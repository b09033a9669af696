/* SPDX-License-Identifier: MIT */
/*
 * Extending a thread: one's own struct with a thread in it, a run of one's own, arguments in and results out;
 * and a run that is called directly, without a thread.
 */
#include "crew.h"

#include <stddef.h>

typedef struct multiplication {
    thrum_thread thread; /* the base */
    int a, b;            /* in */
    int product;         /* out */
    bool in_main;
} multiplication;

static thrum_result multiply(thrum_thread *self) {
    multiplication *m = (multiplication *)((char *)self - offsetof(multiplication, thread));
    m->product = m->a * m->b;
    m->in_main = thrum_current_thread() == thrum_main_thread();
    return THRUM_OK;
}

static multiplication make(int a, int b) {
    multiplication m = {.a = a, .b = b};
    if (thrum_thread_init(&m.thread, &(thrum_thread_config){.run = multiply}) != THRUM_OK) exit(1);
    return m;
}

int main(void) {
    multiplication five[5];
    for (int i = 0; i < 5; i++) {
        five[i] = make(i, 11);
        if (thrum_thread_start(&five[i].thread) != THRUM_OK) return 1;
    }
    for (int i = 0; i < 5; i++) {
        thrum_thread_join(&five[i].thread, NULL);
        thrum_thread_release(&five[i].thread);
        printf("%d times %d is %d\n", five[i].a, five[i].b, five[i].product);
    }

    multiplication direct = make(9, 11);
    if (thrum_thread_run_here(&direct.thread, NULL) != THRUM_OK) return 1;
    printf("got %d, in the main thread: %s\n", direct.product, crew_yes(direct.in_main));
    thrum_thread_release(&direct.thread);
    thrum_shutdown();
}
