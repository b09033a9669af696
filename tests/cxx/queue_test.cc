// SPDX-License-Identifier: MIT
// ctest: libraries thrum
// thrum::queue: items of a type, small ones in the queue itself and others beside it.
#include "test.h"

#include <atomic>
#include <memory>
#include <string>
#include <thrum/event.hpp>
#include <thrum/queue.hpp>
#include <thrum/thread.hpp>

using namespace std::chrono_literals;

static_assert(!std::is_copy_constructible_v<thrum::queue<int>> &&
              !std::is_move_constructible_v<thrum::queue<int>>);

namespace {

struct counted {
    static inline std::atomic<int> living;
    int n;
    explicit counted(int number) : n(number) {
        living++;
    }
    counted(counted &&other) noexcept : n(std::exchange(other.n, -1)) {
        living++;
    }
    ~counted() {
        living--;
    }
};

struct wide {
    long a, b;
};

template <class Queue, class Make> void check_order(Make make, int first, int second) {
    Queue queue;
    CHECK_EQ(queue.put(make(2)), THRUM_OK);
    CHECK_EQ(queue.put(make(1)), THRUM_OK);
    CHECK_EQ(queue.size(), 2);
    CHECK(*queue.get() == make(first) && *queue.try_get() == make(second));
    CHECK(queue.empty() && !queue.try_get());
}

} // namespace

TEST(items_come_out_in_their_queues_order) {
    const auto number = [](int n) { return n; };
    const auto text = [](int n) { return std::string(100, static_cast<char>('a' + n)); };
    check_order<thrum::queue<int>>(number, 2, 1);
    check_order<thrum::lifo_queue<int>>(number, 1, 2);
    check_order<thrum::priority_queue<int>>(number, 1, 2);
    check_order<thrum::priority_queue<int, std::greater<int>>>(number, 2, 1);
    check_order<thrum::queue<std::string>>(text, 2, 1);
    check_order<thrum::lifo_queue<std::string>>(text, 1, 2);
    check_order<thrum::priority_queue<std::string>>(text, 1, 2);
}

TEST(items_of_each_shape_come_out_as_they_went_in) {
    thrum::queue<char> chars(4);
    CHECK_EQ(chars.put('x'), THRUM_OK);
    CHECK_EQ(*chars.get(), 'x');
    thrum::queue<double> doubles;
    CHECK_EQ(doubles.put(-0.5), THRUM_OK);
    CHECK(*doubles.get() == -0.5);
    thrum::queue<wide> wides(4);
    CHECK_EQ(wides.put({1, 2}), THRUM_OK);
    const wide out = *wides.get();
    CHECK(out.a == 1 && out.b == 2);
    thrum::queue<std::unique_ptr<int>> owners(4);
    CHECK_EQ(owners.put(std::make_unique<int>(3)), THRUM_OK);
    CHECK_EQ(**owners.get(), 3);
    thrum::queue<const char *> texts(4);
    CHECK_EQ(texts.put("a"), THRUM_OK);
    CHECK_EQ(**texts.get(), 'a');
}

TEST(an_item_that_is_refused_stays_the_callers) {
    thrum::queue<counted> queue(1);
    counted item(1), more(2);
    CHECK_EQ(queue.put(std::move(item)), THRUM_OK);
    CHECK_EQ(item.n, -1);
    CHECK_EQ(queue.try_put(std::move(more)), THRUM_FULL);
    CHECK_EQ(more.n, 2);
    CHECK_EQ(queue.put_for(std::move(more), 1ms), THRUM_FULL);
    CHECK_EQ(queue.put_until(std::move(more), std::chrono::system_clock::now()), THRUM_FULL);
    CHECK_EQ(more.n, 2);
    queue.shutdown();
    CHECK_EQ(queue.put(std::move(more)), THRUM_CLOSED);
    CHECK_EQ(more.n, 2);
    CHECK_EQ(queue.get()->n, 1);
    CHECK(!queue.get() && queue.is_shutdown());
    CHECK_EQ(counted::living, 2);
}

TEST(what_is_left_is_destroyed_with_the_queue_and_by_a_shutdown) {
    {
        thrum::queue<counted> queue(8);
        thrum::lifo_queue<counted> other;
        for (int i = 0; i < 3; i++) {
            CHECK_EQ(queue.put(counted(i)), THRUM_OK);
            CHECK_EQ(other.put(counted(i)), THRUM_OK);
        }
        CHECK_EQ(counted::living, 6);
        other.shutdown_now();
        CHECK_EQ(counted::living, 3);
        CHECK(other.join_until(THRUM_NOW));
    }
    CHECK_EQ(counted::living, 0);
}

TEST(a_get_waits_for_an_item_and_a_put_for_room) {
    thrum::queue<std::string> queue(1);
    CHECK(!queue.get_for(1ms));
    const auto moment = std::chrono::system_clock::now() + 1ms;
    CHECK(!queue.get_until(moment));
    CHECK(std::chrono::system_clock::now() >= moment);
    test_thread getter = test_start(
        [](void *p) -> void * {
            auto &lines = *static_cast<thrum::queue<std::string> *>(p);
            return *lines.get() == "first" && *lines.get() == "second" ? p : nullptr;
        },
        &queue);
    test_await_asleep(&getter);
    CHECK_EQ(queue.put("first"), THRUM_OK);
    CHECK_EQ(queue.put("second"), THRUM_OK);
    CHECK(test_join(&getter) == &queue);
    CHECK_EQ(queue.put("third"), THRUM_OK);
    CHECK(queue.full());
    test_thread putter = test_start(
        [](void *p) -> void * {
            return static_cast<thrum::queue<std::string> *>(p)->put("fourth") == THRUM_OK ? p : nullptr;
        },
        &queue);
    test_await_asleep(&putter);
    CHECK(*queue.get() == "third");
    CHECK(test_join(&putter) == &queue);
    CHECK(*queue.get() == "fourth");
}

TEST(a_join_waits_until_every_item_is_dealt_with) {
    thrum::queue<int> queue;
    CHECK_EQ(queue.put(1), THRUM_OK);
    CHECK(!queue.join_for(1ms));
    CHECK_EQ(*queue.get(), 1);
    CHECK_EQ(queue.unfinished(), 1);
    CHECK(!queue.join_for(1ms));
    CHECK_EQ(queue.task_done(), THRUM_OK);
    queue.join();
    CHECK_EQ(queue.task_done(), THRUM_LIMIT);
}

TEST(a_bound_that_there_is_no_memory_for_is_refused) {
    if (test_slowdown() > 1) test_skip("a sanitizer ends the program that asks for so much memory");
    thrum_result result = THRUM_OK;
    thrum::queue<int> queue(PTRDIFF_MAX, result);
    CHECK(result != THRUM_OK);
    CHECK_EQ(queue.bound(), 0);
    CHECK_EQ(queue.put(1), THRUM_OK);
    bool thrown = false;
    try {
        thrum::queue<int> other(PTRDIFF_MAX);
    } catch (const thrum::error &error) {
        thrown = error.result() == result;
    }
    CHECK(thrown);
}

TEST(producers_and_consumers_lose_nothing) {
    thrum::queue<std::unique_ptr<unsigned>> queue(16);
    std::atomic<unsigned long> sum{0};
    const unsigned each = 2000 / test_slowdown();
    {
        thrum::thread consumers[2], producers[2];
        for (thrum::thread &t : consumers)
            CHECK_EQ(t.start([&] {
                while (auto item = queue.get()) sum += **item;
            }),
                     THRUM_OK);
        for (thrum::thread &t : producers)
            CHECK_EQ(t.start([&] {
                for (unsigned i = 1; i <= each; i++)
                    CHECK_EQ(queue.put(std::make_unique<unsigned>(i)), THRUM_OK);
            }),
                     THRUM_OK);
        for (thrum::thread &t : producers) CHECK_EQ(t.join(), THRUM_OK);
        queue.shutdown();
    }
    CHECK_EQ(sum, 1ul * each * (each + 1));
}
