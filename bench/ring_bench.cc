/* SPDX-License-Identifier: MIT */
/*
 * Pointers through a bounded ring: alone, and handed over between threads; nobody sleeps, a thread that finds
 * no room yields.
 */
#include "support/bench.h"
#include "support/rivals.h"

#include <memory>
#include <vector>

#include <pthread.h>
#include <thrum/ring.h>

#if __has_include(<boost/lockfree/queue.hpp>)
#include <boost/lockfree/queue.hpp>
#include <boost/lockfree/spsc_queue.hpp>
#endif
#ifdef THRUM_BENCH_HAS_TBB
#include <oneapi/tbb/concurrent_queue.h>
#endif
#if __has_include(<concurrentqueue/concurrentqueue.h>)
#include <concurrentqueue/concurrentqueue.h>
#endif
#ifdef THRUM_BENCH_HAS_ATOMIC_QUEUE
#include <atomic_queue/atomic_queue.h>
#endif
#ifdef THRUM_BENCH_HAS_XENIUM
#include <xenium/vyukov_bounded_queue.hpp>
#endif
#ifdef THRUM_BENCH_HAS_CDS
#include <cds/container/vyukov_mpmc_cycle_queue.h>
#endif
#ifdef THRUM_BENCH_HAS_READERWRITER
#include <readerwriterqueue.h>
#endif
#ifdef THRUM_BENCH_HAS_RUST
#include "support/rust.h"
#endif

namespace bench {
namespace {

struct Thrum {
    std::vector<thrum_ring_cell> cells;
    thrum_ring ring;
    explicit Thrum(size_t count) : cells(count) {
        (void)!thrum_ring_init(&ring, cells.data(), count);
    }
    bool put(void *item) {
        return thrum_ring_put(&ring, item) == THRUM_OK;
    }
    bool get(void *&item) {
        return thrum_ring_get(&ring, &item) == THRUM_OK;
    }
};

struct ThrumSpsc {
    std::vector<void *> items;
    thrum_ring_spsc ring;
    explicit ThrumSpsc(size_t count) : items(count) {
        (void)!thrum_ring_spsc_init(&ring, items.data(), count);
    }
    bool put(void *item) {
        return thrum_ring_spsc_put(&ring, item) == THRUM_OK;
    }
    bool get(void *&item) {
        return thrum_ring_spsc_get(&ring, &item) == THRUM_OK;
    }
};

/* Vyukov's queue as one writes it by hand: no bound but its cells, never closed. */
struct Limit {
    struct Cell {
        std::atomic<uint64_t> turn;
        void *item;
    };
    std::unique_ptr<Cell[]> cells;
    uint64_t mask;
    Padded<std::atomic<uint64_t>> tail, head;
    explicit Limit(size_t count) : cells(new Cell[count]), mask(count - 1) {
        for (size_t i = 0; i < count; i++) cells[i].turn.store(i, std::memory_order_relaxed);
    }
    bool put(void *item) {
        uint64_t place = tail.value.load(std::memory_order_relaxed);
        Cell *cell;
        for (;;) {
            cell = &cells[place & mask];
            const int64_t ahead = int64_t(cell->turn.load(std::memory_order_acquire) - place);
            if (ahead < 0) return false;
            if (ahead > 0)
                place = tail.value.load(std::memory_order_relaxed);
            else if (tail.value.compare_exchange_weak(place, place + 1, std::memory_order_relaxed))
                break;
        }
        cell->item = item;
        cell->turn.store(place + 1, std::memory_order_release);
        return true;
    }
    bool get(void *&item) {
        uint64_t place = head.value.load(std::memory_order_relaxed);
        Cell *cell;
        for (;;) {
            cell = &cells[place & mask];
            const int64_t ahead = int64_t(cell->turn.load(std::memory_order_acquire) - (place + 1));
            if (ahead < 0) return false;
            if (ahead > 0)
                place = head.value.load(std::memory_order_relaxed);
            else if (head.value.compare_exchange_weak(place, place + 1, std::memory_order_relaxed))
                break;
        }
        item = cell->item;
        cell->turn.store(place + mask + 1, std::memory_order_release);
        return true;
    }
};

/* A mutex around an array. */
struct Pthread {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    std::vector<void *> items;
    size_t tail = 0, head = 0;
    explicit Pthread(size_t count) : items(count) {}
    bool put(void *item) {
        pthread_mutex_lock(&mutex);
        const bool room = tail - head < items.size();
        if (room) items[tail++ % items.size()] = item;
        pthread_mutex_unlock(&mutex);
        return room;
    }
    bool get(void *&item) {
        pthread_mutex_lock(&mutex);
        const bool any = tail != head;
        if (any) item = items[head++ % items.size()];
        pthread_mutex_unlock(&mutex);
        return any;
    }
};

#if __has_include(<boost/lockfree/queue.hpp>)
struct Boost {
    boost::lockfree::queue<void *, boost::lockfree::fixed_sized<true>> queue;
    explicit Boost(size_t count) : queue(count) {}
    bool put(void *item) {
        return queue.push(item);
    }
    bool get(void *&item) {
        return queue.pop(item);
    }
};

struct BoostSpsc {
    boost::lockfree::spsc_queue<void *> queue;
    explicit BoostSpsc(size_t count) : queue(count) {}
    bool put(void *item) {
        return queue.push(item);
    }
    bool get(void *&item) {
        return queue.pop(item);
    }
};
#endif

#ifdef THRUM_BENCH_HAS_TBB
struct Tbb {
    tbb::concurrent_bounded_queue<void *> queue;
    explicit Tbb(size_t count) {
        queue.set_capacity(std::ptrdiff_t(count));
    }
    bool put(void *item) {
        return queue.try_push(item);
    }
    bool get(void *&item) {
        return queue.try_pop(item);
    }
};
#endif

#if __has_include(<concurrentqueue/concurrentqueue.h>)
/* As bounded as it goes: it does not allocate beyond its blocks. No order among producers. */
struct Moodycamel {
    moodycamel::ConcurrentQueue<void *> queue;
    explicit Moodycamel(size_t count) : queue(count) {}
    bool put(void *item) {
        return queue.try_enqueue(item);
    }
    bool get(void *&item) {
        return queue.try_dequeue(item);
    }
};
#endif

#ifdef THRUM_BENCH_HAS_ATOMIC_QUEUE
/* Its size is given when it is made, as ours is. */
template <bool spsc> struct AtomicQueue {
    atomic_queue::AtomicQueueB<void *, std::allocator<void *>, nullptr, true, false, spsc> queue;
    explicit AtomicQueue(size_t count) : queue(unsigned(count)) {}
    bool put(void *item) {
        return queue.try_push(item);
    }
    bool get(void *&item) {
        return queue.try_pop(item);
    }
};
#endif

#ifdef THRUM_BENCH_HAS_XENIUM
struct Xenium {
    xenium::vyukov_bounded_queue<void *> queue;
    explicit Xenium(size_t count) : queue(count) {}
    bool put(void *item) {
        return queue.try_push(item);
    }
    bool get(void *&item) {
        return queue.try_pop(item);
    }
};
#endif

#ifdef THRUM_BENCH_HAS_CDS
struct Cds {
    cds::container::VyukovMPMCCycleQueue<void *> queue;
    explicit Cds(size_t count) : queue(count) {}
    bool put(void *item) {
        return queue.enqueue(item);
    }
    bool get(void *&item) {
        return queue.dequeue(item);
    }
};
#endif

#ifdef THRUM_BENCH_HAS_READERWRITER
struct ReaderWriter {
    moodycamel::ReaderWriterQueue<void *> queue;
    explicit ReaderWriter(size_t count) : queue(count) {}
    bool put(void *item) {
        return queue.try_enqueue(item);
    }
    bool get(void *&item) {
        return queue.try_dequeue(item);
    }
};
#endif

#ifdef THRUM_BENCH_HAS_RUST
struct Crossbeam {
    rust_ring *ring;
    explicit Crossbeam(size_t count) : ring(rust_ring_new(count)) {}
    ~Crossbeam() {
        rust_ring_free(ring);
    }
    bool put(void *item) {
        return rust_ring_put(ring, size_t(item));
    }
    bool get(void *&item) {
        const size_t got = rust_ring_get(ring);
        if (got) item = reinterpret_cast<void *>(got);
        return got != 0;
    }
};
#endif

/* One thread, one item in it at a time. */
template <class Ring> void put_get(benchmark::State &state) {
    Ring ring(64);
    void *item = &ring;
    for (auto _ : state) {
        benchmark::DoNotOptimize(ring.put(item));
        benchmark::DoNotOptimize(ring.get(item));
    }
}

/* A few pauses, then the processor. */
struct Patience {
    unsigned failures = 0;
    void wait() {
        if (++failures % 32)
            thrum_cpu_pause();
        else
            sched_yield();
    }
};

/* `pairs` producers and as many consumers; the time is one item's, all threads together. */
template <class Ring> void hand_over(Figures &figures, size_t cells, int pairs) {
    Ring ring(cells);
    const uint64_t items = full_or_quick<uint64_t>(4000000, 400000) / uint64_t(pairs) * uint64_t(pairs);
    std::atomic<uint64_t> lost{0};
    Team team(2 * pairs, pairs == 1 ? Place::across : Place::anywhere, [&](int number) {
        Patience patience;
        void *item = &ring;
        for (uint64_t i = 0; i < items / uint64_t(pairs); i++)
            if (number % 2)
                while (!ring.get(item)) patience.wait();
            else
                while (!ring.put(item)) patience.wait();
        if (item != &ring) lost++;
    });
    const uint64_t begin = team.start();
    team.join();
    figures.ns = double(now_ns() - begin) / double(items);
    if (lost) figures.fail("another item came out");
}

template <class Ring> void both_rows(const char *library) {
    row(std::string("ring/put_get/") + library, put_get<Ring>);
    for (const int pairs : {1, 2, 4, 8})
        for (const size_t cells : {64, 1024})
            row_apart("ring/hand_over/" + std::string(library) + "/cells:" + std::to_string(cells) +
                          "/pairs:" + std::to_string(pairs),
                      [=](Figures &figures) { hand_over<Ring>(figures, cells, pairs); });
}

template <class Ring> void spsc_rows(const char *library) {
    row(std::string("ring/spsc_put_get/") + library, put_get<Ring>);
    row_apart("ring/spsc_hand_over/" + std::string(library) + "/cells:1024",
              [](Figures &figures) { hand_over<Ring>(figures, 1024, 1); });
}

} // namespace

void rows() {
    both_rows<Thrum>("thrum");
    both_rows<Limit>("limit");
    both_rows<Pthread>("pthread");
#if __has_include(<boost/lockfree/queue.hpp>)
    both_rows<Boost>("boost");
#endif
#ifdef THRUM_BENCH_HAS_TBB
    both_rows<Tbb>("tbb");
#endif
#if __has_include(<concurrentqueue/concurrentqueue.h>)
    both_rows<Moodycamel>("moodycamel");
#endif
#ifdef THRUM_BENCH_HAS_ATOMIC_QUEUE
    both_rows<AtomicQueue<false>>("atomic_queue");
#endif
#ifdef THRUM_BENCH_HAS_XENIUM
    both_rows<Xenium>("xenium");
#endif
#ifdef THRUM_BENCH_HAS_CDS
    both_rows<Cds>("libcds");
#endif
#ifdef THRUM_BENCH_HAS_RUST
    both_rows<Crossbeam>("crossbeam");
#endif
    spsc_rows<ThrumSpsc>("thrum");
    spsc_rows<Pthread>("pthread");
#if __has_include(<boost/lockfree/queue.hpp>)
    spsc_rows<BoostSpsc>("boost");
#endif
#ifdef THRUM_BENCH_HAS_ATOMIC_QUEUE
    spsc_rows<AtomicQueue<true>>("atomic_queue");
#endif
#ifdef THRUM_BENCH_HAS_READERWRITER
    spsc_rows<ReaderWriter>("readerwriterqueue");
#endif
}

} // namespace bench
