/* SPDX-License-Identifier: MIT */
/* libtsan's place: every access of the explored code comes here. */
#include "../support/tsan_abi.h"
#include "memory.h"

#include <string.h>

static uint64_t on_load(const void *address, unsigned size, int order, site pc) {
    return engine.looks ? memory_latest(address, size) : memory_load(address, size, order, pc);
}

static void on_store(void *address, unsigned size, uint64_t value, int order, site pc) {
    memory_store(address, size, value, order, pc);
}

static uint64_t on_rmw(void *address, unsigned size, rmw operation, uint64_t operand, int order, site pc) {
    return memory_rmw(address, size, operation, operand, order, pc);
}

static bool on_cas(void *address, unsigned size, uint64_t *expected, uint64_t desired, int order, int failure,
                   bool weak, site pc) {
    return memory_cas(address, size, expected, desired, order, failure, weak, pc);
}

/* The library has none (docs/orders.md); the room `fence` calls the kernel. */
static void on_fence(int order, site pc) {
    (void)pc;
    explore_fail("a standalone fence of order %d: not explored", order);
}

static void on_access(const void *address, size_t size, bool write, site pc) {
    if (!engine.looks) races_access(address, size, write, pc);
}

/* src/atomic/law.h */
void thrum_law_looks_(bool begins);
void thrum_law_broken_(const char *file, int line, const char *label, const char *condition);

void thrum_law_looks_(bool begins) {
    engine.looks = begins;
}

void thrum_law_broken_(const char *file, int line, const char *label, const char *condition) {
    const char *const slash = strrchr(file, '/');
    explore_fail("%s:%d: the law %s is broken: %s", slash ? slash + 1 : file, line, label, condition);
}
