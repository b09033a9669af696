/* SPDX-License-Identifier: MIT */
/* A crowd on a rwlock starves nobody: how long a reader or a writer waits at most. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <stdatomic.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <thrum/cpu.h>
#include <thrum/rwlock.h>

/*
 * How long the calling thread has been ready to run and did not, by the kernel's account; it grows by itself.
 */
static uint64_t kept_off_the_processor_ns(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/schedstat", (int)syscall(SYS_gettid));
    FILE *file = fopen(path, "r");
    unsigned long long ran = 0, waited = 0;
    if (!file || fscanf(file, "%llu %llu", &ran, &waited) != 2) test_skip("no schedstat here");
    fclose(file);
    return waited;
}

static struct {
    thrum_rwlock rwlock;
    atomic_bool over;
    _Atomic uint64_t longest_ns; /* section */
} crowd;

typedef struct turns {
    unsigned count;
    uint64_t kept_ns; /* off the processor, before the last 64 at most */
} turns;

/*
 * One section. Its end is read after the release, and its begin after the acquire. Where the acquire was
 * long, the machine may have kept the thread off the processor before that reading: then all the time that
 * it was kept off in its last turns counts as a part of the section.
 */
static void have_a_turn(turns *mine, bool to_write, uint64_t work_ns) {
    if (mine->count++ % 64 == 0) mine->kept_ns = kept_off_the_processor_ns();
    const uint64_t asked = test_now_ns();
    to_write ? thrum_rwlock_acquire_write(&crowd.rwlock) : thrum_rwlock_acquire_read(&crowd.rwlock);
    const uint64_t begun = test_now_ns();
    while (test_now_ns() - begun < work_ns) thrum_cpu_pause();
    CHECK_EQ(to_write ? thrum_rwlock_release_write(&crowd.rwlock) : thrum_rwlock_release_read(&crowd.rwlock),
             THRUM_OK);
    uint64_t ns = test_now_ns() - begun;
    if (begun - asked > 1000000) ns += kept_off_the_processor_ns() - mine->kept_ns;
    uint64_t longest = atomic_load(&crowd.longest_ns);
    while (ns > longest && !atomic_compare_exchange_weak(&crowd.longest_ns, &longest, ns)) {
    }
}
static void *read_all_the_time(void *unused) {
    turns mine = {0, 0};
    while (!atomic_load(&crowd.over)) have_a_turn(&mine, false, 20000);
    return unused;
}
static void *write_all_the_time(void *unused) {
    turns mine = {0, 0};
    while (!atomic_load(&crowd.over)) have_a_turn(&mine, true, 5000);
    return unused;
}

/*
 * The promise is 10 ms and the longest section; the processor time that others got in the waiter's stead is
 * the machine's doing and is left out.
 */
static void get_in_among(unsigned count, void *(*crowds_work)(void *), bool to_write) {
    enum { CROWD = 4, ROUNDS = 100 };
    test_thread threads[CROWD];
    CHECK(count <= CROWD);
    atomic_store(&crowd.over, false);
    atomic_store(&crowd.longest_ns, 0);
    for (unsigned i = 0; i < count; i++) threads[i] = test_start(crowds_work, NULL);
    uint64_t longest = 0;
    for (unsigned i = 0; i < ROUNDS / test_slowdown(); i++) {
        const uint64_t off = kept_off_the_processor_ns(), begun = test_now_ns();
        if (to_write)
            thrum_rwlock_acquire_write(&crowd.rwlock);
        else
            thrum_rwlock_acquire_read(&crowd.rwlock);
        const uint64_t waited = test_now_ns() - begun, kept = kept_off_the_processor_ns() - off;
        if (to_write)
            CHECK_EQ(thrum_rwlock_release_write(&crowd.rwlock), THRUM_OK);
        else
            CHECK_EQ(thrum_rwlock_release_read(&crowd.rwlock), THRUM_OK);
        if (waited > kept && waited - kept > longest) longest = waited - kept;
        usleep(1000);
    }
    atomic_store(&crowd.over, true);
    for (unsigned i = 0; i < count; i++) test_join(&threads[i]);
    printf("    longest wait %.3f ms, longest section %.3f ms\n", (double)longest / 1e6,
           (double)atomic_load(&crowd.longest_ns) / 1e6);
    CHECK(longest <= 10000000 + atomic_load(&crowd.longest_ns));
}

TEST(a_writer_gets_in_whatever_the_readers_do) { /* ctest: serial */
    get_in_among(4, read_all_the_time, true);
}
/* One writer: of several, each that is before the reader in the line has a slice of its own. */
TEST(a_reader_gets_in_whatever_a_writer_does) { /* ctest: serial */
    get_in_among(1, write_all_the_time, false);
}
