/* SPDX-License-Identifier: MIT */
/*
 * seqlock: a small piece of plain data that is read far more often than it is written, and never half
 * written.
 *
 * Floor 1: never sleeps. The data lies in atomic words beside the seqlock. A reader copies it out and writes
 * nothing, so readers cost each other nothing; one that a writer came between copies again. All-zero memory
 * is a seqlock, and words that hold zeroes.
 *
 *     static thrum_seqlock guard;
 *     static thrum_u64 words[THRUM_SEQLOCK_WORDS(struct page)];
 *
 *     struct page mine = {1000};
 *     thrum_seqlock_write(&guard, words, &mine, sizeof mine);
 *     ...
 *     thrum_seqlock_read(&guard, words, &mine, sizeof mine);
 *
 * Size        of the data: small. A read of more than some hundred bytes seldom ends before the next write
 *             begins.
 * Writers     take turns; one that waits spins. Readers never keep a writer waiting.
 * Progress    a reader spins while a writer is at work, also while that has no processor: where it must not,
 *             it tries. What is written all the time is not for a seqlock.
 * Limit       a reader past which exactly 2^31 writes go, or a multiple, without its running once, does not
 *             notice them.
 * Pointers    may be among the data; what they point at may be gone by the time they are read (thrum/rcu.h is
 *             for that).
 * Freed       when no call is under way.
 * Processes   it may lie in memory that they share. A writer that dies within its call leaves all others
 *             spinning.
 *
 * Memory order: what happened before a write happens before every read that sees it. The idea is the Linux
 * kernel's; that the words are atomic, and by which orders, follows Boehm ("Can Seqlocks Get Along with
 * Programming Language Memory Models?", 2012): there is no race in it, and a sanitizer sees none.
 *
 * Any thread; a signal handler thrum_seqlock_try_read and thrum_seqlock_try_write.
 */
#ifndef THRUM_SEQLOCK_H
#define THRUM_SEQLOCK_H

#include <thrum/atomic.h>
#include <thrum/backoff.h>

typedef struct thrum_seqlock {
    thrum_u32 sequence; /* odd: a writer is at work */
} thrum_seqlock;

#define THRUM_SEQLOCK_INIT {{0}}

/* How many words hold a value of this type. */
#define THRUM_SEQLOCK_WORDS(type) ((sizeof(type) + 7) / 8)

THRUM_BEGIN_DECLS

/* Bytes of the data in word `i`. */
THRUM_INLINE size_t thrum_seqlock_part_(size_t size, size_t i) {
    return size - 8 * i < 8 ? size - 8 * i : 8;
}

/*
 * Copies `size` bytes out, if no writer is at work meanwhile; else *data may be changed, and is worth
 * nothing.
 */
THRUM_INLINE THRUM_MUST_USE bool thrum_seqlock_try_read(const thrum_seqlock *seqlock, const thrum_u64 *words,
                                                        void *data, size_t size) {
    /* seqlock.Y1: acquire, pairs with seqlock.Y4 */
    const uint32_t sequence = thrum_u32_load_acquire(&seqlock->sequence);
    if (sequence & 1) return false;
    for (size_t i = 0; 8 * i < size; i++) {
        /* seqlock.Y2: acquire, pairs with seqlock.Y3 */
        const uint64_t word = thrum_u64_load_acquire(&words[i]);
        __builtin_memcpy((char *)data + 8 * i, &word, thrum_seqlock_part_(size, i));
    }
    /*
     * relaxed: a word of a later write came with that write's odd number (seqlock.Y2), which this load then
     * sees, or a later one
     */
    return thrum_u32_load_relaxed(&seqlock->sequence) == sequence;
}

/* Copies `size` bytes out, whole. */
THRUM_INLINE void thrum_seqlock_read(const thrum_seqlock *seqlock, const thrum_u64 *words, void *data,
                                     size_t size) {
    thrum_backoff backoff = THRUM_BACKOFF_INIT;
    while (!thrum_seqlock_try_read(seqlock, words, data, size)) thrum_backoff_pause(&backoff);
}

/* Puts `size` bytes in; false, and nothing has changed: another writer is at work. */
THRUM_INLINE THRUM_MUST_USE bool thrum_seqlock_try_write(thrum_seqlock *seqlock, thrum_u64 *words,
                                                         const void *data, size_t size) {
    uint32_t sequence = thrum_u32_load_relaxed(&seqlock->sequence);
    /* seqlock.Y5: acquire, pairs with seqlock.Y4: this writer's words come after those of the one before */
    if ((sequence & 1) || !thrum_u32_cas_acquire(&seqlock->sequence, &sequence, sequence + 1)) return false;
    for (size_t i = 0; 8 * i < size; i++) {
        uint64_t word = 0;
        __builtin_memcpy(&word, (const char *)data + 8 * i, thrum_seqlock_part_(size, i));
        thrum_u64_store_release(&words[i], word); /* seqlock.Y3: release: it brings the odd number with it */
    }
    thrum_u32_store_release(&seqlock->sequence, sequence + 2); /* seqlock.Y4: release */
    return true;
}

/* Puts `size` bytes in, after any other writer. */
THRUM_INLINE void thrum_seqlock_write(thrum_seqlock *seqlock, thrum_u64 *words, const void *data,
                                      size_t size) {
    thrum_backoff backoff = THRUM_BACKOFF_INIT;
    while (!thrum_seqlock_try_write(seqlock, words, data, size)) thrum_backoff_pause(&backoff);
}

THRUM_END_DECLS

#endif
