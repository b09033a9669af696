/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <pthread.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <string>

namespace bench {

static uint64_t clock_ns(clockid_t clock) {
    timespec t;
    clock_gettime(clock, &t);
    return uint64_t(t.tv_sec) * 1000000000u + uint64_t(t.tv_nsec);
}

uint64_t now_ns() {
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t thread_cpu_ns() {
    return clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

/* Out of line: the loop that was calibrated is the loop that runs. */
__attribute__((noinline)) void Work::spin(uint64_t rounds) {
    for (uint64_t i = 0; i < rounds; i++) __asm__ volatile("" ::: "memory");
}

static double rounds_per_ns = 0;

/* The best of many short runs: other guests and a busy sibling only make one slower, for milliseconds. */
void calibrate_work() {
    constexpr uint64_t rounds = 50000;
    const uint64_t end = now_ns() + 60000000;
    for (uint64_t begun = now_ns(); begun < end;) {
        Work::spin(rounds);
        const uint64_t ended = now_ns();
        rounds_per_ns = std::max(rounds_per_ns, double(rounds) / double(ended - begun));
        begun = ended;
    }
}

Work::Work(double ns) : rounds_(uint64_t(ns * rounds_per_ns)) {}

/* The processors of the mask with which the program was started. */
static const std::vector<int> &processors() {
    static const std::vector<int> list = [] {
        std::vector<int> found;
        cpu_set_t set;
        CPU_ZERO(&set);
        sched_getaffinity(0, sizeof set, &set);
        for (int i = 0; i < CPU_SETSIZE; i++)
            if (CPU_ISSET(i, &set)) found.push_back(i);
        return found;
    }();
    return list;
}

bool place_possible(Place place) {
    return place != Place::across || processors().size() > 1;
}

static void pin(int processor) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(processor, &set);
    if (sched_setaffinity(0, sizeof set, &set) != 0) {
        perror("sched_setaffinity");
        abort();
    }
}

void place_process(Place place) {
    processors();
    if (place == Place::one_cpu) pin(processors().front());
}

void place_thread(Place place, int index) {
    if (place == Place::same_core) pin(processors().front());
    if (place == Place::across) pin(index % 2 == 0 ? processors().front() : processors().back());
}

Team::Team(int threads, Place place, std::function<void(int)> body) : ids_(size_t(threads)) {
    for (int i = 0; i < threads; i++) {
        threads_.emplace_back([this, place, body, i] {
            place_thread(place, i);
            ids_[size_t(i)] = pid_t(syscall(SYS_gettid));
            ready_++;
            while (!go_.load(std::memory_order_acquire)) sched_yield();
            const uint64_t begun = thread_cpu_ns();
            body(i);
            cpu_ += thread_cpu_ns() - begun;
        });
    }
}

uint64_t Team::start() {
    while (ready_.load() != int(threads_.size())) sched_yield();
    const uint64_t moment = now_ns();
    go_.store(true, std::memory_order_release);
    return moment;
}

void Team::join() {
    for (auto &thread : threads_) thread.join();
}

/* The state letter stands after the command's closing parenthesis. */
static bool asleep(pid_t id) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/stat", int(id));
    FILE *file = fopen(path, "r");
    if (!file) return false;
    char text[256] = {};
    const bool read = fgets(text, sizeof text, file) != nullptr;
    fclose(file);
    const char *end = read ? strrchr(text, ')') : nullptr;
    return end && end[1] == ' ' && end[2] == 'S';
}

void Team::await_asleep(int index) const {
    while (!asleep(ids_[size_t(index)].load())) sched_yield();
}

/* /proc/stat's first line: user, nice, system, idle, waiting, interrupts of two kinds, the host's guests. */
Others::Ticks Others::now() {
    std::ifstream file("/proc/stat");
    std::string cpu;
    file >> cpu;
    Ticks ticks = {0, -double(clock_ns(CLOCK_PROCESS_CPUTIME_ID)) * 1e-9 * double(sysconf(_SC_CLK_TCK))};
    for (int i = 0; i < 8; i++) {
        double n = 0;
        file >> n;
        ticks.all += n;
        if (i != 3 && i != 4) ticks.others += n;
    }
    return ticks;
}

Others::Others() : begun_(now()) {}

double Others::share() const {
    const Ticks ended = now();
    const double all = ended.all - begun_.all;
    return all > 0 ? std::max(0., (ended.others - begun_.others) / all) : 0;
}

double percentile(const std::vector<double> &sorted, double p) {
    if (sorted.empty()) return 0;
    return sorted[std::min(sorted.size() - 1, size_t(p * double(sorted.size())))];
}

} // namespace bench
