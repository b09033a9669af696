/* SPDX-License-Identifier: MIT */
#ifndef THRUM_TESTS_CLOCKS_H
#define THRUM_TESTS_CLOCKS_H

#include <chrono>

/* What a clock of a test's own has beside its now(), which may go back. */
template <class Clock, class Duration> struct clock_types {
    using duration = Duration;
    using rep = typename duration::rep;
    using period = typename duration::period;
    using time_point = std::chrono::time_point<Clock, duration>;
    static constexpr bool is_steady = false;
};

#endif
