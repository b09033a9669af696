/* SPDX-License-Identifier: MIT */
#include "support/bench.h"
#include "support/handover.h"
#include "support/rivals.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>

#include <thrum/cond.h>

#ifdef THRUM_BENCH_HAS_NSYNC
#include <nsync.h>
#endif
#ifdef THRUM_BENCH_HAS_ABSL
#include <absl/synchronization/mutex.h>
#endif
#ifdef THRUM_BENCH_HAS_GLIB
#include <glib.h>
#endif
#ifdef THRUM_BENCH_HAS_UV
#include <uv.h>
#endif
#ifdef THRUM_BENCH_HAS_RUST
#include "support/rust.h"
#endif

namespace bench {
namespace {

/* A lock and two conditions of it. */
/* clang-format off */
struct Thrum {
    thrum_lock mutex = THRUM_LOCK_INIT;
    thrum_cond conds[2] = {THRUM_COND_INIT(&mutex), THRUM_COND_INIT(&mutex)};
    void lock() { thrum_lock_acquire(&mutex); }
    void unlock() { thrum_lock_release(&mutex); }
    void wait(int which) { thrum_cond_wait(&conds[which]); }
    void notify(int which) { thrum_cond_notify(&conds[which], 1); }
    void notify_all(int which) { thrum_cond_notify_all(&conds[which]); }
};

struct Pthread {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t conds[2] = {PTHREAD_COND_INITIALIZER, PTHREAD_COND_INITIALIZER};
    void lock() { pthread_mutex_lock(&mutex); }
    void unlock() { pthread_mutex_unlock(&mutex); }
    void wait(int which) { pthread_cond_wait(&conds[which], &mutex); }
    void notify(int which) { pthread_cond_signal(&conds[which]); }
    void notify_all(int which) { pthread_cond_broadcast(&conds[which]); }
};

#ifdef THRUM_BENCH_HAS_NSYNC
struct Nsync {
    nsync::nsync_mu mutex = NSYNC_MU_INIT;
    nsync::nsync_cv conds[2] = {NSYNC_CV_INIT, NSYNC_CV_INIT};
    void lock() { nsync::nsync_mu_lock(&mutex); }
    void unlock() { nsync::nsync_mu_unlock(&mutex); }
    void wait(int which) { nsync::nsync_cv_wait(&conds[which], &mutex); }
    void notify(int which) { nsync::nsync_cv_signal(&conds[which]); }
    void notify_all(int which) { nsync::nsync_cv_broadcast(&conds[which]); }
};
#endif
#ifdef THRUM_BENCH_HAS_ABSL
struct Absl {
    absl::Mutex mutex;
    absl::CondVar conds[2];
    void lock() { mutex.Lock(); }
    void unlock() { mutex.Unlock(); }
    void wait(int which) { conds[which].Wait(&mutex); }
    void notify(int which) { conds[which].Signal(); }
    void notify_all(int which) { conds[which].SignalAll(); }
};
#endif

#ifdef THRUM_BENCH_HAS_GLIB
struct Glib {
    GMutex mutex = {};
    GCond conds[2] = {};
    void lock() { g_mutex_lock(&mutex); }
    void unlock() { g_mutex_unlock(&mutex); }
    void wait(int which) { g_cond_wait(&conds[which], &mutex); }
    void notify(int which) { g_cond_signal(&conds[which]); }
    void notify_all(int which) { g_cond_broadcast(&conds[which]); }
};
#endif
#ifdef THRUM_BENCH_HAS_RUST
struct ParkingLot {
    rust_monitor *monitor = rust_monitor_new();
    ~ParkingLot() { rust_monitor_free(monitor); }
    void lock() { rust_monitor_lock(monitor); }
    void unlock() { rust_monitor_unlock(monitor); }
    void wait(int which) { rust_monitor_wait(monitor, size_t(which)); }
    void notify(int which) { rust_monitor_notify_one(monitor, size_t(which)); }
    void notify_all(int which) { rust_monitor_notify_all(monitor, size_t(which)); }
};
struct RustStd {
    rust_std_monitor *monitor = rust_std_monitor_new();
    ~RustStd() { rust_std_monitor_free(monitor); }
    void lock() { rust_std_monitor_lock(monitor); }
    void unlock() { rust_std_monitor_unlock(monitor); }
    void wait(int which) { rust_std_monitor_wait(monitor, size_t(which)); }
    void notify(int which) { rust_std_monitor_notify_one(monitor, size_t(which)); }
    void notify_all(int which) { rust_std_monitor_notify_all(monitor, size_t(which)); }
};
#endif
#ifdef THRUM_BENCH_HAS_UV
struct Uv {
    uv_mutex_t mutex;
    uv_cond_t conds[2];
    Uv() {
        uv_mutex_init(&mutex);
        for (uv_cond_t &cond : conds) uv_cond_init(&cond);
    }
    ~Uv() {
        for (uv_cond_t &cond : conds) uv_cond_destroy(&cond);
        uv_mutex_destroy(&mutex);
    }
    void lock() { uv_mutex_lock(&mutex); }
    void unlock() { uv_mutex_unlock(&mutex); }
    void wait(int which) { uv_cond_wait(&conds[which], &mutex); }
    void notify(int which) { uv_cond_signal(&conds[which]); }
};
#endif

/* The least that a notify with nobody waiting must do: look at the lock, look at the list. */
struct LimitLook {
    std::atomic<uint32_t> word{1};
    void *list = nullptr;
    void lock() {}
    void unlock() {}
    void notify(int) {
        if (!(word.load(std::memory_order_relaxed) & 1)) abort();
        if (list) abort();
        benchmark::ClobberMemory();
    }
};
/* clang-format on */

template <class Cond> void notify_nobody(benchmark::State &state) {
    Padded<Cond> cond;
    cond.value.lock();
    for (auto _ : state) cond.value.notify(0);
    cond.value.unlock();
}

/* A flag a side, changed and waited for under the lock. */
template <class Cond> struct Duet {
    Padded<Cond> cond;
    bool given[2] = {false, false};
    void give(int side) {
        cond.value.lock();
        given[side] = true;
        cond.value.notify(side);
        cond.value.unlock();
    }
    void take(int side) {
        cond.value.lock();
        while (!given[side]) cond.value.wait(side);
        given[side] = false;
        cond.value.unlock();
    }
};

/* One notify of all, made with the lock: until the last of the waiters has left it. */
template <class Cond> void notify_all(Figures &figures, int waiters, bool busy, int rounds) {
    Padded<Cond> cond;
    int round = 0; /* the lock protects it */
    std::atomic<int> woken{0}, arrived{0};
    std::atomic<uint64_t> last{0};
    std::atomic<bool> over{false};
    const int burners = busy ? 2 : 0;
    const auto body = [&](int index) {
        if (index >= waiters) {
            while (!over.load(std::memory_order_relaxed)) Work::spin(100);
            return;
        }
        for (int seen = 0; seen < rounds; seen++) {
            cond.value.lock();
            arrived++;
            while (round <= seen) cond.value.wait(0);
            cond.value.unlock();
            if (++woken == waiters) last = now_ns();
        }
    };
    Team team(waiters + burners, Place::anywhere, body);
    team.start();
    std::vector<double> times;
    for (int i = 0; i < rounds; i++) {
        while (arrived.load() != waiters) usleep(50);
        for (int w = 0; w < waiters; w++) team.await_asleep(w);
        arrived = 0;
        woken = 0;
        const uint64_t begun = now_ns();
        cond.value.lock();
        round = i + 1;
        cond.value.notify_all(0);
        cond.value.unlock();
        while (woken.load() != waiters) usleep(50);
        times.push_back(double(last.load() - begun));
    }
    over = true;
    team.join();
    std::sort(times.begin(), times.end());
    figures.ns = percentile(times, 0.5);
    if (!busy) figures.add("cpu_ns_per_wait", team.cpu_ns() / double(rounds * waiters));
}

/* A bounded queue: producers wait for room, consumers for an item. */
template <class Cond> void queue(Figures &figures, int pairs, unsigned slots, double seconds) {
    struct Arena {
        Padded<Cond> cond;
        std::vector<uint64_t> ring;
        uint64_t head = 0, tail = 0;
        bool over = false;
    };
    enum { ROOM, ITEM };
    const auto arena = std::make_unique<Arena>();
    arena->ring.resize(slots);
    std::atomic<uint64_t> put{0}, got{0};
    Team team(2 * pairs, Place::anywhere, [&](int index) {
        Arena &a = *arena;
        Cond &c = a.cond.value;
        uint64_t passed = 0, sum = 0;
        for (;; passed++) {
            c.lock();
            if (index % 2) {
                while (a.head == a.tail && !a.over) c.wait(ITEM);
                if (a.head == a.tail) break;
                sum += a.ring[a.tail++ % slots];
                c.notify(ROOM);
            } else {
                while (a.head - a.tail == slots && !a.over) c.wait(ROOM);
                if (a.over) break;
                a.ring[a.head++ % slots] = passed;
                c.notify(ITEM);
            }
            c.unlock();
        }
        c.unlock();
        benchmark::DoNotOptimize(sum);
        (index % 2 ? got : put) += passed;
    });
    const uint64_t begun = team.start();
    usleep(useconds_t(seconds * 1e6));
    arena->cond.value.lock();
    arena->over = true;
    arena->cond.value.notify_all(0);
    arena->cond.value.notify_all(1);
    arena->cond.value.unlock();
    const uint64_t ended = now_ns();
    team.join();
    if (put.load() != got.load()) {
        figures.fail("%llu put, %llu got", static_cast<unsigned long long>(put.load()),
                     static_cast<unsigned long long>(got.load()));
        return;
    }
    figures.ns = double(ended - begun) / double(got.load());
    figures.add("per_second", double(got.load()) / double(ended - begun) * 1e9);
    figures.add("cpu_ns", team.cpu_ns() / double(got.load()));
}

template <class Cond> void notify_rows(const std::string &library) {
    row("cond/notify_nobody/" + library, notify_nobody<Cond>);
    hand_over_rows<Duet<Cond>>("cond", library);
}

template <class Cond> void cond_rows(const std::string &library) {
    notify_rows<Cond>(library);
    for (const int waiters : {16, 64, 256}) {
        for (const bool busy : {false, true}) {
            row_apart("cond/notify_all" + std::string(busy ? "_busy/" : "/") + library +
                          "/waiters:" + std::to_string(waiters),
                      [=](Figures &f) { notify_all<Cond>(f, waiters, busy, full_or_quick(30, 10)); });
        }
    }
    for (const int pairs : {1, 4}) {
        for (const unsigned slots : {16u, 1024u}) {
            row_apart("cond/queue_" + std::to_string(pairs) + "p" + std::to_string(pairs) + "c/" + library +
                          "/slots:" + std::to_string(slots),
                      [=](Figures &f) { queue<Cond>(f, pairs, slots, full_or_quick(0.3, 0.05)); });
        }
    }
}

} // namespace

void rows() {
    row("cond/notify_nobody/limit", notify_nobody<LimitLook>);
    hand_over_limits("cond");
    cond_rows<Thrum>("thrum");
    cond_rows<Pthread>("pthread");
#ifdef THRUM_BENCH_HAS_NSYNC
    cond_rows<Nsync>("nsync");
#endif
#ifdef THRUM_BENCH_HAS_ABSL
    cond_rows<Absl>("absl");
#endif
#ifdef THRUM_BENCH_HAS_GLIB
    cond_rows<Glib>("glib");
#endif
#ifdef THRUM_BENCH_HAS_RUST
    cond_rows<ParkingLot>("parking_lot");
    cond_rows<RustStd>("rust_std");
#endif
#ifdef THRUM_BENCH_HAS_UV
    notify_rows<Uv>("libuv"); /* it is pthread's: no crowds a second time */
#endif
}

} // namespace bench
