/* SPDX-License-Identifier: MIT */
#include "support/bench.h"

#include <pthread.h>
#include <urcu/urcu-bp.h>

#include <thrum/rcu.h>

namespace bench {
namespace {

/* clang-format off */
struct Thrum {
    void begin() { thrum_rcu_read_begin(); }
    void end() { thrum_rcu_read_end(); }
};

/* What liburcu gives. */
struct Limit {
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

/* Many, and then a wait for them: a retire with its share of the callback. */
void retire(benchmark::State &state) {
    static std::vector<thrum_rcu_head> heads(4096);
    size_t next = 0;
    for (auto _ : state) {
        if (next == heads.size()) {
            state.PauseTiming();
            (void)!thrum_rcu_barrier();
            next = 0;
            state.ResumeTiming();
        }
        thrum_rcu_retire(&heads[next++], nothing);
    }
    (void)!thrum_rcu_barrier();
}

} // namespace

void rows() {
    row("rcu/read_section/limit", read_section<Limit>);
    row("rcu/read_section/thrum", read_section<Thrum>);
    row("rcu/read_section/pthread", read_section<Pthread>);
    row("rcu/retire/thrum", retire);
}

} // namespace bench
