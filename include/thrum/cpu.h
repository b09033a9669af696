/* SPDX-License-Identifier: MIT */
/*
 * cpu: what differs by processor and by compiler, and nothing else.
 *
 * Floor 1: never sleeps. Everything here may be used in a signal handler and before main.
 *
 *     while (!thrum_u32_load_acquire(&ready)) thrum_cpu_pause();
 */
#ifndef THRUM_CPU_H
#define THRUM_CPU_H

#if __SIZEOF_POINTER__ != 8
#error \
    "thrum is for 64-bit processors: its atomic words are of 8 bytes, as its pointers and the kernel's times are"
#endif

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
/* Between these two a program's own warnings about C's idioms do not reach the headers. */
#if defined(__clang__)
#define THRUM_QUIET_USELESS_CAST_
#else
#define THRUM_QUIET_USELESS_CAST_ _Pragma("GCC diagnostic ignored \"-Wuseless-cast\"")
#endif
#define THRUM_BEGIN_QUIET_                                                                \
    _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Wold-style-cast\"") \
        _Pragma("GCC diagnostic ignored \"-Wzero-as-null-pointer-constant\"") THRUM_QUIET_USELESS_CAST_
#define THRUM_END_QUIET_ _Pragma("GCC diagnostic pop")
#define THRUM_BEGIN_DECLS THRUM_BEGIN_QUIET_ extern "C" {
#define THRUM_END_DECLS \
    }                   \
    THRUM_END_QUIET_
#define THRUM_STATIC_ASSERT(condition, message) static_assert(condition, message)
#define THRUM_ALIGNAS(n) alignas(n)
/* What initialisers in a program's own lines are made of. */
#define THRUM_CAST_(type, value) static_cast<type>(value)
#define THRUM_ADDRESS_(pointer) reinterpret_cast<const char *>(pointer)
#define THRUM_NULL_ nullptr
#else
#define THRUM_BEGIN_QUIET_
#define THRUM_END_QUIET_
#define THRUM_BEGIN_DECLS
#define THRUM_END_DECLS
#define THRUM_STATIC_ASSERT(condition, message) _Static_assert(condition, message)
#define THRUM_ALIGNAS(n) _Alignas(n)
#define THRUM_CAST_(type, value) ((type)(value))
#define THRUM_ADDRESS_(pointer) ((const char *)(pointer))
#define THRUM_NULL_ NULL
#endif

/* A function of the library's interface; everything else in the archive is hidden. */
#define THRUM_API __attribute__((visibility("default")))
/*
 * The library's thread-local variables are found by one load, which needs room that the C library keeps when
 * the program starts. With THRUM_DYNAMIC_TLS, in the library and in what includes its headers, they need
 * none: musl's dlopen can load a plugin that contains the library. A function then asks the loader where they
 * are, and a thread's first use may take memory.
 */
#ifdef THRUM_DYNAMIC_TLS
#define THRUM_TLS_MODEL_ tls_model("global-dynamic")
#else
#define THRUM_TLS_MODEL_ tls_model("initial-exec")
#endif
/* A slow path: kept out of line and away from the hot code. */
#define THRUM_COLD __attribute__((cold, noinline))
/* A result that it is a bug to ignore (thrum/result.h says when). */
#define THRUM_MUST_USE __attribute__((warn_unused_result))
/* Of a call whose result tells nothing that its caller needs, although it must be used elsewhere. */
#define THRUM_IGNORE_(call) ((void)!(call))

/*
 * What clang's thread-safety analysis is told, in a build with -DTHRUM_THREAD_SAFETY -Wthread-safety.
 * Elsewhere all this is nothing. (Before clang 18 a member of a C structure cannot be named there: C is told
 * nothing.)
 */
#if defined(THRUM_THREAD_SAFETY) && defined(__clang__) && (defined(__cplusplus) || __clang_major__ >= 18)
#define THRUM_ANALYSED_ 1
#define THRUM_ANALYSIS_(...) __attribute__((__VA_ARGS__))
#else
#define THRUM_ANALYSED_ 0
#define THRUM_ANALYSIS_(...)
#endif
/* Behind a variable or member: a lock's holder may touch it; or what it points to. */
#define THRUM_GUARDED_BY(lock) THRUM_ANALYSIS_(guarded_by(lock))
#define THRUM_POINTS_TO_GUARDED_BY(lock) THRUM_ANALYSIS_(pt_guarded_by(lock))
/*
 * Behind a function's declaration: its caller holds the locks, for writing or for reading, or none of them.
 */
#define THRUM_REQUIRES(...) THRUM_ANALYSIS_(requires_capability(__VA_ARGS__))
#define THRUM_REQUIRES_READ(...) THRUM_ANALYSIS_(requires_shared_capability(__VA_ARGS__))
#define THRUM_EXCLUDES(...) THRUM_ANALYSIS_(locks_excluded(__VA_ARGS__))
/*
 * There, too: the function acquires or releases the locks; tries to, and says by the value named first
 * whether it did. THRUM_NOT_ANALYSED: the body is not looked into.
 */
#define THRUM_ACQUIRES(...) THRUM_ANALYSIS_(acquire_capability(__VA_ARGS__))
#define THRUM_ACQUIRES_READ(...) THRUM_ANALYSIS_(acquire_shared_capability(__VA_ARGS__))
#define THRUM_RELEASES(...) THRUM_ANALYSIS_(release_capability(__VA_ARGS__))
#define THRUM_RELEASES_READ(...) THRUM_ANALYSIS_(release_shared_capability(__VA_ARGS__))
#define THRUM_TRIES(...) THRUM_ANALYSIS_(try_acquire_capability(__VA_ARGS__))
#define THRUM_TRIES_READ(...) THRUM_ANALYSIS_(try_acquire_shared_capability(__VA_ARGS__))
#define THRUM_NOT_ANALYSED THRUM_ANALYSIS_(no_thread_safety_analysis)
/* A type that can be held; a function after which the analysis takes it to be held. */
#define THRUM_CAPABILITY_ THRUM_ANALYSIS_(capability("lock"))
#define THRUM_ASSUMES_(lock) THRUM_ANALYSIS_(assert_capability(lock))
#define THRUM_ASSUMES_READ_(lock) THRUM_ANALYSIS_(assert_shared_capability(lock))

/* Inline functions of these headers are never traced by -finstrument-functions. */
#define THRUM_INLINE static inline __attribute__((unused, no_instrument_function)) THRUM_NOT_ANALYSED

/* A slow path that is compiled with the program that includes it, by the program's settings. */
#define THRUM_COLD_HERE_ static THRUM_COLD __attribute__((unused, no_instrument_function))

#define THRUM_LIKELY(condition) __builtin_expect(!!(condition), 1)
#define THRUM_UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* True in code that ThreadSanitizer, or AddressSanitizer, instruments: the translation unit's own setting. */
#if defined(__SANITIZE_THREAD__)
#define THRUM_UNDER_TSAN 1
#elif defined(__SANITIZE_ADDRESS__)
#define THRUM_UNDER_ASAN 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define THRUM_UNDER_TSAN 1
#elif __has_feature(address_sanitizer)
#define THRUM_UNDER_ASAN 1
#endif
#endif
#ifndef THRUM_UNDER_TSAN
#define THRUM_UNDER_TSAN 0
#endif
#ifndef THRUM_UNDER_ASAN
#define THRUM_UNDER_ASAN 0
#endif

/*
 * Bytes that two threads' private data must be apart. Twice the line of most processors: x86
 * prefetches lines in pairs, and some aarch64 lines are 128 bytes long.
 */
#define THRUM_CACHE_LINE 128

/* Tells the processor that this is a spin loop. No memory order; no result; cannot fail. */
THRUM_INLINE void thrum_cpu_pause(void) {
#if defined(__x86_64__) || defined(__i386__)
    __builtin_ia32_pause();
#elif defined(__aarch64__)
    __asm__ volatile("isb" ::: "memory");
#elif defined(__riscv)
    __asm__ volatile(".insn i 0x0F, 0, x0, x0, 0x010" ::: "memory");
#else
    __asm__ volatile("" ::: "memory");
#endif
}

#endif
