/* SPDX-License-Identifier: MIT */
#include "support/bench.h"
#include "support/handover.h"
#include "support/overshoot.h"
#include "support/rivals.h"
#include "support/wake_all.h"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <memory>
#include <optional>

#include <thrum/event.h>

#ifdef THRUM_BENCH_HAS_NSYNC
#include <nsync.h>
#endif
#ifdef THRUM_BENCH_HAS_ABSL
#include <absl/synchronization/notification.h>
#endif

namespace bench {
namespace {

/* clang-format off */
struct Thrum {
    thrum_event event = THRUM_EVENT_INIT;
    bool is_set() { return thrum_event_is_set(&event); }
    void wait() { thrum_event_wait(&event); }
    bool wait_until(uint64_t ns) { return thrum_event_wait_until(&event, thrum_deadline{ns}) == THRUM_OK; }
    void set() { thrum_event_set(&event); }
    void clear() { thrum_event_clear(&event); }
};

/* The flag is atomic: a look, and a waiter that finds it set, take no mutex. */
struct Pthread {
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
    std::atomic<bool> flag{false};
    bool is_set() { return flag.load(std::memory_order_acquire); }
    void wait() {
        if (is_set()) return;
        pthread_mutex_lock(&mutex);
        while (!is_set()) pthread_cond_wait(&changed, &mutex);
        pthread_mutex_unlock(&mutex);
    }
#ifdef __GLIBC__
    bool wait_until(uint64_t ns) {
        if (is_set()) return true;
        const timespec end = {time_t(ns / 1000000000u), long(ns % 1000000000u)};
        pthread_mutex_lock(&mutex);
        while (!is_set() && pthread_cond_clockwait(&changed, &mutex, CLOCK_MONOTONIC, &end) == 0) {
        }
        const bool answer = is_set();
        pthread_mutex_unlock(&mutex);
        return answer;
    }
#endif
    void set() {
        pthread_mutex_lock(&mutex);
        flag.store(true, std::memory_order_release);
        pthread_mutex_unlock(&mutex);
        pthread_cond_broadcast(&changed);
    }
    void clear() { flag.store(false, std::memory_order_relaxed); }
};

#ifdef THRUM_BENCH_HAS_STD20
struct Std {
    std::atomic<int> flag{0};
    bool is_set() { return flag.load(std::memory_order_acquire) != 0; }
    void wait() { flag.wait(0, std::memory_order_acquire); }
    void set() {
        flag.store(1, std::memory_order_release);
        flag.notify_all();
    }
    void clear() { flag.store(0, std::memory_order_relaxed); }
};
#endif

/* These two are set once and cannot be cleared: a new one stands for a cleared one. */
#ifdef THRUM_BENCH_HAS_ABSL
struct Absl {
    std::optional<absl::Notification> notification;
    Absl() { clear(); }
    bool is_set() { return notification->HasBeenNotified(); }
    void wait() { notification->WaitForNotification(); }
    void set() { notification->Notify(); }
    void clear() { notification.emplace(); }
};
#endif

#ifdef THRUM_BENCH_HAS_NSYNC
struct Nsync {
    nsync::nsync_note note = make();
    static nsync::nsync_note make() { return nsync::nsync_note_new(nullptr, nsync::nsync_time_no_deadline); }
    ~Nsync() { nsync::nsync_note_free(note); }
    bool is_set() { return nsync::nsync_note_is_notified(note) != 0; }
    void wait() { nsync::nsync_note_wait(note, nsync::nsync_time_no_deadline); }
    void set() { nsync::nsync_note_notify(note); }
    void clear() {
        nsync::nsync_note_free(note);
        note = make();
    }
};
#endif

struct LimitLoad {
    std::atomic<uint32_t> word{0};
    bool is_set() { return word.load(std::memory_order_acquire) != 0; }
    void wait() {
        while (!is_set()) thrum_cpu_pause();
    }
    void set() { word.fetch_or(1, std::memory_order_release); }
    void clear() { word.fetch_and(~1u, std::memory_order_relaxed); }
};
/* clang-format on */

/* Wakes all with one call, asks nothing, spins never. */
struct LimitFutex {
    thrum_u32 word = {};
    bool wait_until(uint64_t ns) {
        while (!thrum_u32_load_acquire(&word)) {
            if (thrum_futex_wait(&word, 0, THRUM_FUTEX_ANY, false, thrum_deadline{ns}) ==
                THRUM_FUTEX_TIMED_OUT)
                return false;
        }
        return true;
    }
    void wait() {
        wait_until(THRUM_FOREVER.ns);
    }
    void set() {
        thrum_u32_store_release(&word, 1);
        thrum_futex_wake(&word, INT32_MAX, THRUM_FUTEX_ANY, false);
    }
    void clear() {
        thrum_u32_store_relaxed(&word, 0);
    }
};

template <class Event> void is_set(benchmark::State &state) {
    Padded<Event> event;
    event.value.set();
    for (auto _ : state) benchmark::DoNotOptimize(event.value.is_set());
}

template <class Event> void wait_when_set(benchmark::State &state) {
    Padded<Event> event;
    event.value.set();
    for (auto _ : state) event.value.wait();
}

template <class Event> void set_and_clear(benchmark::State &state) {
    Padded<Event> event;
    for (auto _ : state) {
        event.value.set();
        event.value.clear();
    }
}

template <class Event> struct Duet {
    Padded<Event> events[2];
    void give(int side) {
        events[side].value.set();
    }
    void take(int side) {
        events[side].value.wait();
        events[side].value.clear();
    }
};

template <class Event> void wake_all_of(Figures &figures, int waiters, int rounds) {
    Padded<Event> event;
    wake_all(
        figures, waiters, rounds, [&] { event.value.clear(); }, [&] { event.value.wait(); },
        [&] { event.value.set(); });
}

template <class Event> void wake_all_rows(const std::string &library) {
    for (const int waiters : {16, 64}) {
        row_apart("event/wake_all/" + library + "/waiters:" + std::to_string(waiters),
                  [=](Figures &f) { wake_all_of<Event>(f, waiters, full_or_quick(30, 10)); });
    }
}

template <class Event> void looking_rows(const std::string &library) {
    row("event/is_set/" + library, is_set<Event>);
    row("event/wait_when_set/" + library, wait_when_set<Event>);
}

template <class Event> void timeout_row(const std::string &library) {
    overshoot_row<Event>("event", library, [](Event &) {}); /* it is not set */
}

template <class Event> void event_rows(const std::string &library) {
    looking_rows<Event>(library);
    row("event/set_and_clear/" + library, set_and_clear<Event>);
    hand_over_rows<Duet<Event>>("event", library);
    wake_all_rows<Event>(library);
}

} // namespace

void rows() {
    looking_rows<LimitLoad>("limit");
    row("event/set_and_clear/limit", set_and_clear<LimitLoad>);
    hand_over_limits("event");
    wake_all_rows<LimitFutex>("limit");
    timeout_row<LimitFutex>("limit");
    event_rows<Thrum>("thrum");
    timeout_row<Thrum>("thrum");
    event_rows<Pthread>("pthread");
#ifdef __GLIBC__
    timeout_row<Pthread>("pthread");
#endif
#ifdef THRUM_BENCH_HAS_STD20
    event_rows<Std>("std");
#endif
#ifdef THRUM_BENCH_HAS_ABSL
    looking_rows<Absl>("absl");
    wake_all_rows<Absl>("absl");
#endif
#ifdef THRUM_BENCH_HAS_NSYNC
    looking_rows<Nsync>("nsync");
    wake_all_rows<Nsync>("nsync");
#endif
}

} // namespace bench
