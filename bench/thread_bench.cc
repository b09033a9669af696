/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "support/bench.h"
#include "support/rivals.h"
#include "support/threads_alone.h"
#include "support/together.h"

#include <pthread.h>
#include <sched.h>
#include <sys/mman.h>

#include <thread>

#include <thrum/futex.h>
#include <thrum/thread.h>

#ifdef THRUM_BENCH_HAS_BOOST
#include <boost/thread/thread.hpp>
#endif

namespace bench {
namespace {

int nothing_raw(void *) {
    return 0;
}

/* A thread to the kernel and no more: no thread-local storage, one stack again and again. */
struct Limit {
    static constexpr size_t stack_size = 64 * 1024;
    char *stack = static_cast<char *>(
        mmap(nullptr, stack_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_STACK, -1, 0));
    thrum_u32 running = {};
    ~Limit() {
        munmap(stack, stack_size);
    }
    void start_and_join() {
        constexpr int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
                              CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID;
        if (clone(nothing_raw, stack + stack_size, flags, nullptr, &running, nullptr, &running) < 0) return;
        while (const uint32_t tid =
                   thrum_u32_load_acquire(&running)) /* the kernel wakes it as a shared one */
            (void)thrum_futex_wait(&running, tid, THRUM_FUTEX_ANY, true, THRUM_FOREVER);
    }
};

struct Std {
    void start_and_join() {
        std::thread thread(nothing, nullptr);
        thread.join();
    }
};

#ifdef THRUM_BENCH_HAS_BOOST
struct Boost {
    void start_and_join() {
        boost::thread thread(nothing, nullptr);
        thread.join();
    }
};
#endif

template <class Thread> void start_join(Figures &figures, Place place) {
    place_process(place);
    Thread thread;
    const int rounds = full_or_quick(4000, 500);
    for (int i = 0; i < rounds / 10; i++) thread.start_and_join();
    const uint64_t begin = now_ns();
    for (int i = 0; i < rounds; i++) thread.start_and_join();
    figures.ns = double(now_ns() - begin) / rounds;
}

template <class Thread> void start_join_many(Figures &figures, int threads) {
    together(figures, threads, full_or_quick(1000, 125), [] {
        static thread_local Thread thread;
        thread.start_and_join();
    });
}

template <class Thread> void thread_rows(const std::string &library) {
    for (const int threads : MANY)
        row_apart("thread/start_join_many/" + library + "/threads:" + std::to_string(threads),
                  [=](Figures &figures) { start_join_many<Thread>(figures, threads); });
    row_apart("thread/start_join_one_cpu/" + library,
              [](Figures &figures) { start_join<Thread>(figures, Place::one_cpu); });
    row_apart("thread/start_join/" + library,
              [](Figures &figures) { start_join<Thread>(figures, Place::anywhere); });
}

} // namespace

void rows() {
    thread_rows<Limit>("limit");
    thread_rows<ThrumThread>("thrum");
    thread_rows<PthreadThread>("pthread");
    thread_rows<Std>("std");
#ifdef THRUM_BENCH_HAS_BOOST
    thread_rows<Boost>("boost");
#endif
}

} // namespace bench
