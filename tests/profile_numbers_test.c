/* SPDX-License-Identifier: MIT */
/* What the profile's table keeps of a wait, told to it as the slow paths tell it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include "../src/futex/profile_inside.h"
#include "../src/futex/waits.h"

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <thrum/futex.h>
#include <thrum/profile.h>
#include <unistd.h>

static char text[1 << 18];

static void write_it(void) {
    const int fd = memfd_create("profile", 0);
    CHECK(fd >= 0);
    CHECK_EQ(thrum_profile_write(fd), THRUM_OK);
    const ssize_t length = pread(fd, text, sizeof text - 1, 0);
    CHECK(length > 0);
    text[length] = 0;
    close(fd);
}

/*
 * The only line of waits: its kind, object, place and holder, then how many, how long together, the longest,
 * the lengths.
 */
static const char *only_line(void) {
    write_it();
    const char *const line = strstr(text, "\nwait ");
    CHECK(line && !strstr(line + 1, "\nwait "));
    *strchr(line + 1, '\n') = 0;
    return line + 1;
}

static void begin_anew(void) {
    thrum_profile_begin();
    thrum_profile_reset_after_fork();
}

static void count(uint64_t ns) {
    thrum_profile_count_(THRUM_WAIT_LOCK_, 0x40, 0x50, thrum_profile_releases_(0x40), ns);
}

TEST(a_wait_is_counted_among_those_of_its_length) {
    static const struct {
        uint64_t ns;
        const char *ends;
    } lengths[] = {{0, " 0 0 0:1"},
                   {1023, " 3ff 3ff 0:1"},
                   {1024, " 400 400 1:1"},
                   {UINT64_C(1) << 20, " 100000 100000 11:1"},
                   {UINT64_C(1) << 32, " 100000000 100000000 23:1"},
                   {UINT64_C(1) << 62, " 4000000000000000 4000000000000000 23:1"}};
    for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
        begin_anew();
        count(lengths[i].ns);
        char wanted[128];
        (void)snprintf(wanted, sizeof wanted, "wait 2 40 50 0 1%s", lengths[i].ends);
        const char *const line = only_line();
        if (strcmp(line, wanted) != 0) test_fail(wanted, __LINE__, line);
    }
}

TEST(the_longest_of_several_waits_stays) {
    begin_anew();
    count(3000);
    count(5000);
    count(16);
    CHECK(strcmp(only_line(), "wait 2 40 50 0 3 1f50 1388 0:1 2:1 3:1") == 0);
}

TEST(a_release_from_no_place_and_one_while_nothing_counts_are_not_told) {
    static thrum_u32 object;
    begin_anew();
    const uint32_t releases = thrum_profile_releases_((uintptr_t)&object);
    thrum_profile_let_go_(&object, NULL);
    CHECK_EQ(thrum_profile_releases_((uintptr_t)&object), releases);
    thrum_profile_end();
    thrum_profile_let_go_(&object, text);
    CHECK_EQ(thrum_profile_releases_((uintptr_t)&object), releases);
    thrum_profile_begin();
    thrum_profile_let_go_(&object, text);
    CHECK_EQ(thrum_profile_releases_((uintptr_t)&object), releases + 1);
}

TEST(a_second_begin_leaves_the_time_of_the_first) {
    begin_anew();
    const uint64_t begun_ns = test_now_ns();
    while (test_now_ns() < begun_ns + 20000000) thrum_futex_yield();
    thrum_profile_begin();
    write_it();
    unsigned long long ns = 0;
    const char *const line = strstr(text, "\nns ");
    CHECK(line && sscanf(line, "\nns %llx", &ns) == 1);
    CHECK(ns >= 20000000);
}
