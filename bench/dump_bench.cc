/* SPDX-License-Identifier: MIT */
/* A dump of a process with 16 threads that wait, to a file that keeps nothing. */
#include "support/bench.h"

#include <fcntl.h>
#include <unistd.h>

#include <thrum/dump.h>
#include <thrum/event.h>
#include <thrum/thread.h>

namespace bench {
namespace {

enum { THREADS = 16 };

thrum_event leave;

void *stand(void *argument) {
    thrum_event_wait(&leave);
    return argument;
}

void dump(benchmark::State &state) {
    thrum_thread *threads[THREADS];
    thrum_thread_config config = {};
    config.target = stand;
    int started = 0;
    while (started < THREADS && thrum_thread_spawn(&threads[started], &config) == THRUM_OK) started++;
    const int fd = open("/dev/null", O_WRONLY);
    for (auto _ : state) benchmark::DoNotOptimize(thrum_dump(fd));
    close(fd);
    thrum_event_set(&leave);
    while (started > 0) {
        (void)thrum_thread_join(threads[--started], nullptr);
        thrum_thread_release(threads[started]);
    }
    thrum_event_clear(&leave);
}

} // namespace

void rows() {
    row("dump/16/thrum", dump);
}

} // namespace bench
