// SPDX-License-Identifier: MIT
// ctest: libraries thrum
// thrum::scheduler and thrum::scheduled: functions of any type, entries that cancel themselves.
#include "counted.h"
#include "test.h"

#include <cstring>
#include <memory>
#include <optional>
#include <stdexcept>
#include <sys/wait.h>
#include <thrum.hpp>
#include <unistd.h>
#include <vector>

using namespace std::chrono_literals;

static_assert(sizeof(thrum::scheduler) == sizeof(thrum_scheduler), "adds no state");
using plain = thrum::scheduled<void (*)()>;
static_assert(!std::is_copy_constructible_v<plain> && !std::is_move_constructible_v<plain>,
              "it is pointed to");

namespace {

std::atomic<int> told;
char message[256];
void note(const thrum_failure *failure) {
    std::snprintf(message, sizeof message, "%s", failure->message);
    told++;
}

thrum::scheduler everyones; // constant-initialized
int ticks;
thrum::event ticked;
void tick() {
    ticks++;
    ticked.set();
}

} // namespace

TEST(an_entry_calls_a_function_of_any_type_at_its_time) {
    const auto begun = std::chrono::steady_clock::now();
    {
        plain entry(everyones, tick);
        CHECK_EQ(everyones.pending(), 0);
        CHECK_EQ(entry.after(2ms), THRUM_OK);
        ticked.wait();
        CHECK(std::chrono::steady_clock::now() - begun >= 2ms);
    }
    thrum::event done;
    int sum = 0;
    const auto moment = std::chrono::system_clock::now() + 1ms;
    thrum::scheduled last(everyones, [&done] { done.set(); });
    thrum::scheduled second(everyones, [&, n = std::make_unique<int>(4)] {
        sum += *n;
        CHECK_EQ(last.at(moment), THRUM_OK);
    });
    thrum::scheduled first(everyones, [&] { sum += 3; });
    const auto same = std::chrono::steady_clock::now() + 1ms;
    CHECK_EQ(first.at(same), THRUM_OK);
    CHECK_EQ(second.at(thrum::at(same)), THRUM_OK);
    done.wait();
    CHECK(std::chrono::system_clock::now() >= moment);
    CHECK_EQ(ticks, 1);
    CHECK_EQ(sum, 7);
    CHECK(!first.cancel() && first.missed() == 0);
}

TEST(a_periodic_entry_is_called_until_it_is_cancelled) {
    thrum::scheduler clock;
    thrum::event third;
    int calls = 0;
    thrum::scheduled entry(clock, [&, witness = counted()] {
        if (++calls == 3) third.set();
    });
    const auto begun = std::chrono::steady_clock::now();
    CHECK_EQ(entry.every(1ms), THRUM_OK);
    third.wait();
    CHECK(std::chrono::steady_clock::now() - begun >= 3ms);
    CHECK(clock.pending() <= 1);
    CHECK(entry.cancel());
    const int seen = calls;
    CHECK_EQ(clock.pending(), 0);
    CHECK(!entry.cancel());
    CHECK_EQ(calls, seen);
    calls = 0;
    third.clear();
    CHECK_EQ(entry.every(std::chrono::duration<double, std::micro>(0.5), 0s), THRUM_OK);
    third.wait();
}

TEST(calls_whose_time_has_passed_are_left_out_and_counted) {
    thrum::scheduler clock;
    thrum::event second;
    int calls = 0;
    thrum::scheduled entry(clock, [&] {
        if (++calls == 1)
            thrum_sleep(thrum_after_ms(5));
        else
            second.set();
    });
    CHECK_EQ(entry.every(1ms, THRUM_NOW), THRUM_OK);
    second.wait();
    CHECK(entry.missed() >= 4);
}

TEST(what_is_refused_says_why) {
    thrum::scheduler clock;
    thrum::scheduled entry(clock, tick);
    CHECK_EQ(entry.every(0s), THRUM_INVALID);
    CHECK_EQ(entry.every(-1s, THRUM_NOW), THRUM_INVALID);
    CHECK_EQ(entry.after(1h), THRUM_OK);
    CHECK_EQ(entry.at(THRUM_NOW), THRUM_STATE);
    CHECK_EQ(entry.every(1s), THRUM_STATE);
    CHECK_EQ(clock.stop(), 1);
    CHECK_EQ(entry.at(THRUM_NOW), THRUM_CLOSED);
    CHECK(!entry.cancel());
    CHECK_EQ(clock.stop(), 0);
}

TEST(the_end_of_an_entry_cancels_it_and_waits_for_its_call) {
    thrum::scheduler clock;
    std::atomic<int> ended{0};
    thrum::event began;
    {
        thrum::scheduled pending(clock, [&, witness = counted()] { ended += 10; });
        CHECK_EQ(pending.after(1h), THRUM_OK);
        thrum::scheduled running(clock, [&, witness = counted()] {
            began.set();
            thrum_sleep(thrum_after_ms(2));
            ended++;
        });
        CHECK_EQ(running.at(THRUM_NOW), THRUM_OK);
        began.wait();
    }
    CHECK_EQ(ended, 1);
    CHECK_EQ(clock.pending(), 0);
    CHECK_EQ(counted::living, 0);
}

TEST(a_function_may_destroy_its_own_entry) {
    thrum::scheduler clock;
    static thrum::event over;
    struct owner {
        std::optional<plain> entry;
    };
    static owner mine;
    mine.entry.emplace(
        clock, +[] {
            mine.entry.reset();
            over.set();
        });
    CHECK_EQ(mine.entry->every(1ms, THRUM_NOW), THRUM_OK);
    over.wait();
    CHECK_EQ(clock.pending(), 0);
}

TEST(a_function_may_schedule_and_cancel_its_own_entry) {
    thrum::scheduler clock;
    thrum::event over;
    struct {
        std::optional<thrum::scheduled<std::function<void()>>> entry;
        int calls = 0;
    } mine;
    mine.entry.emplace(clock, [&] {
        switch (++mine.calls) {
        case 1:
            CHECK_EQ(mine.entry->after(1ms), THRUM_OK);
            break;
        case 2:
            CHECK_EQ(mine.entry->every(1ms), THRUM_OK);
            break;
        default:
            CHECK(mine.entry->cancel());
            over.set();
        }
    });
    CHECK_EQ(mine.entry->at(THRUM_NOW), THRUM_OK);
    over.wait();
    CHECK(!mine.entry->cancel());
    CHECK_EQ(mine.calls, 3);
}

TEST(an_exception_ends_a_call_alone_and_the_hook_is_told) {
    thrum_set_excepthook(note);
    thrum::scheduler clock;
    thrum::event third;
    int calls = 0;
    thrum::scheduled entry(clock, [&] {
        const counted witness;
        if (++calls == 3) third.set();
        if (calls <= 2) throw std::runtime_error("beat");
    });
    CHECK_EQ(entry.every(1ms), THRUM_OK);
    third.wait();
    entry.cancel();
    CHECK_EQ(told, 2);
    CHECK(std::strcmp(message, "std::runtime_error: beat") == 0);
    CHECK_EQ(counted::living, 0);
}

TEST(the_end_of_a_scheduler_drops_what_is_pending_and_waits_for_a_call) {
    std::atomic<int> ended{0};
    thrum::event began;
    std::optional<thrum::scheduler> clock(std::in_place);
    thrum::scheduled<std::function<void()>> *left = nullptr;
    {
        thrum::scheduled running(*clock, [&] {
            began.set();
            thrum_sleep(thrum_after_ms(2));
            ended++;
        });
        left = new thrum::scheduled<std::function<void()>>(*clock, [&] { ended += 10; });
        CHECK_EQ(left->after(1h), THRUM_OK);
        CHECK_EQ(running.at(THRUM_NOW), THRUM_OK);
        began.wait();
        CHECK_EQ(clock->stop(), 1);
        CHECK_EQ(ended, 1);
        delete left;
    }
    clock.reset();
    CHECK_EQ(ended, 1);
}

TEST(a_forked_child_begins_with_an_empty_scheduler) {
    thrum::scheduler clock;
    plain entry(clock, tick);
    CHECK_EQ(entry.after(1h), THRUM_OK);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    const pid_t child = fork();
    if (child == 0) {
        clock.reset_after_fork();
        entry.reset_after_fork();
        CHECK(!entry.cancel());
        if (!THRUM_UNDER_TSAN) { // its runtime does not let a child of several threads start one
            CHECK_EQ(entry.after(1ms), THRUM_OK);
            ticked.wait();
            CHECK_EQ(clock.stop(), 0);
        }
        _exit(0);
    }
    test_join_child(child);
    CHECK_EQ(clock.pending(), 1);
}

TEST(the_end_of_a_scheduler_ends_its_thread) {
    thrum_thread *its = nullptr;
    {
        thrum::scheduler clock;
        thrum::event called;
        thrum::scheduled entry(clock, [&] {
            its = thrum_thread_retain(thrum_current_thread());
            called.set();
        });
        CHECK_EQ(entry.at(THRUM_NOW), THRUM_OK);
        called.wait();
        CHECK(thrum_thread_is_alive(its));
    }
    CHECK(!thrum_thread_is_alive(its));
    thrum_thread_release(its);
}

/* Entries that come and go while the thread calls them: none is called after its end. */
TEST(entries_may_go_at_any_moment) {
    thrum::scheduler clock;
    const unsigned rounds = 3000 / test_slowdown();
    for (unsigned i = 0; i < rounds; i++) {
        auto alive = std::make_unique<std::atomic<int>>(1);
        thrum::scheduled entry(clock, [&n = *alive] { CHECK_EQ(n, 1); });
        CHECK_EQ(entry.every(std::chrono::microseconds(1 + i % 7), THRUM_NOW), THRUM_OK);
        if (i % 3 == 0) thrum_sleep(thrum_after_us(i % 40));
        (void)entry.missed();
    }
    CHECK_EQ(clock.pending(), 0);
}
