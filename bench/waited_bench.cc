/* SPDX-License-Identifier: MIT */
/* What it costs to ask how long the thread has waited, beside the clock that a program would read instead. */
#include "support/bench.h"

#include <ctime>

#include <thrum/waited.h>

namespace bench {
namespace {

void ask(benchmark::State &state) {
    for (auto _ : state) benchmark::DoNotOptimize(thrum_waited());
}

void read_clock(benchmark::State &state) {
    timespec now;
    for (auto _ : state) benchmark::DoNotOptimize(clock_gettime(CLOCK_MONOTONIC, &now));
}

} // namespace

void rows() {
    row("waited/ask/thrum", ask);
    row("waited/ask/pthread", read_clock);
}

} // namespace bench
