/* SPDX-License-Identifier: MIT */
/* A thread that does nothing, started and joined. */
#ifndef THRUM_BENCH_THREADS_ALONE_H
#define THRUM_BENCH_THREADS_ALONE_H

#include <pthread.h>

#include <thrum/thread.h>

namespace bench {

inline void *nothing(void *argument) {
    return argument;
}

struct ThrumThread {
    static void start_and_join() {
        thrum_thread_config config = {};
        config.target = nothing;
        thrum_thread *thread;
        if (thrum_thread_spawn(&thread, &config) != THRUM_OK) return;
        (void)thrum_thread_join(thread, nullptr);
        thrum_thread_release(thread);
    }
};

struct PthreadThread {
    static void start_and_join() {
        pthread_t thread;
        if (pthread_create(&thread, nullptr, nothing, nullptr) == 0) pthread_join(thread, nullptr);
    }
};

} // namespace bench

#endif
