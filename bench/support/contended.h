/* SPDX-License-Identifier: MIT */
/*
 * Many threads, one lock: acquisitions a second, processor time per acquisition, Jain's index over
 * the threads and the acquire latency, from one run; each alone can be bought with the others.
 *
 * C1: the plain counter that the lock guards must equal the acquisitions; a difference fails the row.
 * C2: in sections of 500 ns and more every acquire is timed. In shorter ones a clock read would be
 *     most of what is measured: there every thread's first acquire and one in 17 after it.
 */
#ifndef THRUM_BENCH_SUPPORT_CONTENDED_H
#define THRUM_BENCH_SUPPORT_CONTENDED_H

#include <unistd.h>

#include <cinttypes>
#include <memory>
#include <string>

#include "bench.h"
#include "histogram.h"

namespace bench {

struct Cell {
    int inside_ns; /* in the critical section */
    int outside_ns;
};

static constexpr Cell work_cells[] = {{0, 0},      {50, 0},   {50, 100},    {500, 0},
                                      {500, 1000}, {5000, 0}, {5000, 10000}};

inline std::string cell_name(int threads, Cell cell) {
    return "/threads:" + std::to_string(threads) + "/cs:" + std::to_string(cell.inside_ns) +
           "/out:" + std::to_string(cell.outside_ns);
}

struct ContendedThread {
    uint64_t acquisitions = 0;
    Histogram waits;
};

inline void report_contended(Figures &figures, std::vector<Padded<ContendedThread>> &threads, double wall_ns,
                             double cpu_ns, uint64_t counted) {
    double sum = 0;
    double squares = 0;
    Histogram waits;
    for (const auto &thread : threads) {
        const double n = double(thread.value.acquisitions);
        sum += n;
        squares += n * n;
        waits.merge(thread.value.waits);
    }
    if (double(counted) != sum) { /* C1 */
        figures.fail("lost increments: %" PRIu64 " counted, %.0f acquisitions", counted, sum);
        return;
    }
    figures.ns = wall_ns / sum;
    figures.add("per_second", sum / wall_ns * 1e9);
    figures.add("cpu_ns", cpu_ns / sum);
    figures.add("jain", sum * sum / (double(threads.size()) * squares));
    figures.add("p50_us", waits.percentile(0.50) / 1e3);
    figures.add("p99_us", waits.percentile(0.99) / 1e3);
    figures.add("p999_us", waits.percentile(0.999) / 1e3);
    figures.add("max_us", waits.max() / 1e3);
}

template <class Lock> void contend(Figures &figures, int count, Cell cell, double seconds) {
    struct Arena {
        Padded<Lock> lock;
        Padded<uint64_t> counter;
        Padded<std::atomic<bool>> stop;
    };
    const auto arena = std::make_unique<Arena>();
    std::vector<Padded<ContendedThread>> threads(static_cast<size_t>(count));
    const Work inside(cell.inside_ns);
    const Work outside(cell.outside_ns);
    const unsigned period = cell.inside_ns >= 500 ? 1 : 17; /* C2 */

    Team team(count, Place::anywhere, [&](int index) {
        ContendedThread &own = threads[size_t(index)].value;
        Lock &lock = arena->lock.value;
        unsigned until_timed = 0;
        uint64_t acquisitions = 0;
        while (!arena->stop.value.load(std::memory_order_relaxed)) {
            if (until_timed == 0) {
                until_timed = period;
                const uint64_t begun = now_ns();
                lock.acquire();
                own.waits.add(now_ns() - begun);
            } else {
                lock.acquire();
            }
            arena->counter.value++;
            inside.run();
            lock.release();
            until_timed--;
            acquisitions++;
            outside.run();
        }
        own.acquisitions = acquisitions;
    });
    const uint64_t begun = team.start();
    usleep(useconds_t(seconds * 1e6));
    arena->stop.value.store(true, std::memory_order_relaxed);
    const uint64_t ended = now_ns();
    team.join();
    report_contended(figures, threads, double(ended - begun), team.cpu_ns(), arena->counter.value);
}

} // namespace bench

#endif
