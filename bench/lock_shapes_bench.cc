/* SPDX-License-Identifier: MIT */
/*
 * Ten shapes of contention for one lock, on all processors and on one, and the increments that people quote.
 * Rows are `lock_shapes/<shape>/<library>/threads:N/on:all` (or `one`), and what tells the shape's own cells
 * apart. tools/compare-shapes runs them; tools/compare does not.
 */
#include "support/bench.h"
#include "support/contended.h"
#include "support/locks.h"

#include <time.h>

#include <algorithm>
#include <unordered_map>

namespace bench {
namespace {

struct Setting {
    int threads;
    bool on_one;    /* the whole process on one processor */
    double seconds; /* how long, unless `rounds` says how much */
    uint64_t rounds = 0;
    unsigned period = 17; /* one acquire in so many is timed */
    int burners = 0;      /* threads that use their processor, and no lock */
};

/* One thread's part of a contest. */
class Contender {
  public:
    Contender(ContendedThread &own, int number, unsigned period)
        : index(number), own_(own), period_(period),
          random_(uint64_t(number) * 2654435761u + 88172645463325252u) {}

    template <class Lock> void acquire(Lock &lock) {
        own_.acquisitions++;
        if (until_timed_-- != 0) {
            lock.acquire();
            return;
        }
        until_timed_ = period_ - 1;
        const uint64_t begun = now_ns();
        lock.acquire();
        own_.waits.add(now_ns() - begun);
    }

    uint64_t random() {
        random_ ^= random_ << 13, random_ ^= random_ >> 7, random_ ^= random_ << 17;
        return random_;
    }

    const int index;

  private:
    ContendedThread &own_;
    const unsigned period_;
    unsigned until_timed_ = 0;
    uint64_t random_;
};

/* Gini's coefficient of the shares: 0 when all are alike, 1 when one thread has all. */
double gini(const std::vector<Padded<ContendedThread>> &threads) {
    std::vector<double> shares;
    for (const auto &thread : threads) shares.push_back(double(thread.value.acquisitions));
    std::sort(shares.begin(), shares.end());
    double sum = 0, weighted = 0;
    for (size_t i = 0; i < shares.size(); i++) {
        sum += shares[i];
        weighted += shares[i] * (2.0 * double(i + 1) - double(shares.size()) - 1);
    }
    return weighted / (double(shares.size()) * sum);
}

/* Threads that make rounds; in each they acquire the lock, once or more often. `counter` counts that. */
template <class Lock> class Contest {
  public:
    explicit Contest(const Setting &setting) : setting_(setting), threads_(size_t(setting.threads)) {
        place_process(setting.on_one ? Place::one_cpu : Place::anywhere);
    }

    /* round(contest, contender); returns how long all of it took. */
    template <class Round> double run(Round round) {
        Team team(setting_.threads + setting_.burners, Place::anywhere, [&](int index) {
            if (index >= setting_.threads) return burn();
            Contender me(threads_[size_t(index)].value, index, setting_.period);
            for (uint64_t n = 0; !stop_.value.load(std::memory_order_relaxed); n++) {
                if (setting_.rounds && n == setting_.rounds) break;
                round(*this, me);
            }
        });
        const uint64_t begun = team.start();
        uint64_t ended = 0;
        if (setting_.rounds) {
            team.join();
            ended = now_ns();
        } else {
            usleep(useconds_t(setting_.seconds * 1e6));
            stop_.value.store(true, std::memory_order_relaxed);
            ended = now_ns();
            team.join();
        }
        cpu_ns_ = team.cpu_ns() - double(burnt_.load());
        return double(ended - begun);
    }

    void report(Figures &figures, double wall_ns) {
        report_contended(figures, threads_, wall_ns, cpu_ns_, counter.value);
        if (!figures.error[0]) figures.add("gini", gini(threads_));
    }

    Padded<Lock> lock;
    Padded<uint64_t> counter;

  private:
    void burn() {
        const uint64_t begun = thread_cpu_ns();
        while (!stop_.value.load(std::memory_order_relaxed)) Work::spin(1000);
        burnt_ += thread_cpu_ns() - begun;
    }

    Padded<std::atomic<bool>> stop_;
    const Setting setting_;
    std::vector<Padded<ContendedThread>> threads_;
    std::atomic<uint64_t> burnt_{0};
    double cpu_ns_ = 0;
};

/* A round that acquires once: `inside` and `outside` are called with the contender. */
template <class Lock, class Inside, class Outside>
void contest(Figures &figures, const Setting &setting, Inside inside, Outside outside) {
    const auto all = std::make_unique<Contest<Lock>>(setting);
    const double wall_ns = all->run([&](Contest<Lock> &c, Contender &me) {
        me.acquire(c.lock.value);
        c.counter.value++;
        inside(me);
        c.lock.value.release();
        outside(me);
    });
    all->report(figures, wall_ns);
}

template <class Lock> void work(Figures &figures, const Setting &setting, Cell cell) {
    const Work inside(cell.inside_ns), outside(cell.outside_ns);
    contest<Lock>(
        figures, setting, [&](Contender &) { inside.run(); }, [&](Contender &) { outside.run(); });
}

/* All are woken at one moment and make 50 sections: until the last has finished. */
template <class Lock> void bursts(Figures &figures, Setting setting) {
    constexpr int sections = 50;
    const Work inside(100);
    const uint64_t apart_ns = std::max<uint64_t>(2000000, uint64_t(setting.threads) * sections * 600);
    setting.rounds = std::max<uint64_t>(4, uint64_t(setting.seconds * 1e9) / apart_ns);
    const auto all = std::make_unique<Contest<Lock>>(setting);
    std::vector<std::atomic<uint64_t>> finished(setting.rounds);
    std::vector<Padded<uint64_t>> number(size_t(setting.threads));
    const uint64_t first = now_ns() + 20000000;
    all->run([&](Contest<Lock> &c, Contender &me) {
        const uint64_t burst = number[size_t(me.index)].value++;
        const uint64_t moment = first + burst * apart_ns;
        const timespec until = {time_t(moment / 1000000000u), long(moment % 1000000000u)};
        while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &until, nullptr) != 0) {
        }
        for (int i = 0; i < sections; i++) {
            me.acquire(c.lock.value);
            c.counter.value++;
            inside.run();
            c.lock.value.release();
        }
        const uint64_t now = now_ns();
        uint64_t last = finished[burst].load();
        while (last < now && !finished[burst].compare_exchange_weak(last, now)) {
        }
    });
    double wall_ns = 0;
    for (size_t burst = 0; burst < finished.size(); burst++)
        wall_ns += double(finished[burst].load() - (first + burst * apart_ns));
    all->report(figures, wall_ns);
}

/* One thread holds the lock for 20 us and leaves it for 80; the others want it often and shortly. */
template <class Lock> void asymmetric(Figures &figures, const Setting &setting) {
    const Work long_inside(20000), long_outside(80000), inside(100), outside(400);
    contest<Lock>(
        figures, setting, [&](Contender &me) { (me.index == 0 ? long_inside : inside).run(); },
        [&](Contender &me) { (me.index == 0 ? long_outside : outside).run(); });
}

/* A section changes 16 words anywhere in so much memory. */
template <class Lock> void cache(Figures &figures, const Setting &setting, size_t kib) {
    std::vector<uint64_t> data(kib * 1024 / sizeof(uint64_t));
    const size_t mask = data.size() - 1;
    const Work outside(200);
    contest<Lock>(
        figures, setting,
        [&](Contender &me) {
            for (int i = 0; i < 16; i++) data[me.random() & mask]++;
        },
        [&](Contender &) { outside.run(); });
}

/* Nine in ten hold for 100 ns, the tenth for 10 us. */
template <class Lock> void mixed_holds(Figures &figures, const Setting &setting) {
    const Work often(100), seldom(10000), outside(200);
    contest<Lock>(
        figures, setting, [&](Contender &me) { (me.random() % 10 ? often : seldom).run(); },
        [&](Contender &) { outside.run(); });
}

/* Nine in ten look a key up, the tenth puts one or takes it away. */
template <class Lock> void map_readers(Figures &figures, const Setting &setting) {
    constexpr uint64_t keys = 20000;
    std::unordered_map<uint64_t, uint64_t> map;
    map.reserve(keys);
    for (uint64_t key = 0; key < keys; key += 2) map[key] = key;
    const Work outside(200);
    contest<Lock>(
        figures, setting,
        [&](Contender &me) {
            const uint64_t drawn = me.random(), key = drawn / 16 % keys;
            const auto found = map.find(key);
            if (drawn % 10 != 0)
                benchmark::DoNotOptimize(found == map.end() ? 0 : found->second);
            else if (found == map.end())
                map[key] = drawn;
            else
                map.erase(found);
        },
        [&](Contender &) { outside.run(); });
}

/* Three of 256 locks that hardly anybody else wants, then the one that all want. */
template <class Lock> void hot_and_cold(Figures &figures, const Setting &setting) {
    constexpr size_t count = 256;
    const std::unique_ptr<Padded<Lock>[]> cold(new Padded<Lock>[count]());
    const Work inside(50);
    contest<Lock>(
        figures, setting, [&](Contender &) { inside.run(); },
        [&](Contender &me) {
            for (int i = 0; i < 3; i++) {
                Lock &lock = cold[me.random() % count].value;
                lock.acquire();
                inside.run();
                lock.release();
            }
        });
}

/* One holder in a thousand sleeps for 100 us, as in a call that waits for a disk. */
template <class Lock> void convoy(Figures &figures, const Setting &setting) {
    const Work inside(100), outside(200);
    contest<Lock>(
        figures, setting,
        [&](Contender &me) {
            inside.run();
            if (me.random() % 1000) return;
            const timespec pause = {0, 100000};
            nanosleep(&pause, nullptr);
        },
        [&](Contender &) { outside.run(); });
}

/* Longer with more threads: each must have had its turns. `cells` of a shape share a quick run's time. */
double seconds_of(int threads, int cells) {
    if (quick()) return cells > 1 ? 0.03 : 0.08;
    return threads <= 8 ? 0.12 : threads <= 16 ? 0.25 : threads <= 32 ? 0.5 : 1.0;
}

using Shape = std::function<void(Figures &, const Setting &)>;

template <class Lock> void shape_rows(const std::string &library) {
    const auto add = [&](const char *shape, const std::string &cell, Setting setting, Shape measure) {
        const std::string name = std::string("lock_shapes/") + shape + "/" + library +
                                 "/threads:" + std::to_string(setting.threads) +
                                 (setting.on_one ? "/on:one" : "/on:all") + cell;
        row_apart(
            name, [=](Figures &f) { measure(f, setting); }, unsigned(setting.seconds));
    };
    for (const bool on_one : {false, true}) {
        for (const int threads : {1, 2, 4, 8, 16, 32, 64}) {
            const Setting one{threads, on_one, seconds_of(threads, 1)};
            Setting many = one;
            many.seconds = seconds_of(threads, 4);
            for (const Cell cell : {Cell{100, 400}, Cell{1000, 4000}})
                add("scaling", cell_name(cell), many, [=](auto &f, auto &s) { work<Lock>(f, s, cell); });
            add("bursts", "", one, bursts<Lock>);
            add("asymmetric", "", one, asymmetric<Lock>);
            Setting lasting = one;
            lasting.seconds = full_or_quick(60.0, 0.15);
            add("long_run", "", lasting, [](auto &f, auto &s) { work<Lock>(f, s, {100, 200}); });
            for (const size_t kib : {4u, 256u, 4096u, 65536u})
                add("cache", "/kib:" + std::to_string(kib), many,
                    [=](auto &f, auto &s) { cache<Lock>(f, s, kib); });
            Setting beside = one;
            beside.burners = 2;
            add("background", "", beside, [](auto &f, auto &s) { work<Lock>(f, s, {100, 200}); });
            for (const int ns : {100, 1000, 10000, 100000}) {
                Setting held = many;
                held.period = ns >= 500 ? 1 : held.period;
                add("holds", "/hold_ns:" + std::to_string(ns), held, [=](auto &f, auto &s) {
                    work<Lock>(f, s, {ns, ns});
                });
            }
            add("holds", "/hold_ns:mixed", many, mixed_holds<Lock>);
            add("map_readers", "", one, map_readers<Lock>);
            add("hot_and_cold", "", one, hot_and_cold<Lock>);
            add("convoy", "", one, convoy<Lock>);
        }
        Setting increments{30, on_one, 0};
        increments.rounds = 100000;
        add("increments", "", increments, [](auto &f, auto &s) { work<Lock>(f, s, {0, 0}); });
    }
}

} // namespace

void rows() {
    shape_rows<ThrumLock>("thrum");
    shape_rows<PthreadNormal>("pthread");
#ifdef THRUM_BENCH_HAS_ADAPTIVE
    shape_rows<PthreadAdaptive>("adaptive");
#endif
#ifdef THRUM_BENCH_HAS_NSYNC
    shape_rows<NsyncMu>("nsync");
#endif
#ifdef THRUM_BENCH_HAS_ABSL
    shape_rows<AbslMutex>("absl");
#endif
#ifdef THRUM_BENCH_HAS_GLIB
    shape_rows<GlibMutex>("glib");
#endif
#ifdef THRUM_BENCH_HAS_RUST
    shape_rows<ParkingLot>("parking_lot");
    shape_rows<RustStd>("rust_std");
#endif
    shape_rows<YieldingSpin>("spin");
#ifdef THRUM_BENCH_HAS_TBB
    shape_rows<TbbSpin>("tbb");
#endif
}

} // namespace bench
