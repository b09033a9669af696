/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#include "test.h"

#include <stdlib.h>
#include <thrum.h>

static thrum_scheduler scheduler;
static thrum_u32 over;
static thrum_u64 called, kept, scheduled;

static void call(void *calls) {
    ++*(uint32_t *)calls; /* plain: the scheduler orders it before the canceller's look */
    thrum_u64_fetch_add_relaxed(&called, 1);
}

typedef struct item {
    thrum_scheduled entry;
    uint32_t calls;
} item;

/* Schedules, sometimes waits, cancels, and frees at once: the address sanitizer sees who comes too late. */
static void *schedule_and_cancel(void *p) {
    uint64_t random = test_seed() + (uint64_t)(uintptr_t)p;
    while (!thrum_u32_load_acquire(&over)) {
        item *const i = calloc(1, sizeof *i);
        CHECK(i);
        const bool is_periodic = test_random(&random) % 4 == 0;
        const thrum_deadline due = thrum_after_us((int64_t)(test_random(&random) % 200));
        if (is_periodic)
            CHECK_EQ(thrum_scheduler_every(&scheduler, &i->entry, due, 20000, call, &i->calls), THRUM_OK);
        else
            CHECK_EQ(thrum_scheduler_at(&scheduler, &i->entry, due, call, &i->calls), THRUM_OK);
        if (test_random(&random) % 2) thrum_futex_nap(thrum_after_us((int64_t)(test_random(&random) % 200)));
        const bool was_kept = thrum_scheduler_cancel(&scheduler, &i->entry);
        if (!is_periodic) {
            CHECK_EQ(i->calls, was_kept ? 0 : 1);
            thrum_u64_fetch_add_relaxed(&scheduled, 1);
            thrum_u64_fetch_add_relaxed(&kept, was_kept);
        }
        free(i);
    }
    return p;
}

TEST(entries_are_scheduled_cancelled_and_freed_by_many) {
    test_thread threads[4];
    for (int i = 0; i < 4; i++) threads[i] = test_start(schedule_and_cancel, (void *)(uintptr_t)(i + 1));
    thrum_futex_nap(thrum_after_ms(2000));
    thrum_u32_store_release(&over, 1);
    for (int i = 0; i < 4; i++) test_join(&threads[i]);
    CHECK_EQ(thrum_scheduler_pending(&scheduler), 0);
    CHECK_EQ(thrum_scheduler_stop(&scheduler), 0);
    CHECK(thrum_u64_load_relaxed(&called) >=
          thrum_u64_load_relaxed(&scheduled) - thrum_u64_load_relaxed(&kept));
    CHECK(thrum_u64_load_relaxed(&kept) > 0);
}
