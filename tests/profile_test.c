/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include "../src/futex/profile_inside.h"
#include "../src/futex/waits.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <thrum/cond.h>
#include <thrum/event.h>
#include <thrum/futex.h>
#include <thrum/lock.h>
#include <thrum/profile.h>
#include <thrum/rlock.h>
#include <thrum/rwlock.h>
#include <thrum/semaphore.h>
#include <unistd.h>

/* ---- what is written ---- */

static char text[1 << 21];

static void write_it(void) {
    const int fd = memfd_create("profile", 0);
    CHECK(fd >= 0);
    CHECK_EQ(thrum_profile_write(fd), THRUM_OK);
    size_t length = 0;
    for (ssize_t n; (n = pread(fd, text + length, sizeof text - 1 - length, (off_t)length)) > 0;)
        length += (size_t)n;
    CHECK(length < sizeof text - 1);
    text[length] = 0;
    close(fd);
}

typedef struct row {
    unsigned long long kind, object, site, holder, waits, waited_ns, worst_ns;
} row;

/* The next line of `what` from *at on. */
static bool next_row(const char **at, const char *what, row *r) {
    for (const char *line = *at; *line; line += strcspn(line, "\n") + 1) {
        if (strncmp(line, what, strlen(what)) != 0) continue;
        *at = line + strcspn(line, "\n") + 1;
        return sscanf(line + strlen(what), " %llu %llx %llx %llx %llx %llx %llx", &r->kind, &r->object,
                      &r->site, &r->holder, &r->waits, &r->waited_ns, &r->worst_ns) == 7;
    }
    return false;
}

/* The sum of all rows of a kind and an object; of those with a known holder, if one is asked for. */
static row sum_of(uint32_t kind, const void *object, bool with_holder) {
    row sum = {0, 0, 0, 0, 0, 0, 0}, r;
    for (const char *at = text; next_row(&at, "wait ", &r);) {
        if (r.kind != kind || r.object != (uintptr_t)object || (with_holder && !r.holder)) continue;
        sum.waits += r.waits;
        sum.waited_ns += r.waited_ns;
        sum.site = r.site;
        if (r.holder) sum.holder = r.holder;
        if (r.worst_ns > sum.worst_ns) sum.worst_ns = r.worst_ns;
    }
    return sum;
}

/* ---- a wait is counted ---- */

static thrum_lock lock;
static thrum_rlock rlock;
static thrum_rwlock rwlock;
static thrum_semaphore semaphore;
static thrum_event event;

static void *acquire_lock(void *unused) {
    thrum_lock_acquire(&lock);
    thrum_lock_release(&lock);
    return unused;
}

static void wait_once(void *(*wait)(void *), void (*hold)(void), void (*let_go)(void)) {
    if (hold) hold();
    test_thread thread = test_start(wait, NULL);
    test_await_asleep(&thread);
    let_go();
    test_join(&thread);
}

/* A program of several tests has one table. */
static void begin_anew(void) {
    thrum_profile_begin();
    thrum_profile_reset_after_fork();
}

static void hold_lock(void) {
    thrum_lock_acquire(&lock);
}
static void release_lock(void) {
    thrum_lock_release(&lock);
}

TEST(nothing_is_counted_before_the_begin_and_after_the_end) {
    thrum_profile_end();
    CHECK(!thrum_profile_counts());
    wait_once(acquire_lock, hold_lock, release_lock);
    write_it();
    CHECK_EQ(sum_of(THRUM_WAIT_LOCK_, &lock, false).waits, 0);
    thrum_profile_begin();
    CHECK(thrum_profile_counts());
    wait_once(acquire_lock, hold_lock, release_lock);
    thrum_profile_end();
    wait_once(acquire_lock, hold_lock, release_lock);
    write_it();
    CHECK_EQ(sum_of(THRUM_WAIT_LOCK_, &lock, false).waits, 1);
}

TEST(a_wait_is_counted_with_its_length) {
    begin_anew();
    thrum_lock_acquire(&lock);
    test_thread thread = test_start(acquire_lock, NULL);
    test_await_asleep(&thread);
    const uint64_t asleep_ns = test_now_ns();
    while (test_now_ns() < asleep_ns + 5000000) thrum_futex_yield();
    thrum_lock_release(&lock);
    test_join(&thread);
    write_it();
    const row sum = sum_of(THRUM_WAIT_LOCK_, &lock, false);
    CHECK_EQ(sum.waits, 1);
    CHECK(sum.waited_ns >= 5000000);
    CHECK_EQ(sum.worst_ns, sum.waited_ns);
}

TEST(what_does_not_sleep_is_not_counted) {
    begin_anew();
    thrum_lock_acquire(&lock);
    CHECK_EQ(thrum_lock_acquire_until(&lock, THRUM_NOW), THRUM_TIMEOUT);
    thrum_lock_release(&lock);
    thrum_event_set(&event);
    thrum_event_wait(&event);
    write_it();
    CHECK(!strstr(text, "\nwait "));
}

TEST(the_file_says_where_code_lies_and_is_whole) {
    const int saved = errno = E2BIG;
    write_it();
    CHECK_EQ(errno, saved);
    CHECK_EQ(strncmp(text, "thrum profile 1\n", 16), 0);
    CHECK(strstr(text, "\nkind 2 lock\n"));
    CHECK(strstr(text, " r-xp "));
    CHECK_EQ(strcmp(text + strlen(text) - 4, "end\n"), 0);
}

TEST(a_file_that_takes_less_is_told) {
    CHECK_EQ(thrum_profile_write(-1), THRUM_FAILED);
    const int full = open("/dev/full", O_WRONLY);
    CHECK(full >= 0);
    CHECK_EQ(thrum_profile_write(full), THRUM_FAILED);
}

/* ---- the holder ---- */

static void *acquire_rlock(void *unused) {
    (void)thrum_rlock_acquire(&rlock);
    (void)thrum_rlock_release(&rlock);
    return unused;
}
static void *read_it(void *unused) {
    thrum_rwlock_acquire_read(&rwlock);
    (void)thrum_rwlock_release_read(&rwlock);
    return unused;
}
static void *write_into_it(void *unused) {
    thrum_rwlock_acquire_write(&rwlock);
    (void)thrum_rwlock_release_write(&rwlock);
    return unused;
}
static void *acquire_semaphore(void *unused) {
    thrum_semaphore_acquire(&semaphore);
    return unused;
}
static void *wait_for_event(void *unused) {
    thrum_event_wait(&event);
    return unused;
}
static void hold_rlock(void) {
    (void)thrum_rlock_acquire(&rlock);
}
static void hold_to_write(void) {
    thrum_rwlock_acquire_write(&rwlock);
}
static void hold_to_read(void) {
    thrum_rwlock_acquire_read(&rwlock);
}
/*
 * What follows the release keeps the release from being the caller's last call, whose place is the caller's.
 */
static thrum_u32 released;
__attribute__((noinline)) static void release_rlock(void) {
    (void)thrum_rlock_release(&rlock);
    thrum_u32_store_relaxed(&released, 1);
}
__attribute__((noinline)) static void end_writing(void) {
    (void)thrum_rwlock_release_write(&rwlock);
    thrum_u32_store_relaxed(&released, 1);
}
__attribute__((noinline)) static void end_reading(void) {
    (void)thrum_rwlock_release_read(&rwlock);
    thrum_u32_store_relaxed(&released, 1);
}
__attribute__((noinline)) static void release_semaphore(void) {
    (void)thrum_semaphore_release(&semaphore);
    thrum_u32_store_relaxed(&released, 1);
}
static void set_event(void) {
    thrum_event_set(&event);
    thrum_event_clear(&event);
}

static const struct {
    uint32_t kind;
    const void *object;
    void *(*wait)(void *);
    void (*hold)(void);
    void (*let_go)(void);
} holds[] = {
    {THRUM_WAIT_LOCK_, &lock, acquire_lock, hold_lock, release_lock},
    {THRUM_WAIT_RLOCK_, &rlock, acquire_rlock, hold_rlock, release_rlock},
    {THRUM_WAIT_READ_, &rwlock, read_it, hold_to_write, end_writing},
    {THRUM_WAIT_WRITE_, &rwlock, write_into_it, hold_to_write, end_writing},
    {THRUM_WAIT_WRITE_, &rwlock, write_into_it, hold_to_read, end_reading},
    {THRUM_WAIT_SEMAPHORE_, &semaphore, acquire_semaphore, NULL, release_semaphore},
};

/*
 * A holder that loses the processor between its release and its telling tells too late for that wait: another
 * one is made.
 */
TEST(a_wait_is_charged_to_the_hold_that_it_met) {
    begin_anew();
    for (unsigned i = 0; i < sizeof holds / sizeof holds[0]; i++) {
        row sum;
        do {
            wait_once(holds[i].wait, holds[i].hold, holds[i].let_go);
            write_it();
            sum = sum_of(holds[i].kind, holds[i].object, true);
        } while (!sum.waits);
        CHECK(sum.holder != sum.site);
    }
}

TEST(what_nobody_holds_has_no_holder) {
    begin_anew();
    wait_once(wait_for_event, NULL, set_event);
    write_it();
    CHECK_EQ(sum_of(THRUM_WAIT_EVENT_, &event, false).waits, 1);
    CHECK_EQ(sum_of(THRUM_WAIT_EVENT_, &event, true).waits, 0);
}

/* A release before the wait charges nobody. */
TEST(an_earlier_release_is_not_charged) {
    begin_anew();
    static thrum_lock other;
    thrum_profile_let_go_(&other, &text);
    const uint32_t releases = thrum_profile_releases_((uintptr_t)&other);
    thrum_profile_count_(THRUM_WAIT_LOCK_, (uintptr_t)&other, 1, releases, 10);
    write_it();
    CHECK_EQ(sum_of(THRUM_WAIT_LOCK_, &other, true).waits, 0);
    thrum_profile_count_(THRUM_WAIT_LOCK_, (uintptr_t)&other, 1, releases - 1, 10);
    write_it();
    CHECK_EQ(sum_of(THRUM_WAIT_LOCK_, &other, true).waits, 1);
    CHECK_EQ(sum_of(THRUM_WAIT_LOCK_, &other, true).holder, (uintptr_t)&text);
}

/* ---- a condition ---- */

static thrum_cond cond = THRUM_COND_INIT(&lock);
static int answers; /* of the lock */

static void *wait_for_an_answer(void *unused) {
    thrum_lock_acquire(&lock);
    while (!answers) CHECK_EQ(thrum_cond_wait(&cond), THRUM_OK);
    thrum_lock_release(&lock);
    return unused;
}
static void answer_and_wait_until_it_asks(void) {
    thrum_lock_acquire(&lock);
    answers = 1;
    CHECK_EQ(thrum_cond_notify(&cond, 1), THRUM_OK);
    thrum_lock_release(&lock);
}

TEST(a_wait_for_a_condition_is_counted_by_the_condition) {
    begin_anew();
    wait_once(wait_for_an_answer, NULL, answer_and_wait_until_it_asks);
    write_it();
    CHECK_EQ(sum_of(THRUM_WAIT_CONDITION_, &cond, false).waits, 1);
}

/* ---- many ---- */

enum { MANY = 300 };

TEST(each_of_hundreds_of_threads_is_counted) {
    static test_thread threads[MANY];
    begin_anew();
    thrum_lock_acquire(&lock);
    for (int i = 0; i < MANY; i++) threads[i] = test_start(acquire_lock, NULL);
    for (int i = 0; i < MANY; i++) test_await_asleep(&threads[i]);
    thrum_lock_release(&lock);
    for (int i = 0; i < MANY; i++) test_join(&threads[i]);
    write_it();
    CHECK_EQ(sum_of(THRUM_WAIT_LOCK_, &lock, false).waits, MANY);
}

TEST(what_has_no_place_in_the_table_is_counted_by_kind) {
    enum { OBJECTS = 10000 };
    begin_anew();
    for (uintptr_t i = 1; i <= OBJECTS; i++) thrum_profile_count_(THRUM_WAIT_LATCH_, i * 64, 7, 0, 1000);
    write_it();
    unsigned long long told = 0, others = 0;
    row r;
    for (const char *at = text; next_row(&at, "wait ", &r);) told += r.waits;
    for (const char *at = text; next_row(&at, "others ", &r);) {
        CHECK_EQ(r.kind, THRUM_WAIT_LATCH_);
        others += r.waits;
    }
    CHECK(told > 4000 && others > 0); /* nearly each of the 4096 places has been found */
    CHECK_EQ(told + others, OBJECTS);
}

static thrum_u32 stop;

static void write_at_once(int unused) {
    (void)unused;
    const int nowhere = open("/dev/null", O_WRONLY);
    if (nowhere < 0 || thrum_profile_write(nowhere) != THRUM_OK) abort();
    close(nowhere);
}
static void *acquire_until_told(void *unused) {
    while (!thrum_u32_load_relaxed(&stop)) acquire_lock(NULL);
    return unused;
}

TEST(a_signal_handler_writes_it_amid_waits) {
    begin_anew();
    CHECK(signal(SIGUSR1, write_at_once) != SIG_ERR);
    test_thread threads[3];
    for (int i = 0; i < 3; i++) threads[i] = test_start(acquire_until_told, NULL);
    for (int i = 0; i < 60; i++) {
        CHECK_EQ(pthread_kill(threads[i % 3].thread, SIGUSR1), 0);
        thrum_futex_yield();
    }
    thrum_u32_store_relaxed(&stop, 1);
    for (int i = 0; i < 3; i++) test_join(&threads[i]);
}

/* ---- a fork ---- */

static void count_anew(void) {
    thrum_profile_reset_after_fork();
    CHECK(thrum_profile_counts());
    wait_once(acquire_lock, hold_lock, release_lock);
    write_it();
    CHECK_EQ(sum_of(THRUM_WAIT_LOCK_, &lock, false).waits, 1);
}

TEST(a_forked_child_counts_anew) {
    begin_anew();
    wait_once(acquire_lock, hold_lock, release_lock);
    test_in_child(count_anew);
    write_it();
    CHECK_EQ(sum_of(THRUM_WAIT_LOCK_, &lock, false).waits, 1);
}
