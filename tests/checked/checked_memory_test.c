/* SPDX-License-Identifier: MIT */
/* The check runs out of memory after its first call: it sees less, and the program goes on. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "checked_parts.h"

#include <thrum/rwlock.h>

#include <stdlib.h>
#include <sys/resource.h>

enum { MANY = 1 << 12 };
static thrum_lock many[MANY], first;
static thrum_rwlock table;

static void take_all_memory(void) {
    const struct rlimit none = {0, 0};
    thrum_checked_abort(false);
    thrum_lock_acquire(&first);
    CHECK(setrlimit(RLIMIT_AS, &none) == 0);
}

/* The parent looks at how the child ends: as here, by abort. */
static void end_well(void) {
    thrum_lock_release(&first);
    abort();
}

static void check_is_told_once(void) {
    const char *const words = "the check has no memory";
    const char *const once = strstr(told.text, words);
    CHECK(once && !strstr(once + 1, words));
}

static void acquire_one_by_one(void) {
    take_all_memory();
    for (int i = 0; i < MANY; i++) thrum_lock_acquire(&many[i]), thrum_lock_release(&many[i]);
    for (int i = 0; i < MANY; i++)
        if (thrum_lock_try_acquire(&many[i])) thrum_lock_release(&many[i]);
    thrum_rwlock_acquire_write(&table);
    CHECK(thrum_rwlock_downgrade(&table) == THRUM_OK);
    CHECK(thrum_rwlock_release_read(&table) == THRUM_OK);
    end_well();
}

static void acquire_all_at_once(void) {
    take_all_memory();
    for (int i = 0; i < MANY; i++) thrum_lock_acquire(&many[i]);
    for (int i = 0; i < MANY; i++) CHECK(thrum_lock_locked(&many[i]));
    for (int i = MANY - 1; i >= 0; i--) thrum_lock_release(&many[i]);
    end_well();
}

static void make_and_name(void) {
    take_all_memory();
    static char names[MANY][8];
    for (int i = 0; i < MANY; i++) {
        (void)snprintf(names[i], sizeof names[i], "%d", i);
        thrum_checked_class(&many[i / 2], names[i]);
    }
    for (int i = 0; i < MANY; i++) thrum_lock_init(&many[i]);
    end_well();
}

TEST(without_memory_the_program_goes_on) {
    if (test_slowdown() > 1) test_skip("a sanitizer needs memory");
    static void (*const runs[])(void) = {acquire_one_by_one, acquire_all_at_once, make_and_name};
    for (size_t i = 0; i < sizeof runs / sizeof *runs; i++) {
        hear_from_child(runs[i]);
        check_is_told_once();
    }
}
