/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. counter.I1: a place is written by one thread at a time, the one whose slot it is
 * (src/futex/self_slot.c); so the sum of the places and of the rest is the sum of all adds.
 */
#include <thrum/counter.h>

#include <inttypes.h>
#include <stdio.h>

thrum_result thrum_sharded_counter_init(thrum_sharded_counter *counter, thrum_counter_slot *slots,
                                        uint32_t count) {
    if ((!slots && count) || (uintptr_t)slots % THRUM_CACHE_LINE) return THRUM_INVALID;
    counter->slots = slots;
    counter->count = count;
    thrum_u64_store_relaxed(&counter->rest, 0);
    for (uint32_t i = 0; i < count; i++) thrum_u64_store_relaxed(&slots[i].value, 0);
    return THRUM_OK;
}

int64_t thrum_sharded_counter_sum(const thrum_sharded_counter *counter) {
    uint64_t sum = thrum_u64_load_relaxed(&counter->rest);
    for (uint32_t i = 0; i < counter->count; i++) sum += thrum_u64_load_relaxed(&counter->slots[i].value);
    return (int64_t)sum;
}

size_t thrum_counter_describe(const thrum_counter *counter, char *text, size_t size) {
    return (size_t)snprintf(text, size, "counter: %" PRId64, thrum_counter_value(counter));
}

size_t thrum_sharded_counter_describe(const thrum_sharded_counter *counter, char *text, size_t size) {
    return (size_t)snprintf(text, size, "sharded counter: %" PRId64 ", %" PRIu32 " places",
                            thrum_sharded_counter_sum(counter), counter->count);
}
