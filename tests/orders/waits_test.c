/* SPDX-License-Identifier: MIT */
/* Events, latches, semaphores, barriers, onces: what was written before one opens is seen behind it. */
#include "orders.h"

/* ---- words ---- */

static thrum_u32 narrow;
static thrum_u64 wide;
static void words_shut(void) {
    thrum_u32_store_relaxed(&narrow, 0);
    thrum_u64_store_relaxed(&wide, 0);
}
static void words_release(void) {
    if (hand_data % 2) {
        thrum_u32_store_release(&narrow, 1);
        thrum_u64_fetch_add_release(&wide, 1);
    } else {
        thrum_u32_exchange_acq_rel(&narrow, 1);
        thrum_u64_store_seq_cst(&wide, 1);
    }
}
static void words_acquire(void) {
    YIELD_UNTIL(thrum_u32_load_acquire(&narrow));
}
static void words_acquire_all(void) {
    YIELD_UNTIL(thrum_u64_load_seq_cst(&wide) && thrum_u64_fetch_or_acq_rel(&wide, 0));
}
TEST(words) {
    hand_over((hand){words_shut, words_release, words_acquire, HAND_SPINS, NULL});
    hand_over((hand){words_shut, words_release, words_acquire_all, HAND_SPINS, NULL});
}

/* ---- event ---- */

static thrum_event event;
static void event_shut(void) {
    thrum_event_clear(&event);
}
static void event_give(void) {
    thrum_event_set(&event);
}
static void event_takes(void) {
    thrum_event_wait(&event);
}
static void event_takes_in_time(void) {
    CHECK_EQ(thrum_event_wait_until(&event, LONG), THRUM_OK);
}
static void event_tries(void) {
    YIELD_UNTIL(thrum_event_try_wait(&event));
}
static void event_looks(void) {
    YIELD_UNTIL(thrum_event_is_set(&event));
}
TEST(event) {
    hand_over((hand){event_shut, event_give, event_takes, HAND_SLEEPS, NULL});
    hand_over((hand){event_shut, event_give, event_takes_in_time, HAND_SLEEPS, NULL});
    hand_over((hand){event_shut, event_give, event_tries, HAND_SPINS, NULL});
    hand_over((hand){event_shut, event_give, event_looks, HAND_SPINS, NULL});
    hand_over((hand){NULL, event_give, event_shut, HAND_COMES_LATER, NULL}); /* a clear sees the set */
}

/* ---- latch ---- */

static thrum_latch latch;
static void latch_shut(void) {
    CHECK_EQ(thrum_latch_init(&latch, 2), THRUM_OK);
}
static void latch_shut_one(void) {
    CHECK_EQ(thrum_latch_init(&latch, 1), THRUM_OK);
}
static void latch_give(void) {
    thrum_latch_count_down(&latch);
}
static void latch_give_two(void) {
    thrum_latch_count_down(&latch);
    thrum_latch_count_down(&latch);
}
static void latch_give_n(void) {
    CHECK_EQ(thrum_latch_count_down_n(&latch, 2), THRUM_OK);
}
static void latch_takes(void) {
    thrum_latch_wait(&latch);
}
static void latch_takes_in_time(void) {
    CHECK_EQ(thrum_latch_wait_until(&latch, LONG), THRUM_OK);
}
static void latch_tries(void) {
    YIELD_UNTIL(thrum_latch_try_wait(&latch));
}
static void latch_resets(void) {
    CHECK_EQ(thrum_latch_reset(&latch, 2), THRUM_OK);
}
/* A reset publishes to the waits that follow it; another thread, which orders nothing, opens the latch. */
static void *opens(void *unused) {
    YIELD_UNTIL(thrum_latch_count(&latch) == 2);
    thrum_latch_count_down(&latch);
    thrum_latch_count_down(&latch);
    return unused;
}
static test_thread opener;
static void latch_open(void) {
    CHECK_EQ(thrum_latch_init(&latch, 0), THRUM_OK);
    opener = test_start(opens, NULL);
}
static void latch_takes_behind_a_reset(void) {
    YIELD_UNTIL(thrum_latch_count(&latch) == 0);
    thrum_latch_wait(&latch);
}
static void opener_ends(void) {
    test_join(&opener);
}
TEST(latch) {
    hand_over((hand){latch_shut_one, latch_give, latch_takes, HAND_SLEEPS, NULL});
    hand_over((hand){latch_shut, latch_give_two, latch_takes, HAND_SLEEPS, NULL});
    hand_over((hand){latch_shut, latch_give_n, latch_takes_in_time, HAND_SLEEPS, NULL});
    hand_over((hand){latch_shut_one, latch_give, latch_tries, HAND_SPINS, NULL});
    hand_over((hand){latch_shut, latch_give_n, latch_resets, HAND_COMES_LATER, NULL});
}
TEST(latch_reset) {
    hand_over((hand){latch_open, latch_resets, latch_takes_behind_a_reset, HAND_COMES_LATER, opener_ends});
}

/* ---- semaphores ---- */

#define SEMAPHORE(name, type, object, initialise)                                      \
    static void name##_give(void) {                                                    \
        CHECK_EQ(type##_release(object), THRUM_OK);                                    \
    }                                                                                  \
    static void name##_give_n(void) {                                                  \
        CHECK_EQ(type##_release_n(object, 1), THRUM_OK);                               \
    }                                                                                  \
    static void name##_takes(void) {                                                   \
        type##_acquire(object);                                                        \
    }                                                                                  \
    static void name##_takes_in_time(void) {                                           \
        CHECK_EQ(type##_acquire_until(object, LONG), THRUM_OK);                        \
    }                                                                                  \
    static void name##_tries(void) {                                                   \
        YIELD_UNTIL(type##_try_acquire(object));                                       \
    }                                                                                  \
    static void name##_hand_over(void) {                                               \
        initialise;                                                                    \
        hand_over((hand){NULL, name##_give, name##_takes, HAND_SLEEPS, NULL});         \
        hand_over((hand){NULL, name##_give, name##_takes_in_time, HAND_SLEEPS, NULL}); \
        hand_over((hand){NULL, name##_give_n, name##_takes, HAND_SLEEPS, NULL});       \
        hand_over((hand){NULL, name##_give_n, name##_tries, HAND_SPINS, NULL});        \
        hand_over((hand){NULL, name##_give, name##_tries, HAND_SPINS, NULL});          \
    }

static thrum_semaphore semaphore;
SEMAPHORE(semaphore, thrum_semaphore, &semaphore, CHECK_EQ(thrum_semaphore_init(&semaphore, 0), THRUM_OK))
TEST(semaphore) {
    semaphore_hand_over();
}

/* A try that finds the word changed under its hands goes the slow way. */
enum { TRIES = 1000 };
static thrum_u32 last_given, last_taken, stop_noise;
static void *changes_the_word(void *unused) {
    while (!thrum_u32_load_relaxed(&stop_noise)) {
        CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OK);
        thrum_semaphore_acquire(&semaphore);
    }
    return unused;
}
static void *tries_often(void *unused) {
    for (uint32_t i = 1; i <= TRIES; i++) {
        YIELD_UNTIL(thrum_u32_load_relaxed(&last_given) == i); /* a hint */
        YIELD_UNTIL(thrum_semaphore_try_acquire(&semaphore));
        CHECK_EQ(hand_data, i);
        thrum_u32_store_release(&last_taken, i); /* the way back */
    }
    return unused;
}
TEST(semaphore_tries) {
    CHECK_EQ(thrum_semaphore_init(&semaphore, 100), THRUM_OK);
    test_thread noise = test_start(changes_the_word, NULL), taker = test_start(tries_often, NULL);
    for (uint32_t i = 1; i <= TRIES; i++) {
        hand_data = (int)i;
        CHECK_EQ(thrum_semaphore_release(&semaphore), THRUM_OK);
        thrum_u32_store_relaxed(&last_given, i);
        YIELD_UNTIL(thrum_u32_load_acquire(&last_taken) == i);
    }
    thrum_u32_store_relaxed(&stop_noise, 1);
    test_join(&noise);
    test_join(&taker);
}

static thrum_bounded_semaphore bounded = THRUM_BOUNDED_SEMAPHORE_INIT(1);
SEMAPHORE(bounded, thrum_bounded_semaphore, &bounded, thrum_bounded_semaphore_acquire(&bounded))
TEST(bounded_semaphore) {
    bounded_hand_over();
}

/* ---- wait_any: the order is the chosen object's ---- */

static thrum_event never;
static const thrum_waitable any_event[] = {THRUM_WAITABLE(&never), THRUM_WAITABLE(&event)};
static const thrum_waitable any_latch[] = {THRUM_WAITABLE(&never), THRUM_WAITABLE(&latch)};
static const thrum_waitable any_semaphore[] = {THRUM_WAITABLE(&never), THRUM_WAITABLE(&semaphore)};
static void any_takes_event(void) {
    unsigned which;
    CHECK_EQ(thrum_wait_any(any_event, 2, &which), THRUM_OK);
}
static void any_takes_latch(void) {
    unsigned which;
    CHECK_EQ(thrum_wait_any_until(any_latch, 2, &which, LONG), THRUM_OK);
}
static void any_tries_semaphore(void) {
    unsigned which;
    YIELD_UNTIL(thrum_try_wait_any(any_semaphore, 2, &which));
}
TEST(wait_any) {
    hand_over((hand){event_shut, event_give, any_takes_event, HAND_SLEEPS, NULL});
    hand_over((hand){latch_shut_one, latch_give, any_takes_latch, HAND_SLEEPS, NULL});
    hand_over((hand){NULL, semaphore_give, any_tries_semaphore, HAND_SPINS, NULL});
}

/* ---- barrier: all to all, to and from the action, and a break's to those that it breaks ---- */

enum { MEETINGS = 200 };

static thrum_barrier barrier;
static int written[2], summed;
static bool in_time;

static thrum_result sum(void *unused) {
    (void)unused;
    summed = written[0] + written[1];
    return THRUM_OK;
}
/* Nobody comes back to the barrier before the other has seen what it carried: that would carry it, too. */
static thrum_u32 seen[2]; /* hints that count */
static void await_other(const int *mine, int number) {
    const int me = (int)(mine - written);
    thrum_u32_store_relaxed(&seen[me], (uint32_t)number);
    YIELD_UNTIL(thrum_u32_load_relaxed(&seen[!me]) == (uint32_t)number);
}
static void meet(void) {
    CHECK_EQ(in_time ? thrum_barrier_wait_until(&barrier, NULL, LONG) : thrum_barrier_wait(&barrier, NULL),
             THRUM_OK);
}
static void *party(void *own) {
    int *const mine = own, *const other = mine == written ? written + 1 : written;
    for (int i = 1; i <= MEETINGS; i++) {
        *mine = i;
        meet();
        CHECK_EQ(*other, i);
        if (barrier.action) CHECK_EQ(summed, 2 * i);
        await_other(mine, i);
        meet();
    }
    return NULL;
}
static void meet_often(void) {
    test_thread other = test_start(party, &written[1]);
    party(&written[0]);
    test_join(&other);
}
TEST(barrier) {
    CHECK_EQ(thrum_barrier_init(&barrier, 2), THRUM_OK);
    meet_often();
    in_time = true;
    meet_often();
}
TEST(barrier_action) {
    CHECK_EQ(thrum_barrier_init_with(&barrier, 2, sum, NULL, THRUM_BARRIER_NO_TIMEOUT), THRUM_OK);
    meet_often();
}

static void barrier_shut(void) {
    CHECK_EQ(thrum_barrier_init(&barrier, 2), THRUM_OK);
}
static void barrier_abort(void) {
    thrum_barrier_abort(&barrier);
}
static void barrier_reset(void) { /* where nobody waits it changes nothing */
    if (thrum_barrier_waiting(&barrier))
        thrum_barrier_reset(&barrier);
    else
        thrum_barrier_abort(&barrier);
}
static void barrier_times_out(void) {
    CHECK_EQ(thrum_barrier_wait_until(&barrier, NULL, THRUM_NOW), THRUM_TIMEOUT);
}
static void barrier_takes_a_break(void) {
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_BROKEN);
}
TEST(barrier_break) {
    hand_over((hand){barrier_shut, barrier_abort, barrier_takes_a_break, HAND_SLEEPS, NULL});
    hand_over((hand){barrier_shut, barrier_reset, barrier_takes_a_break, HAND_SLEEPS, NULL});
    hand_over((hand){barrier_shut, barrier_times_out, barrier_takes_a_break, HAND_COMES_LATER, NULL});
}

/* An action that releases what its thread holds breaks the barrier. */
static thrum_result leave_action(void *unused) {
    (void)unused;
    summed = ++hand_data;
    thrum_self_release_guards();
    return THRUM_OK;
}
static void *is_broken(void *unused) {
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_BROKEN);
    CHECK_EQ(summed, hand_data);
    return unused;
}
TEST(barrier_action_that_is_left) {
    for (int i = 0; i < HAND_ROUNDS; i++) {
        CHECK_EQ(thrum_barrier_init_with(&barrier, 2, leave_action, NULL, THRUM_BARRIER_NO_TIMEOUT),
                 THRUM_OK);
        test_thread other = test_start(is_broken, NULL);
        test_await_asleep(&other);
        CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_CANCELLED);
        test_join(&other);
    }
}

/* ---- once: the function's end to those that waited for it, and to the next try ---- */

static thrum_once once;
static thrum_u32 inside; /* a hint */
static test_thread waiter;
static bool first_fails, first_leaves, second_ran;

static thrum_result run_first(void *unused) {
    (void)unused;
    hint(&inside);
    test_await_asleep(&waiter);
    hand_data++;
    if (first_leaves) thrum_self_release_guards();
    return first_fails ? THRUM_STATE : THRUM_OK;
}
static thrum_result run_second(void *expected) {
    CHECK_EQ(hand_data, *(int *)expected);
    second_ran = true;
    return THRUM_OK;
}
static void *runs_second(void *expected) {
    await_hint(&inside);
    CHECK_EQ(in_time ? thrum_once_run_until(&once, run_second, expected, LONG)
                     : thrum_once_run(&once, run_second, expected),
             THRUM_OK);
    CHECK_EQ(hand_data, *(int *)expected);
    return NULL;
}
static void run_both(thrum_result first, bool again) {
    for (int i = 0; i < HAND_ROUNDS; i++) {
        int expected = hand_data + 1;
        in_time = i % 2;
        second_ran = false;
        thrum_once_init(&once);
        waiter = test_start(runs_second, &expected);
        CHECK_EQ(thrum_once_run(&once, run_first, NULL), first);
        test_join(&waiter);
        CHECK_EQ(second_ran, again);
    }
}
TEST(once) {
    run_both(THRUM_OK, false);
}
TEST(once_that_failed) {
    first_fails = true;
    run_both(THRUM_STATE, true);
}
TEST(once_that_was_left) {
    first_leaves = true;
    run_both(THRUM_CANCELLED, true);
}

static thrum_result run_nothing(void *unused) {
    (void)unused;
    return THRUM_OK;
}
static void once_shut(void) {
    thrum_once_init(&once);
}
static void once_give(void) {
    CHECK_EQ(thrum_once_run_until(&once, run_nothing, NULL, LONG), THRUM_OK);
}
static void once_looks(void) {
    YIELD_UNTIL(thrum_once_done(&once));
}
TEST(once_done) {
    hand_over((hand){once_shut, once_give, once_looks, HAND_SPINS, NULL});
}
