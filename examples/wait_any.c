/* SPDX-License-Identifier: MIT */
/* wait_any: a worker that waits for jobs and for the word to stop, and does other work when neither comes. */
#include "crew.h"

#include <thrum.h>

enum { JOBS = 3 };

static thrum_semaphore jobs;
static thrum_event idle, stop;

static void work(unsigned number) {
    (void)number;
    const thrum_waitable set[] = {THRUM_WAITABLE(&jobs), THRUM_WAITABLE(&stop)};
    for (unsigned which, done = 0;;) {
        if (thrum_wait_any_until(set, 2, &which, thrum_after_ms(10)) == THRUM_TIMEOUT) {
            if (done == JOBS && !thrum_event_is_set(&idle)) {
                printf("nothing to do\n");
                thrum_event_set(&idle);
            }
        } else if (which == 0) {
            printf("job %u\n", ++done);
        } else {
            printf("stopped\n");
            return;
        }
    }
}

int main(void) {
    crew c = {.size = 0};
    crew_start(&c, work);
    for (int i = 0; i < JOBS; i++) thrum_semaphore_release(&jobs);
    thrum_event_wait(&idle);
    thrum_event_set(&stop);
    crew_join(&c);
    return 0;
}
