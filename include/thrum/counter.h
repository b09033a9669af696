/* SPDX-License-Identifier: MIT */
/*
 * counter: a number that many threads add to.
 *
 * thrum_counter is exact and eight bytes: every add is one addition to one word, for whose cache line the
 * threads' processors take turns. thrum_sharded_counter has a place for each thread: an add costs a load and
 * a store, whatever the others do, and a sum costs a look at every place. All-zero memory is a counter that
 * stands at 0; nothing allocates, nothing needs destroying.
 *
 *     static thrum_counter_slot places[64];
 *     static thrum_sharded_counter requests = THRUM_SHARDED_COUNTER_INIT(places, 64);
 *
 *     thrum_sharded_counter_add(&requests, 1);                  // any thread
 *     ...
 *     report(thrum_sharded_counter_sum(&requests));
 *
 * Places      the caller's, as many as there are threads that add all the time, THRUM_SELF_SLOTS at most;
 *             each is 128 bytes, so that no two share what processors fetch together. Threads beyond them,
 *             and every thread of an all-zero sharded counter, share one word. A thread that ends leaves what
 *             it has added behind; its place goes to a later thread.
 * Sum         holds every add that happened before it, and may miss those that happen meanwhile: it need not
 *             be a value that the counter ever had between two adds.
 * Range       wraps at 64 bits, as unsigned arithmetic does.
 * Freed       when all calls have returned.
 * Fork        a child goes on with the numbers as they were.
 *
 * Memory order: relaxed. A counter counts, and publishes nothing.
 *
 * Any thread. Signal handlers may add to and look at an exact counter; of a sharded one they may take the
 * sum, but must not add to it: they would be taken for the thread that they interrupt, in the middle of its
 * own add.
 *
 * Per-thread places for statistics are as old as per-processor ones in kernels; see McKenney, Is Parallel
 * Programming Hard, chapter 5.
 */
#ifndef THRUM_COUNTER_H
#define THRUM_COUNTER_H

#include <thrum/atomic.h>
#include <thrum/result.h>
#include <thrum/self.h>

typedef struct thrum_counter {
    thrum_u64 value;
} thrum_counter;

#define THRUM_COUNTER_INIT {{0}}

THRUM_STATIC_ASSERT(sizeof(thrum_counter) == 8, "a counter is eight bytes");

/* The place of one thread. */
typedef struct thrum_counter_slot {
    THRUM_ALIGNAS(THRUM_CACHE_LINE) thrum_u64 value;
} thrum_counter_slot;

THRUM_STATIC_ASSERT(sizeof(thrum_counter_slot) == 128, "a place is two cache lines");

typedef struct thrum_sharded_counter {
    thrum_counter_slot *slots;
    uint32_t count;
    thrum_u64 rest; /* what threads without a place have added */
} thrum_sharded_counter;

/* `slots` are zero and live as long as the counter; nothing checks the count here. */
#define THRUM_SHARDED_COUNTER_INIT(slots, count) {(slots), (count), {0}}

THRUM_BEGIN_DECLS

/* Stands at `value`. */
THRUM_INLINE void thrum_counter_init(thrum_counter *counter, int64_t value) {
    thrum_u64_store_relaxed(&counter->value, (uint64_t)value);
}

/* Adds n, which may be negative, and returns what the counter stands at then. */
THRUM_INLINE int64_t thrum_counter_add(thrum_counter *counter, int64_t n) {
    return (int64_t)(thrum_u64_fetch_add_relaxed(&counter->value, (uint64_t)n) + (uint64_t)n);
}

/* What it stands at, at the moment of looking. */
THRUM_INLINE int64_t thrum_counter_value(const thrum_counter *counter) {
    return (int64_t)thrum_u64_load_relaxed(&counter->value);
}

/* Puts it at `value` and returns what it stood at: no add is lost between the two. */
THRUM_INLINE int64_t thrum_counter_exchange(thrum_counter *counter, int64_t value) {
    return (int64_t)thrum_u64_exchange_relaxed(&counter->value, (uint64_t)value);
}

/*
 * Makes a counter that stands at 0, and its places. THRUM_OK; THRUM_INVALID for a count without places, or
 * for places that are not aligned as their type asks.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_sharded_counter_init(thrum_sharded_counter *counter,
                                                                 thrum_counter_slot *slots, uint32_t count);

/* Adds n, which may be negative. */
THRUM_INLINE void thrum_sharded_counter_add(thrum_sharded_counter *counter, int64_t n) {
    const uint32_t mine = thrum_self_slot();
    if (THRUM_LIKELY(mine < counter->count)) {
        /* No other thread writes it: a load and a store lose nothing. */
        thrum_u64 *const value = &counter->slots[mine].value;
        thrum_u64_store_relaxed(value, thrum_u64_load_relaxed(value) + (uint64_t)n);
    } else {
        thrum_u64_fetch_add_relaxed(&counter->rest, (uint64_t)n);
    }
}

/* All that was added. Costs a look at every place. */
THRUM_API int64_t thrum_sharded_counter_sum(const thrum_sharded_counter *counter);

/*
 * Writes the state as text ("counter: 42", "sharded counter: 42, 64 places"), cut to `size` bytes with its
 * final NUL, and returns the length of the whole text, as snprintf does.
 */
THRUM_API size_t thrum_counter_describe(const thrum_counter *counter, char *text, size_t size);
THRUM_API size_t thrum_sharded_counter_describe(const thrum_sharded_counter *counter, char *text,
                                                size_t size);

THRUM_END_DECLS

#endif
