/* SPDX-License-Identifier: MIT */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <thrum/cpu.h>

#include "alone.h"

static test_case *tests;

void test_register(test_case *test) {
    test_case **end = &tests;
    while (*end) end = &(*end)->next;
    *end = test;
}

void test_fail(const char *file, int line, const char *what) {
    fprintf(stderr, "%s:%d: %s failed\n", file, line, what);
    fflush(NULL);
    abort();
}

void test_check_equal(long long a, long long b, const char *a_text, const char *b_text, const char *file,
                      int line) {
    if (a == b) return;
    char what[512];
    snprintf(what, sizeof what, "%s == %s (%lld, %lld)", a_text, b_text, a, b);
    test_fail(file, line, what);
}

void test_skip(const char *reason) {
    printf("skipped: %s\n", reason);
    fflush(NULL);
    _exit(SKIPPED);
}

struct start {
    void *(*function)(void *);
    void *argument;
    pid_t tid;
    pthread_mutex_t mutex;
    pthread_cond_t known;
};

void test_take_signals(void) {
    (void)poll(NULL, 0, 0);
}

static void *trampoline(void *p) {
    struct start *start = p;
    void *(*function)(void *) = start->function;
    void *argument = start->argument;
    test_take_signals();
    pthread_mutex_lock(&start->mutex);
    start->tid = (pid_t)syscall(SYS_gettid);
    pthread_cond_signal(&start->known);
    pthread_mutex_unlock(&start->mutex);
    return function(argument);
}

test_thread test_start(void *(*function)(void *), void *argument) {
    struct start start = {function, argument, 0, PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER};
    test_thread thread;
    const int error = pthread_create(&thread.thread, NULL, trampoline, &start);
    if (error) test_fail(__FILE__, __LINE__, strerror(error));
    pthread_mutex_lock(&start.mutex);
    while (start.tid == 0) pthread_cond_wait(&start.known, &start.mutex);
    pthread_mutex_unlock(&start.mutex);
    thread.tid = start.tid;
    return thread;
}

void *test_join(test_thread *thread) {
    void *result = NULL;
    const int error = pthread_join(thread->thread, &result);
    if (error) test_fail(__FILE__, __LINE__, strerror(error));
    return result;
}

/*
 * The kernel's syscall file names the call in which a task is blocked and its arguments, "running"
 * otherwise. Ours are told by the operation from those of libc and of the sanitizers' runtimes.
 */
static bool is_asleep(pid_t tid, bool *has_end) {
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/syscall", (int)tid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return false;
    char text[128] = {0};
    const ssize_t length = read(fd, text, sizeof text - 1);
    close(fd);
    if (length <= 0) return false;
    long number = -1;
    unsigned long operation = 0, end = 0;
    if (sscanf(text, "%ld %*s %lx %*s %lx", &number, &operation, &end) != 3) return false;
    *has_end = end != 0; /* the fourth argument of both calls */
    if (number == TEST_SYS_FUTEX_WAITV) return true;
    const char *const host = getenv("THRUM_HOST_FUTEX"); /* the number where an emulator runs the program */
    if (number != (host ? atol(host) : SYS_futex)) return false;
    return (operation & ~(unsigned long)(FUTEX_PRIVATE_FLAG | FUTEX_CLOCK_REALTIME)) == FUTEX_WAIT_BITSET;
}

bool test_is_asleep(pid_t tid) {
    bool has_end;
    return is_asleep(tid, &has_end);
}

void test_await_asleep(const test_thread *thread) {
    while (!test_is_asleep(thread->tid)) sched_yield();
}

void test_await_asleep_for_ever(const test_thread *thread) {
    bool has_end;
    while (!is_asleep(thread->tid, &has_end) || has_end) sched_yield();
}

static uint64_t ns_of(clockid_t clock) {
    struct timespec now;
    CHECK_EQ(clock_gettime(clock, &now), 0); /* it fails for a thread that has ended */
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

uint64_t test_now_ns(void) {
    return ns_of(CLOCK_MONOTONIC);
}

uint64_t test_thread_cpu_ns(void) {
    return ns_of(CLOCK_THREAD_CPUTIME_ID);
}

void test_await_busy(const test_thread *thread, uint64_t ns) {
    clockid_t clock;
    const int error = pthread_getcpuclockid(thread->thread, &clock);
    if (error) test_fail(__FILE__, __LINE__, strerror(error));
    const uint64_t end = ns_of(clock) + ns;
    while (ns_of(clock) < end) sched_yield();
}

void test_join_child(pid_t child) {
    int status = -1;
    CHECK_EQ(waitpid(child, &status, 0), child);
    CHECK(WIFEXITED(status));
    CHECK_EQ(WEXITSTATUS(status), 0);
}

int test_status_of(void (*run)(void)) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        run();
        _exit(TEST_RETURNED);
    }
    int status;
    CHECK_EQ(waitpid(child, &status, 0), child);
    return WIFEXITED(status) ? WEXITSTATUS(status) : TEST_BY_SIGNAL + WTERMSIG(status);
}

void test_in_child(void (*run)(void)) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        run();
        _exit(0);
    }
    test_join_child(child);
}

static cpu_set_t unpinned;

void test_pin(unsigned processors) {
    cpu_set_t some;
    CPU_ZERO(&some);
    CHECK_EQ(sched_getaffinity(0, sizeof unpinned, &unpinned), 0);
    for (size_t i = 0; i < CPU_SETSIZE && (unsigned)CPU_COUNT(&some) < processors; i++)
        if (CPU_ISSET(i, &unpinned)) CPU_SET(i, &some);
    CHECK_EQ(sched_setaffinity(0, sizeof some, &some), 0);
}

void test_unpin(void) {
    CHECK_EQ(sched_setaffinity(0, sizeof unpinned, &unpinned), 0);
}

static uint64_t seed;

uint64_t test_seed(void) {
    return seed;
}

uint64_t test_random(uint64_t *state) {
    uint64_t x = *state ? *state : 0x9E3779B97F4A7C15u;
    x ^= x >> 12;
    x ^= x << 25;
    x ^= x >> 27;
    *state = x;
    return x * 0x2545F4914F6CDD1Du;
}

bool test_under_asan(void) {
#ifdef __SANITIZE_ADDRESS__
    return true;
#else
    return false;
#endif
}

/* ---- forks under AddressSanitizer ---- */

static bool sleeps(long tid) {
    char path[64], text[256];
    (void)snprintf(path, sizeof path, "/proc/self/task/%ld/stat", tid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    const ssize_t length = fd < 0 ? 0 : read(fd, text, sizeof text - 1);
    if (fd >= 0) close(fd);
    if (length <= 0) return true; /* it has ended */
    text[length] = 0;
    const char *const name_end = strrchr(text, ')');
    return name_end && name_end[1] && name_end[2] != 'R' && name_end[2] != 'D';
}

static bool others_sleep(void) {
    DIR *const tasks = opendir("/proc/self/task");
    bool sleeping = tasks != NULL;
    for (struct dirent *task; sleeping && (task = readdir(tasks));) {
        const long tid = strtol(task->d_name, NULL, 10);
        sleeping = tid == 0 || tid == syscall(SYS_gettid) || sleeps(tid);
    }
    if (tasks) closedir(tasks);
    return sleeping;
}

/*
 * gcc 12's AddressSanitizer does not hold its allocator's locks over a fork: one that another thread holds at
 * that moment, for instance while it starts, is held in the child for good. So a fork waits until the others
 * sleep, but not for those that never do.
 */
static void await_rest(void) {
    const uint64_t patience = test_now_ns() + 50000000;
    while (!others_sleep() && test_now_ns() < patience) sched_yield();
}

/* Registered first, it is run last: after the library's handlers have waited for its locks. */
__attribute__((constructor(101))) static void watch_forks(void) {
    if (test_under_asan()) CHECK_EQ(pthread_atfork(await_rest, NULL, NULL), 0);
}

unsigned test_slowdown(void) {
    if (THRUM_UNDER_TSAN) return 10;
    return test_under_asan() ? 3 : 1;
}

static void draw_seed(void) {
    const char *given = getenv("THRUM_SEED");
    seed = given ? strtoull(given, NULL, 0) : test_now_ns() ^ ((uint64_t)getpid() << 40);
    if (seed == 0) seed = 1;
    printf("THRUM_SEED=%llu\n", (unsigned long long)seed);
    fflush(stdout);
}

/* The tests that the arguments name, in this process, which a debugger may watch; without a name all. */
int main(int argc, char **argv) {
    draw_seed();
    if (argc < 2) return run_all(tests, argv[0], seed);
    unsigned ran = 0;
    for (const test_case *test = tests; test; test = test->next) {
        bool wanted = false;
        for (int i = 1; i < argc; i++) wanted |= strcmp(argv[i], test->name) == 0;
        if (!wanted) continue;
        printf("%s\n", test->name);
        fflush(stdout);
        test->run();
        ran++;
    }
    if (ran == 0) test_fail(__FILE__, __LINE__, "no test of that name");
    printf("%u passed\n", ran);
    return 0;
}
