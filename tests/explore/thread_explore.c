/* SPDX-License-Identifier: MIT */
/*
 * Thread objects: started, seen, joined and released by several at once. What is leaked or touched after its
 * end fails the execution: the records lie in the explored heap.
 *
 * explore: also registry
 */
#include "explore.h"

#include "../../src/thread/record.h"

#include <thrum.h>

static struct {
    thrum_thread *thread;
    thrum_thread embedded;
    int argument, seen;
    thrum_u32 joined;
    thrum_u64 ident;
    uint64_t found;
    thrum_event let_go;
    int destroyed;
} s;

static void *target(void *argument) {
    *(int *)argument += 1;
    return argument;
}

static void start_one(void) {
    const thrum_thread_config config = {.target = target, .argument = &s.argument, .name = "one"};
    REQUIRE(thrum_thread_spawn(&s.thread, &config) == THRUM_OK);
}

static void join(thrum_thread *thread) {
    void *value = NULL;
    REQUIRE(thrum_thread_join(thread, &value) == THRUM_OK);
    REQUIRE(value == &s.argument && s.argument == 1); /* plain: ordered by the join */
    REQUIRE(!thrum_thread_is_alive(thread));
}

static void helper(void) {
    REQUIRE(thrum_rcu_prepare() == THRUM_OK);
}

static void nothing_is_left(void) {
    REQUIRE(explore_blocks() == 0);
}

/* --- start, join, release ------------------------------------------------------------------------- */

static void start_and_join(unsigned me) {
    (void)me;
    start_one();
    join(s.thread);
    thrum_thread_release(s.thread);
}
EXPLORE(a_join_returns_what_the_target_did, .threads = 1, .startable = 2, .begin = helper,
        .thread = start_and_join, .end = nothing_is_left, .bounds = {2, 1, 0, 0})

static void start_and_release(unsigned me) {
    (void)me;
    start_one();
    thrum_thread_release(s.thread);
}
EXPLORE(a_released_thread_goes_on_alone, .threads = 1, .startable = 2, .begin = helper,
        .thread = start_and_release, .end = nothing_is_left, .bounds = {2, 1, 0, 0})

static void start_early(void) {
    helper();
    start_one();
}

/* Two handles: both find the other's, or the thread has left, or leaves between them. */
static void start_and_retain(void) {
    start_early();
    (void)thrum_thread_retain(s.thread);
}
static void release_one(unsigned me) {
    (void)me;
    thrum_thread_release(s.thread);
}
EXPLORE(of_two_releases_one_detaches, .threads = 2, .startable = 2, .begin = start_and_retain,
        .thread = release_one, .end = nothing_is_left, .bounds = {2, 1, 0, 0})

/* The last release need not be ordered after the start by anything but the references. */
static void make_and_retain(void) {
    helper();
    const thrum_thread_config config = {.target = target, .argument = &s.argument};
    REQUIRE(thrum_thread_new(&s.thread, &config) == THRUM_OK);
    (void)thrum_thread_retain(s.thread);
}
static void start_or_release(unsigned me) {
    if (me == 0) REQUIRE(thrum_thread_start(s.thread) == THRUM_OK);
    thrum_thread_release(s.thread);
}
EXPLORE(what_another_starts_can_be_released, .threads = 2, .startable = 2, .begin = make_and_retain,
        .thread = start_or_release, .end = nothing_is_left, .bounds = {2, 1, 0, 0})

/* A handle from the table, which may come when the thread has been detached. */
static void start_and_note(void) {
    start_early();
    s.found = thrum_thread_ident(s.thread);
}
static void release_or_find_and_join(unsigned me) {
    if (me == 1) {
        thrum_thread *const found = thrum_thread_by_ident(s.found);
        if (!found) return;
        for (int i = 0; i < 2; i++) join(found);
        thrum_thread_release(found);
    } else {
        thrum_thread_release(s.thread);
    }
}
EXPLORE(a_thread_found_as_it_is_released_can_be_joined, .threads = 2, .startable = 2, .begin = start_and_note,
        .thread = release_or_find_and_join, .end = nothing_is_left, .bounds = {2, 1, 0, 0})

static void join_it(unsigned me) {
    (void)me;
    join(s.thread);
}
static void release_at_last(void) {
    thrum_thread_release(s.thread);
    nothing_is_left();
}
EXPLORE(two_join_and_one_does_it, .threads = 2, .startable = 2, .begin = start_early, .thread = join_it,
        .end = release_at_last, .bounds = {2, 1, 0, 0})

static void join_in_time_or_for_ever(unsigned me) {
    if (me == 0) {
        join(s.thread);
        return;
    }
    const thrum_result result = thrum_thread_join_until(s.thread, NULL, EXPLORE_SOON);
    if (result == THRUM_OK)
        REQUIRE(s.argument == 1);
    else
        REQUIRE(result == THRUM_TIMEOUT);
}
EXPLORE(a_timed_join_beside_one_for_ever, .threads = 2, .startable = 2, .begin = start_early,
        .thread = join_in_time_or_for_ever, .end = release_at_last, .bounds = {1, 1, 1, 0})

static void start_embedded_and_free(unsigned me) {
    (void)me;
    const thrum_thread_config config = {.target = target, .argument = &s.argument};
    REQUIRE(thrum_thread_init(&s.embedded, &config) == THRUM_OK);
    REQUIRE(thrum_thread_start(&s.embedded) == THRUM_OK);
    join(&s.embedded);
    thrum_thread_release(&s.embedded);
    explore_free(&s.embedded, sizeof s.embedded);
}
EXPLORE(an_embedded_one_is_the_callers_after_the_join, .threads = 1, .startable = 2, .begin = helper,
        .thread = start_embedded_and_free, .end = nothing_is_left, .bounds = {2, 1, 0, 0})

/* Another joins what a start has not returned from yet. */
static void start_or_join_and_free(unsigned me) {
    if (me == 0) {
        REQUIRE(thrum_thread_start(&s.embedded) == THRUM_OK);
        return;
    }
    while (thrum_thread_join(&s.embedded, NULL) == THRUM_NOT_STARTED) thrum_futex_yield();
    REQUIRE(s.argument == 1);
    thrum_thread_release(&s.embedded);
    explore_free(&s.embedded.record_, sizeof s.embedded.record_);
}
static void init_embedded(void) {
    helper();
    const thrum_thread_config config = {.target = target, .argument = &s.argument};
    REQUIRE(thrum_thread_init(&s.embedded, &config) == THRUM_OK);
}
EXPLORE(a_start_touches_no_handle_that_a_joiner_has_freed, .threads = 2, .startable = 2,
        .begin = init_embedded, .thread = start_or_join_and_free, .end = nothing_is_left,
        .bounds = {2, 1, 0, 0})

/* In a forked child, and made by the parent: the start makes it the child's. */
static void init_in_the_parent(void) {
    init_embedded();
    thrum_process_number_++;
}
EXPLORE(what_the_parent_made_is_started_and_joined, .threads = 2, .startable = 2, .begin = init_in_the_parent,
        .thread = start_or_join_and_free, .end = nothing_is_left, .bounds = {2, 1, 0, 0})

/* --- joins amid destructors ------------------------------------------------------------------------- */

static void end_when_let_go(void *value, void *unused) {
    (void)unused;
    thrum_event_wait(&s.let_go);
    s.destroyed += *(int *)value;
}
static thrum_local slow = THRUM_LOCAL_INIT(sizeof(int), NULL, end_when_let_go, NULL);

static void *target_with_value(void *argument) {
    int *const value = thrum_local_get(&slow);
    REQUIRE(value);
    *value = 1;
    return target(argument);
}
static void start_with_value(void) {
    helper();
    const thrum_thread_config config = {
        .target = target_with_value, .argument = &s.argument, .daemon = THRUM_DAEMON_NO};
    REQUIRE(thrum_thread_init(&s.embedded, &config) == THRUM_OK);
    REQUIRE(thrum_thread_start(&s.embedded) == THRUM_OK);
}
static void join_in_time_then_for_ever(unsigned me) {
    (void)me;
    REQUIRE(thrum_thread_join_until(&s.embedded, NULL, EXPLORE_SOON) == THRUM_TIMEOUT);
    REQUIRE(s.destroyed == 0); /* plain: nobody has released it */
    thrum_event_set(&s.let_go);
    join(&s.embedded);
    REQUIRE(s.destroyed == 1); /* plain: ordered by the join */
}
static void release_all(void) {
    thrum_thread_release(&s.embedded);
    REQUIRE(explore_blocks() == 1); /* the locals' table */
}
EXPLORE(a_timed_join_keeps_its_deadline_amid_destructors, .threads = 1, .startable = 2,
        .begin = start_with_value, .thread = join_in_time_then_for_ever, .end = release_all,
        .bounds = {1, 1, 1, 0})

static void let_go_and_join_in_time(unsigned me) {
    (void)me;
    thrum_event_set(&s.let_go);
    const thrum_result result = thrum_thread_join_until(&s.embedded, NULL, EXPLORE_SOON);
    if (result == THRUM_OK)
        REQUIRE(s.destroyed == 1); /* plain: ordered by the join */
    else
        REQUIRE(result == THRUM_TIMEOUT);
}
static void join_and_release_all(void) {
    join(&s.embedded);
    release_all();
}
EXPLORE(a_timed_join_comes_after_the_destructors, .threads = 1, .startable = 2, .begin = start_with_value,
        .thread = let_go_and_join_in_time, .end = join_and_release_all, .bounds = {1, 1, 1, 0})

static void let_go_and_shut_down(unsigned me) {
    (void)me;
    thrum_event_set(&s.let_go);
    thrum_shutdown();
    REQUIRE(s.destroyed == 1); /* plain: it has waited */
}
EXPLORE(a_shutdown_waits_for_destructors, .threads = 1, .startable = 2, .begin = start_with_value,
        .thread = let_go_and_shut_down, .end = release_all, .bounds = {2, 1, 0, 0})

/* --- starts that are refused, twice, and late ------------------------------------------------------ */

static void start_refused_then_again(unsigned me) {
    (void)me;
    REQUIRE(thrum_thread_start(&s.embedded) == THRUM_NO_THREAD);
    REQUIRE(thrum_thread_join(&s.embedded, NULL) == THRUM_NOT_STARTED);
    REQUIRE(thrum_thread_start(&s.embedded) == THRUM_OK);
    join(&s.embedded);
    thrum_thread_release(&s.embedded);
}
EXPLORE(a_refused_start_can_be_made_again, .threads = 1, .startable = 2, .refused_starts = 1u << 1,
        .begin = init_embedded, .thread = start_refused_then_again, .end = nothing_is_left,
        .bounds = {1, 1, 1, 1})

/* The ident of the start that was refused is nobody's. */
static void start_twice_or_ask(unsigned me) {
    if (me == 0) {
        REQUIRE(thrum_thread_start(&s.embedded) == THRUM_NO_THREAD);
        REQUIRE(thrum_thread_start(&s.embedded) == THRUM_OK);
        return;
    }
    thrum_u64_store_relaxed(&s.ident, thrum_thread_ident(&s.embedded));
}
static void release_it(void) {
    thrum_thread_release(&s.embedded);
    nothing_is_left();
}
static void join_and_release(void) {
    join(&s.embedded);
    release_it();
}
static void ident_was_none_or_the_last(void) {
    const uint64_t seen = thrum_u64_load_relaxed(&s.ident);
    REQUIRE(seen == 0 || seen == thrum_thread_ident(&s.embedded));
    join_and_release();
}
EXPLORE(a_refused_start_leaves_no_ident, .threads = 2, .startable = 2, .refused_starts = 1u << 1,
        .begin = init_embedded, .thread = start_twice_or_ask, .end = ident_was_none_or_the_last,
        .bounds = {2, 1, 0, 0})

static void start_once(unsigned me) {
    (void)me;
    const thrum_result result = thrum_thread_start(&s.embedded);
    if (result == THRUM_OK)
        thrum_u32_fetch_add_relaxed(&s.joined, 1);
    else
        REQUIRE(result == THRUM_ALREADY_STARTED);
}
static void one_started_it(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.joined) == 1);
    join_and_release();
}
EXPLORE(of_two_starts_one_is_refused, .threads = 2, .startable = 2, .begin = init_embedded,
        .thread = start_once, .end = one_started_it, .bounds = {2, 1, 0, 0})

/* --- failing ----------------------------------------------------------------------------------------- */

/* In the place of the room hooks. */
void thrum_hooks_describe_(thrum_failing_ *failing, int code, const char *format, ...) {
    (void)format;
    failing->failed = true;
    failing->code = code;
}
static thrum_result fail(thrum_thread *unused) {
    (void)unused;
    return THRUM_LIMIT;
}
static void start_failing(void) {
    helper();
    const thrum_thread_config config = {.run = fail};
    REQUIRE(thrum_thread_init(&s.embedded, &config) == THRUM_OK);
    REQUIRE(thrum_thread_start(&s.embedded) == THRUM_OK);
}
static void ask_whether_it_failed(unsigned me) {
    (void)me;
    int code = 0;
    for (int asked = 0; asked < 2; asked++)
        if (thrum_thread_failed(&s.embedded, &code)) REQUIRE(code == THRUM_LIMIT);
}
static void it_has_failed(void) {
    REQUIRE(thrum_thread_failed(&s.embedded, NULL));
    REQUIRE(thrum_thread_join(&s.embedded, NULL) == THRUM_OK);
    release_it();
}
EXPLORE(a_failure_is_whole_when_it_is_seen, .threads = 1, .startable = 2, .begin = start_failing,
        .thread = ask_whether_it_failed, .end = it_has_failed, .bounds = {2, 1, 0, 0})

/* --- the process's end ----------------------------------------------------------------------------- */

static void start_or_shut_down(unsigned me) {
    if (me == 1) {
        thrum_shutdown();
        s.seen = s.argument; /* plain: nobody has been let start who would write it now */
        return;
    }
    const thrum_result result = thrum_thread_start(&s.embedded);
    REQUIRE(result == THRUM_OK || result == THRUM_FINALIZING);
    thrum_u32_store_relaxed(&s.joined, result == THRUM_OK);
}
static void whoever_started_has_ended(void) {
    REQUIRE(s.argument == (int)thrum_u32_load_relaxed(&s.joined) && s.seen == s.argument);
    thrum_thread_release(&s.embedded);
}
static void init_one_that_counts(void) {
    helper();
    const thrum_thread_config config = {.target = target, .argument = &s.argument, .daemon = THRUM_DAEMON_NO};
    REQUIRE(thrum_thread_init(&s.embedded, &config) == THRUM_OK);
}
EXPLORE(a_shutdown_waits_for_the_threads_that_it_lets_start, .threads = 2, .startable = 2,
        .begin = init_one_that_counts, .thread = start_or_shut_down, .end = whoever_started_has_ended,
        .bounds = {2, 0, 0, 0})

static void shut_down(unsigned me) {
    (void)me;
    thrum_shutdown();
    REQUIRE(s.argument == 1); /* plain: it has waited */
}
static void start_one_that_counts(void) {
    init_one_that_counts();
    REQUIRE(thrum_thread_start(&s.embedded) == THRUM_OK);
}
EXPLORE(two_shutdowns_both_wait, .threads = 2, .startable = 2, .begin = start_one_that_counts,
        .thread = shut_down, .end = release_it, .bounds = {1, 0, 0, 0})

static void *target_of_two(void *unused) {
    thrum_u32_fetch_add_relaxed(&s.joined, 1);
    return unused;
}
static void start_two(void) {
    helper();
    const thrum_thread_config config = {.target = target_of_two, .daemon = THRUM_DAEMON_NO};
    for (int i = 0; i < 2; i++) REQUIRE(thrum_thread_spawn(NULL, &config) == THRUM_OK);
}
static void shut_down_both(unsigned me) {
    (void)me;
    thrum_shutdown();
    REQUIRE(thrum_u32_load_relaxed(&s.joined) == 2);
}
EXPLORE(a_shutdown_waits_for_all, .threads = 1, .startable = 3, .begin = start_two, .thread = shut_down_both,
        .end = nothing_is_left, .bounds = {1, 0, 0, 0})

static void start_one_behind_a_daemon(void) {
    start_one_that_counts();
    const thrum_thread_config config = {.target = target_of_two, .daemon = THRUM_DAEMON_YES};
    REQUIRE(thrum_thread_spawn(NULL, &config) == THRUM_OK); /* listed before the other */
}
EXPLORE(a_shutdown_finds_the_thread_that_it_waits_for_behind_a_daemon, .threads = 1, .startable = 3,
        .begin = start_one_behind_a_daemon, .thread = shut_down, .end = release_it, .bounds = {1, 0, 0, 0})
