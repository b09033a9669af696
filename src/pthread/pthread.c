/* SPDX-License-Identifier: MIT */
/*
 * Above the floors. What the shim takes over, and where the C library keeps its marks.
 *
 * The first use decides, in whichever thread it comes: static constructors lock before this object's own
 * constructor runs. Two threads that decide at once find the same.
 *
 * In a circle with pthread_cancel.c, pthread_inline.c, pthread_mutex.c: all ask for the decision, and its
 * forks go round all.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "pthread_cancel.h"
#include "pthread_inside.h"

#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

thrum_u32 thrum_gates_[THRUM_TAKEN_KINDS] = {{THRUM_UNDECIDED}, {THRUM_UNDECIDED}, {THRUM_UNDECIDED},
                                             {THRUM_UNDECIDED}, {THRUM_UNDECIDED}, {THRUM_UNDECIDED},
                                             {THRUM_UNDECIDED}};
thrum_mark thrum_cond_mark_, thrum_rwlock_mark_;

static const char *const names[THRUM_TAKEN_KINDS] = {"mutex",   "cond", "rwlock", "sem",
                                                     "barrier", "spin", "once"};

/* ---- the environment ---- */

static bool names_kind(const char *list, const char *name) {
    const size_t length = strlen(name);
    while (list) {
        if (strncmp(list, name, length) == 0 && (list[length] == ',' || list[length] == 0)) return true;
        list = strchr(list, ',');
        if (list) list++;
    }
    return false;
}

/* A condition of the C library's cannot release a mutex of thrum's: the two go together. */
static bool is_wanted(thrum_taken_kind kind, const char *only) {
    if (!only || !*only) return true;
    if (kind == THRUM_TAKEN_COND && names_kind(only, names[THRUM_TAKEN_MUTEX])) return true;
    return names_kind(only, names[kind]);
}

/* ---- the marks ---- */

/* Of the C library's calls here one that fails leaves an object all zero, or private: no mark is found. */

/*
 * The first bit that is set in the shared object and not in the private one, within what thrum's leaves
 * alone.
 */
static bool find_mark(const uint32_t *ours, const uint32_t *shared, size_t words, uint64_t free_words,
                      thrum_mark *mark) {
    for (size_t i = 0; i < words; i++) {
        const uint32_t differs = shared[i] & ~ours[i];
        if (!differs || ours[i] || !(free_words >> i & 1)) continue;
        *mark = (thrum_mark){(uint32_t)(i * sizeof *ours), differs};
        return true;
    }
    return false;
}

/* pthread_waiters.h, pthread_rwlock.c: which words of four bytes thrum's objects leave alone. */
#define COND_LEAVES (1u << 0 | 1u << 1 | 1u << 6 | 1u << 7 | 1u << 8 | 1u << 9)
#define RWLOCK_LEAVES (1u << 0 | 1u << 1 | 1u << 2 | 1u << 3 | 1u << 6 | 1u << 7 | 1u << 12 | 1u << 13)

static bool find_cond_mark(void) {
    union {
        pthread_cond_t object;
        uint32_t words[sizeof(pthread_cond_t) / sizeof(uint32_t)];
    } ours, shared;
    pthread_condattr_t attributes;
    memset(&ours, 0, sizeof ours);
    memset(&shared, 0, sizeof shared);
    if (pthread_condattr_init(&attributes)) return false;
    (void)pthread_condattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    (void)THRUM_C_LIBRARYS(pthread_cond_init)(&shared.object, &attributes);
    (void)THRUM_C_LIBRARYS(pthread_cond_init)(&ours.object, NULL);
    (void)pthread_condattr_destroy(&attributes);
    return find_mark(ours.words, shared.words, sizeof shared.words / sizeof shared.words[0], COND_LEAVES,
                     &thrum_cond_mark_);
}

static bool find_rwlock_mark(void) {
    union {
        pthread_rwlock_t object;
        uint32_t words[sizeof(pthread_rwlock_t) / sizeof(uint32_t)];
    } ours, shared;
    pthread_rwlockattr_t attributes;
    memset(&ours, 0, sizeof ours);
    memset(&shared, 0, sizeof shared);
    if (pthread_rwlockattr_init(&attributes)) return false;
    (void)pthread_rwlockattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    (void)THRUM_C_LIBRARYS(pthread_rwlock_init)(&shared.object, &attributes);
    (void)THRUM_C_LIBRARYS(pthread_rwlock_init)(&ours.object, NULL);
    (void)pthread_rwlockattr_destroy(&attributes);
    return find_mark(ours.words, shared.words, sizeof shared.words / sizeof shared.words[0], RWLOCK_LEAVES,
                     &thrum_rwlock_mark_);
}

/* Whether the C library tells a shared mutex by a kind that thrum's never have. */
static bool tells_shared_mutexes(void) {
    pthread_mutex_t shared;
    pthread_mutexattr_t attributes;
    memset(&shared, 0, sizeof shared);
    if (pthread_mutexattr_init(&attributes)) return false;
    (void)pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    (void)THRUM_C_LIBRARYS(pthread_mutex_init)(&shared, &attributes);
    (void)pthread_mutexattr_destroy(&attributes);
    return !thrum_mutex_is_ours_(&shared);
}

/* ---- the decision ---- */

/* By a system call: the C library's write is a cancellation point, and an acquire is none. */
static void say(const char *text) {
    const long written = syscall(SYS_write, STDERR_FILENO, text, strlen(text));
    (void)written;
}

void thrum_settle_(void) {
    const char *const only = getenv("THRUM_PTHREAD_ONLY");
    bool wanted[THRUM_TAKEN_KINDS];
    for (unsigned kind = 0; kind < THRUM_TAKEN_KINDS; kind++)
        wanted[kind] = is_wanted((thrum_taken_kind)kind, only);
    if (!tells_shared_mutexes() || !find_cond_mark()) {
        say("libthrum-pthread: mutexes and conditions of an unknown layout are left to the C library\n");
        wanted[THRUM_TAKEN_MUTEX] = wanted[THRUM_TAKEN_COND] = false;
    }
    if (!find_rwlock_mark()) {
        say("libthrum-pthread: rwlocks of an unknown layout are left to the C library\n");
        wanted[THRUM_TAKEN_RWLOCK] = false;
    }
    /* pthread.L2: release, pairs with pthread.L1 */
    for (unsigned kind = 0; kind < THRUM_TAKEN_KINDS; kind++)
        thrum_u32_store_release(&thrum_gates_[kind], wanted[kind] ? THRUM_TAKEN : THRUM_THROUGH);
    thrum_tell_inlined_();
}

bool thrum_is_taken_slow_(thrum_taken_kind kind) {
    if (thrum_u32_load_acquire(&thrum_gates_[kind]) == THRUM_UNDECIDED) thrum_settle_();
    return thrum_u32_load_acquire(&thrum_gates_[kind]) == THRUM_TAKEN; /* pthread.L1 */
}

/* ---- forks ---- */

thrum_u32 thrum_generation_;
thrum_lock thrum_healing_;

static void in_child(void) {
    /* relaxed: there is one thread */
    thrum_u32_store_relaxed(&thrum_generation_, thrum_u32_load_relaxed(&thrum_generation_) + 1);
    thrum_lock_reset_after_fork(&thrum_healing_);
    thrum_cancellables_reset_after_fork_();
}

__attribute__((constructor)) static void begin(void) {
    (void)pthread_atfork(NULL, NULL, in_child);
}
