/* SPDX-License-Identifier: MIT */
/* What the tests of lifetimes share: the memory that objects lie in. */
#ifndef THRUM_TESTS_LIFETIME_PARTS_H
#define THRUM_TESTS_LIFETIME_PARTS_H

#include "test.h"

#include <stdlib.h>
#include <sys/mman.h>

#include <thrum/lock.h>
#include <thrum/semaphore.h>

enum { PAGE = 4096, OWNERS = 3 };

typedef struct memory {
    void *(*take)(void);
    void (*give)(void *object);
} memory;

static inline void *take_page(void) {
    void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(page != MAP_FAILED);
    return page;
}
/*
 * Out of bounds at once, and for some rounds to come: the next page has another address, and a late touch
 * still ends here.
 */
static inline void give_page(void *page) {
    enum { KEPT = 64 };
    static __thread void *kept[KEPT];
    static __thread unsigned place;
    CHECK_EQ(mprotect(page, PAGE, PROT_NONE), 0);
    if (kept[place]) CHECK_EQ(munmap(kept[place], PAGE), 0);
    kept[place] = page;
    place = (place + 1) % KEPT;
}
static inline void *take_heap(void) {
    void *object = calloc(1, 64);
    CHECK(object != NULL);
    return object;
}
static const memory pages = {take_page, give_page};
static const memory heap = {take_heap, free};

/* Lets the rounds of two threads drift against each other. */
static inline void dawdle(uint64_t *random, unsigned pauses) {
    for (uint64_t i = test_random(random) % pauses; i > 0; i--) thrum_cpu_pause();
}
static inline void lock_wait(void *object) {
    thrum_lock_acquire(object);
}
static inline void lock_open(void *object) {
    (void)thrum_lock_release(object);
}
static inline void nothing(void *object) {
    (void)object;
}
static inline void semaphore_wait(void *object) {
    thrum_semaphore_acquire(object);
}
static inline void semaphore_open(void *object) {
    (void)thrum_semaphore_release(object);
}

static inline thrum_result succeed(void *argument) {
    (void)argument;
    return THRUM_OK;
}

#endif
