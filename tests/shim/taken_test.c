/* SPDX-License-Identifier: MIT */
/* Which objects are thrum's and which the C library's: the two leave different bytes in memory. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#ifdef MAPPED /* the names that thrum/pthread.h inlines */
#include <thrum/pthread.h>
#endif

typedef union object {
    pthread_mutex_t mutex;
    pthread_cond_t cond;
    pthread_rwlock_t rwlock;
    sem_t semaphore;
    pthread_barrier_t barrier;
    pthread_spinlock_t spin;
    pthread_once_t once;
    unsigned char bytes[64];
} object;

static void *c_library;

/* The C library's own function, or the one that the program gets. */
#define CALL(theirs, name, ...) \
    ((theirs) ? (__extension__(__typeof__(name) *) dlsym(c_library, #name))(__VA_ARGS__) : name(__VA_ARGS__))

/* ---- how each is used ---- */

/* With attributes of which the C library makes a note in the object. */

static void use_mutex(object *o, bool theirs) {
    pthread_mutexattr_t attributes;
    CHECK_EQ(pthread_mutexattr_init(&attributes), 0);
    CHECK_EQ(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_NORMAL), 0);
    CHECK_EQ(CALL(theirs, pthread_mutex_init, &o->mutex, &attributes), 0);
    CHECK_EQ(pthread_mutexattr_destroy(&attributes), 0);
    CHECK_EQ(CALL(theirs, pthread_mutex_lock, &o->mutex), 0);
}

static void wait_in_vain(object *o, bool theirs) {
    const struct timespec past = {0, 0};
    pthread_mutex_t mutex;
    pthread_mutexattr_t attributes;
    CHECK_EQ(pthread_mutexattr_init(&attributes), 0);
    CHECK_EQ(pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK), 0);
    CHECK_EQ(CALL(theirs, pthread_mutex_init, &mutex, &attributes), 0);
    CHECK_EQ(pthread_mutexattr_destroy(&attributes), 0);
    CHECK_EQ(CALL(theirs, pthread_mutex_lock, &mutex), 0);
    CHECK_EQ(CALL(theirs, pthread_cond_timedwait, &o->cond, &mutex, &past), ETIMEDOUT);
    CHECK_EQ(CALL(theirs, pthread_cond_signal, &o->cond), 0);
    CHECK_EQ(CALL(theirs, pthread_cond_broadcast, &o->cond), 0);
    CHECK_EQ(CALL(theirs, pthread_mutex_unlock, &mutex), 0);
}

static void use_cond(object *o, bool theirs) {
    pthread_condattr_t attributes;
    CHECK_EQ(pthread_condattr_init(&attributes), 0);
    CHECK_EQ(pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC), 0);
    CHECK_EQ(CALL(theirs, pthread_cond_init, &o->cond, &attributes), 0);
    CHECK_EQ(pthread_condattr_destroy(&attributes), 0);
    wait_in_vain(o, theirs);
}

static void use_rwlock(object *o, bool theirs) {
    pthread_rwlockattr_t attributes;
    CHECK_EQ(pthread_rwlockattr_init(&attributes), 0);
#ifdef __GLIBC__
    CHECK_EQ(pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP), 0);
#endif
    CHECK_EQ(CALL(theirs, pthread_rwlock_init, &o->rwlock, &attributes), 0);
    CHECK_EQ(pthread_rwlockattr_destroy(&attributes), 0);
    CHECK_EQ(CALL(theirs, pthread_rwlock_rdlock, &o->rwlock), 0);
}

static void use_semaphore(object *o, bool theirs) {
    CHECK_EQ(CALL(theirs, sem_init, &o->semaphore, 0, 3), 0);
    CHECK_EQ(CALL(theirs, sem_wait, &o->semaphore), 0);
}

static void use_barrier(object *o, bool theirs) {
    CHECK_EQ(CALL(theirs, pthread_barrier_init, &o->barrier, NULL, 1), 0);
    CHECK_EQ(CALL(theirs, pthread_barrier_wait, &o->barrier), PTHREAD_BARRIER_SERIAL_THREAD);
}

static void use_spin(object *o, bool theirs) {
    CHECK_EQ(CALL(theirs, pthread_spin_init, &o->spin, PTHREAD_PROCESS_PRIVATE), 0);
    CHECK_EQ(CALL(theirs, pthread_spin_lock, &o->spin), 0);
}

static void do_nothing(void) {}
static void use_once(object *o, bool theirs) {
    CHECK_EQ(CALL(theirs, pthread_once, &o->once, do_nothing), 0);
}

static const struct {
    const char *name;
    void (*use)(object *o, bool theirs);
} kinds[] = {{"mutex", use_mutex},     {"cond", use_cond}, {"rwlock", use_rwlock}, {"sem", use_semaphore},
             {"barrier", use_barrier}, {"spin", use_spin}, {"once", use_once}};
enum { KINDS = sizeof kinds / sizeof kinds[0] };

/* ---- which are taken over ---- */

static bool is_named(const char *list, const char *name) {
    char words[64], *rest = words;
    CHECK(strlen(list) < sizeof words);
    strcpy(words, list);
    for (const char *word; (word = strsep(&rest, ","));)
        if (strcmp(word, name) == 0) return true;
    return false;
}

static bool is_taken(const char *only, const char *name) {
    if (!only || !*only || is_named(only, name)) return true;
    return strcmp(name, "cond") == 0 && is_named(only, "mutex");
}

static struct {
    pthread_once_t once;
    _Atomic int runs, may_end, has_ended;
} slow = {PTHREAD_ONCE_INIT, 0, 0, 0};

static void run_slowly(void) {
    slow.runs = 1;
    while (!slow.may_end) sched_yield();
    slow.has_ended = 1;
}
static void *run_it_once(void *unused) {
    CHECK_EQ(pthread_once(&slow.once, run_slowly), 0);
    CHECK(slow.has_ended);
    return unused;
}

/* Whosever the once is: what the C library writes into one that runs is not read as thrum's. */
static void check_that_a_second_caller_waits(void) {
    test_thread first = test_start(run_it_once, NULL);
    while (!slow.runs) sched_yield();
    test_thread second = test_start(run_it_once, NULL);
    for (int i = 0; i < 100; i++) sched_yield();
    slow.may_end = 1;
    test_join(&first);
    test_join(&second);
}

static void find_c_library(void) {
    c_library = dlopen("libc.so.6", RTLD_LAZY | RTLD_NOLOAD);
    if (!c_library) test_skip("no glibc, whose functions are called beside thrum's");
}

TEST(what_is_taken_over_is_thrums_and_all_else_the_c_librarys) {
    const char *const only = getenv("THRUM_PTHREAD_ONLY");
    find_c_library();
    for (int i = 0; i < KINDS; i++) {
        object ours, theirs;
        memset(&ours, 0, sizeof ours);
        memset(&theirs, 0, sizeof theirs);
        kinds[i].use(&ours, false);
        kinds[i].use(&theirs, true);
        if ((memcmp(&ours, &theirs, sizeof ours) != 0) != is_taken(only, kinds[i].name))
            test_fail(__FILE__, __LINE__, kinds[i].name);
    }
    check_that_a_second_caller_waits();
}

/* The environment is read at the first use, so each list has a process of its own. */
static const char *list;
static void run_with_the_list(void) {
    static const char program[] = "/proc/self/exe";
    CHECK_EQ(setenv("THRUM_PTHREAD_ONLY", list, 1), 0);
    (void)execl(program, program, "what_is_taken_over_is_thrums_and_all_else_the_c_librarys", (char *)NULL);
    _exit(127);
}

TEST(what_the_list_names_is_taken_over_and_nothing_else) {
    find_c_library();
    static const char *const lists[] = {"", "once,sem", "spin,barrier,rwlock", "mutexes,onc", "c"};
    for (unsigned i = 0; i < sizeof lists / sizeof lists[0] + KINDS; i++) {
        list = i < KINDS ? kinds[i].name : lists[i - KINDS];
        test_in_child(run_with_the_list);
    }
}

/* ---- what thrum does not do ---- */

static void init_mutex(object *o, bool theirs, int shared, int robust, int protocol) {
    pthread_mutexattr_t attributes;
    CHECK_EQ(pthread_mutexattr_init(&attributes), 0);
    CHECK_EQ(pthread_mutexattr_setpshared(&attributes, shared), 0);
    CHECK_EQ(pthread_mutexattr_setrobust(&attributes, robust), 0);
    CHECK_EQ(pthread_mutexattr_setprotocol(&attributes, protocol), 0);
    CHECK_EQ(CALL(theirs, pthread_mutex_init, &o->mutex, &attributes), 0);
    CHECK_EQ(pthread_mutexattr_destroy(&attributes), 0);
}
static void use_shared_mutex(object *o, bool theirs) {
    init_mutex(o, theirs, PTHREAD_PROCESS_SHARED, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_NONE);
    CHECK_EQ(CALL(theirs, pthread_mutex_lock, &o->mutex), 0);
}
static void use_robust_mutex(object *o, bool theirs) {
    init_mutex(o, theirs, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_ROBUST, PTHREAD_PRIO_NONE);
}
static void use_inheriting_mutex(object *o, bool theirs) {
    init_mutex(o, theirs, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_INHERIT);
    CHECK_EQ(CALL(theirs, pthread_mutex_lock, &o->mutex), 0);
}
static void use_protecting_mutex(object *o, bool theirs) {
    init_mutex(o, theirs, PTHREAD_PROCESS_PRIVATE, PTHREAD_MUTEX_STALLED, PTHREAD_PRIO_PROTECT);
}

#define INIT_SHARED(what, theirs, o, ...)                                                      \
    do {                                                                                       \
        pthread_##what##attr_t attributes;                                                     \
        CHECK_EQ(pthread_##what##attr_init(&attributes), 0);                                   \
        CHECK_EQ(pthread_##what##attr_setpshared(&attributes, PTHREAD_PROCESS_SHARED), 0);     \
        CHECK_EQ(CALL(theirs, pthread_##what##_init, &(o)->what, &attributes __VA_ARGS__), 0); \
        CHECK_EQ(pthread_##what##attr_destroy(&attributes), 0);                                \
    } while (0)
static void use_shared_cond(object *o, bool theirs) {
    INIT_SHARED(cond, theirs, o, );
    wait_in_vain(o, theirs);
}
static void use_shared_rwlock(object *o, bool theirs) {
    INIT_SHARED(rwlock, theirs, o, );
    CHECK_EQ(CALL(theirs, pthread_rwlock_rdlock, &o->rwlock), 0);
}
static void use_shared_barrier(object *o, bool theirs) {
    INIT_SHARED(barrier, theirs, o, , 1);
    CHECK_EQ(CALL(theirs, pthread_barrier_wait, &o->barrier), PTHREAD_BARRIER_SERIAL_THREAD);
}
static void use_shared_spin(object *o, bool theirs) {
    CHECK_EQ(CALL(theirs, pthread_spin_init, &o->spin, PTHREAD_PROCESS_SHARED), 0);
    CHECK_EQ(CALL(theirs, pthread_spin_lock, &o->spin), 0);
}
static void use_shared_semaphore(object *o, bool theirs) {
    CHECK_EQ(CALL(theirs, sem_init, &o->semaphore, 1, 3), 0);
    CHECK_EQ(CALL(theirs, sem_wait, &o->semaphore), 0);
}

TEST(what_is_shared_or_robust_or_knows_priorities_is_the_c_librarys) {
    static void (*const uses[])(object * o, bool theirs) = {
        use_shared_mutex,  use_robust_mutex,   use_inheriting_mutex, use_protecting_mutex, use_shared_cond,
        use_shared_rwlock, use_shared_barrier, use_shared_spin,      use_shared_semaphore};
    find_c_library();
    for (unsigned i = 0; i < sizeof uses / sizeof uses[0]; i++) {
        object ours, theirs;
        memset(&ours, 0, sizeof ours);
        memset(&theirs, 0, sizeof theirs);
        uses[i](&ours, false);
        uses[i](&theirs, true);
        CHECK_EQ(memcmp(&ours, &theirs, sizeof ours), 0);
    }
}
