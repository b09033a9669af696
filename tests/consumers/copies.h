/* SPDX-License-Identifier: MIT */
/* What each copy of the static core offers in these tests: plugin.c's functions. */
#ifndef THRUM_TESTS_CONSUMERS_COPIES_H
#define THRUM_TESTS_CONSUMERS_COPIES_H

#include <thrum/rlock.h>

typedef struct copy {
    uint64_t (*id)(void);
    uint32_t (*slot)(void);
    bool (*fence)(void); /* a heavy one */
    void (*count)(thrum_rlock *lock, long *counter, int times);
} copy;

extern __attribute__((visibility("default"))) const copy copy_of_the_core;

#endif
