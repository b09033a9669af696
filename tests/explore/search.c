/* SPDX-License-Identifier: MIT */
/*
 * The choices of an execution, and the next execution.
 *
 * An execution is determined by its choices: the trail. Depth-first search goes through all trails within
 * the bounds, in order. It gives up an execution in a state that it has met before with as much left of each
 * bound: all that can follow from there has been gone through, or will be.
 *
 * search.I1: two executions with the same events of each thread, each depending on the same others, are in
 *     the same state (a Mazurkiewicz trace). The threads' chains are hashes of just that; 64 bits. --unpruned
 *     gives up no execution: it must meet the same ends (pruning_test.sh).
 */
#include "search.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { TRAIL_MAX = 65536 };

static struct {
    uint8_t chosen[TRAIL_MAX], count[TRAIL_MAX];
    unsigned length, position;
} trail;

search_options search;
static explore_bounds left;
static uint64_t random_state;
static uint64_t random_next(void) {
    uint64_t x = random_state;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    random_state = x;
    return x * 0x2545F4914F6CDD1Du;
}

/* --- states met before -------------------------------------------------------------------------- */

typedef struct visit {
    uint64_t state; /* 0: empty */
    uint8_t left[4];
} visit;

typedef struct visits {
    visit *all;
    uint64_t size, count;
} visits;

static visits met;  /* where an execution had a choice */
static visits ends; /* in which one has ended */

enum { VISITS_AT_FIRST = 1 << 14, VISITS_MOST = 1 << 25 };

static bool covers(const uint8_t *a, const uint8_t *b) {
    return a[0] >= b[0] && a[1] >= b[1] && a[2] >= b[2] && a[3] >= b[3];
}

static void visits_forget(visits *v) {
    free(v->all);
    v->all = calloc(VISITS_AT_FIRST, sizeof *v->all);
    v->size = v->all ? VISITS_AT_FIRST : 0;
    v->count = 0;
}

static void visits_insert(visits *v, visit one) {
    for (uint64_t i = one.state & (v->size - 1);; i = (i + 1) & (v->size - 1)) {
        visit *at = &v->all[i];
        if (at->state == one.state && covers(one.left, at->left)) {
            *at = one;
            return;
        }
        if (at->state) continue;
        *at = one;
        v->count++;
        return;
    }
}

/* Without memory for more it forgets to remember: the search takes longer and is as complete. */
static void visits_grow(visits *v) {
    if (v->count < v->size / 2 || v->size >= VISITS_MOST) return;
    visits larger = {calloc(v->size * 2, sizeof *v->all), v->size * 2, 0};
    if (!larger.all) return;
    for (uint64_t i = 0; i < v->size; i++)
        if (v->all[i].state) visits_insert(&larger, v->all[i]);
    free(v->all);
    *v = larger;
}

/* Whether the state was met before with as much left; remembers it if not. */
static bool met_before(visits *v, uint64_t state, explore_bounds l) {
    if (v->size == 0) return false;
    const visit one = {state ? state : 1,
                       {(uint8_t)l.preemptions, (uint8_t)l.stale, (uint8_t)l.expiries, (uint8_t)l.spurious}};
    for (uint64_t i = one.state & (v->size - 1); v->all[i].state; i = (i + 1) & (v->size - 1))
        if (v->all[i].state == one.state && covers(v->all[i].left, one.left)) return true;
    visits_grow(v);
    if (v->count < v->size / 4 * 3) visits_insert(v, one);
    return false;
}

/* search.I1 */
static uint64_t state_now(uint8_t yielding) {
    uint64_t state = mix(engine.now_ns, engine.me);
    for (unsigned t = 0; t < engine.count; t++) {
        state = mix(state, engine.threads[t].chain);
        state = mix(state, (uint64_t)engine.threads[t].waits_for << 8 | engine.threads[t].state);
    }
    return mix(state, yielding != 0);
}

/* --- choosing ----------------------------------------------------------------------------------- */

bool search_affords(explore_bounds cost) {
    return cost.preemptions <= left.preemptions && cost.stale <= left.stale &&
           cost.expiries <= left.expiries && cost.spurious <= left.spurious;
}

static void spend(explore_bounds cost) {
    left.preemptions -= cost.preemptions;
    left.stale -= cost.stale;
    left.expiries -= cost.expiries;
    left.spurious -= cost.spurious;
}

static bool is_new(void) {
    return trail.position == trail.length;
}

/* The trail's choice at this point, `fresh` where the trail ends. */
static unsigned choose(unsigned count, unsigned fresh) {
    if (is_new()) {
        if (trail.length == TRAIL_MAX) explore_fail("livelock: no end after %d choices", TRAIL_MAX);
        trail.chosen[trail.length] = (uint8_t)fresh;
        trail.count[trail.length++] = (uint8_t)count;
    }
    if (trail.count[trail.position] == 0) trail.count[trail.position] = (uint8_t)count; /* replayed */
    if (trail.count[trail.position] != count || trail.chosen[trail.position] >= count)
        explore_fail("the explored program does not repeat itself: %u choices, not %u", count,
                     (unsigned)trail.count[trail.position]);
    return trail.chosen[trail.position++];
}

/* Priorities of threads; the order of their first ones is random, later ones fall below all others. */
static struct {
    uint64_t of[THREADS], lowest;
    unsigned changes[8], changes_count, longest;
} priority;

static void priority_begin(void) {
    for (unsigned t = 1; t < THREADS; t++) priority.of[t] = (random_next() >> 32) + (1u << 20);
    priority.lowest = 1u << 20;
    priority.changes_count = 1 + (unsigned)(random_next() % 5);
    if (priority.longest < 8) priority.longest = 8;
    for (unsigned i = 0; i < priority.changes_count; i++)
        priority.changes[i] = (unsigned)(random_next() % priority.longest);
}

static unsigned most_urgent(const step *steps, unsigned count, uint8_t yielding) {
    if (random_next() % 16 == 0) return (unsigned)(random_next() % count);
    for (unsigned i = 0; i < priority.changes_count; i++)
        if (priority.changes[i] == engine.steps) priority.of[engine.me] = --priority.lowest;
    if (yielding) priority.of[engine.me] = --priority.lowest;
    unsigned best = 0;
    for (unsigned i = 1; i < count; i++) {
        if (steps[i].kind != STEP_RUN) continue;
        if (steps[best].kind != STEP_RUN || priority.of[steps[i].thread] > priority.of[steps[best].thread])
            best = i;
    }
    return best;
}

static unsigned fresh_step(const step *steps, unsigned count, uint8_t yielding) {
    switch (search.strategy) {
    case BY_PRIORITY:
        return most_urgent(steps, count, yielding);
    case AT_RANDOM:
        return (unsigned)(random_next() % count);
    default:
        return 0;
    }
}

const step *search_step(const step *steps, unsigned count, uint8_t yielding) {
    const bool prune = search.strategy == DEPTH_FIRST && !search.unpruned;
    if (prune && count > 1 && is_new() && met_before(&met, state_now(yielding), left)) {
        search.given_up = true;
        execution_over();
    }
    const step *s = &steps[count > 1 ? choose(count, fresh_step(steps, count, yielding)) : 0];
    spend(s->cost);
    return s;
}

unsigned search_value(unsigned count, explore_bounds cost) {
    if (!engine.parallel || !search_affords(cost)) return 0;
    unsigned fresh = 0;
    if ((search.strategy == BY_PRIORITY || search.strategy == AT_RANDOM) && random_next() % 4 == 0)
        fresh = (unsigned)(random_next() % count);
    const unsigned value = choose(count, fresh);
    if (value) spend(cost);
    return value;
}

unsigned explore_choose(unsigned count) {
    const bool random = search.strategy == BY_PRIORITY || search.strategy == AT_RANDOM;
    const unsigned value = choose(count, random ? (unsigned)(random_next() % count) : 0);
    chain(value);
    return value;
}

/* --- from execution to execution ---------------------------------------------------------------- */

void search_begin(search_strategy strategy, explore_bounds bounds, uint64_t seed) {
    search.strategy = strategy;
    search.bounds = bounds;
    random_state = seed ? seed : 1;
    trail.length = 0;
    priority.longest = 0;
}

void search_forget_states(void) {
    visits_forget(&met);
    visits_forget(&ends);
}

uint64_t search_states(void) {
    return met.count;
}

uint64_t search_ends(void) {
    return ends.count;
}

void search_begin_execution(void) {
    left = search.bounds;
    trail.position = 0;
    search.given_up = false;
    if (search.strategy == BY_PRIORITY) priority_begin();
    if (search.strategy == BY_PRIORITY || search.strategy == AT_RANDOM) trail.length = 0;
}

bool search_next(void) {
    if (engine.steps > priority.longest) priority.longest = engine.steps;
    if (search.strategy != DEPTH_FIRST) return true;
    if (!search.given_up) (void)met_before(&ends, state_now(0), (explore_bounds){0, 0, 0, 0});
    while (trail.length) {
        const unsigned last = trail.length - 1;
        if (++trail.chosen[last] < trail.count[last]) return true;
        trail.length--;
    }
    return false;
}

/* --- trails as text: bounds, then position:choice of each that is not 0 --------------------------- */

void search_print_trail(char *text, size_t size) {
    const explore_bounds *b = &search.bounds;
    size_t n =
        (size_t)snprintf(text, size, "%u.%u.%u.%u", b->preemptions, b->stale, b->expiries, b->spurious);
    for (unsigned i = 0; i < trail.length && i < trail.position && n < size; i++)
        if (trail.chosen[i])
            n += (size_t)snprintf(text + n, size - n, ",%u:%u", i, (unsigned)trail.chosen[i]);
}

bool search_read_trail(const char *text) {
    explore_bounds b;
    int n = 0;
    if (sscanf(text, "%u.%u.%u.%u%n", &b.preemptions, &b.stale, &b.expiries, &b.spurious, &n) != 4)
        return false;
    search_begin(REPLAY, b, 1);
    memset(&trail, 0, sizeof trail);
    unsigned at, chosen;
    for (text += n; sscanf(text, ",%u:%u%n", &at, &chosen, &n) == 2; text += n) {
        if (at >= TRAIL_MAX || chosen > UINT8_MAX) return false;
        trail.chosen[at] = (uint8_t)chosen;
        trail.length = at + 1;
    }
    return *text == 0;
}

/* The execution that has just ended, again. */
void search_repeat(void) {
    trail.length = trail.position;
    search.strategy = REPLAY;
}
