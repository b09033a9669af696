/* SPDX-License-Identifier: MIT */
#include "support/bench.h"
#include "support/rivals.h"

#include <pthread.h>
#include <sched.h>

#include <memory>

#include <thrum/barrier.h>

#ifdef THRUM_BENCH_HAS_STD20
#include <barrier>
#endif
#ifdef THRUM_BENCH_HAS_ABSL
#include <absl/synchronization/barrier.h>
#endif
#ifdef THRUM_BENCH_HAS_BOOST
#include <boost/thread/barrier.hpp>
#endif

namespace bench {
namespace {

/* clang-format off */
class Thrum {
  public:
    explicit Thrum(int parties) { (void)!thrum_barrier_init(&barrier_, parties); }
    void wait() { (void)!thrum_barrier_wait(&barrier_, nullptr); }
  private:
    thrum_barrier barrier_;
};

class Pthread {
  public:
    explicit Pthread(int parties) { pthread_barrier_init(&barrier_, nullptr, unsigned(parties)); }
    ~Pthread() { pthread_barrier_destroy(&barrier_); }
    void wait() { pthread_barrier_wait(&barrier_); }
  private:
    pthread_barrier_t barrier_;
};

#ifdef THRUM_BENCH_HAS_STD20
class Std {
  public:
    explicit Std(int parties) : barrier_(parties) {}
    void wait() { barrier_.arrive_and_wait(); }
  private:
    std::barrier<> barrier_;
};
#endif

#ifdef THRUM_BENCH_HAS_BOOST
class Boost {
  public:
    explicit Boost(int parties) : barrier_(unsigned(parties)) {}
    void wait() { barrier_.wait(); }
  private:
    boost::barrier barrier_;
};
#endif

#ifdef THRUM_BENCH_HAS_ABSL
/* One that serves once: whoever is told to delete it makes the next, two ahead. */
class Absl {
  public:
    explicit Absl(int parties) : parties_(parties) {
        for (auto &b : barriers_) b.store(new absl::Barrier(parties));
    }
    ~Absl() { for (auto &b : barriers_) delete b.load(); }
    void wait() {
        static thread_local unsigned round = 0;
        auto &place = barriers_[round++ % 2];
        absl::Barrier *const barrier = place.load(std::memory_order_acquire);
        if (!barrier->Block()) return;
        delete barrier;
        place.store(new absl::Barrier(parties_), std::memory_order_release);
    }
  private:
    const int parties_;
    std::atomic<absl::Barrier *> barriers_[2];
};
#endif

/* Arrivals on one line, and nobody ever gives up its processor: only for two parties on two. */
class Limit {
  public:
    explicit Limit(int parties) : parties_(unsigned(parties)) {}
    void wait() {
        const unsigned generation = generation_.load(std::memory_order_relaxed);
        if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == parties_) {
            arrived_.store(0, std::memory_order_relaxed);
            generation_.store(generation + 1, std::memory_order_release);
        } else {
            while (generation_.load(std::memory_order_acquire) == generation) thrum_cpu_pause();
        }
    }
  private:
    const unsigned parties_;
    std::atomic<unsigned> arrived_{0}, generation_{0};
};
/* clang-format on */

/* Rounds without work between them, by all parties together: nanoseconds a round. */
template <class Barrier> void rounds(Figures &figures, int parties, double seconds) {
    const auto barrier = std::make_unique<Padded<std::unique_ptr<Barrier>>>();
    barrier->value = std::make_unique<Barrier>(parties);
    bool over = false; /* one decides before a round, all read after it, and nobody writes before the next */
    uint64_t count = 0, begun = 0, ended = 0;
    Team team(parties, Place::anywhere, [&](int me) {
        barrier->value->wait();
        if (me == 0) begun = now_ns();
        for (bool last = false; !last;) {
            for (int i = 0; i < 16; i++) barrier->value->wait();
            if (me == 0) {
                count += 18;
                ended = now_ns();
                over = double(ended - begun) > seconds * 1e9;
            }
            barrier->value->wait();
            last = over;
            barrier->value->wait();
        }
    });
    team.start();
    team.join();
    figures.ns = double(ended - begun) / double(count);
    figures.add("cpu_ns_per_round", team.cpu_ns() / double(count));
}

template <class Barrier> void barrier_rows(const std::string &library) {
    for (const int parties : {2, 4, 8, 16, 64}) {
        row_apart("barrier/round/" + library + "/parties:" + std::to_string(parties),
                  [=](Figures &f) { rounds<Barrier>(f, parties, full_or_quick(0.1, 0.03)); });
    }
}

} // namespace

void rows() {
    row_apart("barrier/round/limit/parties:2", [](Figures &f) {
        if (!place_possible(Place::across)) return f.fail("needs two processors");
        rounds<Limit>(f, 2, full_or_quick(0.1, 0.03));
    });
    barrier_rows<Thrum>("thrum");
    barrier_rows<Pthread>("pthread");
#ifdef THRUM_BENCH_HAS_STD20
    barrier_rows<Std>("std");
#endif
#ifdef THRUM_BENCH_HAS_ABSL
    barrier_rows<Absl>("absl");
#endif
#ifdef THRUM_BENCH_HAS_BOOST
    barrier_rows<Boost>("boost");
#endif
}

} // namespace bench
