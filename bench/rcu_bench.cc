/* SPDX-License-Identifier: MIT */
#include "support/bench.h"

#include <pthread.h>
#include <urcu/urcu-bp.h>
#include <urcu/static/urcu-bp.h>

#include <thrum/rcu.h>

namespace bench {
namespace {

/* clang-format off */
struct Thrum {
    void begin() { thrum_rcu_read_begin(); }
    void end() { thrum_rcu_read_end(); }
};

/* thrum tells liburcu not to call membarrier: there its own sections would make full fences. */
struct Membarrier {
    Membarrier() { urcu_bp_has_sys_membarrier = 1; }
    ~Membarrier() { urcu_bp_has_sys_membarrier = 0; }
};
/* What liburcu gives: inlined, and called in its shared library. */
struct Limit : Membarrier {
    void begin() { _urcu_bp_read_lock(); }
    void end() { _urcu_bp_read_unlock(); }
};
struct Liburcu : Membarrier {
    void begin() { urcu_bp_read_lock(); }
    void end() { urcu_bp_read_unlock(); }
};

struct Pthread {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    void begin() { pthread_rwlock_rdlock(&lock); }
    void end() { pthread_rwlock_unlock(&lock); }
};
/* clang-format on */

template <class Read> void read_section(benchmark::State &state) {
    Read read;
    for (auto _ : state) {
        read.begin();
        benchmark::ClobberMemory();
        read.end();
    }
}

void nothing(thrum_rcu_head *) {}

/* A retire alone: the caller's part. Its callback runs later, on the helper. No retire waits. */
void retire(Figures &figures) {
    const int rounds = full_or_quick(200, 10);
    std::vector<thrum_rcu_head> heads(4096);
    uint64_t ns = 0;
    for (int round = 0; round < rounds; round++) {
        if (thrum_rcu_barrier() != THRUM_OK) return figures.fail("no helper");
        const uint64_t begin = now_ns();
        for (thrum_rcu_head &head : heads) thrum_rcu_retire(&head, nothing);
        ns += now_ns() - begin;
    }
    figures.ns = double(ns) / double(heads.size()) / rounds;
    (void)!thrum_rcu_barrier();
}

/* As many as can be: the helper's part, too, which a retire waits for. */
void retire_and_call_back(Figures &figures) {
    std::vector<thrum_rcu_head> heads(full_or_quick(1000000, 50000));
    if (thrum_rcu_barrier() != THRUM_OK) return figures.fail("no helper");
    const uint64_t begin = now_ns();
    for (thrum_rcu_head &head : heads) thrum_rcu_retire(&head, nothing);
    (void)!thrum_rcu_barrier();
    figures.ns = double(now_ns() - begin) / double(heads.size());
}

} // namespace

void rows() {
    row("rcu/read_section/limit", read_section<Limit>);
    row("rcu/read_section/thrum", read_section<Thrum>);
    row("rcu/read_section/liburcu", read_section<Liburcu>);
    row("rcu/read_section/pthread", read_section<Pthread>);
    row_apart("rcu/retire/thrum", retire);
    row_apart("rcu/retire_and_call_back/thrum", retire_and_call_back);
}

} // namespace bench
