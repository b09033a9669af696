/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* Waits for items, for room, and for all items to be done. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "queue_parts.h"
#include "refuse.h"

#include <thrum.h>

static const thrum_queue_kind kinds[] = {THRUM_QUEUE_FIFO, THRUM_QUEUE_LIFO, THRUM_QUEUE_PRIORITY};

/* ---- waiting ---- */

TEST(a_put_wakes_a_waiter_for_an_item) {
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

TEST(a_get_wakes_a_waiter_for_room) {
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

TEST(a_waiter_that_timed_out_leaves_nothing_behind) {
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
