/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. The C library's own functions, which come after this object's in the order of lookup.
 * Each is looked up at its first use, which finds the same in every thread. A lookup that succeeds takes no
 * memory, so that an allocator that locks may come by here.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../futex/errno_kept.h"
#include "pthread_inside.h"

#include <dlfcn.h>
#include <errno.h>
#include <string.h>

#define NAME(name) #name,
static const char *const names[] = {THRUM_C_LIBRARYS_(NAME)};
static thrum_u64 found[THRUM_C_LIBRARYS_COUNT]; /* relaxed: code, which nobody writes */

static int has_none(void) {
    return ENOSYS;
}

/* glibc has conditions of an older kind under the same names. */
static void *look_up(const char *name) {
    void *address = NULL;
#if defined(__GLIBC__) && defined(__x86_64__)
    if (strncmp(name, "pthread_cond_", 13) == 0 && strcmp(name, "pthread_cond_clockwait") != 0)
        address = dlvsym(RTLD_NEXT, name, "GLIBC_2.3.2");
#endif
    return address ? address : dlsym(RTLD_NEXT, name);
}

thrum_any_function *thrum_c_librarys_(unsigned which) {
    uint64_t address = thrum_u64_load_relaxed(&found[which]);
    if (THRUM_UNLIKELY(!address)) {
        THRUM_KEEPS_ERRNO_;
        void *const symbol = look_up(names[which]);
        address = symbol ? (uint64_t)(uintptr_t)symbol : (uint64_t)(uintptr_t)has_none;
        thrum_u64_store_relaxed(&found[which], address);
    }
    return (thrum_any_function *)(uintptr_t)address;
}
