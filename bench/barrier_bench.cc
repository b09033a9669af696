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
#ifdef THRUM_BENCH_HAS_UV
#include <uv.h>
#endif
#ifdef THRUM_BENCH_HAS_RUST
#include "support/rust.h"
#endif
#ifdef THRUM_BENCH_HAS_LIBOMP
#include "support/libomp.h"
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
/* One that serves once: the thread that is told to delete it makes the next, two ahead. */
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

#ifdef THRUM_BENCH_HAS_UV
class Uv {
  public:
    explicit Uv(int parties) { uv_barrier_init(&barrier_, unsigned(parties)); }
    ~Uv() { uv_barrier_destroy(&barrier_); }
    void wait() { uv_barrier_wait(&barrier_); }
  private:
    uv_barrier_t barrier_;
};
#endif

#ifdef THRUM_BENCH_HAS_RUST
class RustStd {
  public:
    explicit RustStd(int parties) : barrier_(rust_std_barrier_new(size_t(parties))) {}
    ~RustStd() { rust_std_barrier_free(barrier_); }
    void wait() { rust_std_barrier_wait(barrier_); }
  private:
    rust_std_barrier *barrier_;
};
#endif

#ifdef THRUM_BENCH_HAS_LIBOMP
/* A region's threads have one barrier, which is nobody's object. */
class Omp {
  public:
    explicit Omp(int) {}
    void wait() { omp_wait_for_all(); }
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

/* Rounds without work between them, by all parties together. */
template <class Barrier> class Rounds {
  public:
    Rounds(int parties, double seconds) : barrier_(parties), ns_(seconds * 1e9) {}

    void take_part(int me) {
        barrier_.wait();
        if (me == 0) begun_ = now_ns();
        for (bool last = false; !last;) {
            for (int i = 0; i < 16; i++) barrier_.wait();
            if (me == 0) {
                count_ += 18;
                ended_ = now_ns();
                over_ = double(ended_ - begun_) > ns_;
            }
            barrier_.wait();
            last = over_;
            barrier_.wait();
        }
    }

    void report(Figures &figures, double cpu_ns) const {
        figures.ns = double(ended_ - begun_) / double(count_);
        figures.add("cpu_ns_per_round", cpu_ns / double(count_));
    }

  private:
    alignas(THRUM_CACHE_LINE) Barrier barrier_;
    alignas(THRUM_CACHE_LINE) bool over_ =
        false; /* party 0 decides before a round, the others read it after that */
    const double ns_;
    uint64_t count_ = 0, begun_ = 0, ended_ = 0;
};

template <class Barrier> void rounds(Figures &figures, int parties, double seconds) {
    const auto all = std::make_unique<Rounds<Barrier>>(parties, seconds);
    Team team(parties, Place::anywhere, [&](int me) { all->take_part(me); });
    team.start();
    team.join();
    all->report(figures, team.cpu_ns());
}

#ifdef THRUM_BENCH_HAS_LIBOMP
/* Its threads are its own. */
void rounds_of_omp(Figures &figures, int parties, double seconds) {
    const auto all = std::make_unique<Rounds<Omp>>(parties, seconds);
    std::atomic<uint64_t> cpu_ns{0};
    omp_region(parties, [&](int me) {
        const uint64_t begun = thread_cpu_ns();
        all->take_part(me);
        cpu_ns += thread_cpu_ns() - begun;
    });
    all->report(figures, double(cpu_ns.load()));
}
#endif

void rows_of(const std::string &library, void (*measure)(Figures &, int, double)) {
    for (const int parties : {2, 4, 8, 16, 64}) {
        row_apart("barrier/round/" + library + "/parties:" + std::to_string(parties),
                  [=](Figures &f) { measure(f, parties, full_or_quick(0.1, 0.03)); });
    }
}

template <class Barrier> void barrier_rows(const std::string &library) {
    rows_of(library, rounds<Barrier>);
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
#ifdef THRUM_BENCH_HAS_UV
    barrier_rows<Uv>("libuv");
#endif
#ifdef THRUM_BENCH_HAS_RUST
    barrier_rows<RustStd>("rust_std");
#endif
#ifdef THRUM_BENCH_HAS_LIBOMP
    rows_of("libomp", rounds_of_omp);
#endif
}

} // namespace bench
