/* SPDX-License-Identifier: MIT */
/* Several locks at once: free ones, and a round table at which each wants those on both sides. */
#include "support/bench.h"
#include "support/locks.h"

#include <memory>
#include <mutex>

#include <thrum/all.h>

#ifdef THRUM_BENCH_HAS_BOOST
#include <boost/thread/locks.hpp>
#endif

namespace bench {
namespace {

/* How each takes two locks, or four, and releases them. */
struct ByThrum {
    using Lock = thrum_lock;
    static void both(Lock &a, Lock &b, void (*section)()) {
        const thrum_all set = THRUM_ALL(&a, &b);
        thrum_acquire_all(&set);
        section();
        thrum_release_all(&set);
    }
    static void four(Lock *l) {
        const thrum_all set = THRUM_ALL(&l[0], &l[1], &l[2], &l[3]);
        thrum_acquire_all(&set);
        thrum_release_all(&set);
    }
};

/* In the order of their addresses, which is all that pthread offers. */
struct ByOrder {
    using Lock = pthread_mutex_t;
    static void both(Lock &a, Lock &b, void (*section)()) {
        Lock *first = &a < &b ? &a : &b, *second = &a < &b ? &b : &a;
        pthread_mutex_lock(first);
        pthread_mutex_lock(second);
        section();
        pthread_mutex_unlock(second);
        pthread_mutex_unlock(first);
    }
    static void four(Lock *l) {
        for (int i = 0; i < 4; i++) pthread_mutex_lock(&l[i]);
        for (int i = 4; i-- > 0;) pthread_mutex_unlock(&l[i]);
    }
};

struct ByStd {
    using Lock = std::mutex;
    static void both(Lock &a, Lock &b, void (*section)()) {
        const std::scoped_lock guard(a, b);
        section();
    }
    static void four(Lock *l) {
        const std::scoped_lock guard(l[0], l[1], l[2], l[3]);
    }
};

#ifdef THRUM_BENCH_HAS_BOOST
struct ByBoost {
    using Lock = boost::mutex;
    static void both(Lock &a, Lock &b, void (*section)()) {
        boost::lock(a, b);
        section();
        b.unlock();
        a.unlock();
    }
    static void four(Lock *l) {
        boost::lock(l[0], l[1], l[2], l[3]);
        for (int i = 4; i-- > 0;) l[i].unlock();
    }
};
#endif

template <class By> void two_free(benchmark::State &state) {
    Padded<typename By::Lock> a{}, b{};
    for (auto _ : state) By::both(a.value, b.value, [] { benchmark::ClobberMemory(); });
}

template <class By> void four_free(benchmark::State &state) {
    typename By::Lock locks[4] = {};
    for (auto _ : state) By::four(locks);
}

/* So many threads round a table, each with a lock on either side. */
template <class By> void table(Figures &figures, int seats, double seconds) {
    const std::unique_ptr<Padded<typename By::Lock>[]> forks(new Padded<typename By::Lock>[size_t(seats)]());
    std::atomic<bool> over{false};
    std::atomic<uint64_t> meals{0};
    Team team(seats, Place::anywhere, [&](int seat) {
        auto &left = forks[size_t(seat)].value, &right = forks[size_t((seat + 1) % seats)].value;
        uint64_t eaten = 0;
        for (; !over.load(std::memory_order_relaxed); eaten++) {
            By::both(left, right, [] { Work::spin(200); });
            Work::spin(200);
        }
        meals += eaten;
    });
    const uint64_t begun = team.start();
    usleep(useconds_t(seconds * 1e6));
    over = true;
    const uint64_t ended = now_ns();
    team.join();
    figures.ns = double(ended - begun) / double(meals.load());
    figures.add("cpu_ns", team.cpu_ns() / double(meals.load()));
}

template <class By> void all_rows(const std::string &library) {
    row("all/two_free/" + library, two_free<By>);
    row("all/four_free/" + library, four_free<By>);
    for (const int seats : {2, 4, 8})
        row_apart("all/table/" + library + "/threads:" + std::to_string(seats),
                  [=](Figures &f) { table<By>(f, seats, full_or_quick(1.0, 0.3)); });
}

} // namespace

void rows() {
    all_rows<ByThrum>("thrum");
    all_rows<ByOrder>("pthread");
    all_rows<ByStd>("std");
#ifdef THRUM_BENCH_HAS_BOOST
    all_rows<ByBoost>("boost");
#endif
}

} // namespace bench
