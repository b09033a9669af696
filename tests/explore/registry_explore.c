/* SPDX-License-Identifier: MIT */
/*
 * A thread that looks at the registry sees threads that live, and keeps what it sees, while threads start,
 * end and are released; read sections are liburcu.c's.
 *
 * explore: also thread
 */
#include "explore.h"

#include "../../src/thread/prepare.h"
#include "../../src/thread/record.h"

#include <thrum.h>

static struct {
    thrum_thread *thread;
    thrum_thread embedded;
    thrum_u32 ran;
    thrum_u64 ident;
} s;

static void *target(void *unused) {
    thrum_u32_fetch_add_relaxed(&s.ran, 1);
    return unused;
}

static const thrum_thread_config config = {.target = target, .argument = &s, .name = "one"};

static void helper(void) {
    REQUIRE(thrum_rcu_prepare() == THRUM_OK);
}

static void start_early(void) {
    helper();
    REQUIRE(thrum_thread_spawn(&s.thread, &config) == THRUM_OK);
    thrum_u64_store_relaxed(&s.ident, thrum_thread_ident(s.thread));
}

static void nothing_is_left(void) {
    REQUIRE(explore_blocks() == 0);
    REQUIRE(thrum_active_count() == 1);
}

static void join_and_release(void) {
    void *value = NULL;
    REQUIRE(thrum_thread_join(s.thread, &value) == THRUM_OK && value == &s);
    thrum_thread_release(s.thread);
}

/* What may be asked of a thread that was found, however much later. */
static void check_found(thrum_thread *found) {
    REQUIRE(found->record_->name.text[0] == 'o'); /* plain: written before it was listed */
    REQUIRE(thrum_thread_ident(found) == thrum_u64_load_relaxed(&found->record_->ident));
    REQUIRE(thrum_thread_join(found, NULL) == THRUM_OK);
    REQUIRE(thrum_u32_load_relaxed(&s.ran) == 1);
    thrum_thread_release(found);
}

/* --- one that is found -------------------------------------------------------------------------------- */

static void let_go_or_find(unsigned me) {
    if (me == 0) {
        join_and_release();
        return;
    }
    thrum_thread *const found = thrum_thread_by_ident(thrum_u64_load_relaxed(&s.ident));
    if (found) check_found(found);
}
EXPLORE(a_found_thread_stays_while_it_is_held, .threads = 2, .startable = 2, .begin = start_early,
        .thread = let_go_or_find, .end = nothing_is_left, .bounds = {2, 1, 0, 0})

static void start_or_find(unsigned me) {
    if (me == 0) {
        REQUIRE(thrum_thread_spawn(&s.thread, &config) == THRUM_OK);
        thrum_u64_store_relaxed(&s.ident, thrum_thread_ident(s.thread));
        join_and_release();
        return;
    }
    thrum_thread *const found = thrum_thread_by_ident(2); /* the first is 1 */
    if (found) check_found(found);
}
EXPLORE(a_thread_found_while_it_starts_is_whole, .threads = 2, .startable = 2, .begin = helper,
        .thread = start_or_find, .end = nothing_is_left, .bounds = {2, 1, 0, 0})

/* --- all that there are --------------------------------------------------------------------------------- */

static void start_or_enumerate(unsigned me) {
    if (me == 0) {
        REQUIRE(thrum_thread_spawn(&s.thread, &config) == THRUM_OK);
        join_and_release();
        return;
    }
    thrum_thread **threads;
    size_t count;
    REQUIRE(thrum_enumerate(&threads, &count) == THRUM_OK);
    REQUIRE(count == 1 || count == 2);
    REQUIRE(threads[0] == thrum_main_thread()); /* always there; the least ident comes first */
    if (count == 2) REQUIRE(threads[1]->record_->name.text[0] == 'o');
    thrum_enumerate_release(threads, count);
}
EXPLORE(an_enumeration_holds_main_and_the_living, .threads = 2, .startable = 2, .begin = helper,
        .thread = start_or_enumerate, .end = nothing_is_left, .bounds = {2, 1, 0, 0})

static void start_two_or_count(unsigned me) {
    if (me < 2) {
        thrum_thread *thread;
        REQUIRE(thrum_thread_spawn(&thread, &config) == THRUM_OK);
        REQUIRE(thrum_thread_join(thread, NULL) == THRUM_OK);
        thrum_thread_release(thread);
        return;
    }
    const size_t count = thrum_active_count();
    REQUIRE(count >= 1 && count <= 3);
}
EXPLORE(a_count_amid_two_that_come_and_go, .threads = 3, .startable = 3, .begin = helper,
        .thread = start_two_or_count, .end = nothing_is_left, .bounds = {1, 0, 0, 0})

/* --- a start that is refused ---------------------------------------------------------------------------- */

static void init_embedded(void) {
    helper();
    REQUIRE(thrum_thread_init(&s.embedded, &config) == THRUM_OK);
}
static void be_refused_or_look(unsigned me) {
    if (me == 0) {
        REQUIRE(thrum_thread_start(&s.embedded) == THRUM_NO_THREAD);
        REQUIRE(thrum_thread_start(&s.embedded) == THRUM_OK);
        REQUIRE(thrum_thread_join(&s.embedded, NULL) == THRUM_OK);
        thrum_thread_release(&s.embedded);
        return;
    }
    const size_t count = thrum_active_count();
    REQUIRE(count == 1 || count == 2);
}
EXPLORE(a_refused_start_leaves_no_reader_astray, .threads = 2, .startable = 2, .refused_starts = 1u << 1,
        .begin = init_embedded, .thread = be_refused_or_look, .end = nothing_is_left, .bounds = {2, 1, 0, 0})

/*
 * The record goes back to the head of the list: a walker that stands on it must not meet the ones before it
 * again.
 */
static void start_again_or_start_or_look(unsigned me) {
    if (me == 0) {
        while (thrum_thread_start(&s.embedded) == THRUM_NO_THREAD) {
        }
        REQUIRE(thrum_thread_join(&s.embedded, NULL) == THRUM_OK);
        thrum_thread_release(&s.embedded);
        return;
    }
    if (me == 1) {
        (void)!thrum_thread_spawn(NULL, &config); /* listed behind it or before it, or refused in its place */
        return;
    }
    thrum_thread **threads;
    size_t count;
    REQUIRE(thrum_enumerate(&threads, &count) == THRUM_OK);
    for (size_t i = 1; i < count; i++)
        REQUIRE(thrum_thread_ident(threads[i - 1]) < thrum_thread_ident(threads[i]));
    thrum_enumerate_release(threads, count);
}
EXPLORE(nobody_is_met_twice, .threads = 3, .startable = 3, .refused_starts = 1u << 2, .begin = init_embedded,
        .thread = start_again_or_start_or_look, .end = nothing_is_left, .bounds = {1, 0, 0, 0})

/* --- first uses ---------------------------------------------------------------------------------- */

static int prepared; /* plain: made once, and seen by all */
static thrum_result make_prepared(void) {
    REQUIRE(prepared++ == 0);
    return THRUM_OK;
}
static void use_first(unsigned me) {
    (void)me;
    static thrum_first_use_ use;
    REQUIRE(thrum_first_use_run_(&use, make_prepared) == THRUM_OK);
    REQUIRE(prepared == 1);
}
EXPLORE(what_a_first_use_has_made_is_there, .threads = 2, .thread = use_first, .bounds = {2, 1, 0, 1})

/* --- threads that thrum did not start --------------------------------------------------------------- */

static void be_found_or_look(unsigned me) {
    if (me == 0) {
        thrum_thread *const own = thrum_current_thread();
        REQUIRE(own && own == thrum_current_thread());
        REQUIRE(thrum_thread_daemon(own));
        thrum_u64_store_relaxed(&s.ident, thrum_thread_ident(own));
        return; /* it leaves the registry at its very end */
    }
    thrum_thread *const found = thrum_thread_by_ident(thrum_u64_load_relaxed(&s.ident));
    if (!found) return;
    REQUIRE(thrum_thread_join(found, NULL) == THRUM_STATE);
    thrum_event_wait(thrum_thread_ended(found));
    REQUIRE(!thrum_thread_is_alive(found));
    thrum_thread_release(found);
}
EXPLORE(an_alien_is_there_until_its_very_end, .threads = 2, .startable = 1, .begin = helper,
        .thread = be_found_or_look, .end = nothing_is_left, .bounds = {2, 1, 1, 0})
