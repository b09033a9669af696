/* SPDX-License-Identifier: MIT */
#include "support/bench.h"
#include "support/handover.h"
#include "support/overshoot.h"
#include "support/rivals.h"

#include <semaphore.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include <thrum/semaphore.h>

#ifdef THRUM_BENCH_HAS_STD20
#include <semaphore>
#endif
#ifdef THRUM_BENCH_HAS_UV
#include <uv.h>
#endif
#ifdef THRUM_BENCH_HAS_MOODYCAMEL
#include <concurrentqueue/concurrentqueue.h> /* defines what the next one needs */
#include <concurrentqueue/lightweightsemaphore.h>
#endif

namespace bench {
namespace {

/* clang-format off */
struct Thrum {
    thrum_semaphore semaphore = THRUM_SEMAPHORE_INIT(0);
    void acquire() { thrum_semaphore_acquire(&semaphore); }
    bool wait_until(uint64_t ns) {
        return thrum_semaphore_acquire_until(&semaphore, thrum_deadline{ns}) == THRUM_OK;
    }
    bool try_acquire() { return thrum_semaphore_try_acquire(&semaphore); }
    void release() { (void)thrum_semaphore_release(&semaphore); }
};

struct Bounded {
    thrum_bounded_semaphore semaphore = THRUM_BOUNDED_SEMAPHORE_INIT(1 << 20);
    Bounded() {
        for (int i = 0; i < 1 << 20; i++) thrum_bounded_semaphore_acquire(&semaphore);
    }
    void acquire() { thrum_bounded_semaphore_acquire(&semaphore); }
    bool try_acquire() { return thrum_bounded_semaphore_try_acquire(&semaphore); }
    void release() { (void)thrum_bounded_semaphore_release(&semaphore); }
};

struct Pthread {
    sem_t semaphore;
    Pthread() { sem_init(&semaphore, 0, 0); }
    void acquire() {
        while (sem_wait(&semaphore) != 0) {
        }
    }
#ifdef __GLIBC__
    bool wait_until(uint64_t ns) {
        const timespec end = {time_t(ns / 1000000000u), long(ns % 1000000000u)};
        int status;
        do status = sem_clockwait(&semaphore, CLOCK_MONOTONIC, &end);
        while (status != 0 && errno == EINTR);
        return status == 0;
    }
#endif
    bool try_acquire() { return sem_trywait(&semaphore) == 0; }
    void release() { sem_post(&semaphore); }
};

#ifdef THRUM_BENCH_HAS_STD20
struct Std {
    std::counting_semaphore<> semaphore{0};
    void acquire() { semaphore.acquire(); }
    bool try_acquire() { return semaphore.try_acquire(); }
    void release() { semaphore.release(); }
};
#endif

#ifdef THRUM_BENCH_HAS_MOODYCAMEL
struct Moodycamel {
    moodycamel::LightweightSemaphore semaphore;
    void acquire() {
        while (!semaphore.wait()) {
        }
    }
    bool try_acquire() { return semaphore.tryWait(); }
    void release() { semaphore.signal(); }
};
#endif
#ifdef THRUM_BENCH_HAS_UV
struct Uv {
    uv_sem_t semaphore;
    Uv() { uv_sem_init(&semaphore, 0); }
    ~Uv() { uv_sem_destroy(&semaphore); }
    void acquire() { uv_sem_wait(&semaphore); }
    bool try_acquire() { return uv_sem_trywait(&semaphore) == 0; }
    void release() { uv_sem_post(&semaphore); }
};
#endif
/* clang-format on */

/* Two additions to one word that say what was there: value and waiters change in one step. A try looks. */
struct Limit {
    std::atomic<uint64_t> word{0};
    void acquire() {
        benchmark::DoNotOptimize(word.fetch_sub(1, std::memory_order_acquire));
    }
    bool try_acquire() {
        return word.load(std::memory_order_relaxed) != 0;
    }
    void release() {
        benchmark::DoNotOptimize(word.fetch_add(1, std::memory_order_release));
    }
};

/* Sleeps at once: one wait of the kernel's, and its timer. */
struct LimitFutex {
    thrum_u32 word = {};
    bool wait_until(uint64_t ns) {
        while (thrum_futex_wait(&word, 0, THRUM_FUTEX_ANY, false, thrum_deadline{ns}) !=
               THRUM_FUTEX_TIMED_OUT) {
        }
        return false;
    }
};

template <class Semaphore> void release_and_acquire(benchmark::State &state) {
    Padded<Semaphore> semaphore;
    for (auto _ : state) {
        semaphore.value.release();
        semaphore.value.acquire();
    }
}

template <class Semaphore> void try_empty(benchmark::State &state) {
    Padded<Semaphore> semaphore;
    for (auto _ : state) benchmark::DoNotOptimize(semaphore.value.try_acquire());
}

template <class Semaphore> struct Duet {
    Padded<Semaphore> semaphores[2];
    void give(int side) {
        semaphores[side].value.release();
    }
    void take(int side) {
        semaphores[side].value.acquire();
    }
};

/*
 * Four producers and four consumers pass permits through sixteen slots: the two semaphores alone, no
 * queue. The pair counts every permit: what is put is got, and never more than the slots are full.
 */
template <class Semaphore> void slots(Figures &figures, double seconds) {
    constexpr int pairs = 4;
    constexpr int slot_count = 16;
    struct Arena {
        Padded<Semaphore> empty;
        Padded<Semaphore> full;
        Padded<std::atomic<bool>> stop;
        Padded<uint64_t> passed[2 * pairs];
    };
    const auto arena = std::make_unique<Arena>();
    for (int i = 0; i < slot_count; i++) arena->empty.value.release();
    Team team(2 * pairs, Place::anywhere, [&](int index) {
        Semaphore &from = index % 2 ? arena->full.value : arena->empty.value;
        Semaphore &to = index % 2 ? arena->empty.value : arena->full.value;
        uint64_t passed = 0;
        for (;; passed++) {
            from.acquire();
            if (arena->stop.value.load(std::memory_order_relaxed)) break;
            to.release();
        }
        arena->passed[index].value = passed;
    });
    const uint64_t begun = team.start();
    usleep(useconds_t(seconds * 1e6));
    arena->stop.value.store(true, std::memory_order_relaxed);
    const uint64_t ended = now_ns();
    for (int i = 0; i < pairs; i++) { /* one permit for each that may wait */
        arena->empty.value.release();
        arena->full.value.release();
    }
    team.join();
    uint64_t put = 0;
    uint64_t got = 0;
    for (int i = 0; i < 2 * pairs; i++) (i % 2 ? got : put) += arena->passed[i].value;
    if (got > put || put - got > slot_count) {
        figures.fail("%llu put, %llu got", static_cast<unsigned long long>(put),
                     static_cast<unsigned long long>(got));
        return;
    }
    figures.ns = double(ended - begun) / double(got);
    figures.add("per_second", double(got) / double(ended - begun) * 1e9);
    figures.add("cpu_ns", team.cpu_ns() / double(got));
}

template <class Semaphore> void timeout_row(const std::string &library) {
    overshoot_row<Semaphore>("semaphore", library, [](Semaphore &) {}); /* it has no permit */
}

template <class Semaphore> void semaphore_rows(const std::string &library) {
    row("semaphore/uncontended/" + library, release_and_acquire<Semaphore>);
    row("semaphore/try_empty/" + library, try_empty<Semaphore>);
    hand_over_rows<Duet<Semaphore>>("semaphore", library);
    row_apart("semaphore/slots_4p4c/" + library,
              [](Figures &f) { slots<Semaphore>(f, full_or_quick(0.3, 0.05)); });
}

} // namespace

void rows() {
    row("semaphore/uncontended/limit", release_and_acquire<Limit>);
    row("semaphore/try_empty/limit", try_empty<Limit>);
    hand_over_limits("semaphore");
    timeout_row<LimitFutex>("limit");
    semaphore_rows<Thrum>("thrum");
    timeout_row<Thrum>("thrum");
    row("semaphore/uncontended/thrum_bounded", release_and_acquire<Bounded>);
    row("semaphore/try_empty/thrum_bounded", try_empty<Bounded>);
    semaphore_rows<Pthread>("pthread");
#ifdef __GLIBC__
    timeout_row<Pthread>("pthread");
#endif
#ifdef THRUM_BENCH_HAS_STD20
    semaphore_rows<Std>("std");
#endif
#ifdef THRUM_BENCH_HAS_MOODYCAMEL
    semaphore_rows<Moodycamel>("moodycamel");
#endif
#ifdef THRUM_BENCH_HAS_UV
    semaphore_rows<Uv>("libuv");
#endif
}

} // namespace bench
