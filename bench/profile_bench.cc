/* SPDX-License-Identifier: MIT */
/*
 * What a wait pays to a profile: one that is counted, and one of which nothing is, beside a clock's reading.
 * A contended lock beside a profile: lock_bench with THRUM_PROFILE=/dev/null.
 */
#include "support/bench.h"

#include <ctime>

#include <thrum/profile.h>

#include "../src/futex/profile_inside.h"

namespace bench {
namespace {

void count(benchmark::State &state) {
    thrum_profile_begin();
    for (auto _ : state) thrum_profile_count_(2, 1, 2, thrum_profile_releases_(1), 1000);
    thrum_profile_end();
}

void ask_whether(benchmark::State &state) {
    for (auto _ : state) benchmark::DoNotOptimize(thrum_profile_counts());
}

void read_clock(benchmark::State &state) {
    timespec now;
    for (auto _ : state) benchmark::DoNotOptimize(clock_gettime(CLOCK_MONOTONIC, &now));
}

} // namespace

void rows() {
    row("profile/count/thrum", count);
    row("profile/off/thrum", ask_whether);
    row("profile/count/pthread", read_clock);
}

} // namespace bench
