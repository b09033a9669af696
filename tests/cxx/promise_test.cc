// SPDX-License-Identifier: MIT
// ctest: libraries thrum
// thrum::promise: a future that the program sets: once, by one thread, or never.
#include "counted.h"
#include "results.h"
#include "test.h"

#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <stdexcept>
#include <string>
#include <sys/resource.h>
#include <thrum.hpp>
#include <vector>

using namespace std::chrono_literals;

static_assert(sizeof(thrum::promise<std::string>) == sizeof(void *), "a handle");
static_assert(!std::is_copy_constructible_v<thrum::promise<int>>, "one setter's");
static_assert(std::is_nothrow_move_constructible_v<thrum::promise<int>>);

namespace {

std::atomic<int> told;
void note(const thrum_failure *) {
    told++;
}

struct base {
    int n = 0;
};
struct derived : base {};

struct choosy {
    int n;
    explicit choosy(int number) : n(number) {
        if (number < 0) throw std::invalid_argument("below 0");
    }
};

} // namespace

TEST(a_value_that_a_thread_sets_is_its_futures) {
    thrum::promise<std::string> page;
    const thrum::future<std::string> first = page.get_future(), second = page.get_future();
    CHECK(!first.done() && first.wait_for(1ms) == THRUM_TIMEOUT);
    thrum::event go;
    thrum::thread setter(
        [&go](thrum::promise<std::string> mine) {
            go.wait();
            CHECK_EQ(mine.set_value(3U, 'x'), THRUM_OK);
        },
        std::move(page));
    CHECK(!page.valid() && !page.get_future().valid());
    CHECK_EQ(page.set_value("none"), THRUM_STATE);
    CHECK_EQ(page.start(), THRUM_STATE);
    go.set();
    CHECK(first.get() == "xxx");
    CHECK(&first.get() == &second.get());
}

TEST(a_promise_of_void_of_a_reference_and_of_what_only_moves) {
    thrum::promise<void> done;
    CHECK_EQ(done.set_value(), THRUM_OK);
    done.get_future().get();
    derived mine;
    thrum::promise<base &> same;
    CHECK_EQ(same.set_value(mine), THRUM_OK);
    CHECK(&same.get_future().get() == &mine);
    thrum::promise<std::unique_ptr<int>> moved;
    CHECK_EQ(moved.set_value(std::make_unique<int>(7)), THRUM_OK);
    CHECK_EQ(*moved.get_future().get(), 7);
}

TEST(an_exception_that_is_set_get_throws_and_the_hook_is_not_told) {
    thrum_set_excepthook(note);
    {
        thrum::promise<int> size;
        CHECK_EQ(size.set_exception(nullptr), THRUM_INVALID);
        CHECK_EQ(size.set_exception(std::make_exception_ptr(std::out_of_range("page 7"))), THRUM_OK);
        const thrum::future<int> answer = size.get_future();
        bool caught = false;
        try {
            answer.get();
        } catch (const std::out_of_range &e) {
            caught = std::strcmp(e.what(), "page 7") == 0;
        }
        CHECK(caught);
        CHECK_EQ(answer.wait(), THRUM_FAILED);
        thrum_future_failure failure;
        CHECK_EQ(thrum_future_error(answer.native_handle(), &failure), THRUM_OK);
        CHECK(std::strcmp(failure.message, "std::out_of_range: page 7") == 0);
    }
    CHECK_EQ(told, 0);
}

TEST(an_exception_that_nobody_asks_for_is_the_hooks) {
    thrum_set_excepthook(note);
    {
        thrum::promise<int> size;
        const thrum::future<int> ignored = size.get_future();
        CHECK_EQ(size.set_exception(std::make_exception_ptr(7)), THRUM_OK);
    }
    CHECK_EQ(told, 1);
}

TEST(an_error_has_a_code_and_a_text) {
    thrum::promise<int> size;
    CHECK_EQ(size.set_error(0, "none"), THRUM_INVALID);
    CHECK_EQ(size.set_error(7, "100 % full"), THRUM_OK);
    const thrum::future<int> answer = size.get_future();
    CHECK_EQ(result_of(answer), THRUM_FAILED);
    thrum_future_failure failure;
    CHECK_EQ(thrum_future_error(answer.native_handle(), &failure), THRUM_OK);
    CHECK_EQ(failure.code, 7);
    CHECK(std::strcmp(failure.message, "100 % full") == 0);
}

TEST(a_promise_that_goes_unset_breaks_its_futures_and_no_hook_is_told) {
    thrum_set_excepthook(note);
    {
        thrum::future<counted> answer, other;
        {
            thrum::promise<counted> nobodys, gone, replaced, fresh;
            answer = gone.get_future();
            other = replaced.get_future();
            CHECK_EQ(gone.start(), THRUM_OK);
            replaced = std::move(fresh);
            CHECK_EQ(other.wait_for(0s), THRUM_BROKEN);
            CHECK(!answer.done() && answer.running());
        }
        CHECK_EQ(answer.wait(), THRUM_BROKEN);
        CHECK_EQ(result_of(answer), THRUM_BROKEN);
        CHECK(!answer.value() && answer.done());
        thrum::promise<int> unheard;
        CHECK(unheard.get_future().valid());
    }
    CHECK_EQ(told, 0);
    CHECK_EQ(counted::living, 0);
}

TEST(a_set_promise_that_goes_breaks_nothing) {
    thrum::future<int> answer;
    {
        thrum::promise<int> size;
        answer = size.get_future();
        CHECK_EQ(size.set_value(5), THRUM_OK);
    }
    CHECK_EQ(answer.get(), 5);
}

TEST(a_cancelled_promise_refuses_the_value_which_stays_as_it_was) {
    thrum::promise<std::unique_ptr<int>> page;
    thrum::future<std::unique_ptr<int>> answer = page.get_future();
    CHECK_EQ(answer.cancel(), THRUM_OK);
    auto mine = std::make_unique<int>(3);
    CHECK_EQ(page.set_value(std::move(mine)), THRUM_CANCELLED);
    CHECK(mine && *mine == 3);
    CHECK_EQ(page.start(), THRUM_CANCELLED);
    CHECK_EQ(page.set_error(1, "late"), THRUM_CANCELLED);
    page = thrum::promise<std::unique_ptr<int>>();
    CHECK_EQ(answer.wait(), THRUM_CANCELLED);
}

TEST(a_promise_that_is_started_cannot_be_cancelled) {
    thrum::promise<int> size;
    thrum::future<int> answer = size.get_future();
    CHECK_EQ(size.start(), THRUM_OK);
    CHECK_EQ(size.start(), THRUM_STATE);
    CHECK_EQ(answer.cancel(), THRUM_STATE);
    CHECK_EQ(size.set_value(1), THRUM_OK);
    CHECK_EQ(answer.get(), 1);
}

TEST(a_second_set_is_refused_and_changes_nothing) {
    thrum::promise<std::string> page;
    CHECK_EQ(page.set_value("first"), THRUM_OK);
    std::string second(100, 'x');
    CHECK_EQ(page.set_value(std::move(second)), THRUM_STATE);
    CHECK_EQ(second.size(), 100);
    CHECK_EQ(page.set_error(1, "late"), THRUM_STATE);
    CHECK_EQ(page.set_exception(std::make_exception_ptr(1)), THRUM_STATE);
    CHECK(page.get_future().get() == "first");
}

TEST(a_constructor_that_throws_leaves_the_promise_unset) {
    thrum::promise<choosy> number;
    const thrum::future<choosy> answer = number.get_future();
    bool caught = false;
    try {
        number.set_value(-1);
    } catch (const std::invalid_argument &) {
        caught = true;
    }
    CHECK(caught && !answer.done() && answer.running());
    CHECK_EQ(number.set_value(4), THRUM_OK);
    CHECK_EQ(answer.get().n, 4);
}

TEST(of_many_threads_that_set_a_promise_one_does) {
    const unsigned rounds = 300 / test_slowdown();
    for (unsigned round = 0; round < rounds; round++) {
        thrum::promise<std::string> page;
        std::atomic<int> set{0};
        const auto race = [&page, &set](const std::string &mine) {
            const thrum_result result = page.set_value(mine);
            CHECK(result == THRUM_OK || result == THRUM_STATE);
            set += result == THRUM_OK;
        };
        {
            thrum::thread a(race, std::string(40, 'a')), b(race, std::string(50, 'b'));
            const thrum::future<std::string> answer = page.get_future();
            const std::string &got = answer.get();
            CHECK(got == std::string(40, 'a') || got == std::string(50, 'b'));
        }
        CHECK_EQ(set, 1);
    }
}

TEST(the_thread_that_has_the_value_may_destroy_the_promise) {
    const unsigned rounds = 600 / test_slowdown();
    for (unsigned round = 0; round < rounds; round++) {
        auto size = std::make_unique<thrum::promise<int>>();
        thrum::future<int> answer = size->get_future();
        thrum::thread setter([mine = size.get()] { CHECK_EQ(mine->set_value(1), THRUM_OK); });
        if (round % 2) CHECK_EQ(answer.wait(), THRUM_OK);
        while (!answer.done()) thrum_cpu_pause();
        size.reset();
        answer = {};
    }
}

TEST(a_callback_may_destroy_the_promise_that_calls_it) {
    struct owner {
        thrum::promise<int> size;
        static void destroy(thrum_future *, void *self) {
            delete static_cast<owner *>(self);
        }
    };
    auto *const mine = new owner;
    CHECK_EQ(thrum_future_add_callback(mine->size.native_handle(), owner::destroy, mine), THRUM_OK);
    CHECK_EQ(mine->size.set_value(1), THRUM_OK);
}

TEST(a_promise_without_memory_is_none) {
    if (test_slowdown() > 1) test_skip("a sanitizer takes memory of its own");
    rlimit before, none;
    CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
    none = before;
    none.rlim_cur = 1;
    CHECK_EQ(setrlimit(RLIMIT_AS, &none), 0);
    while (std::malloc(1)) {
    }
    thrum_result result = THRUM_OK;
    {
        thrum::promise<int> size(result);
        CHECK_EQ(result, THRUM_NO_MEMORY);
        CHECK(!size.valid() && size.set_value(1) == THRUM_STATE);
    }
    CHECK_EQ(setrlimit(RLIMIT_AS, &before), 0);
}
