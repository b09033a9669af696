/* SPDX-License-Identifier: MIT */
/*
 * The functions that gcc and clang call in code compiled with -fsanitize=thread, for a runtime that
 * takes libtsan's place: the same object files, linked without -fsanitize=thread and with one file
 * that includes this header. That file says what an access does, by six functions:
 *
 *     uint64_t on_load(const void *address, unsigned size, int order, site pc);
 *     void on_store(void *address, unsigned size, uint64_t value, int order, site pc);
 *     uint64_t on_rmw(void *address, unsigned size, rmw operation, uint64_t operand, int order, site pc);
 *     bool on_cas(void *address, unsigned size, uint64_t *expected, uint64_t desired, int order,
 *                 int failure, bool weak, site pc);
 *     void on_fence(int order, site pc);
 *     void on_access(const void *address, size_t size, bool write, site pc);      // a plain one
 *
 * Orders are the compilers' __ATOMIC_ constants. on_rmw returns the value from before.
 */
#ifndef THRUM_TESTS_SUPPORT_TSAN_ABI_H
#define THRUM_TESTS_SUPPORT_TSAN_ABI_H

#include "tsan_types.h"

#include <string.h>

static uint64_t on_load(const void *address, unsigned size, int order, site pc);
static void on_store(void *address, unsigned size, uint64_t value, int order, site pc);
static uint64_t on_rmw(void *address, unsigned size, rmw operation, uint64_t operand, int order, site pc);
static bool on_cas(void *address, unsigned size, uint64_t *expected, uint64_t desired, int order, int failure,
                   bool weak, site pc);
static void on_fence(int order, site pc);
static void on_access(const void *address, size_t size, bool write, site pc);

#pragma GCC diagnostic ignored "-Wmissing-prototypes"
#pragma GCC diagnostic ignored "-Wmissing-declarations"

#define HERE __builtin_return_address(0)

/* clang-format off */
#define ATOMIC_(bits, type)                                                                                   \
    type __tsan_atomic##bits##_load(const type *a, int order) {                                               \
        return (type)on_load(a, sizeof *a, order, HERE);                                                      \
    }                                                                                                         \
    void __tsan_atomic##bits##_store(type *a, type v, int order) { on_store(a, sizeof *a, v, order, HERE); }  \
    RMW_(bits, type, exchange, RMW_EXCHANGE)                                                                  \
    RMW_(bits, type, fetch_add, RMW_ADD)                                                                      \
    RMW_(bits, type, fetch_sub, RMW_SUB)                                                                      \
    RMW_(bits, type, fetch_and, RMW_AND)                                                                      \
    RMW_(bits, type, fetch_or, RMW_OR)                                                                        \
    RMW_(bits, type, fetch_xor, RMW_XOR)                                                                      \
    RMW_(bits, type, fetch_nand, RMW_NAND)                                                                    \
    CAS_(bits, type, strong, false)                                                                           \
    CAS_(bits, type, weak, true)                                                                              \
    type __tsan_atomic##bits##_compare_exchange_val(type *a, type e, type v, int order, int failure) {        \
        uint64_t seen = e;                                                                                    \
        (void)on_cas(a, sizeof *a, &seen, v, order, failure, false, HERE);                                    \
        return (type)seen;                                                                                    \
    }
#define RMW_(bits, type, name, operation)                                                                     \
    type __tsan_atomic##bits##_##name(type *a, type v, int order) {                                           \
        return (type)on_rmw(a, sizeof *a, operation, v, order, HERE);                                         \
    }
#define CAS_(bits, type, name, weak)                                                                          \
    int __tsan_atomic##bits##_compare_exchange_##name(type *a, type *e, type v, int order, int failure) {     \
        uint64_t seen = *e;                                                                                   \
        const bool done = on_cas(a, sizeof *a, &seen, v, order, failure, weak, HERE);                         \
        if (!done) *e = (type)seen;                                                                           \
        return done;                                                                                          \
    }
#define PLAIN_(size)                                                                                          \
    void __tsan_read##size(void *a) { on_access(a, size, false, HERE); }                                      \
    void __tsan_write##size(void *a) { on_access(a, size, true, HERE); }                                      \
    void __tsan_unaligned_read##size(void *a) { on_access(a, size, false, HERE); }                            \
    void __tsan_unaligned_write##size(void *a) { on_access(a, size, true, HERE); }                            \
    void __tsan_volatile_read##size(void *a) { on_access(a, size, false, HERE); }                             \
    void __tsan_volatile_write##size(void *a) { on_access(a, size, true, HERE); }                             \
    void __tsan_read_write##size(void *a) { on_access(a, size, true, HERE); }                                 \
    void __tsan_unaligned_read_write##size(void *a) { on_access(a, size, true, HERE); }

ATOMIC_(8, uint8_t)
ATOMIC_(16, uint16_t)
ATOMIC_(32, uint32_t)
ATOMIC_(64, uint64_t)
PLAIN_(1)
PLAIN_(2)
PLAIN_(4)
PLAIN_(8)
PLAIN_(16)
/* clang-format on */

void __tsan_read_range(void *a, size_t size) {
    on_access(a, size, false, HERE);
}
void __tsan_write_range(void *a, size_t size) {
    on_access(a, size, true, HERE);
}
void __tsan_atomic_thread_fence(int order) {
    on_fence(order, HERE);
}
void __tsan_atomic_signal_fence(int order) {
    (void)order;
}
void *__tsan_memset(void *a, int value, size_t size) {
    on_access(a, size, true, HERE);
    return memset(a, value, size);
}
void *__tsan_memcpy(void *to, const void *from, size_t size) {
    on_access(from, size, false, HERE);
    on_access(to, size, true, HERE);
    return memcpy(to, from, size);
}
void *__tsan_memmove(void *to, const void *from, size_t size) {
    on_access(from, size, false, HERE);
    on_access(to, size, true, HERE);
    return memmove(to, from, size);
}
void __tsan_init(void) {}
void __tsan_func_entry(void *caller) {
    (void)caller;
}
void __tsan_func_exit(void) {}

#endif
