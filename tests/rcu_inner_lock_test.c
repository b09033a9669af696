/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* The order of the library's own locks, which the debug build checks (src/rcu/inner_lock.h). */
#include "test.h"

#include <signal.h>
#include <thrum.h>
#include <unistd.h>

/* The debug build has them. */
extern void thrum_inner_acquire_(const void *lock, const char *file, const char *expression)
    __attribute__((weak));
extern void thrum_inner_release_(const void *lock) __attribute__((weak));
extern void thrum_inner_reset_(const void *lock) __attribute__((weak));
extern void thrum_inner_none_(const char *file, int line) __attribute__((weak));

static thrum_lock inner, outer, middle;

/* The linker takes in the sources whose locks are named below. */
static void (*const volatile taken_in[])(void) = {
    (void (*)(void))thrum_snapshot_set, (void (*)(void))thrum_queue_init,    (void (*)(void))thrum_map_put,
    (void (*)(void))thrum_executor_new, (void (*)(void))thrum_future_result,
};

static void acquire_in_order(void) {
    thrum_inner_acquire_(&outer, "thread.c", "&thrum_lives_");
    thrum_inner_acquire_(&inner, "rcu.c", "&guard");
    thrum_inner_release_(&outer);
    thrum_inner_release_(&inner);
    thrum_inner_acquire_(&outer, "thread.c", "&thrum_lives_");
    thrum_inner_release_(&outer);
    thrum_inner_none_("rcu.c", 1);
    _exit(0);
}

static void acquire_out_of_order(void) {
    thrum_inner_acquire_(&inner, "rcu.c", "&guard");
    thrum_inner_acquire_(&outer, "thread.c", "&thrum_lives_");
}

static void acquire_two_of_a_kind(void) {
    thrum_inner_acquire_(&inner, "queue.c", "&queue->lock_");
    thrum_inner_acquire_(&outer, "queue.c", "&queue->lock_");
}

static void acquire_an_unknown_one(void) {
    thrum_inner_acquire_(&inner, "queue.c", "&unknown");
}

static void acquire_one_by_a_longer_way(void) {
    thrum_inner_acquire_(&outer, "src/work/future.c", "&future->lock");
    thrum_inner_release_(&outer);
    thrum_inner_acquire_(&outer, "future.c", "&node->future->lock");
    thrum_inner_acquire_(&inner, "rcu.c", "&guard");
    _exit(0);
}

static void acquire_one_with_a_longer_name(void) {
    thrum_inner_acquire_(&inner, "rcu.c", "&safeguard");
}

static void acquire_one_that_ends_otherwise(void) {
    thrum_inner_acquire_(&inner, "rcu.c", "&guarx");
}

static void acquire_a_single_letter(void) {
    thrum_inner_acquire_(&inner, "rcu.c", "x");
}

static void acquire_one_of_another_kind(void) {
    thrum_inner_acquire_(&inner, "future.c", "&old_future->lock");
}

static void acquire_a_member_of_a_variables_name(void) {
    thrum_inner_acquire_(&inner, "rcu.c", "&helper->guard");
}

static void acquire_one_that_only_another_file_has(void) {
    thrum_inner_acquire_(&inner, "rcu.c", "&queue->lock_");
}

static void acquire_a_snapshots_last(void) {
    thrum_inner_acquire_(&inner, "rcu.c", "&guard");
    thrum_inner_acquire_(&outer, "snapshot.c", "&snapshot->writers_");
}

static void acquire_before_the_last_of_two(void) {
    thrum_inner_acquire_(&outer, "thread.c", "&thrum_lives_");
    thrum_inner_acquire_(&inner, "rcu.c", "&guard");
    thrum_inner_acquire_(&middle, "local.c", "&thrum_locals_");
}

static void acquire_three(void) {
    thrum_inner_acquire_(&outer, "thread.c", "&thrum_lives_");
    thrum_inner_acquire_(&middle, "local.c", "&thrum_locals_");
    thrum_inner_acquire_(&inner, "rcu.c", "&guard");
}

static void acquire_before_the_second_of_three(void) {
    acquire_three();
    thrum_inner_release_(&outer);
    thrum_inner_release_(&inner);
    thrum_inner_acquire_(&inner, "registry_fork.c", "&thrum_locals_");
}

static void acquire_before_the_third_of_three(void) {
    acquire_three();
    thrum_inner_release_(&outer);
    thrum_inner_release_(&middle);
    thrum_inner_acquire_(&middle, "map_lines.c", "&map->spare");
}

/* The function that makes a snapshot may write others, and call what it likes. */
static void acquire_two_snapshots(void) {
    thrum_inner_acquire_(&inner, "snapshot.c", "&snapshot->writers_");
    thrum_inner_acquire_(&outer, "snapshot.c", "&snapshot->writers_");
    thrum_inner_none_("rcu.c", 1);
    _exit(0);
}

static void reset_one_that_was_acquired_twice(void) {
    thrum_inner_acquire_(&outer, "registry_fork.c", "&thrum_first_uses_");
    thrum_inner_acquire_(&outer, "executor_process.c", "&thrum_first_uses_");
    thrum_inner_reset_(&outer);
    thrum_inner_none_("rcu.c", 1);
    _exit(0);
}

static void call_while_one_is_held(void) {
    thrum_inner_acquire_(&inner, "rcu.c", "&guard");
    thrum_inner_none_("rcu.c", 1);
}

TEST(locks_out_of_order_end_the_process_in_the_debug_build) {
    if (!thrum_inner_acquire_) test_skip("this build does not check the order of locks");
    CHECK_EQ(test_status_of(acquire_in_order), 0);
    CHECK(taken_in[0]);
    CHECK_EQ(test_status_of(acquire_one_by_a_longer_way), 0);
    CHECK_EQ(test_status_of(acquire_two_snapshots), 0);
    CHECK_EQ(test_status_of(reset_one_that_was_acquired_twice), 0);
    static void (*const wrong[])(void) = {acquire_out_of_order,
                                          acquire_two_of_a_kind,
                                          acquire_an_unknown_one,
                                          acquire_one_with_a_longer_name,
                                          acquire_a_member_of_a_variables_name,
                                          acquire_one_that_ends_otherwise,
                                          acquire_a_single_letter,
                                          acquire_one_of_another_kind,
                                          acquire_one_that_only_another_file_has,
                                          acquire_a_snapshots_last,
                                          acquire_before_the_last_of_two,
                                          acquire_before_the_second_of_three,
                                          acquire_before_the_third_of_three,
                                          call_while_one_is_held};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        CHECK_EQ(test_status_of(wrong[i]), TEST_BY_SIGNAL + SIGABRT);
}
