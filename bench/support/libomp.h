/* SPDX-License-Identifier: MIT */
/*
 * LLVM's OpenMP, called and not inlined: its locks, and a parallel region with its barrier. Its runtime does
 * not survive a fork: only rows that have a process of their own use it.
 */
#ifndef THRUM_BENCH_SUPPORT_LIBOMP_H
#define THRUM_BENCH_SUPPORT_LIBOMP_H

#include <functional>
#include <string>

#include "bench.h"

namespace bench {

class OmpLock {
  public:
    OmpLock();
    ~OmpLock();
    void acquire();
    bool try_acquire();
    void release();

  private:
    void *lock_;
};

class OmpNestLock {
  public:
    OmpNestLock();
    ~OmpNestLock();
    void acquire();
    bool try_acquire();
    void release();

  private:
    void *lock_;
};

/* Acquire and release by one thread; `inside`: by one that holds the lock already. */
template <class Lock> void omp_pair_row(const std::string &name, bool inside = false) {
    row_apart(name, [=](Figures &figures) {
        Team team(1, Place::anywhere, [&](int) {
            Padded<Lock> lock;
            if (inside) lock.value.acquire();
            const uint64_t rounds = full_or_quick<uint64_t>(500000, 50000);
            const uint64_t begun = now_ns();
            for (uint64_t i = 0; i < rounds; i++) {
                lock.value.acquire();
                lock.value.release();
            }
            figures.ns = double(now_ns() - begun) / double(rounds);
            if (inside) lock.value.release();
        });
        team.start();
        team.join();
    });
}

/* The body once by each of so many threads of one region; inside, a barrier of all of them. */
void omp_region(int threads, const std::function<void(int)> &body);
void omp_wait_for_all();

} // namespace bench

#endif
