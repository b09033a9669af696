/* SPDX-License-Identifier: MIT */
/*
 * failure.hpp: a C target that may throw, for C++17. An exception that leaves it fails the thread, and the
 * exception hook (thrum/hooks.h) is told its type and its text. Without this it would end the program, as in
 * every thread.
 *
 *     thrum_thread_config config = {};
 *     config.target = thrum::target<serve>;                        // void *serve(void *): may throw
 *     if (thrum_thread_spawn(nullptr, &config) != THRUM_OK) elsewhere();
 *
 * Where exceptions are off (-fno-exceptions), it calls the function and no more. Functions with arguments of
 * any type: thrum/thread.hpp. A job that may throw: thrum/executor.hpp.
 */
#ifndef THRUM_FAILURE_HPP
#define THRUM_FAILURE_HPP

#if __cplusplus < 201703L
#error "thrum/failure.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/hooks.h>

#include <cxxabi.h>
#include <cstdlib>
#include <exception>
#include <string>
#include <system_error>
#include <typeinfo>

THRUM_BEGIN_QUIET_
namespace thrum {

#ifdef __cpp_exceptions

/* The text of the exception that is being handled: "std::runtime_error: closed". */
inline std::string describe_current_exception() {
    std::string text = "an exception";
    if (const std::type_info *type = abi::__cxa_current_exception_type()) {
        int status = 0;
        char *name = abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
        text = status == 0 && name ? name : type->name();
        std::free(name);
    }
    try {
        throw;
    } catch (const std::exception &e) {
        text += std::string(": ") + e.what();
    } catch (...) {
    }
    return text;
}

/* The code of the failure: that of a std::system_error, else 1. */
inline int code_of_current_exception() {
    try {
        throw;
    } catch (const std::system_error &e) {
        return e.code().value();
    } catch (...) {
        return 1;
    }
}

/* What is left of an exception when it is no longer handled. */
struct failure_text {
    int code = 0;
    char text[256] = "";
};

inline failure_text note_current_exception() {
    failure_text failure;
    failure.code = code_of_current_exception();
    const std::string full = describe_current_exception();
    failure.text[full.copy(failure.text, sizeof failure.text - 1)] = 0;
    return failure;
}

/*
 * `function` as a target. What it throws fails the thread; ending it by thrum_thread_exit goes through. (The
 * reference to which the compiler binds a forced unwinding is null, which the sanitizer of undefined
 * behaviour would report.)
 */
template <void *(*function)(void *)> __attribute__((no_sanitize("undefined"))) void *target(void *argument) {
    failure_text failure;
    try {
        return function(argument);
    } catch (abi::__forced_unwind &) {
        throw;
    } catch (...) {
        failure = note_current_exception();
    }
    thrum_thread_fail(failure.code, "%s", failure.text);
}

#else

template <void *(*function)(void *)> void *target(void *argument) {
    return function(argument);
}

#endif

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
