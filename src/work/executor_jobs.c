/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. A list of blocks, and a front of a few places before it. Jobs are put into the last block. A
 * mover takes them from the first block and writes them into the front, in order. A taker takes the oldest
 * job of the front by one compare-and-swap. So takers do not meet in a lock while the front has jobs.
 * Putting and moving do not meet in a lock either (two of them: Michael and Scott, "Simple, fast, and
 * practical non-blocking and blocking concurrent queue algorithms", 1996). The taker that begins a half of
 * the front is the mover, and so is a taker that finds the front empty.
 *
 * With 16 workers and jobs of a microsecond a list under the takers' lock alone took 775 ns a job, because
 * the takers slept in that lock (16 processors, Intel Xeon, family 6, model 207; row executor/jobs_of_1us,
 * THRUM_BENCH_WORKERS=16).
 *
 * executor.B1: `filled` of a block rises with each put, as a release; a place below it is written and stays
 *     as it is. `known` is a value that it had, of the first block.
 * executor.B2: a block has a next one only when it is full, and `next` is a release of that one, empty. The
 *     mover leaves a block when it has taken all of it and it has a next one: by then the putter has left
 *     it, too, so it may be used again.
 * executor.B3: takes <= moved <= puts: a job is counted as put before it can be moved, and is moved before
 *     it can be taken. A thread that reads `takes` and then `puts` sees takes <= puts.
 * executor.B4: moved <= takes + FRONT. Job n lies in place n % FRONT while takes <= n < moved. A mover
 *     writes the place again only after it has seen takes > n. The taker of job n has read the place before
 *     its compare-and-swap made `takes` n + 1. A thread that reads the place too late, or amid a change,
 *     has yet to make a compare-and-swap, which fails: `takes` only rises.
 * executor.B5: only the holder of `taking` moves. A front that it finds empty stays empty until it moves.
 *     So a take that finds nothing has found the front and then the list empty while nobody else could
 *     move.
 */
#include "../atomic/law.h"
#include "executor_jobs.h"

#include <thrum/backoff.h>

/* A job is fetched from the processor that put it so many moves before it is moved. */
enum { AHEAD = 16 };
enum { FRONT = THRUM_EXECUTOR_FRONT };

static thrum_executor_block_ *as_block(uint64_t address) {
    return (thrum_executor_block_ *)(uintptr_t)address;
}

bool thrum_executor_jobs_init_(thrum_executor_jobs_ *jobs) {
    jobs->first = jobs->last = thrum_executor_block_get_(&jobs->spare);
    return jobs->first != NULL;
}

void thrum_executor_jobs_free_(thrum_executor_jobs_ *jobs) {
    for (thrum_executor_block_ *block = jobs->first, *next; block; block = next) {
        next = as_block(thrum_u64_load_relaxed(&block->next)); /* relaxed: nobody else is there any more */
        thrum_executor_block_give_(&jobs->spare, block);
    }
    thrum_executor_block_give_(&jobs->spare, NULL);
}

bool thrum_executor_jobs_put_(thrum_executor_jobs_ *jobs, const thrum_executor_job_ *job) {
    if (jobs->put_at == THRUM_EXECUTOR_BLOCK) {
        thrum_executor_block_ *const block = thrum_executor_block_get_(&jobs->spare);
        if (!block) return false;
        thrum_u64_store_release(&jobs->last->next,
                                /* executor.A3: release, pairs with executor.A3 in find (executor.B2) */
                                (uint64_t)(uintptr_t)block);
        jobs->last = block;
        jobs->put_at = 0;
    }
    jobs->last->jobs[jobs->put_at++] = *job;
    /* relaxed: executor.A2 publishes it with the job (executor.B3) */
    thrum_u64_store_relaxed(&jobs->puts, thrum_u64_load_relaxed(&jobs->puts) + 1);
    /* executor.A2: release, pairs with executor.A2 in find (executor.B1) */
    thrum_u32_store_release(&jobs->last->filled, jobs->put_at);
    return true;
}

/* Whether there is a job at `take_at` of the first block. `taking` is held. */
static bool find(thrum_executor_jobs_ *jobs) {
    if (jobs->take_at == THRUM_EXECUTOR_BLOCK) {
        thrum_executor_block_ *const used = jobs->first;
        /* executor.A3: acquire */
        thrum_executor_block_ *const next = as_block(thrum_u64_load_acquire(&used->next));
        if (!next) return false;
        THRUM_LAW(executor.B2, thrum_u32_load_relaxed(&used->filled) == THRUM_EXECUTOR_BLOCK);
        jobs->first = next;
        jobs->take_at = jobs->known = 0;
        thrum_executor_block_give_(&jobs->spare, used);
    }
    if (jobs->take_at == jobs->known)
        jobs->known = thrum_u32_load_acquire(&jobs->first->filled); /* executor.A2: acquire */
    THRUM_LAW(executor.B1, jobs->take_at <= jobs->known && jobs->known <= THRUM_EXECUTOR_BLOCK);
    return jobs->take_at < jobs->known;
}

/* As many jobs as the front has room for. False: there was none, or no room. `taking` is held. */
static bool move(thrum_executor_jobs_ *jobs) {
    const uint64_t before = thrum_u64_load_relaxed(&jobs->moved); /* relaxed: its own */
    /* executor.A4: acquire, pairs with executor.A4 in claim (executor.B4) */
    const uint64_t end = thrum_u64_load_acquire(&jobs->takes) + FRONT;
    uint64_t at = before;
    while (at < end && find(jobs)) {
        const thrum_executor_job_ *const job = jobs->first->jobs;
        uint32_t from = jobs->take_at;
        for (const uint32_t to = jobs->known; from < to && at < end; from++, at++) {
            /* relaxed: executor.A6 publishes both */
            thrum_executor_place_ *const place = &jobs->front[at % FRONT];
            thrum_u64_store_relaxed(&place->job, (uint64_t)(uintptr_t)job[from].job);
            thrum_u64_store_relaxed(&place->argument, (uint64_t)(uintptr_t)job[from].argument);
            if (from + AHEAD < to) __builtin_prefetch(&job[from + AHEAD]);
        }
        jobs->take_at = from;
    }
    THRUM_LAW(executor.B3, before <= at && at <= thrum_u64_load_relaxed(&jobs->puts));
    /* executor.A6: release, pairs with executor.A6 in claim (executor.B3) */
    if (at != before) thrum_u64_store_release(&jobs->moved, at);
    return at != before;
}

/* Takes the oldest job of the front. False: none is there. */
static bool claim(thrum_executor_jobs_ *jobs, thrum_executor_job_ *job, uint64_t *number) {
    thrum_backoff backoff = THRUM_BACKOFF_INIT;
    for (;;) {
        uint64_t at = thrum_u64_load_relaxed(&jobs->takes); /* relaxed: the compare-and-swap tells */
        if (at >= thrum_u64_load_acquire(&jobs->moved)) return false; /* executor.A6: acquire */
        const thrum_executor_place_ *const place = &jobs->front[at % FRONT];
        /* relaxed: executor.A6 has published both, and executor.B4 */
        job->job = (thrum_job *)(uintptr_t)thrum_u64_load_relaxed(&place->job);
        job->argument = (void *)(uintptr_t)thrum_u64_load_relaxed(&place->argument);
        *number = at;
        /*
         * executor.A4: release: a mover that sees this take writes the place after it was read (executor.B4),
         *     and a thread that sees it sees its put (executor.B3)
         */
        if (thrum_u64_cas_release(&jobs->takes, &at, at + 1)) return true;
        thrum_backoff_pause(&backoff);
    }
}

bool thrum_executor_jobs_take_(thrum_executor_jobs_ *jobs, thrum_executor_job_ *job) {
    uint64_t number;
    bool found = claim(jobs, job, &number);
    if (THRUM_LIKELY(found)) {
        if (THRUM_LIKELY(number % (FRONT / 2) != 0) || !thrum_lock_try_acquire(&jobs->taking)) return true;
        (void)move(jobs);
    } else {
        thrum_lock_acquire(&jobs->taking);
        while (!(found = claim(jobs, job, &number)) && move(jobs)) continue; /* executor.B5 */
    }
    thrum_lock_release(&jobs->taking);
    return found;
}

uint64_t thrum_executor_jobs_count_(const thrum_executor_jobs_ *jobs) {
    /* executor.A4: acquire, pairs with executor.A4 in claim (executor.B3) */
    const uint64_t takes = thrum_u64_load_acquire(&jobs->takes);
    return thrum_u64_load_relaxed(&jobs->puts) - takes;
}
