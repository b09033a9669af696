/* SPDX-License-Identifier: MIT */
#ifndef THRUM_BENCH_TOGETHER_H
#define THRUM_BENCH_TOGETHER_H

#include "bench.h"

#include <initializer_list>

namespace bench {

/* How many threads the rows named *_many have. */
inline constexpr std::initializer_list<int> MANY = {1, 2, 4, 8, 16};

/* So many threads at once, each with rounds of its own; the time is one round's. */
template <class Round> void together(Figures &figures, int threads, int rounds, Round round) {
    std::atomic<uint64_t> busy{0};
    Team team(threads, Place::anywhere, [&](int) {
        const uint64_t begun = now_ns();
        for (int i = 0; i < rounds; i++) round();
        busy += now_ns() - begun;
    });
    team.start();
    team.join();
    figures.ns = double(busy.load()) / double(threads) / double(rounds);
}

} // namespace bench

#endif
