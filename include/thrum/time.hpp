/* SPDX-License-Identifier: MIT */
/*
 * time.hpp: the standard's durations and moments as deadlines (thrum/deadline.h), for C++17.
 *
 *     thrum_deadline end = thrum::after(std::chrono::milliseconds(5));
 *     end = thrum::at(std::chrono::steady_clock::now() + std::chrono::seconds(1));
 *
 * Each class of thrum.hpp that waits takes a thrum_deadline, a moment of any clock, or a duration. A
 * deadline is a moment of the steady clock, so waits until a moment of that clock are exact. A wait until a
 * moment of another clock begins again, when it has ended and that clock, set back meanwhile, shows time
 * left. A moment of a type that is no clock does not compile.
 *
 * Nothing throws but a clock or a number of the program's own.
 */
#ifndef THRUM_TIME_HPP
#define THRUM_TIME_HPP

#if __cplusplus < 201703L
#error "thrum/time.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/deadline.h>

#include <chrono>
#include <type_traits>

THRUM_BEGIN_QUIET_
namespace thrum {

namespace detail {

/*
 * Rounded up to nanoseconds, from any unit. What nanoseconds cannot count becomes their min() or max(); what
 * is not a number, min().
 */
template <class Rep, class Period>
std::chrono::nanoseconds saturated(const std::chrono::duration<Rep, Period> &duration) {
    using namespace std::chrono;
    const double seconds = std::chrono::duration<double>(duration).count();
    if (seconds >= THRUM_TIMEOUT_MAX) return nanoseconds::max();
    return seconds > -THRUM_TIMEOUT_MAX ? ceil<nanoseconds>(duration) : nanoseconds::min();
}

/* Whether it is one, as the standard asks: a type without these is no clock, and its moments mean nothing. */
template <class Clock, class = void> inline constexpr bool is_clock = false;
template <class Clock>
inline constexpr bool is_clock<
    Clock, std::void_t<typename Clock::rep, typename Clock::period, typename Clock::duration,
                       typename Clock::time_point, decltype(Clock::is_steady), decltype(Clock::now())>> =
    true;

/* What is left until a moment of any clock; max(): more than can be counted. */
template <class Clock, class Duration>
std::chrono::nanoseconds left(const std::chrono::time_point<Clock, Duration> &moment) {
    using std::chrono::nanoseconds;
    const nanoseconds end = saturated(moment.time_since_epoch());
    const nanoseconds now = saturated(Clock::now().time_since_epoch());
    if (end == nanoseconds::min() || end == nanoseconds::max()) return end;
    nanoseconds::rep difference = 0;
    if (!__builtin_sub_overflow(end.count(), now.count(), &difference)) return nanoseconds(difference);
    return end > now ? nanoseconds::max() : nanoseconds::min();
}

} // namespace detail

/* The deadline that lies so far from now, rounded up to nanoseconds; too far to be counted: THRUM_FOREVER. */
template <class Rep, class Period> thrum_deadline after(const std::chrono::duration<Rep, Period> &timeout) {
    const std::chrono::nanoseconds distance = detail::saturated(timeout);
    return distance == distance.max() ? THRUM_FOREVER : thrum_after_ns(distance.count());
}

/* The deadline at a moment of the clock that deadlines are made of, in any unit. */
template <class Duration>
thrum_deadline at(const std::chrono::time_point<std::chrono::steady_clock, Duration> &moment) {
    const std::chrono::nanoseconds since_boot = detail::saturated(moment.time_since_epoch());
    if (since_boot == since_boot.max()) return THRUM_FOREVER;
    return since_boot > since_boot.zero() ? thrum_deadline{static_cast<uint64_t>(since_boot.count())}
                                          : THRUM_NOW;
}

namespace detail {

/* Whether an attempt has failed for want of time. */
inline bool ran_out(bool got) {
    return !got;
}
inline bool ran_out(thrum_result result) {
    return result == THRUM_TIMEOUT || result == THRUM_EMPTY || result == THRUM_FULL;
}

/*
 * `attempt` until a deadline, or a moment of any clock. A clock that has been set back meanwhile gives the
 * attempt the time that is left. What it says is what the last attempt said.
 */
template <class Attempt> auto until(thrum_deadline deadline, Attempt attempt) {
    return attempt(deadline);
}
template <class Duration, class Attempt>
auto until(const std::chrono::time_point<std::chrono::steady_clock, Duration> &moment, Attempt attempt) {
    return attempt(at(moment));
}
template <class Clock, class Duration, class Attempt>
auto until(const std::chrono::time_point<Clock, Duration> &moment, Attempt attempt) {
    if constexpr (is_clock<Clock>) {
        for (;;) {
            const std::chrono::nanoseconds distance = left(moment);
            const auto said = attempt(after(distance));
            if (!ran_out(said) || distance <= distance.zero()) return said;
        }
    } else {
        static_assert(is_clock<Clock>, "a moment is a moment of a clock");
        return attempt(THRUM_NOW);
    }
}

/* Whether it says when: a duration, a deadline, a moment of a clock. */
template <class When> inline constexpr bool is_time = false;
template <> inline constexpr bool is_time<thrum_deadline> = true;
template <class Rep, class Period> inline constexpr bool is_time<std::chrono::duration<Rep, Period>> = true;
template <class Clock, class Duration>
inline constexpr bool is_time<std::chrono::time_point<Clock, Duration>> = is_clock<Clock>;

/* The moment at which it is. */
inline thrum_deadline moment_of(thrum_deadline deadline) {
    return deadline;
}
template <class Rep, class Period>
thrum_deadline moment_of(const std::chrono::duration<Rep, Period> &timeout) {
    return after(timeout);
}
template <class When> auto moment_of(const When &when) {
    static_assert(is_time<When>, "a time is a duration, a deadline, or a moment of a clock");
    if constexpr (is_time<When>)
        return when;
    else
        return THRUM_NOW;
}

/*
 * A deadline, or a moment of any clock as it stands now, for a wait that cannot begin again: of a barrier,
 * which the timeout breaks.
 */
inline thrum_deadline deadline_at(thrum_deadline deadline) {
    return deadline;
}
template <class Clock, class Duration>
thrum_deadline deadline_at(const std::chrono::time_point<Clock, Duration> &moment) {
    thrum_deadline deadline = THRUM_NOW;
    until(moment, [&deadline](thrum_deadline end) {
        deadline = end;
        return true;
    });
    return deadline;
}

} // namespace detail

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
