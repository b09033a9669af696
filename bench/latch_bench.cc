/* SPDX-License-Identifier: MIT */
#include "support/bench.h"
#include "support/overshoot.h"
#include "support/rivals.h"
#include "support/wake_all.h"

#include <pthread.h>

#include <algorithm>
#include <optional>

#include <thrum/futex.h>
#include <thrum/latch.h>

#ifdef THRUM_BENCH_HAS_STD20
#include <latch>
#endif
#ifdef THRUM_BENCH_HAS_ABSL
#include <absl/synchronization/blocking_counter.h>
#endif

namespace bench {
namespace {

/* clang-format off */
struct Thrum {
    thrum_latch latch = THRUM_LATCH_INIT(0);
    void shut(int count) { (void)!thrum_latch_init(&latch, count); }
    bool is_open() { return thrum_latch_try_wait(&latch); }
    void wait() { thrum_latch_wait(&latch); }
    bool wait_until(uint64_t ns) { return thrum_latch_wait_until(&latch, thrum_deadline{ns}) == THRUM_OK; }
    void count_down() { thrum_latch_count_down(&latch); }
};

/* The count is atomic: a waiter that finds it open, and a count-down that does not open it, take no mutex. */
struct Pthread {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t opened = PTHREAD_COND_INITIALIZER;
    std::atomic<int> count{0};
    void shut(int n) { count.store(n); }
    bool is_open() { return count.load(std::memory_order_acquire) == 0; }
    void wait() {
        if (is_open()) return;
        pthread_mutex_lock(&mutex);
        while (!is_open()) pthread_cond_wait(&opened, &mutex);
        pthread_mutex_unlock(&mutex);
    }
    void count_down() {
        if (count.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
        pthread_mutex_lock(&mutex);
        pthread_mutex_unlock(&mutex);
        pthread_cond_broadcast(&opened);
    }
};

#ifdef THRUM_BENCH_HAS_STD20
struct Std {
    std::optional<std::latch> latch;
    Std() { shut(0); }
    void shut(int count) { latch.emplace(count); }
    bool is_open() { return latch->try_wait(); }
    void wait() { latch->wait(); }
    void count_down() { latch->count_down(); }
};
#endif

#ifdef THRUM_BENCH_HAS_ABSL
/* One waiter only, and no question whether it is open. */
struct Absl {
    std::optional<absl::BlockingCounter> counter;
    void shut(int count) { counter.emplace(count); }
    void count_down() { counter->DecrementCount(); }
};
#endif

struct Limit {
    thrum_u32 word = {};
    void shut(int count) { thrum_u32_store_relaxed(&word, uint32_t(count)); }
    bool is_open() { return thrum_u32_load_acquire(&word) == 0; }
    bool wait_until(uint64_t ns) {
        while (const uint32_t seen = thrum_u32_load_acquire(&word)) {
            if (thrum_futex_wait(&word, seen, THRUM_FUTEX_ANY, false, thrum_deadline{ns}) == THRUM_FUTEX_TIMED_OUT)
                return false;
        }
        return true;
    }
    void wait() { wait_until(THRUM_FOREVER.ns); }
    void count_down() {
        if (thrum_u32_fetch_sub_release(&word, 1) == 1)
            thrum_futex_wake(&word, INT32_MAX, THRUM_FUTEX_ANY, false);
    }
};
/* clang-format on */

template <class Latch> void count_down(benchmark::State &state) {
    Padded<Latch> latch;
    latch.value.shut(INT32_MAX);
    for (auto _ : state) latch.value.count_down();
}

template <class Latch> void wait_when_open(benchmark::State &state) {
    Padded<Latch> latch;
    latch.value.shut(0);
    for (auto _ : state) latch.value.wait();
}

template <class Latch> void try_wait(benchmark::State &state) {
    Padded<Latch> latch;
    latch.value.shut(1);
    for (auto _ : state) benchmark::DoNotOptimize(latch.value.is_open());
}

/* All count down the same latch as fast as they can: nanoseconds for one of all count-downs. */
template <class Latch> void crowd(Figures &figures, int threads) {
    Padded<Latch> latch;
    const int each = full_or_quick(200000, 50000);
    latch.value.shut(threads * each + 1);
    std::atomic<uint64_t> ended{0};
    Team team(threads, Place::anywhere, [&](int) {
        for (int i = 0; i < each; i++) latch.value.count_down();
        ended = now_ns();
    });
    const uint64_t begun = team.start();
    team.join();
    figures.ns = double(ended.load() - begun) / double(threads * each);
    figures.add("cpu_ns_per_count", team.cpu_ns() / double(threads * each));
}

template <class Latch> void wake_all_of(Figures &figures, int waiters, int rounds) {
    Padded<Latch> latch;
    wake_all(
        figures, waiters, rounds, [&] { latch.value.shut(1); }, [&] { latch.value.wait(); },
        [&] { latch.value.count_down(); });
}

template <class Latch> void counting_rows(const std::string &library) {
    row("latch/count_down/" + library, count_down<Latch>);
    row_apart("latch/crowd/" + library + "/threads:2", [](Figures &f) { crowd<Latch>(f, 2); });
}

template <class Latch> void latch_rows(const std::string &library) {
    counting_rows<Latch>(library);
    row("latch/try_wait/" + library, try_wait<Latch>);
    row("latch/wait_when_open/" + library, wait_when_open<Latch>);
    for (const int waiters : {16, 64})
        row_apart("latch/wake_all/" + library + "/waiters:" + std::to_string(waiters),
                  [=](Figures &f) { wake_all_of<Latch>(f, waiters, full_or_quick(30, 10)); });
}

} // namespace

void rows() {
    latch_rows<Limit>("limit");
    latch_rows<Thrum>("thrum");
    latch_rows<Pthread>("pthread");
#ifdef THRUM_BENCH_HAS_STD20
    latch_rows<Std>("std");
#endif
#ifdef THRUM_BENCH_HAS_ABSL
    counting_rows<Absl>("absl");
#endif
    overshoot_row<Limit>("latch", "limit", [](Limit &l) { l.shut(1); });
    overshoot_row<Thrum>("latch", "thrum", [](Thrum &l) { l.shut(1); });
}

} // namespace bench
