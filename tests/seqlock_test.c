/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <string.h>
#include <thrum/seqlock.h>

typedef struct data {
    uint64_t a;
    uint32_t b;
    unsigned char c[5];
} data;

static thrum_seqlock seqlock;
static thrum_u64 words[THRUM_SEQLOCK_WORDS(data)];

static data make(unsigned char number) {
    data d;
    memset(&d, number, sizeof d);
    return d;
}

static void write_number(unsigned char number) {
    const data d = make(number);
    thrum_seqlock_write(&seqlock, words, &d, sizeof d);
}

/* The number that all bytes are; they must be alike. */
static unsigned char read_number(void) {
    data d = make(0xFF);
    thrum_seqlock_read(&seqlock, words, &d, sizeof d);
    const data same = make(d.c[0]);
    CHECK(memcmp(&d, &same, sizeof d) == 0);
    return d.c[0];
}

TEST(a_seqlock_is_four_bytes_and_all_zero_memory_is_one) {
    static thrum_seqlock zero = THRUM_SEQLOCK_INIT;
    CHECK_EQ(sizeof(thrum_seqlock), 4);
    CHECK(memcmp(&zero, &seqlock, sizeof zero) == 0);
    CHECK_EQ(read_number(), 0);
}

TEST(what_was_written_last_is_read) {
    for (unsigned i = 0; i < 1000; i++) {
        write_number((unsigned char)i);
        CHECK_EQ(read_number(), (unsigned char)i);
        CHECK_EQ(read_number(), (unsigned char)i);
    }
}

TEST(every_size_is_copied_and_not_a_byte_more) {
    enum { MOST = 40 };
    thrum_u64 cells[MOST / 8 + 1];
    for (size_t size = 0; size <= MOST; size++) {
        memset(cells, 0, sizeof cells);
        unsigned char in[MOST + 1], out[MOST + 1];
        for (size_t i = 0; i < sizeof in; i++) in[i] = (unsigned char)(i + 1);
        memset(out, 0xEE, sizeof out);
        thrum_seqlock_write(&seqlock, cells, in, size);
        CHECK(thrum_seqlock_try_read(&seqlock, cells, out, size));
        CHECK(memcmp(in, out, size) == 0);
        CHECK_EQ(out[size], 0xEE);
        CHECK_EQ(thrum_u64_load_relaxed(&cells[(size + 7) / 8]), 0);
    }
}

TEST(a_try_fails_while_a_writer_is_at_work) {
    data d = make(0);
    thrum_u32_store_relaxed(&seqlock.sequence, 7);
    CHECK(!thrum_seqlock_try_read(&seqlock, words, &d, sizeof d));
    thrum_u32_store_relaxed(&seqlock.sequence, 8);
    CHECK(thrum_seqlock_try_read(&seqlock, words, &d, sizeof d));
}

TEST(a_try_to_write_fails_while_another_writer_is_at_work_and_changes_nothing) {
    const data d = make(3);
    write_number(2);
    const uint32_t sequence = thrum_u32_load_relaxed(&seqlock.sequence);
    thrum_u32_store_relaxed(&seqlock.sequence, sequence + 1);
    CHECK(!thrum_seqlock_try_write(&seqlock, words, &d, sizeof d));
    CHECK_EQ(thrum_u32_load_relaxed(&seqlock.sequence), sequence + 1);
    thrum_u32_store_relaxed(&seqlock.sequence, sequence);
    CHECK_EQ(read_number(), 2);
    CHECK(thrum_seqlock_try_write(&seqlock, words, &d, sizeof d));
    CHECK_EQ(read_number(), 3);
}

TEST(the_sequence_wraps) {
    thrum_u32_store_relaxed(&seqlock.sequence, UINT32_MAX - 1);
    write_number(5);
    CHECK_EQ(thrum_u32_load_relaxed(&seqlock.sequence), 0);
    CHECK_EQ(read_number(), 5);
    write_number(6);
    CHECK_EQ(read_number(), 6);
}

/* ---- at the same time ---- */

static thrum_u32 over;

static void *keep_writing(void *first) {
    unsigned char number = *(unsigned char *)first;
    while (!thrum_u32_load_relaxed(&over)) {
        write_number(number);
        number = (unsigned char)(number + 2);
    }
    return NULL;
}

static void *keep_reading(void *count) {
    for (unsigned i = *(unsigned *)count; i > 0; i--) (void)read_number();
    return NULL;
}

TEST(no_read_is_torn_while_two_write) {
    static unsigned char firsts[2] = {0, 1};
    unsigned count = 200000 / test_slowdown();
    test_thread writers[2], readers[2];
    for (int i = 0; i < 2; i++) readers[i] = test_start(keep_reading, &count);
    for (int i = 0; i < 2; i++) writers[i] = test_start(keep_writing, &firsts[i]);
    for (int i = 0; i < 2; i++) test_join(&readers[i]);
    thrum_u32_store_relaxed(&over, 1);
    for (int i = 0; i < 2; i++) test_join(&writers[i]);
}

static int published; /* plain: the seqlock is what orders it */

static void *publish(void *unused) {
    published = 1;
    write_number(9);
    return unused;
}

TEST(what_was_written_before_is_seen_by_the_reader) {
    test_thread writer = test_start(publish, NULL);
    while (read_number() != 9) thrum_cpu_pause();
    CHECK_EQ(published, 1);
    test_join(&writer);
}
