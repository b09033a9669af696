/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "refuse.h"

#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>

#include <thrum.h>

static char items[256];
#define ITEM(n) ((void *)&items[n])

static thrum_queue queue;
static unsigned dropped;
static char last_dropped[8];

static void drop(void *item, void *argument) {
    CHECK(argument == &dropped);
    if (dropped < sizeof last_dropped) last_dropped[dropped] = (char)((char *)item - items);
    dropped++;
}

/* Later places of `items` first. */
static int compare(const void *a, const void *b, void *argument) {
    CHECK(argument == &dropped);
    return a == b ? 0 : a > b ? -1 : 1;
}

static void begin(thrum_queue_kind kind, ptrdiff_t bound) {
    const thrum_queue_config config = {
        .kind = kind, .bound = bound, .compare = compare, .drop = drop, .argument = &dropped};
    CHECK_EQ(thrum_queue_init(&queue, &config), THRUM_OK);
}

static void put(unsigned number) {
    CHECK_EQ(thrum_queue_put(&queue, ITEM(number)), THRUM_OK);
}

static int number_of(void *item) {
    return (int)((char *)item - items);
}

static int get(void) {
    void *item;
    CHECK_EQ(thrum_queue_get(&queue, &item), THRUM_OK);
    return number_of(item);
}

static thrum_result try_get(void) {
    void *item = &queue;
    const thrum_result result = thrum_queue_try_get(&queue, &item);
    CHECK((item == &queue) == (result != THRUM_OK));
    return result;
}

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

/* ---- waiting ---- */

typedef struct waiter {
    test_thread thread;
    thrum_result result;
    void *item;
    thrum_deadline deadline;
} waiter;

static void *wait_to_get(void *p) {
    waiter *const w = p;
    w->result = thrum_queue_get_until(&queue, &w->item, w->deadline);
    return NULL;
}

static void *wait_to_put(void *p) {
    waiter *const w = p;
    w->result = thrum_queue_put_until(&queue, w->item, w->deadline);
    return NULL;
}

static void put_asleep(waiter *w, void *(*run)(void *), void *item) {
    *w = (waiter){.item = item, .deadline = THRUM_FOREVER};
    w->thread = test_start(run, w);
    test_await_asleep(&w->thread);
}

static thrum_result result_of(waiter *w) {
    test_join(&w->thread);
    return w->result;
}

TEST(a_put_wakes_who_waits_for_an_item) {
    for (int k = 0; k < 3; k++)
        for (ptrdiff_t bound = 0; bound < 3; bound++) {
            begin(kinds[k], bound);
            waiter w[3];
            for (int i = 0; i < 3; i++) put_asleep(&w[i], wait_to_get, NULL);
            for (unsigned i = 0; i < 3; i++) put(i);
            int seen = 0;
            for (int i = 0; i < 3; i++) {
                CHECK_EQ(result_of(&w[i]), THRUM_OK);
                seen |= 1 << number_of(w[i].item);
            }
            CHECK_EQ(seen, 7);
            thrum_queue_destroy(&queue);
        }
}

TEST(a_get_wakes_who_waits_for_room) {
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], 1);
        put(0);
        waiter w[3];
        for (unsigned i = 0; i < 3; i++) put_asleep(&w[i], wait_to_put, ITEM(i + 1));
        int seen = 0;
        for (int i = 0; i < 4; i++) seen |= 1 << get();
        CHECK_EQ(seen, 15);
        for (int i = 0; i < 3; i++) CHECK_EQ(result_of(&w[i]), THRUM_OK);
        thrum_queue_destroy(&queue);
    }
}

TEST(a_raised_bound_lets_in_as_many_as_there_is_room_for) {
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], 4);
        CHECK_EQ(thrum_queue_set_bound(&queue, 1), THRUM_OK);
        put(0);
        waiter w[3];
        for (unsigned i = 0; i < 3; i++) put_asleep(&w[i], wait_to_put, ITEM(i + 1));
        CHECK_EQ(thrum_queue_set_bound(&queue, 4), THRUM_OK);
        for (int i = 0; i < 3; i++) CHECK_EQ(result_of(&w[i]), THRUM_OK);
        CHECK_EQ(thrum_queue_size(&queue), 4);
        thrum_queue_destroy(&queue);
    }
}

TEST(a_deadline_ends_a_wait_and_not_before) {
    begin(THRUM_QUEUE_FIFO, 1);
    void *item = &queue;
    uint64_t now = test_now_ns();
    CHECK_EQ(thrum_queue_get_until(&queue, &item, thrum_after_ms(30)), THRUM_EMPTY);
    CHECK(test_now_ns() - now >= 30000000);
    CHECK(item == &queue);
    CHECK_EQ(thrum_queue_get_until(&queue, &item, thrum_after(-1)), THRUM_EMPTY);
    put(1);
    CHECK_EQ(thrum_queue_get_until(&queue, &item, thrum_after(-1)), THRUM_OK); /* past, and there is one */
    CHECK(item == ITEM(1));
    thrum_queue_destroy(&queue);
}

TEST(who_timed_out_leaves_nothing_behind) {
    begin(THRUM_QUEUE_FIFO, 1);
    for (int i = 0; i < 3; i++) {
        void *item;
        CHECK_EQ(thrum_queue_get_until(&queue, &item, thrum_after_ms(2)), THRUM_EMPTY);
    }
    CHECK_EQ(thrum_u32_load_relaxed(&queue.getters_.sleepers), 0);
    put(1);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(thrum_queue_put_until(&queue, ITEM(2), thrum_after_ms(2)), THRUM_FULL);
    CHECK_EQ(thrum_u32_load_relaxed(&queue.putters_.sleepers), 0);
    CHECK_EQ(get(), 1);
    thrum_queue_destroy(&queue);
}

static void *put_refused(void *unused) {
    refuse(SYS_membarrier, EPERM);
    for (unsigned i = 0; i < 100; i++) put(i);
    return unused;
}

TEST(where_the_heavy_fence_is_refused_nobody_is_forgotten) {
    CHECK(thrum_fence_heavy());
    refuse(SYS_membarrier, EPERM); /* to this thread alone: it looks again after a while */
    begin(THRUM_QUEUE_FIFO, 1);
    test_thread thread = test_start(put_refused, NULL);
    for (int i = 0; i < 100; i++) CHECK_EQ(get(), i);
    test_join(&thread);
    thrum_queue_destroy(&queue);
}

/* ---- what is done ---- */

TEST(task_done_once_too_often_is_refused) {
    for (ptrdiff_t bound = 0; bound < 3; bound += 2) {
        begin(THRUM_QUEUE_FIFO, bound);
        CHECK_EQ(thrum_queue_task_done(&queue), THRUM_LIMIT);
        put(1);
        put(2);
        CHECK_EQ(get(), 1);
        CHECK_EQ(thrum_queue_task_done(&queue), THRUM_OK);
        CHECK_EQ(thrum_queue_task_done(&queue),
                 THRUM_OK); /* as in Python, it counts the items that were put */
        CHECK_EQ(thrum_queue_task_done(&queue), THRUM_LIMIT);
        thrum_queue_destroy(&queue);
    }
}

static void *wait_to_join(void *p) {
    waiter *const w = p;
    w->result = thrum_queue_join_until(&queue, w->deadline);
    return NULL;
}

TEST(join_waits_for_every_item_to_be_done_again_and_again) {
    for (ptrdiff_t bound = 0; bound < 9; bound += 8) {
        begin(THRUM_QUEUE_FIFO, bound);
        thrum_queue_join(&queue); /* nothing was put */
        for (int round = 0; round < 3; round++) {
            put(1);
            put(2);
            waiter w[2];
            for (int i = 0; i < 2; i++) put_asleep(&w[i], wait_to_join, NULL);
            get(), get();
            CHECK_EQ(thrum_queue_join_until(&queue, thrum_after_ms(5)), THRUM_TIMEOUT); /* got is not done */
            CHECK_EQ(thrum_queue_task_done(&queue), THRUM_OK);
            CHECK_EQ(thrum_queue_join_until(&queue, THRUM_NOW), THRUM_TIMEOUT);
            CHECK_EQ(thrum_queue_task_done(&queue), THRUM_OK);
            for (int i = 0; i < 2; i++) CHECK_EQ(result_of(&w[i]), THRUM_OK);
            CHECK_EQ(thrum_queue_join_until(&queue, THRUM_NOW), THRUM_OK);
        }
        thrum_queue_destroy(&queue);
    }
}

/* ---- shutdown ---- */

TEST(after_a_shutdown_puts_are_refused_and_gets_drain) {
    for (int k = 0; k < 3; k++)
        for (ptrdiff_t bound = 0; bound < 5; bound += 2) {
            begin(kinds[k], bound);
            put(1);
            put(1);
            thrum_queue_shutdown(&queue);
            thrum_queue_shutdown(&queue);
            CHECK_EQ(thrum_queue_put(&queue, ITEM(3)), THRUM_CLOSED);
            CHECK_EQ(thrum_queue_try_put(&queue, ITEM(3)), THRUM_CLOSED);
            CHECK_EQ(thrum_queue_put_until(&queue, ITEM(3), thrum_after_ms(1)), THRUM_CLOSED);
            CHECK_EQ(get(), 1);
            CHECK_EQ(get(), 1);
            void *item;
            CHECK_EQ(try_get(), THRUM_CLOSED);
            CHECK_EQ(thrum_queue_get(&queue, &item), THRUM_CLOSED);
            CHECK_EQ(thrum_queue_get_until(&queue, &item, thrum_after_ms(1)), THRUM_CLOSED);
            CHECK_EQ(dropped, 0);
            thrum_queue_destroy(&queue);
        }
}

TEST(a_shutdown_wakes_the_blocked_on_both_sides) {
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], 1);
        waiter w[3];
        for (int i = 0; i < 3; i++) put_asleep(&w[i], wait_to_get, NULL);
        thrum_queue_shutdown(&queue);
        for (int i = 0; i < 3; i++) CHECK_EQ(result_of(&w[i]), THRUM_CLOSED);
        thrum_queue_destroy(&queue);

        begin(kinds[k], 1);
        put(1);
        for (int i = 0; i < 3; i++) put_asleep(&w[i], wait_to_put, ITEM(2));
        thrum_queue_shutdown(&queue);
        for (int i = 0; i < 3; i++) CHECK_EQ(result_of(&w[i]), THRUM_CLOSED);
        CHECK_EQ(thrum_queue_size(&queue), 1);
        thrum_queue_destroy(&queue);
    }
}

/* By hand: the only item's put is under way while the queue is shut down. */
TEST(getters_hear_of_a_shutdown_also_behind_a_put_that_is_under_way) {
    begin(THRUM_QUEUE_FIFO, 2);
    waiter w[3];
    for (int i = 0; i < 3; i++) put_asleep(&w[i], wait_to_get, NULL);
    const uint64_t place = thrum_u64_fetch_add_relaxed(&queue.ring_.tail, 1);
    thrum_queue_shutdown(&queue);
    CHECK_EQ(try_get(), THRUM_EMPTY);
    for (int i = 0; i < 3; i++) test_await_asleep(&w[i].thread);
    queue.ring_.cells[place].item = ITEM(5);
    thrum_u64_store_release(&queue.ring_.cells[place].turn, place + 1);
    thrum_u32_fetch_add_release(&queue.getters_.epoch, 1); /* its look wakes one, and that one the others */
    thrum_futex_wake(&queue.getters_.epoch, 1, THRUM_FUTEX_ANY, false);
    int closed = 0;
    for (int i = 0; i < 3; i++) closed += result_of(&w[i]) == THRUM_CLOSED;
    CHECK_EQ(closed, 2);
    thrum_queue_destroy(&queue);
}

TEST(an_immediate_shutdown_drops_the_items_and_join_waits_for_those_in_progress) {
    for (int k = 0; k < 3; k++) {
        begin(kinds[k], 4);
        dropped = 0;
        for (unsigned i = 0; i < 4; i++) put(i);
        get();
        waiter w;
        put_asleep(&w, wait_to_join, NULL);
        thrum_queue_shutdown_now(&queue);
        CHECK_EQ(dropped, 3);
        CHECK_EQ(try_get(), THRUM_CLOSED);
        CHECK_EQ(thrum_queue_join_until(&queue, thrum_after_ms(2)), THRUM_TIMEOUT);
        CHECK_EQ(thrum_queue_task_done(&queue), THRUM_OK);
        CHECK_EQ(result_of(&w), THRUM_OK);
        CHECK_EQ(thrum_queue_task_done(&queue), THRUM_LIMIT);
        thrum_queue_shutdown_now(&queue);
        CHECK_EQ(dropped, 3);
        thrum_queue_destroy(&queue);
    }
}

TEST(an_immediate_shutdown_after_a_gentle_one_drops_what_is_left_in_order) {
    begin(THRUM_QUEUE_FIFO, 4);
    for (unsigned i = 1; i < 4; i++) put(i);
    thrum_queue_shutdown(&queue);
    thrum_queue_shutdown_now(&queue);
    CHECK_EQ(dropped, 3);
    for (int i = 0; i < 3; i++) CHECK_EQ(last_dropped[i], i + 1);
    thrum_queue_join(&queue);
    thrum_queue_destroy(&queue);
}

TEST(without_a_drop_function_an_immediate_shutdown_empties_the_queue_all_the_same) {
    for (ptrdiff_t bound = 0; bound < 5; bound += 4) {
        CHECK_EQ(thrum_queue_init(&queue, &(thrum_queue_config){.bound = bound}), THRUM_OK);
        for (unsigned i = 0; i < 3; i++) put(i);
        thrum_queue_shutdown_now(&queue);
        CHECK_EQ(try_get(), THRUM_CLOSED);
        thrum_queue_join(&queue); /* all are done */
        thrum_queue_destroy(&queue);
    }
}

TEST(destroy_drops_what_is_left) {
    for (int k = 0; k < 3; k++)
        for (ptrdiff_t bound = 0; bound < 5; bound += 4) {
            begin(kinds[k], bound);
            dropped = 0;
            for (unsigned i = 0; i < 4; i++) put(i);
            thrum_queue_destroy(&queue);
            CHECK_EQ(dropped, 4);
        }
}

TEST(no_memory_is_a_result_and_loses_nothing) {
    if (THRUM_UNDER_TSAN || test_under_asan()) test_skip("the sanitizers die without memory");
    CHECK_EQ(thrum_queue_init(&queue, &(thrum_queue_config){.bound = PTRDIFF_MAX / 64}), THRUM_NO_MEMORY);
    begin(THRUM_QUEUE_LIFO, 0);
    const struct rlimit little = {64u << 20, 64u << 20};
    CHECK_EQ(setrlimit(RLIMIT_AS, &little), 0);
    thrum_result result;
    size_t count = 0;
    while ((result = thrum_queue_try_put(&queue, ITEM(count % 200))) == THRUM_OK) count++;
    CHECK_EQ(result, THRUM_NO_MEMORY);
    CHECK_EQ(thrum_queue_size(&queue), count);
    while (count-- > 0) CHECK_EQ(get(), count % 200);
    put(7);
    CHECK_EQ(get(), 7);
    CHECK_EQ(thrum_queue_task_done(&queue), THRUM_OK);
    thrum_queue_destroy(&queue);
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

/* ---- simple ---- */

static thrum_simple_queue simple;
static thrum_simple_queue_node nodes[100];

TEST(a_simple_queue_gives_its_nodes_in_order) {
    CHECK(thrum_simple_queue_try_get_node(&simple) == NULL);
    CHECK(thrum_simple_queue_empty(&simple));
    int in = 0, out = 0;
    while (out < 100) {
        for (int i = 0; i < 3 && in < 100; i++) thrum_simple_queue_put_node(&simple, &nodes[in++]);
        CHECK(!thrum_simple_queue_empty(&simple));
        for (int i = 0; i < 2 && out < in; i++) CHECK(thrum_simple_queue_get_node(&simple) == &nodes[out++]);
    }
    CHECK(thrum_simple_queue_empty(&simple));
    CHECK(thrum_simple_queue_get_node_until(&simple, thrum_after_ms(5)) == NULL);
}

TEST(a_simple_queue_with_nodes_of_its_own_gives_its_items_in_order) {
    void *item = &simple;
    CHECK_EQ(thrum_simple_queue_try_get(&simple, &item), THRUM_EMPTY);
    CHECK_EQ(thrum_simple_queue_get_until(&simple, &item, thrum_after_ms(5)), THRUM_EMPTY);
    CHECK(item == &simple);
    for (int i = 0; i < 50; i++) CHECK_EQ(thrum_simple_queue_put(&simple, ITEM(i)), THRUM_OK);
    CHECK_EQ(thrum_simple_queue_try_get(&simple, &item), THRUM_OK);
    CHECK_EQ(number_of(item), 0);
    CHECK_EQ(thrum_simple_queue_get_until(&simple, &item, THRUM_FOREVER), THRUM_OK);
    CHECK_EQ(number_of(item), 1);
    for (int i = 2; i < 50; i++) CHECK_EQ(number_of(thrum_simple_queue_get(&simple)), i);
}

static thrum_u32 handled;

static void put_in_handler(int number) {
    (void)number;
    const uint32_t n = thrum_u32_fetch_add_relaxed(&handled, 1);
    if (n < 100) thrum_simple_queue_put_node(&simple, &nodes[n]);
}

/* The handler interrupts the getter itself, wherever it is: under its lock, on its way to sleep, asleep. */
TEST(a_signal_handler_may_put_to_a_simple_queue) {
    if (THRUM_UNDER_TSAN) test_skip("it keeps signals from a thread that sleeps in the futex");
    const struct sigaction action = {.sa_handler = put_in_handler, .sa_flags = SA_RESTART};
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    const struct itimerval often = {{0, 500}, {0, 500}};
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    errno = 7;
    for (int i = 0; i < 100; i++) CHECK(thrum_simple_queue_get_node(&simple) == &nodes[i]);
    CHECK_EQ(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL), 0);
    CHECK_EQ(errno, 7);
}

/* The same, amid a put of the thread that it interrupts. */
static thrum_simple_queue_node own_nodes[2000];

TEST(a_signal_handler_may_put_to_a_simple_queue_amid_a_put) {
    const struct sigaction action = {.sa_handler = put_in_handler, .sa_flags = SA_RESTART};
    CHECK_EQ(sigaction(SIGALRM, &action, NULL), 0);
    const struct itimerval often = {{0, 50}, {0, 50}};
    CHECK_EQ(setitimer(ITIMER_REAL, &often, NULL), 0);
    unsigned from_handlers = 0, next = 0;
    while (from_handlers < 100) {
        for (unsigned i = 0; i < 2000; i++) thrum_simple_queue_put_node(&simple, &own_nodes[i]);
        for (next = 0; next < 2000;) {
            const thrum_simple_queue_node *const node = thrum_simple_queue_get_node(&simple);
            if (node == &own_nodes[next])
                next++;
            else
                CHECK(node == &nodes[from_handlers++]);
        }
    }
    CHECK_EQ(setitimer(ITIMER_REAL, &(struct itimerval){{0, 0}, {0, 0}}, NULL), 0);
    CHECK(thrum_simple_queue_try_get_node(&simple) == NULL);
}

static void *wait_for_node(void *unused) {
    (void)unused;
    return thrum_simple_queue_get_node(&simple);
}

TEST(puts_wake_who_waits_at_a_simple_queue) {
    test_thread threads[3];
    for (int i = 0; i < 3; i++) {
        threads[i] = test_start(wait_for_node, NULL);
        test_await_asleep(&threads[i]);
    }
    for (int i = 0; i < 3; i++) thrum_simple_queue_put_node(&simple, &nodes[i]);
    for (int i = 0; i < 3; i++) test_join(&threads[i]);
    CHECK(thrum_simple_queue_empty(&simple));
    CHECK_EQ(thrum_u32_load_relaxed(&simple.getters_.sleepers), 0);
}

TEST(a_simple_queue_tells_its_size) {
    char text[64];
    CHECK_EQ(thrum_simple_queue_size(&simple), 0);
    for (unsigned i = 0; i < 3; i++) thrum_simple_queue_put_node(&simple, &nodes[i]);
    CHECK_EQ(thrum_simple_queue_size(&simple), 3);
    CHECK_EQ(thrum_simple_queue_describe(&simple, text, sizeof text), strlen("simple queue: 3 items"));
    CHECK(strcmp(text, "simple queue: 3 items") == 0);
    CHECK(thrum_simple_queue_get_node(&simple) == &nodes[0]); /* two are turned over by now */
    CHECK_EQ(thrum_simple_queue_size(&simple), 2);
    for (unsigned i = 3; i < 6; i++) thrum_simple_queue_put_node(&simple, &nodes[i]);
    CHECK_EQ(thrum_simple_queue_size(&simple), 5);
    while (thrum_simple_queue_try_get_node(&simple)) continue;
    CHECK_EQ(thrum_simple_queue_size(&simple), 0);
    CHECK_EQ(thrum_simple_queue_describe(&simple, text, 7), strlen("simple queue: 0 items"));
    CHECK(strcmp(text, "simple") == 0);
}
