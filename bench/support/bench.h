/* SPDX-License-Identifier: MIT */
/*
 * What every benchmark program shares: the clock, processors, calibrated work, teams of threads that
 * start together, and rows that are measured in a process of their own.
 *
 * A row is named `<room>/<row>/<library>[/name:value…]`; the report groups by the first two parts.
 * The library `limit` is the physical limit of the row, measured in the same run; `pthread` is the
 * C library's own object. A row's time is always nanoseconds for one operation.
 *
 * Each bench/<room>_bench.cc defines bench::rows(), which registers its rows.
 */
#ifndef THRUM_BENCH_SUPPORT_BENCH_H
#define THRUM_BENCH_SUPPORT_BENCH_H

#include <benchmark/benchmark.h>
#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include <thrum/cpu.h>

namespace bench {

/* The program's rows; main calls it once the options are known. */
void rows();

/* --quick: the same rows, shorter and fewer sizes; coarser figures. */
bool quick();
/* --full: the rows, too, that take an hour. */
bool full();
/* --only=REGEX: whether the row is one of those asked for. */
bool chosen(const std::string &name);
template <class T> T full_or_quick(T full, T short_one) {
    return quick() ? short_one : full;
}

/* Objects that are not meant to share a cache line. */
template <class T> struct alignas(THRUM_CACHE_LINE) Padded { T value{}; };

uint64_t now_ns();
uint64_t thread_cpu_ns();

/* Keeps the processor busy for so long. Calibrated once a process, on the loop that is run. */
class Work {
  public:
    explicit Work(double ns);
    void run() const {
        if (rounds_) spin(rounds_);
    }

    static void spin(uint64_t rounds);

  private:
    uint64_t rounds_;
};
void calibrate_work();

/* Where the threads of a row may run. */
enum class Place {
    anywhere,
    across,    /* each on a processor of its own: the first, the last, the first … */
    same_core, /* all on one, while the process may use all: no affinity mask tells the library */
    one_cpu    /* the whole process on one, as under taskset */
};
bool place_possible(Place place);
void place_process(Place place);
void place_thread(Place place, int index);

/* Threads that begin together, and the processor time that they used since. */
class Team {
  public:
    Team(int threads, Place place, std::function<void(int)> body);
    uint64_t start(); /* when all are ready; returns the moment */
    void join();
    double cpu_ns() const {
        return double(cpu_.load());
    }
    void await_asleep(int index) const; /* until the kernel says so */

  private:
    std::vector<std::thread> threads_;
    std::vector<std::atomic<pid_t>> ids_;
    std::atomic<int> ready_{0};
    std::atomic<bool> go_{false};
    std::atomic<uint64_t> cpu_{0};
};

/*
 * The share of all processors that other processes, and the host's other guests, have had since it was made:
 * a row of two and more threads beside one busy process takes up to twice its time.
 */
class Others {
  public:
    Others();
    double share() const;

  private:
    struct Ticks {
        double all, others;
    };
    static Ticks now();
    Ticks begun_;
};

/* What a row measured in a process of its own brings back. */
struct Figures {
    struct Counter {
        char name[24];
        double value;
    };
    double ns = 0;
    int count = 0;
    Counter counters[64] = {};
    char error[120] = {};
    bool complete = false;

    void add(const char *name, double value);
    void fail(const char *format, ...) __attribute__((format(printf, 2, 3)));
};

using Measure = std::function<void(Figures &)>;

/* An ordinary row: one thread, in this process, beside one that sleeps. */
void row(const std::string &name, std::function<void(benchmark::State &)> body);

/*
 * A row whose measurement starts threads. It runs in a forked child: what one library leaves behind
 * reaches no other row, an affinity mask ends with it, and a row that hangs ends alone. The child
 * sets an alarm, whose default action ends a process all of whose threads sleep for ever; the row
 * then reads "hang", which is a result. Forking inside the program and not around it keeps the
 * repetitions of all rows interleaved. `seconds` that the row is meant to last come on top of the alarm's.
 */
void row_apart(const std::string &name, Measure measure, unsigned seconds = 0);

/* p of a sorted list, p from 0 to 1. */
double percentile(const std::vector<double> &sorted, double p);

} // namespace bench

#endif
