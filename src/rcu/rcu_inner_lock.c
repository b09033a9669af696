/* SPDX-License-Identifier: MIT */
/* Floor 3. The check of inner_lock.h. */
#include "inner_lock.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* docs/locks.md, from the outermost to the innermost: a lock is acquired only after those above it. */
static const struct {
    unsigned rank;
    const char *file, *expression;
} locks[] = {
    {1, "snapshot.c", "&snapshot->writers_"},
    {2, "scheduler.c", "&s->lock_"},
    {3, "registry_fork.c", "&thrum_first_uses_"},
    {3, "executor_process.c", "&thrum_first_uses_"},
    {4, "executor_process.c", "&lock"},
    {5, "executor.c", "&crew->lock"},
    {5, "executor_crew.c", "&crew->lock"},
    {5, "executor_worker.c", "&crew->lock"},
    {6, "executor_worker.c", "&executor->roster"},
    {6, "executor_worker.c", "lock"},
    {7, "executor_jobs.c", "&jobs->taking"},
    {8, "future.c", "&future->lock"},
    {8, "future.c", "&node->future->lock"},
    {9, "queue.c", "&queue->lock_"},
    {9, "queue_simple.c", "&queue->lock_"},
    {10, "hooks_trace.c", "&thrum_lives_"},
    {10, "registry.c", "&thrum_lives_"},
    {10, "registry_fork.c", "&thrum_lives_"},
    {10, "thread.c", "&thrum_lives_"},
    {10, "thread_process.c", "&thrum_lives_"},
    {11, "local.c", "&thrum_locals_"},
    {11, "registry_fork.c", "&thrum_locals_"},
    {12, "map_change.c", "&bucket->lock"},
    {12, "map_size.c", "&parent->lock"},
    {13, "map_size.c", "&child->lock"},
    {14, "map_lines.c", "&map->spare"},
    {15, "rcu.c", "&guard"},
};
enum { LOCKS = sizeof locks / sizeof locks[0], MOST_HELD = 16 };

/* What the thread holds, in the order of its acquires. */
static __thread struct {
    const void *lock;
    unsigned row;
} held[MOST_HELD];
static __thread unsigned count;

static unsigned row_of(const char *file, const char *expression) {
    const char *const slash = strrchr(file, '/');
    const char *const name = slash ? slash + 1 : file;
    for (unsigned row = 0; row < LOCKS; row++)
        if (!strcmp(locks[row].file, name) && !strcmp(locks[row].expression, expression)) return row;
    (void)fprintf(stderr, "thrum: %s acquires %s, which has no place in the order of locks\n", name,
                  expression);
    abort();
}

static bool is_held(const void *lock) {
    for (unsigned i = 0; i < count; i++)
        if (held[i].lock == lock) return true;
    return false;
}

/* A snapshot's: within it the caller's `make` may retire, and write other snapshots in any order. */
static bool is_callers(unsigned row) {
    return locks[row].rank == 1;
}

static bool may_follow(unsigned row, unsigned outer) {
    return locks[outer].rank < locks[row].rank || is_callers(outer);
}

void thrum_inner_acquire_(const void *lock, const char *file, const char *expression) {
    const unsigned row = row_of(file, expression);
    const bool again = is_held(lock); /* one that may be acquired again waits for nobody */
    for (unsigned i = 0; i < count && !again; i++) {
        if (may_follow(row, held[i].row)) continue;
        (void)fprintf(stderr, "thrum: %s acquires %s while %s of %s is held\n", locks[row].file, expression,
                      locks[held[i].row].expression, locks[held[i].row].file);
        abort();
    }
    if (count == MOST_HELD) abort();
    held[count].lock = lock;
    held[count++].row = row;
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
    if (!count || is_callers(held[count - 1].row)) return;
    (void)fprintf(stderr, "thrum: %s:%d is reached while %s of %s is held\n", file, line,
                  locks[held[count - 1].row].expression, locks[held[count - 1].row].file);
    abort();
}
