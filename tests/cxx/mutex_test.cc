// SPDX-License-Identifier: MIT
// The locks as the standard's mutexes: what each guard of the standard's asks of them, and the times.
#include "clocks.h"
#include "test.h"

#include <thrum/mutex.hpp>
#include <thrum/with.h>

#include <condition_variable>
#include <limits>
#include <mutex>
#include <shared_mutex>
#include <thread>
#include <type_traits>

using namespace std::chrono_literals;
using std::chrono::steady_clock;
using std::chrono::system_clock;

static_assert(sizeof(thrum::mutex) == sizeof(thrum_lock), "adds no state");
static_assert(sizeof(thrum::spin_mutex) == sizeof(thrum_spinlock), "adds no state");
static_assert(sizeof(thrum::recursive_mutex) == sizeof(thrum_rlock), "adds no state");
static_assert(sizeof(thrum::shared_mutex) == sizeof(thrum_rwlock), "adds no state");
static_assert(std::is_trivially_destructible<thrum::mutex>::value, "needs no destroying");
static_assert(!std::is_copy_constructible<thrum::mutex>::value, "a lock is not copied");
static_assert(!std::is_copy_assignable<thrum::mutex>::value, "a lock is not copied");

using sharded_shared_mutex = thrum::sharded_shared_mutex<8>;

/* What `attempt` says in a thread of its own. */
template <class Attempt> static bool elsewhere(Attempt attempt) {
    bool said = false;
    std::thread([&] { said = attempt(); }).join();
    return said;
}

template <class Mutex> static bool try_elsewhere(Mutex &mutex) {
    return elsewhere([&] { return std::unique_lock<Mutex>(mutex, std::try_to_lock).owns_lock(); });
}

template <class Mutex> static bool try_shared_elsewhere(Mutex &mutex) {
    return elsewhere([&] { return std::shared_lock<Mutex>(mutex, std::try_to_lock).owns_lock(); });
}

template <class Mutex> static void check_guards() {
    Mutex mutex;
    {
        std::lock_guard<Mutex> guard(mutex);
        CHECK(!try_elsewhere(mutex));
    }
    CHECK(try_elsewhere(mutex));
    {
        std::unique_lock<Mutex> guard(mutex, 1h);
        CHECK(guard.owns_lock() && !try_elsewhere(mutex));
        guard.unlock();
        CHECK(try_elsewhere(mutex));
        guard.lock();
        CHECK(!try_elsewhere(mutex));
    }
    CHECK(try_elsewhere(mutex));
}

TEST(the_standards_guards_hold_and_let_go) {
    check_guards<thrum::mutex>();
    check_guards<thrum::spin_mutex>();
    check_guards<thrum::recursive_mutex>();
    check_guards<thrum::shared_mutex>();
    check_guards<sharded_shared_mutex>();
}

template <class Mutex> static void check_times() {
    Mutex mutex;
    CHECK(elsewhere([&] { return std::unique_lock<Mutex>(mutex, steady_clock::now()).owns_lock(); }));
    CHECK(elsewhere([&] { return std::unique_lock<Mutex>(mutex, system_clock::now()).owns_lock(); }));
    std::lock_guard<Mutex> held(mutex);
    const auto begin = steady_clock::now();
    CHECK(!elsewhere([&] { return std::unique_lock<Mutex>(mutex, 2ms).owns_lock(); }));
    CHECK(steady_clock::now() - begin >= 2ms);
    const auto moment = steady_clock::now() + 2ms;
    CHECK(!elsewhere([&] { return std::unique_lock<Mutex>(mutex, moment).owns_lock(); }));
    CHECK(steady_clock::now() >= moment);
    const auto time_of_day = system_clock::now() + 2ms;
    CHECK(!elsewhere([&] { return std::unique_lock<Mutex>(mutex, time_of_day).owns_lock(); }));
    CHECK(system_clock::now() >= time_of_day);
    CHECK(!elsewhere([&] { return mutex.try_lock_until(thrum::after(1ms)); }));
    CHECK(!elsewhere([&] { return mutex.try_lock_for(-1h); }));
}

TEST(a_timed_try_waits_until_the_moment_of_either_clock) {
    check_times<thrum::mutex>();
    check_times<thrum::spin_mutex>();
    check_times<thrum::recursive_mutex>();
    check_times<thrum::shared_mutex>();
    check_times<sharded_shared_mutex>();
}

template <class Mutex> static void check_sharing() {
    Mutex mutex;
    {
        std::shared_lock<Mutex> reader(mutex);
        CHECK(try_shared_elsewhere(mutex) && !try_elsewhere(mutex));
        CHECK(elsewhere([&] { return std::shared_lock<Mutex>(mutex, 1h).owns_lock(); }));
        CHECK(elsewhere([&] { return std::shared_lock<Mutex>(mutex, system_clock::now()).owns_lock(); }));
    }
    CHECK(try_elsewhere(mutex));
    std::lock_guard<Mutex> writer(mutex);
    CHECK(!try_shared_elsewhere(mutex));
    const auto moment = steady_clock::now() + 2ms;
    CHECK(!elsewhere([&] { return std::shared_lock<Mutex>(mutex, moment).owns_lock(); }));
    CHECK(steady_clock::now() >= moment);
    CHECK(!elsewhere([&] { return mutex.try_lock_shared_for(1ms); }));
    CHECK(!elsewhere([&] { return mutex.try_lock_shared_until(thrum::after(1ms)); }));
}

TEST(readers_share_and_a_writer_excludes_them) {
    check_sharing<thrum::shared_mutex>();
    check_sharing<sharded_shared_mutex>();
}

TEST(scoped_locks_in_any_order_do_not_deadlock) {
    thrum::mutex a;
    thrum::spin_mutex b;
    thrum::recursive_mutex c;
    thrum::shared_mutex d;
    unsigned count = 0;
    const unsigned rounds = 20000 / test_slowdown();
    std::thread other([&] {
        for (unsigned i = 0; i < rounds; i++) {
            std::scoped_lock all(d, c, b, a);
            count++;
        }
    });
    for (unsigned i = 0; i < rounds; i++) {
        std::scoped_lock all(a, b, c, d);
        count++;
    }
    other.join();
    CHECK_EQ(count, 2 * rounds);
}

template <class Mutex> static void check_condition() {
    Mutex mutex;
    std::condition_variable_any turned;
    unsigned turn = 0;
    const auto take_turns = [&](unsigned mine) {
        for (unsigned i = 0; i < 100; i++) {
            std::unique_lock<Mutex> guard(mutex);
            turned.wait(guard, [&] { return turn % 2 == mine; });
            turn++;
            turned.notify_one();
        }
    };
    std::thread other(take_turns, 1);
    take_turns(0);
    other.join();
    CHECK_EQ(turn, 200);
}

TEST(a_condition_variable_any_takes_each) {
    check_condition<thrum::mutex>();
    check_condition<thrum::spin_mutex>();
    check_condition<thrum::recursive_mutex>();
    check_condition<thrum::shared_mutex>();
    check_condition<sharded_shared_mutex>();
}

TEST(each_is_the_c_object_that_it_is_made_of) {
    static thrum::mutex mutex;
    static thrum_cond cond = THRUM_COND_INIT(&mutex);
    THRUM_WITH(&mutex) {
        CHECK(!try_elsewhere(mutex));
        CHECK_EQ(thrum_cond_wait_until(&cond, THRUM_NOW), THRUM_TIMEOUT);
    }
    sharded_shared_mutex shared;
    THRUM_WITH_READ(&shared) {
        CHECK(try_shared_elsewhere(shared) && !try_elsewhere(shared));
        CHECK_EQ(thrum_rwlock_readers(&shared.rest), 0); /* it has a place */
    }
    THRUM_WITH_WRITE(&shared) CHECK(!try_shared_elsewhere(shared));
}

TEST(a_native_handle_is_the_c_object) {
    thrum::mutex mutex;
    CHECK(mutex.native_handle() == static_cast<thrum_lock *>(&mutex));
    THRUM_WITH(mutex.native_handle()) CHECK(!try_elsewhere(mutex));
    thrum::spin_mutex spin;
    thrum::recursive_mutex recursive;
    thrum::shared_mutex shared;
    sharded_shared_mutex sharded;
    THRUM_WITH(spin.native_handle()) CHECK(!try_elsewhere(spin));
    THRUM_WITH(recursive.native_handle()) CHECK(!try_elsewhere(recursive));
    THRUM_WITH_WRITE(shared.native_handle()) CHECK(!try_elsewhere(shared));
    THRUM_WITH_WRITE(sharded.native_handle()) CHECK(!try_elsewhere(sharded));
}

/*
 * The standard's promise: notified waiters that still wait for the mutex need nothing of the condition. They
 * are made to wait for it: the destroyer holds the mutex until the condition is gone.
 */
template <class Mutex> static void check_destruction() {
    for (unsigned round = 0; round < 20; round++) {
        Mutex mutex;
        auto *const condition = new std::condition_variable_any;
        unsigned waiting = 0, woken = 0;
        bool notified = false;
        const auto wait = [&] {
            std::unique_lock<Mutex> guard(mutex);
            waiting++;
            while (!notified) condition->wait(guard);
            woken++;
        };
        std::thread first(wait), second(wait);
        for (bool all = false; !all;) {
            std::lock_guard<Mutex> guard(mutex);
            all = waiting == 2;
        }
        {
            std::lock_guard<Mutex> guard(mutex);
            notified = true;
            condition->notify_all();
            delete condition;
        }
        first.join();
        second.join();
        CHECK_EQ(woken, 2);
    }
}

TEST(a_condition_variable_any_is_destroyed_once_all_are_notified) {
    check_destruction<thrum::mutex>();
    check_destruction<thrum::recursive_mutex>();
    check_destruction<thrum::shared_mutex>();
}

TEST(a_recursive_mutex_throws_at_its_greatest_depth) {
    thrum::recursive_mutex mutex;
    mutex.lock();
    mutex.depth = THRUM_RLOCK_DEPTH_MAX;
    bool thrown = false;
    try {
        mutex.lock();
    } catch (const std::system_error &error) {
        thrown = error.code() == std::errc::resource_unavailable_try_again;
    }
    CHECK(thrown && !mutex.try_lock());
    CHECK_EQ(mutex.depth, THRUM_RLOCK_DEPTH_MAX);
    mutex.depth = 1;
    mutex.unlock();
    CHECK(try_elsewhere(mutex));
}

/* A clock that is set back by an hour when it is looked at the first time. */
struct set_back : clock_types<set_back, std::chrono::milliseconds> {
    static inline unsigned looks;
    static time_point now() {
        return time_point(looks++ < 2 ? 1ms * looks : 1h);
    }
};

TEST(a_clock_that_shows_time_left_after_the_wait_is_waited_for_again) {
    thrum::mutex mutex;
    mutex.lock();
    CHECK(!elsewhere([&] { return mutex.try_lock_until(set_back::time_point(4ms)); }));
    CHECK_EQ(set_back::looks, 3);
}

/* The first and the last moment of each clock in each unit, asked for in a mutex that is held. */
template <class Clock, class Duration> static void check_ends() {
    using moment = std::chrono::time_point<Clock, Duration>;
    CHECK(thrum::detail::left(moment::min()) < 0ns);
    CHECK(thrum::detail::left(moment::max()) > 24h * 365);
    thrum::mutex mutex;
    mutex.lock();
    CHECK(!mutex.try_lock_until(moment::min()));
    CHECK(!mutex.try_lock_for(Duration::min()));
    test_thread waiter = test_start(
        [](void *held) -> void * {
            return static_cast<thrum::mutex *>(held)->try_lock_until(moment::max()) ? held : nullptr;
        },
        &mutex);
    test_await_asleep(&waiter);
    mutex.unlock();
    CHECK(test_join(&waiter) == &mutex);
}
template <class Clock> static void check_units() {
    check_ends<Clock, typename Clock::duration>();
    check_ends<Clock, std::chrono::microseconds>();
    check_ends<Clock, std::chrono::seconds>();
    check_ends<Clock, std::chrono::hours>();
    check_ends<Clock, std::chrono::duration<double>>();
    check_ends<Clock, std::chrono::duration<int32_t, std::ratio<86400>>>();
}

TEST(the_first_moment_of_a_clock_is_past_and_the_last_is_far_in_every_unit) {
    check_units<steady_clock>();
    check_units<system_clock>();
    check_units<std::chrono::high_resolution_clock>();
}

TEST(durations_become_deadlines) {
    const auto now = steady_clock::now();
    CHECK_EQ(thrum::at(now).ns, std::chrono::nanoseconds(now.time_since_epoch()).count());
    CHECK_EQ(thrum::at(steady_clock::time_point(-1ns)).ns, THRUM_NOW.ns);
    CHECK_EQ(thrum::after(0s).ns, THRUM_NOW.ns);
    CHECK_EQ(thrum::after(-1h).ns, THRUM_NOW.ns);
    CHECK(thrum::after(std::chrono::duration<double, std::pico>(1)).ns > thrum::at(now).ns); /* rounded up */
    CHECK_EQ(thrum::after(std::chrono::hours::max()).ns, THRUM_FOREVER.ns);
    using seconds = std::chrono::duration<double>;
    CHECK_EQ(thrum::after(seconds(std::numeric_limits<double>::infinity())).ns, THRUM_FOREVER.ns);
    CHECK_EQ(thrum::after(seconds(-std::numeric_limits<double>::infinity())).ns, THRUM_NOW.ns);
    CHECK_EQ(thrum::after(seconds(std::numeric_limits<double>::quiet_NaN())).ns, THRUM_NOW.ns);
    CHECK_EQ(thrum::after(seconds(THRUM_TIMEOUT_MAX)).ns, THRUM_FOREVER.ns);
    const uint64_t an_hour = thrum::after(1h).ns - thrum::after(1ns).ns;
    CHECK(an_hour > UINT64_C(3599) * 1000000000 && an_hour <= UINT64_C(3600) * 1000000000);
}
