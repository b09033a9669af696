/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* mutants: also registry */
/* The name of a thread. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "thread_parts.h"
#include "threads.h"

#include <string.h>
#include <sys/prctl.h>
#include <thrum.h>

static void *kernel_name(void *buffer) {
    prctl(PR_GET_NAME, buffer);
    return NULL;
}

TEST(default_names_count_the_unnamed_and_tell_the_target) {
    thrum_thread *const one = test_new((thrum_thread_config){.target = answer});
    thrum_thread *const named = test_new((thrum_thread_config){THRUM_TARGET(answer), .name = "named"});
    thrum_thread *const two = test_new((thrum_thread_config){THRUM_TARGET(answer)});
    CHECK(strcmp(thrum_thread_name(one).text, "Thread-1") == 0);
    CHECK(strcmp(thrum_thread_name(named).text, "named") == 0);
    CHECK(strcmp(thrum_thread_name(two).text, "Thread-2 (answer)") == 0);
    thrum_thread_release(one);
    thrum_thread_release(named);
    thrum_thread_release(two);
}

TEST(a_name_can_be_set_at_any_time) {
    thrum_event_clear(&begin);
    thrum_thread *const thread = test_new((thrum_thread_config){.target = linger});
    CHECK_EQ(thrum_thread_set_name(thread, "before"), THRUM_OK);
    CHECK(strcmp(thrum_thread_name(thread).text, "before") == 0);
    CHECK_EQ(thrum_thread_start(thread), THRUM_OK);
    thrum_event_wait(&begin);
    CHECK_EQ(thrum_thread_set_name(thread, "during"), THRUM_OK);
    thrum_event_set(&go_on);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    CHECK(strcmp(thrum_thread_name(thread).text, "during") == 0);
    char long_name[THRUM_NAME_SIZE + 1];
    memset(long_name, 'x', sizeof long_name - 1);
    long_name[sizeof long_name - 1] = 0;
    CHECK_EQ(thrum_thread_set_name(thread, long_name), THRUM_OVERFLOW);
    CHECK(strcmp(thrum_thread_name(thread).text, "during") == 0);
    long_name[THRUM_NAME_SIZE - 1] = 0;
    CHECK_EQ(thrum_thread_set_name(thread, long_name), THRUM_OK);
    CHECK(strcmp(thrum_thread_name(thread).text, long_name) == 0);
    thrum_thread_release(thread);
}

TEST(the_kernels_name_is_set_at_start_cut_to_15_bytes) {
    char seen[16] = "";
    test_join_and_release(test_spawn((thrum_thread_config){
        .target = kernel_name, .argument = seen, .name = "a name of more than fifteen"}));
    CHECK(strcmp(seen, "a name of more ") == 0);
}

static void *rename_oneself(void *buffer) {
    CHECK_EQ(thrum_thread_set_name(thrum_current_thread(), "renamed by itself"), THRUM_OK);
    return kernel_name(buffer);
}

TEST(the_kernels_name_follows_a_thread_that_renames_itself) {
    char seen[16] = "";
    test_join_and_release(test_spawn((thrum_thread_config){.target = rename_oneself, .argument = seen}));
    CHECK(strcmp(seen, "renamed by itse") == 0);
}

static void *kernel_name_when_let_go(void *buffer) {
    linger(NULL);
    return kernel_name(buffer);
}

TEST(the_kernels_name_does_not_follow_another_threads_renaming) {
    char seen[16] = "";
    thrum_thread *const thread = test_spawn(
        (thrum_thread_config){.target = kernel_name_when_let_go, .argument = seen, .name = "first"});
    thrum_event_wait(&begin);
    CHECK_EQ(thrum_thread_set_name(thread, "second"), THRUM_OK);
    thrum_event_set(&go_on);
    test_join_and_release(thread);
    CHECK(strcmp(seen, "first") == 0);
}
