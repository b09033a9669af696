/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#include "test.h"

#include <cstring>
#include <stdexcept>
#include <thrum.hpp>

namespace {

bool destroyed;
struct Guard {
    ~Guard() {
        destroyed = true;
    }
};

int succeed(void *argument, void **value) {
    *value = argument;
    return 0;
}

int throw_error(void *, void **) {
    Guard guard;
    throw std::runtime_error("closed");
}

int throw_code(void *, void **) {
    throw std::system_error(std::make_error_code(std::errc::broken_pipe));
}

int exit_in_the_middle(void *argument, void **) {
    Guard guard;
    thrum_thread_exit(argument);
}

thrum_executor *make() {
    thrum_executor *pool = nullptr;
    CHECK_EQ(thrum_executor_new(&pool, 1, nullptr), THRUM_OK);
    return pool;
}

thrum_future *submit(thrum_executor *pool, thrum_job *job) {
    thrum_future *future = nullptr;
    CHECK_EQ(thrum_executor_submit(pool, job, &destroyed, &future), THRUM_OK);
    return future;
}

void check_failure(thrum_future *future, int code, const char *message) {
    thrum_future_failure failure;
    CHECK_EQ(thrum_future_error(future, &failure), THRUM_OK);
    CHECK_EQ(failure.code, code);
    CHECK(std::strstr(failure.message, message) != nullptr);
    thrum_future_release(future);
}

void end(thrum_executor *pool) {
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    thrum_executor_release(pool);
}

} // namespace

TEST(a_job_that_throws_fails_with_the_exceptions_code_and_text) {
    thrum_executor *pool = make();
    check_failure(submit(pool, thrum::job<throw_error>), 1, "closed");
    CHECK(destroyed);
    check_failure(submit(pool, thrum::job<throw_code>), EPIPE, "ipe");
    check_failure(submit(pool, thrum::job<succeed>), 0, "");
    end(pool);
}

TEST(a_job_may_exit_its_thread_and_unwinds) {
    thrum_executor *pool = make();
    destroyed = false;
    thrum_future *future = submit(pool, thrum::job<exit_in_the_middle>);
    void *value = nullptr;
    CHECK_EQ(thrum_future_result(future, &value), THRUM_OK);
    CHECK(value == &destroyed && destroyed);
    thrum_future_release(future);
    end(pool);
}

TEST(an_executor_for_a_block_ends_when_an_exception_leaves_it) {
    thrum_executor *pool = nullptr;
    thrum_result result;
    try {
        THRUM_WITH_EXECUTOR(&pool, 2, nullptr, &result) {
            CHECK_EQ(thrum_executor_submit(pool, succeed, nullptr, nullptr), THRUM_OK);
            throw 7;
        }
        CHECK(false);
    } catch (int) {
    }
    CHECK_EQ(thrum_active_count(), 1);
}
