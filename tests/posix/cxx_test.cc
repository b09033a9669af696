// SPDX-License-Identifier: MIT
// C++'s objects, which are pthread's underneath; and those of C++20 that are not, beside them.
#include "test.h"

#include <atomic>
#include <barrier>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <future>
#include <latch>
#include <memory>
#include <mutex>
#include <semaphore>
#include <shared_mutex>
#include <stdexcept>
#include <stop_token>
#include <system_error>
#include <thread>
#include <vector>

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using std::chrono::system_clock;

template <class Attempt> static bool elsewhere(Attempt attempt) {
    bool said = false;
    std::thread([&] { said = attempt(); }).join();
    return said;
}

template <class Mutex> static bool try_elsewhere(Mutex &mutex) {
    return elsewhere([&] { return std::unique_lock<Mutex>(mutex, std::try_to_lock).owns_lock(); });
}

template <class Mutex> static void count_with() {
    Mutex mutex;
    long count = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back([&] {
            for (int j = 0; j < 10000; j++) {
                const std::lock_guard<Mutex> guard(mutex);
                count = count + 1;
            }
        });
    for (auto &thread : threads) thread.join();
    CHECK_EQ(count, 40000);
    mutex.lock();
    CHECK(!try_elsewhere(mutex));
    mutex.unlock();
    CHECK(try_elsewhere(mutex));
}

TEST(mutexes_count) {
    count_with<std::mutex>();
    count_with<std::recursive_mutex>();
    count_with<std::timed_mutex>();
    count_with<std::recursive_timed_mutex>();
    count_with<std::shared_mutex>();
    count_with<std::shared_timed_mutex>();
}

TEST(a_recursive_mutex_is_its_owners) {
    std::recursive_timed_mutex mutex;
    mutex.lock();
    CHECK(mutex.try_lock());
    CHECK(mutex.try_lock_for(1ms));
    mutex.unlock();
    mutex.unlock();
    CHECK(!try_elsewhere(mutex));
    mutex.unlock();
    CHECK(try_elsewhere(mutex));
}

template <class Mutex> static void time_out() {
    Mutex mutex;
    mutex.lock();
    CHECK(!elsewhere([&] {
        const auto deadline = steady_clock::now() + 15ms;
        const bool locked = mutex.try_lock_until(deadline);
        CHECK(steady_clock::now() >= deadline);
        return locked;
    }));
    CHECK(!elsewhere([&] { return mutex.try_lock_for(5ms); }));
    CHECK(!elsewhere([&] { return mutex.try_lock_until(system_clock::now() + 5ms); }));
    CHECK(!elsewhere([&] { return mutex.try_lock_until(system_clock::now() - 5s); }));
    mutex.unlock();
    CHECK(elsewhere([&] { return mutex.try_lock_for(-1s) && (mutex.unlock(), true); }));
}

TEST(timed_mutexes_time_out) {
    time_out<std::timed_mutex>();
    time_out<std::recursive_timed_mutex>();
    time_out<std::shared_timed_mutex>();
}

TEST(several_mutexes_are_locked_without_deadlock) {
    std::mutex first, second;
    std::recursive_mutex third;
    long count = 0;
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; i++)
        threads.emplace_back([&, i] {
            for (int j = 0; j < 5000; j++) {
                if (i % 2) {
                    const std::scoped_lock lock(first, second, third);
                    count = count + 1;
                } else {
                    const std::scoped_lock lock(third, second, first);
                    count = count + 1;
                }
            }
        });
    for (auto &thread : threads) thread.join();
    CHECK_EQ(count, 20000);
}

TEST(a_shared_mutex_shares) {
    std::shared_mutex mutex;
    {
        const std::shared_lock<std::shared_mutex> mine(mutex);
        CHECK(elsewhere(
            [&] { return std::shared_lock<std::shared_mutex>(mutex, std::try_to_lock).owns_lock(); }));
        CHECK(!try_elsewhere(mutex));
    }
    CHECK(try_elsewhere(mutex));
}

template <class Condition, class Mutex> static void hand_over() {
    Condition changed;
    Mutex mutex;
    int turn = 0;
    const auto play = [&](int me) {
        for (int i = 0; i < 2000; i++) {
            std::unique_lock<Mutex> lock(mutex);
            if (i % 3 == 0)
                changed.wait(lock, [&] { return turn == me; });
            else if (i % 3 == 1)
                CHECK(changed.wait_for(lock, 600s, [&] { return turn == me; }));
            else
                CHECK(changed.wait_until(lock, system_clock::now() + 600s, [&] { return turn == me; }));
            turn = !me;
            if (i % 2) lock.unlock();
            if (i % 5)
                changed.notify_one();
            else
                changed.notify_all();
        }
    };
    std::thread other(play, 1);
    play(0);
    other.join();
}

TEST(conditions_hand_over) {
    hand_over<std::condition_variable, std::mutex>();
    hand_over<std::condition_variable_any, std::mutex>();
    hand_over<std::condition_variable_any, std::timed_mutex>();
    hand_over<std::condition_variable_any, std::shared_mutex>();
}

template <class Condition> static void condition_times_out() {
    Condition condition;
    std::mutex mutex;
    std::unique_lock<std::mutex> lock(mutex);
    const auto soon = steady_clock::now() + 10ms;
    while (condition.wait_until(lock, soon) == std::cv_status::no_timeout) continue;
    CHECK(steady_clock::now() >= soon);
    const auto later = system_clock::now() + 10ms;
    while (condition.wait_until(lock, later) == std::cv_status::no_timeout) continue;
    CHECK(system_clock::now() >= later);
    CHECK(lock.owns_lock() && !try_elsewhere(mutex));
    CHECK(!condition.wait_for(lock, -1s, [] { return false; }));
}

TEST(conditions_time_out) {
    condition_times_out<std::condition_variable>();
    condition_times_out<std::condition_variable_any>();
}

TEST(a_condition_is_destroyed_once_all_are_notified) {
    /* The standard allows it: the waits need not have returned. */
    for (unsigned i = 0; i < 1000 / test_slowdown(); i++) {
        std::mutex mutex;
        auto condition = std::make_unique<std::condition_variable>();
        auto *const address = condition.get();
        bool go = false;
        int in = 0;
        std::vector<std::thread> threads;
        for (int j = 0; j < 2; j++)
            threads.emplace_back([&] {
                std::unique_lock<std::mutex> lock(mutex);
                in++;
                while (!go) address->wait(lock);
            });
        for (bool there = false; !there; std::this_thread::yield()) {
            const std::lock_guard<std::mutex> guard(mutex);
            there = in == 2;
        }
        std::unique_lock<std::mutex> lock(mutex);
        go = true;
        condition->notify_all();
        condition.reset();
        lock.unlock();
        for (auto &thread : threads) thread.join();
    }
}

TEST(a_stop_request_ends_a_wait) {
    std::condition_variable_any condition;
    std::mutex mutex;
    std::jthread thread([&](std::stop_token stop) {
        std::unique_lock<std::mutex> lock(mutex);
        CHECK(!condition.wait(lock, stop, [] { return false; }));
    });
    thread.request_stop();
}

TEST(call_once_tries_again_after_an_exception) {
    std::once_flag flag;
    std::atomic<int> calls{0}, thrown{0};
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++)
        threads.emplace_back([&] {
            try {
                std::call_once(flag, [&] {
                    if (calls++ < 3) throw std::runtime_error("not yet");
                });
            } catch (const std::runtime_error &) {
                thrown++;
            }
        });
    for (auto &thread : threads) thread.join();
    CHECK_EQ(calls, 4);
    CHECK_EQ(thrown, 3);
}

TEST(a_static_of_a_function_is_made_once) {
    static std::atomic<int> made{0};
    struct thing {
        thing() {
            made++;
        }
    };
    std::vector<std::thread> threads;
    for (int i = 0; i < 8; i++)
        threads.emplace_back([] {
            static const thing the_thing;
            (void)the_thing;
        });
    for (auto &thread : threads) thread.join();
    CHECK_EQ(made, 1);
}

TEST(futures_carry_values_and_exceptions) {
    for (int i = 0; i < 200; i++) {
        std::promise<int> promise;
        auto future = promise.get_future();
        std::thread thread([&] { promise.set_value(i); });
        CHECK_EQ(future.get(), i);
        thread.join();
    }
    auto failing = std::async(std::launch::async, []() -> int { throw std::logic_error("failed"); });
    bool caught = false;
    try {
        (void)failing.get();
    } catch (const std::logic_error &) {
        caught = true;
    }
    CHECK(caught);
    std::promise<void> never;
    CHECK(never.get_future().wait_for(5ms) == std::future_status::timeout);
}

TEST(objects_that_are_not_pthreads_go_on) {
    std::counting_semaphore<4> free_places(4), used_places(0);
    std::latch done(2);
    std::barrier<> meeting(2);
    std::deque<int> items;
    std::mutex mutex;
    long sum = 0;
    std::thread producer([&] {
        for (int i = 0; i < 5000; i++) {
            free_places.acquire();
            {
                const std::lock_guard<std::mutex> guard(mutex);
                items.push_back(i);
            }
            used_places.release();
        }
        done.count_down();
        meeting.arrive_and_wait();
    });
    for (int i = 0; i < 5000; i++) {
        used_places.acquire();
        {
            const std::lock_guard<std::mutex> guard(mutex);
            sum += items.front();
            items.pop_front();
        }
        free_places.release();
    }
    done.arrive_and_wait();
    meeting.arrive_and_wait();
    producer.join();
    CHECK_EQ(sum, 5000L * 4999 / 2);
}
