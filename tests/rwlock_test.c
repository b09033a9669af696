/* SPDX-License-Identifier: MIT */
/* The promises of thrum/rwlock.h. What every wait does is in waiting_test.c. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "rwlock_parts.h"

#include <errno.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <thrum/rwlock.h>
#include <thrum/with.h>

/* All eight bytes, for "nothing has changed". */
static bool same(const thrum_rwlock *a, const thrum_rwlock *b) {
    return memcmp(a, b, sizeof *a) == 0;
}

static bool is_free(const thrum_rwlock *rwlock) {
    static const thrum_rwlock zero;
    return same(rwlock, &zero);
}
static void *writes(void *p) {
    thrum_rwlock_acquire_write(p);
    CHECK_EQ(thrum_rwlock_release_write(p), THRUM_OK);
    return NULL;
}

TEST(it_is_eight_bytes) {
    CHECK_EQ(sizeof(thrum_rwlock), 8);
}

TEST(all_zero_memory_is_a_free_rwlock) {
    static thrum_rwlock from_static;
    static thrum_rwlock from_macro = THRUM_RWLOCK_INIT;
    thrum_rwlock *from_heap = calloc(1, sizeof *from_heap);
    thrum_rwlock from_init;
    memset(&from_init, 0xFF, sizeof from_init);
    thrum_rwlock_init(&from_init);
    thrum_rwlock *const rwlocks[] = {&from_static, &from_macro, from_heap, &from_init};
    for (unsigned i = 0; i < 4; i++) {
        CHECK(is_free(rwlocks[i]));
        reads(rwlocks[i]);
        writes(rwlocks[i]);
        CHECK(is_free(rwlocks[i]));
    }
    free(from_heap);
}

TEST(readers_read_together_and_keep_writers_out) {
    static thrum_rwlock rwlock;
    for (unsigned n = 1; n <= 3; n++) {
        if (n == 1) thrum_rwlock_acquire_read(&rwlock);
        if (n == 2) CHECK(thrum_rwlock_try_acquire_read(&rwlock));
        if (n == 3) CHECK_EQ(thrum_rwlock_acquire_read_until(&rwlock, THRUM_NOW), THRUM_OK);
        CHECK_EQ(thrum_rwlock_readers(&rwlock), n);
        CHECK(!thrum_rwlock_writing(&rwlock));
        CHECK(!thrum_rwlock_try_acquire_write(&rwlock));
        CHECK_EQ(thrum_rwlock_acquire_write_until(&rwlock, THRUM_NOW), THRUM_TIMEOUT);
        CHECK_EQ(thrum_rwlock_acquire_write_until(&rwlock, thrum_after_us(300)), THRUM_TIMEOUT);
        CHECK_EQ(thrum_rwlock_readers(&rwlock), n);
    }
    for (unsigned n = 3; n > 0; n--) CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_OK);
    CHECK(is_free(&rwlock));
}

TEST(a_writer_is_alone) {
    static thrum_rwlock rwlock;
    for (unsigned how = 0; how < 3; how++) {
        if (how == 0) thrum_rwlock_acquire_write(&rwlock);
        if (how == 1) CHECK(thrum_rwlock_try_acquire_write(&rwlock));
        if (how == 2) CHECK_EQ(thrum_rwlock_acquire_write_until(&rwlock, THRUM_NOW), THRUM_OK);
        CHECK(thrum_rwlock_writing(&rwlock));
        CHECK_EQ(thrum_rwlock_readers(&rwlock), 0);
        CHECK(!thrum_rwlock_try_acquire_read(&rwlock));
        CHECK(!thrum_rwlock_try_acquire_write(&rwlock));
        CHECK_EQ(thrum_rwlock_acquire_read_until(&rwlock, THRUM_NOW), THRUM_TIMEOUT);
        CHECK_EQ(thrum_rwlock_acquire_read_until(&rwlock, thrum_after_us(300)), THRUM_TIMEOUT);
        CHECK_EQ(thrum_rwlock_acquire_write_until(&rwlock, thrum_after_us(300)), THRUM_TIMEOUT);
        CHECK_EQ(thrum_rwlock_release_write(&rwlock), THRUM_OK);
        CHECK(is_free(&rwlock));
    }
}

TEST(a_release_of_what_nobody_holds_changes_nothing) {
    static thrum_rwlock rwlock;
    CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_NOT_LOCKED);
    CHECK_EQ(thrum_rwlock_release_write(&rwlock), THRUM_NOT_LOCKED);
    CHECK_EQ(thrum_rwlock_downgrade(&rwlock), THRUM_NOT_LOCKED);
    CHECK(is_free(&rwlock));
    thrum_rwlock_acquire_read(&rwlock);
    const thrum_rwlock read = rwlock;
    CHECK_EQ(thrum_rwlock_release_write(&rwlock), THRUM_NOT_LOCKED);
    CHECK_EQ(thrum_rwlock_downgrade(&rwlock), THRUM_NOT_LOCKED);
    CHECK(same(&rwlock, &read));
    CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_OK);
    thrum_rwlock_acquire_write(&rwlock);
    const thrum_rwlock written = rwlock;
    CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_NOT_LOCKED);
    CHECK(same(&rwlock, &written));
    CHECK_EQ(thrum_rwlock_release_write(&rwlock), THRUM_OK);
    CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_NOT_LOCKED);
    CHECK(is_free(&rwlock));
    static thrum_rwlock shared;
    thrum_rwlock_init_shared(&shared);
    const thrum_rwlock before = shared;
    CHECK_EQ(thrum_rwlock_release_read(&shared), THRUM_NOT_LOCKED);
    CHECK_EQ(thrum_rwlock_release_write(&shared), THRUM_NOT_LOCKED);
    CHECK(same(&shared, &before));
}

TEST(a_downgrade_lets_readers_in_and_no_writer) {
    static thrum_rwlock rwlock;
    thrum_rwlock_acquire_write(&rwlock);
    test_thread reader = test_start(reads, &rwlock);
    test_await_asleep(&reader);
    CHECK_EQ(thrum_rwlock_downgrade(&rwlock), THRUM_OK);
    test_join(&reader);
    CHECK_EQ(thrum_rwlock_readers(&rwlock), 1);
    CHECK(!thrum_rwlock_try_acquire_write(&rwlock));
    test_thread writer = test_start(writes, &rwlock);
    test_await_asleep(&writer);
    CHECK_EQ(thrum_rwlock_readers(&rwlock), 1);
    CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_OK);
    test_join(&writer);
    CHECK(is_free(&rwlock));
}

/* One sleeps on the word, the others in the line behind it. */
TEST(readers_and_writers_that_sleep_get_in_when_a_writer_leaves) {
    static thrum_rwlock rwlock;
    enum { WAITERS = 12 };
    test_thread waiters[WAITERS];
    thrum_rwlock_acquire_write(&rwlock);
    for (unsigned i = 0; i < WAITERS; i++) {
        waiters[i] = test_start(i % 3 == 0 ? writes : reads, &rwlock);
        test_await_asleep(&waiters[i]);
    }
    CHECK_EQ(thrum_rwlock_release_write(&rwlock), THRUM_OK);
    for (unsigned i = 0; i < WAITERS; i++) test_join(&waiters[i]);
    CHECK(is_free(&rwlock));
}

/* All readers of a line read at the same time: each holds on until the last has come in. */
static struct {
    thrum_rwlock rwlock;
    atomic_uint inside;
} together;
enum { LINE = 8 };
static void *read_until_all_do(void *unused) {
    thrum_rwlock_acquire_read(&together.rwlock);
    atomic_fetch_add(&together.inside, 1);
    while (atomic_load(&together.inside) < LINE) sched_yield();
    CHECK_EQ(thrum_rwlock_release_read(&together.rwlock), THRUM_OK);
    return unused;
}
TEST(a_line_of_readers_goes_in_together) {
    test_thread readers[LINE];
    thrum_rwlock_acquire_write(&together.rwlock);
    for (unsigned i = 0; i < LINE; i++) {
        readers[i] = test_start(read_until_all_do, NULL);
        test_await_asleep(&readers[i]);
    }
    CHECK_EQ(thrum_rwlock_release_write(&together.rwlock), THRUM_OK);
    for (unsigned i = 0; i < LINE; i++) test_join(&readers[i]);
    CHECK(is_free(&together.rwlock));
}

/* Once a writer has waited for its slice, no reader that comes is let in before it. */
TEST(a_writer_that_waits_closes_it_to_newcomers) {
    static thrum_rwlock rwlock;
    thrum_rwlock_acquire_read(&rwlock);
    test_thread writer = test_start(writes, &rwlock);
    /* In this order: as it comes it closes the rwlock for a moment, and it has not slept before that. */
    while (!test_is_asleep(writer.tid) || !(thrum_u32_load_relaxed(&rwlock.state) & THRUM_RWLOCK_CLOSED_))
        sched_yield();
    for (unsigned i = 0; i < 100; i++) CHECK(!thrum_rwlock_try_acquire_read(&rwlock));
    CHECK_EQ(thrum_rwlock_acquire_read_until(&rwlock, thrum_after_ms(5)), THRUM_TIMEOUT);
    CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_OK);
    test_join(&writer);
    CHECK(is_free(&rwlock));
}

static void *writes_for_two_ms(void *p) {
    CHECK_EQ(thrum_rwlock_acquire_write_until(p, thrum_after_ms(2)), THRUM_TIMEOUT);
    return NULL;
}
TEST(a_writer_that_gives_up_opens_it_again) {
    static thrum_rwlock rwlock;
    thrum_rwlock_acquire_read(&rwlock);
    test_thread writer = test_start(writes_for_two_ms, &rwlock);
    test_thread reader = test_start(reads, &rwlock); /* before, while or after it is closed */
    test_join(&writer);
    test_join(&reader);
    CHECK(thrum_rwlock_try_acquire_read(&rwlock));
    CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_OK);
    CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_OK);
    CHECK(is_free(&rwlock));
}

/* --- guards, forks, text -------------------------------------------------------------------------------- */

static bool leaves_by_return(thrum_rwlock *rwlock) {
    THRUM_WITH_READ(rwlock) {
        CHECK_EQ(thrum_rwlock_readers(rwlock), 1);
        return true;
    }
    return false;
}

TEST(with_read_and_with_write_let_go_on_every_way_out) {
    static thrum_rwlock rwlock;
    unsigned runs = 0;
    THRUM_WITH_WRITE(&rwlock) {
        CHECK(thrum_rwlock_writing(&rwlock));
        runs++;
        break;
    }
    CHECK(is_free(&rwlock));
    CHECK(leaves_by_return(&rwlock));
    CHECK(is_free(&rwlock));
    {
        THRUM_HOLD_READ(&rwlock);
        CHECK_EQ(thrum_rwlock_readers(&rwlock), 1);
        thrum_result result = THRUM_OK;
        THRUM_WITH_WRITE_UNTIL(&rwlock, thrum_after_us(100), &result) {
            runs += 100;
        }
        CHECK_EQ(result, THRUM_TIMEOUT);
        THRUM_WITH_READ_UNTIL(&rwlock, THRUM_NOW, &result) {
            runs++;
        }
        CHECK_EQ(result, THRUM_OK);
    }
    {
        THRUM_HOLD_WRITE(&rwlock);
        CHECK(thrum_rwlock_writing(&rwlock));
        thrum_self_release_guards();
        CHECK(is_free(&rwlock));
    }
    CHECK(is_free(&rwlock));
    CHECK_EQ(runs, 2);
}

TEST(a_child_can_reset_what_it_inherited) {
    static thrum_rwlock rwlock, shared;
    thrum_rwlock_init_shared(&shared);
    thrum_rwlock_acquire_write(&rwlock);
    thrum_rwlock_acquire_read(&shared);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        thrum_rwlock_reset_after_fork(&rwlock);
        CHECK(is_free(&rwlock));
        thrum_rwlock_reset_after_fork(&shared);
        CHECK_EQ(thrum_rwlock_readers(&shared), 1);
        _exit(0);
    }
    test_join_child(child);
}

TEST(it_describes_itself) {
    static thrum_rwlock rwlock;
    char text[64];
    thrum_rwlock_describe(&rwlock, text, sizeof text);
    CHECK_EQ(strcmp(text, "rwlock: free"), 0);
    thrum_rwlock_acquire_read(&rwlock);
    thrum_rwlock_describe(&rwlock, text, sizeof text);
    CHECK_EQ(strcmp(text, "rwlock: 1 reader"), 0);
    thrum_rwlock_acquire_read(&rwlock);
    CHECK_EQ(thrum_rwlock_describe(&rwlock, text, 10), strlen("rwlock: 2 readers"));
    CHECK_EQ(strcmp(text, "rwlock: 2"), 0);
    (void)thrum_rwlock_release_read(&rwlock);
    (void)thrum_rwlock_release_read(&rwlock);
    thrum_rwlock_init_shared(&rwlock);
    thrum_rwlock_acquire_write(&rwlock);
    thrum_rwlock_describe(&rwlock, text, sizeof text);
    CHECK_EQ(strcmp(text, "rwlock: a writer, shared"), 0);
}

/* Preset: nobody starts so many threads. */
TEST(one_reader_too_many_waits) {
    static thrum_rwlock rwlock;
    thrum_u32_store_relaxed(&rwlock.state, (THRUM_RWLOCK_READERS_MAX - 1) * THRUM_RWLOCK_READER_);
    thrum_rwlock_acquire_read(&rwlock);
    CHECK_EQ(thrum_rwlock_readers(&rwlock), THRUM_RWLOCK_READERS_MAX);
    CHECK(!thrum_rwlock_try_acquire_read(&rwlock));
    CHECK_EQ(thrum_rwlock_acquire_read_until(&rwlock, thrum_after_ms(3)), THRUM_TIMEOUT);
    test_thread reader = test_start(reads, &rwlock);
    test_await_asleep(&reader);
    CHECK_EQ(thrum_rwlock_release_read(&rwlock), THRUM_OK);
    test_join(&reader);
    CHECK_EQ(thrum_rwlock_readers(&rwlock), THRUM_RWLOCK_READERS_MAX - 1);
}

TEST(errno_is_kept) {
    static thrum_rwlock rwlock;
    thrum_rwlock_acquire_read(&rwlock);
    errno = 4242;
    CHECK_EQ(thrum_rwlock_acquire_write_until(&rwlock, thrum_after_ms(2)), THRUM_TIMEOUT);
    CHECK_EQ(errno, 4242);
}

/* Memory that may not be written. */
TEST(a_try_on_a_rwlock_that_is_held_writes_nothing) {
    thrum_rwlock *const held = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(held != MAP_FAILED);
    thrum_rwlock_acquire_read(held);
    CHECK_EQ(mprotect(held, 4096, PROT_READ), 0);
    CHECK(!thrum_rwlock_try_acquire_write(held));
    CHECK_EQ(mprotect(held, 4096, PROT_READ | PROT_WRITE), 0);
    CHECK_EQ(thrum_rwlock_release_read(held), THRUM_OK);
    thrum_rwlock_acquire_write(held);
    CHECK_EQ(mprotect(held, 4096, PROT_READ), 0);
    CHECK(!thrum_rwlock_try_acquire_write(held));
    CHECK(!thrum_rwlock_try_acquire_read(held));
    CHECK_EQ(munmap(held, 4096), 0);
}

/* Preset: a waiter has closed the rwlock and is on its way. */
TEST(a_try_minds_the_closing_of_a_rwlock) {
    thrum_rwlock closed = THRUM_RWLOCK_INIT;
    thrum_u32_store_relaxed(&closed.state, THRUM_RWLOCK_CLOSED_);
    CHECK(!thrum_rwlock_try_acquire_read(&closed));
    CHECK(!thrum_rwlock_try_acquire_write(&closed));
    CHECK_EQ(thrum_rwlock_acquire_read_until(&closed, THRUM_NOW), THRUM_TIMEOUT);
    CHECK_EQ(thrum_rwlock_acquire_write_until(&closed, THRUM_NOW), THRUM_TIMEOUT);
    CHECK_EQ(thrum_u32_load_relaxed(&closed.state), THRUM_RWLOCK_CLOSED_);
}
