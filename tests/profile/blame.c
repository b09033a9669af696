/* SPDX-License-Identifier: MIT */
/* A server whose requests wait for one line: an audit that holds the ledger while a request waits. */
#include "test.h"

#include <stdlib.h>
#include <thrum.h>
#include <unistd.h>

enum { ROUNDS = 20 };

thrum_lock ledger, journal;
static thrum_u32 served;

__attribute__((noinline)) static void *serve(void *unused) {
    thrum_lock_acquire(&ledger); /* the waiter's line */
    thrum_u32_fetch_add_relaxed(&served, 1);
    thrum_lock_release(&ledger);
    return unused;
}

__attribute__((noinline)) static void audit(void) {
    thrum_lock_acquire(&ledger);
    test_thread request = test_start(serve, NULL);
    test_await_asleep(&request);
    thrum_lock_release(&ledger); /* the line to blame */
    test_join(&request);
}

__attribute__((noinline)) static void write_journal(void) {
    thrum_lock_acquire(&journal);
    thrum_u32_fetch_add_relaxed(&served, 1);
    thrum_lock_release(&journal);
}

static void audit_again_and_again(void) {
    test_pin(1); /* what is asleep stays so: nothing spins */
    for (int i = 0; i < ROUNDS; i++) {
        audit();
        write_journal();
    }
}

TEST(audits) {
    audit_again_and_again();
    CHECK_EQ(thrum_u32_load_relaxed(&served), 2 * ROUNDS);
}

/* A program that uses a thread object has the library's handlers of forks. */
TEST(audits_and_forks) {
    CHECK(thrum_active_count() == 1);
    audit_again_and_again();
    const pid_t child = fork();
    if (child == 0) {
        audit();
        exit(0);
    }
    test_join_child(child);
}
