/* SPDX-License-Identifier: MIT */
/* Also compiled as C++, by cxx/atomic_test.cc: the operations do the same there. */
#include "test.h"

#include <thrum/atomic.h>

#include <sched.h>
#include <stddef.h>
#include <string.h>

/* Neither half of a wide word may be lost: the values differ in both. */
#define LOW_u32 0x0000000Fu
#define HIGH_u32 0xF0F0F0F0u
#define LOW_u64 UINT64_C(0x000000000000000F)
#define HIGH_u64 UINT64_C(0xF0F0F0F0AAAAAAAA)
#define TYPE_u32 uint32_t
#define TYPE_u64 uint64_t

#define EACH_LOAD(X, name) X(name, relaxed) X(name, acquire) X(name, seq_cst)
#define EACH_STORE(X, name) X(name, relaxed) X(name, release) X(name, seq_cst)
#define EACH_RMW(X, name) X(name, relaxed) X(name, acquire) X(name, release) X(name, acq_rel) X(name, seq_cst)

TEST(a_load_gives_the_value_and_leaves_it) {
#define STEP(name, order)                                      \
    {                                                          \
        thrum_##name a = {HIGH_##name};                        \
        CHECK(thrum_##name##_load_##order(&a) == HIGH_##name); \
        CHECK(thrum_##name##_load_##order(&a) == HIGH_##name); \
    }
    EACH_LOAD(STEP, u32)
    EACH_LOAD(STEP, u64)
#undef STEP
}

TEST(a_store_replaces_the_value) {
#define STEP(name, order)                                      \
    {                                                          \
        thrum_##name a = {LOW_##name};                         \
        thrum_##name##_store_##order(&a, HIGH_##name);         \
        CHECK(thrum_##name##_load_relaxed(&a) == HIGH_##name); \
        thrum_##name##_store_##order(&a, 0);                   \
        CHECK(thrum_##name##_load_relaxed(&a) == 0);           \
    }
    EACH_STORE(STEP, u32)
    EACH_STORE(STEP, u64)
#undef STEP
}

TEST(an_exchange_replaces_the_value_and_gives_the_one_before) {
#define STEP(name, order)                                                      \
    {                                                                          \
        thrum_##name a = {LOW_##name};                                         \
        CHECK(thrum_##name##_exchange_##order(&a, HIGH_##name) == LOW_##name); \
        CHECK(thrum_##name##_load_relaxed(&a) == HIGH_##name);                 \
    }
    EACH_RMW(STEP, u32)
    EACH_RMW(STEP, u64)
#undef STEP
}

TEST(a_compare_and_swap_writes_when_the_value_is_the_expected_one) {
#define STEP(name, order)                                              \
    {                                                                  \
        thrum_##name a = {LOW_##name};                                 \
        TYPE_##name expected = LOW_##name;                             \
        CHECK(thrum_##name##_cas_##order(&a, &expected, HIGH_##name)); \
        CHECK(expected == LOW_##name);                                 \
        CHECK(thrum_##name##_load_relaxed(&a) == HIGH_##name);         \
    }
    EACH_RMW(STEP, u32)
    EACH_RMW(STEP, u64)
#undef STEP
}

TEST(a_compare_and_swap_that_fails_tells_what_it_saw_and_writes_nothing) {
#define STEP(name, order)                                      \
    {                                                          \
        thrum_##name a = {HIGH_##name};                        \
        TYPE_##name expected = LOW_##name;                     \
        CHECK(!thrum_##name##_cas_##order(&a, &expected, 1));  \
        CHECK(expected == HIGH_##name);                        \
        CHECK(thrum_##name##_load_relaxed(&a) == HIGH_##name); \
    }
    EACH_RMW(STEP, u32)
    EACH_RMW(STEP, u64)
#undef STEP
}

/* Neither operand nor sum is trivial: each operation gives another result. */
#define FETCH(name, operation, order, sign)                                           \
    {                                                                                 \
        const TYPE_##name before = HIGH_##name | 5;                                   \
        const TYPE_##name operand = LOW_##name | HIGH_##name >> 8;                    \
        thrum_##name a = {before};                                                    \
        CHECK(thrum_##name##_##operation##_##order(&a, operand) == before);           \
        CHECK(thrum_##name##_load_relaxed(&a) == (TYPE_##name)(before sign operand)); \
        CHECK((TYPE_##name)(before sign operand) != before);                          \
    }

TEST(fetch_add_adds_and_gives_the_value_before) {
#define STEP(name, order) FETCH(name, fetch_add, order, +)
    EACH_RMW(STEP, u32)
    EACH_RMW(STEP, u64)
#undef STEP
}

TEST(fetch_sub_subtracts_and_gives_the_value_before) {
#define STEP(name, order) FETCH(name, fetch_sub, order, -)
    EACH_RMW(STEP, u32)
    EACH_RMW(STEP, u64)
#undef STEP
}

TEST(fetch_or_sets_bits_and_gives_the_value_before) {
#define STEP(name, order) FETCH(name, fetch_or, order, |)
    EACH_RMW(STEP, u32)
    EACH_RMW(STEP, u64)
#undef STEP
}

TEST(fetch_and_keeps_bits_and_gives_the_value_before) {
#define STEP(name, order) FETCH(name, fetch_and, order, &)
    EACH_RMW(STEP, u32)
    EACH_RMW(STEP, u64)
#undef STEP
}

TEST(fetch_xor_flips_bits_and_gives_the_value_before) {
#define STEP(name, order) FETCH(name, fetch_xor, order, ^)
    EACH_RMW(STEP, u32)
    EACH_RMW(STEP, u64)
#undef STEP
}

TEST(adding_wraps_at_the_end_of_the_type) {
    thrum_u32 a = {UINT32_MAX};
    thrum_u64 b = {UINT64_MAX};
    CHECK_EQ(thrum_u32_fetch_add_relaxed(&a, 2), UINT32_MAX);
    CHECK(thrum_u64_fetch_add_relaxed(&b, 2) == UINT64_MAX);
    CHECK_EQ(thrum_u32_load_relaxed(&a), 1);
    CHECK_EQ(thrum_u64_load_relaxed(&b), 1);
    CHECK_EQ(thrum_u32_fetch_sub_relaxed(&a, 2), 1);
    CHECK_EQ(thrum_u64_fetch_sub_relaxed(&b, 2), 1);
    CHECK_EQ(thrum_u32_load_relaxed(&a), UINT32_MAX);
    CHECK(thrum_u64_load_relaxed(&b) == UINT64_MAX);
}

/* The same numbers are checked in C and in C++: one layout. */
TEST(a_word_is_the_plain_word_in_memory) {
    struct after_a_byte_u32 {
        char byte;
        thrum_u32 a;
    };
    struct after_a_byte_u64 {
        char byte;
        thrum_u64 a;
    };
    CHECK_EQ(sizeof(thrum_u32), 4);
    CHECK_EQ(sizeof(thrum_u64), 8);
    CHECK_EQ(offsetof(struct after_a_byte_u32, a), 4);
    CHECK_EQ(offsetof(struct after_a_byte_u64, a), 8);
    CHECK_EQ(offsetof(thrum_u32, word), 0);
    CHECK_EQ(offsetof(thrum_u64, word), 0);
    thrum_u32 a = {HIGH_u32};
    thrum_u64 b = {HIGH_u64};
    uint32_t plain_a;
    uint64_t plain_b;
    memcpy(&plain_a, (const void *)&a, sizeof plain_a);
    memcpy(&plain_b, (const void *)&b, sizeof plain_b);
    CHECK(plain_a == HIGH_u32);
    CHECK(plain_b == HIGH_u64);
}

TEST(a_mark_sets_its_bits_and_tells_the_highest) {
    static const uint32_t words[] = {0, 1, 0x7FFFFFFE, 0x80000000, 0x80000001, 0xFFFFFFFF};
    for (unsigned i = 0; i < sizeof words / sizeof *words; i++) {
        thrum_u32 a;
        thrum_u32_store_relaxed(&a, words[i]);
        CHECK_EQ(thrum_u32_mark_release_(&a, 1), words[i] >> 31);
        CHECK_EQ(thrum_u32_load_relaxed(&a), words[i] | 1);
    }
}

/* By the processor's flags, or by the word under a sanitizer and elsewhere: the same answers. */
TEST(a_drop_flips_the_highest_bit_and_tells_what_it_found) {
    const struct {
        uint32_t before, after;
        thrum_dropped_ found;
    } rows[] = {
        {0x80000000u, 0, THRUM_DROPPED_},           {0x80000001u, 1, THRUM_DROPPED_MARKED_},
        {0xffffff00u, 0x7fffff00u, THRUM_DROPPED_}, {0xffffff01u, 0x7fffff01u, THRUM_DROPPED_MARKED_},
        {0x80000100u, 0x100, THRUM_DROPPED_},       {0, 0x80000000u, THRUM_DROPPED_NONE_},
        {1, 0x80000001u, THRUM_DROPPED_NONE_},      {0x7fffff00u, 0xffffff00u, THRUM_DROPPED_NONE_},
    };
    for (unsigned i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        thrum_u32 a;
        thrum_u32_store_relaxed(&a, rows[i].before);
        CHECK_EQ(thrum_u32_drop_release_(&a), rows[i].found);
        CHECK_EQ(thrum_u32_load_relaxed(&a), rows[i].after);
    }
}

enum { ADDERS = 4, ADDITIONS = 100000 };
static thrum_u32 ready; /* all begin together: one that is done before the next begins loses nothing */
static thrum_u32 sum32;
static thrum_u64 sum64;

static void *add(void *unused) {
    (void)unused;
    thrum_u32_fetch_add_seq_cst(&ready, 1);
    while (thrum_u32_load_seq_cst(&ready) < ADDERS) sched_yield();
    for (int i = 0; i < ADDITIONS; i++) {
        thrum_u32_fetch_add_relaxed(&sum32, 1);
        uint64_t seen = thrum_u64_load_relaxed(&sum64);
        while (!thrum_u64_cas_relaxed(&sum64, &seen, seen + 1)) continue;
    }
    return NULL;
}

TEST(threads_lose_no_change) {
    test_thread threads[ADDERS];
    thrum_u32_store_relaxed(&ready, 0);
    thrum_u32_store_relaxed(&sum32, 0);
    thrum_u64_store_relaxed(&sum64, 0);
    for (int i = 0; i < ADDERS; i++) threads[i] = test_start(add, NULL);
    for (int i = 0; i < ADDERS; i++) test_join(&threads[i]);
    CHECK_EQ(thrum_u32_load_relaxed(&sum32), ADDERS * ADDITIONS);
    CHECK_EQ(thrum_u64_load_relaxed(&sum64), ADDERS * ADDITIONS);
}

enum { MESSAGES = 10000 };
static thrum_u32 turn;
static int message; /* plain: the word alone orders it, and a thread sanitizer looks on */

static void *read_messages(void *unused) {
    (void)unused;
    for (uint32_t i = 0; i < MESSAGES; i++) {
        while (thrum_u32_load_acquire(&turn) != 2 * i + 1) sched_yield();
        CHECK_EQ(message, (int)i * 3);
        thrum_u32_store_release(&turn, 2 * i + 2);
    }
    return NULL;
}

TEST(a_release_publishes_to_an_acquire) {
    thrum_u32_store_relaxed(&turn, 0);
    test_thread reader = test_start(read_messages, NULL);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        message = (int)i * 3;
        thrum_u32_store_release(&turn, 2 * i + 1);
        while (thrum_u32_load_acquire(&turn) != 2 * i + 2) sched_yield();
    }
    test_join(&reader);
}
