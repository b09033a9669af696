/* SPDX-License-Identifier: MIT */
/*
 * explore: runs a small program of threads through its interleavings.
 *
 *     static struct { thrum_lock lock; int count; } s;
 *
 *     static void count(unsigned me) {
 *         (void)me;
 *         thrum_lock_acquire(&s.lock);
 *         s.count++;
 *         REQUIRE(thrum_lock_release(&s.lock) == THRUM_OK);
 *     }
 *     static void all_counted(void) { REQUIRE(s.count == 3); }
 *
 *     EXPLORE(every_thread_gets_in, .threads = 3, .thread = count, .end = all_counted)
 *
 * Everything that the explored code writes to static memory is undone between executions. README.md in this
 * folder says what is explored, what is not seen, and what "exhausted" means.
 */
#ifndef THRUM_TESTS_EXPLORE_H
#define THRUM_TESTS_EXPLORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <thrum/deadline.h>

/* The most that one execution of a depth-first search may contain of each. */
typedef struct explore_bounds {
    unsigned preemptions; /* switches away from a thread that could have gone on */
    unsigned stale;       /* reads of another store than the latest */
    unsigned expiries;    /* deadlines that pass, and jumps of the clock, while another thread could run */
    unsigned spurious;    /* interrupted sleeps, stray wakes, weak compare-and-swaps that fail for nothing */
} explore_bounds;

typedef struct explore_scenario {
    const char *name;
    unsigned threads;            /* 1 to EXPLORE_THREADS */
    void (*begin)(void);         /* alone, before the threads; may be NULL */
    void (*thread)(unsigned me); /* what thread `me`, from 0, does */
    void (*end)(void);           /* alone, after all threads have ended; may be NULL */
    unsigned startable;          /* how many more the explored code may start; 0 to EXPLORE_THREADS in all */
    unsigned refused_starts;     /* bit n: the system refuses the start number n, from 0 */
    bool without_wait_any;       /* the kernel refuses thrum_futex_wait_any */
    bool without_fence_all;      /* and thrum_futex_fence_all */
    unsigned refused_fences;     /* bit n: it refuses thrum_futex_fence_all to the thread n alone */
    const char *finds;           /* the search must fail, with a message that contains this */
    explore_bounds bounds;       /* of the depth-first search; all 0: 2, 1, 1, 1 */
    unsigned by_priority; /* executions under random priorities (PCT); 0: 50,000; scaled by --executions */
    unsigned at_random;   /* executions under uniform choices; 0: 50,000 */
    struct explore_scenario *next;
} explore_scenario;

enum { EXPLORE_THREADS = 7 };

/*
 * Defines and registers a scenario. On a line of its own: the build makes it a test, `explore.<room>.<name>`.
 */
#define EXPLORE(name_, ...)                                                                     \
    __attribute__((constructor, no_sanitize("thread"))) static void explore_add_##name_(void) { \
        static explore_scenario scenario = {#name_, __VA_ARGS__};                               \
        explore_register(&scenario);                                                            \
    }

/* Ends the execution as a failure. */
#define REQUIRE(condition)                                                                     \
    do {                                                                                       \
        if (!(condition)) explore_fail("%s:%d: %s is not so", __FILE__, __LINE__, #condition); \
    } while (0)

void explore_register(explore_scenario *scenario);
_Noreturn void explore_fail(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* A free choice: each of 0 … count - 1 is explored. */
unsigned explore_choose(unsigned count);

/*
 * One of the kinds 0 … kinds - 1 for each of `count` threads: every mix, up to the order of the threads.
 * Inline, so that it is explored code, whose writes are undone.
 */
static inline void explore_choose_mix(unsigned *chosen, unsigned count, unsigned kinds) {
    unsigned least = 0;
    for (unsigned t = 0; t < count; t++) chosen[t] = least += explore_choose(kinds - least);
}

/*
 * The memory is freed: every access that is not ordered before this, and every later one, is a failure. A
 * futex wake on it is allowed.
 */
void explore_free(const void *memory, size_t size);

/* heap.c's: a block was asked for, or freed; how many there are of which only the first is so. */
void explore_count_block(bool taken);
unsigned explore_blocks(void);

/* What the trace calls the words in this memory. */
void explore_name(const void *memory, size_t size, const char *name);

/* The heavy side of an asymmetric fence (membarrier); the light side is nothing. */
void explore_fence_heavy(void);

/* In a scenario's begin: a profile counts (thrum/profile.h), for which waiters ask for holders. */
void explore_profile(void);

/* A deadline that passes when the explorer chooses, and not before it has to be waited for. */
#define EXPLORE_SOON ((thrum_deadline){EXPLORE_START_NS + 1000})
#define EXPLORE_START_NS 1000000u

#endif
