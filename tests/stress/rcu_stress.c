/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#include "test.h"

#include <stdlib.h>
#include <thrum.h>

/* A published page says the same thing in all its words until it is freed; then it says POISON. */
enum { WORDS = 16 };
#define POISON UINT64_C(0xdeadbeefdeadbeef)

typedef struct page {
    thrum_rcu_head head;
    uint64_t words[WORDS];
} page;

static page *published;
static thrum_u32 over;
static thrum_u64 freed;

static page *make(uint64_t word) {
    page *const p = malloc(sizeof *p);
    CHECK(p);
    for (int i = 0; i < WORDS; i++) p->words[i] = word;
    return p;
}

static void free_page(thrum_rcu_head *head) {
    page *const p = (page *)head;
    for (int i = 0; i < WORDS; i++) p->words[i] = POISON;
    free(p);
    thrum_u64_fetch_add_relaxed(&freed, 1);
}

static void *read_pages(void *unused) {
    while (!thrum_u32_load_acquire(&over)) {
        THRUM_WITH_RCU {
            const page *const p = thrum_rcu_read(&published);
            const uint64_t first = p->words[0];
            CHECK(first != POISON);
            for (int i = 1; i < WORDS; i++) CHECK(p->words[i] == first);
        }
    }
    return unused;
}

static void *write_pages(void *written) {
    uint64_t count = 0;
    while (!thrum_u32_load_acquire(&over)) {
        page *const fresh = make(++count);
        page *const old = thrum_rcu_exchange(&published, fresh);
        if (count % 64) {
            thrum_rcu_retire(&old->head, free_page);
        } else {
            thrum_rcu_synchronize();
            free_page(&old->head);
        }
        if (count % 256 == 0) thrum_futex_nap(thrum_after_ms(2)); /* memory is freed only now and then */
    }
    *(uint64_t *)written = count;
    return NULL;
}

TEST(no_reader_sees_a_freed_page_and_every_page_is_freed_once) {
    thrum_rcu_publish(&published, make(0));
    uint64_t written[2];
    test_thread threads[4];
    for (int i = 0; i < 2; i++) threads[i] = test_start(read_pages, NULL);
    for (int i = 0; i < 2; i++) threads[2 + i] = test_start(write_pages, &written[i]);
    thrum_futex_nap(thrum_after_ms(2000));
    thrum_u32_store_release(&over, 1);
    for (int i = 0; i < 4; i++) test_join(&threads[i]);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u64_load_relaxed(&freed), written[0] + written[1]);
    free(thrum_rcu_read(&published));
}

/* Some 90,000 retires a second beside two threads that never sleep, all on one processor. */
enum { RETIRES_AT_ONCE = 100, ROUNDS = 2000 };

static void *keep_a_processor(void *unused) {
    while (!thrum_u32_load_acquire(&over)) continue;
    return unused;
}

TEST(the_helper_keeps_up_on_a_busy_processor) {
    test_pin(1);
    test_thread busy[2];
    for (int i = 0; i < 2; i++) busy[i] = test_start(keep_a_processor, NULL);
    uint64_t retired = 0;
    for (int round = 0; round < ROUNDS; round++) {
        for (int i = 0; i < RETIRES_AT_ONCE; i++, retired++)
            thrum_rcu_retire(&make(retired)->head, free_page);
        thrum_futex_nap(thrum_after_ms(1));
    }
    CHECK(thrum_u64_load_relaxed(&freed) >= retired / 2);
    thrum_u32_store_release(&over, 1);
    for (int i = 0; i < 2; i++) test_join(&busy[i]);
    test_unpin();
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u64_load_relaxed(&freed), retired);
}

/* The header's bound, and what writers may add to it meanwhile. */
enum { BOUND = 32768 + 4096, WRITERS = 3 };
static thrum_u64 made, most;

static void free_slowly(thrum_rcu_head *head) {
    const uint64_t end = test_now_ns() + 1000; /* slower than the writers are */
    free_page(head);
    while (test_now_ns() < end) continue;
}

static void *retire_at_full_speed(void *unused) {
    while (!thrum_u32_load_acquire(&over)) {
        const uint64_t now = thrum_u64_fetch_add_relaxed(&made, 1) + 1 - thrum_u64_load_relaxed(&freed);
        if ((int64_t)now > (int64_t)thrum_u64_load_relaxed(&most)) thrum_u64_store_relaxed(&most, now);
        thrum_rcu_retire(&make(now)->head, free_slowly);
    }
    return unused;
}

TEST(what_is_retired_and_not_called_back_is_bounded_whatever_the_writers_do) {
    test_thread writers[WRITERS];
    for (int i = 0; i < WRITERS; i++) writers[i] = test_start(retire_at_full_speed, NULL);
    thrum_futex_nap(thrum_after_ms(2000));
    thrum_u32_store_release(&over, 1);
    for (int i = 0; i < WRITERS; i++) test_join(&writers[i]);
    CHECK(thrum_u64_load_relaxed(&most) < BOUND);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u64_load_relaxed(&freed), thrum_u64_load_relaxed(&made));
}
