/* SPDX-License-Identifier: MIT */
/* How long after its deadline a wait returns that nobody ends. */
#ifndef THRUM_BENCH_SUPPORT_OVERSHOOT_H
#define THRUM_BENCH_SUPPORT_OVERSHOOT_H

#include <algorithm>

#include "bench.h"

namespace bench {

/* `wait` takes a moment of CLOCK_MONOTONIC and says whether it got what it waited for. */
template <class Wait> void overshoot(Figures &figures, uint64_t timeout_ns, int rounds, Wait wait) {
    std::vector<double> late;
    bool got = false;
    Team team(1, Place::anywhere, [&](int) {
        for (int i = 0; i < rounds && !got; i++) {
            const uint64_t deadline = now_ns() + timeout_ns;
            got = wait(deadline);
            late.push_back(double(now_ns()) - double(deadline));
        }
    });
    team.start();
    team.join();
    std::sort(late.begin(), late.end());
    if (got) {
        figures.fail("got what nobody gave");
    } else if (late.front() < 0) {
        figures.fail("returned before its deadline");
    } else {
        figures.ns = percentile(late, 0.5);
        figures.add("p99_us", percentile(late, 0.99) / 1e3);
    }
}

/* The row `<room>/timeout_1ms/<library>`; `prepare(object)` makes it one that keeps its waiter. */
template <class Object, class Prepare>
void overshoot_row(const std::string &room, const std::string &library, Prepare prepare) {
    row_apart(room + "/timeout_1ms/" + library, [=](Figures &f) {
        Padded<Object> object;
        prepare(object.value);
        overshoot(f, 1000000, full_or_quick(100, 20),
                  [&](uint64_t deadline) { return object.value.wait_until(deadline); });
    });
}

} // namespace bench

#endif
