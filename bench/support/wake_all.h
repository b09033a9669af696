/* SPDX-License-Identifier: MIT */
#ifndef THRUM_BENCH_WAKE_ALL_H
#define THRUM_BENCH_WAKE_ALL_H

#include "bench.h"

#include <thrum/futex.h>

#include <unistd.h>

#include <algorithm>

namespace bench {

/*
 * One `open`, `waiters` sleepers: until the last of them has returned. A waiter that has returned sleeps
 * until the next round: one that yielded meanwhile would keep a processor from those to come, for a time
 * slice each.
 */
template <class Shut, class Wait, class Open>
void wake_all(Figures &figures, int waiters, int rounds, Shut shut, Wait wait, Open open) {
    thrum_u32 round = {};
    std::atomic<int> come{0}, woken{0};
    std::atomic<uint64_t> last{0};
    Team team(waiters, Place::anywhere, [&](int) {
        for (uint32_t seen = 0; seen < uint32_t(rounds); seen++) {
            while (thrum_u32_load_acquire(&round) == seen)
                thrum_futex_wait(&round, seen, THRUM_FUTEX_ANY, false, THRUM_FOREVER);
            come++;
            wait();
            if (++woken == waiters) last = now_ns();
        }
    });
    team.start();
    std::vector<double> times;
    for (int i = 0; i < rounds; i++) {
        shut();
        come = woken = 0;
        thrum_u32_store_release(&round, uint32_t(i) + 1);
        thrum_futex_wake(&round, INT32_MAX, THRUM_FUTEX_ANY, false);
        while (come.load() != waiters) usleep(50);
        for (int w = 0; w < waiters; w++) team.await_asleep(w);
        const uint64_t begun = now_ns();
        open();
        while (woken.load() != waiters) usleep(50);
        times.push_back(double(last.load() - begun));
    }
    team.join();
    std::sort(times.begin(), times.end());
    figures.ns = percentile(times, 0.5);
    figures.add("cpu_ns_per_wait", team.cpu_ns() / double(rounds * waiters));
}

} // namespace bench

#endif
