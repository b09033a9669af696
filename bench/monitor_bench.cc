/* SPDX-License-Identifier: MIT */
/* What the owner's check and the lock of its own cost. How threads wait is in cond_bench. */
#include "support/bench.h"
#include "support/locks.h"

#include <pthread.h>

#include <cstdlib>

#include <thrum/monitor.h>

namespace bench {
namespace {

/* clang-format off */
struct Thrum {
    thrum_monitor monitor = THRUM_MONITOR_INIT;
    void enter() { thrum_monitor_acquire(&monitor); }
    void leave() { thrum_monitor_release(&monitor); }
    void notify() { thrum_monitor_notify(&monitor, 1); }
};

struct Pthread {
    PthreadRecursive mutex;
    pthread_cond_t cond = PTHREAD_COND_INITIALIZER;
    void enter() { mutex.acquire(); }
    void leave() { mutex.release(); }
    void notify() { pthread_cond_signal(&cond); }
};

/* The least that a notify with nobody waiting must do: look at the owner, look at the list. */
struct Limit {
    LimitOwned lock;
    void *list = nullptr;
    void enter() { lock.acquire(); }
    void leave() { lock.release(); }
    void notify() {
        if (lock.owner.load(std::memory_order_relaxed) != LimitOwned::me) abort();
        if (list) abort();
    }
};
/* clang-format on */

template <class Monitor> void notify_nobody(benchmark::State &state) {
    Padded<Monitor> monitor;
    monitor.value.enter();
    for (auto _ : state) {
        monitor.value.notify();
        benchmark::ClobberMemory(); /* it looks anew each time */
    }
    monitor.value.leave();
}

template <class Monitor> void enter_and_leave(benchmark::State &state) {
    Padded<Monitor> monitor;
    for (auto _ : state) {
        monitor.value.enter();
        benchmark::ClobberMemory(); /* a section: its stores are not to be joined with the next one's */
        monitor.value.leave();
        benchmark::ClobberMemory();
    }
}

template <class Monitor> void monitor_rows(const std::string &library) {
    row("monitor/notify_nobody/" + library, notify_nobody<Monitor>);
    row("monitor/enter_and_leave/" + library, enter_and_leave<Monitor>);
}

} // namespace

void rows() {
    monitor_rows<Limit>("limit");
    monitor_rows<Thrum>("thrum");
    monitor_rows<Pthread>("pthread");
}

} // namespace bench
