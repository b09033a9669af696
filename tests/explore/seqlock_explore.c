/* SPDX-License-Identifier: MIT */
/* The seqlock: no read is torn, none goes back, and what was written before is seen. */
#include "explore.h"

#include <thrum/backoff.h>
#include <thrum/futex.h>

/* The explorer does not see a pause: a loop that pauses yields here, and so goes on when others have. */
#define thrum_backoff_pause(backoff) ((void)(backoff), thrum_futex_yield())
#include <thrum/seqlock.h>

enum { WORDS = 2 };

static struct {
    thrum_seqlock seqlock;
    thrum_u64 words[WORDS];
    int page[4]; /* plain: written before the data that names it */
} s;

static void begin(void) {
    explore_name(&s.seqlock.sequence, 4, "sequence");
    for (int i = 0; i < WORDS; i++) explore_name(&s.words[i], 8, i ? "second word" : "first word");
}

static void write(uint64_t number) {
    const uint64_t data[WORDS] = {number, number};
    s.page[number] = 1;
    thrum_seqlock_write(&s.seqlock, s.words, data, sizeof data);
}

static uint64_t see(const uint64_t *data) {
    REQUIRE(data[0] == data[1]);
    if (data[0]) REQUIRE(s.page[data[0]] == 1);
    return data[0];
}

/* The data, if a try succeeds; else what was seen before. */
static uint64_t try_read(uint64_t before) {
    uint64_t data[WORDS];
    return thrum_seqlock_try_read(&s.seqlock, s.words, data, sizeof data) ? see(data) : before;
}

static void one_writes_others_read(unsigned me) {
    if (me == 0) {
        write(1);
        write(2);
        return;
    }
    const uint64_t first = try_read(0);
    REQUIRE(try_read(first) >= first);
}
static uint64_t read(void) {
    uint64_t data[WORDS] = {1, 2}; /* which nobody writes */
    thrum_seqlock_read(&s.seqlock, s.words, data, sizeof data);
    return see(data);
}
static void one_writes_others_must_read(unsigned me) {
    if (me == 0) {
        write(1);
        write(2);
        return;
    }
    const uint64_t first = read();
    REQUIRE(read() >= first);
}
static void the_last_is_there(void) {
    REQUIRE(read() == 2);
}
EXPLORE(no_read_is_torn, .threads = 2, .begin = begin, .thread = one_writes_others_read,
        .end = the_last_is_there, .bounds = {4, 4, 0, 0})
EXPLORE(two_read_while_one_writes, .threads = 3, .begin = begin, .thread = one_writes_others_read,
        .end = the_last_is_there, .bounds = {2, 1, 0, 0})
EXPLORE(a_read_that_a_write_comes_between_reads_again, .threads = 2, .begin = begin,
        .thread = one_writes_others_must_read, .end = the_last_is_there, .bounds = {4, 2, 0, 0})

static void two_write_one_reads(unsigned me) {
    if (me < 2)
        write(me + 1);
    else
        (void)try_read(0);
}
static void one_of_both_is_there(void) {
    const uint64_t last = read();
    REQUIRE(last == 1 || last == 2);
    REQUIRE(thrum_u32_load_relaxed(&s.seqlock.sequence) == 4);
}
EXPLORE(writers_take_turns, .threads = 3, .begin = begin, .thread = two_write_one_reads,
        .end = one_of_both_is_there, .bounds = {3, 2, 0, 1})
