/* SPDX-License-Identifier: MIT */
/* Floor 5. Memory for jobs. One block is kept, so that a steady stream of them takes none. */
#include "../atomic/tell.h"
#include "executor_jobs.h"

#include <stdlib.h>

thrum_executor_block_ *thrum_executor_block_get_(thrum_u64 *spare) {
    /* executor.A5: acquire, pairs with executor.A5 in give: what the takers read of the block is read */
    thrum_executor_block_ *block = (thrum_executor_block_ *)(uintptr_t)thrum_u64_exchange_acq_rel(spare, 0);
    if (!block) {
        block = malloc(sizeof *block);
        /* the allocator's calls are all that is seen of a block: executor.A2, executor.A3, executor.A5 */
        THRUM_TELL_OWN_RELEASE(spare);
    }
    if (!block) return NULL;
    /* relaxed: listing it publishes it */
    thrum_u64_store_relaxed(&block->next, 0);
    thrum_u32_store_relaxed(&block->filled, 0);
    return block;
}

void thrum_executor_block_give_(thrum_u64 *spare, thrum_executor_block_ *block) {
    /* executor.A5: release */
    block = (thrum_executor_block_ *)(uintptr_t)thrum_u64_exchange_acq_rel(spare, (uint64_t)(uintptr_t)block);
    if (block) THRUM_TELL_OWN_ACQUIRE(spare);
    free(block);
}
