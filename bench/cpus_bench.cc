/* SPDX-License-Identifier: MIT */
/* What a question and a look cost, beside the C library's count and the C++ library's. */
#include "support/bench.h"

#include <thread>
#include <unistd.h>

#include <thrum/cpus.h>

namespace bench {
namespace {

void ask(benchmark::State &state) {
    for (auto _ : state) benchmark::DoNotOptimize(thrum_cpus());
}

void look(benchmark::State &state) {
    for (auto _ : state) benchmark::DoNotOptimize(thrum_cpus_look());
}

void ask_libc(benchmark::State &state) {
    for (auto _ : state) benchmark::DoNotOptimize(sysconf(_SC_NPROCESSORS_ONLN));
}

void ask_std(benchmark::State &state) {
    for (auto _ : state) benchmark::DoNotOptimize(std::thread::hardware_concurrency());
}

} // namespace

void rows() {
    row("cpus/ask/thrum", ask);
    row("cpus/look/thrum", look);
    row("cpus/ask/pthread", ask_libc);
    row("cpus/ask/std", ask_std);
}

} // namespace bench
