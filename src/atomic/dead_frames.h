/* SPDX-License-Identifier: MIT */
/*
 * What AddressSanitizer is told of frames that end without a return. It marks the bounds of the variables in
 * an instrumented function's frame, and takes the marks off where the function returns. Those that stay seem
 * to forbid what lies there next. A program built with the sanitizer may be linked with an archive that is
 * not. The names are weak: without the sanitizer in the process each of these is one load and a branch.
 *
 * dead_frames.D1: a compiler that instruments the caller tells of a call that does not return, the sanitizer
 *      of a throw and of a longjmp. The library tells of the unwindings that it begins: their caller may be
 *      code that is not instrumented, beside frames that are.
 * dead_frames.D2: a cancellation is told by nobody. So what the library does as a cleanup handler, or as the
 *      destructor of a thread's key, forgets first what lies below.
 */
#ifndef THRUM_SRC_ATOMIC_DEAD_FRAMES_H
#define THRUM_SRC_ATOMIC_DEAD_FRAMES_H

#include <stddef.h>

extern void __asan_handle_no_return(void) __attribute__((weak));
extern void __asan_unpoison_memory_region(const volatile void *begin, size_t size) __attribute__((weak));

/* dead_frames.D1: the caller's frame, and some outside it, are about to end. */
static inline void thrum_frames_end_(void) {
    if (__asan_handle_no_return) __asan_handle_no_return();
}

/* dead_frames.D2: those below the caller's frame have ended. */
static inline __attribute__((always_inline)) void thrum_frames_have_ended_(void) {
    enum { DEEP_ENOUGH = 256 * 1024 };
    if (__asan_unpoison_memory_region)
        __asan_unpoison_memory_region((char *)__builtin_frame_address(0) - DEEP_ENOUGH, DEEP_ENOUGH);
}

#endif
