/* SPDX-License-Identifier: MIT */
/*
 * The rwlock: a writer is alone, nobody is lost in the line, no trace is left, and the last holder may free
 * it.
 */
#include "explore.h"

#include <thrum/futex.h>
#include <thrum/rwlock.h>

typedef enum kind { READ, READ_TIMED, READ_TRYING, WRITE, WRITE_TIMED, WRITE_TRYING, DOWNGRADE, KINDS } kind;

static struct {
    thrum_rwlock rwlock;
    int page; /* plain: a write among reads is a race, which the explorer reports */
    unsigned kinds[EXPLORE_THREADS];
    thrum_deadline deadline; /* of the timed ones */
    bool in_time, got_in;
    thrum_u32 through;
    unsigned callers;
    thrum_result results[3];
} s;

static void name_words(void) {
    explore_name(&s.rwlock.state, sizeof s.rwlock.state, "state");
    explore_name(&s.rwlock.queue, sizeof s.rwlock.queue, "queue");
    explore_name(&s.page, sizeof s.page, "page");
    explore_name(&s.through, sizeof s.through, "through");
    s.deadline = EXPLORE_SOON;
}

static void free_without_a_trace(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.rwlock.state) == 0);
    REQUIRE(thrum_u32_load_relaxed(&s.rwlock.queue.state) == 0);
}

static bool acquire(kind how) {
    switch (how) {
    case READ:
        thrum_rwlock_acquire_read(&s.rwlock);
        return true;
    case READ_TIMED:
        return thrum_rwlock_acquire_read_until(&s.rwlock, s.deadline) == THRUM_OK;
    case READ_TRYING:
        return thrum_rwlock_try_acquire_read(&s.rwlock);
    case WRITE_TIMED:
        return thrum_rwlock_acquire_write_until(&s.rwlock, s.deadline) == THRUM_OK;
    case WRITE_TRYING:
        return thrum_rwlock_try_acquire_write(&s.rwlock);
    default:
        thrum_rwlock_acquire_write(&s.rwlock);
        return true;
    }
}

static void use_and_let_go(kind how) {
    if (how < WRITE) {
        REQUIRE(s.page % 2 == 0);
        REQUIRE(thrum_rwlock_release_read(&s.rwlock) == THRUM_OK);
        return;
    }
    s.page++;
    s.page++;
    if (how != DOWNGRADE) {
        REQUIRE(thrum_rwlock_release_write(&s.rwlock) == THRUM_OK);
        return;
    }
    const int written = s.page;
    REQUIRE(thrum_rwlock_downgrade(&s.rwlock) == THRUM_OK);
    REQUIRE(s.page == written); /* no writer in between */
    REQUIRE(thrum_rwlock_release_read(&s.rwlock) == THRUM_OK);
}

static void get_in(unsigned me) {
    if (acquire(s.kinds[me])) use_and_let_go(s.kinds[me]);
}
static void get_in_twice(unsigned me) {
    get_in(me);
    get_in(me);
}

/* --- every mix of callers ------------------------------------------------------------------------------- */

static void any_mix_of_two(void) {
    name_words();
    explore_choose_mix(s.kinds, 2, KINDS);
}
EXPLORE(every_mix_of_two, .threads = 2, .begin = any_mix_of_two, .thread = get_in_twice,
        .end = free_without_a_trace, .bounds = {2, 0, 2, 1})
EXPLORE(every_mix_of_two_with_stale_reads, .threads = 2, .begin = any_mix_of_two, .thread = get_in,
        .end = free_without_a_trace, .bounds = {3, 2, 1, 0})

static void any_mix_of_three(void) {
    name_words();
    explore_choose_mix(s.kinds, 3, KINDS);
}
EXPLORE(every_mix_of_three, .threads = 3, .begin = any_mix_of_three, .thread = get_in,
        .end = free_without_a_trace, .bounds = {2, 0, 1, 0})

/* --- those that wait ------------------------------------------------------------------------------------ */

static void a_writer_and_two_readers(void) {
    name_words();
    s.kinds[0] = WRITE;
}
EXPLORE(two_readers_and_a_writer, .threads = 3, .begin = a_writer_and_two_readers, .thread = get_in,
        .end = free_without_a_trace, .bounds = {3, 1, 1, 0})

static void two_writers_and_a_reader(void) {
    name_words();
    s.kinds[0] = s.kinds[1] = WRITE;
}
EXPLORE(two_writers_and_a_reader, .threads = 3, .begin = two_writers_and_a_reader, .thread = get_in,
        .end = free_without_a_trace, .bounds = {3, 1, 1, 0})

static void two_of_each(void) {
    name_words();
    s.kinds[0] = s.kinds[1] = WRITE;
}
EXPLORE(two_writers_and_two_readers, .threads = 4, .begin = two_of_each, .thread = get_in,
        .end = free_without_a_trace, .bounds = {2, 0, 1, 0})

/* One comes all the time; the other waits its slice, and closes the rwlock. */
static void again_and_again(unsigned me) {
    for (int i = 0; i < (me == 0 ? 4 : 1); i++) get_in(me);
}
static void readers_come_all_the_time(void) {
    name_words();
    s.kinds[1] = WRITE;
}
static void writers_come_all_the_time(void) {
    name_words();
    s.kinds[0] = WRITE;
}
EXPLORE(a_writer_closes_it_to_readers, .threads = 2, .begin = readers_come_all_the_time,
        .thread = again_and_again, .end = free_without_a_trace, .bounds = {3, 0, 4, 0})
EXPLORE(a_reader_closes_it_to_writers, .threads = 2, .begin = writers_come_all_the_time,
        .thread = again_and_again, .end = free_without_a_trace, .bounds = {3, 0, 4, 0})
/* Whose deadline lies beyond its slice gives up when it has closed the rwlock. */
static void a_timed_writer_between_readers(void) {
    name_words();
    s.kinds[1] = WRITE_TIMED;
    s.deadline.ns = EXPLORE_START_NS + 600000;
}
EXPLORE(a_writer_that_gives_up_opens_it_again, .threads = 2, .begin = a_timed_writer_between_readers,
        .thread = again_and_again, .end = free_without_a_trace, .bounds = {3, 0, 5, 0})
static void a_timed_reader_between_writers(void) {
    name_words();
    s.kinds[0] = WRITE;
    s.kinds[1] = READ_TIMED;
    s.deadline.ns = EXPLORE_START_NS + 600000;
}
EXPLORE(a_reader_that_gives_up_opens_it_again, .threads = 2, .begin = a_timed_reader_between_writers,
        .thread = again_and_again, .end = free_without_a_trace, .bounds = {3, 0, 5, 0})

/* It gives up in the moment in which the reader leaves. */
static void somebody_reads(void) {
    name_words();
    thrum_rwlock_acquire_read(&s.rwlock);
    s.deadline.ns = EXPLORE_START_NS + 600000;
}
static void leave_or_give_up(unsigned me) {
    if (me == 0)
        REQUIRE(thrum_rwlock_release_read(&s.rwlock) == THRUM_OK);
    else if (acquire(WRITE_TIMED))
        use_and_let_go(WRITE_TIMED);
}
EXPLORE(a_writer_that_gives_up_as_the_reader_leaves_opens_it, .threads = 2, .begin = somebody_reads,
        .thread = leave_or_give_up, .end = free_without_a_trace, .bounds = {4, 1, 4, 1})

static void a_writer_downgrades(void) {
    name_words();
    s.kinds[0] = DOWNGRADE;
    s.kinds[1] = explore_choose(2) ? WRITE : READ;
}
EXPLORE(a_downgrade_lets_readers_in_and_writers_not, .threads = 3, .begin = a_writer_downgrades,
        .thread = get_in, .end = free_without_a_trace, .bounds = {3, 0, 1, 0})

/* A writer that has made its write a read reads until the other has read, too. */
static void read_together(unsigned me) {
    const bool wrote = me == 0;
    if (wrote)
        thrum_rwlock_acquire_write(&s.rwlock);
    else
        thrum_rwlock_acquire_read(&s.rwlock);
    if (wrote) s.page = 2;
    if (wrote) REQUIRE(thrum_rwlock_downgrade(&s.rwlock) == THRUM_OK);
    thrum_u32_fetch_add_relaxed(&s.through, 1);
    while (wrote && thrum_u32_load_relaxed(&s.through) < 2) thrum_futex_yield();
    REQUIRE(s.page == 2 || !wrote);
    REQUIRE(thrum_rwlock_release_read(&s.rwlock) == THRUM_OK);
}
EXPLORE(a_downgrade_wakes_a_reader_that_sleeps, .threads = 2, .begin = name_words, .thread = read_together,
        .end = free_without_a_trace, .bounds = {4, 0, 2, 1})

/* --- at the deadline, and while it is closed ------------------------------------------------------------ */

/*
 * Somebody is next in line for ever. A caller that waits behind it goes in at its deadline if nothing bars it
 * any more: the write was released in time.
 */
static void one_writes_and_one_is_next(void) {
    name_words();
    s.kinds[0] = explore_choose(2) ? WRITE_TIMED : READ_TIMED;
    thrum_rwlock_acquire_write(&s.rwlock);
    thrum_lock_acquire(&s.rwlock.queue);
}
static void come_at_the_deadline(unsigned me) {
    if (me == 1) {
        REQUIRE(thrum_rwlock_release_write(&s.rwlock) == THRUM_OK);
        explore_fence_heavy(); /* no later look misses it */
        s.in_time = !thrum_deadline_passed(s.deadline);
        return;
    }
    s.got_in = acquire(s.kinds[0]);
    if (s.got_in) use_and_let_go(s.kinds[0]);
}
static void in_if_it_was_open_in_time(void) {
    REQUIRE(s.got_in || !s.in_time);
    REQUIRE(thrum_lock_release(&s.rwlock.queue) == THRUM_OK);
    free_without_a_trace();
}
EXPLORE(a_caller_whose_deadline_passes_looks_once_more, .threads = 2, .begin = one_writes_and_one_is_next,
        .thread = come_at_the_deadline, .end = in_if_it_was_open_in_time, .bounds = {3, 0, 2, 1})

/* A try to read fails at a writer alone; one to write where a candidate has closed it, or somebody is. */
static void try_to_read(unsigned me) {
    (void)me;
    for (int i = 0; i < 2; i++) {
        REQUIRE(thrum_rwlock_try_acquire_read(&s.rwlock));
        REQUIRE(thrum_rwlock_release_read(&s.rwlock) == THRUM_OK);
    }
}
EXPLORE(a_try_to_read_does_not_fail_beside_readers, .threads = 2, .begin = name_words, .thread = try_to_read,
        .end = free_without_a_trace, .bounds = {4, 1, 0, 1})

static void one_writes(void) {
    name_words();
    thrum_rwlock_acquire_write(&s.rwlock);
}
/* Thread 0 keeps what it gets; until then it parks, which changes the word. */
static void keep_it_or_try(unsigned me) {
    if (me == 0) {
        thrum_rwlock_acquire_write(&s.rwlock);
        return;
    }
    REQUIRE(thrum_rwlock_release_write(&s.rwlock) == THRUM_OK);
    if (thrum_rwlock_try_acquire_write(&s.rwlock))
        REQUIRE(thrum_rwlock_release_write(&s.rwlock) == THRUM_OK);
    else
        REQUIRE(thrum_u32_load_relaxed(&s.rwlock.state) & (THRUM_RWLOCK_WRITER_ | THRUM_RWLOCK_CLOSED_));
}
EXPLORE(a_try_to_write_does_not_fail_at_a_free_one, .threads = 2, .begin = one_writes,
        .thread = keep_it_or_try, .bounds = {3, 1, 2, 1})

/* A candidate has closed it: nobody else gets in within a millisecond, however it comes. */
static void closed_by_somebody(void) {
    name_words();
    thrum_lock_acquire(&s.rwlock.queue);
    thrum_u32_fetch_or_relaxed(&s.rwlock.state, THRUM_RWLOCK_CLOSED_);
    s.kinds[0] = explore_choose(4);
    const kind kinds[] = {READ_TIMED, READ_TRYING, WRITE_TIMED, WRITE_TRYING};
    s.kinds[0] = kinds[s.kinds[0]];
    s.kinds[1] = WRITE_TRYING;
}
static void come_in_vain(unsigned me) {
    REQUIRE(!acquire(s.kinds[me]));
}
static void closed_and_nothing_else(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.rwlock.state) == THRUM_RWLOCK_CLOSED_);
    thrum_u32_fetch_and_relaxed(&s.rwlock.state, ~(uint32_t)THRUM_RWLOCK_CLOSED_);
    REQUIRE(thrum_lock_release(&s.rwlock.queue) == THRUM_OK);
    free_without_a_trace();
}
EXPLORE(a_closed_one_is_closed_to_all_newcomers, .threads = 2, .begin = closed_by_somebody,
        .thread = come_in_vain, .end = closed_and_nothing_else, .bounds = {2, 1, 1, 1})

/*
 * A candidate that gets no processor: it holds the line, has closed the rwlock and goes on when the other has
 * been in.
 */
static void a_candidate_without_a_processor(void) {
    name_words();
    if (!thrum_lock_try_acquire(&s.rwlock.queue)) REQUIRE(false);
    thrum_u32_store_relaxed(&s.rwlock.state, THRUM_RWLOCK_CLOSED_ | THRUM_RWLOCK_PARKED_);
    s.kinds[0] = explore_choose(2) ? WRITE : READ;
}
static void the_candidate_goes_on(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.rwlock.state) == THRUM_RWLOCK_PARKED_);
    thrum_u32_fetch_and_relaxed(&s.rwlock.state, ~(uint32_t)THRUM_RWLOCK_PARKED_);
    REQUIRE(thrum_lock_release(&s.rwlock.queue) == THRUM_OK);
    free_without_a_trace();
}
EXPLORE(a_candidate_that_does_not_run_keeps_nobody_out, .threads = 1,
        .begin = a_candidate_without_a_processor, .thread = get_in, .end = the_candidate_goes_on,
        .bounds = {1, 0, 3, 1})

/* One that runs again while another overtakes it: both get in, and it has closed the rwlock again. */
static void two_wait_for_a_reader(void) {
    name_words();
    s.kinds[0] = explore_choose(2) ? WRITE : READ;
    s.kinds[1] = s.kinds[2] = explore_choose(2) ? WRITE : READ;
}
EXPLORE(a_candidate_is_overtaken_while_it_goes_on, .threads = 3, .begin = two_wait_for_a_reader,
        .thread = again_and_again, .end = free_without_a_trace, .bounds = {1, 0, 4, 0})

/* --- what is told --------------------------------------------------------------------------------------- */

static void release_nothing_beside_a_caller(unsigned me) {
    if (me == 0) {
        s.results[0] = thrum_rwlock_release_read(&s.rwlock);
        return;
    }
    if (me == 1) thrum_rwlock_acquire_write(&s.rwlock);
    if (me == 1) REQUIRE(thrum_rwlock_release_write(&s.rwlock) == THRUM_OK);
}
static void told_and_unchanged(void) {
    REQUIRE(s.results[0] == THRUM_NOT_LOCKED);
    free_without_a_trace();
}
EXPLORE(a_read_that_was_not_begun_is_told_beside_a_writer, .threads = 2, .begin = name_words,
        .thread = release_nothing_beside_a_caller, .end = told_and_unchanged, .bounds = {4, 1, 1, 1})

/* A writer is inside; a reader looks in and is turned away, and what it counted is nobody's to release. */
static void a_writer_is_inside(void) {
    name_words();
    if (!thrum_rwlock_try_acquire_write(&s.rwlock)) REQUIRE(false);
    s.deadline = THRUM_NOW;
}
static void release_nothing_beside_a_reader(unsigned me) {
    if (me == 0)
        s.results[0] = thrum_rwlock_release_read(&s.rwlock);
    else
        REQUIRE(thrum_rwlock_acquire_read_until(&s.rwlock, s.deadline) == THRUM_TIMEOUT);
}
static void told_and_the_writer_leaves(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.rwlock.state) == THRUM_RWLOCK_WRITER_);
    REQUIRE(thrum_rwlock_release_write(&s.rwlock) == THRUM_OK);
    told_and_unchanged();
}
EXPLORE(a_read_that_was_not_begun_is_told_beside_one_that_is_turned_away, .threads = 2,
        .begin = a_writer_is_inside, .thread = release_nothing_beside_a_reader,
        .end = told_and_the_writer_leaves, .bounds = {4, 1, 0, 0})
static void a_patient_reader(void) {
    a_writer_is_inside();
    s.deadline = EXPLORE_SOON;
}
EXPLORE(a_read_that_was_not_begun_is_told_beside_one_that_waits, .threads = 2, .begin = a_patient_reader,
        .thread = release_nothing_beside_a_reader, .end = told_and_the_writer_leaves, .bounds = {4, 0, 1, 1})

static void write_it(void) {
    name_words();
    thrum_rwlock_acquire_write(&s.rwlock);
}
static void let_go_once_too_often(unsigned me) {
    s.results[me] = thrum_rwlock_release_write(&s.rwlock);
}
static void one_is_told(void) {
    REQUIRE((s.results[0] == THRUM_OK) != (s.results[1] == THRUM_OK));
    REQUIRE((s.results[0] == THRUM_NOT_LOCKED) != (s.results[1] == THRUM_NOT_LOCKED));
    free_without_a_trace();
}
EXPLORE(of_two_releases_of_one_write_one_is_told, .threads = 2, .begin = write_it,
        .thread = let_go_once_too_often, .end = one_is_told, .bounds = {4, 2, 0, 0})

/* --- the last one frees it ------------------------------------------------------------------------------ */

static void last_one_frees_it(unsigned me) {
    const bool reads = s.kinds[me] < WRITE;
    if (!acquire(s.kinds[me])) REQUIRE(false);
    const bool last = thrum_u32_fetch_add_acq_rel(&s.through, 1) + 1 == s.callers;
    if (reads)
        REQUIRE(thrum_rwlock_release_read(&s.rwlock) == THRUM_OK);
    else
        REQUIRE(thrum_rwlock_release_write(&s.rwlock) == THRUM_OK);
    if (last && !reads) explore_free(&s.rwlock, sizeof s.rwlock);
}
static void a_reader_and_a_writer(void) {
    name_words();
    s.callers = 2;
    s.kinds[1] = WRITE;
}
EXPLORE(the_last_writer_frees_it, .threads = 2, .begin = a_reader_and_a_writer, .thread = last_one_frees_it,
        .bounds = {4, 1, 2, 1})
static void two_readers_before_a_writer(void) {
    name_words();
    s.callers = 3;
    s.kinds[2] = WRITE;
}
EXPLORE(the_last_of_three_writers_frees_it, .threads = 3, .begin = two_readers_before_a_writer,
        .thread = last_one_frees_it, .bounds = {2, 0, 2, 1})
static void two_writers(void) {
    name_words();
    s.callers = 2;
    s.kinds[0] = s.kinds[1] = WRITE;
}
EXPLORE(the_last_of_two_writers_frees_it, .threads = 2, .begin = two_writers, .thread = last_one_frees_it,
        .bounds = {4, 1, 2, 1})
