// SPDX-License-Identifier: MIT
// ctest: libraries thrum
// thrum::snapshot: versions of a type, readers for a scope, writers that lose no change.
#include "counted.h"
#include "test.h"

#include <cstdlib>
#include <memory>
#include <new>
#include <stdexcept>
#include <sys/resource.h>
#include <thrum/snapshot.hpp>
#include <thrum/thread.hpp>

using cell_of_ints = thrum::snapshot<int>;
static_assert(!std::is_copy_constructible_v<cell_of_ints> && !std::is_move_constructible_v<cell_of_ints>);
static_assert(!std::is_copy_constructible_v<cell_of_ints::reader>);

namespace {

struct pair {
    int n, twice;
    explicit pair(int number) : n(number), twice(2 * number) {}
};

thrum::snapshot<pair> pairs; // constant-initialized

void await_callbacks() {
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}

std::unique_ptr<pair> raise(const pair *now) {
    return std::make_unique<pair>(now ? now->n + 1 : 1);
}

} // namespace

TEST(a_cell_holds_nothing_until_a_version_is_set) {
    cell_of_ints cell;
    CHECK(!cell.read() && !cell.read().get());
    CHECK_EQ(cell.emplace(7), THRUM_OK);
    const auto now = cell.read();
    CHECK(now && *now == 7 && now.get() == cell.read().get());
}

TEST(a_reader_keeps_its_version_whatever_is_set_meanwhile) {
    {
        thrum::snapshot<counted> cell;
        CHECK_EQ(cell.emplace(), THRUM_OK);
        {
            const auto old = cell.read();
            CHECK_EQ(cell.set(std::make_unique<counted>()), THRUM_OK);
            CHECK(old.get() != cell.read().get());
            CHECK_EQ(counted::living, 2);
        }
        await_callbacks();
        CHECK_EQ(counted::living, 1);
        CHECK_EQ(cell.set(std::unique_ptr<const counted>(new counted)), THRUM_OK);
        cell.clear();
        CHECK(!cell.read());
        await_callbacks();
        CHECK_EQ(counted::living, 0);
        CHECK_EQ(cell.emplace(), THRUM_OK);
    }
    await_callbacks();
    CHECK_EQ(counted::living, 0); // of the destructor
}

TEST(an_empty_pointer_clears_the_cell) {
    cell_of_ints cell;
    CHECK_EQ(cell.emplace(1), THRUM_OK);
    CHECK_EQ(cell.set(std::unique_ptr<int>()), THRUM_OK);
    CHECK(!cell.read());
}

TEST(no_update_is_lost_and_readers_see_whole_versions) {
    const int each = 2000 / static_cast<int>(test_slowdown());
    {
        const auto add = [each] {
            for (int i = 0; i < each; i++) CHECK_EQ(pairs.update(raise), THRUM_OK);
        };
        const auto look = [each] {
            for (bool over = false; !over;) {
                const auto now = pairs.read();
                if (now) CHECK_EQ(now->twice, 2 * now->n);
                over = now && now->n == 2 * each;
            }
        };
        thrum::thread reader(look), first(add), second(add);
    }
    CHECK_EQ(pairs.read()->n, 2 * each);
}

TEST(an_update_without_a_next_version_changes_nothing) {
    thrum::snapshot<pair> cell;
    CHECK_EQ(cell.emplace(3), THRUM_OK);
    const pair *const before = cell.read().get();
    const auto none = [](const pair *) { return std::unique_ptr<pair>(); };
    CHECK_EQ(cell.update(none), THRUM_CANCELLED);
    CHECK(cell.read().get() == before);
}

TEST(an_exception_of_a_maker_goes_through_and_the_next_writer_goes_on) {
    thrum::snapshot<pair> cell;
    bool caught = false;
    try {
        (void)!cell.update([](const pair *) -> std::unique_ptr<pair> { throw std::runtime_error("no"); });
    } catch (const std::runtime_error &) {
        caught = true;
    }
    CHECK(caught && !cell.read());
    CHECK_EQ(cell.update(raise), THRUM_OK);
    CHECK_EQ(cell.read()->n, 1);
}

TEST(a_version_that_is_refused_stays_the_callers) {
    if (test_slowdown() > 1) test_skip("a sanitizer takes memory of its own");
    cell_of_ints cell;
    CHECK_EQ(cell.emplace(1), THRUM_OK);
    CHECK_EQ(*cell.read(), 1); // this thread is a reader from now on
    await_callbacks();
    auto version = std::make_unique<int>(5);
    rlimit before, none;
    CHECK_EQ(getrlimit(RLIMIT_AS, &before), 0);
    none = before;
    none.rlim_cur = 1;
    CHECK_EQ(setrlimit(RLIMIT_AS, &none), 0);
    while (std::malloc(sizeof(int))) {
    }
    CHECK_EQ(cell.set(std::move(version)), THRUM_NO_MEMORY);
    CHECK(version && *version == 5);
    CHECK_EQ(cell.emplace(6), THRUM_NO_MEMORY);
    CHECK_EQ(*cell.read(), 1);
    CHECK_EQ(setrlimit(RLIMIT_AS, &before), 0);
}
