/* SPDX-License-Identifier: MIT */
/*
 * The kernel: thrum/futex.h, played by the explorer. Each call is one step.
 *
 * kernel.I1: a sleeper is in the queues of its words until a wake takes it from one, or it leaves all of
 *     them.
 * kernel.I2: queues are first in, first out (the sleepers' tickets).
 * kernel.I3: time stands still but when a sleeper's deadline passes, or when the search lets it jump.
 * kernel.I4: what a thread has stored is visible to all after a millisecond: the nap of a thread that was
 *     refused a heavy fence is one, when it ends so long after that.
 */
#include "engine.h"

#include "../../src/futex/self_copies.h"
#include "../../src/futex/profile_inside.h"
#include "../../src/futex/waits.h"

#include <inttypes.h>
#include <stdatomic.h>

#include <thrum/cpus.h>
#include <thrum/futex.h>
#include <thrum/self.h>

/* A jump of the clock: past every deadline that a scenario or a policy sets. */
enum { JUMP_NS = 2000000 };
enum { VISIBLE_NS = 1000000 };

#define CALLER __builtin_return_address(0)

typedef struct place {
    uintptr_t address; /* 0: a wake has taken it */
    bool shared;
} place;

static place places[THREADS][THRUM_FUTEX_WAIT_ANY_MAX]; /* of each thread, where it sleeps */

static const char *const outcomes[] = {"woken", "changed", "interrupted", "timed out"};

/* What a thread waits for is told to people alone: no step of an exploration. */
thrum_wait_ thrum_wait_begin_(thrum_wait_kind_ kind, const void *object, const void *site) {
    (void)kind, (void)object, (void)site;
    return (thrum_wait_){THRUM_WAIT_KIND_COUNT_, 0, 0, 0};
}
void thrum_wait_end_(thrum_wait_ *wait) {
    (void)wait;
}
void thrum_wait_sleeps_(void) {}
const thrum_waits_ *thrum_wait_own_(void) {
    return NULL;
}

/* Of a profile, what the waiters do for it. */
static bool profiled;

void explore_profile(void) {
    profiled = true;
}
bool thrum_profile_asks_(const void *object) {
    (void)object;
    return profiled;
}
void thrum_profile_let_go_(const void *object, const void *site) {
    (void)object, (void)site;
}
void thrum_profile_reset_after_fork(void) {}

static uint64_t queue_chain; /* a hash of the order in which sleepers were queued */

void kernel_begin_execution(void) {
    queue_chain = 0;
    profiled = false;
    engine.now_ns = EXPLORE_START_NS;
    engine.tickets = 0;
}

static thrum_futex_outcome returns(thrum_futex_outcome outcome, const void *pc) {
    if (engine.tracing) report_event(pc, 0, "  ... %s", outcomes[outcome]);
    chain((uint64_t)outcome);
    operation_ends();
    return outcome;
}

static thrum_futex_outcome sleep_here(const void *pc, uint32_t channels, thrum_deadline deadline) {
    thread *t = self_thread();
    t->channels = channels;
    t->deadline_ns = deadline.ns;
    t->ticket = engine.tickets++;
    t->state = ASLEEP;
    t->chosen = false;
    chain(queue_chain);
    queue_chain = t->chain;
    operation_ends();
    schedule(true);
    schedule_step();
    t->chosen = false;
    t->places_count = 0;
    return returns((thrum_futex_outcome)t->outcome, pc);
}

thrum_futex_outcome thrum_futex_wait(const thrum_u32 *word, uint32_t expected, uint32_t channels, bool shared,
                                     thrum_deadline deadline) {
    operation_begins();
    const uint32_t value = memory_futex_read(word, CALLER);
    if (engine.tracing)
        report_event(CALLER, (uintptr_t)word, "futex wait: %" PRIx32 "%s", value,
                     value == expected ? "" : ", not as expected");
    if (value != expected) return returns(THRUM_FUTEX_CHANGED, CALLER);
    if (deadline.ns <= engine.now_ns) return returns(THRUM_FUTEX_TIMED_OUT, CALLER);
    thread *t = self_thread();
    t->places_count = 1;
    places[engine.me][0] = (place){(uintptr_t)word, shared};
    return sleep_here(CALLER, channels, deadline);
}

thrum_futex_outcome thrum_futex_wait_any(const thrum_futex_choice *choices, unsigned count, bool *refused,
                                         thrum_deadline deadline) {
    operation_begins();
    *refused = count == 0 || count > THRUM_FUTEX_WAIT_ANY_MAX || engine.scenario->without_wait_any;
    if (*refused) return returns(THRUM_FUTEX_CHANGED, CALLER);
    thread *t = self_thread();
    for (unsigned i = 0; i < count; i++) {
        const uint32_t value = memory_futex_read(choices[i].word, CALLER);
        if (engine.tracing)
            report_event(CALLER, (uintptr_t)choices[i].word, "futex wait any: %" PRIx32 "%s", value,
                         value == choices[i].expected ? "" : ", not as expected");
        if (value != choices[i].expected) return returns(THRUM_FUTEX_CHANGED, CALLER);
        places[engine.me][i] = (place){(uintptr_t)choices[i].word, choices[i].shared};
    }
    if (deadline.ns <= engine.now_ns) return returns(THRUM_FUTEX_TIMED_OUT, CALLER);
    t->places_count = count;
    return sleep_here(CALLER, THRUM_FUTEX_ANY, deadline);
}

/* The place of the longest sleeper there; NULL: nobody sleeps there. */
static place *first_sleeper(uintptr_t address, uint32_t channels, bool shared, thread **sleeper) {
    place *found = NULL;
    for (unsigned i = 1; i < engine.count; i++) {
        thread *t = &engine.threads[i];
        if (t->state != ASLEEP && !t->chosen) continue;
        if (!(t->channels & channels) || (found && (*sleeper)->ticket < t->ticket)) continue;
        for (unsigned p = 0; p < t->places_count; p++) {
            if (places[i][p].address != address || places[i][p].shared != shared) continue;
            found = &places[i][p];
            *sleeper = t;
            break;
        }
    }
    return found;
}

/*
 * kernel.I1: of several words, those not woken stay queued until the sleeper runs: it may swallow another
 * wake there.
 */
static int wake(const thrum_u32 *word, int count, uint32_t channels, bool shared) {
    int woken = 0;
    thread *sleeper = NULL;
    place *at;
    while (woken < count && (at = first_sleeper((uintptr_t)word, channels, shared, &sleeper))) {
        at->address = 0;
        woken++;
        chain(sleeper->chain);
        sleeper->chain = mix(sleeper->chain, self_thread()->chain);
        if (sleeper->state != ASLEEP) continue;
        thread_wakes((unsigned)(sleeper - engine.threads), THRUM_FUTEX_WOKEN);
        sleeper->chosen = sleeper->places_count > 1;
    }
    if (woken) queue_chain = mix(queue_chain, self_thread()->chain);
    return woken;
}

int thrum_futex_wake(const thrum_u32 *word, int count, uint32_t channels, bool shared) {
    operation_begins();
    memory_fence_sc();
    const int woken = wake(word, count, channels, shared);
    chain((uint64_t)woken);
    if (engine.tracing)
        report_event(CALLER, (uintptr_t)word, "futex wake: %d%s", woken,
                     races_freed((uintptr_t)word) ? " (on freed memory)" : "");
    operation_ends();
    return woken;
}

int thrum_futex_requeue(const thrum_u32 *from, uint32_t expected, int wake_count, int move,
                        const thrum_u32 *to, bool shared) {
    operation_begins();
    const uint32_t value = memory_futex_read(from, CALLER);
    int moved = -1;
    if (value == expected) {
        moved = wake(from, wake_count, THRUM_FUTEX_ANY, shared);
        thread *sleeper = NULL;
        place *at;
        for (int i = 0; i < move && (at = first_sleeper((uintptr_t)from, THRUM_FUTEX_ANY, shared, &sleeper));
             i++) {
            at->address = (uintptr_t)to;
            sleeper->ticket = engine.tickets++; /* kernel.I2: at the end of the other queue */
            chain(mix(sleeper->chain, queue_chain));
            sleeper->chain = queue_chain = self_thread()->chain;
            moved++;
        }
    }
    if (engine.tracing) report_event(CALLER, (uintptr_t)from, "futex requeue: %" PRIx32 ", %d", value, moved);
    chain((uint64_t)moved);
    operation_ends();
    return moved;
}

/* kernel.I3. Not an operation that others could see: nobody else need go first. */
uint64_t thrum_futex_now_ns(void) {
    if (engine.parallel && search_value(2, (explore_bounds){.expiries = 1})) {
        engine.now_ns += JUMP_NS;
        if (engine.tracing) report_event(CALLER, 0, "the clock jumps to %" PRIu64, engine.now_ns);
    }
    chain(engine.now_ns);
    return engine.now_ns;
}

void thrum_futex_nap(thrum_deadline deadline) {
    operation_begins();
    thread *t = self_thread();
    if (engine.tracing) report_event(CALLER, 0, "nap until %" PRIu64, deadline.ns);
    operation_ends();
    if (deadline.ns > engine.now_ns) {
        t->places_count = 0;
        t->deadline_ns = deadline.ns;
        t->state = NAPPING;
        schedule(true);
        schedule_step();
        chain((uint64_t)t->outcome);
        operation_ends();
    }
    if (t->refused_ns && engine.now_ns >= t->refused_ns + VISIBLE_NS) explore_fence_heavy(); /* kernel.I4 */
}

void thrum_futex_yield(void) {
    thread *t = self_thread();
    for (unsigned i = 1; i < engine.count; i++)
        if (i != engine.me && engine.threads[i].state == RUNNABLE) t->waits_for |= (uint8_t)(1u << i);
    if (t->waits_for == 0) t->waits_for = (uint8_t)(1u << engine.me); /* for anybody's step, or for time */
    if (engine.tracing) report_event(CALLER, 0, "yield");
}

bool thrum_futex_may_yield(void) {
    return true;
}

void thrum_futex_fence(void) {
    operation_begins();
    memory_fence_sc();
    if (engine.tracing) report_event(CALLER, 0, "fence");
    operation_ends();
}

bool thrum_futex_fence_all(void) {
    const bool refused =
        engine.parallel && engine.me && (engine.scenario->refused_fences >> (engine.me - 1) & 1);
    if (refused) self_thread()->refused_ns = engine.now_ns;
    if (engine.scenario->without_fence_all || refused) return false;
    explore_fence_heavy();
    return true;
}

uint32_t thrum_cpus(void) {
    return 2;
}

uint32_t thrum_cpus_look(void) {
    return 2;
}

/* One copy of the library, which is never unloaded (src/futex/self_copies.c). */
thrum_self_copy_ *thrum_self_first_copy_(void) {
    return NULL;
}

bool thrum_self_slot_is_shared_(void) {
    return false;
}

void thrum_self_pin_(const void *address) {
    (void)address;
}

/* A number names its thread for good: only one that has ended is gone, and what it did is visible. */
uint64_t thrum_futex_thread(void) {
    return engine.me + 1;
}

bool thrum_futex_thread_is_gone(uint64_t number) {
    operation_begins();
    const thread *of = &engine.threads[number - 1];
    const bool gone = of->state == DONE;
    if (gone) view_join(&self_thread()->now, &of->now);
    if (engine.tracing)
        report_event(CALLER, 0, "thread %u is %s", (unsigned)number - 1, gone ? "gone" : "there");
    chain(gone);
    operation_ends();
    return gone;
}

void thread_wakes(unsigned number, int outcome) {
    thread *t = &engine.threads[number];
    t->state = RUNNABLE;
    t->outcome = outcome;
}
