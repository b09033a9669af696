/* SPDX-License-Identifier: MIT */
/*
 * What one operation costs as its objects and threads become many. Level is right: a cost that grows says
 * what bends. With --full the numbers go on to what a machine hardly ever has.
 */
#include "support/bench.h"
#include "support/locks.h"
#include "support/maps.h"
#include "support/threads_alone.h"

#include <semaphore.h>
#include <unistd.h>

#include <deque>
#include <fstream>
#include <memory>

#include <thrum/queue.h>
#include <thrum/semaphore.h>
#include <thrum/thread.h>

namespace bench {
namespace {

/* Threads with small stacks, in any number. */
class Crowd {
  public:
    Crowd(int size, std::function<void(int)> body) : body_(std::move(body)) {
        pthread_attr_t small;
        pthread_attr_init(&small);
        pthread_attr_setstacksize(&small, 64 * 1024);
        places_.reserve(size_t(size));
        for (int i = 0; i < size; i++) {
            pthread_t thread;
            places_.push_back({this, i});
            if (pthread_create(&thread, &small, run, &places_.back()) != 0) break;
            threads_.push_back(thread);
        }
        pthread_attr_destroy(&small);
    }
    bool complete() const {
        return threads_.size() == places_.size();
    }
    void join() {
        for (pthread_t thread : threads_) pthread_join(thread, nullptr);
    }

  private:
    struct Place {
        Crowd *crowd;
        int index;
    };
    static void *run(void *argument) {
        const Place *place = static_cast<Place *>(argument);
        place->crowd->body_(place->index);
        return nullptr;
    }
    std::function<void(int)> body_;
    std::vector<Place> places_;
    std::vector<pthread_t> threads_;
};

class Random {
  public:
    uint64_t below(uint64_t bound) {
        state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
        return state_ % bound;
    }

  private:
    uint64_t state_ = 88172645463325252u;
};

/* clang-format off */
struct ThrumSemaphore {
    thrum_semaphore semaphore = {};
    void acquire() { thrum_semaphore_acquire(&semaphore); }
    void release() { (void)!thrum_semaphore_release(&semaphore); }
};

struct PthreadSemaphore {
    sem_t semaphore;
    PthreadSemaphore() { sem_init(&semaphore, 0, 0); }
    void acquire() { while (sem_wait(&semaphore) != 0) {} }
    void release() { sem_post(&semaphore); }
};
/* clang-format on */

/* Until the waiters have answered so often. */
void await(const std::atomic<int> &served, int wanted) {
    while (served.load() != wanted) sched_yield();
}

/* So many wait, each at a semaphore of its own or all at one: one is let in, and waits again. */
template <class Semaphore> void wake_one_of(Figures &figures, int waiters, int semaphores) {
    std::vector<Padded<Semaphore>> of(static_cast<size_t>(semaphores));
    std::atomic<int> served{0};
    std::atomic<bool> over{false};
    Crowd crowd(waiters, [&](int i) {
        Semaphore &mine = of[size_t(i % semaphores)].value;
        for (mine.acquire(); !over; mine.acquire()) served++;
    });
    if (!crowd.complete()) return figures.fail("no more threads");
    usleep(20000 + 20 * useconds_t(waiters)); /* most of them sleep by then */
    Random random;
    const int rounds = full_or_quick(20000, 2000);
    const uint64_t begun = now_ns();
    for (int i = 1; i <= rounds; i++) {
        of[random.below(uint64_t(semaphores))].value.release();
        await(served, i);
    }
    figures.ns = double(now_ns() - begun) / rounds;
    over = true;
    for (int i = 0; i < waiters; i++) of[size_t(i % semaphores)].value.release();
    crowd.join();
}

/* Each of so many locks is held, and one waits for it: it is let in, and waits again. */
template <class Lock> void contended_locks(Figures &figures, int locks) {
    struct Place {
        Lock lock;
        ThrumSemaphore again;
    };
    std::vector<Padded<Place>> of(static_cast<size_t>(locks));
    for (auto &place : of) place.value.lock.acquire();
    std::atomic<int> served{0};
    std::atomic<bool> over{false};
    Crowd crowd(locks, [&](int i) {
        Place &mine = of[size_t(i)].value;
        while (!over) {
            mine.lock.acquire();
            served++;
            mine.lock.release();
            mine.again.acquire();
        }
    });
    if (!crowd.complete()) return figures.fail("no more threads");
    usleep(20000 + 20 * useconds_t(locks));
    const int rounds = full_or_quick(20000, 2000) / locks * locks + locks;
    const uint64_t begun = now_ns();
    for (int i = 0; i < rounds; i++) {
        Place &place = of[size_t(i % locks)].value;
        place.lock.release();
        await(served, i + 1);
        place.lock.acquire();
        place.again.release();
    }
    figures.ns = double(now_ns() - begun) / rounds;
    over = true;
    for (auto &place : of) place.value.lock.release();
    for (auto &place : of) place.value.again.release();
    crowd.join();
}

/* One lock and so many threads: sections of 100 ns, 400 ns outside. */
template <class Lock> void one_lock(Figures &figures, int threads) {
    const Work inside(100), outside(400);
    const uint64_t length = full_or_quick(1000000000u, 200000000u);
    Padded<Lock> lock;
    std::atomic<uint64_t> made{0};
    uint64_t counted = 0;
    std::atomic<bool> go{false}, over{false};
    Crowd crowd(threads, [&](int) {
        while (!go) usleep(1000);
        uint64_t mine = 0;
        for (; !over; mine++) {
            lock.value.acquire();
            counted++;
            inside.run();
            lock.value.release();
            outside.run();
        }
        made += mine;
    });
    go = true;
    const uint64_t begun = now_ns();
    usleep(useconds_t(length / 1000));
    over = true;
    const uint64_t took = now_ns() - begun;
    crowd.join();
    if (!crowd.complete()) return figures.fail("no more threads");
    if (counted != made)
        return figures.fail("%lu sections, %lu counted", (unsigned long)made, (unsigned long)counted);
    figures.ns = double(took) / double(made);
}

/* Numbers without a pattern, among so many. */
template <class Map> void map_get(Figures &figures, int entries) {
    map_entries = uint64_t(entries);
    Map map;
    const auto key = [](uint64_t i) { return i * 0x9e3779b97f4a7c15u; };
    for (uint64_t i = 0; i < map_entries; i++) map.put(key(i));
    Random random;
    const int rounds = full_or_quick(2000000, 200000);
    const uint64_t begun = now_ns();
    for (int i = 0; i < rounds; i++) benchmark::DoNotOptimize(map.get(key(random.below(map_entries))));
    figures.ns = double(now_ns() - begun) / rounds;
}

double resident_mb() {
    std::ifstream file("/proc/self/statm");
    long all = 0, resident = 0;
    file >> all >> resident;
    return double(resident) * double(sysconf(_SC_PAGESIZE)) / 1e6;
}

/* So many threads one after another; what is in memory at the end. */
template <class Thread> void threads_over_time(Figures &figures, int threads) {
    const uint64_t begun = now_ns();
    for (int i = 0; i < threads; i++) Thread::start_and_join();
    figures.ns = double(now_ns() - begun) / threads;
    figures.add("resident_mb", resident_mb());
}

/* A thread is started and joined while so many live. */
template <class Thread> void start_beside(Figures &figures, int living) {
    ThrumSemaphore leave;
    Crowd crowd(living, [&](int) { leave.acquire(); });
    if (!crowd.complete()) return figures.fail("no more threads");
    const int rounds = full_or_quick(4000, 500);
    const uint64_t begun = now_ns();
    for (int i = 0; i < rounds; i++) Thread::start_and_join();
    figures.ns = double(now_ns() - begun) / rounds;
    for (int i = 0; i < living; i++) leave.release();
    crowd.join();
}

/* clang-format off */
struct ThrumQueue {
    thrum_queue queue;
    ThrumQueue() {
        const thrum_queue_config config = {THRUM_QUEUE_FIFO, 0, 0, nullptr, nullptr, nullptr};
        if (thrum_queue_init(&queue, &config) != THRUM_OK) abort();
    }
    ~ThrumQueue() { thrum_queue_destroy(&queue); }
    void put(void *item) { (void)!thrum_queue_put(&queue, item); }
    void *get() {
        void *item = nullptr;
        (void)!thrum_queue_get(&queue, &item);
        return item;
    }
};

struct PthreadQueue {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    std::deque<void *> items;
    void put(void *item) {
        pthread_mutex_lock(&mutex);
        items.push_back(item);
        pthread_mutex_unlock(&mutex);
    }
    void *get() {
        pthread_mutex_lock(&mutex);
        void *const item = items.front();
        items.pop_front();
        pthread_mutex_unlock(&mutex);
        return item;
    }
};
/* clang-format on */

/* An item put and taken while so many lie between. */
template <class Queue> void backlog(Figures &figures, int items) {
    Queue queue;
    for (int i = 0; i < items; i++) queue.put(&queue);
    const int rounds = full_or_quick(1000000, 100000);
    const uint64_t begun = now_ns();
    for (int i = 0; i < rounds; i++) {
        queue.put(&queue);
        benchmark::DoNotOptimize(queue.get());
    }
    figures.ns = double(now_ns() - begun) / rounds;
}

using Growing = void (*)(Figures &figures, int number);

/* One row for each number; those above `most` only with --full. */
void grow(const std::string &what, const std::string &library, const std::string &name,
          std::initializer_list<int> numbers, int most, Growing measure) {
    for (const int number : numbers)
        if (number <= most || full())
            row_apart(
                "growth/" + what + "/" + library + "/" + name + ":" + std::to_string(number),
                [=](Figures &figures) { measure(figures, number); }, full() ? 300 : 20);
}

template <class Semaphore> void semaphore_rows(const std::string &library) {
    grow("waiters_of_one", library, "waiters", {1, 10, 100, 1000, 10000}, 1000,
         [](Figures &figures, int waiters) { wake_one_of<Semaphore>(figures, waiters, 1); });
    grow("waiters_of_their_own", library, "waiters", {1, 10, 100, 1000, 10000}, 1000,
         [](Figures &figures, int waiters) { wake_one_of<Semaphore>(figures, waiters, waiters); });
}

template <class Lock> void lock_rows(const std::string &library) {
    grow("contended_locks", library, "locks", {1, 10, 100, 1000, 10000}, 1000, contended_locks<Lock>);
    grow("one_lock", library, "threads", {1, 4, 16, 64, 256, 1024}, 256, one_lock<Lock>);
}

template <class Thread> void thread_rows(const std::string &library) {
    grow("threads_over_time", library, "threads", {1000, 10000, 100000, 1000000}, 10000,
         threads_over_time<Thread>);
    grow("start_beside", library, "threads", {1, 10, 100, 1000, 10000}, 1000, start_beside<Thread>);
}

template <class Map> void map_rows(const std::string &library) {
    grow("map_get", library, "entries", {1000, 10000, 100000, 1000000, 10000000}, 1000000, map_get<Map>);
}

template <class Queue> void queue_rows(const std::string &library) {
    grow("backlog", library, "items", {1, 100, 10000, 1000000, 10000000}, 1000000, backlog<Queue>);
}

} // namespace

void rows() {
    semaphore_rows<ThrumSemaphore>("thrum");
    semaphore_rows<PthreadSemaphore>("pthread");
    lock_rows<ThrumLock>("thrum");
    lock_rows<PthreadMutex<PTHREAD_MUTEX_DEFAULT>>("pthread");
    thread_rows<ThrumThread>("thrum");
    thread_rows<PthreadThread>("pthread");
    map_rows<Thrum>("thrum");
    map_rows<Pthread>("pthread");
    queue_rows<ThrumQueue>("thrum");
    queue_rows<PthreadQueue>("pthread");
}

} // namespace bench
