/* SPDX-License-Identifier: MIT */
/* says: a time is a duration, a deadline, or a moment of a clock */
#include <thrum/timer.hpp>

#ifdef RIGHT
using seconds = std::chrono::seconds;
#else
using seconds = int;
#endif

thrum_result start(thrum::timer &timer, seconds half);
thrum_result start(thrum::timer &timer, seconds half) {
    return timer.start(half, [] {});
}
