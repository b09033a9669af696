/* SPDX-License-Identifier: MIT */
/*
 * thrum.hpp: thrum for C++17. A target that may throw: an exception that leaves it fails the thread, and the
 * exception hook (thrum/hooks.h) is told its type and its text; without this it would end the program, as in
 * every thread.
 *
 *     void *serve(void *connection) { ...; throw std::runtime_error("closed"); }
 *     ...
 *     thrum_thread_config config = {};
 *     config.target = thrum::target<serve>;
 *
 * And a job of an executor that may throw: it fails with the exception's code and text, and its worker goes
 * on.
 *
 *     thrum_executor_submit(pool, thrum::job<measure>, page, &future);
 *
 * Where exceptions are off (-fno-exceptions), both call the function and no more.
 *
 * And the locks as the standard's mutexes: thrum/mutex.hpp.
 */
#ifndef THRUM_HPP
#define THRUM_HPP

#if __cplusplus < 201703L
#error "thrum.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum.h>
#include <thrum/mutex.hpp>

#include <cxxabi.h>
#include <cstdlib>
#include <exception>
#include <string>
#include <system_error>
#include <typeinfo>

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

/* `function` as a job. Ending its thread by thrum_thread_exit goes through, as above. */
template <int (*function)(void *, void **)>
__attribute__((no_sanitize("undefined"))) int job(void *argument, void **value) {
    failure_text failure;
    try {
        return function(argument, value);
    } catch (abi::__forced_unwind &) {
        throw;
    } catch (...) {
        failure = note_current_exception();
    }
    return thrum_job_error(failure.code ? failure.code : 1, "%s", failure.text);
}

#else

template <void *(*function)(void *)> void *target(void *argument) {
    return function(argument);
}

template <int (*function)(void *, void **)> int job(void *argument, void **value) {
    return function(argument, value);
}

#endif

} // namespace thrum

#endif // C++17

#endif
