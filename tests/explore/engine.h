/* SPDX-License-Identifier: MIT */
/*
 * What the explorer's files share. One thread runs at a time; a thread stops before each visible operation
 * (an atomic one, a call of the kernel, a free) and the search decides who goes on.
 *
 *     tsan.c      the compilers' calls           -> memory.c, races.c
 *     kernel.c    thrum/futex.h, by this machine -> memory.c, schedule.c
 *     memory.c    words, their stores, what each thread may still read
 *     races.c     plain accesses, freed memory, undoing
 *     schedule.c  who may run, and what may befall sleepers
 *     fibers.c    the threads
 *     threads.c   the system's calls that start, join and end threads
 *     search.c    the choices: depth-first, at random, by priorities, replayed
 *     report.c    the trace of a failure
 *     main.c      the command line
 */
#ifndef THRUM_TESTS_EXPLORE_ENGINE_H
#define THRUM_TESTS_EXPLORE_ENGINE_H

#include "explore.h"

#include <setjmp.h>

enum {
    MAIN = 0, /* the thread of begin and end; the scenario's are 1 … */
    THREADS = EXPLORE_THREADS + 1,
    WORDS = 64,      /* atomic words in one execution */
    HISTORY = 8,     /* stores of a word that can still be read */
    STEPS_MAX = 3000 /* visible operations of one execution; times are 16 bits wide */
};

/* --- what a thread knows ------------------------------------------------------------------------ */

/*
 * events[t]: everything that thread t did before that time of its own happened before.
 * stores[w]: no store of word w older than that may be read any more (coherence).
 */
typedef struct view {
    uint16_t events[THREADS];
    uint16_t stores[WORDS];
} view;

typedef enum thread_state { ABSENT, RUNNABLE, ASLEEP, NAPPING, JOINING, DONE } thread_state;

typedef struct thread {
    view now;       /* happened before */
    uint64_t chain; /* a hash of all that it did and of all that this depended on */
    thread_state state;
    uint8_t waits_for; /* a yield: threads that must take a step first; itself: any other must */
    /* asleep or napping: */
    uint64_t deadline_ns;
    uint64_t refused_ns; /* when it was refused a heavy fence; 0: it was not */
    uint64_t ticket;     /* the kernel's queues are in this order */
    uint32_t channels;
    unsigned places_count; /* words on which it is queued; kernel.c has them */
    int outcome;
    bool chosen; /* by a wake: no expiry or signal any more */
    /* of one that explored code has started: */
    void *(*function)(void *);
    void *argument, *specific[2]; /* by pthread keys */
    bool daemon;                  /* was started detached: an execution may end while it sleeps */
    bool claimed;                 /* somebody joins it or has detached it */
    unsigned waits_to;            /* JOINING: whom */
} thread;

typedef struct engine {
    const explore_scenario *scenario;
    thread threads[THREADS];
    unsigned count;  /* of threads, MAIN and those that may be started included */
    unsigned starts; /* asked for so far */
    unsigned blocks; /* of memory, asked for and not freed */
    unsigned me;
    bool parallel; /* the threads have begun: operations are choices */
    unsigned steps;
    uint64_t now_ns;
    uint64_t tickets;
    uint32_t execution; /* the number of this one */
    jmp_buf driver;
    bool failed;
    bool looks; /* at a law's condition: loads are no steps */
    char failure[512];
    bool tracing;
} engine_state;

extern engine_state engine;

static inline thread *self_thread(void) {
    return &engine.threads[engine.me];
}

/* --- hashes ------------------------------------------------------------------------------------- */

static inline uint64_t mix(uint64_t a, uint64_t b) {
    uint64_t x = (a ^ (b * 0x9E3779B97F4A7C15u)) + 0xD1B54A32D192ED03u;
    x = (x ^ (x >> 32)) * 0xDA942042E4DD58B5u;
    return x ^ (x >> 29);
}

static inline void chain(uint64_t what) {
    self_thread()->chain = mix(self_thread()->chain, what);
}

/* --- memory.c ----------------------------------------------------------------------------------- */

void memory_reset(void);
void view_join(view *into, const view *from);
/* Before a visible operation: others may go first. */
void operation_begins(void);
/* After it: what follows is later than what it published. */
void operation_ends(void);
/* The value of a futex, perhaps a stale one; the kernel's fences are made. */
uint32_t memory_futex_read(const void *address, const void *pc);
void memory_fence_sc(void);
/* A thread's plain access to bytes that hold atomic words; a write ends the words' histories. */
void memory_plain_access(unsigned word, bool write, const void *pc);
/* Ordered before the caller, all of it, or a failure. */
void memory_check_free(unsigned word);

/* --- kernel.c ----------------------------------------------------------------------------------- */

void kernel_begin_execution(void);
void thread_wakes(unsigned t, int outcome);

/* --- races.c ------------------------------------------------------------------------------------ */

void races_begin_execution(void);
void races_undo(void); /* of everything written in this execution */
void races_access(const void *address, size_t size, bool write, const void *pc);
/* The word that holds the byte, or -1. */
int races_word(uintptr_t address);
void races_set_word(uintptr_t address, unsigned size, int word);
/* An atomic access: fails on freed memory and after an unordered plain write; saves the old value. */
void races_check_atomic(uintptr_t address, unsigned size, bool write, const void *pc);
bool races_freed(uintptr_t address);
const char *races_name(uintptr_t address, uintptr_t *offset);

/* --- schedule.c --------------------------------------------------------------------------------- */

void schedule(bool voluntary); /* somebody goes on; returns when the caller does */
void schedule_step(void);      /* the caller goes on: those that waited for its step need not any more */

/* --- fibers.c ----------------------------------------------------------------------------------- */

void fibers_make(void);
void fibers_begin(void); /* every fiber at its start; runs MAIN; returns when the execution is over */
void fibers_switch(unsigned next);
bool fibers_on_stack(uintptr_t address);
bool fibers_own_local(uintptr_t address); /* a thread-local variable */
_Noreturn void execution_over(void);

/* --- threads.c ---------------------------------------------------------------------------------- */

void threads_end(void);           /* the caller's function has returned */
void threads_check_claimed(void); /* nobody has ended whom the system still keeps */

/* --- search.c ----------------------------------------------------------------------------------- */

typedef enum strategy { DEPTH_FIRST, BY_PRIORITY, AT_RANDOM, REPLAY } search_strategy;

typedef enum step_kind { STEP_RUN, STEP_EXPIRE, STEP_INTERRUPT, STEP_STRAY_WAKE } step_kind;
typedef struct step {
    step_kind kind;
    unsigned thread;
    explore_bounds cost;
} step;

bool search_affords(explore_bounds cost);
const step *search_step(const step *steps, unsigned count, uint8_t yielding);
/* Among `count` values, of which all but the first cost something. */
unsigned search_value(unsigned count, explore_bounds cost);

/* --- report.c ----------------------------------------------------------------------------------- */

void report_event(const void *pc, uintptr_t address, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void report_event_of(unsigned t, const void *pc, uintptr_t address, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void report_reset(void);
void report_print(void);

#endif
