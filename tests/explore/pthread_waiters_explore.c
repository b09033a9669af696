/* SPDX-License-Identifier: MIT */
/*
 * How threads wait for a POSIX condition: signals without the mutex, deadlines, cancels, and a condition that
 * goes once its waiters have been woken. A broadcast wakes one at a time. The waits are those of
 * pthread_cond.c, whose mutex and whose table of cancellable threads are plain locks here.
 *
 * explore: also lock
 */
#include "explore.h"

#include "pthread_waiters.h"

enum { MOST = 4 };

static struct {
    thrum_lock mutex, table;
    thrum_pcond cond;
    thrum_pwaiter waiters[MOST]; /* one a thread; freed when its wait is over */
    bool enrolled[MOST];         /* `table` protects these */
    int items, waiting;          /* the mutex protects all below */
    bool open;
} s;

static void begin(void) {
    explore_name(&s.mutex, sizeof s.mutex, "mutex");
    explore_name(&s.cond, sizeof s.cond, "cond");
    explore_name(&s.waiters, sizeof s.waiters, "waiter");
}

static void lock(void) {
    thrum_lock_acquire(&s.mutex);
}
static void unlock(void) {
    REQUIRE(thrum_lock_release(&s.mutex) == THRUM_OK);
}

static const thrum_moment soon = {false, EXPLORE_START_NS + 1000};

static void enroll(unsigned me, bool enrolled) {
    thrum_lock_acquire(&s.table);
    s.enrolled[me] = enrolled;
    thrum_lock_release(&s.table);
}

/* As pthread_cond.c: with the mutex held. Once a thread: its waiter's memory is gone afterwards. */
static thrum_pwait_end wait_with(unsigned me, thrum_moment moment, bool cancellable) {
    thrum_pwaiter *const waiter = &s.waiters[me];
    thrum_pcond_begin_(waiter);
    if (cancellable) enroll(me, true);
    s.waiting++;
    const uint32_t spin_ns = thrum_pcond_join_(&s.cond, waiter);
    unlock();
    thrum_pwait_end end = thrum_pcond_await_(waiter, spin_ns, moment);
    if (end != THRUM_PWAIT_CHOSEN && !thrum_pcond_leave_(&s.cond, waiter)) end = THRUM_PWAIT_CHOSEN;
    if (cancellable) enroll(me, false);
    explore_free(waiter, sizeof *waiter);
    lock();
    s.waiting--;
    return end;
}

static void nobody_left(void) {
    REQUIRE(thrum_u64_load_relaxed(&s.cond.newest) == 0);
    REQUIRE(thrum_u32_load_relaxed(&s.cond.inner.state) == 0);
}

/* --- signals without the mutex ------------------------------------------------------------------------- */

/* Waits once at most: an item is there, or is promised by a signal that chooses this thread. */
static void consume(unsigned me) {
    lock();
    if (s.items == 0) REQUIRE(wait_with(me, THRUM_NEVER, false) == THRUM_PWAIT_CHOSEN);
    if (s.items > 0) s.items--;
    unlock();
}

static void produce(void) {
    lock();
    s.items++;
    unlock();
    thrum_pcond_signal_(&s.cond);
}

static void one_is_signalled(unsigned me) {
    if (me == 0)
        consume(me);
    else
        produce();
}
EXPLORE(a_signal_without_the_mutex_reaches_the_waiter, .threads = 2, .begin = begin,
        .thread = one_is_signalled, .end = nobody_left, .bounds = {3, 1, 0, 1})

/* A waiter that was chosen may find its item taken by one that came later; then the next signal is for it. */
static void consume_in_the_end(unsigned me) {
    lock();
    bool waited = false;
    while (s.items == 0 && !waited) {
        REQUIRE(wait_with(me, THRUM_NEVER, false) == THRUM_PWAIT_CHOSEN);
        waited = true;
    }
    if (s.items > 0) s.items--;
    unlock();
}
static void two_are_signalled(unsigned me) {
    if (me < 2)
        consume_in_the_end(me);
    else
        produce(), produce();
}
EXPLORE(each_of_two_signals_reaches_a_waiter, .threads = 3, .begin = begin, .thread = two_are_signalled,
        .end = nobody_left, .bounds = {2, 0, 0, 1})

static void two_signal_two(unsigned me) {
    if (me < 2)
        consume_in_the_end(me);
    else
        produce();
}
EXPLORE(two_signallers_choose_two_waiters, .threads = 4, .begin = begin, .thread = two_signal_two,
        .end = nobody_left, .bounds = {1, 0, 0, 0})

/* What the signaller wrote is read without the mutex. */
static int plain;
static void read_without_the_mutex(unsigned me) {
    if (me == 0) {
        thrum_pwaiter *const waiter = &s.waiters[me];
        thrum_pcond_begin_(waiter);
        const uint32_t spin_ns = thrum_pcond_join_(&s.cond, waiter);
        lock();
        s.waiting++;
        unlock();
        REQUIRE(thrum_pcond_await_(waiter, spin_ns, THRUM_NEVER) == THRUM_PWAIT_CHOSEN);
        REQUIRE(plain == 1);
        return;
    }
    for (bool waits = false; !waits;) {
        lock();
        waits = s.waiting > 0;
        unlock();
        if (!waits) thrum_futex_yield();
    }
    plain = 1;
    thrum_pcond_signal_(&s.cond);
}
EXPLORE(a_signal_carries_what_was_written_before, .threads = 2, .begin = begin,
        .thread = read_without_the_mutex, .end = nobody_left, .bounds = {2, 1, 0, 1})

/*
 * --- deadlines and cancels: no signal is swallowed -------------------------------------------------------
 */

/* The impatient one that is chosen sends another signal on; one that is not leaves it to the other. */
static void be_impatient(unsigned me, bool cancellable) {
    lock();
    const bool chosen =
        s.items == 0 && wait_with(me, cancellable ? THRUM_NEVER : soon, cancellable) == THRUM_PWAIT_CHOSEN;
    unlock();
    if (chosen) thrum_pcond_signal_(&s.cond);
}
static void await_waiters(int count) {
    for (bool wait = true; wait;) {
        lock();
        wait = s.waiting < count && !s.open;
        unlock();
        if (wait) thrum_futex_yield();
    }
}
static void patient_and_timed(unsigned me) {
    if (me == 0) consume(me);
    if (me == 1) {
        be_impatient(me, false);
        lock();
        s.open = true;
        unlock();
    }
    if (me == 2) {
        await_waiters(2);
        produce();
    }
}
EXPLORE(a_timed_waiter_swallows_no_signal, .threads = 3, .begin = begin, .thread = patient_and_timed,
        .end = nobody_left, .bounds = {1, 0, 1, 0})

static void disturb(unsigned whom) {
    thrum_lock_acquire(&s.table);
    if (s.enrolled[whom]) thrum_pcond_disturb_(&s.waiters[whom]);
    thrum_lock_release(&s.table);
}
static void patient_and_cancelled(unsigned me) {
    if (me == 0) consume(me);
    if (me == 1) {
        be_impatient(me, true);
        lock();
        s.open = true;
        unlock();
    }
    if (me == 2) {
        await_waiters(2);
        disturb(1);
        produce();
    }
}
EXPLORE(a_cancelled_waiter_swallows_no_signal, .threads = 3, .begin = begin, .thread = patient_and_cancelled,
        .end = nobody_left, .bounds = {1, 0, 0, 1})

/* The cancel and the signal come at once. */
static void cancel_the_other(void) {
    for (bool over = false; !over;) {
        thrum_lock_acquire(&s.table);
        over = s.enrolled[1];
        if (over) thrum_pcond_disturb_(&s.waiters[1]);
        thrum_lock_release(&s.table);
        lock();
        over |= s.open;
        unlock();
        if (!over) thrum_futex_yield();
    }
}
static void patient_and_cancelled_by_another(unsigned me) {
    if (me < 2) {
        patient_and_cancelled(me);
    } else if (me == 2) {
        await_waiters(2);
        produce();
    } else {
        cancel_the_other();
    }
}
EXPLORE(a_waiter_that_is_cancelled_beside_a_signal_swallows_none, .threads = 4, .begin = begin,
        .thread = patient_and_cancelled_by_another, .end = nobody_left, .bounds = {1, 0, 0, 0},
        .by_priority = 10000, .at_random = 10000)

/* Two that wait, and neither sleeps yet. */
static void join_both(void) {
    for (int i = 0; i < 2; i++) {
        thrum_pcond_begin_(&s.waiters[i]);
        (void)thrum_pcond_join_(&s.cond, &s.waiters[i]);
    }
}
static const thrum_moment now = {false, EXPLORE_START_NS};
static void signal_once(unsigned me) {
    (void)me;
    join_both();
    thrum_pcond_signal_(&s.cond);
    REQUIRE(thrum_pcond_await_(&s.waiters[0], 0, now) == THRUM_PWAIT_CHOSEN);
    REQUIRE(thrum_pcond_await_(&s.waiters[1], 0, now) == THRUM_PWAIT_OVER);
    REQUIRE(thrum_pcond_leave_(&s.cond, &s.waiters[1]));
}
EXPLORE(a_signal_chooses_the_oldest_alone, .threads = 1, .begin = begin, .thread = signal_once,
        .end = nobody_left, .by_priority = 100, .at_random = 100)

/* A cancel finds its waiter wherever it is: nobody else wakes it. */
static void only_cancelled(unsigned me) {
    if (me == 0) {
        lock();
        REQUIRE(wait_with(me, THRUM_NEVER, true) == THRUM_PWAIT_DISTURBED);
        unlock();
        return;
    }
    for (bool enrolled = false; !enrolled;) {
        thrum_lock_acquire(&s.table);
        enrolled = s.enrolled[0];
        if (enrolled) thrum_pcond_disturb_(&s.waiters[0]);
        thrum_lock_release(&s.table);
        if (!enrolled) thrum_futex_yield();
    }
}
EXPLORE(a_cancel_finds_its_waiter, .threads = 2, .begin = begin, .thread = only_cancelled, .end = nobody_left,
        .bounds = {3, 1, 0, 1})

/* One that does not mind the cancel waits on. */
static void calm(unsigned me) {
    if (me == 1) {
        disturb(0);
        produce();
        return;
    }
    lock();
    if (s.items == 0) {
        thrum_pwaiter *const waiter = &s.waiters[me];
        thrum_pcond_begin_(waiter);
        enroll(me, true);
        const uint32_t spin_ns = thrum_pcond_join_(&s.cond, waiter);
        unlock();
        while (thrum_pcond_await_(waiter, spin_ns, THRUM_NEVER) != THRUM_PWAIT_CHOSEN)
            thrum_pcond_calm_(waiter);
        enroll(me, false);
        explore_free(waiter, sizeof *waiter);
        lock();
    }
    REQUIRE(s.items == 1);
    unlock();
}
EXPLORE(a_waiter_that_minds_no_cancel_is_signalled, .threads = 2, .begin = begin, .thread = calm,
        .end = nobody_left, .bounds = {3, 1, 0, 1})

/*
 * --- lifetime --------------------------------------------------------------------------------------------
 */

static void wait_until_open(unsigned me, thrum_moment moment) {
    lock();
    if (!s.open) (void)wait_with(me, moment, false);
    REQUIRE(s.open || moment.ns != THRUM_NEVER.ns);
    unlock();
}

/* Woken, but not returned: the mutex is the destroyer's. */
static void open_and_free(void) {
    lock();
    s.open = true;
    thrum_pcond_broadcast_(&s.cond);
    REQUIRE(thrum_pcond_close_(&s.cond));
    explore_free(&s.cond, sizeof s.cond);
    unlock();
}
static void freed_under_two(unsigned me) {
    if (me < 2)
        wait_until_open(me, THRUM_NEVER);
    else
        open_and_free();
}
EXPLORE(it_is_freed_once_its_waiters_are_woken, .threads = 3, .begin = begin, .thread = freed_under_two,
        .bounds = {2, 0, 0, 1})

static void freed_under_three(unsigned me) {
    if (me < 3)
        wait_until_open(me, THRUM_NEVER);
    else
        open_and_free();
}
EXPLORE(a_broadcast_reaches_three, .threads = 4, .begin = begin, .thread = freed_under_three,
        .bounds = {1, 0, 0, 0})

/* One whose time is over is still on its way out of the ring. */
static void freed_under_timed(unsigned me) {
    if (me < 2)
        wait_until_open(me, me == 0 ? soon : THRUM_NEVER);
    else
        open_and_free();
}
EXPLORE(the_destroyer_waits_for_those_that_leave, .threads = 3, .begin = begin, .thread = freed_under_timed,
        .bounds = {2, 0, 1, 0})

/* The signaller's call has not returned when the waiter that it chose frees the condition. */
static void freed_by_the_chosen(unsigned me) {
    if (me == 0) {
        lock();
        REQUIRE(wait_with(me, THRUM_NEVER, false) == THRUM_PWAIT_CHOSEN);
        unlock();
        REQUIRE(thrum_pcond_close_(&s.cond));
        explore_free(&s.cond, sizeof s.cond);
        return;
    }
    await_waiters(1);
    thrum_pcond_signal_(&s.cond);
}
EXPLORE(the_chosen_waiter_frees_it, .threads = 2, .begin = begin, .thread = freed_by_the_chosen,
        .bounds = {3, 1, 0, 1})

/* A destroyer is told that somebody waits, and nothing has changed. */
static void refused(unsigned me) {
    if (me == 0) {
        wait_until_open(me, THRUM_NEVER);
        return;
    }
    await_waiters(1);
    REQUIRE(!thrum_pcond_close_(&s.cond));
    lock();
    s.open = true;
    unlock();
    thrum_pcond_broadcast_(&s.cond);
}
EXPLORE(a_condition_with_a_waiter_is_not_destroyed, .threads = 2, .begin = begin, .thread = refused,
        .end = nobody_left, .bounds = {2, 1, 0, 1})

/* The newest leaves, and the one before it waits on. */
static void refused_behind_one_that_leaves(unsigned me) {
    (void)me;
    join_both();
    REQUIRE(thrum_pcond_await_(&s.waiters[1], 0, now) == THRUM_PWAIT_OVER);
    thrum_u32_store_relaxed(&s.waiters[1].state, 2); /* LEAVING: before it takes itself out */
    REQUIRE(!thrum_pcond_close_(&s.cond));
}
EXPLORE(a_condition_with_a_waiter_behind_one_that_leaves_is_not_destroyed, .threads = 1, .begin = begin,
        .thread = refused_behind_one_that_leaves, .by_priority = 100, .at_random = 100)
