/* SPDX-License-Identifier: MIT */
/*
 * Extending a thread: one's own struct with a thread in it, a run of one's own, arguments in and results out.
 */
#include "crew.h"

#include <stddef.h>

typedef struct multiplication {
    thrum_thread thread; /* the base */
    int a, b;            /* in */
    int product;         /* out */
} multiplication;

static thrum_result multiply(thrum_thread *self) {
    multiplication *m = (multiplication *)((char *)self - offsetof(multiplication, thread));
    printf("in the thread: %d, %d\n", m->a, m->b);
    m->product = m->a * m->b;
    return THRUM_OK;
}

int main(void) {
    multiplication m = {.a = 9, .b = 11};
    if (thrum_thread_init(&m.thread, &(thrum_thread_config){.run = multiply}) != THRUM_OK) return 1;
    if (thrum_thread_start(&m.thread) != THRUM_OK) return 1;
    thrum_thread_join(&m.thread, NULL);
    thrum_thread_release(&m.thread);
    printf("got %d\n", m.product);
    thrum_shutdown();
}
