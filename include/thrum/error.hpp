/* SPDX-License-Identifier: MIT */
/*
 * error.hpp: thrum's results as the standard's error codes, for C++17. What a class of thrum.hpp throws is a
 * thrum::error: a std::system_error with the result as its code.
 *
 *     try {
 *         throw thrum::error(THRUM_NO_THREAD);
 *     } catch (const std::system_error &error) {
 *         if (error.code() == std::errc::resource_unavailable_try_again) elsewhere();
 *     }
 *
 *     std::error_code code = thrum::make_error_code(THRUM_TIMEOUT);
 *     if (code == std::errc::timed_out) elsewhere();
 *
 * Where exceptions are off (-fno-exceptions) there is no thrum::error, and none of the members that throw it:
 * each has a form beside it that returns the result.
 */
#ifndef THRUM_ERROR_HPP
#define THRUM_ERROR_HPP

#if __cplusplus < 201703L
#error "thrum/error.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/result.h>

#include <string>
#include <system_error>

THRUM_BEGIN_QUIET_
namespace thrum {

namespace detail {

class result_category final : public std::error_category {
  public:
    const char *name() const noexcept override {
        return "thrum";
    }
    std::string message(int code) const override {
        return thrum_result_message(static_cast<thrum_result>(code));
    }
    /* The standard's name for the same; a result that the standard has no name for stands for itself. */
    std::error_condition default_error_condition(int code) const noexcept override {
        switch (code) {
        case THRUM_TIMEOUT:
            return std::errc::timed_out;
        case THRUM_INVALID:
            return std::errc::invalid_argument;
        case THRUM_OVERFLOW:
            return std::errc::value_too_large;
        case THRUM_NOT_LOCKED:
        case THRUM_NOT_OWNER:
            return std::errc::operation_not_permitted;
        case THRUM_CANCELLED:
            return std::errc::operation_canceled;
        case THRUM_DEADLOCK:
            return std::errc::resource_deadlock_would_occur;
        case THRUM_NO_MEMORY:
            return std::errc::not_enough_memory;
        case THRUM_NO_THREAD:
            return std::errc::resource_unavailable_try_again;
        case THRUM_UNSUPPORTED:
            return std::errc::not_supported;
        default:
            return {code, *this};
        }
    }
};

} // namespace detail

inline const std::error_category &category() noexcept {
    static const detail::result_category only;
    return only;
}

inline std::error_code make_error_code(thrum_result result) noexcept {
    return {static_cast<int>(result), category()};
}

#ifdef __cpp_exceptions

class error : public std::system_error {
  public:
    explicit error(thrum_result result) : std::system_error(make_error_code(result)) {}
    thrum_result result() const noexcept {
        return static_cast<thrum_result>(code().value());
    }
};

namespace detail {

inline void check(thrum_result result) {
    if (THRUM_UNLIKELY(result != THRUM_OK)) throw error(result);
}

} // namespace detail

#endif

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
