/* SPDX-License-Identifier: MIT */
/* How many processors there are, under masks, made-up control groups and real ones. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include "../src/futex/cpus_quota.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thrum/cpus.h>
#include <thrum/futex.h>
#include <thrum/park.h>
#include <unistd.h>

/* ---- made-up files ---- */

static char root[64];

static void make_root(void) {
    strcpy(root, "/tmp/thrum-cpus-XXXXXX");
    CHECK(mkdtemp(root));
}

static void drop_root(void) {
    char command[96];
    (void)snprintf(command, sizeof command, "rm -r %s", root);
    CHECK_EQ(system(command), 0);
}

/* A file below the root, and the folders that it lies in. */
static void put(const char *name, const char *text) {
    char path[4096];
    CHECK(snprintf(path, sizeof path, "%s%s", root, name) < (int)sizeof path);
    for (char *slash = path + strlen(root) + 1; (slash = strchr(slash, '/')); *slash++ = '/') {
        *slash = 0;
        CHECK(mkdir(path, 0700) == 0 || errno == EEXIST);
    }
    FILE *const file = fopen(path, "w");
    CHECK(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

#define GROUPS "/proc/self/cgroup"
#define V2 "/sys/fs/cgroup"
#define V1 "/sys/fs/cgroup/cpu"

TEST(without_control_groups_there_is_no_quota) {
    make_root();
    CHECK_EQ(thrum_cpus_quota_(root), THRUM_NO_QUOTA);
    put(GROUPS, "");
    CHECK_EQ(thrum_cpus_quota_(root), THRUM_NO_QUOTA);
    put(GROUPS, "0::/service\n");
    CHECK_EQ(thrum_cpus_quota_(root), THRUM_NO_QUOTA);
    put(V2 "/service/cpu.max", "max 100000\n");
    CHECK_EQ(thrum_cpus_quota_(root), THRUM_NO_QUOTA);
    drop_root();
}

TEST(a_quota_is_in_whole_processors_and_at_least_one) {
    make_root();
    put(GROUPS, "0::/service\n");
    static const struct {
        const char *text;
        uint32_t processors;
    } quotas[] = {{"100000 100000\n", 1}, {"150000 100000\n", 1}, {"200000 100000\n", 2},
                  {"25000 100000\n", 1},  {"1000 50000\n", 1},    {"640000 10000\n", 64},
                  {"200000 100000", 2}};
    for (size_t i = 0; i < sizeof quotas / sizeof quotas[0]; i++) {
        put(V2 "/service/cpu.max", quotas[i].text);
        CHECK_EQ(thrum_cpus_quota_(root), quotas[i].processors);
    }
    drop_root();
}

TEST(a_number_that_is_too_large_for_any_word_is_a_large_quota) {
    make_root();
    put(GROUPS, "0::/service\n");
    put(V2 "/service/cpu.max", "18446744073709651616 100000\n"); /* 2^64 + 100000 */
    CHECK(thrum_cpus_quota_(root) > 10000);
    drop_root();
}

TEST(what_is_no_quota_is_none) {
    make_root();
    put(GROUPS, "0::/service\n");
    static const char *const texts[] = {"",           "\n",         "100000",      "100000 \n",
                                        "100000 0\n", "0 100000\n", "-1 100000\n", "x 100000\n"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        put(V2 "/service/cpu.max", texts[i]);
        CHECK_EQ(thrum_cpus_quota_(root), THRUM_NO_QUOTA);
    }
    put(V2 "/service/cpu.max", "200000 100000\n");
    static const char *const lines[] = {"0",   "0:",     "0::",          "0::/service",
                                        ":\n", "::\n\n", "0:/service\n", "0::a\n"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        put(GROUPS, lines[i]);
        CHECK_EQ(thrum_cpus_quota_(root), THRUM_NO_QUOTA);
    }
    drop_root();
}

TEST(the_least_quota_of_all_groups_above_counts) {
    make_root();
    put(GROUPS, "0::/a/b/c\n");
    put(V2 "/a/b/c/cpu.max", "max 100000\n");
    put(V2 "/a/b/cpu.max", "300000 100000\n");
    put(V2 "/a/cpu.max", "800000 100000\n");
    CHECK_EQ(thrum_cpus_quota_(root), 3);
    put(V2 "/a/cpu.max", "200000 100000\n");
    CHECK_EQ(thrum_cpus_quota_(root), 2);
    put(V2 "/cpu.max", "100000 100000\n");
    CHECK_EQ(thrum_cpus_quota_(root), 1);
    drop_root();
}

TEST(a_group_whose_name_begins_alike_is_none_above) {
    make_root();
    put(GROUPS, "0::/a/bcd\n");
    put(V2 "/a/bc/cpu.max", "100000 100000\n");
    put(V2 "/a/b/cpu.max", "100000 100000\n");
    put(V2 "/a/cpu.max", "200000 100000\n");
    CHECK_EQ(thrum_cpus_quota_(root), 2);
    drop_root();
}

TEST(in_a_container_the_root_is_its_own_group) {
    make_root();
    put(GROUPS, "0::/system.slice/of/the/host\n");
    put(V2 "/cpu.max", "200000 100000\n");
    CHECK_EQ(thrum_cpus_quota_(root), 2);
    drop_root();
}

TEST(version_1_has_a_quota_among_its_controllers) {
    make_root();
    put(GROUPS, "5:cpuset:/\n4:cpu,cpuacct:/a/b\n3:memory:/x\n1:name=systemd:/\n0::/\n");
    put(V1 "/a/b/cpu.cfs_quota_us", "-1\n");
    put(V1 "/a/b/cpu.cfs_period_us", "100000\n");
    CHECK_EQ(thrum_cpus_quota_(root), THRUM_NO_QUOTA);
    put(V1 "/a/cpu.cfs_quota_us", "250000\n");
    put(V1 "/a/cpu.cfs_period_us", "100000\n");
    CHECK_EQ(thrum_cpus_quota_(root), 2);
    put(GROUPS, "2:cpuacct:/a/b\n1:cpu:/a/b\n");
    CHECK_EQ(thrum_cpus_quota_(root), 2);
    put(GROUPS, "2:cpuacct,cpu:/a/b\n");
    CHECK_EQ(thrum_cpus_quota_(root), 2);
    put(GROUPS, "3:cpuacct:/a/b\n2:cpuset:/a/b\n1:gpu:/a/b\n");
    CHECK_EQ(thrum_cpus_quota_(root), THRUM_NO_QUOTA);
    drop_root();
}

TEST(a_path_that_is_too_long_is_not_followed) {
    make_root();
    char line[1400] = "0::", name[1500];
    while (strlen(line) < 1100) strcat(line, "/twenty-letters-here");
    (void)snprintf(name, sizeof name, V2 "%s/cpu.max", line + 3);
    put(name, "100000 100000\n");
    strcat(line, "\n");
    put(GROUPS, line);
    CHECK_EQ(thrum_cpus_quota_(root), THRUM_NO_QUOTA);
    drop_root();
}

/* ---- the process's own ---- */

TEST(there_are_no_more_than_masks_and_quota_allow) {
    const uint32_t quota = thrum_cpus_quota_(""), usable = thrum_futex_usable_cpus();
    CHECK_EQ(thrum_cpus(), quota < usable ? quota : usable);
    CHECK_EQ(thrum_cpus_look(), thrum_cpus());
}

TEST(a_look_follows_the_mask_and_is_remembered) {
    const uint32_t before = thrum_cpus();
    test_pin(1);
    CHECK_EQ(thrum_cpus(), before);
    errno = 77;
    CHECK_EQ(thrum_cpus_look(), 1);
    CHECK_EQ(errno, 77);
    CHECK_EQ(thrum_cpus(), 1);
}

static atomic_bool begun;

static void *look(void *unused) {
    while (!atomic_load(&begun)) {
    }
    CHECK(thrum_cpus_look() >= 1);
    return unused;
}

/* One of them reads the quota; the others do not know it yet. */
static void look_at_once(void) {
    test_thread threads[4];
    for (unsigned i = 0; i < 4; i++) threads[i] = test_start(look, NULL);
    atomic_store(&begun, true);
    for (unsigned i = 0; i < 4; i++) test_join(&threads[i]);
}

TEST(threads_that_look_for_the_first_time_at_once_find_a_processor_each) {
    for (unsigned i = 0; i < 50; i++) test_in_child(look_at_once);
}

/* ---- a real group ---- */

static char folder[80];
static const char *quota_file, *one, *none;

static bool write_to(const char *name, const char *text) {
    char path[160];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    const int file = open(path, O_WRONLY);
    if (file < 0) return false;
    const bool written = write(file, text, strlen(text)) == (ssize_t)strlen(text);
    close(file);
    return written;
}

/* A group of our own with one processor's quota, in either version. */
static bool make_group(const char *mount) {
    (void)snprintf(folder, sizeof folder, "%s/thrum-test-%d", mount, (int)getpid());
    if (mkdir(folder, 0755)) return false;
    if (write_to(quota_file, one)) return true;
    rmdir(folder);
    return false;
}

static void make_some_group(void) {
    quota_file = "cpu.max", one = "100000 100000", none = "max 100000";
    if (make_group(V2)) return;
    quota_file = "cpu.cfs_quota_us", one = "100000", none = "-1";
    if (!make_group(V1)) test_skip("needs the right to make a control group");
}

static bool spins(void) {
    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    return thrum_park_again(&spin);
}

static int live_in_group(void) {
    if (thrum_futex_usable_cpus() < 2) return 77;
    if (thrum_cpus() < 2 || !spins()) return 77; /* a quota above ours */
    char pid[16];
    (void)snprintf(pid, sizeof pid, "%d", (int)getpid());
    if (!write_to("cgroup.procs", pid)) return 77;
    const thrum_deadline patience = thrum_after_ms(10000);
    while (thrum_cpus_look() != 1)
        if (thrum_deadline_passed(patience)) return 1;
    if (spins()) return 2;
    if (!write_to(quota_file, none)) return 3;
    while (thrum_cpus_look() < 2)
        if (thrum_deadline_passed(patience)) return 4;
    return spins() ? 0 : 5;
}

TEST(a_real_quota_ends_spinning_and_its_end_begins_it) {
    make_some_group();
    const pid_t child = fork();
    if (child == 0) _exit(live_in_group());
    int status;
    CHECK(waitpid(child, &status, 0) == child && WIFEXITED(status));
    CHECK_EQ(rmdir(folder), 0);
    if (WEXITSTATUS(status) == 77) test_skip("needs two processors, and the right to enter a control group");
    CHECK_EQ(WEXITSTATUS(status), 0);
}
