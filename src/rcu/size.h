/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. The sizes of memory that floors 3 to 5 ask for. A sum or product that wraps would be a small block
 * for a large object: so each is made here, and tools/check-laws finds one that is made in the call.
 */
#ifndef THRUM_SRC_RCU_SIZE_H
#define THRUM_SRC_RCU_SIZE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Whether head + count * each is a size that an object can have: then it is in `*size`. */
static inline bool thrum_size_(size_t head, size_t count, size_t each, size_t *size) {
    size_t all;
    if (__builtin_mul_overflow(count, each, &all) || __builtin_add_overflow(all, head, &all)) return false;
    *size = all;
    return all <= PTRDIFF_MAX;
}

#endif
