/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#include "test.h"

#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <thrum.hpp>

namespace {

struct {
    int code;
    char message[256];
} told;

void note(const thrum_failure *failure) {
    told.code = failure->code;
    std::snprintf(told.message, sizeof told.message, "%s", failure->message);
}

bool destroyed;
struct Guard {
    ~Guard() {
        destroyed = true;
    }
};

void *throw_error(void *) {
    Guard guard;
    throw std::runtime_error("closed");
}

void *throw_code(void *) {
    throw std::system_error(std::make_error_code(std::errc::broken_pipe));
}

void *throw_number(void *) {
    throw 7;
}

void *exit_in_the_middle(void *value) {
    Guard guard;
    thrum_thread_exit(value);
}

void *fail_in_the_middle(void *) {
    Guard guard;
    thrum_thread_fail(9, "failed");
}

thrum_thread *run(thrum_thread_target *target, void *argument, void **value) {
    thrum_set_excepthook(note);
    thrum_thread_config config = {};
    config.target = target;
    config.argument = argument;
    thrum_thread *thread;
    CHECK_EQ(thrum_thread_spawn(&thread, &config), THRUM_OK);
    CHECK_EQ(thrum_thread_join(thread, value), THRUM_OK);
    return thread;
}

} // namespace

TEST(an_exception_that_leaves_a_thread_is_the_hooks) {
    thrum_thread_release(run(thrum::target<throw_error>, nullptr, nullptr));
    CHECK(std::strcmp(told.message, "std::runtime_error: closed") == 0);
    CHECK_EQ(told.code, 1);
    CHECK(destroyed);
}

TEST(a_system_errors_code_is_the_failures) {
    thrum_thread *thread = run(thrum::target<throw_code>, nullptr, nullptr);
    int code = 0;
    CHECK(thrum_thread_failed(thread, &code));
    CHECK_EQ(code, EPIPE);
    CHECK_EQ(told.code, EPIPE);
    thrum_thread_release(thread);
}

TEST(an_exception_of_any_type_is_told_by_its_type) {
    thrum_thread_release(run(thrum::target<throw_number>, nullptr, nullptr));
    CHECK(std::strcmp(told.message, "int") == 0);
}

TEST(exit_runs_destructors_and_is_no_exception) {
    void *value = nullptr;
    thrum_thread *thread = run(thrum::target<exit_in_the_middle>, &told, &value);
    CHECK(value == &told);
    CHECK(destroyed);
    CHECK(!thrum_thread_failed(thread, nullptr));
    thrum_thread_release(thread);
}

TEST(failing_runs_destructors) {
    thrum_thread_release(run(fail_in_the_middle, nullptr, nullptr));
    CHECK(destroyed);
    CHECK_EQ(told.code, 9);
}
