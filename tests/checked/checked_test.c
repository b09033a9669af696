/* SPDX-License-Identifier: MIT */
/* The reports of the checked build, each by a program made to deserve it; and what deserves none. */
#include "checked_parts.h"
#include "test.h"

#include <thrum/checked.h>
#include <thrum/with.h>

#include <string.h>
#include <unistd.h>

/* ---- every pair of ways to acquire ---- */

typedef union any {
    thrum_lock lock;
    thrum_rlock rlock;
    thrum_rwlock rwlock;
} any;

enum way { LOCK, RLOCK, READ, WRITE, TRY, TIMED, WAYS };

static bool acquire(any *object, enum way way) {
    switch (way) {
    case LOCK:
        thrum_lock_acquire(&object->lock);
        return true;
    case RLOCK:
        return thrum_rlock_acquire(&object->rlock) == THRUM_OK;
    case READ:
        thrum_rwlock_acquire_read(&object->rwlock);
        return true;
    case WRITE:
        thrum_rwlock_acquire_write(&object->rwlock);
        return true;
    case TRY:
        return thrum_lock_try_acquire(&object->lock);
    case TIMED:
        return thrum_lock_acquire_until(&object->lock, thrum_after_ms(1)) == THRUM_OK;
    case WAYS:
        break;
    }
    return false;
}

static void release(any *object, enum way way) {
    if (way == RLOCK)
        (void)thrum_rlock_release(&object->rlock);
    else if (way == READ)
        (void)thrum_rwlock_release_read(&object->rwlock);
    else if (way == WRITE)
        (void)thrum_rwlock_release_write(&object->rwlock);
    else
        (void)thrum_lock_release(&object->lock);
}

static struct pair {
    any a, b;
    enum way first, second;
} pairs[WAYS][WAYS];

static void *nest(void *argument) {
    struct pair *const pair = argument;
    CHECK(acquire(&pair->a, pair->first) && acquire(&pair->b, pair->second));
    release(&pair->b, pair->second);
    release(&pair->a, pair->first);
    return NULL;
}

static void *nest_the_other_way(void *argument) {
    struct pair *const pair = argument;
    CHECK(acquire(&pair->b, pair->first) && acquire(&pair->a, pair->second));
    release(&pair->a, pair->second);
    release(&pair->b, pair->first);
    return NULL;
}

/*
 * An object is used in two ways here: one of each kind would be a rwlock by one thread and a lock by the
 * other.
 */
static bool can_be_one(enum way first, enum way second) {
    static const int kinds[WAYS] = {0, 1, 2, 2, 0, 0};
    return kinds[first] == kinds[second];
}

TEST(of_two_threads_each_pair_that_waits_in_two_orders_is_told_and_no_other) {
    for (enum way first = LOCK; first < WAYS; first++) {
        for (enum way second = LOCK; second < WAYS; second++) {
            if (!can_be_one(first, second)) continue;
            struct pair *const pair = &pairs[first][second];
            pair->first = first;
            pair->second = second;
            begin_to_hear();
            run(nest, pair);
            check_told(NONE, "");
            run(nest_the_other_way, pair);
            const bool gives_up = second == TRY || second == TIMED;
            check_told(gives_up ? NONE : (int)THRUM_CHECKED_INVERSION, "an order that may deadlock");
        }
    }
}

/* A pair of kinds that differ: each thread holds one and acquires the other. */
static any mixed[WAYS][WAYS][2];

static void *hold_then(void *argument) {
    struct pair *const pair = argument;
    any *const objects = mixed[pair->first][pair->second];
    CHECK(acquire(&objects[0], pair->first) && acquire(&objects[1], pair->second));
    release(&objects[1], pair->second);
    release(&objects[0], pair->first);
    return NULL;
}

static void *hold_then_back(void *argument) {
    struct pair *const pair = argument;
    any *const objects = mixed[pair->first][pair->second];
    CHECK(acquire(&objects[1], pair->second) && acquire(&objects[0], pair->first));
    release(&objects[0], pair->first);
    release(&objects[1], pair->second);
    return NULL;
}

TEST(of_two_threads_two_kinds_in_two_orders_are_told_where_both_wait) {
    for (enum way first = LOCK; first < WAYS; first++) {
        for (enum way second = LOCK; second < WAYS; second++) {
            struct pair pair = {.first = first, .second = second};
            begin_to_hear();
            run(hold_then, &pair);
            run(hold_then_back, &pair);
            const bool gives_up = first >= TRY || second >= TRY;
            check_told(gives_up ? NONE : (int)THRUM_CHECKED_INVERSION, "  and acquires\n");
        }
    }
}

static any twice;
static enum way first_way, second_way;

static void acquire_twice(void) {
    CHECK(acquire(&twice, first_way));
    (void)acquire(&twice, second_way);
}

/* NULL: no report; it returns. */
static const char *expected_of_one_thread(enum way first, enum way second) {
    if (second == TRY || second == TIMED || second == RLOCK) return NULL;
    if (first == READ && second == READ) return "may wait for itself: it reads what it reads";
    if (first == READ && second == WRITE) return "waits for itself: it makes a read a write";
    return first == WRITE ? "waits for itself: it acquires what it holds" : "unless another thread releases";
}

TEST(of_one_thread_each_pair_that_waits_for_itself_is_told_and_no_other) {
    for (first_way = LOCK; first_way < WAYS; first_way++) {
        for (second_way = LOCK; second_way < WAYS; second_way++) {
            if (!can_be_one(first_way, second_way)) continue;
            memset(&twice, 0, sizeof twice);
            const char *const expected = expected_of_one_thread(first_way, second_way);
            if (expected) {
                hear_from_child(acquire_twice);
                if (!says(expected)) test_fail(expected, (int)second_way, told.text);
            } else {
                begin_to_hear();
                const bool gets = acquire(&twice, first_way) && acquire(&twice, second_way);
                check_told(NONE, "");
                if (gets) release(&twice, second_way);
                release(&twice, first_way);
                thrum_checked_gone(&twice, sizeof twice);
            }
        }
    }
}

/* ---- classes ---- */

static thrum_lock accounts[3], journals[2];

TEST(an_order_of_classes_is_told_for_other_objects_of_the_same_classes) {
    for (int i = 0; i < 3; i++) thrum_checked_class(&accounts[i], "account");
    for (int i = 0; i < 2; i++) thrum_checked_class(&journals[i], "journal");
    begin_to_hear();
    THRUM_WITH(&accounts[0])
        THRUM_WITH(&journals[0]) continue;
    THRUM_WITH(&accounts[0])
        THRUM_WITH(&accounts[1]) continue;
    check_told(NONE, "");
    THRUM_WITH(&journals[1])
        THRUM_WITH(&accounts[2]) continue;
    check_told(THRUM_CHECKED_INVERSION, "of class \"journal\"");
    CHECK(says("of class \"account\"") && says("before, thread "));
}

TEST(objects_of_one_class_have_an_order_of_their_own) {
    for (int i = 0; i < 3; i++) thrum_lock_init(&accounts[i]);
    begin_to_hear();
    THRUM_WITH(&accounts[0])
        THRUM_WITH(&accounts[1]) continue;
    THRUM_WITH(&accounts[1])
        THRUM_WITH(&accounts[2]) continue;
    check_told(NONE, "");
    THRUM_WITH(&accounts[2])
        THRUM_WITH(&accounts[0]) continue;
    check_told(THRUM_CHECKED_INVERSION, "made at");
}

TEST(an_inversion_is_told_once) {
    begin_to_hear();
    for (int i = 0; i < 3; i++) {
        THRUM_WITH(&accounts[0])
            THRUM_WITH(&accounts[1]) continue;
        THRUM_WITH(&accounts[1])
            THRUM_WITH(&accounts[0]) continue;
    }
    check_told(THRUM_CHECKED_INVERSION, "an order that may deadlock");
}

/* ---- the check itself ---- */

static thrum_lock busy[8];

static void *shuffle(void *seed) {
    uint64_t state = test_seed() + (uint64_t)(uintptr_t)seed;
    for (int i = 0; i < 2000; i++) {
        const unsigned a = (unsigned)(test_random(&state) % 8), b = (unsigned)(test_random(&state) % 8);
        if (a >= b) continue;
        THRUM_WITH(&busy[a])
            THRUM_WITH(&busy[b]) continue;
    }
    return NULL;
}

TEST(many_threads_in_one_order_are_told_nothing) {
    test_thread threads[4];
    begin_to_hear();
    for (uintptr_t i = 0; i < 4; i++) threads[i] = test_start(shuffle, (void *)(i + 1));
    for (int i = 0; i < 4; i++) test_join(&threads[i]);
    check_told(NONE, "");
}
