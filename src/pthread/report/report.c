/* SPDX-License-Identifier: MIT */
/*
 * Above the floors, in a library of its own, libthrum-pthread-report.so, which thrum-run --report loads
 * before libthrum-pthread.so: counts what goes by and calls the next function of the name. So the shim pays
 * nothing for it, and what it tells is what a program sees of whatever comes next.
 *
 * An operation that can be tried is tried first: a try that fails is a contended operation, and what follows
 * is timed. A condition's and a barrier's wait is always timed. Each object has an entry by its address;
 * objects that follow each other at one address share it, and those beyond ENTRIES are counted with their
 * kind alone.
 *
 * The process that it was loaded into writes its entries to a file as it exits, and where its code lies, for
 * thrum-run to name the calls.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <thrum/atomic.h>

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define NAME __attribute__((visibility("default")))
#define CALLER ((uint64_t)(uintptr_t)__builtin_return_address(0))

enum kind { MUTEX, COND, RWLOCK, SEM, BARRIER, SPIN, KINDS };
static const char *const names[KINDS] = {"mutex", "cond", "rwlock", "sem", "barrier", "spin"};

/* All relaxed: sums, of which none depends on another. */
typedef struct entry {
    thrum_u64 address; /* 0: free */
    thrum_u32 kind;
    thrum_u64 operations, contended, waited_ns, worst_ns, worst_site, since_ns, since_site, held_ns,
        held_site;
} entry;

enum { ENTRIES = 8192 };
static entry entries[ENTRIES], rest[KINDS];

static uint64_t now_ns(void) {
    struct timespec now = {0, 0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static entry *find(const volatile void *object, enum kind kind) {
    const uint64_t address = (uint64_t)(uintptr_t)object;
    size_t at = (size_t)((address >> 3) * UINT64_C(0x9E3779B97F4A7C15) >> 40);
    for (unsigned i = 0; i < 64; i++) {
        entry *const e = &entries[(at + i) % ENTRIES];
        uint64_t seen = thrum_u64_load_relaxed(&e->address);
        if (seen == 0 && thrum_u64_cas_relaxed(&e->address, &seen, address)) {
            thrum_u32_store_relaxed(&e->kind, (uint32_t)kind);
            return e;
        }
        if (seen == address) return e;
    }
    return &rest[kind];
}

static void keep_greatest(thrum_u64 *greatest, thrum_u64 *site, uint64_t ns, uint64_t caller) {
    uint64_t seen = thrum_u64_load_relaxed(greatest);
    while (ns > seen)
        if (thrum_u64_cas_relaxed(greatest, &seen, ns)) {
            thrum_u64_store_relaxed(site, caller);
            return;
        }
}

static void waited(entry *e, uint64_t begun_ns, uint64_t caller) {
    const uint64_t ns = now_ns() - begun_ns;
    thrum_u64_fetch_add_relaxed(&e->contended, 1);
    thrum_u64_fetch_add_relaxed(&e->waited_ns, ns);
    keep_greatest(&e->worst_ns, &e->worst_site, ns, caller);
}

static entry *operation(const volatile void *object, enum kind kind) {
    entry *const e = find(object, kind);
    thrum_u64_fetch_add_relaxed(&e->operations, 1);
    return e;
}

static int holds(entry *e, int result, uint64_t caller) {
    if (result == 0) {
        thrum_u64_store_relaxed(&e->since_ns, now_ns());
        thrum_u64_store_relaxed(&e->since_site, caller);
    }
    return result;
}

static void end_hold(entry *e) {
    const uint64_t since = thrum_u64_exchange_relaxed(&e->since_ns, 0);
    if (since)
        keep_greatest(&e->held_ns, &e->held_site, now_ns() - since, thrum_u64_load_relaxed(&e->since_site));
}

/* ---- the functions that come next ---- */

#define NEXT_(X)                \
    X(pthread_mutex_lock)       \
    X(pthread_mutex_trylock)    \
    X(pthread_mutex_timedlock)  \
    X(pthread_mutex_unlock)     \
    X(pthread_cond_wait)        \
    X(pthread_cond_timedwait)   \
    X(pthread_cond_clockwait)   \
    X(pthread_rwlock_rdlock)    \
    X(pthread_rwlock_tryrdlock) \
    X(pthread_rwlock_wrlock)    \
    X(pthread_rwlock_trywrlock) \
    X(pthread_rwlock_unlock)    \
    X(sem_wait)                 \
    X(sem_trywait)              \
    X(sem_timedwait)            \
    X(pthread_barrier_wait)     \
    X(pthread_spin_lock)        \
    X(pthread_spin_trylock)
#define ENUMERATOR(name) AT_##name,
enum { NEXT_(ENUMERATOR) COUNT };
#define TEXT(name) #name,
static const char *const texts[] = {NEXT_(TEXT)};
typedef void any_function(void);
static thrum_u64 found[COUNT];

static any_function *next(unsigned which) {
    uint64_t address = thrum_u64_load_relaxed(&found[which]);
    if (!address) {
        void *symbol = NULL;
#if defined(__GLIBC__) && defined(__x86_64__)
        if (strncmp(texts[which], "pthread_cond_", 13) == 0) /* the shim's has no version, glibc's has two */
            symbol = dlvsym(RTLD_NEXT, texts[which], "GLIBC_2.3.2");
        void *const first = dlsym(RTLD_NEXT, texts[which]);
        Dl_info where;
        if (!symbol || (dladdr(first, &where) && strstr(where.dli_fname, "libthrum-pthread"))) symbol = first;
#else
        symbol = dlsym(RTLD_NEXT, texts[which]);
#endif
        address = (uint64_t)(uintptr_t)symbol;
        thrum_u64_store_relaxed(&found[which], address);
    }
    return (any_function *)(uintptr_t)address;
}
#define NEXT(name) ((__typeof__(name) *)next(AT_##name))

/* ---- the names ---- */

NAME int pthread_mutex_lock(pthread_mutex_t *mutex) {
    entry *const e = operation(mutex, MUTEX);
    int result = NEXT(pthread_mutex_trylock)(mutex);
    if (result == EBUSY) {
        const uint64_t begun = now_ns();
        result = NEXT(pthread_mutex_lock)(mutex);
        waited(e, begun, CALLER);
    }
    return holds(e, result, CALLER);
}

NAME int pthread_mutex_trylock(pthread_mutex_t *mutex) {
    return holds(operation(mutex, MUTEX), NEXT(pthread_mutex_trylock)(mutex), CALLER);
}

NAME int pthread_mutex_timedlock(pthread_mutex_t *restrict mutex, const struct timespec *restrict end) {
    entry *const e = operation(mutex, MUTEX);
    int result = NEXT(pthread_mutex_trylock)(mutex);
    if (result == EBUSY) {
        const uint64_t begun = now_ns();
        result = NEXT(pthread_mutex_timedlock)(mutex, end);
        waited(e, begun, CALLER);
    }
    return holds(e, result, CALLER);
}

NAME int pthread_mutex_unlock(pthread_mutex_t *mutex) {
    end_hold(find(mutex, MUTEX));
    return NEXT(pthread_mutex_unlock)(mutex);
}

NAME int pthread_cond_wait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex) {
    entry *const e = operation(cond, COND);
    const uint64_t begun = now_ns();
    const int result = NEXT(pthread_cond_wait)(cond, mutex);
    waited(e, begun, CALLER);
    return result;
}

NAME int pthread_cond_timedwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                                const struct timespec *restrict end) {
    entry *const e = operation(cond, COND);
    const uint64_t begun = now_ns();
    const int result = NEXT(pthread_cond_timedwait)(cond, mutex, end);
    waited(e, begun, CALLER);
    return result;
}

#ifdef __GLIBC__
NAME int pthread_cond_clockwait(pthread_cond_t *restrict cond, pthread_mutex_t *restrict mutex,
                                clockid_t clock, const struct timespec *restrict end) {
    entry *const e = operation(cond, COND);
    const uint64_t begun = now_ns();
    const int result = NEXT(pthread_cond_clockwait)(cond, mutex, clock, end);
    waited(e, begun, CALLER);
    return result;
}
#endif

NAME int pthread_rwlock_rdlock(pthread_rwlock_t *rwlock) {
    entry *const e = operation(rwlock, RWLOCK);
    int result = NEXT(pthread_rwlock_tryrdlock)(rwlock);
    if (result == 0) return 0;
    const uint64_t begun = now_ns();
    result = NEXT(pthread_rwlock_rdlock)(rwlock);
    waited(e, begun, CALLER);
    return result;
}

NAME int pthread_rwlock_wrlock(pthread_rwlock_t *rwlock) {
    entry *const e = operation(rwlock, RWLOCK);
    int result = NEXT(pthread_rwlock_trywrlock)(rwlock);
    if (result != 0) {
        const uint64_t begun = now_ns();
        result = NEXT(pthread_rwlock_wrlock)(rwlock);
        waited(e, begun, CALLER);
    }
    return holds(e, result, CALLER);
}

NAME int pthread_rwlock_unlock(pthread_rwlock_t *rwlock) {
    end_hold(find(rwlock, RWLOCK)); /* of a reader: there is no writer's beginning */
    return NEXT(pthread_rwlock_unlock)(rwlock);
}

NAME int sem_wait(sem_t *sem) {
    entry *const e = operation(sem, SEM);
    pthread_testcancel();
    if (NEXT(sem_trywait)(sem) == 0) return 0;
    const uint64_t begun = now_ns();
    const int result = NEXT(sem_wait)(sem);
    waited(e, begun, CALLER);
    return result;
}

NAME int sem_timedwait(sem_t *restrict sem, const struct timespec *restrict end) {
    entry *const e = operation(sem, SEM);
    const uint64_t begun = now_ns();
    const int result = NEXT(sem_timedwait)(sem, end);
    waited(e, begun, CALLER);
    return result;
}

NAME int pthread_barrier_wait(pthread_barrier_t *barrier) {
    entry *const e = operation(barrier, BARRIER);
    const uint64_t begun = now_ns();
    const int result = NEXT(pthread_barrier_wait)(barrier);
    waited(e, begun, CALLER);
    return result;
}

NAME int pthread_spin_lock(pthread_spinlock_t *lock) {
    entry *const e = operation(lock, SPIN);
    int result = NEXT(pthread_spin_trylock)(lock);
    if (result == 0) return 0;
    const uint64_t begun = now_ns();
    result = NEXT(pthread_spin_lock)(lock);
    waited(e, begun, CALLER);
    return result;
}

/* ---- the end ---- */

static pid_t process;

__attribute__((constructor)) static void begin(void) {
    process = getpid();
}

static void write_entry(FILE *file, const entry *e, uint32_t kind, uint64_t address) {
    if (!thrum_u64_load_relaxed(&e->operations)) return;
    fprintf(file, "object %s %llx", names[kind], (unsigned long long)address);
    const thrum_u64 *const numbers[] = {&e->operations, &e->contended, &e->waited_ns, &e->worst_ns,
                                        &e->worst_site, &e->held_ns,   &e->held_site};
    for (unsigned i = 0; i < sizeof numbers / sizeof numbers[0]; i++)
        fprintf(file, " %llx", (unsigned long long)thrum_u64_load_relaxed(numbers[i]));
    fputc('\n', file);
}

/* A forked child that does not exec counts for nobody. */
__attribute__((destructor)) static void end(void) {
    const char *const folder = getenv("THRUM_PTHREAD_REPORT");
    char path[4096];
    if (!folder || process != getpid()) return;
    if (snprintf(path, sizeof path, "%s/%d", folder, (int)process) >= (int)sizeof path) return;
    FILE *const file = fopen(path, "we");
    if (!file) return;
    for (unsigned i = 0; i < ENTRIES; i++)
        write_entry(file, &entries[i], thrum_u32_load_relaxed(&entries[i].kind),
                    thrum_u64_load_relaxed(&entries[i].address));
    for (unsigned i = 0; i < KINDS; i++) write_entry(file, &rest[i], i, 0);
    FILE *const maps = fopen("/proc/self/maps", "re");
    char line[4200];
    while (maps && fgets(line, sizeof line, maps)) fputs(line, file);
    if (maps) fclose(maps);
    fclose(file);
}
