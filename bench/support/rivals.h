/* SPDX-License-Identifier: MIT */
/* Which other libraries this build found. The build system defines a macro for each. */
#ifndef THRUM_BENCH_SUPPORT_RIVALS_H
#define THRUM_BENCH_SUPPORT_RIVALS_H

#include <string>

#if __has_include(<concurrentqueue/lightweightsemaphore.h>)
#define THRUM_BENCH_HAS_MOODYCAMEL 1
#endif
#if __has_include(<readerwriterqueue.h>)
#define THRUM_BENCH_HAS_READERWRITER 1
#endif
#if __has_include(<atomic_queue/atomic_queue.h>)
#define THRUM_BENCH_HAS_ATOMIC_QUEUE 1
#endif
#if __cplusplus >= 202002L && __has_include(<semaphore>)
#define THRUM_BENCH_HAS_STD20 1
#endif

namespace bench {

/* "nsync, ck": the rivals left out of this run; empty when none is. */
inline std::string missing_rivals() {
    std::string list;
    [[maybe_unused]] const auto missing = [&list](const char *name) {
        list += (list.empty() ? "" : ", ") + std::string(name);
    };
#ifndef THRUM_BENCH_HAS_NSYNC
    missing("nsync");
#endif
#ifndef THRUM_BENCH_HAS_ABSL
    missing("absl");
#endif
#ifndef THRUM_BENCH_HAS_CK
    missing("ck");
#endif
#ifndef THRUM_BENCH_HAS_TBB
    missing("tbb");
#endif
#ifndef THRUM_BENCH_HAS_BOOST
    missing("boost");
#endif
#ifndef THRUM_BENCH_HAS_MOODYCAMEL
    missing("moodycamel");
#endif
#ifndef THRUM_BENCH_HAS_READERWRITER
    missing("readerwriterqueue");
#endif
#ifndef THRUM_BENCH_HAS_ATOMIC_QUEUE
    missing("atomic_queue");
#endif
#ifndef THRUM_BENCH_HAS_XENIUM
    missing("xenium");
#endif
#ifndef THRUM_BENCH_HAS_CDS
    missing("libcds");
#endif
#ifndef THRUM_BENCH_HAS_CUCKOO
    missing("libcuckoo");
#endif
#ifndef THRUM_BENCH_HAS_GLIB
    missing("GLib");
#endif
#ifndef THRUM_BENCH_HAS_UV
    missing("libuv");
#endif
#ifndef THRUM_BENCH_HAS_LIBOMP
    missing("libomp");
#endif
#ifndef THRUM_BENCH_HAS_RUST
    missing("Rust's std and crates");
#endif
#ifndef THRUM_BENCH_HAS_STD20
    missing("C++20's std");
#endif
    return list;
}

} // namespace bench

#endif
