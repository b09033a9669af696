/* SPDX-License-Identifier: MIT */
/* The owner's lock: the outermost acquire, and those inside. How threads wait for it is in lock_bench. */
#include "support/bench.h"
#include "support/locks.h"
#include "support/try_held.h"

namespace bench {
namespace {

template <class Lock> void outermost(benchmark::State &state) {
    Padded<Lock> lock;
    for (auto _ : state) {
        lock.value.acquire();
        benchmark::ClobberMemory(); /* a section: its stores are not to be joined with the next one's */
        lock.value.release();
        benchmark::ClobberMemory();
    }
}

template <class Lock> void reentry(benchmark::State &state) {
    Padded<Lock> lock;
    lock.value.acquire();
    for (auto _ : state) {
        lock.value.acquire();
        benchmark::ClobberMemory();
        lock.value.release();
        benchmark::ClobberMemory();
    }
    lock.value.release();
}

template <class Lock> void try_free(benchmark::State &state) {
    Padded<Lock> lock;
    for (auto _ : state) {
        benchmark::DoNotOptimize(lock.value.try_acquire());
        lock.value.release();
        benchmark::ClobberMemory();
    }
}

template <class Lock> void own_rows(const std::string &library) {
    row("rlock/outermost/" + library, outermost<Lock>);
    row("rlock/reentry/" + library, reentry<Lock>);
}

template <class Lock> void all_rows(const std::string &library) {
    own_rows<Lock>(library);
    row("rlock/try_free/" + library, try_free<Lock>);
    try_held_row<Lock>("rlock", library);
}

} // namespace

void rows() {
    own_rows<LimitOwned>("limit");
    row("rlock/try_free/limit", outermost<LimitOwned>);
    try_held_row<LimitHeld>("rlock", "limit");
    all_rows<ThrumRlock>("thrum");
    all_rows<PthreadRecursive>("pthread");
    all_rows<StdRecursive>("std");
#ifdef THRUM_BENCH_HAS_BOOST
    all_rows<BoostRecursive>("boost");
#endif
#ifdef THRUM_BENCH_HAS_GLIB
    all_rows<GlibRecursive>("glib");
#endif
#ifdef THRUM_BENCH_HAS_RUST
    all_rows<ParkingLotReentrant>("parking_lot");
#endif
#ifdef THRUM_BENCH_HAS_UV
    all_rows<UvRecursive>("libuv");
#endif
#ifdef THRUM_BENCH_HAS_LIBOMP
    omp_pair_row<OmpNestLock>("rlock/outermost/libomp");
    omp_pair_row<OmpNestLock>("rlock/reentry/libomp", true);
#endif
}

} // namespace bench
