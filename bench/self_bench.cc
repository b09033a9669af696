/* SPDX-License-Identifier: MIT */
/* The caller's identity. */
#include "support/bench.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thrum/self.h>

namespace bench {
namespace {

thread_local uint64_t own = 1;

template <class Ask> void add(const std::string &name, Ask ask) {
    row(name, [ask](benchmark::State &state) {
        for (auto _ : state) benchmark::DoNotOptimize(ask());
    });
}

} // namespace

void rows() {
    add("self/id/thrum", [] { return thrum_self_id(); });
    add("self/id/pthread", [] { return pthread_self(); });
    add("self/id/std", [] { return std::this_thread::get_id(); });
    add("self/id/gettid", [] { return syscall(SYS_gettid); });
    add("self/id/limit", [] {
        benchmark::ClobberMemory();
        return own;
    });
}

} // namespace bench
