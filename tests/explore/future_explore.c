/* SPDX-License-Identifier: MIT */
/*
 * The future: one alone finishes or cancels it, each thread that must be told is told once and sees what
 * was written before, and a wait for several leaves nothing behind.
 */
#include "explore.h"

#include "future_inside.h"

enum { FUTURES = 2, TURNS = 4 };

static struct {
    thrum_future futures[FUTURES];
    int page[FUTURES];                              /* plain: written before the result is set */
    int told[TURNS];                                /* a callback's number of calls */
    unsigned finished[FUTURES], cancelled[FUTURES]; /* each of one thread */
    thrum_result heard[TURNS];
} s;

static void begin(void) {
    for (int i = 0; i < FUTURES; i++) {
        thrum_u32_store_relaxed(&s.futures[i].references, 1);
        s.futures[i].last_call = &s.futures[i].calls;
        explore_name(&s.futures[i].state, 4, i ? "another's state" : "state");
        explore_name(&s.futures[i].done, 4, i ? "another's done" : "done");
        explore_name(&s.futures[i].lock, 4, i ? "another's lock" : "lock");
    }
}

static void set(unsigned number) {
    s.page[number] = 1;
    if (thrum_future_set_result(&s.futures[number], &s.page[number]) == THRUM_OK) s.finished[number]++;
}

static void run(unsigned number) {
    const thrum_result result = thrum_future_start(&s.futures[number]);
    REQUIRE(result == THRUM_OK || result == THRUM_CANCELLED);
    if (result == THRUM_OK) set(number);
}

static void cancel(unsigned number) {
    const thrum_result result = thrum_future_cancel(&s.futures[number]);
    REQUIRE(result == THRUM_OK || result == THRUM_STATE);
    if (result == THRUM_OK) s.cancelled[number]++;
}

static void hear(thrum_result result, const void *value, unsigned number) {
    REQUIRE(result == THRUM_OK || result == THRUM_CANCELLED);
    if (result == THRUM_OK) REQUIRE(value == &s.page[number] && s.page[number] == 1);
}

static void ask(unsigned number) {
    void *value = NULL;
    const thrum_result result = thrum_future_result(&s.futures[number], &value);
    hear(result, value, number);
}

static void ask_for_a_while(unsigned number) {
    void *value = NULL;
    const thrum_result result = thrum_future_result_until(&s.futures[number], &value, EXPLORE_SOON);
    if (result != THRUM_TIMEOUT) hear(result, value, number);
}

/* ---- the result ---- */

static void one_sets_two_ask(unsigned me) {
    if (me == 0)
        run(0);
    else if (me == 1)
        ask(0);
    else
        ask_for_a_while(0);
}
EXPLORE(a_thread_that_asks_sees_what_was_written_before, .threads = 3, .begin = begin,
        .thread = one_sets_two_ask, .bounds = {2, 1, 1, 0})

static void look(unsigned number) {
    if (thrum_future_done(&s.futures[number])) REQUIRE(s.page[number] == 1);
}
static void one_sets_two_look(unsigned me) {
    if (me == 0) {
        set(0);
    } else {
        look(0);
        look(0);
    }
}
EXPLORE(a_thread_that_finds_it_done_sees_what_was_written_before, .threads = 3, .begin = begin,
        .thread = one_sets_two_look, .bounds = {2, 1, 0, 0})

static void one_sets_one_looks_at_the_state(unsigned me) {
    if (me == 0)
        set(0);
    else if (thrum_future_state_of(&s.futures[0]) == THRUM_FUTURE_FINISHED)
        REQUIRE(s.page[0] == 1);
}
EXPLORE(a_thread_that_finds_it_finished_sees_what_was_written_before, .threads = 2, .begin = begin,
        .thread = one_sets_one_looks_at_the_state, .bounds = {2, 1, 0, 0})

/* The event is set a moment after the state says that it is done. */
static void one_sets_one_tries_when_it_is_done(unsigned me) {
    if (me == 0) {
        set(0);
    } else if (thrum_future_done(&s.futures[0])) {
        void *value = NULL;
        const thrum_result result = thrum_future_try_result(&s.futures[0], &value);
        hear(result, value, 0);
    }
}
EXPLORE(what_is_done_can_be_had_at_once, .threads = 2, .begin = begin,
        .thread = one_sets_one_tries_when_it_is_done, .bounds = {2, 1, 0, 0})

/* The page here is written by the canceller. */
static void one_cancels_what_others_start_or_look_at(unsigned me) {
    if (me == 0) {
        s.page[0] = 1;
        cancel(0);
    } else if (me == 1) {
        if (thrum_future_start(&s.futures[0]) == THRUM_CANCELLED) REQUIRE(s.page[0] == 1);
    } else if (thrum_future_cancelled(&s.futures[0])) {
        REQUIRE(s.page[0] == 1);
    }
}
EXPLORE(a_thread_that_finds_it_cancelled_sees_what_was_written_before, .threads = 3, .begin = begin,
        .thread = one_cancels_what_others_start_or_look_at, .bounds = {2, 1, 0, 0})

static void one_runs_one_cancels_one_asks(unsigned me) {
    if (me == 0)
        run(0);
    else if (me == 1)
        cancel(0);
    else
        ask(0);
}
static void one_of_both(void) {
    REQUIRE(s.finished[0] + s.cancelled[0] == 1);
    REQUIRE(thrum_future_cancelled(&s.futures[0]) == (s.cancelled[0] == 1));
}
EXPLORE(one_alone_finishes_or_cancels_it, .threads = 3, .begin = begin,
        .thread = one_runs_one_cancels_one_asks, .end = one_of_both, .bounds = {2, 1, 0, 0})

static void its_page_is_written(void) {
    begin();
    s.page[0] = 1;
}
static void set_again(unsigned me) {
    if (me < 2)
        s.heard[me] = thrum_future_set_result(&s.futures[0], &s.page[0]);
    else
        ask(0);
}
static void one_has_set(void) {
    REQUIRE((s.heard[0] == THRUM_OK) + (s.heard[1] == THRUM_OK) == 1);
}
EXPLORE(a_second_set_is_refused, .threads = 3, .begin = its_page_is_written, .thread = set_again,
        .end = one_has_set, .bounds = {2, 1, 0, 0})

/* ---- callbacks ---- */

static void note(thrum_future *future, void *turn) {
    REQUIRE(thrum_future_done(future));
    if (!thrum_future_cancelled(future)) REQUIRE(s.page[0] == 1);
    ++*(int *)turn;
}
static void one_runs_others_add(unsigned me) {
    if (me == 0)
        run(0);
    else
        REQUIRE(thrum_future_add_callback(&s.futures[0], note, &s.told[me]) == THRUM_OK);
}
static void each_was_called_once(void) {
    REQUIRE(s.told[1] == 1 && s.told[2] == 1);
}
EXPLORE(a_callback_runs_once_whenever_it_is_added, .threads = 3, .begin = begin,
        .thread = one_runs_others_add, .end = each_was_called_once, .bounds = {2, 1, 0, 0})

static void one_cancels_others_add(unsigned me) {
    if (me == 0)
        cancel(0);
    else
        REQUIRE(thrum_future_add_callback(&s.futures[0], note, &s.told[me]) == THRUM_OK);
}
EXPLORE(a_cancel_calls_back_once, .threads = 3, .begin = begin, .thread = one_cancels_others_add,
        .end = each_was_called_once, .bounds = {2, 1, 0, 0})

/* One that is never done. */
static void add_and_release(unsigned me) {
    thrum_future *future;
    REQUIRE(thrum_future_new(&future) == THRUM_OK);
    for (int i = 0; i < 3; i++) REQUIRE(thrum_future_add_callback(future, note, &s.told[me]) == THRUM_OK);
    thrum_future_release(future);
    REQUIRE(explore_blocks() == 0 && s.told[me] == 0);
}
EXPLORE(the_callbacks_of_one_that_is_never_done_are_freed_with_it, .threads = 1, .begin = begin,
        .thread = add_and_release, .by_priority = 100, .at_random = 100)

/* ---- several ---- */

static thrum_future *const both[] = {&s.futures[0], &s.futures[1]};

static void all_are_done(thrum_future_when when, thrum_deadline deadline) {
    bool done[2];
    const thrum_result result = thrum_future_wait_until(both, 2, when, done, deadline);
    if (result == THRUM_OK && when == THRUM_ALL_COMPLETED) REQUIRE(done[0] && done[1]);
    if (result == THRUM_OK && when == THRUM_FIRST_COMPLETED) REQUIRE(done[0] || done[1]);
    for (unsigned i = 0; i < 2; i++)
        if (done[i]) REQUIRE(thrum_future_cancelled(both[i]) || s.page[i] == 1);
}

static void nobody_is_listed(void) {
    for (int i = 0; i < FUTURES; i++) REQUIRE(s.futures[i].nodes == NULL);
}

static void one_waits_for_all(unsigned me) {
    if (me < 2)
        run(me);
    else
        all_are_done(THRUM_ALL_COMPLETED, THRUM_FOREVER);
}
EXPLORE(a_wait_for_all_ends_with_the_last, .threads = 3, .begin = begin, .thread = one_waits_for_all,
        .end = nobody_is_listed, .bounds = {2, 1, 0, 0})

static void one_waits_for_the_first(unsigned me) {
    if (me < 2)
        run(me);
    else
        all_are_done(THRUM_FIRST_COMPLETED, THRUM_FOREVER);
}
EXPLORE(a_wait_for_the_first_ends_with_one_and_is_unlisted, .threads = 3, .begin = begin,
        .thread = one_waits_for_the_first, .end = nobody_is_listed, .bounds = {2, 0, 0, 0})

static void one_waits_for_a_while(unsigned me) {
    if (me == 0)
        run(0);
    else if (me == 1)
        cancel(1);
    else
        all_are_done(THRUM_ALL_COMPLETED, EXPLORE_SOON);
}
EXPLORE(a_wait_that_times_out_leaves_nothing_behind, .threads = 3, .begin = begin,
        .thread = one_waits_for_a_while, .end = nobody_is_listed, .bounds = {2, 0, 1, 0})

static void one_takes_them_as_completed(unsigned me) {
    if (me < 2) {
        run(me);
        return;
    }
    thrum_as_completed completed;
    REQUIRE(thrum_as_completed_init(&completed, both, 2, THRUM_FOREVER) == THRUM_OK);
    thrum_future *first = NULL, *second = NULL, *none = NULL;
    REQUIRE(thrum_as_completed_next(&completed, &first) == THRUM_OK);
    REQUIRE(s.page[first - s.futures] == 1);
    REQUIRE(thrum_as_completed_next(&completed, &second) == THRUM_OK);
    REQUIRE(first != second && s.page[second - s.futures] == 1);
    REQUIRE(thrum_as_completed_next(&completed, &none) == THRUM_EMPTY);
    thrum_as_completed_destroy(&completed);
}
EXPLORE(as_completed_gives_each_once, .threads = 3, .begin = begin, .thread = one_takes_them_as_completed,
        .end = nobody_is_listed, .bounds = {1, 0, 0, 0})

/* More than the explorer's memory holds. */
static void wait_for_very_many(unsigned me) {
    static thrum_future *many[1000];
    static bool done[1000];
    for (int i = 0; i < 1000; i++) many[i] = &s.futures[i % 2];
    set(me);
    REQUIRE(thrum_future_wait(many, 1000, THRUM_FIRST_COMPLETED, done) == THRUM_NO_MEMORY);
    for (unsigned i = 0; i < 1000; i++) REQUIRE(done[i] == (i % 2 == me));
}
EXPLORE(a_wait_without_memory_says_who_is_done_all_the_same, .threads = 1, .begin = begin,
        .thread = wait_for_very_many, .by_priority = 100, .at_random = 100)

static void one_leaves_early(unsigned me) {
    if (me < 2) {
        run(me);
        return;
    }
    thrum_as_completed completed;
    REQUIRE(thrum_as_completed_init(&completed, both, 2, THRUM_FOREVER) == THRUM_OK);
    thrum_future *first = NULL;
    REQUIRE(thrum_as_completed_next(&completed, &first) == THRUM_OK);
    thrum_as_completed_destroy(&completed);
}
EXPLORE(a_waiter_that_leaves_early_is_unlisted, .threads = 3, .begin = begin, .thread = one_leaves_early,
        .end = nobody_is_listed, .bounds = {2, 0, 0, 0})

/* ---- references ---- */

static thrum_future *shared;

static void two_references(void) {
    REQUIRE(thrum_future_new(&shared) == THRUM_OK);
    (void)thrum_future_retain(shared);
}
/* The last one frees it, whichever that is; what is freed is poisoned. */
static void one_sets_both_release(unsigned me) {
    void *value;
    if (me == 0)
        REQUIRE(thrum_future_set_result(shared, &s.page[0]) == THRUM_OK);
    else
        (void)!thrum_future_result_until(shared, &value, EXPLORE_SOON);
    thrum_future_release(shared);
}
EXPLORE(nobody_touches_it_after_its_last_reference, .threads = 2, .begin = two_references,
        .thread = one_sets_both_release, .bounds = {3, 1, 1, 0})
