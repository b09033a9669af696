/* SPDX-License-Identifier: MIT */
/* A few threads that run one function, each with its number; the examples' threads. */
#ifndef EXAMPLES_CREW_H
#define EXAMPLES_CREW_H

#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

enum { CREW_MOST = 16 };

typedef struct crew {
    pthread_t threads[CREW_MOST];
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
    if (!job || c->size == CREW_MOST || pthread_create(&c->threads[c->size], NULL, crew_begin, job)) {
        fprintf(stderr, "cannot start a thread\n");
        exit(1);
    }
    c->size++;
}

static inline void crew_join(crew *c) {
    for (unsigned i = 0; i < c->size; i++) pthread_join(c->threads[i], NULL);
    c->size = 0;
}

/* So many threads, from the first to the last end. */
static inline void crew_run(unsigned size, void (*work)(unsigned number)) {
    crew c = {.size = 0};
    while (c.size < size) crew_start(&c, work);
    crew_join(&c);
}

#endif
