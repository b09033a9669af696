/* SPDX-License-Identifier: MIT */
/* Futures and executors: every way to learn that a job is done, and what shuts a pool down. */
#include "orders.h"

static thrum_future *future;
static bool gets_error;

static void future_shut(void) {
    CHECK_EQ(thrum_future_new(&future), THRUM_OK);
}
static void future_rest(void) {
    thrum_future_failure failure;
    (void)!thrum_future_try_error(future, &failure);
    thrum_future_release(future);
}
static void future_set(void) {
    gets_error = !gets_error;
    CHECK_EQ(thrum_future_start(future), THRUM_OK);
    if (gets_error)
        CHECK_EQ(thrum_future_set_error(future, 7, "number %d", hand_data), THRUM_OK);
    else
        CHECK_EQ(thrum_future_set_result(future, &hand_data), THRUM_OK);
}
static void future_cancel(void) {
    CHECK_EQ(thrum_future_cancel(future), THRUM_OK);
}

static bool is_over(thrum_result result) {
    return result == THRUM_OK || result == THRUM_FAILED || result == THRUM_CANCELLED;
}
static void future_result(void) {
    void *value;
    CHECK(is_over(thrum_future_result(future, &value)));
}
static void future_result_in_time(void) {
    CHECK(is_over(thrum_future_result_until(future, NULL, LONG)));
}
static void future_tries_result(void) {
    YIELD_UNTIL(is_over(thrum_future_try_result(future, NULL)));
}
static void future_error(void) {
    thrum_future_failure failure;
    CHECK(is_over(thrum_future_error(future, &failure)));
}
static void future_error_in_time(void) {
    thrum_future_failure failure;
    CHECK(is_over(thrum_future_error_until(future, &failure, LONG)));
}
static void future_tries_error(void) {
    thrum_future_failure failure;
    YIELD_UNTIL(is_over(thrum_future_try_error(future, &failure)));
}
static void future_done(void) {
    YIELD_UNTIL(thrum_future_done(future));
}
static void future_state(void) {
    YIELD_UNTIL(thrum_future_state_of(future) >= THRUM_FUTURE_FINISHED);
}
static void future_event(void) {
    thrum_event_wait(thrum_future_done_event(future));
}
static void future_event_is_set(void) {
    YIELD_UNTIL(thrum_event_is_set(thrum_future_done_event(future)));
}
static void future_any(void) {
    const thrum_waitable any[] = {THRUM_WAITABLE(thrum_future_done_event(future))};
    unsigned which;
    CHECK_EQ(thrum_wait_any(any, 1, &which), THRUM_OK);
}
static void future_wait(void) {
    CHECK_EQ(thrum_future_wait(&future, 1, THRUM_ALL_COMPLETED, NULL), THRUM_OK);
}
static void future_wait_in_time(void) {
    bool done;
    CHECK_EQ(thrum_future_wait_until(&future, 1, THRUM_FIRST_COMPLETED, &done, LONG), THRUM_OK);
    CHECK(done);
}
static void future_as_completed(void) {
    thrum_as_completed completed;
    thrum_future *next;
    CHECK_EQ(thrum_as_completed_init(&completed, &future, 1, THRUM_FOREVER), THRUM_OK);
    CHECK_EQ(thrum_as_completed_next(&completed, &next), THRUM_OK);
    thrum_as_completed_destroy(&completed);
}
static void learn(void (*give)(void)) {
    void (*const sleepers[])(void) = {
        future_result, future_result_in_time, future_error,        future_error_in_time, future_event,
        future_any,    future_wait,           future_wait_in_time, future_as_completed,
    };
    void (*const lookers[])(void) = {
        future_tries_result, future_tries_error, future_done, future_state, future_event_is_set,
    };
    for (size_t i = 0; i < sizeof sleepers / sizeof sleepers[0]; i++)
        hand_over((hand){future_shut, give, sleepers[i], HAND_SLEEPS, future_rest});
    for (size_t i = 0; i < sizeof lookers / sizeof lookers[0]; i++)
        hand_over((hand){future_shut, give, lookers[i], HAND_SPINS, future_rest});
}
TEST(future) {
    learn(future_set);
}

static void future_is_cancelled(void) {
    YIELD_UNTIL(thrum_future_cancelled(future));
}
static void future_start_refused(void) {
    CHECK_EQ(thrum_future_start(future), THRUM_CANCELLED);
}
static void future_is_cancelled_already(void) {
    CHECK_EQ(thrum_future_cancel(future), THRUM_OK);
}
static void future_cancel_refused(void) {
    CHECK_EQ(thrum_future_cancel(future), THRUM_STATE);
}
TEST(future_cancel) {
    learn(future_cancel);
    hand_over((hand){future_shut, future_cancel, future_is_cancelled, HAND_SPINS, future_rest});
    hand_over((hand){future_shut, future_cancel, future_start_refused, HAND_COMES_LATER, future_rest});
    hand_over((hand){future_shut, future_cancel, future_is_cancelled_already, HAND_COMES_LATER, future_rest});
    hand_over((hand){future_shut, future_set, future_cancel_refused, HAND_COMES_LATER, future_rest});
}

/* ---- callbacks: what was written before they were added, and before the future was done ---- */

static int noted, told; /* plain */
static thrum_u32 added; /* a hint */

static void callback(thrum_future *of, void *unused) {
    (void)unused;
    CHECK(of == future);
    CHECK_EQ(noted, hand_data);
    told = hand_data;
}
static void *adds_callback(void *p) {
    noted = *(int *)p;
    CHECK_EQ(thrum_future_add_callback(future, callback, NULL), THRUM_OK);
    hint(&added);
    return p;
}
TEST(future_callback) {
    for (int i = 1; i <= HAND_ROUNDS; i++) {
        future_shut();
        test_thread other = test_start(adds_callback, &i);
        await_hint(&added);
        hand_data = i;
        future_set(); /* the callback runs here */
        test_join(&other);
        CHECK_EQ(told, i);
        future_rest();
    }
}
static void add_late_callback(void) {
    CHECK_EQ(thrum_future_add_callback(future, callback, NULL), THRUM_OK);
}
static void set_noted(void) {
    noted = hand_data;
    future_set();
}
TEST(future_callback_that_comes_late) {
    hand_over((hand){future_shut, set_noted, add_late_callback, HAND_COMES_LATER, future_rest});
}

/* ---- references: the last one frees ---- */

static void *uses_and_releases(void *of) {
    CHECK_EQ(thrum_future_set_error(of, 1, "its text is from this thread"), THRUM_OK);
    thrum_future_release(of);
    hint(&added);
    return NULL;
}
static void ignore(const thrum_failure *failure) {
    (void)failure;
}
TEST(future_references) {
    (void)thrum_set_excepthook(ignore); /* nobody asks for the error */
    for (int i = 0; i < HAND_ROUNDS; i++) {
        future_shut();
        test_thread other = test_start(uses_and_releases, thrum_future_retain(future));
        await_hint(&added);
        thrum_future_release(future);
        test_join(&other);
    }
}
/* A watch that several futures end at once: the last of them frees it. */
static void *waits_for_two(void *both) {
    CHECK_EQ(thrum_future_wait(both, 2, THRUM_FIRST_COMPLETED, NULL), THRUM_OK);
    hint(&added);
    return NULL;
}
TEST(future_watch_references) {
    for (int i = 0; i < HAND_ROUNDS; i++) {
        thrum_future *both[2];
        CHECK_EQ(thrum_future_new(&both[0]), THRUM_OK);
        CHECK_EQ(thrum_future_new(&both[1]), THRUM_OK);
        test_thread other = test_start(waits_for_two, both);
        test_await_asleep(&other);
        CHECK_EQ(thrum_future_set_result(both[0], NULL), THRUM_OK);
        CHECK_EQ(thrum_future_set_result(both[1], NULL), THRUM_OK);
        test_join(&other);
        thrum_future_release(both[0]);
        thrum_future_release(both[1]);
    }
}

/* ---- executors ---- */

static thrum_executor *pool;
static thrum_u32 go, gone; /* hints */

static int copy(void *p, void **value) {
    int *const pair = p;
    pair[1] = pair[0];
    *value = &pair[1];
    return 0;
}
static void pool_shut(void) {
    CHECK_EQ(thrum_executor_new(&pool, 2, NULL), THRUM_OK);
}
static int pairs[600][2];

TEST(executor) {
    pool_shut();
    for (int i = 0; i < 20; i++) {
        void *value;
        pairs[i][0] = i;
        CHECK_EQ(thrum_executor_submit(pool, copy, pairs[i], &future), THRUM_OK);
        CHECK_EQ(thrum_future_result(future, &value), THRUM_OK);
        CHECK_EQ(*(int *)value, i);
        thrum_future_release(future);
    }
    thrum_results results;
    for (int i = 0; i < 20; i++) pairs[i][0] = -i;
    CHECK_EQ(thrum_executor_map(pool, &results, copy, pairs, 20, sizeof pairs[0], LONG), THRUM_OK);
    void *value;
    for (int i = 0; thrum_results_next(&results, &value) == THRUM_OK; i++) CHECK_EQ(*(int *)value, -i);
    thrum_results_end(&results);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    thrum_executor_release(pool);
}

static int job(void *unused, void **value) {
    (void)unused, (void)value;
    await_hint(&go);
    hand_data = noted;
    hint(&gone);
    return 0;
}
static int waits(void *unused, void **value) {
    (void)unused, (void)value;
    await_hint(&go);
    hint(&gone);
    return 0;
}
static void *shuts_down(void *in_time) {
    CHECK_EQ(in_time ? thrum_executor_join_until(pool, LONG)
                     : thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT),
             THRUM_OK);
    CHECK_EQ(hand_data, noted);
    return NULL;
}
/* Two wait: one joins the workers, the other hears of it. The job has no future. */
TEST(executor_shutdown) {
    for (int i = 1; i <= HAND_ROUNDS; i++) {
        pool_shut();
        noted = i;
        CHECK_EQ(thrum_executor_submit(pool, job, NULL, NULL), THRUM_OK);
        CHECK_EQ(thrum_executor_shutdown(pool, 0), THRUM_OK);
        test_thread first = test_start(shuts_down, i % 2 ? &pool : NULL),
                    second = test_start(shuts_down, NULL);
        hint(&go);
        shuts_down(NULL);
        test_join(&first);
        test_join(&second);
        thrum_executor_release(pool);
        thrum_u32_store_relaxed(&gone, 0);
    }
}
/* The last reference is given back when the workers have left; and by one of them. */
TEST(executor_references) {
    for (int i = 1; i <= HAND_ROUNDS; i++) {
        thrum_result result;
        THRUM_WITH_EXECUTOR(&pool, 2, NULL, &result) {
            noted = i;
            CHECK_EQ(thrum_executor_submit(pool, job, NULL, NULL), THRUM_OK);
            hint(&go);
        }
        CHECK_EQ(result, THRUM_OK);
        CHECK_EQ(hand_data, noted);
        thrum_u32_store_relaxed(&gone, 0);
        pool_shut();
        CHECK_EQ(thrum_executor_submit(pool, waits, NULL, NULL), THRUM_OK);
        thrum_executor_release(pool);
        hint(&go);
        await_hint(&gone);
    }
}

static void note_dropped(void *item, void *unused) {
    (void)unused;
    told = *(int *)item;
}
static thrum_u32 held; /* a hint */
static int holds(void *unused, void **value) {
    (void)unused, (void)value;
    hint(&held);
    await_hint(&go);
    return 0;
}
static const thrum_executor_config dropping = {.drop = note_dropped};
static void dropping_shut(void) {
    CHECK_EQ(thrum_executor_new(&pool, 1, &dropping), THRUM_OK);
    CHECK_EQ(thrum_executor_submit(pool, holds, NULL, NULL), THRUM_OK);
    await_hint(&held);
}
static void dropping_submits(void) {
    CHECK_EQ(thrum_executor_submit(pool, copy, &hand_data, NULL), THRUM_OK);
}
static void dropping_drops(void) {
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_CANCEL_PENDING), THRUM_OK);
    CHECK_EQ(told, hand_data);
}
static void dropping_rest(void) {
    hint(&go);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    thrum_executor_release(pool);
}
TEST(executor_drop) {
    hand_over((hand){dropping_shut, dropping_submits, dropping_drops, HAND_COMES_LATER, dropping_rest});
}

/*
 * Memory for jobs goes from the threads that submit to those that work. This thread makes a block of it for
 * one job; the other one fills it, and the next two; then the worker gives the first of the three back.
 */
enum { BLOCK = 128 };
static int no_job(void *unused, void **value) {
    (void)unused, (void)value;
    return 0;
}
static void submit(int count, thrum_job *what) {
    for (int i = 0; i < count; i++) CHECK_EQ(thrum_executor_submit(pool, what, NULL, NULL), THRUM_OK);
}
static thrum_u32 next_turn; /* a hint */
static void *submits_the_rest(void *unused) {
    await_hint(&next_turn);
    submit(BLOCK - 1 + BLOCK + 1, no_job);
    hint(&go);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    return unused;
}
TEST(executor_memory) {
    for (int i = 0; i < HAND_ROUNDS; i++) {
        CHECK_EQ(thrum_executor_new(&pool, 1, NULL), THRUM_OK);
        submit(1, holds);
        await_hint(&held);
        submit(BLOCK - 1, no_job);
        test_thread other = test_start(submits_the_rest, NULL);
        submit(1, no_job);
        hint(&next_turn);
        test_join(&other);
        thrum_executor_release(pool);
    }
}

/* Workers that one thread has started are freed by another. */
static thrum_u32 second_goes;
static int holds_too(void *unused, void **value) {
    (void)unused, (void)value;
    hint(&held);
    await_hint(&second_goes);
    return 0;
}
static void *starts_a_worker(void *unused) {
    await_hint(&next_turn);
    submit(1, holds_too);
    await_hint(&held);
    thrum_executor_release(pool);
    hint(&second_goes);
    hint(&gone);
    return unused;
}
TEST(executor_last_worker) {
    for (int i = 0; i < HAND_ROUNDS; i++) {
        pool_shut();
        submit(1, holds);
        await_hint(&held);
        thrum_executor *const mine = thrum_executor_retain(pool);
        test_thread other = test_start(starts_a_worker, NULL);
        hint(&next_turn);
        await_hint(&gone);
        CHECK_EQ(thrum_executor_shutdown(mine, 0), THRUM_OK);
        YIELD_UNTIL(thrum_executor_workers(mine) == 1);
        thrum_executor_release(mine);
        hint(&go); /* the first worker is the last to leave */
        test_join(&other);
    }
}
