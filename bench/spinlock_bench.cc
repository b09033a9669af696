/* SPDX-License-Identifier: MIT */
#include "support/bench.h"
#include "support/contended.h"
#include "support/locks.h"
#include "support/try_held.h"

namespace bench {
namespace {

template <class Lock> void acquire_and_release(benchmark::State &state) {
    Padded<Lock> lock;
    for (auto _ : state) {
        lock.value.acquire();
        lock.value.release();
    }
}

constexpr Cell cells[] = {{0, 0}, {50, 0}, {50, 100}};

/* As many threads as processors, and twice that: a spin lock's holder may then not be running. */
template <class Lock> void contended_rows(const std::string &library) {
    for (const int threads : {2, 4}) {
        for (const Cell cell : cells) {
            row_apart("spinlock/contended/" + library + cell_name(threads, cell),
                      [=](Figures &f) { contend<Lock>(f, threads, cell, full_or_quick(0.12, 0.025)); });
        }
    }
}

template <class Lock> void spinlock_rows(const std::string &library) {
    row("spinlock/uncontended/" + library, acquire_and_release<Lock>);
    if constexpr (requires(Lock & lock) { lock.try_acquire(); }) try_held_row<Lock>("spinlock", library);
    contended_rows<Lock>(library);
}

} // namespace

void rows() {
    row("spinlock/uncontended/limit", acquire_and_release<LimitStore>);
    try_held_row<LimitHeld>("spinlock", "limit");
    for (const Cell cell : cells) work_row<LimitStore>("spinlock", cell);
    spinlock_rows<ThrumSpinlock>("thrum");
    contended_rows<ThrumLock>("thrum_lock");
    spinlock_rows<PthreadSpin>("pthread");
#ifdef THRUM_BENCH_HAS_TBB
    spinlock_rows<TbbSpin>("tbb");
#endif
#ifdef THRUM_BENCH_HAS_CK
    spinlock_rows<CkFas>("ck");
    spinlock_rows<CkTicket>("ck_ticket");
#endif
#ifdef THRUM_BENCH_HAS_LIBOMP
    omp_pair_row<OmpLock>("spinlock/uncontended/libomp");
    contended_rows<OmpLock>("libomp");
#endif
}

} // namespace bench
