/* SPDX-License-Identifier: MIT */
/*
 * The main function of every benchmark program: `--quick`, `--full`, `--only=REGEX`, and everything that
 * Google Benchmark takes. What the report has to say about the machine and the rivals goes into the context.
 */
#include "bench.h"

#include <semaphore.h>
#include <sys/utsname.h>
#ifdef __GLIBC__
#include <gnu/libc-version.h>
#endif

#include <cstring>
#include <fstream>
#include <map>
#include <regex>

#include <thrum/cpus.h>

#include "rivals.h"

namespace bench {

static bool is_quick = false;

bool quick() {
    return is_quick;
}

static bool is_full = false;

bool full() {
    return is_full;
}

static std::regex only(".*");

bool chosen(const std::string &name) {
    return std::regex_search(name, only);
}

/* glibc has shortcuts for a process of one thread: a second one is always alive. */
static void keep_company() {
    static sem_t never;
    sem_init(&never, 0, 0);
    std::thread([] {
        while (sem_wait(&never) != 0) {
        }
    }).detach();
}

static void say(const char *key, const std::string &value) {
    benchmark::AddCustomContext(key, value);
}

/* "model name (family, model)": names of virtual processors say little. */
static std::string processor() {
    std::ifstream file("/proc/cpuinfo");
    std::map<std::string, std::string> first;
    for (std::string line; std::getline(file, line) && !line.empty();) {
        const size_t tab = line.find('\t'), colon = line.find(": ");
        if (tab < colon && colon != std::string::npos)
            first.emplace(line.substr(0, tab), line.substr(colon + 2));
    }
    if (first["model name"].empty()) return "unknown";
    return first["model name"] + " (family " + first["cpu family"] + ", model " + first["model"] + ")";
}

static void describe() {
    utsname name;
    if (uname(&name) == 0) say("kernel", std::string(name.sysname) + " " + name.release + " " + name.machine);
#ifdef __GLIBC__
    say("libc", std::string("glibc ") + gnu_get_libc_version());
#endif
#ifdef __clang__
    say("compiler", std::string("clang ") + __clang_version__);
#else
    say("compiler", std::string("gcc ") + __VERSION__);
#endif
    say("processor", processor());
    say("processors", std::to_string(thrum_cpus()));
    say("missing", missing_rivals());
    say("quick", is_quick ? "yes" : "no");
}

} // namespace bench

int main(int argc, char **argv) {
    int kept = 1;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0)
            bench::is_quick = true;
        else if (strcmp(argv[i], "--full") == 0)
            bench::is_full = true;
        else if (strncmp(argv[i], "--only=", 7) == 0)
            bench::only.assign(argv[i] + 7, std::regex::extended);
        else
            argv[kept++] = argv[i];
    }
    argc = kept;
    argv[argc] = nullptr;

    bench::keep_company();
    bench::calibrate_work();
    bench::describe();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
    bench::rows();
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
