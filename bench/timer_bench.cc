/* SPDX-License-Identifier: MIT */
#include "support/bench.h"

#include <pthread.h>
#include <time.h>

#include <thrum/timer.h>

namespace bench {
namespace {

void nothing(void *) {}

struct Thrum {
    void start_and_cancel() {
        thrum_timer timer;
        if (thrum_timer_init(&timer, 3600, nothing, nullptr) != THRUM_OK) return;
        if (thrum_timer_start(&timer) == THRUM_OK) {
            thrum_timer_cancel(&timer);
            (void)thrum_timer_join(&timer);
        }
        thrum_timer_release(&timer);
    }
};

/* By hand: a thread in a timed wait for a condition. */
struct Pthread {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
    bool cancelled = false;
    static void *run(void *p) {
        Pthread &self = *static_cast<Pthread *>(p);
        timespec end;
        clock_gettime(CLOCK_REALTIME, &end);
        end.tv_sec += 3600;
        pthread_mutex_lock(&self.mutex);
        while (!self.cancelled && pthread_cond_timedwait(&self.changed, &self.mutex, &end) == 0) {
        }
        pthread_mutex_unlock(&self.mutex);
        return nullptr;
    }
    void start_and_cancel() {
        cancelled = false;
        pthread_t thread;
        if (pthread_create(&thread, nullptr, run, this)) return;
        pthread_mutex_lock(&mutex);
        cancelled = true;
        pthread_mutex_unlock(&mutex);
        pthread_cond_signal(&changed);
        pthread_join(thread, nullptr);
    }
};

template <class Timer> void start_cancel(Figures &figures) {
    Timer timer;
    const int rounds = full_or_quick(3000, 300);
    const uint64_t begin = now_ns();
    for (int i = 0; i < rounds; i++) timer.start_and_cancel();
    figures.ns = double(now_ns() - begin) / rounds;
}

} // namespace

void rows() {
    row_apart("timer/start_cancel_join/thrum", start_cancel<Thrum>);
    row_apart("timer/start_cancel_join/pthread", start_cancel<Pthread>);
}

} // namespace bench
