/* SPDX-License-Identifier: MIT */
/*
 * How long a spin that nobody answers really lasts; the limit is its budget, by the clock. On one
 * processor there is nothing to wait for, and it should last next to nothing.
 */
#include "support/bench.h"

#include <thrum/park.h>

namespace bench {
namespace {

/* In a process of its own: the policy remembers on how many processors it may run. */
void spin(Figures &figures, Place place, uint32_t budget_ns) {
    constexpr int rounds = 200;
    place_process(place);
    uint64_t looks = 0;
    const auto once = [&] {
        thrum_park s = thrum_park_spin(budget_ns);
        do looks++;
        while (thrum_park_again(&s));
    };
    once();
    looks = 0;
    const uint64_t begun = now_ns();
    for (int i = 0; i < rounds; i++) once();
    figures.ns = double(now_ns() - begun) / rounds;
    figures.add("looks", double(looks) / rounds);
}

void by_the_clock(Figures &figures, uint32_t budget_ns) {
    constexpr int rounds = 200;
    const uint64_t begun = now_ns();
    for (int i = 0; i < rounds; i++) {
        const uint64_t end = now_ns() + budget_ns;
        while (now_ns() < end) thrum_cpu_pause();
    }
    figures.ns = double(now_ns() - begun) / rounds;
}

} // namespace

void rows() {
    for (const uint32_t budget_ns : {2000u, uint32_t(THRUM_PARK_SPIN_NS), 50000u}) {
        const std::string budget = "/budget_ns:" + std::to_string(budget_ns);
        row_apart("park/spin/thrum" + budget, [=](Figures &f) { spin(f, Place::anywhere, budget_ns); });
        row_apart("park/spin/limit" + budget, [=](Figures &f) { by_the_clock(f, budget_ns); });
    }
    row_apart("park/spin_one_cpu/thrum", [](Figures &f) { spin(f, Place::one_cpu, THRUM_PARK_SPIN_NS); });
}

} // namespace bench
