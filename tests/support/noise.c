/* SPDX-License-Identifier: MIT */
/*
 * libtsan's place, taken by noise: every access of code compiled with -fsanitize=thread comes here,
 * and before an atomic one the thread loses some time, mostly none and seldom much, so that threads
 * meet between any two steps and not only where the scheduler interrupts them.
 *
 * noise.I1: an access is the real one, in the order given or a stronger one. A store weaker than
 *     sequentially consistent stays a plain store, so that it may still be passed by a later load.
 * noise.I2: what a thread is delayed by follows from the run's seed and the thread's number.
 * noise.I3: errno is kept.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "tsan_abi.h"

#include "test.h"

#include <errno.h>
#include <sched.h>
#include <time.h>

#include <thrum/cpu.h>

/* Of 1024 accesses so many come after a nap, a yield, some pauses. */
enum { NAPS = 2, YIELDS = 10, PAUSES = 80, MOST_PAUSES = 128, MOST_NAP_NS = 20000 };

static uint64_t draw(void) {
    static uint64_t threads;
    static __thread uint64_t state; /* 0: not yet drawn */
    if (state == 0) {
        const uint64_t number = __atomic_add_fetch(&threads, 1, __ATOMIC_RELAXED);
        state = test_seed() ^ number * 0x9E3779B97F4A7C15u; /* noise.I2 */
    }
    return test_random(&state);
}

static void nap(long ns) {
    const int saved = errno; /* noise.I3 */
    const struct timespec length = {.tv_nsec = ns};
    nanosleep(&length, NULL);
    errno = saved;
}

static void noise(void) {
    if (test_seed() == 0) return; /* before main */
    const uint64_t random = draw();
    const uint64_t kind = random % 1024, size = random >> 32;
    if (kind < NAPS) {
        nap((long)(size % MOST_NAP_NS));
    } else if (kind < NAPS + YIELDS) {
        sched_yield();
    } else if (kind < NAPS + YIELDS + PAUSES) {
        for (uint64_t i = size % MOST_PAUSES; i > 0; i--) thrum_cpu_pause();
    }
}

/* The access as one of 1, 2, 4 or 8 bytes: `with` is expanded with the type. */
#define BY_SIZE(size, with) \
    switch (size) {         \
    case 1:                 \
        with(uint8_t);      \
        break;              \
    case 2:                 \
        with(uint16_t);     \
        break;              \
    case 4:                 \
        with(uint32_t);     \
        break;              \
    default:                \
        with(uint64_t);     \
    }

static uint64_t load(const void *address, unsigned size) {
    uint64_t value;
#define LOAD(type) value = __atomic_load_n((const type *)address, __ATOMIC_SEQ_CST)
    BY_SIZE(size, LOAD)
    return value;
}

static bool cas(void *address, unsigned size, uint64_t *expected, uint64_t desired) {
    bool done;
#define CAS(type)                                                                                      \
    do {                                                                                               \
        type seen = (type)*expected;                                                                   \
        done = __atomic_compare_exchange_n((type *)address, &seen, (type)desired, 0, __ATOMIC_SEQ_CST, \
                                           __ATOMIC_SEQ_CST);                                          \
        *expected = seen;                                                                              \
    } while (0)
    BY_SIZE(size, CAS)
    return done;
}

static uint64_t on_load(const void *address, unsigned size, int order, site pc) {
    (void)order, (void)pc;
    noise();
    return load(address, size);
}

static void on_store(void *address, unsigned size, uint64_t value, int order, site pc) {
    (void)pc;
    noise();
#define STORE(type) __atomic_store_n((type *)address, (type)value, __ATOMIC_RELEASE)
#define STORE_SEQ_CST(type) __atomic_store_n((type *)address, (type)value, __ATOMIC_SEQ_CST)
    if (order == __ATOMIC_SEQ_CST) {
        BY_SIZE(size, STORE_SEQ_CST)
    } else {
        BY_SIZE(size, STORE) /* noise.I1 */
    }
}

static uint64_t after(rmw operation, uint64_t before, uint64_t operand) {
    switch (operation) {
    case RMW_ADD:
        return before + operand;
    case RMW_SUB:
        return before - operand;
    case RMW_AND:
        return before & operand;
    case RMW_OR:
        return before | operand;
    case RMW_XOR:
        return before ^ operand;
    case RMW_NAND:
        return ~(before & operand);
    default:
        return operand;
    }
}

static uint64_t on_rmw(void *address, unsigned size, rmw operation, uint64_t operand, int order, site pc) {
    (void)order, (void)pc;
    noise();
    uint64_t before = load(address, size);
    while (!cas(address, size, &before, after(operation, before, operand))) {
    }
    return before;
}

static bool on_cas(void *address, unsigned size, uint64_t *expected, uint64_t desired, int order, int failure,
                   bool weak, site pc) {
    (void)order, (void)failure, (void)weak, (void)pc;
    noise();
    return cas(address, size, expected, desired);
}

static void on_fence(int order, site pc) {
    (void)order, (void)pc;
    noise();
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/* Plain accesses are many, and nobody else may depend on their moment. */
static void on_access(const void *address, size_t size, bool write, site pc) {
    (void)address, (void)size, (void)write, (void)pc;
}
