// SPDX-License-Identifier: MIT
// ctest: libraries thrum
// thrum::thread: callables and arguments, ends of every kind, its scope.
#include "counted.h"
#include "test.h"

#include <cstring>
#include <memory>
#include <stdexcept>
#include <thrum.hpp>

using namespace std::chrono_literals;

static_assert(!std::is_copy_constructible_v<thrum::thread> && !std::is_copy_assignable_v<thrum::thread>);
static_assert(std::is_nothrow_move_constructible_v<thrum::thread>);
static_assert(sizeof(thrum::thread) == sizeof(void *), "a handle");
static_assert(!std::is_constructible_v<thrum::thread, thrum::thread &>, "a handle is no callable");

namespace {

struct {
    int calls, code;
    char message[256];
} told;

void note(const thrum_failure *failure) {
    told.calls++;
    told.code = failure->code;
    std::snprintf(told.message, sizeof told.message, "%s", failure->message);
}

int sum;
void add(int a, long b) {
    sum += a + static_cast<int>(b);
}

struct adder {
    int total = 0;
    void add(int n) {
        total += n;
    }
};

} // namespace

TEST(a_thread_calls_whatever_can_be_called) {
    adder sums;
    thrum::thread a(add, 1, 2L);
    CHECK_EQ(a.join(), THRUM_OK);
    thrum::thread b(&adder::add, &sums, 3);
    CHECK_EQ(b.join(), THRUM_OK);
    thrum::thread c([](int &n) { n = 4; }, std::ref(sums.total));
    CHECK_EQ(c.join(), THRUM_OK);
    thrum::thread d([&sums](std::unique_ptr<int> n) { sums.total += *n; }, std::make_unique<int>(5));
    CHECK_EQ(d.join(), THRUM_OK);
    CHECK_EQ(sum, 3);
    CHECK_EQ(sums.total, 9);
}

TEST(the_callable_and_its_arguments_are_copied_and_destroyed_in_the_thread) {
    {
        counted argument;
        thrum::thread thread([](const counted &mine) { CHECK(counted::living >= 2 && sizeof mine); },
                             argument);
        CHECK_EQ(thread.join(), THRUM_OK);
        CHECK_EQ(counted::living, 1);
    }
    CHECK_EQ(counted::living, 0);
}

TEST(an_exception_of_a_thread_is_the_hooks_and_join_returns) {
    thrum_set_excepthook(note);
    told = {};
    thrum::thread thread([witness = counted()] { throw std::runtime_error("closed"); });
    CHECK_EQ(thread.join(), THRUM_OK);
    CHECK_EQ(told.calls, 1);
    CHECK(std::strcmp(told.message, "std::runtime_error: closed") == 0);
    int code = 0;
    CHECK(thread.failed(&code));
    CHECK_EQ(code, 1);
    CHECK_EQ(counted::living, 0);
}

TEST(a_thread_that_exits_or_fails_destroys_its_callable) {
    thrum_set_excepthook(note);
    told = {};
    thrum::thread exits([witness = counted()] { thrum_thread_exit(nullptr); });
    CHECK_EQ(exits.join(), THRUM_OK);
    CHECK(!exits.failed());
    CHECK_EQ(told.calls, 0);
    thrum::thread fails([witness = counted()] { thrum_thread_fail(7, "by itself"); });
    CHECK_EQ(fails.join(), THRUM_OK);
    int code = 0;
    CHECK(fails.failed(&code));
    CHECK_EQ(code, 7);
    CHECK_EQ(told.calls, 1);
    CHECK_EQ(counted::living, 0);
}

TEST(the_end_of_the_scope_and_an_assignment_wait_for_the_thread) {
    thrum::event go;
    std::atomic<int> ended{0};
    const auto wait_and_count = [&] {
        go.wait();
        ended++;
    };
    {
        thrum::thread first(wait_and_count), second(wait_and_count);
        go.set();
        first = std::move(second);
        CHECK(ended >= 1 && !second.joinable());
    }
    CHECK_EQ(ended, 2);
}

TEST(a_detached_thread_goes_on) {
    static thrum::event go, done;
    thrum::thread thread([] {
        go.wait();
        done.set();
    });
    thread.detach();
    CHECK(!thread.joinable());
    CHECK_EQ(thread.join(), THRUM_NOT_STARTED);
    go.set();
    done.wait();
}

TEST(a_thread_that_joins_itself_is_told_so) {
    thrum::thread thread;
    thrum::event ready;
    CHECK_EQ(thread.start([&] {
        ready.wait();
        CHECK_EQ(thread.join(), THRUM_DEADLOCK);
    }),
             THRUM_OK);
    ready.set();
    CHECK_EQ(thread.join(), THRUM_OK);
}

TEST(a_timed_join_waits_until_the_moment_of_either_clock) {
    thrum::event go;
    thrum::thread thread([&] { go.wait(); });
    CHECK_EQ(thread.join_for(1ms), THRUM_TIMEOUT);
    const auto moment = std::chrono::system_clock::now() + 1ms;
    CHECK_EQ(thread.join_until(moment), THRUM_TIMEOUT);
    CHECK(std::chrono::system_clock::now() >= moment);
    CHECK(thread.is_alive());
    go.set();
    CHECK_EQ(thread.join_for(1h), THRUM_OK);
    CHECK_EQ(thread.join_until(std::chrono::steady_clock::now()), THRUM_OK);
    CHECK(!thread.is_alive());
}

TEST(options_name_a_thread_and_a_second_start_is_refused) {
    thrum::thread_options options;
    options.name = "server";
    options.daemon = THRUM_DAEMON_YES;
    thrum::thread thread(options, [] {});
    CHECK(std::strcmp(thread.name().text, "server") == 0);
    CHECK(thrum_thread_daemon(thread.native_handle()));
    CHECK(thread.ident() != 0 && thread.native_id() != 0);
    CHECK_EQ(thread.start([] {}), THRUM_STATE);
    CHECK_EQ(thread.join(), THRUM_OK);
    CHECK_EQ(thread.set_name("ended"), THRUM_OK);
    CHECK(std::strcmp(thread.name().text, "ended") == 0);
}

TEST(a_start_that_is_refused_throws_or_returns_and_leaves_nothing) {
    thrum::thread_options options;
    options.stack_size = 1;
    thrum::thread thread;
    CHECK_EQ(thread.start(options, [witness = counted()] {}), THRUM_INVALID);
    CHECK(!thread.joinable());
    thrum_result caught = THRUM_OK;
    try {
        thrum::thread other(options, [witness = counted()] {});
    } catch (const thrum::error &error) {
        caught = error.result();
        CHECK(error.code() == std::errc::invalid_argument);
        CHECK(std::strstr(error.what(), thrum_result_message(THRUM_INVALID)) != nullptr);
    }
    CHECK_EQ(caught, THRUM_INVALID);
    CHECK_EQ(counted::living, 0);
}
