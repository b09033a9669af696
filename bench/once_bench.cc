/* SPDX-License-Identifier: MIT */
#include "support/bench.h"
#include "support/rivals.h"

#include <pthread.h>

#include <mutex>

#include <thrum/once.h>

#ifdef THRUM_BENCH_HAS_ABSL
#include <absl/base/call_once.h>
#endif
#ifdef THRUM_BENCH_HAS_BOOST
#include <boost/thread/once.hpp>
#endif

namespace bench {
namespace {

void nothing() {}
thrum_result nothing_of(void *) {
    return THRUM_OK;
}

/* clang-format off */
struct Thrum {
    thrum_once once = THRUM_ONCE_INIT;
    void run() { (void)!thrum_once_run(&once, nothing_of, nullptr); }
};

struct Pthread {
    pthread_once_t once = PTHREAD_ONCE_INIT;
    void run() { pthread_once(&once, nothing); }
};

struct Std {
    std::once_flag once;
    void run() { std::call_once(once, nothing); }
};

#ifdef THRUM_BENCH_HAS_ABSL
struct Absl {
    absl::once_flag once;
    void run() { absl::call_once(once, nothing); }
};
#endif

#ifdef THRUM_BENCH_HAS_BOOST
struct Boost {
    boost::once_flag once = BOOST_ONCE_INIT;
    void run() { boost::call_once(once, nothing); }
};
#endif

struct Limit {
    thrum_u32 done = {};
    void run() {
        if (thrum_u32_load_acquire(&done)) return;
        nothing();
        thrum_u32_store_release(&done, 1);
    }
};
/* clang-format on */

template <class Once> void done(benchmark::State &state) {
    Padded<Once> once;
    once.value.run();
    for (auto _ : state) {
        once.value.run();
        benchmark::ClobberMemory();
    }
}

/* The first run, with nobody beside it; a fresh object each time. */
template <class Once> void first(benchmark::State &state) {
    constexpr size_t many = 1024;
    std::vector<Once> onces(many);
    size_t next = 0;
    for (auto _ : state) {
        if (next == many) {
            state.PauseTiming();
            std::vector<Once>(many).swap(onces);
            next = 0;
            state.ResumeTiming();
        }
        onces[next++].run();
    }
}

template <class Once> void once_rows(const std::string &library) {
    row("once/done/" + library, done<Once>);
    row("once/first/" + library, first<Once>);
}

} // namespace

void rows() {
    once_rows<Limit>("limit");
    once_rows<Thrum>("thrum");
    once_rows<Pthread>("pthread");
    once_rows<Std>("std");
#ifdef THRUM_BENCH_HAS_ABSL
    once_rows<Absl>("absl");
#endif
#ifdef THRUM_BENCH_HAS_BOOST
    once_rows<Boost>("boost");
#endif
}

} // namespace bench
