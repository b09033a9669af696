/* SPDX-License-Identifier: MIT */
/*
 * queue: items handed from any threads to any threads, which wait for them; Python's queue.Queue, LifoQueue,
 * PriorityQueue and SimpleQueue.
 *
 * An item is a pointer, the caller's in every respect. First in first out, last in first out, or the first by
 * a comparison; with a bound on how many wait in it, or none.
 *
 *     static thrum_queue jobs;
 *
 *     const thrum_queue_config config = {THRUM_QUEUE_FIFO, 64, 0, NULL, NULL, NULL};
 *     if (thrum_queue_init(&jobs, &config) != THRUM_OK) return false;
 *     if (thrum_queue_put(&jobs, page) != THRUM_OK) drop(page);         // it was shut down
 *     ...
 *     void *item;
 *     while (thrum_queue_get(&jobs, &item) == THRUM_OK) {
 *         use(item);
 *         thrum_queue_task_done(&jobs);
 *     }
 *
 * Cost        a FIFO with a bound lives in a ring (thrum/ring.h): put and get take no lock, allocate nothing
 *             and call nothing; beside the ring's own they pay two loads while nobody sleeps. The others take
 *             a lock, and memory as they grow. A thread spins for some microseconds before it sleeps; the one
 *             that wakes it makes a system call.
 * Wakes       one at a time: a thread that was woken and finds more wakes the next. A burst of puts costs one
 *             wake; and where the system keeps the chosen thread from a processor, the others wait for it.
 * Fairness    the kernel wakes the longest sleeper first, but a running thread may be served before it.
 * Shutdown    from then on puts are refused; gets take what is there, and then say THRUM_CLOSED.
 * Fork        as in any process with threads, a child must not use a queue that another thread was in.
 *
 * Memory order: what happened before a put happens before the get that takes its item, what happened before a
 * task_done before the join that it ends, what happened before a shutdown before each call that the shutdown
 * refuses. Functions that only look are relaxed.
 *
 * Any thread may call everything between init and destroy. Signal handlers only the intrusive form's put,
 * below.
 */
#ifndef THRUM_QUEUE_H
#define THRUM_QUEUE_H

#include <thrum/deadline.h>
#include <thrum/fence.h>
#include <thrum/lock.h>
#include <thrum/ring.h>

typedef enum thrum_queue_kind {
    THRUM_QUEUE_FIFO,
    THRUM_QUEUE_LIFO,
    THRUM_QUEUE_PRIORITY /* the first by `compare`; among equals any */
} thrum_queue_kind;

/* Negative when a comes out before b. Runs under the queue's lock: must not call the queue, fail or exit. */
typedef int thrum_queue_compare(const void *a, const void *b, void *argument);
/* Is given each item that a shutdown or a destroy throws away. No lock is held. */
typedef void thrum_queue_drop(void *item, void *argument);

/* All-zero is an unbounded FIFO. */
typedef struct thrum_queue_config {
    thrum_queue_kind kind;
    ptrdiff_t bound;         /* at most so many items; 0 or less: any number */
    ptrdiff_t largest_bound; /* of a FIFO with a bound: what thrum_queue_set_bound may ask for; 0: `bound` */
    thrum_queue_compare *compare; /* of a priority queue */
    thrum_queue_drop *drop;       /* may be NULL */
    void *argument;               /* of both */
} thrum_queue_config;

/* Where threads sleep until there is an item, room, or nothing left to do. */
typedef struct thrum_queue_gate_ {
    thrum_u32 sleepers; /* twice how many, and whether a wake is on its way */
    thrum_u32 epoch;    /* changes with each wake */
} thrum_queue_gate_;

typedef struct thrum_queue {
    thrum_queue_config config_;
    thrum_ring ring_; /* of a FIFO with a bound; without cells elsewhere, and the rest is used instead */
    thrum_lock lock_;
    thrum_u32 closed_;
    thrum_u64 bound_; /* 0: none */
    thrum_u64 count_; /* of the items, as those outside the lock see it */
    thrum_u64 puts_;
    void **items_;
    size_t room_, first_;
    char apart_1_[THRUM_CACHE_LINE];
    thrum_queue_gate_ getters_, putters_, joiners_;
    char apart_2_[THRUM_CACHE_LINE];
    thrum_u64 done_;
} thrum_queue;

THRUM_BEGIN_DECLS

/*
 * Makes an empty queue. THRUM_OK; THRUM_INVALID for a kind that is none, a priority queue without a
 * comparison, or a largest bound below the bound; THRUM_NO_MEMORY. Only with THRUM_OK is there something to
 * destroy.
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_queue_init(thrum_queue *queue, const thrum_queue_config *config);

/* Drops the items and frees the memory. When no call of another thread is under way. */
THRUM_API void thrum_queue_destroy(thrum_queue *queue);

/* Wakes one sleeper, if no other wake is on its way. */
THRUM_API void thrum_queue_gate_wake_(thrum_queue_gate_ *gate) THRUM_COLD;

/* After each change that makes something possible. */
THRUM_INLINE void thrum_queue_gate_look_(thrum_queue_gate_ *gate) {
    thrum_fence_light(); /* queue.W1 */
    if (THRUM_UNLIKELY(thrum_u32_load_relaxed(&gate->sleepers))) thrum_queue_gate_wake_(gate);
}

/* A put or a get outside a ring; in one, what follows when the ring has said `result`, not THRUM_OK. */
THRUM_API thrum_result thrum_queue_put_slow_(thrum_queue *queue, void *item, thrum_deadline deadline,
                                             thrum_result result);
THRUM_API thrum_result thrum_queue_get_slow_(thrum_queue *queue, void **item, thrum_deadline deadline,
                                             thrum_result result);

/* Waits for room up to the deadline. THRUM_OK; otherwise as thrum_queue_put, or THRUM_FULL. */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_queue_put_until(thrum_queue *queue, void *item,
                                                               thrum_deadline deadline) {
    thrum_result result = THRUM_FULL;
    if (THRUM_LIKELY(queue->ring_.cells)) {
        THRUM_ANNOUNCE_RELEASE_(queue); /* the getter may be one that is not inlined */
        result = thrum_ring_put_once_(&queue->ring_, item);
        if (THRUM_LIKELY(result == THRUM_OK)) {
            thrum_queue_gate_look_(&queue->getters_);
            return THRUM_OK;
        }
    }
    return thrum_queue_put_slow_(queue, item, deadline, result);
}

/*
 * Waits for room. THRUM_OK; THRUM_CLOSED; THRUM_NO_MEMORY (never of a FIFO with a bound): the item is not in
 * it.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_queue_put(thrum_queue *queue, void *item) {
    return thrum_queue_put_until(queue, item, THRUM_FOREVER);
}

/* Never waits: THRUM_FULL instead. */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_queue_try_put(thrum_queue *queue, void *item) {
    return thrum_queue_put_until(queue, item, THRUM_NOW);
}

/* Waits for an item up to the deadline. THRUM_OK; otherwise as thrum_queue_get, or THRUM_EMPTY. */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_queue_get_until(thrum_queue *queue, void **item,
                                                               thrum_deadline deadline) {
    thrum_result result = THRUM_EMPTY;
    if (THRUM_LIKELY(queue->ring_.cells)) {
        result = thrum_ring_get_once_(&queue->ring_, item);
        if (THRUM_LIKELY(result == THRUM_OK)) {
            THRUM_ANNOUNCE_ACQUIRE_(queue); /* as above, of the putter */
            thrum_queue_gate_look_(&queue->putters_);
            return THRUM_OK;
        }
    }
    return thrum_queue_get_slow_(queue, item, deadline, result);
}

/*
 * Waits for an item. THRUM_OK, and it is in *item; THRUM_CLOSED: shut down and empty. *item is else left
 * alone.
 */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_queue_get(thrum_queue *queue, void **item) {
    return thrum_queue_get_until(queue, item, THRUM_FOREVER);
}

/* Never waits: THRUM_EMPTY instead, also while the only items' puts are under way. */
THRUM_INLINE THRUM_MUST_USE thrum_result thrum_queue_try_get(thrum_queue *queue, void **item) {
    return thrum_queue_get_until(queue, item, THRUM_NOW);
}

/* At the moment of looking. A queue without a bound is never full. */
THRUM_API size_t thrum_queue_size(const thrum_queue *queue);
THRUM_API bool thrum_queue_empty(const thrum_queue *queue);
THRUM_API bool thrum_queue_full(const thrum_queue *queue);

/* Whether it was shut down. */
THRUM_API bool thrum_queue_is_shutdown(const thrum_queue *queue);
/*
 * How many of the items that were put are not dealt with: those in the queue, and those that were got and
 * lack their task_done. At the moment of looking.
 */
THRUM_API size_t thrum_queue_unfinished(const thrum_queue *queue);

/* The bound; 0: none. */
THRUM_API size_t thrum_queue_bound(const thrum_queue *queue);
/*
 * Another bound, also one below the size: then puts wait for longer. THRUM_OK; THRUM_LIMIT, and nothing is
 * changed: of a FIFO that was made with a bound, none or one above the largest (rounded up to a power of
 * two).
 */
THRUM_API THRUM_MUST_USE thrum_result thrum_queue_set_bound(thrum_queue *queue, ptrdiff_t bound);

/*
 * Says that an item that was got is dealt with. THRUM_OK; THRUM_LIMIT, and nothing is changed: more often
 * than items were put.
 */
THRUM_API thrum_result thrum_queue_task_done(thrum_queue *queue);
/* Waits until every item that was put is dealt with; any number of times. */
THRUM_API void thrum_queue_join(thrum_queue *queue);
/* The same up to the deadline. THRUM_OK; THRUM_TIMEOUT. */
THRUM_API thrum_result thrum_queue_join_until(thrum_queue *queue, thrum_deadline deadline);

/*
 * Refuses puts from now on, wakes those that wait for room, and lets gets take what is there. Any number of
 * times.
 */
THRUM_API void thrum_queue_shutdown(thrum_queue *queue);
/*
 * The same, and the items go to the drop function, as done; so a join waits only for those that were got.
 * Waits for puts of other threads that are under way.
 */
THRUM_API void thrum_queue_shutdown_now(thrum_queue *queue);

/*
 * Writes the state as text ("fifo queue: 3 of 64 items, 5 unfinished, shut down"), cut to `size` bytes with
 * its final NUL, and returns the length of the whole text, as snprintf does.
 */
THRUM_API size_t thrum_queue_describe(const thrum_queue *queue, char *text, size_t size);

/* ---- simple ---- */

/*
 * A FIFO without a bound, a shutdown or task_done; all-zero memory is an empty one. It comes in two forms, of
 * which a queue is used in one. The intrusive form queues the caller's own nodes: it allocates nothing, its
 * put never waits for anybody and may be called in a signal handler. The other form queues pointers, in nodes
 * from malloc.
 *
 *     static thrum_simple_queue signals;
 *     static thrum_simple_queue_node hangup;
 *
 *     thrum_simple_queue_put_node(&signals, &hangup);           // in the handler
 *     ...
 *     thrum_simple_queue_node *node = thrum_simple_queue_get_node(&signals);
 *     if (node == &hangup) tick();
 *
 * A node is the queue's from its put until its get. Freed: when no call is under way. At most 2^32 - 1 items.
 */
typedef struct thrum_simple_queue_node {
    struct thrum_simple_queue_node *next_;
} thrum_simple_queue_node;

typedef struct thrum_simple_queue {
    thrum_u64 in_;  /* the latest of those put since the last look, as an address */
    thrum_u64 out_; /* the next of those in order, under the lock */
    thrum_lock lock_;
    thrum_queue_gate_ getters_;
    uint32_t ready_; /* how many are in order, under the lock */
} thrum_simple_queue;

#define THRUM_SIMPLE_QUEUE_INIT {{0}, {0}, THRUM_LOCK_INIT, {{0}, {0}}, 0}

/* Lock-free; keeps errno. Signal handlers too. */
THRUM_API void thrum_simple_queue_put_node(thrum_simple_queue *queue, thrum_simple_queue_node *node);
/* Waits for a node. */
THRUM_API thrum_simple_queue_node *thrum_simple_queue_get_node(thrum_simple_queue *queue);
/* Never waits; waits up to the deadline: NULL when there is none. */
THRUM_API thrum_simple_queue_node *thrum_simple_queue_try_get_node(thrum_simple_queue *queue);
THRUM_API thrum_simple_queue_node *thrum_simple_queue_get_node_until(thrum_simple_queue *queue,
                                                                     thrum_deadline deadline);

/* THRUM_OK; THRUM_NO_MEMORY. Never waits for room. Not in signal handlers. */
THRUM_API THRUM_MUST_USE thrum_result thrum_simple_queue_put(thrum_simple_queue *queue, void *item);
/* Waits for an item. */
THRUM_API void *thrum_simple_queue_get(thrum_simple_queue *queue);
/* Never waits; waits up to the deadline. THRUM_OK, and the item; THRUM_EMPTY. */
THRUM_API THRUM_MUST_USE thrum_result thrum_simple_queue_try_get(thrum_simple_queue *queue, void **item);
THRUM_API THRUM_MUST_USE thrum_result thrum_simple_queue_get_until(thrum_simple_queue *queue, void **item,
                                                                   thrum_deadline deadline);

/* At the moment of looking. */
THRUM_API bool thrum_simple_queue_empty(const thrum_simple_queue *queue);
/*
 * The same; a put counts nothing, so the size counts what was put since a get last found none in order, item
 * by item, and gets wait meanwhile.
 */
THRUM_API size_t thrum_simple_queue_size(thrum_simple_queue *queue);

/* Writes "simple queue: 3 items", as thrum_queue_describe; costs what the size costs. */
THRUM_API size_t thrum_simple_queue_describe(thrum_simple_queue *queue, char *text, size_t size);

THRUM_END_DECLS

#endif
