// SPDX-License-Identifier: MIT
// ctest: libraries thrum
// ctest: flags -fno-exceptions
// A program without exceptions: each class that throws elsewhere, in the form that returns its result.
#include "test.h"

#include <cstring>
#include <memory>
#include <thrum.hpp>

#ifdef __cpp_exceptions
#error "exceptions are on"
#endif

using namespace std::chrono_literals;

TEST(a_thread_and_a_timer_are_started_by_a_result) {
    int sum = 0;
    thrum::thread thread;
    CHECK_EQ(thread.start([&sum](int n) { sum += n; }, 3), THRUM_OK);
    CHECK_EQ(thread.join(), THRUM_OK);
    thrum::timer timer;
    CHECK_EQ(timer.start(
                 1ms, [&sum](int n) { sum += n; }, 4),
             THRUM_OK);
    CHECK_EQ(timer.join(), THRUM_OK);
    thrum::timer never;
    CHECK_EQ(never.start(1h, [&sum] { sum = 0; }), THRUM_OK);
    CHECK(never.cancel());
    CHECK_EQ(sum, 7);
}

TEST(a_promise_is_made_by_a_result_and_its_future_asked_by_wait_and_value) {
    thrum_result result = THRUM_STATE;
    thrum::promise<std::unique_ptr<int>> size(result), broken(result);
    CHECK_EQ(result, THRUM_OK);
    const thrum::future<std::unique_ptr<int>> answer = size.get_future(), none = broken.get_future();
    CHECK_EQ(size.set_value(std::make_unique<int>(7)), THRUM_OK);
    CHECK_EQ(size.set_error(1, "late"), THRUM_STATE);
    CHECK_EQ(answer.wait(), THRUM_OK);
    CHECK_EQ(**answer.value(), 7);
    broken = std::move(size);
    CHECK_EQ(none.wait(), THRUM_BROKEN);
    thrum::promise<void> failed(result);
    CHECK_EQ(failed.set_error(7, "full"), THRUM_OK);
    const thrum::future<void> its = failed.get_future();
    CHECK_EQ(its.wait(), THRUM_FAILED);
    thrum_future_failure failure;
    CHECK_EQ(thrum_future_error(its.native_handle(), &failure), THRUM_OK);
    CHECK(failure.code == 7 && std::strcmp(failure.message, "full") == 0);
}

TEST(a_job_is_submitted_to_a_future) {
    thrum_result result = THRUM_STATE;
    thrum::executor pool(2, nullptr, result);
    CHECK_EQ(result, THRUM_OK);
    thrum::future<long> size;
    CHECK_EQ(pool.submit_to(
                 size, [](long n) { return 2 * n; }, 21L),
             THRUM_OK);
    CHECK_EQ(size.wait(), THRUM_OK);
    CHECK_EQ(*size.value(), 42);
}

TEST(a_scheduler_a_queue_a_map_and_a_snapshot_throw_nowhere) {
    thrum::scheduler clock;
    thrum::event called;
    thrum::scheduled entry(clock, [&called] { called.set(); });
    CHECK_EQ(entry.every(1ms), THRUM_OK);
    called.wait();
    CHECK(entry.cancel());
    thrum_result result = THRUM_STATE;
    thrum::queue<std::string> lines(2, result);
    CHECK_EQ(result, THRUM_OK);
    CHECK_EQ(lines.put("a line"), THRUM_OK);
    CHECK(*lines.get() == "a line");
    thrum::map<std::string, long> balances(0, result);
    CHECK_EQ(result, THRUM_OK);
    CHECK_EQ(balances.put("ada", 3), THRUM_OK);
    CHECK_EQ(*balances.find("ada"), 3);
    thrum::snapshot<int> cell;
    CHECK_EQ(cell.emplace(5), THRUM_OK);
    CHECK_EQ(*cell.read(), 5);
}
