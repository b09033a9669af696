/* SPDX-License-Identifier: MIT */
/* Floor 3. The check of inner_lock.h. */
#include "inner_lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Of the linker: the ranks that all sources state. Weak: a build without inner_lock.h has none. */
extern const thrum_rank_ *const __start_thrum_ranks[] __attribute__((weak, visibility("hidden")));
extern const thrum_rank_ *const __stop_thrum_ranks[] __attribute__((weak, visibility("hidden")));

enum { MOST_HELD = 16 };

/* What the thread holds, in the order of its acquires. */
static __thread struct {
    const void *lock;
    const thrum_rank_ *by;
} held[MOST_HELD];
static __thread unsigned count;

static const char *name_of(const char *file) {
    const char *const slash = strrchr(file, '/');
    return slash ? slash + 1 : file;
}

/* "&crew->lock", and "&worker->crew->lock", are "crew->lock". */
static bool names(const char *expression, const char *lock) {
    const size_t length = strlen(expression), end = strlen(lock);
    if (length <= end || strcmp(expression + length - end, lock) != 0) return false;
    const char before = expression[length - end - 1];
    return before == '&' || (before == '>' && strchr(lock, '>'));
}

static const thrum_rank_ *rank_of(const char *file, const char *expression) {
    for (const thrum_rank_ *const *rank = __start_thrum_ranks; rank < __stop_thrum_ranks; rank++)
        if (!strcmp(name_of((*rank)->file), name_of(file)) && names(expression, (*rank)->lock)) return *rank;
    (void)fprintf(stderr, "thrum: %s acquires %s, which has no rank\n", name_of(file), expression);
    abort();
}

static bool is_held(const void *lock) {
    for (unsigned i = 0; i < count; i++)
        if (held[i].lock == lock) return true;
    return false;
}

/* A snapshot's: within it the caller's `make` may retire, and write other snapshots in any order. */
static bool is_callers(const thrum_rank_ *by) {
    return by->rank == 1;
}

static bool may_follow(const thrum_rank_ *by, const thrum_rank_ *outer) {
    return outer->rank < by->rank || is_callers(outer);
}

void thrum_inner_acquire_(const void *lock, const char *file, const char *expression) {
    const thrum_rank_ *const by = rank_of(file, expression);
    const bool again = is_held(lock); /* one that may be acquired again waits for nobody */
    for (unsigned i = 0; i < count && !again; i++) {
        const thrum_rank_ *const outer = held[i].by;
        if (may_follow(by, outer)) continue;
        (void)fprintf(stderr, "thrum: %s acquires %s, of rank %u, while %s of %s, of rank %u, is held\n",
                      name_of(file), expression, by->rank, outer->lock, name_of(outer->file), outer->rank);
        abort();
    }
    if (count == MOST_HELD) abort();
    held[count].lock = lock;
    held[count++].by = by;
}

void thrum_inner_release_(const void *lock) {
    unsigned i = count;
    while (i > 0 && held[i - 1].lock != lock) i--;
    if (i == 0) return;
    for (count--; i <= count; i++) held[i - 1] = held[i];
}

/* However often it was acquired. */
void thrum_inner_reset_(const void *lock) {
    while (is_held(lock)) thrum_inner_release_(lock);
}

void thrum_inner_none_(const char *file, int line) {
    const thrum_rank_ *const last = count ? held[count - 1].by : NULL;
    if (!last || is_callers(last)) return;
    (void)fprintf(stderr, "thrum: %s:%d is reached while %s of %s is held\n", file, line, last->lock,
                  name_of(last->file));
    abort();
}
