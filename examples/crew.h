/* SPDX-License-Identifier: MIT */
/* A few threads that run one function, each with its number; the examples' threads. */
#ifndef EXAMPLES_CREW_H
#define EXAMPLES_CREW_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <thrum.h>

enum { CREW_MOST = 16 };

typedef struct crew {
    thrum_thread *threads[CREW_MOST];
    unsigned size;
} crew;

typedef struct crew_job {
    void (*work)(unsigned number);
    unsigned number;
} crew_job;

static inline void *crew_begin(void *p) {
    crew_job job = *(crew_job *)p;
    free(p);
    job.work(job.number);
    return NULL;
}

/* One more thread, whose number is that of those before it. */
static inline void crew_start(crew *c, void (*work)(unsigned number)) {
    crew_job *job = malloc(sizeof *job);
    if (job) *job = (crew_job){work, c->size};
    const thrum_thread_config config = {.target = crew_begin, .argument = job};
    if (!job || c->size == CREW_MOST || thrum_thread_spawn(&c->threads[c->size], &config) != THRUM_OK) {
        fprintf(stderr, "cannot start a thread\n");
        exit(1);
    }
    c->size++;
}

static inline void crew_join(crew *c) {
    for (unsigned i = 0; i < c->size; i++) {
        thrum_thread_join(c->threads[i], NULL);
        thrum_thread_release(c->threads[i]);
    }
    c->size = 0;
}

/* So many threads, from the first to the last end. */
static inline void crew_run(unsigned size, void (*work)(unsigned number)) {
    crew c = {.size = 0};
    while (c.size < size) crew_start(&c, work);
    crew_join(&c);
}

/* A thread object of one target; ends the program where there can be none. */
static inline thrum_thread *crew_make(thrum_thread_config config) {
    thrum_thread *thread;
    if (thrum_thread_new(&thread, &config) != THRUM_OK) exit(1);
    return thread;
}

/* The same, started. */
static inline thrum_thread *crew_spawn(thrum_thread_config config) {
    thrum_thread *thread = crew_make(config);
    if (thrum_thread_start(thread) != THRUM_OK) exit(1);
    return thread;
}

static inline void crew_end(thrum_thread *thread) {
    thrum_thread_join(thread, NULL);
    thrum_thread_release(thread);
}

static inline void crew_sleep_ms(unsigned ms) {
    const thrum_deadline end = thrum_after_ms(ms);
    while (!thrum_deadline_passed(end)) thrum_futex_nap(end);
}

static inline const char *crew_yes(bool b) {
    return b ? "yes" : "no";
}

#endif
