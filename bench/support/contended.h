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

inline std::string cell_name(Cell cell) {
    return "/cs:" + std::to_string(cell.inside_ns) + "/out:" + std::to_string(cell.outside_ns);
}

inline std::string cell_name(int threads, Cell cell) {
    return "/threads:" + std::to_string(threads) + cell_name(cell);
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

/*
 * The work of a cell by one thread without a lock, and what of it excludes the other threads: no
 * lock lets more be done in that time. In an empty cell the work is the `Pair` of instructions
 * without which there is no lock.
 */
template <class Pair> void work_alone(Figures &figures, Cell cell, double seconds) {
    Padded<Pair> pair;
    Padded<uint64_t> counter;
    const Work inside(cell.inside_ns);
    const Work outside(cell.outside_ns);
    const bool empty = cell.inside_ns + cell.outside_ns == 0;
    const auto round_ns = [&](auto work) {
        constexpr int batch = 64;
        const uint64_t begun = now_ns();
        const uint64_t end = begun + uint64_t(seconds * 1e9);
        uint64_t now = begun;
        uint64_t rounds = 0;
        for (; now < end; now = now_ns(), rounds += batch)
            for (int i = 0; i < batch; i++) work();
        return double(now - begun) / double(rounds);
    };
    const auto section = [&] {
        if (empty) pair.value.acquire();
        benchmark::DoNotOptimize(counter.value++);
        inside.run();
        if (empty) pair.value.release();
    };
    const double inside_ns = round_ns(section);
    figures.ns = cell.outside_ns == 0 ? inside_ns : round_ns([&] {
        section();
        outside.run();
    });
    figures.add("inside_ns", inside_ns);
}

/* `<room>/contended_work/limit`: from it the report makes the limit for each number of threads. */
template <class Pair> void work_row(const std::string &room, Cell cell) {
    row_apart(room + "/contended_work/limit" + cell_name(cell),
              [=](Figures &f) { work_alone<Pair>(f, cell, full_or_quick(0.02, 0.005)); });
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
