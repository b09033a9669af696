/* SPDX-License-Identifier: MIT */
/* says: a time is a duration, a deadline, or a moment of a clock */
#include <thrum/scheduler.hpp>

#ifdef RIGHT
using clock_type = std::chrono::system_clock;
#else
struct clock_type {};
#endif
using moment = std::chrono::time_point<clock_type, std::chrono::seconds>;

thrum_result schedule(thrum::scheduled<void (*)()> &entry, moment when);
thrum_result schedule(thrum::scheduled<void (*)()> &entry, moment when) {
    return entry.at(when);
}
