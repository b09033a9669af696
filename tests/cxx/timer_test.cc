// SPDX-License-Identifier: MIT
// ctest: libraries thrum
// thrum::timer: any callable, at a time, once; what a cancel and the end of a scope leave behind.
#include "clocks.h"
#include "counted.h"
#include "test.h"

#include <cstring>
#include <memory>
#include <stdexcept>
#include <thrum.hpp>

using namespace std::chrono_literals;

static_assert(sizeof(thrum::timer) == sizeof(void *), "a handle");
static_assert(!std::is_copy_constructible_v<thrum::timer> &&
              std::is_nothrow_move_constructible_v<thrum::timer>);

namespace {

struct {
    std::atomic<int> calls;
    char message[256];
} told;

void note(const thrum_failure *failure) {
    std::snprintf(told.message, sizeof told.message, "%s", failure->message);
    told.calls++;
}

/* A clock that a test sets; it may go back. */
struct set_clock : clock_types<set_clock, std::chrono::nanoseconds> {
    static inline std::atomic<int> looks;
    static time_point now() {
        return time_point(looks++ < 3 ? 1ms : 2ms); // the time has come at the fourth look
    }
};

/* A clock of the program's that throws. */
struct broken_clock : clock_types<broken_clock, std::chrono::nanoseconds> {
    static time_point now() {
        throw std::runtime_error("no clock");
    }
};

struct adder {
    int total = 0;
    void add(int n) {
        total += n;
    }
};

} // namespace

TEST(a_timer_calls_any_callable_with_its_arguments) {
    adder sums;
    thrum::timer first(1ms, &adder::add, &sums, 3);
    CHECK_EQ(first.join(), THRUM_OK);
    thrum::timer second(
        thrum::after(1ms), [&sums](std::unique_ptr<int> n) { sums.total += *n; }, std::make_unique<int>(4));
    CHECK_EQ(second.join(), THRUM_OK);
    CHECK_EQ(sums.total, 7);
    CHECK(!second.pending() && !second.running() && !second.cancelled() && !second.failed());
}

TEST(a_timer_is_never_early_by_the_clock_of_its_moment) {
    const auto begun = std::chrono::steady_clock::now();
    std::chrono::steady_clock::time_point called;
    thrum::timer waits(2ms, [&called] { called = std::chrono::steady_clock::now(); });
    CHECK_EQ(waits.join(), THRUM_OK);
    CHECK(called - begun >= 2ms);
    thrum::timer until(begun + 4ms, [&called] { called = std::chrono::steady_clock::now(); });
    CHECK_EQ(until.join(), THRUM_OK);
    CHECK(called - begun >= 4ms);
    const auto moment = std::chrono::system_clock::now() + 1ms;
    std::chrono::system_clock::time_point seen;
    thrum::timer other(moment, [&seen] { seen = std::chrono::system_clock::now(); });
    CHECK_EQ(other.join(), THRUM_OK);
    CHECK(seen >= moment);
}

TEST(a_time_that_has_passed_calls_at_once) {
    int calls = 0;
    thrum::timer now(0s, [&calls] { calls++; });
    CHECK_EQ(now.join(), THRUM_OK);
    thrum::timer before(-1h, [&calls] { calls++; });
    CHECK_EQ(before.join(), THRUM_OK);
    thrum::timer long_ago(std::chrono::system_clock::time_point(), [&calls] { calls++; });
    CHECK_EQ(long_ago.join(), THRUM_OK);
    CHECK_EQ(calls, 3);
}

TEST(a_timer_waits_on_while_its_clock_shows_time_left) {
    int looks = 0;
    thrum::timer timer(set_clock::time_point(2ms), [&looks] { looks = set_clock::looks; });
    CHECK_EQ(timer.join(), THRUM_OK);
    CHECK(looks >= 4);
}

TEST(a_cancel_in_time_keeps_the_function_from_being_called) {
    int calls = 0;
    {
        thrum::timer timer(1h, [&calls, witness = counted()] { calls++; });
        CHECK(timer.pending() && !timer.cancelled());
        CHECK_EQ(timer.join_for(1ms), THRUM_TIMEOUT);
        CHECK(timer.cancel());
        CHECK(!timer.cancel() && timer.cancelled() && !timer.pending() && !timer.running());
        CHECK_EQ(timer.join(), THRUM_OK);
        CHECK_EQ(counted::living, 0);
    }
    CHECK_EQ(calls, 0);
}

TEST(a_cancel_that_comes_too_late_says_so_and_changes_nothing) {
    thrum::event began, go;
    int ended = 0;
    thrum::timer timer(0s, [&] {
        began.set();
        go.wait();
        ended++;
    });
    began.wait();
    CHECK(timer.running() && !timer.pending());
    CHECK(!timer.cancel() && !timer.cancelled() && timer.running());
    go.set();
    CHECK_EQ(timer.join_for(1h), THRUM_OK);
    CHECK(!timer.running() && !timer.cancel());
    CHECK_EQ(ended, 1);
}

TEST(the_end_of_the_scope_cancels_and_waits_for_a_function_that_runs) {
    thrum::event began;
    std::atomic<int> ended{0};
    {
        thrum::timer pending(1h, [witness = counted(), &ended] { ended += 10; });
        thrum::timer running(0s, [&] {
            began.set();
            thrum_sleep(thrum_after_ms(2));
            ended++;
        });
        began.wait();
    }
    CHECK_EQ(ended, 1);
    CHECK_EQ(counted::living, 0);
}

TEST(a_handle_that_is_assigned_to_ends_its_timer_as_a_scope_does) {
    thrum::timer timer(1h, [witness = counted()] {});
    thrum::event called;
    timer = thrum::timer(1ms, [&called] { called.set(); });
    CHECK_EQ(counted::living, 0);
    called.wait();
    timer = thrum::timer();
    CHECK(!timer.cancel() && !timer.pending() && !timer.native_handle());
    CHECK_EQ(timer.join(), THRUM_NOT_STARTED);
    CHECK_EQ(timer.join_for(1ms), THRUM_NOT_STARTED);
}

TEST(a_function_may_cancel_join_and_destroy_its_own_timer) {
    thrum::event made, over;
    thrum::timer *timer = nullptr;
    timer = new thrum::timer(0s, [&] {
        made.wait();
        CHECK(!timer->cancel());
        CHECK_EQ(timer->join(), THRUM_DEADLOCK);
        delete timer;
        over.set();
    });
    made.set();
    over.wait();
}

TEST(a_function_may_use_its_handle_before_start_has_returned) {
    for (int round = 0; round < 200; round++) {
        thrum::event over;
        auto *const timer = new thrum::timer;
        const thrum_result result = timer->start(0s, [timer, &over] {
            CHECK(!timer->cancel() && timer->running());
            CHECK_EQ(timer->join(), THRUM_DEADLOCK);
            delete timer;
            over.set();
        });
        CHECK_EQ(result, THRUM_OK);
        over.wait();
    }
}

TEST(a_clock_that_throws_leaves_nothing_pending) {
    thrum_set_excepthook(note);
    thrum::timer timer(broken_clock::time_point(1ms), [] { CHECK(false); });
    CHECK_EQ(timer.join(), THRUM_OK);
    CHECK(timer.cancelled() && !timer.pending() && timer.failed());
    thrum_set_excepthook(nullptr);
}

TEST(a_detached_timer_goes_on) {
    static thrum::event called;
    thrum::timer timer(1ms, [] { called.set(); });
    timer.detach();
    CHECK(!timer.pending() && timer.join() == THRUM_NOT_STARTED);
    called.wait();
}

TEST(an_exception_of_a_timers_function_is_the_hooks_and_join_returns) {
    thrum_set_excepthook(note);
    {
        thrum::timer timer(0s, [witness = counted()] { throw std::runtime_error("late"); });
        CHECK_EQ(timer.join(), THRUM_OK);
        CHECK_EQ(told.calls, 1);
        CHECK(std::strcmp(told.message, "std::runtime_error: late") == 0);
        int code = 0;
        CHECK(timer.failed(&code) && code == 1 && !timer.running());
        CHECK_EQ(counted::living, 0);
    }
    thrum::timer exits(0s, [witness = counted()] { thrum_thread_exit(nullptr); });
    CHECK_EQ(exits.join(), THRUM_OK);
    CHECK(!exits.failed() && !exits.running() && counted::living == 0);
    CHECK_EQ(told.calls, 1);
}

TEST(a_handle_with_a_timer_starts_no_other) {
    thrum::timer timer;
    CHECK_EQ(timer.start(1h, [] {}), THRUM_OK);
    CHECK_EQ(timer.start(1h, [witness = counted()] {}), THRUM_STATE);
    CHECK_EQ(counted::living, 0);
    CHECK(timer.pending());
}

/* A cancel that says true has kept the function back, one that says false has not: at every moment. */
TEST(a_cancel_amid_the_start_of_the_call_tells_what_happened) {
    const unsigned rounds = 600 / test_slowdown();
    for (unsigned i = 0; i < rounds; i++) {
        std::atomic<bool> called{false};
        bool kept = false;
        {
            thrum::timer timer(std::chrono::microseconds(i % 60), [&called] { called = true; });
            if (i % 2) thrum_sleep(thrum_after_us(i % 50));
            kept = timer.cancel();
        }
        CHECK(called != kept);
    }
}
