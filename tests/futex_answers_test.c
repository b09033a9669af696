/* SPDX-License-Identifier: MIT */
/*
 * The kernel's answers are this file's own where a test says so: what futex.c makes of each, and what it asks
 * next. A test's `answer` plays the kernel; calls that it leaves alone go to the real one.
 *
 * ctest: libraries dl
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <dlfcn.h>
#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <stdarg.h>
#include <string.h>
#include <sys/syscall.h>
#include <thrum/futex.h>
#include <time.h>
#include <unistd.h>

enum { ERRNO_MARK = 4242, DEADLINE = 6, RESET = 0x40000000 };
#define PASSED ((thrum_deadline){1})

typedef struct kernel_call {
    long number;
    unsigned long a[6];
} kernel_call;

static bool (*answer)(const kernel_call *call, long *result); /* NULL: all calls go to the real kernel */
static unsigned sleeps, wakes, naps, yields, fences;          /* of the calls that it has played */
static bool slept_untimed;

static void play(bool (*kernel)(const kernel_call *call, long *result)) {
    sleeps = wakes = naps = yields = fences = 0;
    answer = kernel;
    errno = ERRNO_MARK;
}

static void stop(void) {
    answer = NULL;
}

static bool is_futex(const kernel_call *call, unsigned long operation) {
    return call->number == SYS_futex && (call->a[1] & (unsigned long)FUTEX_CMD_MASK) == operation;
}

static void count(const kernel_call *call) {
    if (is_futex(call, FUTEX_WAIT_BITSET)) sleeps++, slept_untimed = call->a[3] == 0;
    if (call->number == TEST_SYS_FUTEX_WAITV) sleeps++, slept_untimed = call->a[3] == 0;
    wakes += is_futex(call, FUTEX_WAKE_BITSET);
    naps += call->number == SYS_clock_nanosleep;
    fences += call->number == SYS_membarrier;
}

static long real_call(const kernel_call *call) {
    long (*real)(long number, ...);
    void *const found = dlsym(RTLD_NEXT, "syscall");
    memcpy(&real, &found, sizeof real);
    return real(call->number, call->a[0], call->a[1], call->a[2], call->a[3], call->a[4], call->a[5]);
}

long syscall(long number, ...) {
    kernel_call call = {.number = number};
    va_list arguments;
    va_start(arguments, number);
    for (unsigned i = 0; i < 6; i++) call.a[i] = va_arg(arguments, unsigned long);
    va_end(arguments);
    long result;
    if (!answer || !answer(&call, &result)) return real_call(&call);
    count(&call);
    return result;
}

int sched_yield(void) {
    if (answer) yields++;
    return (int)real_call(&(kernel_call){.number = SYS_sched_yield});
}

static bool fail(long *result, int error) {
    errno = error;
    *result = -1;
    return true;
}

/* ---- sleeping ---- */

static int error_of_sleeps;
static thrum_u32 word;
static bool changes; /* the word, while the sleeper sleeps */

/* Every sleep ends with the error, and naps take no time. */
static bool end_sleeps(const kernel_call *call, long *result) {
    if (call->number == SYS_clock_nanosleep) return *result = 0, true;
    if (!is_futex(call, FUTEX_WAIT_BITSET) && call->number != TEST_SYS_FUTEX_WAITV) return false;
    if (changes) thrum_u32_store_relaxed(&word, 1);
    return fail(result, error_of_sleeps);
}

static thrum_futex_outcome sleep_until(thrum_deadline deadline, int error, bool change) {
    error_of_sleeps = error, changes = change;
    thrum_u32_store_relaxed(&word, 0);
    play(end_sleeps);
    const thrum_futex_outcome outcome = thrum_futex_wait(&word, 0, THRUM_FUTEX_ANY, false, deadline);
    stop();
    CHECK_EQ(errno, ERRNO_MARK);
    CHECK_EQ(sleeps, 1);
    return outcome;
}

static thrum_futex_outcome sleep_for_any_until(thrum_deadline deadline, int error, bool *refused) {
    const thrum_futex_choice choice = {&word, 0, false};
    error_of_sleeps = error, changes = false;
    thrum_u32_store_relaxed(&word, 0);
    play(end_sleeps);
    const thrum_futex_outcome outcome = thrum_futex_wait_any(&choice, 1, refused, deadline);
    stop();
    CHECK_EQ(errno, ERRNO_MARK);
    CHECK_EQ(sleeps, 1);
    return outcome;
}

TEST(an_interrupted_sleep_naps_not) {
    CHECK_EQ(sleep_until(THRUM_FOREVER, EINTR, false), THRUM_FUTEX_INTERRUPTED);
    CHECK_EQ(naps, 0);
    CHECK_EQ(sleep_until(PASSED, EINTR, false), THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(naps, 0);
}

TEST(a_sleep_whose_deadline_has_passed_has_timed_out_whatever_the_word_is) {
    CHECK_EQ(sleep_until(PASSED, ETIMEDOUT, false), THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(sleep_until(PASSED, ETIMEDOUT, true), THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(naps, 0);
}

TEST(a_word_that_is_found_different_is_looked_at) {
    CHECK_EQ(sleep_until(THRUM_FOREVER, EAGAIN, true), THRUM_FUTEX_CHANGED);
    CHECK_EQ(naps, 0);
    CHECK_EQ(sleep_until(THRUM_FOREVER, EAGAIN, false), THRUM_FUTEX_INTERRUPTED); /* a sandbox's */
    CHECK(naps > 0);
}

/* Seven naps, of 50 us and each twice the one before. */
TEST(a_refused_sleep_naps_for_some_milliseconds_and_then_the_caller_looks) {
    CHECK_EQ(sleep_until(THRUM_FOREVER, EPERM, false), THRUM_FUTEX_INTERRUPTED);
    CHECK_EQ(naps, 7);
    CHECK_EQ(sleep_until(THRUM_FOREVER, EPERM, true), THRUM_FUTEX_CHANGED);
    CHECK_EQ(sleep_until(PASSED, EPERM, false), THRUM_FUTEX_TIMED_OUT);
    CHECK_EQ(naps, 0);
}

TEST(a_sleep_for_any_that_ends_without_a_wake_was_not_refused) {
    bool refused = true;
    CHECK_EQ(sleep_for_any_until(THRUM_FOREVER, EINTR, &refused), THRUM_FUTEX_INTERRUPTED);
    CHECK(!refused);
    refused = true;
    CHECK_EQ(sleep_for_any_until(PASSED, ETIMEDOUT, &refused), THRUM_FUTEX_TIMED_OUT);
    CHECK(!refused);
    refused = true;
    CHECK_EQ(sleep_for_any_until(PASSED, EAGAIN, &refused), THRUM_FUTEX_TIMED_OUT);
    CHECK(!refused);
    CHECK_EQ(sleep_for_any_until(THRUM_FOREVER, ENOSYS, &refused), THRUM_FUTEX_CHANGED);
    CHECK(refused);
}

static bool refuse_to_know(const kernel_call *call, long *result) {
    (void)call, (void)result;
    CHECK(false);
    return false;
}

TEST(a_sleep_for_none_or_for_more_than_the_most_is_refused_before_the_kernel_is_asked) {
    static const unsigned counts[] = {0, THRUM_FUTEX_WAIT_ANY_MAX + 1};
    thrum_futex_choice choices[THRUM_FUTEX_WAIT_ANY_MAX + 1];
    for (unsigned i = 0; i <= THRUM_FUTEX_WAIT_ANY_MAX; i++)
        choices[i] = (thrum_futex_choice){&word, 0, false};
    for (unsigned i = 0; i < 2; i++) {
        bool refused = false;
        play(refuse_to_know);
        CHECK_EQ(thrum_futex_wait_any(choices, counts[i], &refused, THRUM_FOREVER), THRUM_FUTEX_CHANGED);
        stop();
        CHECK(refused);
    }
}

/* ---- waking ---- */

static const thrum_u32 *unmapped; /* only wakes on it fail; NULL: all do */

static bool fail_wakes(const kernel_call *call, long *result) {
    if (call->number == SYS_clock_nanosleep) return *result = 0, true;
    if (is_futex(call, FUTEX_WAIT_BITSET)) return fail(result, call->a[3] ? ETIMEDOUT : EINTR);
    if (!is_futex(call, FUTEX_WAKE_BITSET)) return false;
    if (unmapped && call->a[0] != (unsigned long)(uintptr_t)unmapped) return *result = 0, true;
    return fail(result, unmapped ? EFAULT : EPERM);
}

static void wake_in_vain(unsigned calls) {
    wakes = 0;
    CHECK_EQ(thrum_futex_wake(&word, 1, THRUM_FUTEX_ANY, false), 0);
    CHECK_EQ(wakes, calls);
}

static void sleep_while_wakes_fail(bool untimed) {
    sleeps = naps = 0;
    CHECK_EQ(thrum_futex_wait(&word, 0, THRUM_FUTEX_ANY, false, THRUM_FOREVER), THRUM_FUTEX_INTERRUPTED);
    CHECK_EQ(sleeps, 1);
    CHECK_EQ(naps, 0);
    CHECK_EQ(slept_untimed, untimed);
}

TEST(after_a_refused_wake_no_sleep_is_long_and_after_one_on_memory_that_is_no_more_it_is) {
    unmapped = &word;
    play(fail_wakes);
    wake_in_vain(2); /* the second on a word of the library's own */
    sleep_while_wakes_fail(true);
    unmapped = NULL;
    wake_in_vain(2);
    sleep_while_wakes_fail(false);
    wake_in_vain(1); /* it is known */
    stop();
    CHECK_EQ(errno, ERRNO_MARK);
}

/* ---- naps, yields, processors ---- */

static int error_of_naps;

static bool end_naps(const kernel_call *call, long *result) {
    return call->number == SYS_clock_nanosleep && fail(result, error_of_naps);
}

static unsigned yields_of_a_nap(int error) {
    error_of_naps = error;
    play(end_naps);
    thrum_futex_nap(THRUM_FOREVER);
    stop();
    CHECK_EQ(errno, ERRNO_MARK);
    return yields;
}

TEST(a_refused_nap_yields_and_an_interrupted_one_does_not) {
    CHECK_EQ(yields_of_a_nap(EPERM), 1);
    CHECK_EQ(yields_of_a_nap(EINTR), 0);
}

static long policy;

static bool tell_policy(const kernel_call *call, long *result) {
    if (call->number != SYS_sched_getscheduler) return false;
    *result = policy;
    return policy < 0 ? fail(result, EPERM) : true;
}

static bool may_yield_under(long its_policy) {
    policy = its_policy;
    play(tell_policy);
    const bool may = thrum_futex_may_yield();
    stop();
    CHECK_EQ(errno, ERRNO_MARK);
    return may;
}

TEST(only_a_thread_with_a_deadline_policy_may_not_yield) {
    CHECK(may_yield_under(SCHED_OTHER));
    CHECK(may_yield_under(SCHED_FIFO));
    CHECK(may_yield_under(SCHED_FIFO | RESET));
    CHECK(may_yield_under(-1));
    CHECK(!may_yield_under(DEADLINE));
    CHECK(!may_yield_under(DEADLINE | RESET));
}

/* The masks of the calling thread and of the first one; NULL: refused. */
static const unsigned long *masks[2];

static bool tell_masks(const kernel_call *call, long *result) {
    if (call->number != SYS_sched_getaffinity) return false;
    const unsigned long *const mask = masks[call->a[0] != 0];
    if (!mask) return fail(result, EPERM);
    unsigned long *into;
    memcpy(&into, &call->a[2], sizeof into);
    memcpy(into, mask, 2 * sizeof *into);
    *result = 2 * sizeof *into;
    return true;
}

static unsigned usable_by(const unsigned long *own, const unsigned long *first) {
    masks[0] = own, masks[1] = first;
    play(tell_masks);
    const unsigned usable = thrum_futex_usable_cpus();
    stop();
    CHECK_EQ(errno, ERRNO_MARK);
    return usable;
}

TEST(usable_processors_are_those_of_both_masks_as_far_as_they_are_told) {
    static const unsigned long one[2] = {1, 0}, far[2] = {1, 7}, none[2] = {0, 0};
    CHECK_EQ(usable_by(one, one), 1);
    CHECK_EQ(usable_by(one, far), 4);
    CHECK_EQ(usable_by(far, one), 4);
    CHECK_EQ(usable_by(one, NULL), 1);
    CHECK_EQ(usable_by(NULL, one), 1);
    CHECK_EQ(usable_by(none, none), 1);
    CHECK_EQ(usable_by(NULL, NULL), 2);
}

/* ---- fences ---- */

static int errors_of_fences[3]; /* of each call in turn; 0: it is made */

static bool answer_fences(const kernel_call *call, long *result) {
    if (call->number != SYS_membarrier) return false;
    CHECK(fences < 3);
    CHECK_EQ(call->a[0],
             fences == 1 ? MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED : MEMBARRIER_CMD_PRIVATE_EXPEDITED);
    *result = 0;
    return errors_of_fences[fences] ? fail(result, errors_of_fences[fences]) : true;
}

static bool fence(int first, int registers, int second) {
    errors_of_fences[0] = first, errors_of_fences[1] = registers, errors_of_fences[2] = second;
    play(answer_fences);
    errno = EPERM; /* the caller's, of something else */
    const bool made = thrum_futex_fence_all();
    stop();
    CHECK_EQ(errno, EPERM);
    return made;
}

TEST(a_fence_registers_the_process_where_the_kernel_asks_for_it_and_only_there) {
    CHECK(fence(0, 0, 0));
    CHECK_EQ(fences, 1);
    CHECK(fence(EPERM, 0, 0));
    CHECK_EQ(fences, 3);
    CHECK(!fence(EPERM, EPERM, 0));
    CHECK_EQ(fences, 2);
    CHECK(!fence(EPERM, 0, EPERM));
    CHECK(!fence(ENOSYS, 0, 0));
    CHECK_EQ(fences, 1);
}

/* ---- threads that are gone ---- */

static int error_of_looks; /* at whether a thread of this process is there */
static bool answers_so_of_the_caller;

static bool answer_looks(const kernel_call *call, long *result) {
    if (call->number != SYS_tgkill) return false;
    if (call->a[1] != 1 && !answers_so_of_the_caller) return false;
    return fail(result, error_of_looks);
}

static bool is_gone(uint64_t thread, int error, bool of_the_caller, int before) {
    error_of_looks = error, answers_so_of_the_caller = of_the_caller;
    play(answer_looks);
    errno = before;
    const bool gone = thrum_futex_thread_is_gone(thread);
    stop();
    CHECK_EQ(errno, before);
    return gone;
}

TEST(a_thread_is_gone_if_the_kernel_says_so_and_says_it_not_of_the_caller) {
    const uint64_t mine = thrum_futex_thread(), other = (mine & ~(uint64_t)UINT32_MAX) | 1;
    CHECK(is_gone(other, ESRCH, false, 0));
    CHECK(!is_gone(other, ESRCH, true, 0));
    CHECK(!is_gone(other, EPERM, false, 0));
    CHECK(!is_gone(mine, 0, false, ESRCH));
}

TEST(of_a_thread_of_another_process_nothing_is_said) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) _exit(0);
    test_join_child(child);
    CHECK(!thrum_futex_thread_is_gone((uint64_t)(uint32_t)child << 32 | (uint32_t)child));
}
