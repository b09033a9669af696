/* SPDX-License-Identifier: MIT */
/* The physical limits: what one locked instruction, one cache line and one wake cost here. */
#include "support/bench.h"
#include "support/handover.h"

#include <thrum/atomic.h>

namespace bench {
namespace {

/* The same step by thrum's named operation and by the compiler's: they must not differ. */
template <class Named, class Bare> void add(const std::string &row_name, Named named, Bare bare) {
    row("atomic/" + row_name + "/thrum", [named](benchmark::State &state) {
        Padded<thrum_u32> word;
        for (auto _ : state) benchmark::DoNotOptimize(named(&word.value));
    });
    row("atomic/" + row_name + "/limit", [bare](benchmark::State &state) {
        Padded<std::atomic<uint32_t>> word;
        for (auto _ : state) benchmark::DoNotOptimize(bare(word.value));
    });
}

using Word = std::atomic<uint32_t>;
constexpr auto acquire = std::memory_order_acquire;
constexpr auto release = std::memory_order_release;
constexpr auto relaxed = std::memory_order_relaxed;

bool swap_bare(Word &word, uint32_t from, uint32_t to) {
    return word.compare_exchange_strong(from, to, acquire, relaxed);
}

} // namespace

void rows() {
    add(
        "load", [](thrum_u32 *w) { return thrum_u32_load_acquire(w); },
        [](Word &w) { return w.load(acquire); });
    add(
        "cas",
        [](thrum_u32 *w) {
            uint32_t seen = 0;
            return thrum_u32_cas_acquire(w, &seen, 0);
        },
        [](Word &w) { return swap_bare(w, 0, 0); });
    add(
        "exchange", [](thrum_u32 *w) { return thrum_u32_exchange_acquire(w, 1); },
        [](Word &w) { return w.exchange(1, acquire); });
    add(
        "fetch_add", [](thrum_u32 *w) { return thrum_u32_fetch_add_relaxed(w, 1); },
        [](Word &w) { return w.fetch_add(1, relaxed); });
    add(
        "cas_and_exchange",
        [](thrum_u32 *w) {
            uint32_t seen = 0;
            const bool won = thrum_u32_cas_acquire(w, &seen, 1);
            return thrum_u32_exchange_release(w, 0) + won;
        },
        [](Word &w) {
            const bool won = swap_bare(w, 0, 1);
            return w.exchange(0, release) + won;
        });
    add(
        "cas_and_fetch_add",
        [](thrum_u32 *w) {
            uint32_t seen = 0;
            const bool won = thrum_u32_cas_acquire(w, &seen, 0x80000000u);
            return thrum_u32_fetch_add_release(w, 0x80000000u) + won;
        },
        [](Word &w) {
            const bool won = swap_bare(w, 0, 0x80000000u);
            return w.fetch_add(0x80000000u, release) + won;
        });
    add(
        "cas_and_store",
        [](thrum_u32 *w) {
            uint32_t seen = 0;
            const bool won = thrum_u32_cas_acquire(w, &seen, 1);
            thrum_u32_store_release(w, 0);
            return won;
        },
        [](Word &w) {
            const bool won = swap_bare(w, 0, 1);
            w.store(0, release);
            return won;
        });

    const double seconds = full_or_quick(0.05, 0.02);
    row_apart("atomic/line_there_and_back/limit",
              [=](Figures &f) { hand_over<LineDuet>(f, Place::across, seconds); });
    row_apart("atomic/futex_round_trip_across/limit",
              [=](Figures &f) { hand_over<FutexDuet>(f, Place::across, seconds); });
    row_apart("atomic/futex_round_trip_one_cpu/limit",
              [=](Figures &f) { hand_over<FutexDuet>(f, Place::one_cpu, seconds); });
}

} // namespace bench
