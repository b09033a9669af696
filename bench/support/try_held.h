/* SPDX-License-Identifier: MIT */
/* A try that fails, because another thread holds the object. */
#ifndef THRUM_BENCH_SUPPORT_TRY_HELD_H
#define THRUM_BENCH_SUPPORT_TRY_HELD_H

#include <semaphore.h>

#include <string>
#include <thread>

#include "bench.h"

namespace bench {

/* The holder sleeps until the row has been measured: an owner's try on its own lock is another row. */
template <class Lock> void try_held(benchmark::State &state) {
    Padded<Lock> lock;
    sem_t held, done;
    sem_init(&held, 0, 0);
    sem_init(&done, 0, 0);
    const auto wait = [](sem_t *semaphore) {
        while (sem_wait(semaphore) != 0) {
        }
    };
    std::thread holder([&] {
        lock.value.acquire();
        sem_post(&held);
        wait(&done);
        lock.value.release();
    });
    wait(&held);
    for (auto _ : state) benchmark::DoNotOptimize(lock.value.try_acquire());
    sem_post(&done);
    holder.join();
}

/* The row `<room>/try_held/<library>`. */
template <class Lock> void try_held_row(const std::string &room, const std::string &library) {
    row(room + "/try_held/" + library, try_held<Lock>);
}

} // namespace bench

#endif
