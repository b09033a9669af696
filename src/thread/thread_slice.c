/* SPDX-License-Identifier: MIT */
/* Floor 4. The scheduler's slice of a thread: sched_setattr with a runtime, since Linux 6.12. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../futex/errno_kept.h"

#include <string.h>
#include <sys/syscall.h>
#include <thrum/thread.h>
#include <unistd.h>

enum { SLICE_MIN_NS = 100000, SLICE_MAX_NS = 100000000 };

/* The kernel's own record (linux/sched/types.h), its first version. */
struct attributes {
    uint32_t size;
    uint32_t policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime;
    uint64_t deadline;
    uint64_t period;
};

static bool read_own(struct attributes *own) {
    memset(own, 0, sizeof *own);
    return syscall(SYS_sched_getattr, 0, own, sizeof *own, 0) == 0;
}

uint64_t thrum_get_switch_interval(void) {
    THRUM_KEEPS_ERRNO_;
    struct attributes own;
    return read_own(&own) ? own.runtime : 0;
}

/* Everything else is written as it was read: the nice value is set by the same call. */
thrum_result thrum_set_switch_interval(uint64_t ns) {
    if (ns < SLICE_MIN_NS || ns > SLICE_MAX_NS) return THRUM_INVALID;
    THRUM_KEEPS_ERRNO_;
    struct attributes own;
    bool taken = read_own(&own);
    if (taken) {
        own.size = sizeof own;
        own.runtime = ns;
        taken = syscall(SYS_sched_setattr, 0, &own, 0) == 0 && read_own(&own) && own.runtime == ns;
    }
    return taken ? THRUM_OK : THRUM_UNSUPPORTED;
}
