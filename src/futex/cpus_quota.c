/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. What control groups allow, in both versions of the kernel's interface (cgroups(7)):
 *
 * version  its line in /proc/self/cgroup  a group's quota and period, in microseconds
 * 2        0::PATH                        /sys/fs/cgroup/PATH/cpu.max: "QUOTA PERIOD", "max PERIOD": none
 * 1        N:...,cpu,...:PATH             /sys/fs/cgroup/cpu/PATH/cpu.cfs_quota_us, -1: none, and
 *                                         cpu.cfs_period_us
 *
 * cpus.Q1: a group's quota limits all below it: so each group from the process's own up to the root is asked,
 *     and the least counts. In a container PATH may be one of the host's, of which nothing is to be seen; the
 *     root is the container's own group then.
 */
#include "cpus_quota.h"

#include <stdbool.h>
#include <string.h>

enum { LINES = 2048, PATH = 1024 };

/* The number at the beginning of a text; 0: there is none, or one that says "none". */
static uint64_t number_in(const char *text) {
    uint64_t number = 0;
    for (; *text >= '0' && *text <= '9' && number < UINT32_MAX; text++)
        number = number * 10 + (uint64_t)(*text - '0');
    return number;
}

static uint32_t whole(uint64_t quota, uint64_t period) {
    if (quota == 0 || period == 0) return THRUM_NO_QUOTA;
    const uint64_t processors = quota / period;
    return processors == 0 ? 1 : processors < THRUM_NO_QUOTA ? (uint32_t)processors : THRUM_NO_QUOTA;
}

/* ---- one group ---- */

/* Its directory, of which `length` bytes are known, and room for a name behind them. */
typedef struct group {
    char path[PATH];
    size_t length;
} group;

static bool append(group *g, const char *text, size_t length) {
    if (length >= PATH - g->length) return false;
    memcpy(g->path + g->length, text, length);
    g->length += length;
    g->path[g->length] = 0;
    return true;
}

static bool read_in(group *g, const char *name, char *text, size_t size) {
    const size_t length = g->length;
    const bool read = append(g, name, strlen(name)) && thrum_futex_read_file_(g->path, text, size);
    g->length = length;
    return read;
}

static uint32_t quota_2(group *g) {
    char text[64];
    if (!read_in(g, "/cpu.max", text, sizeof text)) return THRUM_NO_QUOTA;
    const char *const period = strchr(text, ' ');
    return period ? whole(number_in(text), number_in(period + 1)) : THRUM_NO_QUOTA;
}

static uint32_t quota_1(group *g) {
    char quota[32], period[32];
    if (!read_in(g, "/cpu.cfs_quota_us", quota, sizeof quota)) return THRUM_NO_QUOTA;
    if (!read_in(g, "/cpu.cfs_period_us", period, sizeof period)) return THRUM_NO_QUOTA;
    return whole(number_in(quota), number_in(period));
}

/* ---- the groups of a process ---- */

/* The least of the group's at the path and of all above it, up to the mount (cpus.Q1). */
static uint32_t least(const char *root, const char *mount, const char *path, size_t length,
                      uint32_t (*quota_of)(group *g)) {
    group g = {.length = 0};
    if (!append(&g, root, strlen(root)) || !append(&g, mount, strlen(mount))) return THRUM_NO_QUOTA;
    const size_t top = g.length;
    if (!append(&g, path, length)) return THRUM_NO_QUOTA;
    uint32_t quota = THRUM_NO_QUOTA;
    for (;;) {
        const uint32_t here = quota_of(&g);
        if (here < quota) quota = here;
        if (g.length == top) return quota;
        do g.length--;
        while (g.length > top && g.path[g.length] != '/');
    }
}

/* Whether a list with commas has the word. */
static bool lists(const char *list, size_t length, const char *word) {
    const size_t letters = strlen(word);
    for (const char *at = list; at < list + length;) {
        const char *const comma = memchr(at, ',', (size_t)(list + length - at));
        const size_t here = (size_t)((comma ? comma : list + length) - at);
        if (here == letters && memcmp(at, word, letters) == 0) return true;
        at += here + 1;
    }
    return false;
}

/* A line of /proc/self/cgroup. */
static uint32_t quota_by(const char *root, const char *line, size_t length) {
    const char *const end = line + length;
    const char *const controllers = memchr(line, ':', length);
    if (!controllers) return THRUM_NO_QUOTA;
    const char *const path = memchr(controllers + 1, ':', (size_t)(end - controllers - 1));
    if (!path) return THRUM_NO_QUOTA;
    const size_t of_path = (size_t)(end - path - 1);
    if (path == controllers + 1) return least(root, "/sys/fs/cgroup", path + 1, of_path, quota_2);
    if (lists(controllers + 1, (size_t)(path - controllers - 1), "cpu"))
        return least(root, "/sys/fs/cgroup/cpu", path + 1, of_path, quota_1);
    return THRUM_NO_QUOTA;
}

uint32_t thrum_cpus_quota_(const char *root) {
    char lines[LINES];
    group file = {.length = 0};
    if (!append(&file, root, strlen(root)) || !read_in(&file, "/proc/self/cgroup", lines, sizeof lines))
        return THRUM_NO_QUOTA;
    uint32_t quota = THRUM_NO_QUOTA;
    char *line = lines;
    for (char *end; (end = strchr(line, '\n')); line = end + 1) {
        const uint32_t here = quota_by(root, line, (size_t)(end - line));
        if (here < quota) quota = here;
    }
    return quota;
}
