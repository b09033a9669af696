/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. A list of blocks; jobs are put into the last and taken from the first. Putting and taking do not
 * meet in a lock (two of them: Michael and Scott, "Simple, fast, and practical non-blocking and blocking
 * concurrent queue algorithms", 1996), and what is put does not move and is in no memory of its own.
 *
 * executor.B1: `filled` of a block rises with each put, as a release; a place below it is written and stays
 *     as it is. `known` is a value that it had, of the first block.
 * executor.B2: a block has a next one only when it is full, and `next` is a release of that one, empty. The
 *     takers leave a block when they have taken all of it and it has a next one: by then the putter has left
 *     it, too, so it may be used again.
 * executor.B3: takes <= puts, read in this order: a job is counted as put before it can be taken.
 */
#include "../atomic/law.h"
#include "executor_jobs.h"

/* A job is fetched from the processor that put it so many takes before it is taken. */
enum { AHEAD = 16 };

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

/* Whether there is a job at `take_at` of the first block. */
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

bool thrum_executor_jobs_take_(thrum_executor_jobs_ *jobs, thrum_executor_job_ *job) {
    thrum_lock_acquire(&jobs->taking);
    const bool found = find(jobs);
    if (found) {
        THRUM_LAW(executor.B3, thrum_u64_load_relaxed(&jobs->takes) < thrum_u64_load_relaxed(&jobs->puts));
        *job = jobs->first->jobs[jobs->take_at++];
        if (jobs->take_at + AHEAD < jobs->known)
            __builtin_prefetch(&jobs->first->jobs[jobs->take_at + AHEAD]);
        /* executor.A4: release: a thread that sees this take sees its put (executor.B3) */
        thrum_u64_store_release(&jobs->takes, thrum_u64_load_relaxed(&jobs->takes) + 1);
    }
    thrum_lock_release(&jobs->taking);
    return found;
}

uint64_t thrum_executor_jobs_count_(const thrum_executor_jobs_ *jobs) {
    /* executor.A4: acquire, pairs with executor.A4 in take (executor.B3) */
    const uint64_t takes = thrum_u64_load_acquire(&jobs->takes);
    return thrum_u64_load_relaxed(&jobs->puts) - takes;
}
