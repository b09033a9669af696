/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* A queue that is shut down, and one without memory. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "queue_parts.h"
#include "refuse.h"

#include <sys/resource.h>

#include <thrum.h>

static const thrum_queue_kind kinds[] = {THRUM_QUEUE_FIFO, THRUM_QUEUE_LIFO, THRUM_QUEUE_PRIORITY};

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
