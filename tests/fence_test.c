/* SPDX-License-Identifier: MIT */
#include "refuse.h"

#include <sched.h>
#include <stdlib.h>
#include <unistd.h>

#include <thrum/fence.h>

enum { ROUNDS = 200000 };

typedef bool fence(void);

/* Two threads each store, fence and look, round after round, as close together as they can. */
typedef struct side {
    THRUM_ALIGNAS(THRUM_CACHE_LINE) thrum_u32 stored; /* the round in which it last stored */
    THRUM_ALIGNAS(THRUM_CACHE_LINE) thrum_u32 ended;
    struct side *other;
    fence *fence;
    uint32_t rounds;
    uint32_t *saw; /* an entry a round */
} side;

static void *store_and_look(void *p) {
    side *const mine = p;
    for (uint32_t round = 0; round < mine->rounds; round++) {
        for (int i = 0; thrum_u32_load_acquire(&mine->other->ended) < round; i++)
            if (i % 1024 == 1023) sched_yield();
        thrum_u32_store_relaxed(&mine->stored, round + 1);
        CHECK(mine->fence());
        mine->saw[round] = thrum_u32_load_relaxed(&mine->other->stored);
        thrum_u32_store_release(&mine->ended, round + 1);
    }
    return NULL;
}

/* In how many rounds neither saw the other. */
static unsigned both_missed(fence *one, fence *two) {
    const uint32_t rounds = ROUNDS / test_slowdown();
    side sides[2] = {{.other = &sides[1], .fence = one, .rounds = rounds},
                     {.other = &sides[0], .fence = two, .rounds = rounds}};
    test_thread threads[2];
    for (int i = 0; i < 2; i++) CHECK((sides[i].saw = calloc(rounds, sizeof(uint32_t))) != NULL);
    for (int i = 0; i < 2; i++) threads[i] = test_start(store_and_look, &sides[i]);
    for (int i = 0; i < 2; i++) test_join(&threads[i]);
    unsigned missed = 0;
    for (uint32_t i = 0; i < rounds; i++) missed += sides[0].saw[i] < i + 1 && sides[1].saw[i] < i + 1;
    for (int i = 0; i < 2; i++) free(sides[i].saw);
    return missed;
}

static bool light(void) {
    thrum_fence_light();
    return true;
}

TEST(a_light_and_a_heavy_fence_never_both_miss) {
    CHECK_EQ(both_missed(light, thrum_fence_heavy), 0);
    CHECK_EQ(thrum_u32_load_relaxed(&thrum_fence_asymmetric_), 1); /* the light ones were none */
}

TEST(two_heavy_fences_never_both_miss) {
    CHECK_EQ(both_missed(thrum_fence_heavy, thrum_fence_heavy), 0);
}

TEST(the_first_light_fence_makes_the_later_ones_free) {
    thrum_fence_light();
    CHECK_EQ(thrum_u32_load_relaxed(&thrum_fence_asymmetric_), 1);
}

TEST(where_the_kernel_refuses_both_sides_are_full_fences) {
    refuse(SYS_membarrier, ENOSYS);
    CHECK(thrum_fence_heavy());
    CHECK_EQ(both_missed(light, thrum_fence_heavy), 0);
    CHECK_EQ(both_missed(light, light), 0);
    CHECK_EQ(thrum_u32_load_relaxed(&thrum_fence_asymmetric_), 0);
}

static void *fence_refused(void *unused) {
    refuse(SYS_membarrier, EPERM);
    errno = 7;
    CHECK(!thrum_fence_heavy());
    CHECK_EQ(errno, 7);
    return unused;
}

TEST(refused_to_one_thread_alone_it_says_so) {
    CHECK(thrum_fence_heavy());
    test_thread thread = test_start(fence_refused, NULL);
    test_join(&thread);
    CHECK(thrum_fence_heavy());
}

TEST(errno_is_kept) {
    errno = 7;
    CHECK(thrum_fence_heavy()); /* it registers first: the kernel's first answer is a refusal */
    CHECK_EQ(errno, 7);
}

TEST(a_forked_child_goes_on_with_both) {
    CHECK(thrum_fence_heavy());
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(thrum_fence_heavy());
        CHECK(THRUM_UNDER_TSAN || both_missed(light, thrum_fence_heavy) == 0);
        _exit(0);
    }
    test_join_child(child);
}
