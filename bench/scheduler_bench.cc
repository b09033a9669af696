/* SPDX-License-Identifier: MIT */
#include "support/bench.h"

#include <functional>
#include <map>
#include <mutex>

#include <thrum/futex.h>
#include <thrum/scheduler.h>

namespace bench {
namespace {

void nothing(void *) {}

/* What one would write: an ordered map behind a mutex; schedule and cancel alone, nothing is ever called. */
struct Std {
    std::mutex mutex;
    std::multimap<uint64_t, std::function<void()>> map;
    void schedule(uint64_t due) {
        std::lock_guard<std::mutex> guard(mutex);
        map.emplace(due, [] {});
    }
    void schedule_and_cancel(uint64_t due) {
        std::multimap<uint64_t, std::function<void()>>::iterator place;
        {
            std::lock_guard<std::mutex> guard(mutex);
            place = map.emplace(due, [] {});
        }
        std::lock_guard<std::mutex> guard(mutex);
        map.erase(place);
    }
};

struct Thrum {
    thrum_scheduler scheduler = {};
    std::vector<thrum_scheduled *> entries;
    ~Thrum() {
        thrum_scheduler_stop(&scheduler);
        for (thrum_scheduled *entry : entries) delete entry;
    }
    void schedule(uint64_t due) {
        entries.push_back(new thrum_scheduled{});
        (void)!thrum_scheduler_at(&scheduler, entries.back(), thrum_deadline{due}, nothing, nullptr);
    }
    void schedule_and_cancel(uint64_t due) {
        thrum_scheduled entry = {};
        (void)!thrum_scheduler_at(&scheduler, &entry, thrum_deadline{due}, nothing, nullptr);
        thrum_scheduler_cancel(&scheduler, &entry);
    }
};

/* In an hour, somewhere within a minute. */
uint64_t some_time(uint64_t &random) {
    random ^= random << 13, random ^= random >> 7, random ^= random << 17;
    return now_ns() + 3600u * 1000000000u + random % (60u * 1000000000ull);
}

template <class Scheduler> void schedule_cancel(Figures &figures, int pending) {
    Scheduler scheduler;
    uint64_t random = 88172645463325252u;
    for (int i = 0; i < pending; i++) scheduler.schedule(some_time(random));
    const int rounds = full_or_quick(20000, 2000);
    const uint64_t begin = now_ns();
    for (int i = 0; i < rounds; i++) scheduler.schedule_and_cancel(some_time(random));
    figures.ns = double(now_ns() - begin) / rounds;
}

} // namespace

void rows() {
    for (const int pending : {0, 1000, 100000}) {
        const std::string suffix = "/pending:" + std::to_string(pending);
        row_apart("scheduler/schedule_cancel/thrum" + suffix,
                  [=](Figures &figures) { schedule_cancel<Thrum>(figures, pending); });
        row_apart("scheduler/schedule_cancel/std" + suffix,
                  [=](Figures &figures) { schedule_cancel<Std>(figures, pending); });
    }
}

} // namespace bench
