/* SPDX-License-Identifier: MIT */
/* A result that is set and asked for, by one thread and across two. */
#include "support/bench.h"

#include <future>

#include <thrum/future.h>

namespace bench {
namespace {

void thrum_set_and_ask(benchmark::State &state) {
    for (auto _ : state) {
        thrum_future *future = nullptr;
        (void)!thrum_future_new(&future);
        (void)!thrum_future_set_result(future, &state);
        void *value = nullptr;
        (void)thrum_future_result(future, &value);
        benchmark::DoNotOptimize(value);
        thrum_future_release(future);
    }
}

void std_set_and_ask(benchmark::State &state) {
    for (auto _ : state) {
        std::promise<void *> promise;
        std::future<void *> future = promise.get_future();
        promise.set_value(&state);
        benchmark::DoNotOptimize(future.get());
    }
}

/* One is done already: what asking again costs. */
void thrum_ask(benchmark::State &state) {
    thrum_future *future = nullptr;
    (void)!thrum_future_new(&future);
    (void)!thrum_future_set_result(future, &state);
    for (auto _ : state) {
        void *value = nullptr;
        (void)thrum_future_result(future, &value);
        benchmark::DoNotOptimize(value);
    }
    thrum_future_release(future);
}

void std_ask(benchmark::State &state) {
    std::promise<void *> promise;
    std::shared_future<void *> future = promise.get_future().share();
    promise.set_value(&state);
    for (auto _ : state) benchmark::DoNotOptimize(future.get());
}

/* Of many, all done already: what a wait for all of them costs each. */
void thrum_wait_for_done(benchmark::State &state) {
    enum { MANY = 64 };
    thrum_future *futures[MANY];
    for (thrum_future *&future : futures) {
        (void)!thrum_future_new(&future);
        (void)!thrum_future_set_result(future, nullptr);
    }
    while (state.KeepRunningBatch(MANY))
        benchmark::DoNotOptimize(thrum_future_wait(futures, MANY, THRUM_ALL_COMPLETED, nullptr));
    for (thrum_future *future : futures) thrum_future_release(future);
}

} // namespace

void rows() {
    row("future/set_and_ask/thrum", thrum_set_and_ask);
    row("future/set_and_ask/std", std_set_and_ask);
    row("future/ask/thrum", thrum_ask);
    row("future/ask/std", std_ask);
    row("future/wait_for_64_done/thrum", thrum_wait_for_done);
}

} // namespace bench
