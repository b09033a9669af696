/* SPDX-License-Identifier: MIT */
/*
 * malloc, as explored code calls it (the build renames the calls). Memory is given once an execution and
 * undone with everything else; what is freed is poisoned.
 */
#include "explore.h"

#include <thrum/atomic.h>

#include <stdlib.h>
#include <string.h>

enum { SIZE = 16384, UNIT = 16, SEEN = 64 };

static union {
    max_align_t aligned;
    char bytes[SIZE];
} heap;
static thrum_u32 used;

/* Before each block stands its size. */
void *malloc(size_t size) {
    const uint32_t whole = (uint32_t)((size + 2 * UNIT - 1) / UNIT * UNIT);
    if (size > SIZE) return NULL;
    const uint32_t at = thrum_u32_fetch_add_relaxed(&used, whole);
    REQUIRE(at + whole <= SIZE);
    explore_count_block(true);
    *(size_t *)(void *)(heap.bytes + at) = size;
    return heap.bytes + at + UNIT;
}

/*
 * Clears it by stores that the explorer sees: a reader of the block must be ordered after them. Of a large
 * block it sees the first ones only: all of a table would take most of the time. What memcpy and its like
 * have written in an earlier execution is not undone.
 */
void *calloc(size_t count, size_t size) {
    uint64_t *const memory = malloc(count * size);
    if (!memory) return NULL;
    memset(memory, 0, count * size);
    for (size_t i = 0; i < SEEN && i < count * size / sizeof *memory; i++) memory[i] = 0;
    return memory;
}

static size_t size_of(const void *memory) {
    return *(const size_t *)(const void *)((const char *)memory - UNIT);
}

void free(void *memory) {
    if (!memory) return;
    explore_free(memory, size_of(memory));
    explore_count_block(false);
}

/* The size stands before the aligned part, too. */
void *aligned_alloc(size_t alignment, size_t size) {
    char *const memory = malloc(size + alignment);
    if (!memory) return NULL;
    char *const aligned = memory + (alignment - (uintptr_t)memory % alignment) % alignment;
    *(size_t *)(void *)(aligned - UNIT) = size;
    return aligned;
}

void *realloc(void *memory, size_t size) {
    void *const larger = malloc(size);
    if (larger && memory) {
        memcpy(larger, memory, size_of(memory));
        free(memory);
    }
    return larger;
}
