/* SPDX-License-Identifier: MIT */
/*
 * The test frame: tests named by behaviour, checks that end the process with a message, threads
 * that can be watched falling asleep, and seeds that are printed.
 *
 *     TEST(release_by_another_thread_is_allowed) {
 *         static thrum_lock l;
 *         thrum_lock_acquire(&l);
 *         test_thread t = test_start(releaser, &l);
 *         test_join(&t);
 *         CHECK(!thrum_lock_locked(&l));
 *     }
 *
 * Each test runs in a process of its own: under ctest (`lock_test NAME`), and by a program that is
 * given no name, which runs all of its tests, one after another, and says how each has ended. A test
 * never sleeps to let something block: it waits until the kernel says so (test_await_asleep).
 */
#ifndef THRUM_TESTS_SUPPORT_TEST_H
#define THRUM_TESTS_SUPPORT_TEST_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct test_case {
    const char *name;
    void (*run)(void);
    unsigned seconds; /* ctest's limit, where the source states one */
    struct test_case *next;
} test_case;

void test_register(test_case *test);

/* The build gives what a source's comment says (tests/CMakeLists.txt). */
#ifndef TEST_SECONDS
#define TEST_SECONDS 60
#endif

#define TEST(name_)                                                           \
    static void test_body_##name_(void);                                      \
    __attribute__((constructor)) static void test_register_##name_(void) {    \
        static test_case test = {#name_, test_body_##name_, TEST_SECONDS, 0}; \
        test_register(&test);                                                 \
    }                                                                         \
    static void test_body_##name_(void)

/* Ends the process with file, line and message when the condition is false. Any thread. */
#define CHECK(condition) ((condition) ? (void)0 : test_fail(__FILE__, __LINE__, "CHECK(" #condition ")"))
#define CHECK_EQ(a, b) test_check_equal((long long)(a), (long long)(b), #a, #b, __FILE__, __LINE__)

__attribute__((noreturn)) void test_fail(const char *file, int line, const char *what);
void test_check_equal(long long a, long long b, const char *a_text, const char *b_text, const char *file,
                      int line);

/* Ends this test as skipped (ctest shows it as such), with the reason. */
__attribute__((noreturn)) void test_skip(const char *reason);

typedef struct test_thread {
    pthread_t thread;
    pid_t tid;
} test_thread;

/*
 * Makes the calling thread able to keep a signal. gcc 12's ThreadSanitizer makes a thread's list of signals
 * in its first call that may block; a signal that arrives during that is lost. So a thread calls this before
 * another may signal it. test_start's threads have.
 */
void test_take_signals(void);

/* Starts a thread; returns when it runs, keeps signals, and its kernel id is known. */
test_thread test_start(void *(*function)(void *), void *argument);
void *test_join(test_thread *thread);

/* The number of futex_waitv: the C library's headers may be too old to have it. */
enum { TEST_SYS_FUTEX_WAITV = 449 };

/* Whether the kernel says that the thread sleeps in a wait of thrum's at this moment. */
bool test_is_asleep(pid_t tid);
/* Waits until it does. A thread that never sleeps is ended by ctest's timeout. */
void test_await_asleep(const test_thread *thread);
/* Waits until it sleeps in a wait that no timer will end. */
void test_await_asleep_for_ever(const test_thread *thread);

/* Waits until the thread, which must not end meanwhile, has used so much more processor time. */
void test_await_busy(const test_thread *thread, uint64_t ns);

/* Waits for a forked child, which a failed CHECK aborts: it must have ended with status 0. */
void test_join_child(pid_t child);
/* Runs it in a forked child, and waits for that: for what cannot be undone. */
void test_in_child(void (*run)(void));
enum { TEST_RETURNED = 99, TEST_BY_SIGNAL = 1000 };
/* The exit status of a child that runs it, TEST_RETURNED, or TEST_BY_SIGNAL + the signal that ended it. */
int test_status_of(void (*run)(void));

/*
 * Keeps the calling thread, and those that it starts from now on, to so many of its processors (to
 * all if it has fewer), until it calls test_unpin.
 */
void test_pin(unsigned processors);
void test_unpin(void);

/* Nanoseconds of CLOCK_MONOTONIC; processor time of the calling thread. */
uint64_t test_now_ns(void);
uint64_t test_thread_cpu_ns(void);

/* The run's seed: printed once; THRUM_SEED in the environment sets it. */
uint64_t test_seed(void);
/* xorshift64*: each thread keeps its own state, made of test_seed() and its number. */
uint64_t test_random(uint64_t *state);

/*
 * Whether AddressSanitizer is there. Its allocator does not survive a fork amid other threads' allocations.
 */
bool test_under_asan(void);

/* 1 in an ordinary build; larger under sanitizers, for dividing repetitions. */
unsigned test_slowdown(void);

#ifdef __cplusplus
}
#endif

#endif
