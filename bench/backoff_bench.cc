/* SPDX-License-Identifier: MIT */
/* The first pause of a collision and the longest; the limit is one processor pause, and the most. */
#include "support/bench.h"

#include <thrum/backoff.h>

namespace bench {
namespace {

void first(benchmark::State &state) {
    for (auto _ : state) {
        thrum_backoff backoff = THRUM_BACKOFF_INIT;
        thrum_backoff_pause(&backoff);
        benchmark::DoNotOptimize(backoff);
    }
}

void longest(benchmark::State &state) {
    thrum_backoff backoff = {THRUM_BACKOFF_MAX, 0};
    for (auto _ : state) {
        thrum_backoff_pause(&backoff);
        benchmark::DoNotOptimize(backoff);
    }
}

/* The longest pauses are of random length, half the bound on average. */
template <int pauses> void bare(benchmark::State &state) {
    for (auto _ : state)
        for (int i = 0; i < pauses; i++) thrum_cpu_pause();
}

} // namespace

void rows() {
    row("backoff/first/thrum", first);
    row("backoff/first/limit", bare<1>);
    row("backoff/longest/thrum", longest);
    row("backoff/longest/limit", bare<(THRUM_BACKOFF_MAX + 1) / 2>);
}

} // namespace bench
