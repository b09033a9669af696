/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum dl */
/* The slice of a thread under kernels of this file's own: with slices, without them, and with refusals. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <dlfcn.h>
#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <thrum/thread.h>
#include <unistd.h>

enum { ERRNO_MARK = 4242, MS = 1000000 };

/* The first version of the kernel's record, as bytes: the nice value at 16, the runtime at 24. */
enum { NICE = 16, RUNTIME = 24 };

static struct {
    unsigned reads, writes; /* how many are answered before the next is refused */
    bool slices;
    int32_t nice;
    uint64_t runtime;
} kernel;

static long refuse(void) {
    errno = EPERM;
    return -1;
}

static long read_attributes(unsigned char *into) {
    if (kernel.reads == 0) return refuse();
    kernel.reads--;
    memcpy(into + NICE, &kernel.nice, sizeof kernel.nice);
    memcpy(into + RUNTIME, &kernel.runtime, sizeof kernel.runtime);
    return 0;
}

static long write_attributes(const unsigned char *from) {
    int32_t nice;
    if (kernel.writes == 0) return refuse();
    kernel.writes--;
    memcpy(&nice, from + NICE, sizeof nice);
    CHECK_EQ(nice, kernel.nice);
    if (kernel.slices) memcpy(&kernel.runtime, from + RUNTIME, sizeof kernel.runtime);
    return 0;
}

long syscall(long number, ...) {
    va_list arguments;
    unsigned long a[6];
    va_start(arguments, number);
    for (unsigned i = 0; i < 6; i++) a[i] = va_arg(arguments, unsigned long);
    va_end(arguments);
    void *bytes;
    memcpy(&bytes, &a[1], sizeof bytes);
    if (number == SYS_sched_getattr) return read_attributes(bytes);
    if (number == SYS_sched_setattr) return write_attributes(bytes);
    long (*real)(long, ...);
    void *const found = dlsym(RTLD_NEXT, "syscall");
    memcpy(&real, &found, sizeof real);
    return real(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

/* What becomes of a slice of 5 ms. */
static thrum_result set(unsigned reads, unsigned writes, bool slices) {
    kernel.reads = reads, kernel.writes = writes, kernel.slices = slices;
    kernel.nice = 7, kernel.runtime = 3 * MS;
    errno = ERRNO_MARK;
    const thrum_result result = thrum_set_switch_interval(5 * MS);
    CHECK_EQ(errno, ERRNO_MARK);
    return result;
}

TEST(a_slice_is_set_where_the_kernel_has_slices) {
    CHECK_EQ(set(9, 9, true), THRUM_OK);
    CHECK_EQ(kernel.runtime, 5 * MS);
    CHECK_EQ(thrum_get_switch_interval(), 5 * MS);
}

TEST(a_kernel_that_takes_the_call_and_sets_no_slice_is_seen_through) {
    CHECK_EQ(set(9, 9, false), THRUM_UNSUPPORTED);
    CHECK_EQ(thrum_get_switch_interval(), 3 * MS);
}

TEST(a_refusal_at_any_call_is_told) {
    CHECK_EQ(set(0, 9, true), THRUM_UNSUPPORTED);
    CHECK_EQ(thrum_get_switch_interval(), 0);
    CHECK_EQ(set(9, 0, true), THRUM_UNSUPPORTED);
    CHECK_EQ(set(1, 9, true), THRUM_UNSUPPORTED); /* nobody knows what has become of it */
    CHECK_EQ(errno, ERRNO_MARK);
}
