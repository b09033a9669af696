/* SPDX-License-Identifier: MIT */
/* A signal handler amid a program's first call of the check. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "checked_parts.h"

#include <stdlib.h>
#include <sys/mman.h>

static thrum_lock lock;

static void *environment;
static volatile sig_atomic_t interrupted;

static void use_and_allow(int number) {
    (void)number;
    interrupted++;
    if (thrum_lock_try_acquire(&lock)) thrum_lock_release(&lock);
    if (mprotect(environment, 1, PROT_READ) != 0) abort();
}

static void call_first(void) {
    extern char **environ;
    environment = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(environment != MAP_FAILED);
    CHECK(signal(SIGSEGV, use_and_allow) != SIG_ERR);
    environ = environment;
    CHECK_EQ(mprotect(environment, 1, PROT_NONE), 0); /* which the first call reads */
    thrum_lock_acquire(&lock);
    CHECK_EQ(interrupted, 1);
    thrum_lock_release(&lock);
}

TEST(a_signal_handler_amid_a_threads_first_call_goes_on) {
    begin_to_hear();
    call_first();
    check_told(NONE, "");
}
