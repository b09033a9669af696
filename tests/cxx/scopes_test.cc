// SPDX-License-Identifier: MIT
// ctest: libraries thrum
// Semaphores, events, latches, barriers, conditions and read sections: what a scope acquires it gives back.
#include "test.h"

#include <stdexcept>
#include <thrum.hpp>

using namespace std::chrono_literals;

static_assert(sizeof(thrum::semaphore) == sizeof(thrum_semaphore), "adds no state");
static_assert(sizeof(thrum::event) == sizeof(thrum_event), "adds no state");
static_assert(sizeof(thrum::latch) == sizeof(thrum_latch), "adds no state");
static_assert(sizeof(thrum::barrier) == sizeof(thrum_barrier), "adds no state");
static_assert(sizeof(thrum::condition) == sizeof(thrum_cond), "adds no state");
static_assert(!std::is_copy_constructible_v<thrum::permit<thrum::semaphore>>, "a permit is one");

template <class Semaphore> static void check_permits() {
    static Semaphore semaphore(2);
    {
        thrum::permit a(semaphore);
        thrum::permit b(semaphore, std::try_to_lock);
        CHECK(a && b && semaphore.value() == 0);
        CHECK(!thrum::permit(semaphore, std::try_to_lock));
        CHECK(!thrum::permit(semaphore, 1ms));
        CHECK(!thrum::permit(semaphore, thrum::after(1ms)));
        const auto moment = std::chrono::system_clock::now() + 1ms;
        CHECK(!thrum::permit(semaphore, moment));
        CHECK(std::chrono::system_clock::now() >= moment);
        thrum::permit<Semaphore> moved(std::move(a));
        CHECK(moved && !a);
        b.release();
        b.release();
        CHECK(!b && semaphore.value() == 1);
        moved = thrum::permit(semaphore);
        CHECK(moved && semaphore.value() == 1);
        CHECK(moved.disown() == &semaphore);
        thrum::permit again(semaphore, std::adopt_lock);
    }
    CHECK_EQ(semaphore.value(), 2);
    try {
        thrum::permit mine(semaphore, 1h);
        CHECK_EQ(semaphore.value(), 1);
        throw 7;
    } catch (int) {
    }
    CHECK_EQ(semaphore.value(), 2);
}

TEST(a_permit_is_given_back_on_every_way_out) {
    check_permits<thrum::semaphore>();
    check_permits<thrum::bounded_semaphore>();
}

TEST(a_semaphore_counts_as_the_c_object_does) {
    thrum::semaphore semaphore(0);
    CHECK(!semaphore.try_acquire() && !semaphore.try_acquire_for(1ms));
    CHECK_EQ(semaphore.release(3), THRUM_OK);
    semaphore.acquire();
    CHECK_EQ(semaphore.value(), 2);
    CHECK_EQ(semaphore.release(0), THRUM_INVALID);
    THRUM_WITH(&semaphore) CHECK_EQ(semaphore.value(), 1);
    thrum::bounded_semaphore bounded(1);
    CHECK_EQ(bounded.release(), THRUM_LIMIT);
    CHECK(bounded.try_acquire() && bounded.release(1) == THRUM_OK);
    static_assert(thrum::semaphore::max() == THRUM_SEMAPHORE_MAX);
}

TEST(an_event_lets_its_waiters_through) {
    static thrum::event event;
    CHECK(!event.is_set() && !event.wait_for(1ms) && !event.wait_until(std::chrono::system_clock::now()));
    test_thread waiter = test_start(
        [](void *p) -> void * {
            event.wait();
            return p;
        },
        &event);
    test_await_asleep(&waiter);
    event.set();
    CHECK(test_join(&waiter) == &event);
    CHECK(event.is_set() && event.wait_until(THRUM_NOW));
    event.clear();
    CHECK(!event.is_set());
}

TEST(an_arrival_counts_a_latch_down_on_every_way_out) {
    thrum::latch latch(3);
    CHECK(!latch.try_wait() && !latch.wait_for(1ms));
    {
        thrum::arrival mine(latch);
        CHECK_EQ(latch.count(), 3);
    }
    try {
        thrum::arrival mine(latch);
        throw 7;
    } catch (int) {
    }
    CHECK_EQ(latch.count(), 1);
    latch.arrive_and_wait();
    CHECK(latch.try_wait() && latch.wait_until(std::chrono::steady_clock::now()));
    CHECK_EQ(latch.reset(2), THRUM_OK);
    CHECK_EQ(latch.count_down(2), THRUM_OK);
    latch.wait();
    CHECK_EQ(latch.count_down(0), THRUM_INVALID);
}

TEST(parties_of_a_barrier_have_an_index_each_and_a_timeout_breaks_it) {
    thrum::barrier barrier(2);
    int32_t first = -1, second = -1;
    {
        thrum::thread other([&] { CHECK_EQ(barrier.wait(&first), THRUM_OK); });
        CHECK_EQ(barrier.wait_for(1h, &second), THRUM_OK);
    }
    CHECK_EQ(first + second, 1);
    CHECK_EQ(barrier.parties(), 2);
    CHECK_EQ(barrier.wait_until(std::chrono::system_clock::now() + 1ms), THRUM_TIMEOUT);
    CHECK(barrier.broken());
    CHECK_EQ(barrier.wait(), THRUM_BROKEN);
    barrier.reset();
    CHECK(!barrier.broken() && barrier.waiting() == 0);
    barrier.abort();
    CHECK(barrier.broken());
}

template <class Mutex> static void check_condition() {
    Mutex mutex;
    thrum::condition turned(mutex);
    unsigned turn = 0;
    const auto take_turns = [&](unsigned mine) {
        for (unsigned i = 0; i < 100; i++) {
            std::unique_lock<Mutex> guard(mutex);
            turned.wait(guard, [&] { return turn % 2 == mine; });
            turn++;
            turned.notify_one();
        }
    };
    {
        thrum::thread other(take_turns, 1u);
        take_turns(0);
    }
    CHECK_EQ(turn, 200);
    std::unique_lock<Mutex> guard(mutex);
    CHECK(turned.wait_for(guard, 1ms) == std::cv_status::timeout);
    const auto moment = std::chrono::system_clock::now() + 1ms;
    CHECK(turned.wait_until(guard, moment) == std::cv_status::timeout);
    CHECK(std::chrono::system_clock::now() >= moment);
    CHECK(!turned.wait_for(guard, 1ms, [] { return false; }));
    CHECK(turned.wait_until(guard, THRUM_NOW, [] { return true; }));
    bool caught = false;
    try {
        turned.wait(guard, []() -> bool { throw std::runtime_error("left"); });
    } catch (const std::runtime_error &) {
        caught = true;
    }
    CHECK(caught && guard.owns_lock());
    guard.unlock();
    for (int i = 0; i < 2; i++) {
        thrum_result result = THRUM_OK;
        try {
            if (i == 0)
                turned.notify_all();
            else
                turned.wait(guard);
        } catch (const thrum::error &error) {
            result = error.result();
        }
        CHECK(result == THRUM_NOT_LOCKED || result == THRUM_NOT_OWNER);
    }
}

TEST(a_condition_waits_with_its_mutex_and_only_with_that) {
    check_condition<thrum::mutex>();
    check_condition<thrum::recursive_mutex>();
    thrum::mutex mine, other;
    thrum::condition condition(mine);
    std::unique_lock<thrum::mutex> guard(other);
    bool refused = false;
    try {
        condition.wait(guard);
    } catch (const thrum::error &error) {
        refused = error.result() == THRUM_NOT_LOCKED;
    }
    CHECK(refused && guard.owns_lock());
}

/* What was retired is called back only when the scope has ended. */
TEST(a_read_section_ends_with_its_scope) {
    static thrum::event called;
    static thrum_rcu_head head;
    {
        thrum::read_section reading;
        thrum::thread([] { thrum_rcu_retire(&head, [](thrum_rcu_head *) { called.set(); }); }).join();
        CHECK(!called.wait_for(20ms));
    }
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK(called.is_set());
}

TEST(results_are_error_codes_of_a_category) {
    const std::error_code timeout = thrum::make_error_code(THRUM_TIMEOUT);
    CHECK(timeout == std::errc::timed_out && timeout != std::errc::invalid_argument);
    CHECK(timeout.message() == thrum_result_message(THRUM_TIMEOUT));
    CHECK(!thrum::make_error_code(THRUM_OK));
    CHECK(thrum::make_error_code(THRUM_BROKEN) == thrum::make_error_code(THRUM_BROKEN));
    CHECK(thrum::make_error_code(THRUM_NO_THREAD) == std::errc::resource_unavailable_try_again);
    CHECK(std::strcmp(timeout.category().name(), "thrum") == 0);
}
