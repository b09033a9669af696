// SPDX-License-Identifier: MIT
// ctest: libraries thrum
// thrum::map: keys and values of a type, guards that keep a value, and changes that are refused.
#include "counted.h"
#include "test.h"

#include <memory>
#include <new>
#include <stdexcept>
#include <thrum/event.hpp>
#include <thrum/map.hpp>
#include <thrum/thread.hpp>

static_assert(!std::is_copy_constructible_v<thrum::map<int, int>> &&
              std::is_nothrow_move_constructible_v<thrum::map<int, int>>);
static_assert(!std::is_copy_constructible_v<thrum::map<int, int>::found>);

namespace {

thread_local bool no_memory; // for allocations of the caller that may fail

enum class colour : signed char { red = -1, green };

struct point {
    int x, y;
};

// Everything that has left a map is destroyed.
void settle() {
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}

} // namespace

void *operator new(std::size_t size, const std::nothrow_t &) noexcept {
    if (no_memory) return nullptr;
    try {
        return ::operator new(size);
    } catch (const std::bad_alloc &) {
        return nullptr;
    }
}

TEST(keys_of_each_type_find_their_values) {
    thrum::map<std::string, int> texts;
    CHECK_EQ(texts.put("one", 1), THRUM_OK);
    CHECK_EQ(texts.put(std::string("none\0", 5), 5), THRUM_OK);
    CHECK_EQ(texts.put(std::string_view(), 7), THRUM_OK);
    CHECK_EQ(*texts.get("one"), 1);
    CHECK(!texts.get("none"));
    CHECK_EQ(*texts.get(""), 7);
    thrum::map<int, int> numbers;
    CHECK_EQ(numbers.put(-1, 2), THRUM_OK);
    CHECK_EQ(*numbers.get(-1), 2);
    numbers.each([](int key, int) { CHECK_EQ(key, -1); });
    thrum::map<uint64_t, int> wide;
    CHECK_EQ(wide.put(UINT64_MAX, 3), THRUM_OK);
    CHECK(wide.contains(UINT64_MAX) && !wide.contains(0));
    thrum::map<colour, int> colours;
    CHECK_EQ(colours.put(colour::red, 4), THRUM_OK);
    CHECK(colours.contains(colour::red) && !colours.contains(colour::green));
    thrum::map<point, int> points;
    CHECK_EQ(points.put({1, 2}, 5), THRUM_OK);
    CHECK(points.contains({1, 2}) && !points.contains({2, 1}));
    points.each([](point key, int) { CHECK(key.x == 1 && key.y == 2); });
}

TEST(a_found_value_stays_until_its_guard_ends) {
    thrum::map<int, counted> map;
    CHECK_EQ(map.put(1, counted()), THRUM_OK);
    test_thread waiter;
    {
        const auto found = map.find(1);
        CHECK(found && found.get() == &*found);
        CHECK_EQ(map.remove(1), THRUM_OK);
        CHECK_EQ(map.remove(1), THRUM_NOT_FOUND);
        CHECK(!map.contains(1));
        waiter = test_start(
            [](void *p) -> void * {
                settle();
                return p;
            },
            &map);
        test_await_asleep(&waiter);
        CHECK_EQ(counted::living, 1);
    }
    CHECK(test_join(&waiter) == &map);
    CHECK_EQ(counted::living, 0);
}

TEST(a_value_that_is_refused_stays_the_callers) {
    thrum::map<int, std::unique_ptr<int>> map;
    auto mine = std::make_unique<int>(1), other = std::make_unique<int>(2);
    CHECK_EQ(map.put(1, std::move(mine)), THRUM_OK);
    CHECK(!mine);
    CHECK_EQ(map.add(1, std::move(other)), THRUM_EXISTS);
    CHECK_EQ(*other, 2);
    no_memory = true;
    const thrum_result put = map.put(1, std::move(other)), added = map.add(2, std::move(other));
    no_memory = false;
    CHECK_EQ(put, THRUM_NO_MEMORY);
    CHECK_EQ(added, THRUM_NO_MEMORY);
    CHECK_EQ(*other, 2);
    CHECK_EQ(**map.find(1), 1);
    CHECK_EQ(map.size(), 1);
}

TEST(an_update_makes_a_value_of_the_present_one) {
    thrum::map<std::string, int> map;
    const auto add = [](const int *now) -> std::optional<int> { return now ? *now + 1 : 1; };
    const unsigned each = 2000 / test_slowdown();
    {
        thrum::thread threads[3];
        for (thrum::thread &t : threads)
            CHECK_EQ(t.start([&] {
                for (unsigned i = 0; i < each; i++) CHECK_EQ(map.update("n", add), THRUM_OK);
            }),
                     THRUM_OK);
    }
    CHECK_EQ(*map.get("n"), 3 * each);
    no_memory = true;
    const thrum_result result = map.update("n", add);
    no_memory = false;
    CHECK_EQ(result, THRUM_NO_MEMORY);
    CHECK_EQ(*map.get("n"), 3 * each);
    CHECK_EQ(map.update("n", [](const int *) { return std::optional<int>(); }), THRUM_OK);
    CHECK(!map.contains("n"));
}

TEST(an_exception_that_leaves_a_function_reaches_the_caller_and_changes_nothing) {
    thrum::map<int, counted> map;
    CHECK_EQ(map.put(1, counted()), THRUM_OK);
    int caught = 0;
    const auto calls = [&caught](auto call) {
        try {
            call();
        } catch (const std::runtime_error &) {
            caught++;
        }
        CHECK_EQ(thrum_self_guards(), 0);
        thrum_rcu_synchronize(); // would wait for a section that has not ended
    };
    calls([&] { map.each([](int, const counted &) { throw std::runtime_error("left"); }); });
    calls([&] { map.remove_if([](int, const counted &) -> bool { throw std::runtime_error("left"); }); });
    calls([&] {
        THRUM_IGNORE_(map.update(
            1, [](const counted *) -> std::optional<counted> { throw std::runtime_error("left"); }));
    });
    CHECK_EQ(caught, 3);
    CHECK(map.contains(1));
    CHECK_EQ(counted::living, 1);
}

TEST(a_visit_sees_each_entry_and_takes_out_what_it_is_told) {
    thrum::map<int, int> map;
    CHECK_EQ(map.reserve(100), THRUM_OK);
    for (int i = 0; i < 100; i++) CHECK_EQ(map.put(i, 2 * i), THRUM_OK);
    int sum = 0, seen = 0;
    map.each([&sum](int key, const int &value) { sum += key + value; });
    CHECK_EQ(sum, 3 * 4950);
    const auto until_ten = [&seen](int, int) { return ++seen < 10; };
    map.each(until_ten);
    CHECK_EQ(seen, 10);
    std::size_t removed = 0;
    CHECK_EQ(map.remove_if([](int key, int) { return key % 2 == 0; }, &removed), THRUM_OK);
    CHECK_EQ(removed, 50);
    CHECK_EQ(map.size(), 50);
}

TEST(the_end_of_a_map_destroys_what_is_in_it) {
    {
        thrum::map<int, counted> map, other;
        CHECK_EQ(map.put(1, counted()), THRUM_OK);
        CHECK_EQ(other.put(2, counted()), THRUM_OK);
        other = std::move(map);
        CHECK(!map.valid() && other.contains(1));
        settle();
        CHECK_EQ(counted::living, 1);
    }
    settle();
    CHECK_EQ(counted::living, 0);
}

TEST(a_map_that_no_memory_holds_is_refused) {
    thrum_result result = THRUM_OK;
    const thrum::map<int, int> none(SIZE_MAX, result);
    CHECK_EQ(result, THRUM_LIMIT);
    CHECK(!none.valid());
    bool thrown = false;
    try {
        const thrum::map<int, int> map(SIZE_MAX);
    } catch (const thrum::error &error) {
        thrown = error.result() == THRUM_LIMIT;
    }
    CHECK(thrown);
}
