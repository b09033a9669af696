/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "queue_parts.h"
#include "refuse.h"

#include <thrum.h>

/* ---- kinds ---- */

static void comes_out_in_order(ptrdiff_t bound) {
    begin(THRUM_QUEUE_FIFO, bound);
    unsigned in = 0, out = 0;
    for (int lap = 0; lap < 50; lap++) {
        for (int i = 0; i < 3 && in - out < 64; i++) put(in++ % 200);
        for (int i = 0; i < 2; i++) CHECK_EQ(get(), out++ % 200);
    }
    while (out < in) CHECK_EQ(get(), out++ % 200);
    CHECK_EQ(try_get(), THRUM_EMPTY);
    thrum_queue_destroy(&queue);
}

TEST(a_fifo_gives_items_in_the_order_of_their_puts) {
    comes_out_in_order(0);
    comes_out_in_order(-5);
    comes_out_in_order(64);
    comes_out_in_order(100);
}

TEST(a_fifo_that_grows_in_the_middle_of_its_circle_keeps_the_order) {
    begin(THRUM_QUEUE_FIFO, 0);
    for (unsigned i = 0; i < 16; i++) put(i);
    for (int i = 0; i < 10; i++) CHECK_EQ(get(), i);
    for (unsigned i = 16; i < 60; i++) put(i);
    for (int i = 10; i < 60; i++) CHECK_EQ(get(), i);
    thrum_queue_destroy(&queue);
}

TEST(a_lifo_gives_the_latest_item_first) {
    for (ptrdiff_t bound = 0; bound <= 40; bound += 40) {
        begin(THRUM_QUEUE_LIFO, bound);
        for (unsigned i = 0; i < 40; i++) put(i);
        for (int i = 39; i >= 20; i--) CHECK_EQ(get(), i);
        put(100);
        CHECK_EQ(get(), 100);
        for (int i = 19; i >= 0; i--) CHECK_EQ(get(), i);
        thrum_queue_destroy(&queue);
    }
}

TEST(a_priority_queue_gives_the_first_by_its_comparison) {
    begin(THRUM_QUEUE_PRIORITY, 0);
    uint64_t random = test_seed();
    unsigned inside[200] = {0};
    for (int round = 0; round < 2000; round++) {
        const unsigned number = (unsigned)(test_random(&random) % 200);
        put(number);
        inside[number]++;
        if (round % 3 == 0) continue;
        unsigned highest = 199;
        while (!inside[highest]) highest--;
        CHECK_EQ(get(), highest);
        inside[highest]--;
    }
    for (unsigned n = 200; n-- > 0;)
        for (; inside[n]; inside[n]--) CHECK_EQ(get(), n);
    CHECK(thrum_queue_empty(&queue));
    thrum_queue_destroy(&queue);
}

TEST(a_kind_that_is_none_is_refused) {
    for (int kind = -1; kind <= 3; kind += 4)
        CHECK_EQ(thrum_queue_init(&queue, &(thrum_queue_config){.kind = (thrum_queue_kind)kind}),
                 THRUM_INVALID);
}

TEST(a_priority_queue_without_a_comparison_is_refused) {
    CHECK_EQ(thrum_queue_init(&queue, &(thrum_queue_config){.kind = THRUM_QUEUE_PRIORITY}), THRUM_INVALID);
    CHECK_EQ(thrum_queue_init(&queue, &(thrum_queue_config){.bound = 8, .largest_bound = 4}), THRUM_INVALID);
}

/* ---- bounds ---- */

static const thrum_queue_kind kinds[] = {THRUM_QUEUE_FIFO, THRUM_QUEUE_LIFO, THRUM_QUEUE_PRIORITY};

TEST(a_bound_is_exact_and_full_and_empty_have_names) {
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], 5);
        CHECK_EQ(try_get(), THRUM_EMPTY);
        CHECK(thrum_queue_empty(&queue) && !thrum_queue_full(&queue));
        for (unsigned i = 0; i < 5; i++) {
            CHECK_EQ(thrum_queue_size(&queue), i);
            CHECK_EQ(thrum_queue_try_put(&queue, ITEM(i)), THRUM_OK);
        }
        CHECK_EQ(thrum_queue_try_put(&queue, ITEM(9)), THRUM_FULL);
        CHECK(thrum_queue_full(&queue) && !thrum_queue_empty(&queue));
        const uint64_t now = test_now_ns();
        CHECK_EQ(thrum_queue_put_until(&queue, ITEM(9), thrum_after_ms(20)), THRUM_FULL);
        CHECK(test_now_ns() - now >= 20000000);
        CHECK_EQ(thrum_queue_size(&queue), 5);
        CHECK_EQ(try_get(), THRUM_OK);
        CHECK_EQ(thrum_queue_put_until(&queue, ITEM(9), thrum_after_ms(20)), THRUM_OK);
        thrum_queue_destroy(&queue);
    }
}

TEST(without_a_bound_a_queue_is_never_full) {
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], 0);
        for (unsigned i = 0; i < 5000; i++) CHECK_EQ(thrum_queue_try_put(&queue, ITEM(i % 200)), THRUM_OK);
        CHECK(!thrum_queue_full(&queue));
        CHECK_EQ(thrum_queue_bound(&queue), 0);
        CHECK_EQ(thrum_queue_size(&queue), 5000);
        thrum_queue_destroy(&queue);
    }
}

TEST(the_bound_may_be_lowered_below_the_size_and_raised_again) {
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], 4);
        for (unsigned i = 0; i < 4; i++) put(i);
        CHECK_EQ(thrum_queue_set_bound(&queue, 2), THRUM_OK);
        CHECK_EQ(thrum_queue_bound(&queue), 2);
        CHECK_EQ(thrum_queue_size(&queue), 4);
        for (int i = 0; i < 3; i++) {
            CHECK_EQ(thrum_queue_try_put(&queue, ITEM(9)), THRUM_FULL);
            CHECK_EQ(try_get(), THRUM_OK);
        }
        put(9);
        CHECK_EQ(thrum_queue_try_put(&queue, ITEM(9)), THRUM_FULL);
        CHECK_EQ(thrum_queue_set_bound(&queue, 3), THRUM_OK);
        put(9);
        thrum_queue_destroy(&queue);
    }
}

TEST(a_fifo_with_a_bound_refuses_one_beyond_its_largest_and_others_refuse_none) {
    const thrum_queue_config config = {.bound = 3, .largest_bound = 20};
    CHECK_EQ(thrum_queue_init(&queue, &config), THRUM_OK);
    CHECK_EQ(thrum_queue_set_bound(&queue, 20), THRUM_OK);
    CHECK_EQ(thrum_queue_set_bound(&queue, 33), THRUM_LIMIT);
    CHECK_EQ(thrum_queue_set_bound(&queue, 0), THRUM_LIMIT);
    CHECK_EQ(thrum_queue_bound(&queue), 20);
    thrum_queue_destroy(&queue);
    begin(THRUM_QUEUE_LIFO, 1);
    CHECK_EQ(thrum_queue_set_bound(&queue, 1000), THRUM_OK);
    CHECK_EQ(thrum_queue_set_bound(&queue, -1), THRUM_OK);
    CHECK_EQ(thrum_queue_bound(&queue), 0);
    thrum_queue_destroy(&queue);
}

TEST(the_largest_and_the_least_number_are_bounds_as_others) {
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], PTRDIFF_MIN);
        CHECK_EQ(thrum_queue_bound(&queue), 0);
        CHECK_EQ(thrum_queue_set_bound(&queue, PTRDIFF_MAX), THRUM_OK);
        CHECK_EQ(thrum_queue_bound(&queue), PTRDIFF_MAX);
        put(1);
        CHECK(!thrum_queue_full(&queue));
        CHECK_EQ(thrum_queue_set_bound(&queue, PTRDIFF_MIN), THRUM_OK);
        CHECK_EQ(thrum_queue_bound(&queue), 0);
        CHECK_EQ(get(), 1);
        thrum_queue_destroy(&queue);
    }
    begin(THRUM_QUEUE_PRIORITY, PTRDIFF_MAX); /* a list takes memory as it grows */
    CHECK_EQ(thrum_queue_bound(&queue), PTRDIFF_MAX);
    thrum_queue_destroy(&queue);
    begin(THRUM_QUEUE_FIFO, 4);
    CHECK_EQ(thrum_queue_set_bound(&queue, PTRDIFF_MAX), THRUM_LIMIT);
    CHECK_EQ(thrum_queue_set_bound(&queue, PTRDIFF_MIN), THRUM_LIMIT);
    CHECK_EQ(thrum_queue_bound(&queue), 4);
    thrum_queue_destroy(&queue);
    if (THRUM_UNDER_TSAN || test_under_asan()) return; /* the sanitizers die without memory */
    static const thrum_queue_config rings[] = {{.bound = PTRDIFF_MAX},
                                               {.bound = 1, .largest_bound = PTRDIFF_MAX}};
    for (int i = 0; i < 2; i++) CHECK_EQ(thrum_queue_init(&queue, &rings[i]), THRUM_NO_MEMORY);
}

/* ---- asking ---- */

static void is_described(const char *expected) {
    char text[96];
    CHECK_EQ(thrum_queue_describe(&queue, text, sizeof text), strlen(expected));
    CHECK(strcmp(text, expected) == 0);
    CHECK_EQ(thrum_queue_describe(&queue, text, 5), strlen(expected));
    CHECK_EQ(strlen(text), 4);
}

static const struct {
    thrum_queue_kind kind;
    ptrdiff_t bound;
} forms[] = {{THRUM_QUEUE_FIFO, 0},
             {THRUM_QUEUE_FIFO, 3},
             {THRUM_QUEUE_LIFO, 0},
             {THRUM_QUEUE_LIFO, 3},
             {THRUM_QUEUE_PRIORITY, 3}};

TEST(a_queue_tells_whether_it_is_shut_down) {
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        begin(forms[i].kind, forms[i].bound);
        put(1);
        CHECK(!thrum_queue_is_shutdown(&queue));
        thrum_queue_shutdown(&queue);
        CHECK(thrum_queue_is_shutdown(&queue));
        thrum_queue_shutdown_now(&queue);
        CHECK(thrum_queue_is_shutdown(&queue));
        thrum_queue_destroy(&queue);
    }
}

TEST(unfinished_counts_what_is_in_the_queue_and_what_was_got_and_is_not_done) {
    for (unsigned i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        begin(forms[i].kind, forms[i].bound);
        CHECK_EQ(thrum_queue_unfinished(&queue), 0);
        for (unsigned k = 0; k < 3; k++) put(k);
        CHECK_EQ(thrum_queue_unfinished(&queue), 3);
        get();
        get();
        CHECK_EQ(thrum_queue_unfinished(&queue), 3);
        CHECK_EQ(thrum_queue_task_done(&queue), THRUM_OK);
        CHECK_EQ(thrum_queue_unfinished(&queue), 2);
        thrum_queue_shutdown_now(&queue); /* drops the third as done */
        CHECK_EQ(thrum_queue_unfinished(&queue), 1);
        CHECK_EQ(thrum_queue_task_done(&queue), THRUM_OK);
        CHECK_EQ(thrum_queue_task_done(&queue), THRUM_LIMIT);
        CHECK_EQ(thrum_queue_unfinished(&queue), 0);
        thrum_queue_destroy(&queue);
    }
}

TEST(describe_tells_the_state) {
    begin(THRUM_QUEUE_FIFO, 64);
    put(1);
    put(2);
    get();
    is_described("fifo queue: 1 of 64 items, 2 unfinished");
    thrum_queue_shutdown(&queue);
    is_described("fifo queue: 1 of 64 items, 2 unfinished, shut down");
    thrum_queue_destroy(&queue);
    begin(THRUM_QUEUE_LIFO, 0);
    is_described("lifo queue: 0 items, 0 unfinished");
    thrum_queue_destroy(&queue);
    begin(THRUM_QUEUE_PRIORITY, 2);
    is_described("priority queue: 0 of 2 items, 0 unfinished");
    thrum_queue_destroy(&queue);
}
