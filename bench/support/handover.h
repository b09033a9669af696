/* SPDX-License-Identifier: MIT */
/*
 * Two threads that wait for each other in turn: the time there and back, and the processor time
 * per wait. A `Duet` has give(side) and take(side) for the sides 0 and 1.
 */
#ifndef THRUM_BENCH_SUPPORT_HANDOVER_H
#define THRUM_BENCH_SUPPORT_HANDOVER_H

#include <unistd.h>

#include <memory>
#include <string>

#include <thrum/futex.h>

#include "bench.h"

namespace bench {

template <class Duet> void hand_over(Figures &figures, Place place, double seconds) {
    if (!place_possible(place)) {
        figures.fail("needs two processors");
        return;
    }
    place_process(place);
    const auto duet = std::make_unique<Duet>();
    bool over = false; /* given and taken with the hand-over that it ends */
    uint64_t rounds = 0;
    uint64_t used = 0;
    Team team(2, place, [&](int side) {
        if (side == 1) {
            for (;;) {
                duet->take(0);
                if (over) break;
                duet->give(1);
            }
            return;
        }
        const uint64_t begun = now_ns();
        const uint64_t end = begun + uint64_t(seconds * 1e9);
        uint64_t now = begun;
        for (; now < end; now = now_ns()) {
            for (int i = 0; i < 16; i++, rounds++) {
                duet->give(0);
                duet->take(1);
            }
        }
        used = now - begun;
        over = true;
        duet->give(0);
    });
    team.start();
    team.join();
    figures.ns = double(used) / double(rounds);
    figures.add("cpu_ns_per_wait", team.cpu_ns() / double(2 * rounds));
}

/* A cache line each way, and both spin: the limit between two cores. */
struct LineDuet {
    Padded<std::atomic<unsigned>> given[2];
    void give(int side) {
        given[side].value.store(1, std::memory_order_release);
    }
    void take(int side) {
        while (!given[side].value.load(std::memory_order_acquire)) thrum_cpu_pause();
        given[side].value.store(0, std::memory_order_relaxed);
    }
};

/* A futex word each way, and neither spins: the limit of two threads on one core. */
struct FutexDuet {
    Padded<thrum_u32> given[2];
    void give(int side) {
        thrum_u32_store_release(&given[side].value, 1);
        thrum_futex_wake(&given[side].value, 1, THRUM_FUTEX_ANY, false);
    }
    void take(int side) {
        while (!thrum_u32_load_acquire(&given[side].value))
            thrum_futex_wait(&given[side].value, 0, THRUM_FUTEX_ANY, false, THRUM_FOREVER);
        thrum_u32_store_relaxed(&given[side].value, 0);
    }
};

/* `<room>/handover_<place>/<library>` for the three places. */
template <class Duet> void hand_over_rows(const std::string &room, const std::string &library) {
    const double seconds = full_or_quick(0.05, 0.02);
    const auto add = [&](const char *row, Place place) {
        row_apart(room + "/" + row + "/" + library, [=](Figures &f) { hand_over<Duet>(f, place, seconds); });
    };
    add("handover_across", Place::across);
    add("handover_same_core", Place::same_core);
    add("handover_one_cpu", Place::one_cpu);
}

inline void hand_over_limits(const std::string &room) {
    const double seconds = full_or_quick(0.05, 0.02);
    row_apart(room + "/handover_across/limit",
              [=](Figures &f) { hand_over<LineDuet>(f, Place::across, seconds); });
    row_apart(room + "/handover_same_core/limit",
              [=](Figures &f) { hand_over<FutexDuet>(f, Place::same_core, seconds); });
    row_apart(room + "/handover_one_cpu/limit",
              [=](Figures &f) { hand_over<FutexDuet>(f, Place::one_cpu, seconds); });
}

} // namespace bench

#endif
