/* SPDX-License-Identifier: MIT */
/* Waiting for the first of several: one that is ready, and a hand-over between two threads. */
#include "support/bench.h"
#include "support/handover.h"

#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <thrum/wait_any.h>

namespace bench {
namespace {

/* The last of `count` events is set. */
template <unsigned count> void ready(benchmark::State &state) {
    thrum_event events[count] = {};
    thrum_waitable set[count];
    for (unsigned i = 0; i < count; i++) set[i] = {&events[i], thrum_waitable_kind_(&events[i])};
    thrum_event_set(&events[count - 1]);
    unsigned which = 0;
    for (auto _ : state) {
        benchmark::DoNotOptimize(thrum_try_wait_any(set, count, &which));
        benchmark::DoNotOptimize(which);
    }
}

/* Each side waits for the last of its `count` objects, and takes what it found. */
template <int count> struct ThrumAny {
    Padded<thrum_semaphore> objects[2][count] = {};
    thrum_waitable sets[2][count];
    ThrumAny() {
        for (int side = 0; side < 2; side++)
            for (int i = 0; i < count; i++)
                sets[side][i] = {&objects[side][i].value, thrum_waitable_kind_(&objects[side][i].value)};
    }
    void give(int side) {
        thrum_semaphore_release(&objects[side][count - 1].value);
    }
    void take(int side) {
        unsigned which;
        thrum_wait_any(sets[side], count, &which);
    }
};

/* What pthread offers: one mutex, and one condition a side that covers all its flags. */
template <int count> struct PthreadAny {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    Padded<pthread_cond_t> changed[2] = {{PTHREAD_COND_INITIALIZER}, {PTHREAD_COND_INITIALIZER}};
    int permits[2][count] = {};
    void give(int side) {
        pthread_mutex_lock(&mutex);
        permits[side][count - 1]++;
        pthread_cond_signal(&changed[side].value);
        pthread_mutex_unlock(&mutex);
    }
    void take(int side) {
        pthread_mutex_lock(&mutex);
        for (;;) {
            int i = 0;
            while (i < count && permits[side][i] == 0) i++;
            if (i < count) {
                permits[side][i]--;
                break;
            }
            pthread_cond_wait(&changed[side].value, &mutex);
        }
        pthread_mutex_unlock(&mutex);
    }
};

/* What the kernel offers: file descriptors. */
template <int count> struct PollAny {
    pollfd files[2][count];
    PollAny() {
        for (auto &side : files)
            for (auto &file : side)
                file = {eventfd(0, EFD_SEMAPHORE | EFD_NONBLOCK | EFD_CLOEXEC), POLLIN, 0};
    }
    ~PollAny() {
        for (auto &side : files)
            for (auto &file : side) close(file.fd);
    }
    void give(int side) {
        const uint64_t one = 1;
        if (write(files[side][count - 1].fd, &one, sizeof one) != sizeof one) abort();
    }
    void take(int side) {
        uint64_t one;
        for (;;) {
            if (poll(files[side], count, -1) < 1) continue;
            for (auto &file : files[side])
                if (file.revents && read(file.fd, &one, sizeof one) == sizeof one) return;
        }
    }
};

} // namespace

void rows() {
    row("wait_any/ready_1/thrum", ready<1>);
    row("wait_any/ready_8/thrum", ready<8>);
    row("wait_any/ready_128/thrum", ready<128>);
    hand_over_limits("wait_any");
    hand_over_rows<ThrumAny<8>>("wait_any", "thrum");
    hand_over_rows<PthreadAny<8>>("wait_any", "pthread");
    hand_over_rows<PollAny<8>>("wait_any", "poll");
}

} // namespace bench
