/* SPDX-License-Identifier: MIT */
/* Both sides, beside the full fence of which they take the place. */
#include "support/bench.h"

#include <thrum/fence.h>

namespace bench {
namespace {

void light(benchmark::State &state) {
    (void)!thrum_fence_heavy();
    for (auto _ : state) thrum_fence_light();
}

void full_fence(benchmark::State &state) {
    for (auto _ : state) std::atomic_thread_fence(std::memory_order_seq_cst);
}

/* Nothing else of the process runs: what the call alone costs. */
void heavy(benchmark::State &state) {
    for (auto _ : state) benchmark::DoNotOptimize(thrum_fence_heavy());
}

} // namespace

void rows() {
    row("fence/light/thrum", light);
    row("fence/light/std", full_fence);
    row("fence/heavy/thrum", heavy);
}

} // namespace bench
