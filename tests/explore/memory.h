/* SPDX-License-Identifier: MIT */
/* The operations of memory.c, as the compilers' calls need them. */
#ifndef THRUM_TESTS_EXPLORE_MEMORY_H
#define THRUM_TESTS_EXPLORE_MEMORY_H

#include "../support/tsan_types.h"
#include "engine.h"

/* As a law's condition reads it: the latest store, and no step. */
uint64_t memory_latest(const void *address, unsigned size);
uint64_t memory_load(const void *address, unsigned size, int order, site pc);
void memory_store(void *address, unsigned size, uint64_t value, int order, site pc);
uint64_t memory_rmw(void *address, unsigned size, rmw operation, uint64_t operand, int order, site pc);
bool memory_cas(void *address, unsigned size, uint64_t *expected, uint64_t desired, int order, int failure,
                bool weak, site pc);

#endif
