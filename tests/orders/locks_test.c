/* SPDX-License-Identifier: MIT */
/* Mutual exclusion: what was written before a release is seen after an acquire, in every form of both. */
#include "orders.h"

/*
 * The forms of an object's acquire: each takes it when the giver releases it, and releases it itself.
 */
#define TAKES(name, object, acquire, try_acquire, until, release)                          \
    static void name##_takes(void) {                                                       \
        (void)(acquire);                                                                   \
        (void)!(release);                                                                  \
    }                                                                                      \
    static void name##_tries(void) {                                                       \
        YIELD_UNTIL(try_acquire);                                                          \
        (void)!(release);                                                                  \
    }                                                                                      \
    static void name##_takes_in_time(void) {                                               \
        CHECK_EQ(until, THRUM_OK);                                                         \
        (void)!(release);                                                                  \
    }                                                                                      \
    static void name##_hand_over(void (*shut)(void), void (*give)(void), hand_wait wait) { \
        hand_over((hand){shut, give, name##_takes, wait, NULL});                           \
        hand_over((hand){shut, give, name##_takes_in_time, wait, NULL});                   \
        hand_over((hand){shut, give, name##_tries, HAND_SPINS, NULL});                     \
    }

/* ---- lock ---- */

static thrum_lock lock;
TAKES(lock, &lock, (thrum_lock_acquire(&lock), 0), thrum_lock_try_acquire(&lock),
      thrum_lock_acquire_until(&lock, LONG), thrum_lock_release(&lock))
static void lock_shut(void) {
    thrum_lock_acquire(&lock);
}
static void lock_give(void) {
    CHECK_EQ(thrum_lock_release(&lock), THRUM_OK);
}
static void lock_with(void) {
    THRUM_WITH(&lock) (void)hand_data;
}
static void lock_hold_until(void) {
    thrum_result result;
    THRUM_WITH_UNTIL(&lock, LONG, &result) (void)hand_data;
    CHECK_EQ(result, THRUM_OK);
}
static void lock_hold(void) {
    THRUM_HOLD(&lock);
}
TEST(lock) {
    lock_hand_over(lock_shut, lock_give, HAND_SLEEPS);
}
/* One that processes share goes the slow way always. */
TEST(lock_shared) {
    thrum_lock_init_shared(&lock);
    lock_hand_over(lock_shut, lock_give, HAND_SLEEPS);
}
TEST(with) {
    hand_over((hand){lock_shut, lock_give, lock_with, HAND_SLEEPS, NULL});
    hand_over((hand){lock_shut, lock_give, lock_hold_until, HAND_SLEEPS, NULL});
    hand_over((hand){lock_shut, lock_give, lock_hold, HAND_SLEEPS, NULL});
}

/* What holds a guard releases it by thrum_self_release_guards. */
static void guards_give(void) {
    THRUM_WITH(&lock) {
        hand_data += 0;
        thrum_self_release_guards();
    }
}
TEST(guards) {
    hand_over((hand){NULL, guards_give, lock_takes, HAND_COMES_LATER, NULL});
}

/* ---- rlock: plain depths, too, are read by the next owner ---- */

static thrum_rlock rlock;
TAKES(rlock, &rlock, thrum_rlock_acquire(&rlock), thrum_rlock_try_acquire(&rlock),
      thrum_rlock_acquire_until(&rlock, LONG), thrum_rlock_release(&rlock))
static void rlock_shut(void) {
    (void)thrum_rlock_acquire(&rlock);
}
static void rlock_give(void) {
    CHECK_EQ(thrum_rlock_release(&rlock), THRUM_OK);
}
static void rlock_give_all(void) {
    uint32_t depth;
    CHECK_EQ(thrum_rlock_release_all(&rlock, &depth), THRUM_OK);
}
static void rlock_takes_deep(void) {
    (void)thrum_rlock_acquire_depth(&rlock, 3);
    rlock_give_all();
}
static void rlock_takes_deep_in_time(void) {
    CHECK_EQ(thrum_rlock_acquire_depth_until(&rlock, 3, LONG), THRUM_OK);
    rlock_give_all();
}
TEST(rlock) {
    rlock_hand_over(rlock_shut, rlock_give, HAND_SLEEPS);
    hand_over((hand){rlock_shut, rlock_give_all, rlock_takes_deep, HAND_SLEEPS, NULL});
    hand_over((hand){rlock_shut, rlock_give_all, rlock_takes_deep_in_time, HAND_SLEEPS, NULL});
}

/* ---- rwlock: a writer's to a reader and to a writer, a reader's to a writer ---- */

#define RWLOCK(name, type, object)                                                                          \
    TAKES(name##_read, object, (type##_acquire_read(object), 0), type##_try_acquire_read(object),           \
          type##_acquire_read_until(object, LONG), type##_release_read(object))                             \
    TAKES(name##_write, object, (type##_acquire_write(object), 0), type##_try_acquire_write(object),        \
          type##_acquire_write_until(object, LONG), type##_release_write(object))                           \
    static void name##_shut_write(void) {                                                                   \
        type##_acquire_write(object);                                                                       \
    }                                                                                                       \
    static void name##_shut_read(void) {                                                                    \
        type##_acquire_read(object);                                                                        \
    }                                                                                                       \
    static void name##_give_write(void) {                                                                   \
        CHECK_EQ(type##_release_write(object), THRUM_OK);                                                   \
    }                                                                                                       \
    static void name##_give_read(void) {                                                                    \
        CHECK_EQ(type##_release_read(object), THRUM_OK);                                                    \
    }                                                                                                       \
    static void name##_downgrade(void) {                                                                    \
        CHECK_EQ(type##_downgrade(object), THRUM_OK);                                                       \
    }                                                                                                       \
    static void name##_with_read(void) {                                                                    \
        thrum_result result;                                                                                \
        THRUM_WITH_READ(object)(void) hand_data;                                                            \
        THRUM_WITH_READ_UNTIL(object, LONG, &result)(void) hand_data;                                       \
        THRUM_HOLD_READ(object);                                                                            \
    }                                                                                                       \
    static void name##_with_write(void) {                                                                   \
        thrum_result result;                                                                                \
        THRUM_WITH_WRITE(object)(void) hand_data;                                                           \
        THRUM_WITH_WRITE_UNTIL(object, LONG, &result)(void) hand_data;                                      \
        THRUM_HOLD_WRITE(object);                                                                           \
    }                                                                                                       \
    static void name##_hand_over(void) {                                                                    \
        name##_read_hand_over(name##_shut_write, name##_give_write, HAND_SLEEPS);                           \
        name##_write_hand_over(name##_shut_write, name##_give_write, HAND_SLEEPS);                          \
        name##_write_hand_over(name##_shut_read, name##_give_read, HAND_SLEEPS);                            \
        hand_over(                                                                                          \
            (hand){name##_shut_write, name##_downgrade, name##_read_takes, HAND_SLEEPS, name##_give_read}); \
        hand_over((hand){name##_shut_write, name##_give_write, name##_with_read, HAND_SLEEPS, NULL});       \
        hand_over((hand){name##_shut_write, name##_give_write, name##_with_write, HAND_SLEEPS, NULL});      \
    }

static thrum_rwlock few;
RWLOCK(rwlock, thrum_rwlock, &few)
TEST(rwlock) {
    rwlock_hand_over();
}
TEST(rwlock_shared) {
    thrum_rwlock_init_shared(&few);
    rwlock_hand_over();
}

static thrum_rwlock_slot places[32];
static thrum_sharded_rwlock many = THRUM_SHARDED_RWLOCK_INIT(places, 32);
RWLOCK(sharded, thrum_sharded_rwlock, &many)
TEST(rwlock_sharded) {
    sharded_hand_over();
}

/* Its readers count themselves in the rwlock inside. */
static thrum_sharded_rwlock placeless;
RWLOCK(placeless, thrum_sharded_rwlock, &placeless)
TEST(rwlock_sharded_without_places) {
    placeless_hand_over();
}

/* ---- spinlock ---- */

static thrum_spinlock spinlock;
TAKES(spinlock, &spinlock, (thrum_spinlock_acquire(&spinlock), 0), thrum_spinlock_try_acquire(&spinlock),
      thrum_spinlock_acquire_until(&spinlock, LONG), thrum_spinlock_release(&spinlock))
static void spinlock_shut(void) {
    thrum_spinlock_acquire(&spinlock);
}
static void spinlock_give(void) {
    CHECK_EQ(thrum_spinlock_release(&spinlock), THRUM_OK);
}
TEST(spinlock) {
    spinlock_hand_over(spinlock_shut, spinlock_give, HAND_SPINS);
}

/* ---- all: to another that takes all, and to one that takes one ---- */

static thrum_lock left, right;
static thrum_rlock deep;
static const thrum_all all = THRUM_ALL(&left, &deep, &right);
TAKES(all, &all, thrum_acquire_all(&all), thrum_try_acquire_all(&all), thrum_acquire_all_until(&all, LONG),
      thrum_release_all(&all))
static void all_shut(void) {
    CHECK_EQ(thrum_acquire_all(&all), THRUM_OK);
}
static void all_give(void) {
    CHECK_EQ(thrum_release_all(&all), THRUM_OK);
}
static void all_takes_one(void) {
    thrum_lock_acquire(&right);
    (void)thrum_lock_release(&right);
}
static void all_shut_one(void) {
    thrum_lock_acquire(&right);
}
static void all_give_one(void) {
    (void)thrum_lock_release(&right);
}
TEST(all) {
    all_hand_over(all_shut, all_give, HAND_SLEEPS);
    hand_over((hand){all_shut, all_give, all_takes_one, HAND_SLEEPS, NULL});
    all_hand_over(all_shut_one, all_give_one, HAND_SLEEPS);
}
