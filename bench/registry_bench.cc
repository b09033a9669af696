/* SPDX-License-Identifier: MIT */
#include "support/bench.h"
#include "support/together.h"

#include <thrum/event.h>
#include <thrum/registry.h>

#include <list>
#include <memory>
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

/*
 * What a program does without a registry: a list of its own behind a mutex, copied. Of its threads' numbers,
 * or of references that keep the objects valid, as those of thrum_enumerate do.
 */
template <class Entry> class List {
  public:
    List(int size, Entry (*make)()) {
        for (int i = 0; i < size; i++) list_.push_back(make());
    }
    void copy() {
        std::vector<Entry> copy;
        std::lock_guard<std::mutex> guard(mutex_);
        for (const Entry &entry : list_) copy.push_back(entry);
        benchmark::DoNotOptimize(copy.data());
    }

  private:
    std::mutex mutex_;
    std::list<Entry> list_;
};

template <class Entry> void copy_list(Figures &figures, int size, int threads, Entry (*make)()) {
    List<Entry> list(size, make);
    together(figures, threads, full_or_quick(2000, 200), [&] { list.copy(); });
}

void enumerate(Figures &figures, int size, int threads) {
    Crowd crowd(size);
    together(figures, threads, full_or_quick(2000, 200), [] {
        thrum_thread **found;
        size_t count;
        if (thrum_enumerate(&found, &count) == THRUM_OK) thrum_enumerate_release(found, count);
    });
}

int number() {
    return 1;
}

std::shared_ptr<int> reference() {
    return std::make_shared<int>(1);
}

void enumerate_rows(const std::string &name, const std::string &of, int size, int threads) {
    row_apart(name + "/std" + of, [=](Figures &f) { copy_list(f, size, threads, number); });
    row_apart(name + "/std_shared" + of, [=](Figures &f) { copy_list(f, size, threads, reference); });
    row_apart(name + "/thrum" + of, [=](Figures &f) { enumerate(f, size, threads); });
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
        enumerate_rows("registry/enumerate", threads, size, 1);
        row_apart("registry/active_count/thrum" + threads, [=](Figures &f) { active_count(f, size); });
    }
    /* a hundred are listed, and so many look at once */
    for (const int threads : MANY)
        enumerate_rows("registry/enumerate_many", "/threads:" + std::to_string(threads), 100, threads);
}

} // namespace bench
