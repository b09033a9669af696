/* SPDX-License-Identifier: MIT */
/* The clock is this file's own, so that every moment is known to the nanosecond. */
#include "test.h"

#include <thrum/deadline.h>
#include <thrum/futex.h>

#include <errno.h>
#include <math.h>
#include <setjmp.h>

static uint64_t now = 1000000;
static unsigned looks, naps;
static jmp_buf enough;

uint64_t thrum_futex_now_ns(void) {
    looks++;
    return now;
}

/* A signal handler ends every nap but the fourth, which ends at the deadline; nobody waits for a fifth. */
void thrum_futex_nap(thrum_deadline deadline) {
    if (++naps > 4) longjmp(enough, 1);
    now = naps == 4 && deadline.ns != UINT64_MAX ? deadline.ns : now + 1;
}

static const uint64_t FOREVER_NS = UINT64_MAX;

TEST(after_ns_is_so_many_nanoseconds_from_now) {
    static const struct {
        int64_t ns;
        uint64_t expected; /* with now = 10^6 */
    } rows[] = {
        {0, 0},
        {-1, 0},
        {INT64_MIN, 0},
        {1, 1000001},
        {999999999, 1000999999},
        {1000000000, 1001000000},
        {INT64_C(1) << 31, (UINT64_C(1) << 31) + 1000000},
        {INT64_C(1) << 32, (UINT64_C(1) << 32) + 1000000},
        {INT64_MAX - 1000000, INT64_MAX},
        {INT64_MAX - 999999, FOREVER_NS},
        {INT64_MAX, FOREVER_NS},
    };
    now = 1000000;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++)
        CHECK_EQ(thrum_after_ns(rows[i].ns).ns, rows[i].expected);
}

TEST(after_us_is_so_many_microseconds_from_now_and_never_wraps) {
    static const int64_t last = INT64_MAX / 1000;
    now = 7;
    CHECK_EQ(thrum_after_us(0).ns, 0);
    CHECK_EQ(thrum_after_us(-1).ns, 0);
    CHECK_EQ(thrum_after_us(INT64_MIN).ns, 0);
    CHECK_EQ(thrum_after_us(1).ns, 1007);
    CHECK_EQ(thrum_after_us(INT64_C(1) << 31).ns, (INT64_C(1) << 31) * 1000 + 7);
    CHECK_EQ(thrum_after_us(last).ns, last * 1000 + 7);
    CHECK_EQ(thrum_after_us(last + 1).ns, FOREVER_NS);
    CHECK_EQ(thrum_after_us(INT64_C(18446744073709552)).ns, FOREVER_NS); /* 2^64 ns and some */
    CHECK_EQ(thrum_after_us(INT64_MAX).ns, FOREVER_NS);
    now = 1000;
    CHECK_EQ(thrum_after_us(last).ns, FOREVER_NS); /* the sum is too large, not the product */
}

TEST(after_ms_is_so_many_milliseconds_from_now_and_never_wraps) {
    static const int64_t last = INT64_MAX / 1000000;
    now = 7;
    CHECK_EQ(thrum_after_ms(0).ns, 0);
    CHECK_EQ(thrum_after_ms(-1).ns, 0);
    CHECK_EQ(thrum_after_ms(INT64_MIN).ns, 0);
    CHECK_EQ(thrum_after_ms(1).ns, 1000007);
    CHECK_EQ(thrum_after_ms(INT64_C(1) << 31).ns, (INT64_C(1) << 31) * 1000000 + 7);
    CHECK_EQ(thrum_after_ms(last).ns, last * 1000000 + 7);
    CHECK_EQ(thrum_after_ms(last + 1).ns, FOREVER_NS);
    CHECK_EQ(thrum_after_ms(INT64_C(18446744073710)).ns, FOREVER_NS); /* 2^64 ns and some */
    CHECK_EQ(thrum_after_ms(INT64_MAX).ns, FOREVER_NS);
}

TEST(after_takes_seconds_and_saturates) {
    now = 1000000;
    CHECK_EQ(thrum_after(1.5).ns, 1501000000);
    CHECK_EQ(thrum_after(0.0).ns, 0);
    CHECK_EQ(thrum_after(-0.0).ns, 0);
    CHECK_EQ(thrum_after(-1.0).ns, 0);
    CHECK_EQ(thrum_after(-INFINITY).ns, 0);
    CHECK_EQ(thrum_after(NAN).ns, 0);
    CHECK_EQ(thrum_after(THRUM_TIMEOUT_MAX).ns, UINT64_C(9223372036000000000) + now);
    CHECK_EQ(thrum_after(THRUM_TIMEOUT_MAX + 1).ns, FOREVER_NS);
    CHECK_EQ(thrum_after(1e100).ns, FOREVER_NS);
    CHECK_EQ(thrum_after(INFINITY).ns, FOREVER_NS);
    now = 1000000000;
    CHECK_EQ(thrum_after(THRUM_TIMEOUT_MAX).ns, FOREVER_NS); /* accepted, but not to be counted */
}

TEST(seconds_are_rounded_up_and_never_become_for_ever) {
    static const struct {
        double seconds;
        uint64_t ns;
    } rows[] = {
        {1e-12, 1},
        {5e-324, 1},
        {1e-9, 1},
        {1.5e-9, 2},
        {0.5, 500000000},
        {1.0, 1000000000},
        {2147483648.0, UINT64_C(2147483648000000000)},
    };
    now = 1000;
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        CHECK_EQ(thrum_after(rows[i].seconds).ns, now + rows[i].ns);
        thrum_deadline deadline = THRUM_NOW;
        CHECK_EQ(thrum_deadline_from_seconds(rows[i].seconds, &deadline), THRUM_OK);
        CHECK_EQ(deadline.ns, now + rows[i].ns);
    }
    const thrum_deadline tiny = thrum_after(1e-12);
    CHECK(!thrum_deadline_passed(tiny));
    now++;
    CHECK(thrum_deadline_passed(tiny));
}

TEST(the_longest_timeout_is_accepted_and_one_second_more_is_not) {
    thrum_deadline deadline = {42};
    now = 1000000;
    CHECK_EQ(thrum_deadline_from_seconds(THRUM_TIMEOUT_MAX, &deadline), THRUM_OK);
    CHECK_EQ(deadline.ns, UINT64_C(9223372036000000000) + now);
    CHECK(THRUM_TIMEOUT_MAX == 9223372036.0);
    CHECK_EQ(thrum_deadline_from_seconds(THRUM_TIMEOUT_MAX + 1, &deadline), THRUM_OVERFLOW);
    CHECK_EQ(thrum_deadline_from_seconds(1e100, &deadline), THRUM_OVERFLOW);
    CHECK_EQ(thrum_deadline_from_seconds(INFINITY, &deadline), THRUM_OVERFLOW);
}

TEST(nan_and_negative_seconds_are_invalid_in_the_checking_form) {
    thrum_deadline deadline = {42};
    CHECK_EQ(thrum_deadline_from_seconds(NAN, &deadline), THRUM_INVALID);
    CHECK_EQ(thrum_deadline_from_seconds(-1e-300, &deadline), THRUM_INVALID);
    CHECK_EQ(thrum_deadline_from_seconds(-1.0, &deadline), THRUM_INVALID);
    CHECK_EQ(thrum_deadline_from_seconds(-1e100, &deadline), THRUM_INVALID);
    CHECK_EQ(thrum_deadline_from_seconds(-INFINITY, &deadline), THRUM_INVALID);
    CHECK_EQ(thrum_deadline_from_seconds(0.0, &deadline), THRUM_OK);
    CHECK_EQ(deadline.ns, 0);
}

TEST(an_error_leaves_the_deadline_as_it_was) {
    static const double refused[] = {NAN, -1.0, -INFINITY, INFINITY, 1e100, THRUM_TIMEOUT_MAX + 1};
    for (unsigned i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        thrum_deadline deadline = {42};
        CHECK(thrum_deadline_from_seconds(refused[i], &deadline) != THRUM_OK);
        CHECK_EQ(deadline.ns, 42);
    }
}

TEST(passed_says_whether_the_moment_has_come) {
    static const struct {
        uint64_t now, deadline;
        bool passed;
    } rows[] = {
        {1000, 0, true},
        {1000, 999, true},
        {1000, 1000, true},
        {1000, 1001, false},
        {1000, UINT64_C(1) << 31, false},
        {UINT64_C(1) << 31, UINT64_C(1) << 31, true},
        {(UINT64_C(1) << 32) + 1, UINT64_C(1) << 32, true},
        {1000, UINT64_C(1) << 63, false},
        {1000, UINT64_MAX - 1, false},
        {1000, UINT64_MAX, false},
        {UINT64_MAX, UINT64_MAX, false}, /* for ever never passes */
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        now = rows[i].now;
        CHECK_EQ(thrum_deadline_passed((thrum_deadline){rows[i].deadline}), rows[i].passed);
    }
}

TEST(now_and_for_ever_are_known_without_a_look_at_the_clock) {
    looks = 0;
    CHECK(thrum_deadline_passed(THRUM_NOW));
    CHECK(!thrum_deadline_passed(THRUM_FOREVER));
    CHECK_EQ(looks, 0);
}

TEST(left_is_the_distance_or_zero_or_for_ever) {
    now = 1000;
    CHECK_EQ(thrum_deadline_left_ns((thrum_deadline){1001}), 1);
    CHECK_EQ(thrum_deadline_left_ns((thrum_deadline){1000}), 0);
    CHECK_EQ(thrum_deadline_left_ns((thrum_deadline){999}), 0);
    CHECK_EQ(thrum_deadline_left_ns(THRUM_NOW), 0);
    CHECK_EQ(thrum_deadline_left_ns((thrum_deadline){UINT64_C(1) << 63}), (UINT64_C(1) << 63) - 1000);
    CHECK_EQ(thrum_deadline_left_ns(THRUM_FOREVER), FOREVER_NS);
}

TEST(a_sleep_goes_on_after_each_signal_handler_until_the_moment_has_come) {
    now = 1000000, naps = 0;
    thrum_sleep(thrum_after_ms(50));
    CHECK_EQ(now, 51000000);
    CHECK_EQ(naps, 4);
}

TEST(a_sleep_until_a_moment_that_has_come_is_none) {
    now = 1000000, naps = 0;
    const thrum_deadline past[] = {THRUM_NOW, {1}, {999999}, {1000000}};
    for (unsigned i = 0; i < sizeof past / sizeof past[0]; i++) thrum_sleep(past[i]);
    CHECK_EQ(naps, 0);
    CHECK_EQ(now, 1000000);
}

TEST(a_sleep_for_ever_never_ends) {
    naps = 0;
    if (setjmp(enough) == 0) {
        thrum_sleep(THRUM_FOREVER);
        CHECK(false);
    }
}

TEST(the_earlier_of_two_moments) {
    const thrum_deadline a = {1000}, b = {1001};
    CHECK_EQ(thrum_deadline_earlier(a, b).ns, 1000);
    CHECK_EQ(thrum_deadline_earlier(b, a).ns, 1000);
    CHECK_EQ(thrum_deadline_earlier(THRUM_FOREVER, a).ns, 1000);
    CHECK_EQ(thrum_deadline_earlier(a, THRUM_NOW).ns, 0);
    CHECK_EQ(thrum_deadline_earlier(THRUM_FOREVER, THRUM_FOREVER).ns, FOREVER_NS);
}

TEST(errno_is_kept) {
    static const double every[] = {NAN, -1.0, 0.0, 1e-12, 1.0, 1e100, INFINITY};
    errno = 4242;
    for (unsigned i = 0; i < sizeof every / sizeof every[0]; i++) {
        thrum_deadline deadline;
        if (thrum_deadline_from_seconds(every[i], &deadline) == THRUM_OK)
            (void)thrum_deadline_left_ns(deadline);
        (void)thrum_deadline_passed(thrum_after(every[i]));
    }
    (void)thrum_after_ns(INT64_MAX);
    (void)thrum_after_us(INT64_MAX);
    (void)thrum_after_ms(INT64_MAX);
    CHECK_EQ(errno, 4242);
}

TEST(a_duration_is_checked_and_rounded_as_a_deadline_is) {
    static const struct {
        double seconds;
        thrum_result result;
        int64_t ns;
    } rows[] = {
        {0.0, THRUM_OK, 0},
        {1e-12, THRUM_OK, 1},
        {1.5e-9, THRUM_OK, 2},
        {0.5, THRUM_OK, 500000000},
        {THRUM_TIMEOUT_MAX, THRUM_OK, INT64_C(9223372036000000000)},
        {THRUM_TIMEOUT_MAX + 1, THRUM_OVERFLOW, 42},
        {INFINITY, THRUM_OVERFLOW, 42},
        {-1e-300, THRUM_INVALID, 42},
        {NAN, THRUM_INVALID, 42},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int64_t ns = 42;
        CHECK_EQ(thrum_deadline_ns_from_seconds(rows[i].seconds, &ns), rows[i].result);
        CHECK_EQ(ns, rows[i].ns);
    }
}
