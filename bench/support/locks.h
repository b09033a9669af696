/* SPDX-License-Identifier: MIT */
/*
 * The locks that are compared, each with acquire and release; try_acquire where it has one, and
 * wait_until (an absolute moment of CLOCK_MONOTONIC, true when acquired) where it waits by that clock.
 */
#ifndef THRUM_BENCH_SUPPORT_LOCKS_H
#define THRUM_BENCH_SUPPORT_LOCKS_H

#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <mutex>

#include <thrum/cpu.h>
#include <thrum/futex.h>
#include <thrum/lock.h>
#include <thrum/rlock.h>
#include <thrum/spinlock.h>

#include "bench.h"
#include "ck_locks.h"
#include "rivals.h"

#ifdef THRUM_BENCH_HAS_NSYNC
#include <nsync.h>
#endif
#ifdef THRUM_BENCH_HAS_ABSL
#include <absl/synchronization/mutex.h>
#endif
#ifdef THRUM_BENCH_HAS_TBB
#include <tbb/spin_mutex.h>
#endif
#ifdef THRUM_BENCH_HAS_GLIB
#include <glib.h>
#endif
#ifdef THRUM_BENCH_HAS_UV
#include <uv.h>
#endif
#ifdef THRUM_BENCH_HAS_LIBOMP
#include "libomp.h"
#endif
#ifdef THRUM_BENCH_HAS_RUST
#include "rust.h"
#endif
#ifdef THRUM_BENCH_HAS_BOOST
#include <boost/thread/mutex.hpp>
#include <boost/thread/recursive_mutex.hpp>
#endif

namespace bench {

/* clang-format off */
struct ThrumLock {
    thrum_lock lock = THRUM_LOCK_INIT;
    void acquire() { thrum_lock_acquire(&lock); }
    bool try_acquire() { return thrum_lock_try_acquire(&lock); }
    bool wait_until(uint64_t ns) { return thrum_lock_acquire_until(&lock, thrum_deadline{ns}) == THRUM_OK; }
    void release() { thrum_lock_release(&lock); }
};

struct ThrumRlock {
    thrum_rlock lock = THRUM_RLOCK_INIT;
    void acquire() { thrum_rlock_acquire(&lock); }
    bool try_acquire() { return thrum_rlock_try_acquire(&lock); }
    void release() { thrum_rlock_release(&lock); }
};

struct ThrumSpinlock {
    thrum_spinlock lock = THRUM_SPINLOCK_INIT;
    void acquire() { thrum_spinlock_acquire(&lock); }
    bool try_acquire() { return thrum_spinlock_try_acquire(&lock); }
    void release() { thrum_spinlock_release(&lock); }
};

template <int type> struct PthreadMutex {
    pthread_mutex_t mutex;
    PthreadMutex() {
        pthread_mutexattr_t attributes;
        pthread_mutexattr_init(&attributes);
        pthread_mutexattr_settype(&attributes, type);
        pthread_mutex_init(&mutex, &attributes);
        pthread_mutexattr_destroy(&attributes);
    }
    void acquire() { pthread_mutex_lock(&mutex); }
    bool try_acquire() { return pthread_mutex_trylock(&mutex) == 0; }
#ifdef __GLIBC__
    bool wait_until(uint64_t ns) {
        const timespec end = {time_t(ns / 1000000000u), long(ns % 1000000000u)};
        return pthread_mutex_clocklock(&mutex, CLOCK_MONOTONIC, &end) == 0;
    }
#endif
    void release() { pthread_mutex_unlock(&mutex); }
};
using PthreadNormal = PthreadMutex<PTHREAD_MUTEX_NORMAL>;
using PthreadRecursive = PthreadMutex<PTHREAD_MUTEX_RECURSIVE>;
#ifdef PTHREAD_ADAPTIVE_MUTEX_INITIALIZER_NP
#define THRUM_BENCH_HAS_ADAPTIVE 1
using PthreadAdaptive = PthreadMutex<PTHREAD_MUTEX_ADAPTIVE_NP>;
#endif

struct PthreadSpin {
    pthread_spinlock_t lock;
    PthreadSpin() { pthread_spin_init(&lock, PTHREAD_PROCESS_PRIVATE); }
    void acquire() { pthread_spin_lock(&lock); }
    bool try_acquire() { return pthread_spin_trylock(&lock) == 0; }
    void release() { pthread_spin_unlock(&lock); }
};

/* A Lockable of the C++ standard's shape. */
template <class M> struct Lockable {
    M mutex;
    void acquire() { mutex.lock(); }
    bool try_acquire() { return mutex.try_lock(); }
    void release() { mutex.unlock(); }
};
using StdMutex = Lockable<std::mutex>;
using StdRecursive = Lockable<std::recursive_mutex>;
#ifdef THRUM_BENCH_HAS_BOOST
using BoostMutex = Lockable<boost::mutex>;
using BoostRecursive = Lockable<boost::recursive_mutex>;
#endif
#ifdef THRUM_BENCH_HAS_TBB
using TbbSpin = Lockable<tbb::spin_mutex>;
#endif

#ifdef THRUM_BENCH_HAS_NSYNC
struct NsyncMu {
    nsync::nsync_mu mu = NSYNC_MU_INIT;
    void acquire() { nsync::nsync_mu_lock(&mu); }
    bool try_acquire() { return nsync::nsync_mu_trylock(&mu) != 0; }
    void release() { nsync::nsync_mu_unlock(&mu); }
};
#endif

#ifdef THRUM_BENCH_HAS_ABSL
struct AbslMutex {
    absl::Mutex mutex;
    void acquire() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex.Lock(); }
    bool try_acquire() ABSL_NO_THREAD_SAFETY_ANALYSIS { return mutex.TryLock(); }
    void release() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex.Unlock(); }
};
#endif

#ifdef THRUM_BENCH_HAS_GLIB
struct GlibMutex {
    GMutex mutex = {};
    void acquire() { g_mutex_lock(&mutex); }
    bool try_acquire() { return g_mutex_trylock(&mutex); }
    void release() { g_mutex_unlock(&mutex); }
};
struct GlibRecursive {
    GRecMutex mutex = {};
    void acquire() { g_rec_mutex_lock(&mutex); }
    bool try_acquire() { return g_rec_mutex_trylock(&mutex); }
    void release() { g_rec_mutex_unlock(&mutex); }
};
#endif

#ifdef THRUM_BENCH_HAS_UV
template <int (*init)(uv_mutex_t *)> struct Uv {
    uv_mutex_t mutex;
    Uv() { init(&mutex); }
    ~Uv() { uv_mutex_destroy(&mutex); }
    void acquire() { uv_mutex_lock(&mutex); }
    bool try_acquire() { return uv_mutex_trylock(&mutex) == 0; }
    void release() { uv_mutex_unlock(&mutex); }
};
using UvMutex = Uv<uv_mutex_init>;
using UvRecursive = Uv<uv_mutex_init_recursive>;
#endif

#ifdef THRUM_BENCH_HAS_RUST
struct ParkingLot {
    rust_mutex mutex = {};
    void acquire() { rust_mutex_lock(&mutex); }
    bool try_acquire() { return rust_mutex_try_lock(&mutex); }
    void release() { rust_mutex_unlock(&mutex); }
};
struct ParkingLotReentrant {
    rust_reentrant mutex = {};
    void acquire() { rust_reentrant_lock(&mutex); }
    bool try_acquire() { return rust_reentrant_try_lock(&mutex); }
    void release() { rust_reentrant_unlock(&mutex); }
};
struct RustStd {
    rust_std_monitor *const monitor = rust_std_monitor_new();
    ~RustStd() { rust_std_monitor_free(monitor); }
    void acquire() { rust_std_monitor_lock(monitor); }
    bool try_acquire() { return rust_std_monitor_try_lock(monitor); }
    void release() { rust_std_monitor_unlock(monitor); }
};
#endif

#ifdef THRUM_BENCH_HAS_CK
struct CkFas {
    bench_ck_lock lock = {};
    void acquire() { bench_ck_fas_acquire(&lock); }
    bool try_acquire() { return bench_ck_fas_try_acquire(&lock); }
    void release() { bench_ck_fas_release(&lock); }
};
struct CkTicket {
    bench_ck_lock lock = {};
    void acquire() { bench_ck_ticket_acquire(&lock); }
    void release() { bench_ck_ticket_release(&lock); }
};
#endif
/* clang-format on */

/* Test, test-and-set, and a yield after fifty looks: what barging alone can do. No fairness at all. */
struct YieldingSpin {
    std::atomic<unsigned> held{0};
    bool try_acquire() {
        return !held.load(std::memory_order_relaxed) && !held.exchange(1, std::memory_order_acquire);
    }
    void acquire() {
        for (unsigned look = 1; !try_acquire(); look++) {
            if (look % 50 == 0)
                sched_yield();
            else
                thrum_cpu_pause();
        }
    }
    void release() {
        held.store(0, std::memory_order_release);
    }
};

/*
 * One compare-and-swap, and the cheapest instruction that releases and tells the releaser whether somebody
 * waits: a subtraction of which the processor's flags are read, or an exchange. Processors differ in which.
 */
template <bool exchanges> struct LimitOfLock {
    std::atomic<uint32_t> word{0};
    void acquire() {
        uint32_t expected = 0;
        word.compare_exchange_strong(expected, 1, std::memory_order_acquire, std::memory_order_relaxed);
        benchmark::DoNotOptimize(expected);
    }
    void release() {
        if (exchanges)
            benchmark::DoNotOptimize(word.exchange(0, std::memory_order_release));
        else if (word.fetch_sub(1, std::memory_order_release) != 1)
            abort();
    }
};
using LimitPair = LimitOfLock<false>;
using LimitExchange = LimitOfLock<true>;

/* What a try on a held lock must do: a load, and no store. */
struct LimitHeld {
    std::atomic<uint32_t> word{0};
    void acquire() {
        word.store(1, std::memory_order_relaxed);
    }
    bool try_acquire() {
        return word.load(std::memory_order_relaxed) == 0;
    }
    void release() {
        word.store(0, std::memory_order_relaxed);
    }
};

/* The same with an owner's number and a depth: it never waits, checks no release and no depth. */
struct LimitOwned {
    LimitPair pair;
    uint32_t depth = 0;
    std::atomic<uint64_t> owner{0};
    static inline thread_local uint64_t me = 1;
    void acquire() {
        if (owner.load(std::memory_order_relaxed) != me) {
            pair.acquire();
            owner.store(me, std::memory_order_relaxed);
        }
        depth++;
    }
    void release() {
        if (--depth) return;
        owner.store(0, std::memory_order_relaxed);
        pair.release();
    }
};

/* A compare-and-swap and a plain store: the limit of a lock that keeps no waiters. */
struct LimitStore {
    std::atomic<uint32_t> word{0};
    void acquire() {
        uint32_t expected = 0;
        word.compare_exchange_strong(expected, 1, std::memory_order_acquire, std::memory_order_relaxed);
        benchmark::DoNotOptimize(expected);
    }
    void release() {
        word.store(0, std::memory_order_release);
    }
};

/* Sleeps at once, and its release always wakes one: the cost of a wake and nothing else. */
struct RawFutexLock {
    thrum_u32 word = {};
    bool wait_until(uint64_t ns) {
        while (thrum_u32_exchange_acquire(&word, 1) != 0) {
            if (thrum_futex_wait(&word, 1, THRUM_FUTEX_ANY, false, thrum_deadline{ns}) ==
                THRUM_FUTEX_TIMED_OUT)
                return false;
        }
        return true;
    }
    void acquire() {
        wait_until(THRUM_FOREVER.ns);
    }
    void release() {
        thrum_u32_store_release(&word, 0);
        thrum_futex_wake(&word, 1, THRUM_FUTEX_ANY, false);
    }
};

/* Its sleep has an end, which it does not reach: what a kernel's timer costs the wake. */
struct TimedFutexLock : RawFutexLock {
    void acquire() {
        while (!wait_until(now_ns() + 500000)) {
        }
    }
};

} // namespace bench

#endif
