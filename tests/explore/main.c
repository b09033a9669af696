/* SPDX-License-Identifier: MIT */
/*
 * The command line of an exploring program:
 *
 *     lock_explore [OPTION...] [SCENARIO...]
 * Scenarios that are named run in that order.
 *     --list               the scenarios' names
 *     --executions PERCENT of each scenario's executions by priority and at random
 *     --seconds N          instead: so long by priority and at random, each
 *     --seed N             of the random strategies
 *     --bounds P.S.E.W     of the depth-first search: preemptions, stale reads, expiries, spurious wakes
 *     --within P.S.E.W     the same, where the scenario's own are looser
 *     --only exhaust|pct|random
 *     --until-failure      the first scenario that does not go as it must is the last
 *     --unpruned           a depth-first search that gives up no execution: to check the explorer
 *     --replay TRAIL       one execution of the named scenario, with its trace
 *
 * Exit status 0: every scenario went as it must; 1: one did not; 2: usage.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "search.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

engine_state engine = {.execution = 1}; /* constructors run explored code before the first */

static explore_scenario *scenarios;

static struct {
    unsigned percent;
    double seconds;
    uint64_t seed;
    explore_bounds bounds, within;
    bool has_bounds;
    const char *only;
    const char *replay;
    bool until_failure;
} options = {.percent = 100, .seed = 1, .within = {~0u, ~0u, ~0u, ~0u}};

void explore_register(explore_scenario *scenario) {
    explore_scenario **end = &scenarios;
    while (*end) end = &(*end)->next;
    *end = scenario;
    explore_bounds *b = &scenario->bounds;
    if (!b->preemptions && !b->stale && !b->expiries && !b->spurious) *b = (explore_bounds){2, 1, 1, 1};
}

void explore_fail(const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(engine.failure, sizeof engine.failure, format, arguments);
    va_end(arguments);
    engine.failed = true;
    execution_over();
}

static double seconds_now(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* --- one execution ------------------------------------------------------------------------------ */

static void execute(const explore_scenario *scenario) {
    engine.scenario = scenario;
    engine.count = scenario->threads + scenario->startable + 1;
    engine.starts = engine.blocks = 0;
    engine.parallel = false;
    engine.steps = 0;
    engine.failed = false;
    memset(engine.threads, 0, sizeof engine.threads);
    engine.threads[MAIN].now.events[MAIN] = 1;
    engine.threads[MAIN].state = RUNNABLE;
    memory_reset();
    races_begin_execution();
    kernel_begin_execution();
    search_begin_execution();
    fibers_begin();
    engine.parallel = false;
    races_undo();
}

static void print_failure(const explore_scenario *scenario) {
    char trail[8192];
    search_print_trail(trail, sizeof trail);
    search_repeat();
    char first[sizeof engine.failure];
    memcpy(first, engine.failure, sizeof first);
    report_reset();
    engine.tracing = true;
    execute(scenario);
    engine.tracing = false;
    report_print();
    printf("%s: %s\n", scenario->name, engine.failed ? engine.failure : "went well when it was repeated");
    if (engine.failed && strcmp(first, engine.failure) != 0) printf("    (at first: %s)\n", first);
    printf("replay: %s --replay %s %s\n", program_invocation_name, trail, scenario->name);
}

/* --- a strategy, a scenario --------------------------------------------------------------------- */

/* The random strategies are not bound by much. */
static const explore_bounds loose = {200, 12, 8, 3};

static bool as_expected(const explore_scenario *scenario) {
    return scenario->finds && strstr(engine.failure, scenario->finds);
}

static bool time_is_left(double start) {
    return options.seconds == 0 || search.strategy == DEPTH_FIRST || seconds_now() - start < options.seconds;
}

/* Runs until a failure, the end or `most` executions. True while nothing has failed. */
static bool run(const explore_scenario *scenario, const char *name, uint64_t most) {
    const double start = seconds_now();
    uint64_t executions = 0, steps = 0;
    bool more = true;
    do {
        execute(scenario);
        executions++;
        steps += engine.steps;
    } while (!engine.failed && (more = search_next()) && (most == 0 || executions < most) &&
             (executions % 1024 || time_is_left(start)));
    printf("%s: %s: %" PRIu64 " executions, %" PRIu64 " operations", scenario->name, name, executions, steps);
    if (search.strategy == DEPTH_FIRST)
        printf(", %" PRIu64 " states, %" PRIu64 " ends", search_states(), search_ends());
    printf(", %.2f s%s\n", seconds_now() - start, engine.failed ? ", fails" : more ? "" : ", exhausted");
    if (!engine.failed) return true;
    if (as_expected(scenario))
        printf("%s: found, as it must: %s\n", scenario->name, engine.failure);
    else
        print_failure(scenario);
    return false;
}

static bool wanted(const char *name) {
    return !options.only || strcmp(options.only, name) == 0;
}

static uint64_t scaled(unsigned count, unsigned standard) {
    if (options.seconds > 0) return 0;
    return ((uint64_t)(count ? count : standard) * options.percent + 99) / 100;
}

static unsigned lesser(unsigned a, unsigned b) {
    return a < b ? a : b;
}

static explore_bounds bounds_of(const explore_scenario *scenario) {
    const explore_bounds own = options.has_bounds ? options.bounds : scenario->bounds, most = options.within;
    return (explore_bounds){lesser(own.preemptions, most.preemptions), lesser(own.stale, most.stale),
                            lesser(own.expiries, most.expiries), lesser(own.spurious, most.spurious)};
}

/* The fewest preemptions that fail make the shortest trace. */
static bool exhaust(const explore_scenario *scenario) {
    explore_bounds bounds = bounds_of(scenario);
    const unsigned most = bounds.preemptions;
    search_forget_states();
    for (bounds.preemptions = 0; bounds.preemptions <= most; bounds.preemptions++) {
        char name[96];
        snprintf(name, sizeof name, "up to %u preemptions, %u stale, %u expiries, %u spurious",
                 bounds.preemptions, bounds.stale, bounds.expiries, bounds.spurious);
        search_begin(DEPTH_FIRST, bounds, 1);
        if (!run(scenario, name, 0)) return false;
    }
    return true;
}

static bool explore(const explore_scenario *scenario) {
    if (wanted("exhaust") && !exhaust(scenario)) return false;
    if (wanted("pct")) {
        search_begin(BY_PRIORITY, loose, options.seed);
        if (!run(scenario, "by priority", scaled(scenario->by_priority, 50000))) return false;
    }
    if (wanted("random")) {
        search_begin(AT_RANDOM, loose, options.seed);
        if (!run(scenario, "at random", scaled(scenario->at_random, 50000))) return false;
    }
    return true;
}

static bool run_scenario(const explore_scenario *scenario) {
    if (options.replay) {
        if (!search_read_trail(options.replay)) exit(2);
        execute(scenario);
        print_failure(scenario);
        return !engine.failed;
    }
    const bool fine = explore(scenario);
    if (!scenario->finds) return fine;
    if (fine) printf("%s: not found: %s\n", scenario->name, scenario->finds);
    return !fine && as_expected(scenario);
}

/* --- the command line --------------------------------------------------------------------------- */

static _Noreturn void usage(void) {
    fprintf(
        stderr,
        "usage: %s [--list] [--executions PERCENT] [--seconds N] [--seed N] [--bounds P.S.E.W] [--within "
        "P.S.E.W]\n"
        "       [--only exhaust|pct|random] [--until-failure] [--unpruned] [--replay TRAIL] [SCENARIO...]\n",
        program_invocation_name);
    exit(2);
}

static void read_bounds(const char *text, explore_bounds *b) {
    if (sscanf(text, "%u.%u.%u.%u", &b->preemptions, &b->stale, &b->expiries, &b->spurious) != 4) usage();
}

static int read_options(int argc, char **argv) {
    int i = 1;
    for (; i < argc && strncmp(argv[i], "--", 2) == 0; i++) {
        if (strcmp(argv[i], "--list") == 0) {
            for (const explore_scenario *s = scenarios; s; s = s->next) puts(s->name);
            exit(0);
        }
        if (strcmp(argv[i], "--until-failure") == 0) {
            options.until_failure = true;
            continue;
        }
        if (strcmp(argv[i], "--unpruned") == 0) {
            search.unpruned = true;
            continue;
        }
        const char *value = i + 1 < argc ? argv[i + 1] : NULL;
        if (!value) usage();
        if (strcmp(argv[i], "--executions") == 0)
            options.percent = (unsigned)strtoul(value, NULL, 0);
        else if (strcmp(argv[i], "--seconds") == 0)
            options.seconds = strtod(value, NULL);
        else if (strcmp(argv[i], "--seed") == 0)
            options.seed = strtoull(value, NULL, 0);
        else if (strcmp(argv[i], "--bounds") == 0)
            read_bounds(value, &options.bounds), options.has_bounds = true;
        else if (strcmp(argv[i], "--within") == 0)
            read_bounds(value, &options.within);
        else if (strcmp(argv[i], "--only") == 0)
            options.only = value;
        else if (strcmp(argv[i], "--replay") == 0)
            options.replay = value;
        else
            usage();
        i++;
    }
    return i;
}

int main(int argc, char **argv) {
    setvbuf(stdout, NULL, _IOLBF, 0);
    const int named = read_options(argc, argv);
    fibers_make();
    bool fine = true;
    for (const explore_scenario *s = scenarios; s && named == argc; s = s->next) {
        fine = run_scenario(s) && fine;
        if (!fine && options.until_failure) break;
    }
    for (int i = named; i < argc; i++) {
        const explore_scenario *s = scenarios;
        while (s && strcmp(argv[i], s->name) != 0) s = s->next;
        if (!s) usage();
        fine = run_scenario(s) && fine;
        if (!fine && options.until_failure) break;
    }
    return !fine;
}
