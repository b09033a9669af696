/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* mutants: also rcu */
/*
 * A program that enters a sandbox long after its start: membarrier is refused from then on, to the thread
 * that enters or to all. Read sections, grace periods, callbacks, snapshots and maps go on.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "refuse.h"

#include <stdlib.h>
#include <thrum.h>
#include <unistd.h>

/* From here on every thread of the process gets `error` from that call. */
static void refuse_to_all(long call, int error) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    const struct sock_fprog program = {(unsigned short)(sizeof filter / sizeof filter[0]), filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program))
        test_skip("no seccomp filters for all threads here");
}

enum { READERS = 2, ROUNDS = 300, KEYS = 64 };

typedef struct page {
    thrum_rcu_head head;
    uint64_t a, b;
} page;

static page *current;
static thrum_snapshot cell;
static thrum_map *map;
static thrum_event over;
static thrum_u64 reads, made, freed;

static void end_page(page *p) {
    p->a = 1; /* a reader that sees it is torn */
    p->b = 2;
    free(p);
    thrum_u64_fetch_add_relaxed(&freed, 1);
}

static void free_head(thrum_rcu_head *head) {
    end_page((page *)(void *)head);
}

static void free_value(void *value) {
    end_page(value);
}

static page *make(void) {
    page *const p = malloc(sizeof *p);
    CHECK(p);
    p->a = p->b = thrum_u64_fetch_add_relaxed(&made, 1);
    return p;
}

static void look_at(const page *p) {
    if (p) CHECK_EQ(*(volatile const uint64_t *)&p->a, *(volatile const uint64_t *)&p->b);
}

static void *read_all(void *unused) {
    for (uint64_t key = 0; !thrum_event_is_set(&over); key++) {
        THRUM_WITH_RCU {
            look_at(thrum_rcu_read(&current));
            look_at(thrum_map_get(map, thrum_key_number(key % KEYS)));
        }
        THRUM_WITH_SNAPSHOT(const page *p, &cell) look_at(p);
        thrum_u64_fetch_add_relaxed(&reads, 1);
    }
    return unused;
}

static void write_all(unsigned rounds) {
    for (unsigned i = 0; i < rounds; i++) {
        page *const before = thrum_rcu_exchange(&current, make());
        if (before) thrum_rcu_retire(&before->head, free_head);
        CHECK_EQ(thrum_snapshot_set(&cell, make(), free_value), THRUM_OK);
        CHECK_EQ(thrum_map_put(map, thrum_key_number(i % KEYS), make()), THRUM_OK);
        if (i % 64 == 0) thrum_rcu_synchronize();
        if (i % 8 == 0) thrum_futex_yield();
    }
}

static void go_through(void (*enter)(long call, int error), int error) {
    const thrum_map_config config = {.destroy = free_value};
    CHECK_EQ(thrum_map_new(&map, &config), THRUM_OK);
    test_thread readers[READERS];
    for (int i = 0; i < READERS; i++) readers[i] = test_start(read_all, NULL);
    write_all(ROUNDS);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    enter(SYS_membarrier, error);
    const uint64_t before = thrum_u64_load_relaxed(&reads);
    write_all(ROUNDS);
    thrum_rcu_synchronize();
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK); /* of a helper that was there before */
    thrum_futex_nap(thrum_after_ms(250));
    write_all(ROUNDS);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK); /* of one that was started in the sandbox */
    while (thrum_u64_load_relaxed(&reads) == before) thrum_futex_yield();
    thrum_event_set(&over);
    for (int i = 0; i < READERS; i++) test_join(&readers[i]);
    thrum_snapshot_clear(&cell);
    thrum_map_free(map);
    thrum_rcu_retire(&current->head, free_head);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(thrum_u64_load_relaxed(&freed), thrum_u64_load_relaxed(&made));
}

TEST(membarrier_is_refused_from_some_moment_on_to_the_thread_that_writes) {
    go_through(refuse, EPERM);
}

TEST(membarrier_is_unknown_from_some_moment_on_to_the_thread_that_writes) {
    go_through(refuse, ENOSYS);
}

TEST(membarrier_is_refused_from_some_moment_on_to_all_threads) {
    go_through(refuse_to_all, EPERM);
}

TEST(membarrier_is_unknown_from_some_moment_on_to_all_threads) {
    go_through(refuse_to_all, ENOSYS);
}

TEST(sections_make_no_fence_where_the_kernel_makes_it) {
    CHECK_EQ(thrum_u32_load_relaxed(&thrum_rcu_sections_now_.light), thrum_futex_fence_all());
}

TEST(sections_of_a_program_that_begins_without_membarrier_make_fences) {
    if (!getenv("THRUM_TEST_BEGUN_WITHOUT")) {
        CHECK_EQ(setenv("THRUM_TEST_BEGUN_WITHOUT", "membarrier", 1), 0);
        refuse(SYS_membarrier, EPERM);
        execl("/proc/self/exe", "rcu_sandbox_test",
              "sections_of_a_program_that_begins_without_membarrier_make_fences", (char *)NULL);
        CHECK(false);
    }
    CHECK_EQ(thrum_u32_load_relaxed(&thrum_rcu_sections_now_.light), 0);
}
