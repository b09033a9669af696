/* SPDX-License-Identifier: MIT */
/* says: a moment is a moment of a clock */
#include <thrum/mutex.hpp>

#ifdef RIGHT
using clock_type = std::chrono::system_clock;
#else
struct clock_type {};
#endif

bool try_until(thrum::mutex &mutex, std::chrono::time_point<clock_type, std::chrono::seconds> moment);
bool try_until(thrum::mutex &mutex, std::chrono::time_point<clock_type, std::chrono::seconds> moment) {
    return mutex.try_lock_until(moment);
}
