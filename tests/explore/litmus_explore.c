/* SPDX-License-Identifier: MIT */
/* The explorer itself, its memory: what C11 allows is found, what it forbids is not. */
#include "explore.h"

#include <thrum/atomic.h>

static struct {
    thrum_u32 x, y;
    int plain;
    uint32_t seen[4], seen_next[4];
} s;

static void name_words(void) {
    explore_name(&s.x, sizeof s.x, "x");
    explore_name(&s.y, sizeof s.y, "y");
    explore_name(&s.plain, sizeof s.plain, "plain");
}

/* --- message passing ------------------------------------------------------------------------------ */

static void use_plain(bool may) {
    if (may) REQUIRE(s.plain == 1);
}

static void pass_by_relaxed_store(unsigned me) {
    if (me == 1) {
        use_plain(thrum_u32_load_acquire(&s.x));
    } else {
        s.plain = 1;
        thrum_u32_store_relaxed(&s.x, 1);
    }
}
EXPLORE(a_relaxed_store_publishes_nothing, .threads = 2, .begin = name_words, .thread = pass_by_relaxed_store,
        .finds = "race: plain read")

static void pass_to_relaxed_load(unsigned me) {
    if (me == 1) {
        use_plain(thrum_u32_load_relaxed(&s.x));
    } else {
        s.plain = 1;
        thrum_u32_store_release(&s.x, 1);
    }
}
EXPLORE(a_relaxed_load_learns_nothing, .threads = 2, .begin = name_words, .thread = pass_to_relaxed_load,
        .finds = "race: plain read")

static void pass(unsigned me) {
    if (me == 1) {
        use_plain(thrum_u32_load_acquire(&s.x));
    } else {
        s.plain = 1;
        thrum_u32_store_release(&s.x, 1);
    }
}
EXPLORE(a_release_publishes_to_an_acquire, .threads = 2, .thread = pass)

static void pass_through_rmw(unsigned me) {
    if (me == 2) {
        use_plain(thrum_u32_load_acquire(&s.x) == 3);
    } else if (me == 1) {
        thrum_u32_fetch_or_relaxed(&s.x, 2);
    } else {
        s.plain = 1;
        thrum_u32_fetch_or_release(&s.x, 1);
    }
}
EXPLORE(a_relaxed_read_modify_write_continues_a_release, .threads = 3, .thread = pass_through_rmw)

static void pass_through_store(unsigned me) {
    if (me == 2) {
        use_plain(thrum_u32_load_acquire(&s.x) == 2);
    } else if (me == 1) {
        if (thrum_u32_load_relaxed(&s.x) == 1) thrum_u32_store_relaxed(&s.x, 2);
    } else {
        s.plain = 1;
        thrum_u32_store_release(&s.x, 1);
    }
}
EXPLORE(a_store_ends_a_release, .threads = 3, .begin = name_words, .thread = pass_through_store,
        .finds = "race: plain read")

/* --- stale reads ---------------------------------------------------------------------------------- */

static void buffer_stores(unsigned me) {
    thrum_u32_store_release(me ? &s.y : &s.x, 1);
    s.seen[me] = thrum_u32_load_acquire(me ? &s.x : &s.y);
}
static void one_saw_the_other(void) {
    REQUIRE(s.seen[0] || s.seen[1]);
}
EXPLORE(a_store_may_be_passed_by_a_later_load, .threads = 2, .begin = name_words, .thread = buffer_stores,
        .end = one_saw_the_other, .finds = "is not so")

static void buffer_sc_stores(unsigned me) {
    thrum_u32_store_seq_cst(me ? &s.y : &s.x, 1);
    s.seen[me] = thrum_u32_load_seq_cst(me ? &s.x : &s.y);
}
EXPLORE(sequential_consistency_keeps_a_store_before_a_load, .threads = 2, .thread = buffer_sc_stores,
        .end = one_saw_the_other, .bounds = {3, 3, 0, 0})

static void buffer_asymmetrically(unsigned me) {
    thrum_u32_store_relaxed(me ? &s.y : &s.x, 1);
    if (me == 1) explore_fence_heavy();
    s.seen[me] = thrum_u32_load_relaxed(me ? &s.x : &s.y);
}
EXPLORE(a_heavy_fence_on_one_side_is_enough, .threads = 2, .thread = buffer_asymmetrically,
        .end = one_saw_the_other, .bounds = {3, 3, 0, 0})

static void read_twice(unsigned me) {
    if (me == 0) {
        thrum_u32_store_relaxed(&s.x, 1);
        thrum_u32_store_relaxed(&s.x, 2);
        return;
    }
    const uint32_t first = thrum_u32_load_relaxed(&s.x);
    REQUIRE(thrum_u32_load_relaxed(&s.x) >= first);
}
EXPLORE(nobody_reads_backwards, .threads = 3, .thread = read_twice, .bounds = {3, 3, 0, 0})

static void tell_of_a_read(unsigned me) {
    if (me == 0) {
        thrum_u32_store_relaxed(&s.x, 1);
        thrum_u32_store_relaxed(&s.x, 2);
    } else if (me == 1) {
        if (thrum_u32_load_relaxed(&s.x) == 2) thrum_u32_store_release(&s.y, 1);
    } else if (thrum_u32_load_acquire(&s.y)) {
        REQUIRE(thrum_u32_load_relaxed(&s.x) == 2);
    }
}
EXPLORE(a_thread_that_is_told_of_a_read_reads_nothing_older, .threads = 3, .thread = tell_of_a_read,
        .bounds = {3, 3, 0, 0})

static void read_two_writers(unsigned me) {
    if (me < 2) {
        thrum_u32_store_release(me ? &s.y : &s.x, 1);
        return;
    }
    s.seen[me] = thrum_u32_load_acquire(me == 2 ? &s.x : &s.y);
    s.seen_next[me] = thrum_u32_load_acquire(me == 2 ? &s.y : &s.x);
}
static void readers_agree(void) {
    REQUIRE(!(s.seen[2] && !s.seen_next[2] && s.seen[3] && !s.seen_next[3]));
}
EXPLORE(two_readers_may_see_two_writers_in_two_orders, .threads = 4, .begin = name_words,
        .thread = read_two_writers, .end = readers_agree, .bounds = {2, 2, 0, 0}, .finds = "is not so")

static void read_two_sc_writers(unsigned me) {
    if (me < 2) {
        thrum_u32_store_seq_cst(me ? &s.y : &s.x, 1);
        return;
    }
    s.seen[me] = thrum_u32_load_seq_cst(me == 2 ? &s.x : &s.y);
    s.seen_next[me] = thrum_u32_load_seq_cst(me == 2 ? &s.y : &s.x);
}
EXPLORE(sequential_consistency_is_one_order_for_all, .threads = 4, .thread = read_two_sc_writers,
        .end = readers_agree, .bounds = {3, 3, 0, 0})

static void count_both(unsigned me) {
    (void)me;
    uint32_t seen = thrum_u32_load_relaxed(&s.x);
    while (!thrum_u32_cas_relaxed(&s.x, &seen, seen + 1)) {
    }
}
static void three_were_counted(void) {
    REQUIRE(thrum_u32_load_relaxed(&s.x) == 3);
}
EXPLORE(read_modify_writes_miss_nothing, .threads = 3, .thread = count_both, .end = three_were_counted,
        .bounds = {3, 3, 0, 0})

/* --- plain memory --------------------------------------------------------------------------------- */

static void write_plainly(unsigned me) {
    s.plain = (int)me;
}
EXPLORE(two_plain_writes_race, .threads = 2, .begin = name_words, .thread = write_plainly,
        .finds = "race: plain write")

static void mix_plain_and_atomic(unsigned me) {
    if (me == 0)
        thrum_u32_store_release(&s.x, 1);
    else
        *(volatile uint32_t *)(void *)&s.x = 2;
}
EXPLORE(a_plain_write_races_with_an_atomic_one, .threads = 2, .begin = name_words,
        .thread = mix_plain_and_atomic, .finds = "race: ")

static void free_too_early(unsigned me) {
    if (me == 0)
        (void)thrum_u32_load_acquire(&s.x);
    else
        explore_free(&s.x, sizeof s.x);
}
EXPLORE(a_free_that_is_not_ordered_after_a_use_is_found, .threads = 2, .begin = name_words,
        .thread = free_too_early, .finds = "race: free")

static void use_after_free(void) {
    explore_free(&s.x, sizeof s.x);
    (void)thrum_u32_load_relaxed(&s.x);
}
static void nothing(unsigned me) {
    (void)me;
}
EXPLORE(a_touch_of_freed_memory_is_found, .threads = 1, .thread = nothing, .end = use_after_free,
        .finds = "touch of freed memory")

/* --- the frame ------------------------------------------------------------------------------------ */

static int executions; /* undone after each */
static void count_once(void) {
    REQUIRE(++executions == 1);
}
EXPLORE(static_memory_is_as_it_was, .threads = 3, .begin = count_once, .thread = nothing)

static __thread int mine;
static void count_mine(unsigned me) {
    (void)me;
    REQUIRE(++mine == 1);
    thrum_u32_fetch_add_relaxed(&s.x, 1);
    REQUIRE(mine == 1);
}
EXPLORE(each_thread_has_its_thread_locals, .threads = 3, .thread = count_mine)
