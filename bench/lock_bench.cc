/* SPDX-License-Identifier: MIT */
#include "support/bench.h"
#include "support/contended.h"
#include "support/locks.h"
#include "support/overshoot.h"
#include "support/try_held.h"

#include <algorithm>

namespace bench {
namespace {

template <class Lock> void acquire_and_release(benchmark::State &state) {
    Padded<Lock> lock;
    for (auto _ : state) {
        lock.value.acquire();
        lock.value.release();
    }
}

template <class Lock> void try_free(benchmark::State &state) {
    Padded<Lock> lock;
    for (auto _ : state) {
        benchmark::DoNotOptimize(lock.value.try_acquire());
        lock.value.release();
    }
}

/*
 * The holder leaves, and one thread sleeps: from just before the release until the other has the
 * lock. The holder has held for `held_ns` since the kernel said that the other sleeps.
 */
template <class Lock> void holder_leaves(Figures &figures, double held_ns, int rounds) {
    if (!place_possible(Place::across)) {
        figures.fail("needs two processors");
        return;
    }
    Padded<Lock> lock;
    std::atomic<int> asked{0};
    std::atomic<int> answered{0};
    uint64_t released = 0;
    std::vector<double> times;
    const Work held(held_ns);
    const Team *members = nullptr;
    Team team(2, Place::across, [&](int index) {
        for (int round = 1; round <= rounds; round++) {
            if (index == 1) {
                while (asked.load() < round) sched_yield();
                lock.value.acquire();
                times.push_back(double(now_ns() - released));
                lock.value.release();
                answered = round;
                continue;
            }
            lock.value.acquire();
            asked = round;
            members->await_asleep(1);
            held.run();
            released = now_ns();
            lock.value.release();
            while (answered.load() < round) sched_yield();
        }
    });
    members = &team;
    team.start();
    team.join();
    std::sort(times.begin(), times.end());
    figures.ns = percentile(times, 0.5);
    figures.add("p99_us", percentile(times, 0.99) / 1e3);
}

/* Longer with more threads: each must have had its turns. */
double seconds_of(int threads) {
    if (quick()) return threads <= 8 ? 0.025 : threads <= 16 ? 0.04 : 0.1;
    return threads <= 8 ? 0.12 : threads <= 16 ? 0.25 : threads <= 32 ? 0.5 : 1.0;
}

template <class Lock> void contended_rows(const std::string &library) {
    const std::vector<int> counts =
        quick() ? std::vector<int>{2, 4, 16, 64} : std::vector<int>{1, 2, 4, 8, 16, 32, 64};
    for (const int threads : counts) {
        for (const Cell cell : work_cells) {
            row_apart("lock/contended/" + library + cell_name(threads, cell),
                      [=](Figures &f) { contend<Lock>(f, threads, cell, seconds_of(threads)); });
        }
    }
}

template <class Lock> void uncontended_rows(const std::string &library) {
    row("lock/uncontended/" + library, acquire_and_release<Lock>);
    row("lock/try_free/" + library, try_free<Lock>);
    try_held_row<Lock>("lock", library);
}

template <class Lock> void leaving_rows(const std::string &library) {
    const int rounds = full_or_quick(200, 40);
    for (const int held_us : {0, 50, 2000}) {
        row_apart("lock/holder_leaves/" + library + "/held_us:" + std::to_string(held_us), [=](Figures &f) {
            holder_leaves<Lock>(f, held_us * 1e3, held_us > 1000 ? rounds / 4 : rounds);
        });
    }
}

template <class Lock> void timeout_rows(const std::string &library) {
    overshoot_row<Lock>("lock", library, [](Lock &lock) { lock.acquire(); });
}

template <class Lock> void all_rows(const std::string &library) {
    uncontended_rows<Lock>(library);
    contended_rows<Lock>(library);
    leaving_rows<Lock>(library);
}

} // namespace

void rows() {
    row("lock/uncontended/limit", acquire_and_release<LimitPair>);
    row("lock/uncontended/limit_exchange", acquire_and_release<LimitExchange>);
    row("lock/try_free/limit", acquire_and_release<LimitPair>);
    try_held_row<LimitHeld>("lock", "limit");
    leaving_rows<RawFutexLock>("limit");
    leaving_rows<TimedFutexLock>("limit_timed");
    timeout_rows<RawFutexLock>("limit");
    for (const Cell cell : work_cells) work_row<LimitPair>("lock", cell);

    all_rows<ThrumLock>("thrum");
    timeout_rows<ThrumLock>("thrum");
    all_rows<PthreadNormal>("pthread");
#ifdef __GLIBC__
    timeout_rows<PthreadNormal>("pthread");
#endif
#ifdef THRUM_BENCH_HAS_ADAPTIVE
    all_rows<PthreadAdaptive>("adaptive");
#endif
    /*
     * Not contended: the C++ library's, Boost's and libuv's are pthread's mutex, and ck's and libomp's never
     * sleep (the room spinlock measures them). Each would lengthen those rows by an eighth.
     */
    uncontended_rows<PthreadRecursive>("recursive");
    uncontended_rows<StdMutex>("std");
#ifdef THRUM_BENCH_HAS_BOOST
    uncontended_rows<BoostMutex>("boost");
#endif
#ifdef THRUM_BENCH_HAS_NSYNC
    all_rows<NsyncMu>("nsync");
#endif
#ifdef THRUM_BENCH_HAS_ABSL
    all_rows<AbslMutex>("absl");
#endif
#ifdef THRUM_BENCH_HAS_GLIB
    all_rows<GlibMutex>("glib");
#endif
#ifdef THRUM_BENCH_HAS_RUST
    all_rows<ParkingLot>("parking_lot");
    all_rows<RustStd>("rust_std");
#endif
    uncontended_rows<YieldingSpin>("spin");
    contended_rows<YieldingSpin>("spin");
#ifdef THRUM_BENCH_HAS_TBB
    uncontended_rows<TbbSpin>("tbb");
    contended_rows<TbbSpin>("tbb");
#endif
#ifdef THRUM_BENCH_HAS_CK
    uncontended_rows<CkFas>("ck");
#endif
#ifdef THRUM_BENCH_HAS_UV
    uncontended_rows<UvMutex>("libuv");
#endif
#ifdef THRUM_BENCH_HAS_LIBOMP
    omp_pair_row<OmpLock>("lock/uncontended/libomp");
#endif
}

} // namespace bench
