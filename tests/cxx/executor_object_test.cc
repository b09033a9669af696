// SPDX-License-Identifier: MIT
// ctest: libraries thrum
// thrum::executor and thrum::future: values of a type, exceptions from thread to thread, every end of a job.
#include "counted.h"
#include "results.h"
#include "test.h"

#include <cstring>
#include <memory>
#include <stdexcept>
#include <thrum.hpp>

using namespace std::chrono_literals;

static_assert(sizeof(thrum::executor) == sizeof(void *), "a handle");
static_assert(std::is_copy_constructible_v<thrum::future<std::unique_ptr<int>>>,
              "the future is copied, not the value");

namespace {

int told;
void note(const thrum_failure *) {
    told++;
}

} // namespace

TEST(a_job_gives_its_value_whatever_its_type) {
    thrum::executor pool(2);
    CHECK_EQ(pool.submit([](int a, int b) { return a + b; }, 40, 2).get(), 42);
    int n = 1;
    int &same = pool.submit([&n]() -> int & { return n; }).get();
    CHECK(&same == &n);
    pool.submit([&n] { n = 2; }).get();
    CHECK_EQ(n, 2);
    std::unique_ptr<int> moved =
        pool.submit([](std::unique_ptr<int> p) { return p; }, std::make_unique<int>(7)).get();
    CHECK_EQ(*moved, 7);
}

TEST(copies_of_a_future_give_the_same_value) {
    thrum::executor pool(1);
    thrum::future<std::string> first = pool.submit([] { return std::string("a page"); });
    const thrum::future<std::string> second = first;
    CHECK(&first.get() == &second.get() && first.get() == "a page");
    CHECK(first.value() == second.value());
    CHECK_EQ(second.wait(), THRUM_OK);
}

TEST(what_a_job_throws_get_throws_and_the_hook_is_not_told) {
    thrum_set_excepthook(note);
    {
        thrum::executor pool(1);
        thrum::future<int> size = pool.submit([]() -> int { throw std::out_of_range("page 7"); });
        for (int i = 0; i < 2; i++) {
            bool caught = false;
            try {
                size.get();
            } catch (const std::out_of_range &e) {
                caught = std::strcmp(e.what(), "page 7") == 0;
            }
            CHECK(caught);
        }
        CHECK_EQ(size.wait(), THRUM_FAILED);
        CHECK(!size.value());
    }
    CHECK_EQ(told, 0);
}

TEST(a_failure_that_nobody_asks_for_is_the_hooks) {
    thrum_set_excepthook(note);
    told = 0;
    {
        thrum::executor pool(1);
        {
            thrum::future<void> ignored = pool.submit([] { throw 7; });
        }
        CHECK_EQ(pool.post([] { throw 8; }), THRUM_OK);
    }
    CHECK_EQ(told, 2);
}

TEST(a_job_that_fails_or_exits_has_no_value) {
    thrum_set_excepthook(note);
    thrum::executor pool(1);
    const thrum::future<int> failed =
        pool.submit([witness = counted()]() -> int { thrum_thread_fail(3, "so"); });
    CHECK_EQ(result_of(failed), THRUM_FAILED);
    const thrum::future<int> exited =
        pool.submit([witness = counted()]() -> int { thrum_thread_exit(nullptr); });
    CHECK_EQ(result_of(exited), THRUM_STATE);
    CHECK_EQ(exited.wait(), THRUM_STATE);
    CHECK_EQ(counted::living, 0);
}

TEST(a_job_that_is_cancelled_is_destroyed_unrun) {
    thrum::event go;
    {
        thrum::executor pool(1);
        thrum::event began;
        CHECK_EQ(pool.post([&] {
            began.set();
            go.wait();
        }),
                 THRUM_OK);
        began.wait();
        thrum::future<int> cancelled = pool.submit([witness = counted()] { return 1; });
        thrum::future<int> dropped = pool.submit([witness = counted()] { return 2; });
        CHECK_EQ(pool.pending(), 2);
        CHECK_EQ(counted::living, 2);
        CHECK_EQ(cancelled.cancel(), THRUM_OK);
        CHECK_EQ(counted::living, 1);
        CHECK(cancelled.cancelled() && result_of(cancelled) == THRUM_CANCELLED);
        CHECK_EQ(pool.shutdown(THRUM_SHUTDOWN_CANCEL_PENDING), THRUM_OK);
        CHECK_EQ(counted::living, 0);
        CHECK_EQ(result_of(dropped), THRUM_CANCELLED);
        thrum::future<int> late;
        CHECK_EQ(pool.submit_to(late, [] { return 3; }), THRUM_CLOSED);
        CHECK(!late.valid() && late.wait() == THRUM_STATE);
        go.set();
    }
    CHECK_EQ(counted::living, 0);
}

TEST(a_broken_pool_says_so_and_destroys_the_jobs) {
    thrum_set_excepthook(note);
    thrum_executor_config config = {};
    config.initialise = [](void *) { return 1; };
    {
        thrum::executor pool(1, &config);
        thrum::future<int> pending;
        const thrum_result result = pool.submit_to(pending, [witness = counted()] { return 1; });
        if (result == THRUM_OK)
            CHECK_EQ(result_of(pending), THRUM_BROKEN);
        else
            CHECK_EQ(result, THRUM_BROKEN);
    }
    CHECK_EQ(counted::living, 0);
}

TEST(a_timed_wait_leaves_the_future_alone) {
    thrum::executor pool(1);
    thrum::event go;
    thrum::future<int> answer = pool.submit([&] {
        go.wait();
        return 1;
    });
    CHECK_EQ(answer.wait_for(1ms), THRUM_TIMEOUT);
    CHECK_EQ(answer.wait_until(std::chrono::system_clock::now()), THRUM_TIMEOUT);
    CHECK(!answer.done() && !answer.value());
    go.set();
    CHECK_EQ(answer.wait_for(1h), THRUM_OK);
    CHECK_EQ(*answer.value(), 1);
}

TEST(the_end_of_a_pools_scope_waits_for_its_jobs) {
    std::atomic<int> done{0};
    {
        thrum::executor first(2), second;
        CHECK_EQ(second.post([] {}), THRUM_CLOSED);
        for (int i = 0; i < 100; i++) CHECK_EQ(first.post([&] { done++; }), THRUM_OK);
        second = std::move(first);
        CHECK_EQ(first.workers(), 0);
    }
    CHECK_EQ(done, 100);
}

TEST(a_pool_that_is_refused_throws_or_returns) {
    thrum_result result = THRUM_OK;
    thrum::executor none(0, nullptr, result);
    CHECK_EQ(result, THRUM_INVALID);
    try {
        thrum::executor pool(0);
        CHECK(false);
    } catch (const thrum::error &error) {
        CHECK_EQ(error.result(), THRUM_INVALID);
    }
}

/*
 * Many futures that go at once, in the submitter, in the job and in other threads: nothing is left or freed
 * twice.
 */
TEST(futures_and_jobs_may_go_in_any_order) {
    {
        thrum::executor pool(3);
        const unsigned rounds = 3000 / test_slowdown();
        for (unsigned i = 0; i < rounds; i++) {
            thrum::future<counted> answer = pool.submit([witness = counted()] { return witness; });
            switch (i % 4) {
            case 0:
                break;
            case 1:
                (void)answer.cancel();
                break;
            case 2:
                CHECK_EQ(answer.wait(), THRUM_OK);
                break;
            default:
                CHECK_EQ(pool.post([answer] { (void)answer.wait_for(0s); }), THRUM_OK);
            }
        }
    }
    CHECK_EQ(counted::living, 0);
}
