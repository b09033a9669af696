/* SPDX-License-Identifier: MIT */
/*
 * What the tests of POSIX's functions share. They know nothing of thrum: each holds for the C library alone,
 * and for every library that takes its place.
 */
#ifndef THRUM_TESTS_POSIX_H
#define THRUM_TESTS_POSIX_H

#ifndef _GNU_SOURCE
#error "compiled with -D_GNU_SOURCE"
#endif

#include "test.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <sched.h>
#include <semaphore.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef POSIX_INLINED
#include <thrum/pthread.h>
#endif
#ifdef __GLIBC__
enum { IS_GLIBC = 1 };
#else
#include "musl.h"
enum { IS_GLIBC = 0 };
#endif

#define OK(call) CHECK_EQ(call, 0)
/* A call that tells its errors by errno. */
#define FAILS(call, error) (CHECK_EQ(call, -1), CHECK_EQ(errno, error))

enum { BILLION = 1000000000 };

/* The clock's time so many ms from now; negative: so many ms ago. */
static inline struct timespec in_ms(clockid_t clock, long ms) {
    struct timespec t;
    CHECK_EQ(clock_gettime(clock, &t), 0);
    t.tv_sec += ms / 1000;
    t.tv_nsec += ms % 1000 * 1000000;
    if (t.tv_nsec >= BILLION) t.tv_sec++, t.tv_nsec -= BILLION;
    if (t.tv_nsec < 0) t.tv_sec--, t.tv_nsec += BILLION;
    return t;
}

static inline bool reached(clockid_t clock, struct timespec deadline) {
    const struct timespec now = in_ms(clock, 0);
    return now.tv_sec != deadline.tv_sec ? now.tv_sec > deadline.tv_sec : now.tv_nsec >= deadline.tv_nsec;
}

/* Two deadlines that name no time: the nanoseconds of the one are negative, those of the other a second. */
static const struct timespec no_times[2] = {{0, -1}, {0, BILLION}};

/*
 * Whether the kernel says that the thread sleeps in some wait of a futex, at this moment. A wait may be made
 * of several sleeps.
 */
static inline bool is_blocked(pid_t tid) {
    char path[64], text[128] = {0};
    (void)snprintf(path, sizeof path, "/proc/%d/syscall", (int)tid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    const ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    long number = -1;
    unsigned long operation = 0;
    if (length <= 0 || sscanf(text, "%ld %*s %lx", &number, &operation) != 2) return false;
    if (number == TEST_SYS_FUTEX_WAITV) return true;
    operation &= ~(unsigned long)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME);
    enum { LOCK_PI2 = 13 }; /* the kernel's headers may be too old to have it */
    return number == SYS_futex && (operation == FUTEX_WAIT || operation == FUTEX_WAIT_BITSET ||
                                   operation == FUTEX_LOCK_PI || operation == LOCK_PI2);
}

static inline void await_blocked(const test_thread *thread) {
    while (!is_blocked(thread->tid)) sched_yield();
}

static inline void await(const _Atomic int *word, int value) {
    while (*word != value) sched_yield();
}

static inline void on_signal_do(int number, void (*handler)(int)) {
    struct sigaction action = {.sa_handler = handler};
    CHECK_EQ(sigaction(number, &action, NULL), 0);
}

/* Memory that a forked child shares. */
static inline void *shared_memory(size_t size) {
    void *const memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    CHECK(memory != MAP_FAILED);
    return memory;
}

/* Whether a library stands in front of the C library's functions. */
static inline bool is_replaced(void) {
#ifdef POSIX_INLINED
    return true;
#endif
    const char *const asked = getenv("LD_PRELOAD");
    return asked && strstr(asked, "thrum-pthread");
}

static inline pthread_mutex_t *init_mutex(pthread_mutex_t *mutex, int type) {
    pthread_mutexattr_t attributes;
    OK(pthread_mutexattr_init(&attributes));
    OK(pthread_mutexattr_settype(&attributes, type));
    OK(pthread_mutex_init(mutex, &attributes));
    OK(pthread_mutexattr_destroy(&attributes));
    return mutex;
}

/*
 * Hands objects to a second thread, one a round: both drop each. `make` makes one with two references, `drop`
 * gives one back, and the last destroys and frees the object: the other's unlock may not have returned then.
 */
struct handing {
    void *_Atomic handed;
    void (*drop)(void *object);
    intptr_t rounds;
};

static inline void *drop_handed(void *p) {
    struct handing *const handing = p;
    for (intptr_t i = 0; i < handing->rounds; i++) {
        void *object;
        while (!(object = handing->handed)) sched_yield();
        handing->handed = NULL;
        handing->drop(object);
    }
    return NULL;
}

static inline void drop_by_two(intptr_t rounds, void *(*make)(intptr_t round), void (*drop)(void *object)) {
    struct handing handing = {NULL, drop, rounds};
    test_thread other = test_start(drop_handed, &handing);
    for (intptr_t i = 0; i < rounds; i++) {
        void *const object = make(i);
        handing.handed = object;
        drop(object);
        while (handing.handed) sched_yield();
    }
    (void)test_join(&other);
}

#endif
