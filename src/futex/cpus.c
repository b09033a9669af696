/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. Every word here is a hint, read and written relaxed: an answer that is a moment old is right.
 *
 * One look reads the quota at a time, and none for REREAD_NS after it: the kernel's own periods are of a
 * tenth of a second, so nothing shorter could be noticed.
 */
#include "cpus_quota.h"

#include <thrum/atomic.h>
#include <thrum/cpus.h>
#include <thrum/futex.h>

/*
 * How long a quota is believed. The kernel's own period is as long: half of it reads the files twice for one
 * change, twice it leaves a process twice as long with spins for processors that it has lost.
 */
#define REREAD_NS 100000000

static thrum_u32 seen;    /* 0: nobody has looked yet */
static thrum_u32 quota;   /* 0: not read yet */
static thrum_u64 read_at; /* when the quota was read; 0: never */

static THRUM_COLD void read_quota(void) {
    const uint64_t now = thrum_futex_now_ns();
    uint64_t before = thrum_u64_load_relaxed(&read_at);
    if (before != 0 && now - before < REREAD_NS) return;
    if (thrum_u64_cas_relaxed(&read_at, &before, now)) thrum_u32_store_relaxed(&quota, thrum_cpus_quota_(""));
}

uint32_t thrum_cpus_look(void) {
    read_quota();
    const uint32_t allowed = thrum_u32_load_relaxed(&quota);
    const uint32_t usable = thrum_futex_usable_cpus();
    const uint32_t cpus = allowed != 0 && allowed < usable ? allowed : usable;
    thrum_u32_store_relaxed(&seen, cpus);
    return cpus;
}

uint32_t thrum_cpus(void) {
    const uint32_t cpus = thrum_u32_load_relaxed(&seen);
    return THRUM_LIKELY(cpus != 0) ? cpus : thrum_cpus_look();
}
