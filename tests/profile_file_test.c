/* SPDX-License-Identifier: MIT */
/*
 * The file that THRUM_PROFILE names: each test is run once more, by itself, as the process that is profiled.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <thrum/profile.h>
#include <unistd.h>

static char folder[] = "/tmp/thrum-profile-XXXXXX";

static bool is_profiled(void) {
    return getenv("THRUM_PROFILE") != NULL;
}

static const char *in_folder(const char *name) {
    static char path[512];
    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

/* The process's number. It ends well. */
static pid_t run_profiled(const char *test, const char *file) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        (void)setenv("THRUM_PROFILE", file, 1);
        execl("/proc/self/exe", "profile_file_test", test, NULL);
        _exit(99);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK_EQ(status, 0);
    return child;
}

/* How many whole profiles a file holds, which is then removed; -1: there is none. */
static int profiles_in(const char *path) {
    static char text[1 << 18];
    FILE *const file = fopen(path, "r");
    if (!file) return -1;
    text[fread(text, 1, sizeof text - 1, file)] = 0;
    (void)fclose(file);
    CHECK_EQ(unlink(path), 0);
    int count = 0;
    for (const char *at = text; (at = strstr(at, "thrum profile 1\n")); at++) count++;
    const size_t length = strlen(text);
    CHECK(count == 0 || (length > 4 && strcmp(text + length - 4, "end\n") == 0));
    return count;
}

static void begin(void) {
    CHECK(mkdtemp(folder));
}

static void end(void) {
    CHECK_EQ(rmdir(folder), 0); /* nothing else has been made */
}

TEST(a_file_gets_the_profile_at_the_processes_end) {
    if (is_profiled()) return;
    begin();
    (void)run_profiled("a_file_gets_the_profile_at_the_processes_end", in_folder("plain"));
    CHECK_EQ(profiles_in(in_folder("plain")), 1);
    end();
}

TEST(each_percent_p_stands_for_the_processes_number) {
    if (is_profiled()) return;
    begin();
    const pid_t number =
        run_profiled("each_percent_p_stands_for_the_processes_number", in_folder("x%q-%p.p-%p"));
    char name[64];
    (void)snprintf(name, sizeof name, "x%%q-%d.p-%d", (int)number, (int)number);
    CHECK_EQ(profiles_in(in_folder(name)), 1);
    end();
}

static void fork_and_say_its_number(void) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) exit(0);
    test_join_child(child);
    FILE *const file = fopen(getenv("TOLD_TO"), "w");
    CHECK(file && fprintf(file, "%d", (int)child) > 0 && fclose(file) == 0);
}

/* The number that a profiled process has written. */
static int number_in(const char *path) {
    int number = 0;
    FILE *const file = fopen(path, "r");
    CHECK(file && fscanf(file, "%d", &number) == 1 && fclose(file) == 0);
    CHECK_EQ(unlink(path), 0);
    return number;
}

TEST(a_forked_child_has_a_file_of_its_own_number) {
    if (is_profiled()) {
        fork_and_say_its_number();
        return;
    }
    begin();
    CHECK_EQ(setenv("TOLD_TO", in_folder("told"), 1), 0);
    const int parent = run_profiled("a_forked_child_has_a_file_of_its_own_number", in_folder("of-%p"));
    const int numbers[2] = {parent, number_in(in_folder("told"))};
    for (int i = 0; i < 2; i++) {
        char name[64];
        (void)snprintf(name, sizeof name, "of-%d", numbers[i]);
        CHECK_EQ(profiles_in(in_folder(name)), 1);
    }
    end();
}

TEST(what_could_not_be_made_at_the_begin_is_not_made_at_the_end) {
    if (is_profiled()) {
        CHECK_EQ(mkdir(getenv("LATE_FOLDER"), 0700), 0);
        return;
    }
    begin();
    CHECK_EQ(setenv("LATE_FOLDER", in_folder("late"), 1), 0);
    (void)run_profiled("what_could_not_be_made_at_the_begin_is_not_made_at_the_end", in_folder("late/of-%p"));
    CHECK_EQ(rmdir(in_folder("late")), 0);
    end();
}

TEST(a_name_that_is_too_long_names_no_file) {
    if (is_profiled()) {
        CHECK(!thrum_profile_counts());
        return;
    }
    char name[3000];
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = 0;
    (void)run_profiled("a_name_that_is_too_long_names_no_file", name);
}
