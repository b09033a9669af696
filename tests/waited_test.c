/* SPDX-License-Identifier: MIT */
/*
 * The caller of an inlined function is known where it is inlined, that of a call in the last place where it
 * stays a call.
 *
 * ctest: flags -O2 -fno-optimize-sibling-calls
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include "../src/futex/waits.h"

#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>
#include <thrum/all.h>
#include <thrum/barrier.h>
#include <thrum/cond.h>
#include <thrum/event.h>
#include <thrum/futex.h>
#include <thrum/latch.h>
#include <thrum/lock.h>
#include <thrum/monitor.h>
#include <thrum/once.h>
#include <thrum/rlock.h>
#include <thrum/rwlock.h>
#include <thrum/semaphore.h>
#include <thrum/wait_any.h>
#include <thrum/waited.h>
#include <unistd.h>

/* ---- what each wait says of itself ---- */

static thrum_lock lock, second;
static thrum_rlock rlock;
static thrum_rwlock rwlock;
static thrum_semaphore semaphore;
static thrum_event event;
static thrum_latch latch = THRUM_LATCH_INIT(1);
static thrum_barrier barrier = THRUM_BARRIER_INIT(2);
static thrum_once once;
static thrum_cond cond = THRUM_COND_INIT(&lock);
static thrum_monitor monitor;
static thrum_u32 word;

static void wait_for_lock(void) {
    thrum_lock_acquire(&lock);
    thrum_lock_release(&lock);
}
static void wait_for_lock_until(void) {
    CHECK_EQ(thrum_lock_acquire_until(&lock, thrum_after_ms(60000)), THRUM_OK);
    thrum_lock_release(&lock);
}
static void release_lock(void) {
    thrum_lock_release(&lock);
}
static void wait_for_rlock(void) {
    (void)thrum_rlock_acquire(&rlock);
    (void)thrum_rlock_release(&rlock);
}
static void wait_for_rlock_until(void) {
    CHECK_EQ(thrum_rlock_acquire_until(&rlock, thrum_after_ms(60000)), THRUM_OK);
    (void)thrum_rlock_release(&rlock);
}
static void release_rlock(void) {
    (void)thrum_rlock_release(&rlock);
}
static void wait_to_read(void) {
    thrum_rwlock_acquire_read(&rwlock);
    (void)thrum_rwlock_release_read(&rwlock);
}
static void wait_to_write(void) {
    thrum_rwlock_acquire_write(&rwlock);
    (void)thrum_rwlock_release_write(&rwlock);
}
static void release_rwlock(void) {
    (void)thrum_rwlock_release_write(&rwlock);
}
static void wait_for_semaphore(void) {
    thrum_semaphore_acquire(&semaphore);
}
static void release_semaphore(void) {
    (void)thrum_semaphore_release(&semaphore);
}
static void wait_for_event(void) {
    thrum_event_wait(&event);
}
static void set_event(void) {
    thrum_event_set(&event);
}
static void wait_for_latch(void) {
    thrum_latch_wait(&latch);
}
static void count_down(void) {
    thrum_latch_count_down(&latch);
}
static void meet(void) {
    CHECK_EQ(thrum_barrier_wait(&barrier, NULL), THRUM_OK);
}
static thrum_result never_run(void *unused) {
    (void)unused;
    return THRUM_FAILED;
}
static void run_once(void) {
    (void)!thrum_once_run(&once, never_run, NULL);
}
static void end_once(void) {
    thrum_once_end_(&once, THRUM_OK);
}
static void wait_for_cond(void) {
    thrum_lock_acquire(&lock);
    CHECK_EQ(thrum_cond_wait(&cond), THRUM_OK);
    thrum_lock_release(&lock);
}
static void notify_cond(void) {
    thrum_lock_acquire(&lock);
    (void)thrum_cond_notify(&cond, 1);
    thrum_lock_release(&lock);
}
static void wait_for_monitor(void) {
    (void)thrum_monitor_acquire(&monitor);
    CHECK_EQ(thrum_monitor_wait(&monitor), THRUM_OK);
    (void)thrum_monitor_release(&monitor);
}
static void notify_monitor(void) {
    (void)thrum_monitor_acquire(&monitor);
    (void)thrum_monitor_notify(&monitor, 1);
    (void)thrum_monitor_release(&monitor);
}
static void wait_for_any(void) {
    unsigned which;
    const thrum_waitable set[] = {THRUM_WAITABLE(&event), THRUM_WAITABLE(&latch)};
    CHECK_EQ(thrum_wait_any(set, 2, &which), THRUM_OK);
}
static void wait_for_all(void) {
    thrum_all both = THRUM_ALL(&second, &lock);
    CHECK_EQ(thrum_acquire_all(&both), THRUM_OK);
    CHECK_EQ(thrum_release_all(&both), THRUM_OK);
}
static void wait_for_word(void) {
    while (!thrum_u32_load_relaxed(&word))
        (void)thrum_futex_wait(&word, 0, THRUM_FUTEX_ANY, false, THRUM_FOREVER);
}
static void wake_word(void) {
    thrum_u32_store_relaxed(&word, 1);
    thrum_futex_wake(&word, 1, THRUM_FUTEX_ANY, false);
}

/* One kind of wait: what the first thread does before it, the wait, and what ends it. */
typedef struct kind {
    const char *name;
    void (*before)(void);
    void (*wait)(void);
    void (*end)(void);
    uint32_t kind;
    const void *object;
} kind;

static void acquire_lock(void) {
    thrum_lock_acquire(&lock);
}
static void acquire_rlock(void) {
    (void)thrum_rlock_acquire(&rlock);
}
static void acquire_rwlock(void) {
    thrum_rwlock_acquire_write(&rwlock);
}
static void begin_once(void) {
    CHECK_EQ(thrum_once_begin_(&once, THRUM_NOW), THRUM_ONCE_YOURS_);
}
static void nothing(void) {
    thrum_event_clear(&event);
}

static const kind kinds[] = {
    {"lock", acquire_lock, wait_for_lock, release_lock, THRUM_WAIT_LOCK_, &lock},
    {"lock, until", acquire_lock, wait_for_lock_until, release_lock, THRUM_WAIT_LOCK_, &lock},
    {"rlock", acquire_rlock, wait_for_rlock, release_rlock, THRUM_WAIT_RLOCK_, &rlock},
    {"rlock, until", acquire_rlock, wait_for_rlock_until, release_rlock, THRUM_WAIT_RLOCK_, &rlock},
    {"rwlock, read", acquire_rwlock, wait_to_read, release_rwlock, THRUM_WAIT_READ_, &rwlock},
    {"rwlock, write", acquire_rwlock, wait_to_write, release_rwlock, THRUM_WAIT_WRITE_, &rwlock},
    {"semaphore", nothing, wait_for_semaphore, release_semaphore, THRUM_WAIT_SEMAPHORE_, &semaphore},
    {"event", nothing, wait_for_event, set_event, THRUM_WAIT_EVENT_, &event},
    {"any of a set", nothing, wait_for_any, set_event, THRUM_WAIT_ANY_, &event},
    {"latch", nothing, wait_for_latch, count_down, THRUM_WAIT_LATCH_, &latch},
    {"barrier", nothing, meet, meet, THRUM_WAIT_BARRIER_, &barrier},
    {"once", begin_once, run_once, end_once, THRUM_WAIT_ONCE_, &once},
    {"condition", nothing, wait_for_cond, notify_cond, THRUM_WAIT_CONDITION_, &cond},
    {"monitor", nothing, wait_for_monitor, notify_monitor, THRUM_WAIT_CONDITION_, &monitor},
    {"all of a set", acquire_lock, wait_for_all, release_lock, THRUM_WAIT_LOCK_, &lock},
    {"a word", nothing, wait_for_word, wake_word, THRUM_WAIT_WORD_, &word},
};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

static struct {
    const kind *kind;
    thrum_u64 waits; /* the address of what it waits for; that it sleeps orders nothing */
    uint64_t waited_ns;
} sleeper;

static const thrum_waits_ *waits_of_sleeper(void) {
    return (const thrum_waits_ *)(uintptr_t)thrum_u64_load_acquire(&sleeper.waits);
}

static void *be_a_sleeper(void *unused) {
    thrum_u64_store_release(&sleeper.waits, (uintptr_t)thrum_wait_own_());
    sleeper.kind->wait();
    sleeper.waited_ns = thrum_waited();
    CHECK_EQ(thrum_u32_load_relaxed(&thrum_wait_own_()->kind), THRUM_WAIT_NOTHING_);
    CHECK_EQ(thrum_u64_load_relaxed(&thrum_wait_own_()->since_ns), 0);
    return unused;
}

TEST(a_sleeping_thread_tells_for_what_and_since_when_it_waits) {
    for (int i = 0; i < KINDS; i++) {
        sleeper.kind = &kinds[i];
        sleeper.kind->before();
        const uint64_t begin_ns = test_now_ns();
        test_thread thread = test_start(be_a_sleeper, NULL);
        test_await_asleep(&thread);
        const uint64_t asleep_ns = test_now_ns();
        thrum_waits_ copy;
        if (!thrum_wait_read_(waits_of_sleeper(), &copy)) test_fail(__FILE__, __LINE__, kinds[i].name);
        CHECK_EQ(thrum_u32_load_relaxed(&copy.kind), kinds[i].kind);
        CHECK_EQ(thrum_u64_load_relaxed(&copy.object), (uintptr_t)kinds[i].object);
        const uint64_t since_ns = thrum_u64_load_relaxed(&copy.since_ns);
        CHECK(begin_ns <= since_ns && since_ns <= asleep_ns);
        sleeper.kind->end();
        test_join(&thread);
        const uint64_t end_ns = test_now_ns();
        CHECK(sleeper.waited_ns >= 1 && sleeper.waited_ns <= end_ns - begin_ns);
    }
}

/* By the call that is not inlined: the optimiser may put what follows a fast path far from its function. */
static void wait_slowly_for_lock(void) {
    thrum_lock_acquire_slow_(&lock);
    thrum_lock_release(&lock);
}
static const kind callers[] = {
    {"lock", acquire_lock, wait_slowly_for_lock, release_lock, THRUM_WAIT_LOCK_, &lock},
    {"condition", nothing, wait_for_cond, notify_cond, THRUM_WAIT_CONDITION_, &cond},
    {"a word", nothing, wait_for_word, wake_word, THRUM_WAIT_WORD_, &word},
};

TEST(a_sleeping_thread_tells_where_the_program_has_called) {
    thrum_u32_store_relaxed(&word, 0);
    for (unsigned i = 0; i < sizeof callers / sizeof callers[0]; i++) {
        sleeper.kind = &callers[i];
        sleeper.kind->before();
        test_thread thread = test_start(be_a_sleeper, NULL);
        test_await_asleep(&thread);
        const uint64_t begin = (uint64_t)(uintptr_t)callers[i].wait;
        const uint64_t site = thrum_u64_load_relaxed(&waits_of_sleeper()->site);
        if (site <= begin || site >= begin + 512) test_fail(__FILE__, __LINE__, callers[i].name);
        sleeper.kind->end();
        test_join(&thread);
    }
}

/* ---- a condition's waiter that goes for the lock ---- */

TEST(a_notified_waiter_waits_for_the_lock) {
    static const kind of_condition = {"condition", NULL, wait_for_cond, NULL, 0, NULL};
    sleeper.kind = &of_condition;
    test_thread thread = test_start(be_a_sleeper, NULL);
    test_await_asleep(&thread);
    const uint64_t since_ns = thrum_u64_load_relaxed(&waits_of_sleeper()->since_ns);
    const uint64_t site = thrum_u64_load_relaxed(&waits_of_sleeper()->site);
    thrum_lock_acquire(&lock);
    CHECK_EQ(thrum_cond_notify(&cond, 1), THRUM_OK);
    thrum_lock_release(&lock);
    thrum_lock_acquire(&lock);
    /* It comes for the lock again and again while it is busy, and then has had it. */
    while (thrum_u32_load_relaxed(&waits_of_sleeper()->kind) == THRUM_WAIT_CONDITION_) {
    }
    const uint32_t now = thrum_u32_load_relaxed(&waits_of_sleeper()->kind);
    if (now == THRUM_WAIT_LOCK_) {
        CHECK_EQ(thrum_u64_load_relaxed(&waits_of_sleeper()->site), site);
        CHECK_EQ(thrum_u64_load_relaxed(&waits_of_sleeper()->since_ns), since_ns);
    }
    thrum_lock_release(&lock);
    test_join(&thread);
}

/* ---- the sum ---- */

static uint64_t longer_ns;

static void *wait_twice(void *unused) {
    CHECK_EQ(thrum_waited(), 0);
    thrum_lock_acquire(&lock);
    thrum_lock_release(&lock);
    const uint64_t once_ns = thrum_waited();
    thrum_lock_acquire(&second);
    thrum_lock_release(&second);
    longer_ns = thrum_waited() - once_ns;
    return unused;
}

TEST(waits_add_up_from_the_first_sleep_to_the_end) {
    thrum_lock_acquire(&lock);
    thrum_lock_acquire(&second);
    test_thread thread = test_start(wait_twice, NULL);
    test_await_asleep(&thread);
    thrum_lock_release(&lock);
    while (thrum_lock_locked(&lock) || !thrum_u32_load_relaxed(&second.state)) thrum_futex_yield();
    test_await_asleep(&thread);
    const uint64_t asleep_ns = test_now_ns();
    while (test_now_ns() < asleep_ns + 20000000) thrum_futex_yield();
    thrum_lock_release(&second);
    test_join(&thread);
    CHECK(longer_ns >= 10000000);
}

TEST(what_does_not_sleep_counts_nothing) {
    static thrum_lock own;
    const uint64_t before = thrum_waited();
    thrum_lock_acquire(&own);
    CHECK_EQ(thrum_lock_acquire_until(&own, THRUM_NOW), THRUM_TIMEOUT);
    thrum_lock_release(&own);
    thrum_event_set(&event);
    thrum_event_wait(&event);
    CHECK_EQ(thrum_waited(), before);
}

/*
 * On a busy machine its spin alone may last until the deadline: then it has not slept, and another one is
 * made.
 */
TEST(a_wait_that_times_out_counts) {
    static thrum_event never;
    const uint64_t before = thrum_waited(), begin_ns = test_now_ns();
    while (thrum_waited() == before)
        CHECK_EQ(thrum_event_wait_until(&never, thrum_after_ms(5)), THRUM_TIMEOUT);
    CHECK(thrum_waited() - before <= test_now_ns() - begin_ns);
}

/* ---- waits within waits ---- */

static char outer_object, inner_object, outer_site, inner_site;

static thrum_wait_ begin_outer(thrum_wait_kind_ what) {
    return thrum_wait_begin_(what, &outer_object, &outer_site);
}
static thrum_wait_ begin_inner(thrum_wait_kind_ what) {
    return thrum_wait_begin_(what, &inner_object, &inner_site);
}

static void check_own(thrum_wait_kind_ what, const void *object, const void *site) {
    const thrum_waits_ *const own = thrum_wait_own_();
    CHECK_EQ(thrum_u32_load_relaxed(&own->kind), what);
    CHECK_EQ(thrum_u64_load_relaxed(&own->object), (uintptr_t)object);
    CHECK_EQ(thrum_u64_load_relaxed(&own->site), (uintptr_t)site);
}

static bool gives_way(int outer, int inner) {
    return (outer == THRUM_WAIT_CONDITION_ || outer == THRUM_WAIT_ALL_) &&
           (inner == THRUM_WAIT_LOCK_ || inner == THRUM_WAIT_RLOCK_);
}

TEST(of_waits_within_waits_the_outermost_is_told_but_for_the_lock_of_a_condition_and_of_several) {
    for (int outer = 1; outer < THRUM_WAIT_KIND_COUNT_; outer++) {
        for (int inner = 1; inner < THRUM_WAIT_KIND_COUNT_; inner++) {
            thrum_wait_ whole = begin_outer((thrum_wait_kind_)outer);
            thrum_wait_ within = begin_inner((thrum_wait_kind_)inner);
            if (gives_way(outer, inner))
                check_own((thrum_wait_kind_)inner, &inner_object, &outer_site);
            else
                check_own((thrum_wait_kind_)outer, &outer_object, &outer_site);
            thrum_wait_end_(&within);
            check_own((thrum_wait_kind_)outer, &outer_object, &outer_site);
            thrum_wait_end_(&whole);
            check_own(THRUM_WAIT_NOTHING_, NULL, NULL);
        }
    }
}

TEST(a_wait_counts_from_its_first_sleep_to_its_end_whatever_waits_are_within_it) {
    const thrum_waits_ *const own = thrum_wait_own_();
    const uint64_t before = thrum_waited();
    thrum_wait_ outer = begin_outer(THRUM_WAIT_CONDITION_);
    thrum_wait_end_(&outer); /* it has not slept */
    CHECK_EQ(thrum_waited(), before);
    outer = begin_outer(THRUM_WAIT_CONDITION_);
    thrum_wait_sleeps_();
    const uint64_t since_ns = thrum_u64_load_relaxed(&own->since_ns);
    CHECK(since_ns);
    thrum_wait_ inner = begin_inner(THRUM_WAIT_LOCK_);
    thrum_wait_sleeps_();
    thrum_wait_end_(&inner);
    CHECK_EQ(thrum_waited(), before);
    CHECK_EQ(thrum_u64_load_relaxed(&own->since_ns), since_ns);
    const uint64_t least_ns = test_now_ns() - since_ns;
    thrum_wait_end_(&outer);
    CHECK(thrum_waited() - before >= least_ns);
    CHECK_EQ(thrum_u64_load_relaxed(&own->since_ns), 0);
}

/* ---- reading ---- */

TEST(what_is_being_written_down_is_not_read) {
    thrum_waits_ waits, copy;
    memset(&waits, 0, sizeof waits);
    thrum_u32_store_relaxed(&waits.turn, 2);
    CHECK(thrum_wait_read_(&waits, &copy));
    thrum_u32_store_relaxed(&waits.turn, 3);
    CHECK(!thrum_wait_read_(&waits, &copy));
}

/* The second page of what is read, which cannot be until the handler has written another wait down. */
static struct {
    size_t page;
    thrum_waits_ *waits;
} cut;

static void write_another(int number) {
    (void)number;
    CHECK_EQ(mprotect((char *)&cut.waits->object, cut.page, PROT_READ | PROT_WRITE), 0);
    thrum_u32_store_relaxed(&cut.waits->turn, 4);
    thrum_u32_store_relaxed(&cut.waits->kind, THRUM_WAIT_LATCH_);
    thrum_u64_store_relaxed(&cut.waits->object, (uintptr_t)&inner_object);
    thrum_u64_store_relaxed(&cut.waits->site, (uintptr_t)&inner_site);
}

TEST(a_reader_that_another_wait_has_come_upon_sees_no_half_of_one) {
    cut.page = (size_t)sysconf(_SC_PAGESIZE);
    char *const memory = mmap(NULL, 2 * cut.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    cut.waits = (thrum_waits_ *)(void *)(memory + cut.page - offsetof(thrum_waits_, object));
    thrum_u32_store_relaxed(&cut.waits->turn, 2);
    thrum_u32_store_relaxed(&cut.waits->kind, THRUM_WAIT_EVENT_);
    thrum_u64_store_relaxed(&cut.waits->object, (uintptr_t)&outer_object);
    thrum_u64_store_relaxed(&cut.waits->site, (uintptr_t)&outer_site);
    CHECK_EQ(mprotect(memory + cut.page, cut.page, PROT_NONE), 0);
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = write_another;
    CHECK_EQ(sigaction(SIGSEGV, &action, NULL), 0);
    thrum_waits_ copy;
    CHECK(thrum_wait_read_(cut.waits, &copy));
    CHECK_EQ(thrum_u32_load_relaxed(&copy.turn), 4);
    CHECK_EQ(thrum_u32_load_relaxed(&copy.kind), THRUM_WAIT_LATCH_);
    CHECK_EQ(thrum_u64_load_relaxed(&copy.object), (uintptr_t)&inner_object);
    CHECK_EQ(thrum_u64_load_relaxed(&copy.site), (uintptr_t)&inner_site);
}

TEST(each_kind_has_a_name_of_its_own) {
    for (uint32_t i = 0; i < THRUM_WAIT_KIND_COUNT_; i++)
        for (uint32_t k = 0; k < i; k++)
            CHECK(strcmp(thrum_wait_kind_name_(i), thrum_wait_kind_name_(k)) != 0);
    CHECK(strcmp(thrum_wait_kind_name_(THRUM_WAIT_KIND_COUNT_), "?") == 0);
}
