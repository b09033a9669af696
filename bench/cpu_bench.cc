/* SPDX-License-Identifier: MIT */
/* One processor pause: the unit of every spin. An empty loop is its limit. */
#include "support/bench.h"

namespace bench {

void rows() {
    row("cpu/pause/thrum", [](benchmark::State &state) {
        for (auto _ : state) thrum_cpu_pause();
    });
    row("cpu/pause/limit", [](benchmark::State &state) {
        for (auto _ : state) benchmark::ClobberMemory();
    });
}

} // namespace bench
