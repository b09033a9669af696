/* SPDX-License-Identifier: MIT */
/* The read-mostly rwlock: a writer is alone, whether readers have places or not, and nobody is lost. */
#include "explore.h"

#include <thrum/futex.h>
#include <thrum/rwlock.h>

typedef enum kind { READ, READ_TIMED, READ_TRYING, WRITE, WRITE_TIMED, WRITE_TRYING, DOWNGRADE, KINDS } kind;

enum { PLACES = 2 };

static struct {
    thrum_sharded_rwlock rwlock;
    thrum_rwlock_slot places[PLACES];
    int page; /* plain: a write among reads is a race, which the explorer reports */
    unsigned kinds[EXPLORE_THREADS];
} s;

static void begin(void) {
    explore_name(&s.rwlock.closed, sizeof s.rwlock.closed, "closed");
    explore_name(&s.rwlock.rest.state, sizeof s.rwlock.rest.state, "rest");
    explore_name(&s.rwlock.rest.queue, sizeof s.rwlock.rest.queue, "queue");
    explore_name(s.places, sizeof s.places, "places");
    explore_name(&s.page, sizeof s.page, "page");
    REQUIRE(thrum_sharded_rwlock_init(&s.rwlock, s.places, PLACES) == THRUM_OK);
}

static void free_without_a_trace(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.rwlock.closed) == 0);
    REQUIRE(thrum_u32_load_relaxed(&s.rwlock.rest.state) == 0);
    for (unsigned i = 0; i < PLACES; i++) REQUIRE(thrum_u32_load_relaxed(&s.places[i].reads) == 0);
}

static bool acquire(kind how) {
    switch (how) {
    case READ:
        thrum_sharded_rwlock_acquire_read(&s.rwlock);
        return true;
    case READ_TIMED:
        return thrum_sharded_rwlock_acquire_read_until(&s.rwlock, EXPLORE_SOON) == THRUM_OK;
    case READ_TRYING:
        return thrum_sharded_rwlock_try_acquire_read(&s.rwlock);
    case WRITE_TIMED:
        return thrum_sharded_rwlock_acquire_write_until(&s.rwlock, EXPLORE_SOON) == THRUM_OK;
    case WRITE_TRYING:
        return thrum_sharded_rwlock_try_acquire_write(&s.rwlock);
    default:
        thrum_sharded_rwlock_acquire_write(&s.rwlock);
        return true;
    }
}

static void read_and_let_go(void) {
    REQUIRE(s.page % 2 == 0);
    REQUIRE(thrum_sharded_rwlock_release_read(&s.rwlock) == THRUM_OK);
}

static void use_and_let_go(kind how) {
    if (how < WRITE) {
        read_and_let_go();
        return;
    }
    s.page++;
    s.page++;
    if (how != DOWNGRADE) {
        REQUIRE(thrum_sharded_rwlock_release_write(&s.rwlock) == THRUM_OK);
        return;
    }
    const int written = s.page;
    REQUIRE(thrum_sharded_rwlock_downgrade(&s.rwlock) == THRUM_OK);
    REQUIRE(s.page == written); /* no writer in between */
    read_and_let_go();
}

/* Each thread has the slot of its number, as if drawn; from the third on there is no place for them. */
static void get_in(unsigned me) {
    thrum_self_.slot = me + 1;
    if (acquire(s.kinds[me])) use_and_let_go(s.kinds[me]);
}
static void get_in_twice(unsigned me) {
    get_in(me);
    get_in(me);
}

static void any_mix_of_two(void) {
    begin();
    explore_choose_mix(s.kinds, 2, KINDS);
}
EXPLORE(every_mix_of_two, .threads = 2, .begin = any_mix_of_two, .thread = get_in_twice,
        .end = free_without_a_trace, .bounds = {2, 0, 1, 0})
EXPLORE(every_mix_of_two_with_stale_reads, .threads = 2, .begin = any_mix_of_two, .thread = get_in_twice,
        .end = free_without_a_trace, .bounds = {2, 2, 0, 0})
EXPLORE(every_mix_of_two_where_the_kernel_refuses_fences, .threads = 2, .begin = any_mix_of_two,
        .thread = get_in, .end = free_without_a_trace, .bounds = {3, 2, 1, 0}, .without_fence_all = true)

static void any_mix_of_three(void) {
    begin();
    explore_choose_mix(s.kinds, 3, KINDS);
}
EXPLORE(every_mix_of_three_and_two_places, .threads = 3, .begin = any_mix_of_three, .thread = get_in,
        .end = free_without_a_trace, .bounds = {1, 0, 1, 0})

static void two_readers_and_a_writer(void) {
    begin();
    s.kinds[2] = WRITE;
}
EXPLORE(a_writer_waits_for_both_places, .threads = 3, .begin = two_readers_and_a_writer, .thread = get_in,
        .end = free_without_a_trace, .bounds = {2, 0, 0, 1})

static void two_writers_and_a_reader(void) {
    begin();
    s.kinds[1] = s.kinds[2] = WRITE;
}
EXPLORE(two_writers_and_a_reader, .threads = 3, .begin = two_writers_and_a_reader, .thread = get_in,
        .end = free_without_a_trace, .bounds = {1, 1, 1, 1})

/* The writer alone is refused: it is sure of nothing before its nap, and of all after it. */
static void fences_are_asymmetric(void) {
    begin();
    (void)!thrum_fence_heavy();
    s.kinds[1] = explore_choose(2) ? WRITE : WRITE_TIMED;
}
EXPLORE(a_writer_that_is_refused_waits_until_it_is_sure, .threads = 2, .begin = fences_are_asymmetric,
        .thread = get_in_twice, .end = free_without_a_trace, .bounds = {2, 2, 1, 0}, .refused_fences = 1 << 1)

/* A read within a read gets in though a writer has closed it in between. */
static void read_within_a_read(unsigned me) {
    thrum_self_.slot = me + 1;
    if (me == 1) {
        get_in(me);
        return;
    }
    thrum_sharded_rwlock_acquire_read(&s.rwlock);
    thrum_sharded_rwlock_acquire_read(&s.rwlock);
    REQUIRE(thrum_sharded_rwlock_release_read(&s.rwlock) == THRUM_OK);
    read_and_let_go();
}
static void a_writer_in_between(void) {
    begin();
    s.kinds[1] = WRITE;
}
EXPLORE(a_read_within_a_read_gets_in, .threads = 2, .begin = a_writer_in_between,
        .thread = read_within_a_read, .end = free_without_a_trace, .bounds = {3, 1, 0, 1})

/* A writer that has made its write a read reads until the other has read, too. */
static thrum_u32 through;
static void read_together(unsigned me) {
    thrum_self_.slot = me + 1;
    const bool wrote = me == 0;
    if (wrote)
        thrum_sharded_rwlock_acquire_write(&s.rwlock);
    else
        thrum_sharded_rwlock_acquire_read(&s.rwlock);
    if (wrote) s.page = 2;
    if (wrote) REQUIRE(thrum_sharded_rwlock_downgrade(&s.rwlock) == THRUM_OK);
    thrum_u32_fetch_add_relaxed(&through, 1);
    while (wrote && thrum_u32_load_relaxed(&through) < 2) thrum_futex_yield();
    read_and_let_go();
}
EXPLORE(a_downgrade_lets_a_reader_in, .threads = 2, .begin = begin, .thread = read_together,
        .end = free_without_a_trace, .bounds = {3, 0, 1, 1})

/* Two threads release one write beside another writer: each write is released once. */
static thrum_result told[3];
static void a_writer_is_inside(void) {
    begin();
    if (!thrum_sharded_rwlock_try_acquire_write(&s.rwlock)) REQUIRE(false);
}
static void let_go_once_too_often(unsigned me) {
    thrum_self_.slot = me + 1;
    if (me == 2) thrum_sharded_rwlock_acquire_write(&s.rwlock);
    told[me] = thrum_sharded_rwlock_release_write(&s.rwlock);
}
static void one_is_told(void) {
    unsigned released = 0;
    for (unsigned i = 0; i < 3; i++) released += told[i] == THRUM_OK;
    REQUIRE(released == 2);
    free_without_a_trace();
}
EXPLORE(of_three_releases_of_two_writes_one_is_told, .threads = 3, .begin = a_writer_is_inside,
        .thread = let_go_once_too_often, .end = one_is_told, .bounds = {3, 1, 1, 0})
