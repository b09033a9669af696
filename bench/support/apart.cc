/* SPDX-License-Identifier: MIT */
#include "bench.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>

namespace bench {

/* Longer than any row runs, by far. */
static unsigned hang_after_s() {
    return full_or_quick(10u, 5u);
}

void Figures::add(const char *name, double value) {
    if (count == int(sizeof counters / sizeof counters[0])) abort();
    Counter &counter = counters[count++];
    snprintf(counter.name, sizeof counter.name, "%s", name);
    counter.value = value;
}

void Figures::fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, sizeof error, format, arguments);
    va_end(arguments);
}

[[noreturn]] static void run_child(const Measure &measure, Figures *figures, unsigned seconds, pid_t parent) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(1);
    signal(SIGALRM, SIG_DFL);
    alarm(seconds + hang_after_s());
    measure(*figures);
    figures->complete = true;
    _exit(0);
}

/* `hung`: what hung once is not waited for again. */
static void run_apart(benchmark::State &state, const Measure &measure, unsigned seconds, bool &hung) {
    if (hung) {
        state.SkipWithError("not repeated after a hang");
        return;
    }
    void *memory = mmap(nullptr, sizeof(Figures), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        state.SkipWithError("no memory");
        return;
    }
    Figures *figures = new (memory) Figures;
    fflush(nullptr);
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0) run_child(measure, figures, seconds, parent);
    int status = 0;
    if (child < 0 || waitpid(child, &status, 0) != child) {
        figures->fail("fork: %s", strerror(errno));
    } else if (WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM) {
        figures->fail("hang");
        hung = true;
    } else if (!figures->complete && !figures->error[0]) {
        figures->fail("ended by status %d", status);
    }

    if (figures->error[0]) {
        state.SkipWithError(figures->error);
    } else {
        for (auto _ : state) state.SetIterationTime(figures->ns * 1e-9);
        for (int i = 0; i < figures->count; i++)
            state.counters[figures->counters[i].name] = figures->counters[i].value;
    }
    munmap(memory, sizeof(Figures));
}

void row(const std::string &name, std::function<void(benchmark::State &)> body) {
    if (chosen(name)) benchmark::RegisterBenchmark(name.c_str(), body);
}

void row_apart(const std::string &name, Measure measure, unsigned seconds) {
    if (!chosen(name)) return;
    const auto hung = std::make_shared<bool>(false);
    benchmark::RegisterBenchmark(name.c_str(),
                                 [=](benchmark::State &state) { run_apart(state, measure, seconds, *hung); })
        ->UseManualTime()
        ->Iterations(1)
        ->Unit(benchmark::kNanosecond);
}

} // namespace bench
