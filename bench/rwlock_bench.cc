/* SPDX-License-Identifier: MIT */
/*
 * Readers and writers: a read alone and two at once, a write alone, and both in mixtures by up to 64 threads.
 * A library's lock is of one word (or nearly), or keeps something for each reader; the two kinds are compared
 * in rows of their own.
 */
#include "support/bench.h"
#include "support/ck_locks.h"
#include "support/histogram.h"
#include "support/rivals.h"

#include <pthread.h>
#include <unistd.h>

#include <memory>
#include <shared_mutex>

#include <thrum/rwlock.h>

#ifdef THRUM_BENCH_HAS_NSYNC
#include <nsync.h>
#endif
#ifdef THRUM_BENCH_HAS_ABSL
#include <absl/synchronization/mutex.h>
#endif
#ifdef THRUM_BENCH_HAS_TBB
#include <oneapi/tbb/rw_mutex.h>
#include <oneapi/tbb/spin_rw_mutex.h>
#endif
#ifdef THRUM_BENCH_HAS_BOOST
#include <boost/thread/shared_mutex.hpp>
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

/* clang-format off */
#ifdef THRUM_BENCH_HAS_GLIB
struct Glib {
    GRWLock lock = {};
    bool try_read() { return g_rw_lock_reader_trylock(&lock); }
    bool try_write() { return g_rw_lock_writer_trylock(&lock); }
    void acquire_read() { g_rw_lock_reader_lock(&lock); }
    void release_read() { g_rw_lock_reader_unlock(&lock); }
    void acquire_write() { g_rw_lock_writer_lock(&lock); }
    void release_write() { g_rw_lock_writer_unlock(&lock); }
};
#endif

#ifdef THRUM_BENCH_HAS_RUST
struct ParkingLot {
    rust_rwlock lock = {};
    bool try_read() { return rust_rwlock_try_read(&lock); }
    bool try_write() { return rust_rwlock_try_write(&lock); }
    void acquire_read() { rust_rwlock_read(&lock); }
    void release_read() { rust_rwlock_read_end(&lock); }
    void acquire_write() { rust_rwlock_write(&lock); }
    void release_write() { rust_rwlock_write_end(&lock); }
};
struct RustStd {
    rust_std_rwlock *const lock = rust_std_rwlock_new();
    ~RustStd() { rust_std_rwlock_free(lock); }
    bool try_read() { return rust_std_rwlock_try_read(lock); }
    bool try_write() { return rust_std_rwlock_try_write(lock); }
    void acquire_read() { rust_std_rwlock_read(lock); }
    void release_read() { rust_std_rwlock_read_end(lock); }
    void acquire_write() { rust_std_rwlock_write(lock); }
    void release_write() { rust_std_rwlock_write_end(lock); }
};
#endif

#ifdef THRUM_BENCH_HAS_UV
struct Uv {
    uv_rwlock_t lock;
    Uv() { uv_rwlock_init(&lock); }
    ~Uv() { uv_rwlock_destroy(&lock); }
    bool try_read() { return uv_rwlock_tryrdlock(&lock) == 0; }
    bool try_write() { return uv_rwlock_trywrlock(&lock) == 0; }
    void acquire_read() { uv_rwlock_rdlock(&lock); }
    void release_read() { uv_rwlock_rdunlock(&lock); }
    void acquire_write() { uv_rwlock_wrlock(&lock); }
    void release_write() { uv_rwlock_wrunlock(&lock); }
};
#endif

struct Thrum {
    thrum_rwlock lock = THRUM_RWLOCK_INIT;
    bool try_read() { return thrum_rwlock_try_acquire_read(&lock); }
    bool try_write() { return thrum_rwlock_try_acquire_write(&lock); }
    void acquire_read() { thrum_rwlock_acquire_read(&lock); }
    void release_read() { thrum_rwlock_release_read(&lock); }
    void acquire_write() { thrum_rwlock_acquire_write(&lock); }
    void release_write() { thrum_rwlock_release_write(&lock); }
};

struct ThrumSharded {
    thrum_rwlock_slot slots[128] = {};
    thrum_sharded_rwlock lock = THRUM_SHARDED_RWLOCK_INIT(slots, 128);
    void acquire_read() { thrum_sharded_rwlock_acquire_read(&lock); }
    void release_read() { thrum_sharded_rwlock_release_read(&lock); }
    void acquire_write() { thrum_sharded_rwlock_acquire_write(&lock); }
    void release_write() { thrum_sharded_rwlock_release_write(&lock); }
};

template <int kind> struct Pthread {
    pthread_rwlock_t lock;
    Pthread() {
        pthread_rwlockattr_t attributes;
        pthread_rwlockattr_init(&attributes);
#ifdef __GLIBC__
        pthread_rwlockattr_setkind_np(&attributes, kind);
#endif
        pthread_rwlock_init(&lock, &attributes);
        pthread_rwlockattr_destroy(&attributes);
    }
    bool try_read() { return pthread_rwlock_tryrdlock(&lock) == 0; }
    bool try_write() { return pthread_rwlock_trywrlock(&lock) == 0; }
    void acquire_read() { pthread_rwlock_rdlock(&lock); }
    void release_read() { pthread_rwlock_unlock(&lock); }
    void acquire_write() { pthread_rwlock_wrlock(&lock); }
    void release_write() { pthread_rwlock_unlock(&lock); }
};

/* The standard's shape. */
template <class M> struct Shared {
    M mutex;
    bool try_read() { return mutex.try_lock_shared(); }
    bool try_write() { return mutex.try_lock(); }
    void acquire_read() { mutex.lock_shared(); }
    void release_read() { mutex.unlock_shared(); }
    void acquire_write() { mutex.lock(); }
    void release_write() { mutex.unlock(); }
};

#ifdef THRUM_BENCH_HAS_NSYNC
struct Nsync {
    nsync::nsync_mu mu = NSYNC_MU_INIT;
    bool try_read() { return nsync::nsync_mu_rtrylock(&mu) != 0; }
    bool try_write() { return nsync::nsync_mu_trylock(&mu) != 0; }
    void acquire_read() { nsync::nsync_mu_rlock(&mu); }
    void release_read() { nsync::nsync_mu_runlock(&mu); }
    void acquire_write() { nsync::nsync_mu_lock(&mu); }
    void release_write() { nsync::nsync_mu_unlock(&mu); }
};
#endif

#ifdef THRUM_BENCH_HAS_ABSL
struct Absl {
    absl::Mutex mutex;
    bool try_read() ABSL_NO_THREAD_SAFETY_ANALYSIS { return mutex.ReaderTryLock(); }
    bool try_write() ABSL_NO_THREAD_SAFETY_ANALYSIS { return mutex.TryLock(); }
    void acquire_read() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex.ReaderLock(); }
    void release_read() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex.ReaderUnlock(); }
    void acquire_write() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex.Lock(); }
    void release_write() ABSL_NO_THREAD_SAFETY_ANALYSIS { mutex.Unlock(); }
};
#endif

#ifdef THRUM_BENCH_HAS_CK
struct CkRw {
    bench_ck_lock lock = {};
    bool try_read() { return bench_ck_rw_try_read(&lock); }
    bool try_write() { return bench_ck_rw_try_write(&lock); }
    void acquire_read() { bench_ck_rw_acquire_read(&lock); }
    void release_read() { bench_ck_rw_release_read(&lock); }
    void acquire_write() { bench_ck_rw_acquire_write(&lock); }
    void release_write() { bench_ck_rw_release_write(&lock); }
};
/* A reader's record is the thread's; it must not outlive the lock. */
struct CkBig {
    bench_ck_lock lock = {};
    bench_ck_br_reader *mine() {
        thread_local struct Record {
            bench_ck_br_reader reader = {};
            bench_ck_lock *of = nullptr;
            ~Record() { leave(); }
            void leave() { if (of) bench_ck_br_unregister(of, &reader); of = nullptr; }
        } record;
        if (record.of != &lock) {
            bench_ck_br_register(&lock, &record.reader);
            record.of = &lock;
        }
        return &record.reader;
    }
    void acquire_read() { bench_ck_br_acquire_read(&lock, mine()); }
    void release_read() { bench_ck_br_release_read(mine()); }
    void acquire_write() { bench_ck_br_acquire_write(&lock); }
    void release_write() { bench_ck_br_release_write(&lock); }
};
struct CkPhaseFair {
    bench_ck_lock lock = {};
    void acquire_read() { bench_ck_pf_acquire_read(&lock); }
    void release_read() { bench_ck_pf_release_read(&lock); }
    void acquire_write() { bench_ck_pf_acquire_write(&lock); }
    void release_write() { bench_ck_pf_release_write(&lock); }
};
#endif
/* clang-format on */

/* Two bare additions: what a read costs whose readers are counted in one word. */
struct Limit {
    std::atomic<uint32_t> word{0};
    void acquire_read() {
        benchmark::DoNotOptimize(word.fetch_add(16, std::memory_order_acquire));
    }
    void release_read() {
        benchmark::DoNotOptimize(word.fetch_sub(16, std::memory_order_release));
    }
    void acquire_write() {
        uint32_t expected = 0;
        benchmark::DoNotOptimize(word.compare_exchange_strong(expected, 2, std::memory_order_acquire));
    }
    void release_write() {
        benchmark::DoNotOptimize(word.fetch_sub(2, std::memory_order_release));
    }
};

/* What a try on a held lock must do: a load, and no store. */
struct LimitHeld {
    std::atomic<uint32_t> word{0};
    void acquire_read() {
        word.store(16, std::memory_order_relaxed);
    }
    void acquire_write() {
        word.store(2, std::memory_order_relaxed);
    }
    bool try_read() {
        return word.load(std::memory_order_relaxed) < 2;
    }
    bool try_write() {
        return word.load(std::memory_order_relaxed) == 0;
    }
    void release_read() {}
    void release_write() {}
};

/* What a reader cannot do without that nobody waits for: a store of its own before, one after, and a look. */
struct LimitOwn {
    Padded<std::atomic<uint32_t>> closed{};
    Padded<std::atomic<uint32_t>> own[2]{};
    static inline std::atomic<unsigned> next{0};
    std::atomic<uint32_t> &mine() {
        thread_local const unsigned number = next++;
        return own[number % 2].value;
    }
    void acquire_read() {
        mine().store(1, std::memory_order_relaxed);
        benchmark::DoNotOptimize(closed.value.load(std::memory_order_acquire));
    }
    void release_read() {
        mine().store(0, std::memory_order_release);
        benchmark::DoNotOptimize(closed.value.load(std::memory_order_relaxed));
    }
};

template <class Lock> void read_alone(benchmark::State &state) {
    static Padded<Lock> lock; /* static: a thread may keep something for it until it ends */
    for (auto _ : state) {
        lock.value.acquire_read();
        benchmark::ClobberMemory();
        lock.value.release_read();
        benchmark::ClobberMemory();
    }
}

template <class Lock> void write_alone(benchmark::State &state) {
    Padded<Lock> lock;
    for (auto _ : state) {
        lock.value.acquire_write();
        benchmark::ClobberMemory();
        lock.value.release_write();
        benchmark::ClobberMemory();
    }
}

/* Those that fail: a try to read what is written, to write what is read. */
template <class Lock> void try_rows(const std::string &library) {
    const std::string end = "_held/" + library;
    row("rwlock/try_read" + end, [](benchmark::State &state) {
        Padded<Lock> lock;
        lock.value.acquire_write();
        for (auto _ : state) benchmark::DoNotOptimize(lock.value.try_read());
        lock.value.release_write();
    });
    row("rwlock/try_write" + end, [](benchmark::State &state) {
        Padded<Lock> lock;
        lock.value.acquire_read();
        for (auto _ : state) benchmark::DoNotOptimize(lock.value.try_write());
        lock.value.release_read();
    });
}

/* Each reader on a processor of its own: what one read costs while the other reads. */
template <class Lock> void two_read(Figures &figures) {
    const auto lock = std::make_unique<Padded<Lock>>();
    const uint64_t count = full_or_quick<uint64_t>(4000000, 400000);
    std::atomic<uint64_t> busy{0};
    Team team(2, Place::across, [&](int) {
        const uint64_t begun = now_ns();
        for (uint64_t i = 0; i < count; i++) {
            lock->value.acquire_read();
            benchmark::ClobberMemory();
            lock->value.release_read();
            benchmark::ClobberMemory();
        }
        busy += now_ns() - begun;
    });
    team.start();
    team.join();
    figures.ns = double(busy.load()) / double(2 * count);
}

/* One in `every` sections of each thread is a write. What is inside lasts 50 ns. */
template <class Lock> void mix(Figures &figures, int threads, unsigned every) {
    struct Arena {
        Padded<Lock> lock;
        uint64_t pair[2] = {};
    };
    const auto arena = std::make_unique<Arena>();
    struct Own {
        uint64_t reads = 0, writes = 0;
        bool torn = false;
        Histogram read_waits, write_waits;
    };
    std::vector<Padded<Own>> own(static_cast<size_t>(threads));
    const Work inside(50);
    std::atomic<bool> over{false};
    Team team(threads, Place::anywhere, [&](int index) {
        Own &mine = own[size_t(index)].value;
        Lock &lock = arena->lock.value;
        uint64_t random = uint64_t(index) * 2654435761u + 88172645463325252u;
        for (unsigned i = 0; !over.load(std::memory_order_relaxed); i++) {
            random ^= random << 13, random ^= random >> 7, random ^= random << 17;
            const bool writes = random % every == 0, timed = writes || i % 17 == 0;
            const uint64_t begun = timed ? now_ns() : 0;
            if (writes) {
                lock.acquire_write();
                mine.write_waits.add(now_ns() - begun);
                arena->pair[0]++;
                inside.run();
                arena->pair[1]++;
                lock.release_write();
                mine.writes++;
            } else {
                lock.acquire_read();
                if (timed) mine.read_waits.add(now_ns() - begun);
                const uint64_t first = arena->pair[0];
                inside.run();
                mine.torn |= first != arena->pair[1];
                lock.release_read();
                mine.reads++;
            }
        }
    });
    const uint64_t begun = team.start();
    usleep(useconds_t(full_or_quick(200000, 40000)));
    over = true;
    const double wall = double(now_ns() - begun);
    team.join();
    uint64_t reads = 0, writes = 0;
    Histogram read_waits, write_waits;
    for (const auto &thread : own) {
        reads += thread.value.reads;
        writes += thread.value.writes;
        read_waits.merge(thread.value.read_waits);
        write_waits.merge(thread.value.write_waits);
        if (thread.value.torn) figures.fail("a reader saw half a write");
    }
    if (writes != arena->pair[0]) figures.fail("lost writes");
    figures.ns = wall / double(reads + writes);
    figures.add("cpu_ns", team.cpu_ns() / double(reads + writes));
    figures.add("read_p99_us", read_waits.percentile(0.99) / 1e3);
    figures.add("read_max_us", read_waits.max() / 1e3);
    figures.add("write_p50_us", write_waits.percentile(0.5) / 1e3);
    figures.add("write_p99_us", write_waits.percentile(0.99) / 1e3);
    figures.add("write_max_us", write_waits.max() / 1e3);
}

template <class Lock> void read_rows(const std::string &library) {
    row("rwlock/read/" + library, read_alone<Lock>);
    row("rwlock/write/" + library, write_alone<Lock>);
    row_apart("rwlock/two_read/" + library, two_read<Lock>);
    if constexpr (requires(Lock & lock) { lock.try_read(); }) try_rows<Lock>(library);
}

/* The same rows under names of their own, for locks that keep something for each reader. */
template <class Lock> void read_mostly_rows(const std::string &library) {
    row("rwlock/read_mostly/" + library, read_alone<Lock>);
    row_apart("rwlock/two_read_mostly/" + library, two_read<Lock>);
}
template <class Lock> void mixed_read_mostly_rows(const std::string &library) {
    read_mostly_rows<Lock>(library);
    row("rwlock/write_read_mostly/" + library, write_alone<Lock>);
    for (const int threads : {2, 8})
        for (const unsigned every : {10000u, 100u})
            row_apart("rwlock/mixed_read_mostly/" + library + "/threads:" + std::to_string(threads) +
                          "/one_write_in:" + std::to_string(every),
                      [=](Figures &f) { mix<Lock>(f, threads, every); });
}

template <class Lock> void all_rows(const std::string &library) {
    read_rows<Lock>(library);
    for (const int threads : {2, 4, 8, 16, 64}) {
        if (quick() && threads != 2 && threads != 16) continue;
        for (const unsigned every : {100u, 10u, 2u})
            row_apart("rwlock/mixed/" + library + "/threads:" + std::to_string(threads) +
                          "/reads:" + std::to_string(100 - 100 / every),
                      [=](Figures &f) { mix<Lock>(f, threads, every); });
    }
}

} // namespace

void rows() {
    read_mostly_rows<LimitOwn>("limit");
    mixed_read_mostly_rows<ThrumSharded>("thrum");
    mixed_read_mostly_rows<Thrum>("thrum_compact");
    mixed_read_mostly_rows<Pthread<0>>("pthread");
#ifdef THRUM_BENCH_HAS_CK
    mixed_read_mostly_rows<CkBig>("ck_brlock");
#endif
    read_rows<Limit>("limit");
    try_rows<LimitHeld>("limit");
    all_rows<Thrum>("thrum");
#ifdef __GLIBC__
    all_rows<Pthread<PTHREAD_RWLOCK_PREFER_READER_NP>>("pthread");
    all_rows<Pthread<PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP>>("pthread_writers_first");
#else
    all_rows<Pthread<0>>("pthread");
#endif
#ifdef THRUM_BENCH_HAS_NSYNC
    all_rows<Nsync>("nsync");
#endif
#ifdef THRUM_BENCH_HAS_ABSL
    all_rows<Absl>("absl");
#endif
#ifdef THRUM_BENCH_HAS_BOOST
    all_rows<Shared<boost::shared_mutex>>("boost");
#endif
#ifdef THRUM_BENCH_HAS_TBB
    all_rows<Shared<tbb::rw_mutex>>("tbb");
    all_rows<Shared<tbb::spin_rw_mutex>>("tbb_spin");
#endif
#ifdef THRUM_BENCH_HAS_CK
    all_rows<CkRw>("ck_rwlock");
    all_rows<CkPhaseFair>("ck_pflock");
#endif
#ifdef THRUM_BENCH_HAS_GLIB
    all_rows<Glib>("glib");
#endif
#ifdef THRUM_BENCH_HAS_RUST
    all_rows<ParkingLot>("parking_lot");
    all_rows<RustStd>("rust_std");
#endif
#ifdef THRUM_BENCH_HAS_UV
    read_rows<Uv>("libuv"); /* it is pthread's: not mixed a second time */
#endif
}

} // namespace bench
