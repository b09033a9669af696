/* SPDX-License-Identifier: MIT */
/*
 * The kernel, played from a script: defines every function of thrum/futex.h, so that the test's
 * one thread meets each outcome of each wait in turn. Include it in one file of a program only.
 *
 * A step is one expected call of thrum_futex_wait: the value, the channels and the deadline that it
 * must be given, what the other threads do meanwhile, and what the kernel then answers. Wakes are
 * recorded; so many of them find somebody as the script says. The others may also act whenever the
 * clock is read, at a wake and in a nap. There is one processor unless the script says otherwise, so nobody
 * spins, and the clock moves only in naps and when the script says so.
 */
#ifndef THRUM_TESTS_SUPPORT_SCRIPT_H
#define THRUM_TESTS_SUPPORT_SCRIPT_H

#include "test.h"

#include "../../src/futex/page.h"

#include <string.h>

#include <thrum/cpus.h>
#include <thrum/futex.h>

typedef void script_act(void); /* NULL: nothing happens */

typedef struct script_step {
    uint32_t expected;
    uint32_t channels;
    uint64_t within_ns; /* the wait's deadline lies at most so far ahead; 0: it is script.deadline */
    script_act *meanwhile;
    thrum_futex_outcome outcome;
} script_step;

enum { SCRIPT_STEPS = 16 };

static struct {
    const thrum_u32 *word; /* on which threads sleep and are woken */
    bool shared;
    thrum_deadline deadline; /* of every wait for which no other bound is written */
    script_step steps[SCRIPT_STEPS];
    unsigned written;
    unsigned played;
    unsigned wakes;  /* calls of thrum_futex_wake */
    unsigned strays; /* and those for the threads of another kind of object, which find nobody */
    int wake_count;  /* of the last */
    uint32_t wake_channels;
    unsigned to_find; /* so many wakes, the next ones on the channels below, find one sleeper */
    uint32_t to_find_channels;
    const thrum_u32 *other; /* another word on which threads sleep and are woken; NULL: there is none */
    int moved;              /* what the kernel answers to moving a sleeper from there to `word` */
    unsigned naps;
    thrum_deadline last_deadline;            /* of the latest wait or nap */
    script_act *at_clock, *at_wake, *at_nap; /* each happens once */
    uint64_t now_ns;
    uint32_t cpus; /* with more than one threads spin: the script must let the clock go on */
} script;

static inline void script_play(script_act **act) {
    script_act *now = *act;
    *act = NULL;
    if (now) now();
}

static inline void script_begin(const thrum_u32 *word, bool shared, thrum_deadline deadline) {
    memset(&script, 0, sizeof script);
    script.word = word;
    script.shared = shared;
    script.deadline = deadline;
    script.now_ns = 1000;
    script.cpus = 1;
}

static inline void script_expect(script_step step) {
    CHECK(script.written < SCRIPT_STEPS);
    script.steps[script.written++] = step;
}

static inline void script_expect_wait(uint32_t expected, script_act *meanwhile, thrum_futex_outcome outcome) {
    script_expect((script_step){expected, THRUM_FUTEX_ANY, 0, meanwhile, outcome});
}

/* Every step was played, and so many wakes were made, the last one for so many threads. */
static inline void script_end(unsigned wakes, int last_count) {
    CHECK_EQ(script.played, script.written);
    CHECK_EQ(script.wakes, wakes);
    CHECK_EQ(script.wake_count, last_count);
}

thrum_futex_outcome thrum_futex_wait(const thrum_u32 *word, uint32_t expected, uint32_t channels, bool shared,
                                     thrum_deadline deadline) {
    CHECK(script.played < script.written); /* a wait that the script does not know */
    const script_step *step = &script.steps[script.played++];
    CHECK(word == script.word || word == script.other);
    CHECK_EQ(channels, step->channels);
    CHECK_EQ(shared, script.shared);
    if (step->within_ns) {
        CHECK(deadline.ns > script.now_ns);
        CHECK(deadline.ns <= script.now_ns + step->within_ns);
    } else {
        CHECK_EQ(deadline.ns, script.deadline.ns);
    }
    script.last_deadline = deadline;
    CHECK_EQ(expected, step->expected);
    CHECK_EQ(thrum_u32_load_relaxed(word), expected); /* announced before it sleeps */
    if (step->meanwhile) step->meanwhile();
    return step->outcome;
}

int thrum_futex_wake(const thrum_u32 *word, int count, uint32_t channels, bool shared) {
    CHECK(word == script.word || word == script.other);
    CHECK(count > 0);
    if (shared != script.shared) {
        script.strays++;
        return 0;
    }
    script.wakes++;
    script.wake_count = count;
    script.wake_channels = channels;
    script_play(&script.at_wake);
    if (!script.to_find || !(channels & script.to_find_channels)) return 0;
    script.to_find--;
    return 1;
}

int thrum_futex_requeue(const thrum_u32 *from, uint32_t expected, int wake, int move, const thrum_u32 *to,
                        bool shared) {
    CHECK(from == script.other && to == script.word);
    CHECK_EQ(thrum_u32_load_relaxed(from), expected);
    CHECK_EQ(wake, 0);
    CHECK_EQ(move, 1);
    CHECK_EQ(shared, script.shared);
    return script.moved;
}

thrum_futex_outcome thrum_futex_wait_any(const thrum_futex_choice *choices, unsigned count, bool *refused,
                                         thrum_deadline deadline) {
    (void)choices, (void)count, (void)deadline, (void)refused;
    test_fail(__FILE__, __LINE__, "no wait for any of several is in the script");
}

uint64_t thrum_futex_now_ns(void) {
    script_play(&script.at_clock);
    return script.now_ns;
}

void thrum_futex_nap(thrum_deadline deadline) {
    CHECK(deadline.ns != THRUM_FOREVER.ns);
    script.naps++;
    script.last_deadline = deadline;
    script_play(&script.at_nap);
    if (script.now_ns < deadline.ns) script.now_ns = deadline.ns;
}

void thrum_futex_yield(void) {}

bool thrum_futex_may_yield(void) {
    return true;
}

void thrum_futex_fence(void) {}

bool thrum_futex_fence_all(void) {
    return true;
}

uint32_t thrum_cpus(void) {
    return script.cpus;
}

uint32_t thrum_cpus_look(void) {
    return script.cpus;
}

uint64_t thrum_futex_thread(void) {
    return 1;
}

bool thrum_futex_thread_is_gone(uint64_t thread) {
    return thread != 1;
}

/* No file is written. */
bool thrum_futex_write_(int fd, const char *bytes, size_t length) {
    (void)fd, (void)bytes, (void)length;
    return false;
}
int thrum_futex_open_to_write_(const char *path, bool anew) {
    (void)path, (void)anew;
    return -1;
}
void thrum_futex_close_(int fd) {
    (void)fd;
}
bool thrum_futex_copy_file_(const char *path, int fd) {
    (void)path, (void)fd;
    return false;
}

#endif
