/* SPDX-License-Identifier: MIT */
/*
 * atomic: the word types, and the operations on them, each of which says its memory order.
 *
 * Floor 1: never sleeps. Everything here may be used in a signal handler and before main.
 *
 * `thrum_u32` and `thrum_u64` hold one atomic word. In C it is an `_Atomic`; `<stdatomic.h>` does
 * not compile as C++17, so in C++ it is a plain word of the same size and alignment, driven by
 * the compiler's built-ins. Both are the same object in memory.
 *
 * The name of an operation is complete: type, operation, order. No order is a default.
 *
 *     load        relaxed, acquire, seq_cst
 *     store       relaxed, release, seq_cst
 *     exchange, cas, fetch_add, fetch_sub, fetch_or, fetch_and, fetch_xor
 *                 relaxed, acquire, release, acq_rel, seq_cst
 *
 * `cas` is the strong compare-and-swap. It returns true when it wrote; when it did not, it puts
 * the value that it saw into `*expected`, and that load is relaxed. Every other read-modify-write
 * returns the value from before.
 *
 *     static thrum_u32 ready;
 *     static int payload;
 *
 *     payload = 42;
 *     thrum_u32_store_release(&ready, 1);                       // publishes payload
 *     ...
 *     if (thrum_u32_load_acquire(&ready)) printf("%d\n", payload);
 */
#ifndef THRUM_ATOMIC_H
#define THRUM_ATOMIC_H

#include <thrum/cpu.h>

#ifdef __cplusplus
#define THRUM_ATOMIC_WORD_(type) alignas(sizeof(type)) type
#define THRUM_ATOMIC_LOAD_(p, order) __atomic_load_n(p, order)
#define THRUM_ATOMIC_STORE_(p, v, order) __atomic_store_n(p, v, order)
#define THRUM_ATOMIC_CAS_(p, e, v, order) __atomic_compare_exchange_n(p, e, v, false, order, __ATOMIC_RELAXED)
#define THRUM_ATOMIC_RMW_(name, p, v, order) __atomic_##name(p, v, order)
#define THRUM_ATOMIC_EXCHANGE_(p, v, order) __atomic_exchange_n(p, v, order)
#else
#include <stdatomic.h>
#define THRUM_ATOMIC_WORD_(type) _Alignas(sizeof(type)) _Atomic type
#define THRUM_ATOMIC_LOAD_(p, order) atomic_load_explicit(p, order)
#define THRUM_ATOMIC_STORE_(p, v, order) atomic_store_explicit(p, v, order)
#define THRUM_ATOMIC_CAS_(p, e, v, order) \
    atomic_compare_exchange_strong_explicit(p, e, v, order, __ATOMIC_RELAXED)
#define THRUM_ATOMIC_RMW_(name, p, v, order) atomic_##name##_explicit(p, v, order)
#define THRUM_ATOMIC_EXCHANGE_(p, v, order) atomic_exchange_explicit(p, v, order)
#endif

typedef struct thrum_u32 {
    THRUM_ATOMIC_WORD_(uint32_t) word;
} thrum_u32;

typedef struct thrum_u64 {
    THRUM_ATOMIC_WORD_(uint64_t) word;
} thrum_u64;

THRUM_STATIC_ASSERT(sizeof(thrum_u32) == 4, "an atomic word has the size of its word");
THRUM_STATIC_ASSERT(sizeof(thrum_u64) == 8, "an atomic word has the size of its word");

/* clang-format off */
#define THRUM_ATOMIC_DEFINE_LOAD_(name, type, suffix, order)                                      \
    THRUM_INLINE type thrum_##name##_load_##suffix(const thrum_##name *a) {                       \
        return THRUM_ATOMIC_LOAD_(&a->word, order);                                               \
    }
#define THRUM_ATOMIC_DEFINE_STORE_(name, type, suffix, order)                                     \
    THRUM_INLINE void thrum_##name##_store_##suffix(thrum_##name *a, type value) {                \
        THRUM_ATOMIC_STORE_(&a->word, value, order);                                              \
    }
#define THRUM_ATOMIC_DEFINE_FETCH_(name, type, operation, suffix, order)                          \
    THRUM_INLINE type thrum_##name##_##operation##_##suffix(thrum_##name *a, type value) {        \
        return THRUM_ATOMIC_RMW_(operation, &a->word, value, order);                              \
    }
#define THRUM_ATOMIC_DEFINE_RMW_(name, type, suffix, order)                                       \
    THRUM_INLINE type thrum_##name##_exchange_##suffix(thrum_##name *a, type value) {             \
        return THRUM_ATOMIC_EXCHANGE_(&a->word, value, order);                                    \
    }                                                                                             \
    THRUM_INLINE bool thrum_##name##_cas_##suffix(thrum_##name *a, type *expected, type desired) { \
        return THRUM_ATOMIC_CAS_(&a->word, expected, desired, order);                             \
    }                                                                                             \
    THRUM_ATOMIC_DEFINE_FETCH_(name, type, fetch_add, suffix, order)                              \
    THRUM_ATOMIC_DEFINE_FETCH_(name, type, fetch_sub, suffix, order)                              \
    THRUM_ATOMIC_DEFINE_FETCH_(name, type, fetch_or, suffix, order)                               \
    THRUM_ATOMIC_DEFINE_FETCH_(name, type, fetch_and, suffix, order)                              \
    THRUM_ATOMIC_DEFINE_FETCH_(name, type, fetch_xor, suffix, order)
#define THRUM_ATOMIC_DEFINE_(name, type)                                                          \
    THRUM_ATOMIC_DEFINE_LOAD_(name, type, relaxed, __ATOMIC_RELAXED)                              \
    THRUM_ATOMIC_DEFINE_LOAD_(name, type, acquire, __ATOMIC_ACQUIRE)                              \
    THRUM_ATOMIC_DEFINE_LOAD_(name, type, seq_cst, __ATOMIC_SEQ_CST)                              \
    THRUM_ATOMIC_DEFINE_STORE_(name, type, relaxed, __ATOMIC_RELAXED)                             \
    THRUM_ATOMIC_DEFINE_STORE_(name, type, release, __ATOMIC_RELEASE)                             \
    THRUM_ATOMIC_DEFINE_STORE_(name, type, seq_cst, __ATOMIC_SEQ_CST)                             \
    THRUM_ATOMIC_DEFINE_RMW_(name, type, relaxed, __ATOMIC_RELAXED)                               \
    THRUM_ATOMIC_DEFINE_RMW_(name, type, acquire, __ATOMIC_ACQUIRE)                               \
    THRUM_ATOMIC_DEFINE_RMW_(name, type, release, __ATOMIC_RELEASE)                               \
    THRUM_ATOMIC_DEFINE_RMW_(name, type, acq_rel, __ATOMIC_ACQ_REL)                               \
    THRUM_ATOMIC_DEFINE_RMW_(name, type, seq_cst, __ATOMIC_SEQ_CST)

THRUM_ATOMIC_DEFINE_(u32, uint32_t)
THRUM_ATOMIC_DEFINE_(u64, uint64_t)
/* clang-format on */

/*
 * Whether the two below may jump on the processor's flags. A sanitizer sees no assembler. Clang 14 to 19
 * never end the compilation of some loops around such a jump.
 */
#if defined(__x86_64__) && defined(__GNUC__) && !defined(__clang__) && !THRUM_UNDER_TSAN && !THRUM_UNDER_ASAN
#define THRUM_JUMPS_ON_FLAGS_ 1
#else
#define THRUM_JUMPS_ON_FLAGS_ 0
#endif

/* What a drop has found: its bit set and the mark clear, both set, or its bit clear. */
typedef enum thrum_dropped_ { THRUM_DROPPED_, THRUM_DROPPED_MARKED_, THRUM_DROPPED_NONE_ } thrum_dropped_;

/*
 * Flips the highest bit of a word whose lowest byte is 0 or 1, its mark: the release of a lock whose holder
 * set that bit. A read-modify-write that returns the word, and a load of a word that this thread has just
 * changed, cost more on some processors than the addition itself. Here the processor's flags tell what the
 * caller asks: carry, that the bit was set; parity of the lowest byte, the mark. Jumps on them cost less
 * than their values. Elsewhere it is the addition that returns the word. Release.
 */
THRUM_INLINE thrum_dropped_ thrum_u32_drop_release_(thrum_u32 *a) {
#if THRUM_JUMPS_ON_FLAGS_
    __asm__ goto("lock addl %1, %0\n\tjnc %l2\n\tjnp %l3"
                 :
                 : "m"(a->word), "r"(0x80000000u)
                 : "memory", "cc"
                 : none, marked);
    return THRUM_DROPPED_;
none:
    return THRUM_DROPPED_NONE_;
marked:
    return THRUM_DROPPED_MARKED_;
#else
    const uint32_t old = thrum_u32_fetch_add_release(a, 0x80000000u);
    if (!(old & 0x80000000u)) return THRUM_DROPPED_NONE_;
    return old & 1 ? THRUM_DROPPED_MARKED_ : THRUM_DROPPED_;
#endif
}

/*
 * Sets bits of a word, and says whether its highest bit is set: the processor's sign flag tells, and nothing
 * returns the word, as with thrum_u32_drop_release_. Release.
 */
THRUM_INLINE bool thrum_u32_mark_release_(thrum_u32 *a, uint32_t bits) {
#if THRUM_JUMPS_ON_FLAGS_
    __asm__ goto("lock orl %1, %0\n\tjs %l2" : : "m"(a->word), "ri"(bits) : "memory", "cc" : highest);
    return false;
highest:
    return true;
#else
    return (thrum_u32_fetch_or_release(a, bits) & 0x80000000u) != 0;
#endif
}

/*
 * What a user's own ThreadSanitizer run is told. The fast paths are inlined into the user's
 * program and instrumented with it; the slow paths lie in our archive and are not. Around each
 * call of a slow path the inlined wrapper announces the order that the call provides: a release
 * before it, an acquire after it. Elsewhere both are nothing, and so they are where the archive is
 * instrumented, too (THRUM_INSTRUMENTED): there they would hide an order that the slow path lacks.
 */
#if THRUM_UNDER_TSAN && !defined(THRUM_INSTRUMENTED)
#ifdef __cplusplus
extern "C" {
#endif
void __tsan_acquire(void *address);
void __tsan_release(void *address);
#ifdef __cplusplus
}
#endif
#define THRUM_ANNOUNCE_ACQUIRE_(object) __tsan_acquire((void *)(object))
#define THRUM_ANNOUNCE_RELEASE_(object) __tsan_release((void *)(object))
#else
#define THRUM_ANNOUNCE_ACQUIRE_(object) ((void)(object))
#define THRUM_ANNOUNCE_RELEASE_(object) ((void)(object))
#endif

#endif
