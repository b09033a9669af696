// SPDX-License-Identifier: MIT
// The same headers in C++17: threads of the standard library, guards that an exception leaves.
#include <cstdio>
#include <stdexcept>
#include <thread>
#include <vector>

#include <thrum.h>

static thrum_lock guarded = THRUM_LOCK_INIT;
static thrum_event go = THRUM_EVENT_INIT;
static int count = 0;

static void add_and_throw() {
    THRUM_WITH(&guarded) {
        count++;
        throw std::runtime_error("leaves the block");
    }
}

int main() {
    constexpr int threads = 4, rounds = 5000;
    std::vector<std::thread> team;
    for (int i = 0; i < threads; i++)
        team.emplace_back([] {
            thrum_event_wait(&go);
            for (int j = 0; j < rounds; j++) {
                try {
                    add_and_throw();
                } catch (const std::runtime_error &) {
                }
            }
        });
    thrum_event_set(&go);
    for (auto &thread : team) thread.join();
    std::printf("%d\n", count);
    return count == threads * rounds && !thrum_lock_locked(&guarded) ? 0 : 1;
}
