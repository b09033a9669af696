/* SPDX-License-Identifier: MIT */
/* What THRUM_WITH costs beyond the acquire and the release that it stands for. */
#include "support/bench.h"

#include <mutex>

#include <thrum/with.h>

namespace bench {
namespace {

Padded<thrum_lock> lock;
Padded<std::mutex> mutex;
Padded<uint64_t> guarded;

void bare(benchmark::State &state) {
    for (auto _ : state) {
        thrum_lock_acquire(&lock.value);
        benchmark::DoNotOptimize(guarded.value++);
        thrum_lock_release(&lock.value);
    }
}

void with(benchmark::State &state) {
    for (auto _ : state) {
        THRUM_WITH(&lock.value) benchmark::DoNotOptimize(guarded.value++);
    }
}

void hold(benchmark::State &state) {
    for (auto _ : state) {
        THRUM_HOLD(&lock.value);
        benchmark::DoNotOptimize(guarded.value++);
    }
}

void lock_guard(benchmark::State &state) {
    for (auto _ : state) {
        const std::lock_guard<std::mutex> guard(mutex.value);
        benchmark::DoNotOptimize(guarded.value++);
    }
}

} // namespace

void rows() {
    for (const char *name : {"with/block/", "with/hold/"}) {
        row(std::string(name) + "limit", bare);
        row(std::string(name) + "pthread", lock_guard);
    }
    row("with/block/thrum", with);
    row("with/hold/thrum", hold);
}

} // namespace bench
