// SPDX-License-Identifier: MIT
// What a scope acquires it gives back: a mutex, a permit, an arrival; a condition; times of chrono.
#include <cstdio>
#include <mutex>
#include <thrum.hpp>

using namespace std::chrono_literals;

static thrum::mutex mutex;
static thrum::condition changed(mutex);
static thrum::semaphore connections(2);
static thrum::latch finished(3);
static int served;

static void serve() {
    thrum::arrival done(finished); // counted down whatever happens
    thrum::permit connection(connections);
    std::lock_guard<thrum::mutex> guard(mutex);
    served++;
    changed.notify_one();
}

int main() {
    thrum::thread workers[3];
    for (thrum::thread &worker : workers)
        if (worker.start(serve) != THRUM_OK) return 1;
    {
        std::unique_lock<thrum::mutex> guard(mutex);
        changed.wait(guard, [] { return served == 3; });
        std::printf("%d were served\n", served);
    }
    finished.wait();
    for (thrum::thread &worker : workers) worker.join();
    std::printf("%d permits\n", connections.value());

    thrum::permit all(connections), rest(connections);
    if (thrum::permit late(connections, 5ms); !late) std::printf("no third one within 5 ms\n");
    const auto moment = std::chrono::system_clock::now() + 5ms;
    if (!mutex.try_lock_until(moment)) return 1;
    std::printf("the mutex is free\n");
    mutex.unlock();
    return 0;
}
