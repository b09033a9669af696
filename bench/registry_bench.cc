/* SPDX-License-Identifier: MIT */
#include "support/bench.h"

#include <thrum/event.h>
#include <thrum/registry.h>

#include <list>
#include <mutex>

namespace bench {
namespace {

thrum_event leave;

void *stand(void *argument) {
    thrum_event_wait(&leave);
    return argument;
}

/* So many threads beside the one that measures. */
struct Crowd {
    std::vector<thrum_thread *> threads;
    explicit Crowd(int size) {
        thrum_thread_config config = {};
        config.target = stand;
        config.stack_size = 64 * 1024;
        thrum_thread *thread;
        while (int(threads.size()) < size && thrum_thread_spawn(&thread, &config) == THRUM_OK)
            threads.push_back(thread);
    }
    ~Crowd() {
        thrum_event_set(&leave);
        for (thrum_thread *thread : threads) {
            (void)thrum_thread_join(thread, nullptr);
            thrum_thread_release(thread);
        }
    }
};

/* What a program does without a registry: a list of its own behind a mutex, copied. */
void list_behind_a_mutex(Figures &figures, int size) {
    std::mutex mutex;
    std::list<int> list(size_t(size), 1);
    const int rounds = full_or_quick(2000, 200);
    const uint64_t begin = now_ns();
    for (int i = 0; i < rounds; i++) {
        std::vector<int> copy;
        std::lock_guard<std::mutex> guard(mutex);
        for (int entry : list) copy.push_back(entry);
        benchmark::DoNotOptimize(copy.data());
    }
    figures.ns = double(now_ns() - begin) / rounds;
}

void enumerate(Figures &figures, int size) {
    Crowd crowd(size);
    const int rounds = full_or_quick(2000, 200);
    const uint64_t begin = now_ns();
    for (int i = 0; i < rounds; i++) {
        thrum_thread **threads;
        size_t count;
        if (thrum_enumerate(&threads, &count) == THRUM_OK) thrum_enumerate_release(threads, count);
    }
    figures.ns = double(now_ns() - begin) / rounds;
}

void active_count(Figures &figures, int size) {
    Crowd crowd(size);
    const int rounds = full_or_quick(2000, 200);
    const uint64_t begin = now_ns();
    for (int i = 0; i < rounds; i++) benchmark::DoNotOptimize(thrum_active_count());
    figures.ns = double(now_ns() - begin) / rounds;
}

void current(benchmark::State &state) {
    for (auto _ : state) benchmark::DoNotOptimize(thrum_current_thread());
}

void ident(benchmark::State &state) {
    for (auto _ : state) benchmark::DoNotOptimize(thrum_get_ident());
}

void pthread_ident(benchmark::State &state) {
    for (auto _ : state) benchmark::DoNotOptimize(pthread_self());
}

} // namespace

void rows() {
    row("registry/current_thread/thrum", current);
    row("registry/ident/thrum", ident);
    row("registry/ident/pthread", pthread_ident);
    for (const int size : {10, 1000}) {
        const std::string threads = "/threads:" + std::to_string(size);
        row_apart("registry/enumerate/std" + threads, [=](Figures &f) { list_behind_a_mutex(f, size); });
        row_apart("registry/enumerate/thrum" + threads, [=](Figures &f) { enumerate(f, size); });
        row_apart("registry/active_count/thrum" + threads, [=](Figures &f) { active_count(f, size); });
    }
}

} // namespace bench
