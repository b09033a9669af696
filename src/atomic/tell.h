/* SPDX-License-Identifier: MIT */
/*
 * Floor 1. What ThreadSanitizer is told from inside the archive, where it sees neither side of an order: the
 * archive is not instrumented, or the order is liburcu's, which is not either. The sanitizer's runtime is in
 * the process or it is not: the names are weak, and without it each of these is one load and a branch. For
 * slow paths.
 *
 * THRUM_TELL_… states an order that liburcu or the C library makes. It is told in every build.
 * THRUM_TELL_OWN_… states an order that our own atomic words make. Where the archive is instrumented
 * (THRUM_INSTRUMENTED) the sanitizer sees those itself, and is not told what it should find out.
 */
#ifndef THRUM_SRC_ATOMIC_TELL_H
#define THRUM_SRC_ATOMIC_TELL_H

extern void __tsan_acquire(void *address) __attribute__((weak));
extern void __tsan_release(void *address) __attribute__((weak));

#define THRUM_TELL_(function, object)                        \
    do {                                                     \
        if (function) function((void *)(uintptr_t)(object)); \
    } while (0)
#define THRUM_TELL_ACQUIRE(object) THRUM_TELL_(__tsan_acquire, object)
#define THRUM_TELL_RELEASE(object) THRUM_TELL_(__tsan_release, object)

#ifdef THRUM_INSTRUMENTED
#define THRUM_TELL_OWN_ACQUIRE(object) ((void)(object))
#define THRUM_TELL_OWN_RELEASE(object) ((void)(object))
#else
#define THRUM_TELL_OWN_ACQUIRE(object) THRUM_TELL_ACQUIRE(object)
#define THRUM_TELL_OWN_RELEASE(object) THRUM_TELL_RELEASE(object)
#endif

#endif
