#!/bin/bash
# SPDX-License-Identifier: MIT
# alone_test.sh SOURCE_DIR: a test program without a test's name runs each of its tests in a process of its own, and says
# how each has ended; with a name it runs that test in its own process.
set -euo pipefail

source "$1/tests/support/ends.sh"
cat >"$work/good.c" <<'CODE'
#include "test.h"
#include <stdio.h>
#include <unistd.h>
static int tests_run;
TEST(first) { CHECK_EQ(tests_run++, 0); puts("unseen"); }
TEST(second) { CHECK_EQ(tests_run++, 0); printf("process %d\n", (int)getpid()); }
TEST(third) { test_skip("for a reason"); }
CODE
cat >"$work/bad.c" <<'CODE'
#include "test.h"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
TEST(is_wrong) { CHECK(1 > 2); }
TEST(ends_the_process) { fprintf(stderr, "before the end, %lu\n", (unsigned long)test_seed()); exit(3); }
TEST(hangs) { printf("leaves nothing\n"); fflush(stdout); (void)fork(); for (;;) pause(); }
TEST(passes) { if (fork() == 0) for (;;) pause(); }
CODE
cd "$work"
for program in good bad; do
    cc -std=c11 -D_GNU_SOURCE -DTEST_SECONDS=2 -I"$1/include" -I"$1/tests/support" "$1/tests/support/test.c" $program.c \
        -o $program -pthread
done

ends 0 env THRUM_SEED=7 ./good
diff "$work/out" - <<'SAID' || fail "a program whose tests pass"
THRUM_SEED=7
first: passed
second: passed
third: skipped
    skipped: for a reason
2 passed, 1 skipped, 0 failed
SAID

ends 1 env THRUM_SEED=7 ./bad
diff <(sed 's/^    .*: CHECK/    CHECK/; s/Aborted.*/Aborted)/' "$work/out") - <<'SAID' || fail "a program whose tests fail"
THRUM_SEED=7
is_wrong: ended by signal 6 (Aborted)
    THRUM_SEED=7
    is_wrong
    CHECK(1 > 2) failed
ends_the_process: failed with exit status 3
    THRUM_SEED=7
    ends_the_process
    before the end, 7
hangs: still running after 10 s
    THRUM_SEED=7
    hangs
    leaves nothing
passes: passed
1 passed, 0 skipped, 3 failed
SAID
# A process that goes on is awaited until this test's own limit.
for process in /proc/[0-9]*; do
    while [[ $(readlink "$process/exe" 2>/dev/null) == "$work/bad" ]]; do :; done
done

# By name, in the program's own process: what a debugger and ctest see.
ends 0 ./good second
ends 134 ./good first second
ends 134 ./bad is_wrong
ends 77 ./good third
[[ $failures -eq 0 ]]
