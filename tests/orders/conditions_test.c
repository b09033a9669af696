/* SPDX-License-Identifier: MIT */
/* Conditions and monitors: a wait releases the lock and takes it back, in every form. */
#include "orders.h"

static int turn, asked, answer; /* plain: the lock's */
static thrum_lock lock;
static thrum_rlock rlock;
static thrum_cond of_lock = THRUM_COND_INIT(&lock), of_rlock = THRUM_COND_INIT(&rlock);
static thrum_monitor monitor;

static int is_my_turn(void *unused) {
    (void)unused;
    return turn == 1;
}

/* The waiter asks by what it writes before it waits, and reads the answer behind the wait. */
#define CONDITION(name, object, prefix)                                                      \
    static void name##_waits(void) {                                                         \
        while (turn != 1) CHECK_EQ(prefix##_wait(object), THRUM_OK);                         \
    }                                                                                        \
    static void name##_waits_in_time(void) {                                                 \
        while (turn != 1) CHECK_EQ(prefix##_wait_until(object, LONG), THRUM_OK);             \
    }                                                                                        \
    static void name##_waits_for(void) {                                                     \
        CHECK_EQ(prefix##_wait_for(object, is_my_turn, NULL, LONG), THRUM_OK);               \
    }                                                                                        \
    static void name##_times_out(void) {                                                     \
        while (turn != 1) {                                                                  \
            (void)!prefix##_wait_until(object, thrum_after_ms(1));                           \
        }                                                                                    \
    }                                                                                        \
    static void (*name##_way)(void);                                                         \
    static void name##_shut(void) {                                                          \
        turn = asked = 0;                                                                    \
    }                                                                                        \
    static void name##_take(void) {                                                          \
        CHECK_EQ(prefix##_acquire(object), THRUM_OK);                                        \
        asked = 1;                                                                           \
        name##_way();                                                                        \
        CHECK_EQ(answer, hand_data);                                                         \
        CHECK_EQ(prefix##_release(object), THRUM_OK);                                        \
    }                                                                                        \
    static void name##_give_one(void) {                                                      \
        CHECK_EQ(prefix##_acquire_until(object, LONG), THRUM_OK);                            \
        turn = 1;                                                                            \
        CHECK_EQ(prefix##_notify(object, 1), THRUM_OK);                                      \
        answer = hand_data + 0 * asked;                                                      \
        CHECK_EQ(prefix##_release(object), THRUM_OK);                                        \
    }                                                                                        \
    static void name##_give_all(void) {                                                      \
        YIELD_UNTIL(prefix##_try_acquire(object));                                           \
        turn = 1;                                                                            \
        answer = hand_data + 0 * asked;                                                      \
        CHECK_EQ(prefix##_notify_all(object), THRUM_OK);                                     \
        CHECK_EQ(prefix##_release(object), THRUM_OK);                                        \
    }                                                                                        \
    static void name##_hand_over(void) {                                                     \
        void (*const ways[])(void) = {name##_waits, name##_waits_in_time, name##_waits_for}; \
        for (int i = 0; i < 3; i++) {                                                        \
            name##_way = ways[i];                                                            \
            hand_over((hand){name##_shut, name##_give_one, name##_take, HAND_SLEEPS, NULL}); \
            hand_over((hand){name##_shut, name##_give_all, name##_take, HAND_SLEEPS, NULL}); \
        }                                                                                    \
        name##_way = name##_times_out;                                                       \
        hand_over((hand){name##_shut, name##_give_one, name##_take, HAND_SLEEPS, NULL});     \
    }

CONDITION(of_lock, &of_lock, thrum_cond)
TEST(cond) {
    of_lock_hand_over();
}
CONDITION(of_rlock, &of_rlock, thrum_cond)
TEST(cond_of_rlock) {
    of_rlock_hand_over();
}
CONDITION(monitor, &monitor, thrum_monitor)
TEST(monitor) {
    monitor_hand_over();
}

/* The condition's acquire and release are the lock's. */
static void cond_shut(void) {
    CHECK_EQ(thrum_cond_acquire(&of_lock), THRUM_OK);
}
static void cond_give(void) {
    CHECK_EQ(thrum_cond_release(&of_lock), THRUM_OK);
}
static void lock_takes(void) {
    thrum_lock_acquire(&lock);
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
}
static void cond_takes(void) {
    CHECK_EQ(thrum_cond_acquire(&of_lock), THRUM_OK);
    cond_give();
}
static void cond_with(void) {
    THRUM_WITH(&of_lock) (void)hand_data;
}
TEST(cond_as_lock) {
    hand_over((hand){cond_shut, cond_give, lock_takes, HAND_SLEEPS, NULL});
    hand_over((hand){cond_shut, cond_give, cond_takes, HAND_SLEEPS, NULL});
    hand_over((hand){cond_shut, cond_give, cond_with, HAND_SLEEPS, NULL});
}
