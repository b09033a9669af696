/* SPDX-License-Identifier: MIT */
/* What a system call adds where nobody sleeps; the limit is the bare call. */
#include "support/bench.h"

#include <linux/futex.h>
#include <sched.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thrum/futex.h>

namespace bench {
namespace {

Padded<thrum_u32> word;

long bare(int operation, uint32_t value) {
    return syscall(SYS_futex, &word.value, operation | FUTEX_PRIVATE_FLAG, value, nullptr, nullptr,
                   FUTEX_BITSET_MATCH_ANY);
}

template <class Call> void add(const std::string &name, Call call) {
    row(name, [call](benchmark::State &state) {
        for (auto _ : state) benchmark::DoNotOptimize(call());
    });
}

} // namespace

void rows() {
    add("futex/wake_nobody/thrum", [] { return thrum_futex_wake(&word.value, 1, THRUM_FUTEX_ANY, false); });
    add("futex/wake_nobody/limit", [] { return bare(FUTEX_WAKE_BITSET, 1); });
    add("futex/wait_changed/thrum",
        [] { return thrum_futex_wait(&word.value, 1, THRUM_FUTEX_ANY, false, THRUM_FOREVER); });
    add("futex/wait_changed/limit", [] { return bare(FUTEX_WAIT_BITSET, 1); });
    add("futex/yield/thrum", [] {
        thrum_futex_yield();
        return 0;
    });
    add("futex/yield/limit", [] { return sched_yield(); });
}

} // namespace bench
