/* SPDX-License-Identifier: MIT */
/* Making a deadline, and asking whether it has passed: each is one read of the clock. */
#include "support/bench.h"

#include <time.h>

#include <chrono>

#include <thrum/deadline.h>

namespace bench {
namespace {

timespec pthread_after_ms(long ms) {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= 1000000000) {
        t.tv_sec++;
        t.tv_nsec -= 1000000000;
    }
    return t;
}

template <class Make> void add(const std::string &name, Make make) {
    row(name, [make](benchmark::State &state) {
        for (auto _ : state) benchmark::DoNotOptimize(make());
    });
}

timespec read_clock() {
    timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t;
}

} // namespace

void rows() {
    add("deadline/after_ms/thrum", [] { return thrum_after_ms(50); });
    add("deadline/after_ms/pthread", [] { return pthread_after_ms(50); });
    add("deadline/after_ms/std",
        [] { return std::chrono::steady_clock::now() + std::chrono::milliseconds(50); });
    add("deadline/after_ms/limit", read_clock);
    add("deadline/after_seconds/thrum", [] { return thrum_after(0.05); });
    add("deadline/after_seconds/limit", read_clock);
    add("deadline/passed/thrum", [] {
        static const thrum_deadline end = thrum_after_ms(1000000000);
        return thrum_deadline_passed(end);
    });
    add("deadline/passed/limit", read_clock);
}

} // namespace bench
