/* SPDX-License-Identifier: MIT */
/* Pointers through a queue whose threads sleep when there is none, or no room. */
#include "support/bench.h"
#include "support/rivals.h"

#include <condition_variable>
#include <deque>
#include <mutex>

#include <pthread.h>
#include <thrum/queue.h>

#ifdef THRUM_BENCH_HAS_TBB
#include <oneapi/tbb/concurrent_queue.h>
#endif
#if __has_include(<concurrentqueue/blockingconcurrentqueue.h>)
#include <concurrentqueue/blockingconcurrentqueue.h>
#endif
#ifdef THRUM_BENCH_HAS_RUST
#include "support/rust.h"
#endif
#ifdef THRUM_BENCH_HAS_GLIB
#include <glib.h>
#endif

namespace bench {
namespace {

struct Thrum {
    thrum_queue queue;
    explicit Thrum(size_t bound) {
        thrum_queue_config config = {};
        config.bound = ptrdiff_t(bound);
        (void)!thrum_queue_init(&queue, &config);
    }
    ~Thrum() {
        thrum_queue_destroy(&queue);
    }
    void put(void *item) {
        (void)!thrum_queue_put(&queue, item);
    }
    void *get() {
        void *item = nullptr;
        (void)!thrum_queue_get(&queue, &item);
        return item;
    }
};

/* A mutex and two condition variables around an array: what one writes on pthread. */
struct Pthread {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t item = PTHREAD_COND_INITIALIZER, room = PTHREAD_COND_INITIALIZER;
    std::vector<void *> items;
    size_t tail = 0, head = 0;
    explicit Pthread(size_t bound) : items(bound) {}
    void put(void *it) {
        pthread_mutex_lock(&mutex);
        while (tail - head == items.size()) pthread_cond_wait(&room, &mutex);
        items[tail++ % items.size()] = it;
        pthread_mutex_unlock(&mutex);
        pthread_cond_signal(&item);
    }
    void *get() {
        pthread_mutex_lock(&mutex);
        while (tail == head) pthread_cond_wait(&item, &mutex);
        void *const it = items[head++ % items.size()];
        pthread_mutex_unlock(&mutex);
        pthread_cond_signal(&room);
        return it;
    }
};

struct Std {
    std::mutex mutex;
    std::condition_variable item, room;
    std::deque<void *> items;
    size_t bound;
    explicit Std(size_t b) : bound(b) {}
    void put(void *it) {
        {
            std::unique_lock<std::mutex> lock(mutex);
            room.wait(lock, [this] { return items.size() < bound; });
            items.push_back(it);
        }
        item.notify_one();
    }
    void *get() {
        std::unique_lock<std::mutex> lock(mutex);
        item.wait(lock, [this] { return !items.empty(); });
        void *const it = items.front();
        items.pop_front();
        lock.unlock();
        room.notify_one();
        return it;
    }
};

#ifdef THRUM_BENCH_HAS_TBB
struct Tbb {
    tbb::concurrent_bounded_queue<void *> queue;
    explicit Tbb(size_t bound) {
        queue.set_capacity(std::ptrdiff_t(bound));
    }
    void put(void *item) {
        queue.push(item);
    }
    void *get() {
        void *item;
        queue.pop(item);
        return item;
    }
};
#endif

#if __has_include(<concurrentqueue/blockingconcurrentqueue.h>)
/* Has no bound, and no order among putters. */
struct Moodycamel {
    moodycamel::BlockingConcurrentQueue<void *> queue;
    explicit Moodycamel(size_t) {}
    void put(void *item) {
        queue.enqueue(item);
    }
    void *get() {
        void *item;
        queue.wait_dequeue(item);
        return item;
    }
};
#endif

#ifdef THRUM_BENCH_HAS_RUST
struct Crossbeam {
    rust_channel *channel;
    explicit Crossbeam(size_t bound) : channel(rust_channel_new(bound)) {}
    ~Crossbeam() {
        rust_channel_free(channel);
    }
    void put(void *item) {
        rust_channel_put(channel, size_t(item));
    }
    void *get() {
        return reinterpret_cast<void *>(rust_channel_get(channel));
    }
};

/* One getter only. */
struct RustStd {
    static constexpr bool one_getter = true;
    rust_std_channel *channel;
    explicit RustStd(size_t bound) : channel(rust_std_channel_new(bound)) {}
    ~RustStd() {
        rust_std_channel_free(channel);
    }
    void put(void *item) {
        rust_std_channel_put(channel, size_t(item));
    }
    void *get() {
        return reinterpret_cast<void *>(rust_std_channel_get(channel));
    }
};
#endif

#ifdef THRUM_BENCH_HAS_GLIB
/* Has no bound. */
struct Glib {
    GAsyncQueue *queue = g_async_queue_new();
    explicit Glib(size_t) {}
    ~Glib() {
        g_async_queue_unref(queue);
    }
    void put(void *item) {
        g_async_queue_push(queue, item);
    }
    void *get() {
        return g_async_queue_pop(queue);
    }
};
#endif

/* One thread, one item in it at a time, another one asleep elsewhere. */
template <class Queue> void put_get(benchmark::State &state) {
    Queue queue(1024);
    for (auto _ : state) {
        queue.put(&queue);
        benchmark::DoNotOptimize(queue.get());
    }
}

template <class Queue> void hand_over(Figures &figures, size_t bound, int pairs) {
    Queue queue(bound);
    const uint64_t items = full_or_quick<uint64_t>(1000000, 100000) / uint64_t(pairs) * uint64_t(pairs);
    std::atomic<uint64_t> wrong{0};
    Team team(2 * pairs, pairs == 1 ? Place::across : Place::anywhere, [&](int number) {
        for (uint64_t i = 0; i < items / uint64_t(pairs); i++) {
            if (number % 2 == 0)
                queue.put(&queue);
            else if (queue.get() != &queue)
                wrong++;
        }
    });
    const uint64_t begin = team.start();
    team.join();
    figures.ns = double(now_ns() - begin) / double(items);
    figures.add("cpu_ns", team.cpu_ns() / double(items));
    if (wrong) figures.fail("another item came out");
}

template <class Queue> void rows_of(const char *library) {
    row(std::string("queue/put_get/") + library, put_get<Queue>);
    for (const int pairs : {1, 2, 4, 8}) {
        if (requires { Queue::one_getter; } && pairs > 1) continue;
        for (const size_t bound : {16, 1024})
            row_apart("queue/hand_over/" + std::string(library) + "/bound:" + std::to_string(bound) +
                          "/pairs:" + std::to_string(pairs),
                      [=](Figures &figures) { hand_over<Queue>(figures, bound, pairs); });
    }
}

} // namespace

void rows() {
    rows_of<Thrum>("thrum");
    rows_of<Pthread>("pthread");
    rows_of<Std>("std");
#ifdef THRUM_BENCH_HAS_TBB
    rows_of<Tbb>("tbb");
#endif
#if __has_include(<concurrentqueue/blockingconcurrentqueue.h>)
    rows_of<Moodycamel>("moodycamel");
#endif
#ifdef THRUM_BENCH_HAS_RUST
    rows_of<Crossbeam>("crossbeam");
    rows_of<RustStd>("rust_std");
#endif
#ifdef THRUM_BENCH_HAS_GLIB
    rows_of<Glib>("glib");
#endif
}

} // namespace bench
