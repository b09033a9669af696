/* SPDX-License-Identifier: MIT */
/*
 * Numbers that threads add to: one thread, two at once, and what a sum costs. Adds to one counter without
 * anything in between wait for each other in memory; those to several in turn, as a server makes them, do
 * not.
 */
#include "support/bench.h"
#include "support/together.h"

#include <pthread.h>

#include <memory>

#include <thrum/counter.h>

namespace bench {
namespace {

constexpr uint32_t places = 64;

struct ThrumSharded {
    thrum_counter_slot slots[places] = {};
    thrum_sharded_counter counter = THRUM_SHARDED_COUNTER_INIT(slots, places);
    void add() {
        thrum_sharded_counter_add(&counter, 1);
    }
    int64_t sum() {
        return thrum_sharded_counter_sum(&counter);
    }
};

/* More threads than places. */
struct ThrumShared {
    thrum_sharded_counter counter = {};
    void add() {
        thrum_sharded_counter_add(&counter, 1);
    }
    int64_t sum() {
        return thrum_sharded_counter_sum(&counter);
    }
};

struct ThrumExact {
    thrum_counter counter = {};
    void add() {
        thrum_counter_add(&counter, 1);
    }
    int64_t sum() {
        return thrum_counter_value(&counter);
    }
};

/* One locked addition. */
struct Atomic {
    std::atomic<int64_t> value{0};
    void add() {
        value.fetch_add(1, std::memory_order_relaxed);
    }
    int64_t sum() {
        return value.load(std::memory_order_relaxed);
    }
};

struct Pthread {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    int64_t value = 0;
    void add() {
        pthread_mutex_lock(&mutex);
        value++;
        pthread_mutex_unlock(&mutex);
    }
    int64_t sum() {
        pthread_mutex_lock(&mutex);
        const int64_t now = value;
        pthread_mutex_unlock(&mutex);
        return now;
    }
};

/* A thread's own word, which no other reads. */
struct Limit {
    static inline thread_local std::atomic<int64_t> own{0};
    void add() {
        own.store(own.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
    }
};

template <class Counter> void add_alone(benchmark::State &state) {
    static Padded<Counter> counter;
    for (auto _ : state) {
        counter.value.add();
        benchmark::ClobberMemory();
    }
}

template <class Counter> void add_in_turn(benchmark::State &state) {
    constexpr unsigned count = 8;
    static Padded<Counter> counters[count];
    for (unsigned i = 0; auto _ : state) {
        counters[i++ % count].value.add();
        benchmark::ClobberMemory();
    }
}

template <class Counter> void sum_alone(benchmark::State &state) {
    static Padded<Counter> counter;
    for (auto _ : state) benchmark::DoNotOptimize(counter.value.sum());
}

/* So many threads add to so many counters, a power of two, in turn; two of them from two processors. */
template <class Counter> void all_add(Figures &figures, int threads, uint64_t counters) {
    const auto counter = std::make_unique<Padded<Counter>[]>(counters);
    const uint64_t count =
        full_or_quick<uint64_t>(10000000, 1000000) / uint64_t(threads > 2 ? threads / 2 : 1);
    std::atomic<uint64_t> busy{0};
    Team team(threads, threads == 2 ? Place::across : Place::anywhere, [&](int) {
        const uint64_t begun = now_ns();
        for (uint64_t i = 0; i < count; i++) {
            counter[i & (counters - 1)].value.add();
            benchmark::ClobberMemory();
        }
        busy += now_ns() - begun;
    });
    team.start();
    team.join();
    figures.ns = double(busy.load()) / double(uint64_t(threads) * count);
    if constexpr (!std::is_same_v<Counter, Limit>) {
        int64_t sum = 0;
        for (uint64_t i = 0; i < counters; i++) sum += counter[i].value.sum();
        if (sum != int64_t(uint64_t(threads) * count)) figures.fail("lost adds");
    }
}

template <class Counter> void rows_of(const std::string &library) {
    row("counter/add/" + library, add_alone<Counter>);
    row("counter/add_in_turn/" + library, add_in_turn<Counter>);
    for (const int threads : MANY)
        for (const int counters : {1, 8})
            row_apart("counter/many_add/" + library + "/threads:" + std::to_string(threads) +
                          "/counters:" + std::to_string(counters),
                      [=](Figures &f) { all_add<Counter>(f, threads, uint64_t(counters)); });
    row_apart("counter/two_add/" + library, [](Figures &f) { all_add<Counter>(f, 2, 1); });
    row_apart("counter/two_add_in_turn/" + library, [](Figures &f) { all_add<Counter>(f, 2, 8); });
    if constexpr (!std::is_same_v<Counter, Limit>) row("counter/sum/" + library, sum_alone<Counter>);
}

} // namespace

void rows() {
    rows_of<ThrumSharded>("thrum");
    rows_of<ThrumShared>("thrum_without_places");
    rows_of<ThrumExact>("thrum_exact");
    rows_of<Limit>("limit");
    rows_of<Atomic>("std");
    rows_of<Pthread>("pthread");
}

} // namespace bench
