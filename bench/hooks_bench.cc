/* SPDX-License-Identifier: MIT */
#include "support/bench.h"

#include <thrum/hooks.h>

namespace bench {
namespace {

void trace(thrum_trace_event, void *, void *) {}

/* What an instrumented function pays at its entry and its return. */
void pair(benchmark::State &state) {
    for (auto _ : state) {
        thrum_trace_enter(nullptr, nullptr);
        benchmark::ClobberMemory();
        thrum_trace_exit(nullptr, nullptr);
        benchmark::ClobberMemory();
    }
}

void off(benchmark::State &state) {
    thrum_set_trace_all_threads(nullptr);
    pair(state);
}

void on(benchmark::State &state) {
    thrum_set_trace_all_threads(trace);
    pair(state);
    thrum_set_trace_all_threads(nullptr);
}

/* Two loads and two branches. */
void limit(benchmark::State &state) {
    static thrum_u32 word;
    thrum_u32 *flag = &word;
    benchmark::DoNotOptimize(flag);
    for (auto _ : state) {
        for (int i = 0; i < 2; i++) {
            if (thrum_u32_load_relaxed(flag)) state.SkipWithError("set");
            benchmark::ClobberMemory();
        }
    }
}

} // namespace

void rows() {
    row("hooks/trace_off/limit", limit);
    row("hooks/trace_off/thrum", off);
    row("hooks/trace_on/thrum", on);
}

} // namespace bench
