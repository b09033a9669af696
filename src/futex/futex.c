/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The only file that names a system call. No algorithm lives here.
 *
 * futex.I1: errno is kept. The slow paths run inside calls that promise to leave it alone.
 * futex.I2: a deadline is absolute, so a wait that a signal interrupted begins again unchanged.
 * futex.I3: an outcome of WOKEN is given only when the kernel says that a wake took this thread from
 *     the queue. An answer without a reason that can be seen (EAGAIN on a word that is as expected,
 *     ETIMEDOUT before the deadline, any unknown errno) is a refusal: the wait naps and looks at the
 *     word instead, and gives TIMED_OUT at the deadline.
 * futex.I4: once a wake was refused, no sleep is longer than LOOK_NS: the sleeper looks for what it was not
 *     told. A thread that slept before the first refused wake is out of reach.
 * futex.I5: a refusal leads to a slower way: of the nap, a yield; of the yield, a busy wait; of the clock, a
 *     count of the looks at it.
 *
 * In a circle with deadline.c, waited.c: a refused wait naps until a deadline, and a wait that sleeps
 * says so; both read the clock here.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "cpus_quota.h"
#include "errno_kept.h"
#include "page.h"
#include "probes.h"
#include "waits.h"

#include <thrum/futex.h>

#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

/* The kernel's numbers of SCHED_DEADLINE and SCHED_RESET_ON_FORK, which not every C library names. */
enum { DEADLINE_POLICY = 6, RESET_ON_FORK = 0x40000000 };

/* A call of the kernel; tests may meddle with it (fault.h). */
#ifdef THRUM_FAULTS
#include "fault.h"
#define CALL(name, call) THRUM_AT_FAULT_POINTS_(name, call)
#else
#define CALL(name, call) (call)
#endif

/* The kernel's own record of futex_waitv (linux/futex.h has it only since Linux 5.16). */
struct waitv_record {
    uint64_t value;
    uint64_t address;
    uint32_t flags;
    uint32_t reserved;
};
enum { WAITV_SIZE_32 = 2, WAITV_PRIVATE = 128 };

static struct timespec timespec_at(thrum_deadline deadline) {
    return (struct timespec){.tv_sec = (time_t)(deadline.ns / 1000000000u),
                             .tv_nsec = (long)(deadline.ns % 1000000000u)};
}

/*
 * futex.I3: the naps of a refused wait, each twice the one before; then the caller looks. A nap below 50 us
 * is no shorter: it is the kernel's slack for a timer. The last nap, and by futex.I4 the longest sleep, bound
 * how late a wait ends: half of either costs twice the looks of each sleeper, some 300 a second; twice it is
 * as much later.
 */
#define FIRST_NAP_NS 50000
#define LAST_NAP_NS 3200000
#define LOOK_NS 4000000

static thrum_u32 wakes_refused; /* relaxed: what a wake tells is in the sleepers' words */

static long wake_at(const thrum_u32 *word, int count, uint32_t channels, bool shared) {
    const int operation = FUTEX_WAKE_BITSET | (shared ? 0 : FUTEX_PRIVATE_FLAG);
    return CALL(WAKE, syscall(SYS_futex, word, operation, count, NULL, NULL, channels));
}

/* A wake also fails on memory that is no more; a wake on a word of our own fails only where it is refused. */
static void ask_for_a_wake(void) {
    static const thrum_u32 own;
    if (!thrum_u32_load_relaxed(&wakes_refused) && wake_at(&own, 1, THRUM_FUTEX_ANY, false) < 0)
        thrum_u32_store_relaxed(&wakes_refused, 1); /* futex.I4 */
}

static bool has_changed(const thrum_futex_choice *choices, unsigned count) {
    for (unsigned i = 0; i < count; i++) /* relaxed: a hint, after which the caller looks */
        if (thrum_u32_load_relaxed(choices[i].word) != choices[i].expected) return true;
    return false;
}

/* futex.I3: waits without the futex. */
static thrum_futex_outcome wait_by_naps(const thrum_futex_choice *choices, unsigned count,
                                        thrum_deadline deadline) {
    ask_for_a_wake(); /* a thread that may not sleep may hardly wake */
    for (int64_t nap_ns = FIRST_NAP_NS; nap_ns <= LAST_NAP_NS; nap_ns *= 2) {
        if (has_changed(choices, count)) return THRUM_FUTEX_CHANGED;
        if (thrum_deadline_passed(deadline)) return THRUM_FUTEX_TIMED_OUT;
        thrum_futex_nap(thrum_deadline_earlier(deadline, thrum_after_ns(nap_ns)));
    }
    return THRUM_FUTEX_INTERRUPTED;
}

/* When the kernel is to end a sleep. */
static thrum_deadline end_of_sleep(thrum_deadline deadline) {
    if (THRUM_LIKELY(!thrum_u32_load_relaxed(&wakes_refused))) return deadline;
    return thrum_deadline_earlier(deadline, thrum_after_ns(LOOK_NS)); /* futex.I4 */
}

/* What an answer to a sleep until `end` means for a wait until `deadline`. */
static thrum_futex_outcome outcome_of(long answer, const thrum_futex_choice *choices, unsigned count,
                                      thrum_deadline end, thrum_deadline deadline) {
    if (answer >= 0) return THRUM_FUTEX_WOKEN;
    if (errno == EAGAIN && has_changed(choices, count)) return THRUM_FUTEX_CHANGED;
    if (errno == EINTR || errno == ETIMEDOUT) {
        if (thrum_deadline_passed(deadline)) return THRUM_FUTEX_TIMED_OUT;
        if (errno == EINTR || end.ns < deadline.ns) return THRUM_FUTEX_INTERRUPTED;
    }
    return wait_by_naps(choices, count, deadline); /* futex.I3 */
}

static void tell_of(thrum_futex_outcome outcome, const thrum_u32 *word) {
    if (outcome == THRUM_FUTEX_WOKEN) THRUM_PROBE_1_(woken, word);
    if (outcome == THRUM_FUTEX_TIMED_OUT) THRUM_PROBE_1_(timed_out, word);
}

thrum_futex_outcome thrum_futex_wait(const thrum_u32 *word, uint32_t expected, uint32_t channels, bool shared,
                                     thrum_deadline deadline) {
    THRUM_KEEPS_ERRNO_;
    THRUM_WAITS_(WORD, word, THRUM_SITE_);
    thrum_wait_sleeps_();
    const thrum_futex_choice choice = {word, expected, shared};
    const int operation = FUTEX_WAIT_BITSET | (shared ? 0 : FUTEX_PRIVATE_FLAG);
    const thrum_deadline end = end_of_sleep(deadline);
    const struct timespec moment = timespec_at(end);
    const bool forever = end.ns == THRUM_FOREVER.ns;
    THRUM_PROBE_2_(parked, word, deadline.ns);
    const long answer =
        CALL(WAIT, syscall(SYS_futex, word, operation, expected, forever ? NULL : &moment, NULL, channels));
    const thrum_futex_outcome outcome = outcome_of(answer, &choice, 1, end, deadline);
    tell_of(outcome, word);
    return outcome;
}

int thrum_futex_wake(const thrum_u32 *word, int count, uint32_t channels, bool shared) {
    THRUM_KEEPS_ERRNO_;
    const long answer = wake_at(word, count, channels, shared);
    if (THRUM_UNLIKELY(answer < 0)) ask_for_a_wake();
    return answer > 0 ? (int)answer : 0;
}

int thrum_futex_requeue(const thrum_u32 *from, uint32_t expected, int wake, int move, const thrum_u32 *to,
                        bool shared) {
    THRUM_KEEPS_ERRNO_;
    const int operation = FUTEX_CMP_REQUEUE | (shared ? 0 : FUTEX_PRIVATE_FLAG);
    const long answer = CALL(REQUEUE, syscall(SYS_futex, from, operation, wake, (long)move, to, expected));
    return answer >= 0 ? (int)answer : -1;
}

thrum_futex_outcome thrum_futex_wait_any(const thrum_futex_choice *choices, unsigned count, bool *refused,
                                         thrum_deadline deadline) {
    THRUM_KEEPS_ERRNO_;
    struct waitv_record records[THRUM_FUTEX_WAIT_ANY_MAX];
    *refused = count == 0 || count > THRUM_FUTEX_WAIT_ANY_MAX;
    if (*refused) return THRUM_FUTEX_CHANGED;
    thrum_wait_sleeps_();
    for (unsigned i = 0; i < count; i++) {
        records[i] = (struct waitv_record){.value = choices[i].expected,
                                           .address = (uint64_t)(uintptr_t)choices[i].word,
                                           .flags = WAITV_SIZE_32 |
                                                    (choices[i].shared ? 0u : (uint32_t)WAITV_PRIVATE)};
    }
    const thrum_deadline end = end_of_sleep(deadline);
    const struct timespec moment = timespec_at(end);
    const bool forever = end.ns == THRUM_FOREVER.ns;
    THRUM_PROBE_2_(parked, choices[0].word, deadline.ns);
    const long answer = CALL(
        WAIT_ANY, syscall(SYS_futex_waitv, records, count, 0u, forever ? NULL : &moment, CLOCK_MONOTONIC));
    *refused = answer < 0 && errno != EAGAIN && errno != EINTR && errno != ETIMEDOUT;
    const thrum_futex_outcome outcome =
        *refused ? THRUM_FUTEX_CHANGED : outcome_of(answer, choices, count, end, deadline);
    tell_of(outcome, choices[0].word);
    return outcome;
}

uint64_t thrum_futex_now_ns(void) {
    static thrum_u64 looks; /* relaxed: it only has to grow */
    struct timespec now;
    THRUM_KEEPS_ERRNO_;
    if (THRUM_LIKELY(CALL(CLOCK, clock_gettime(CLOCK_MONOTONIC, &now)) == 0))
        return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return thrum_u64_fetch_add_relaxed(&looks, 1000) + 1000; /* futex.I5 */
}

void thrum_futex_nap(thrum_deadline deadline) {
    const struct timespec end = timespec_at(deadline);
    THRUM_KEEPS_ERRNO_;
    thrum_wait_sleeps_();
    if (CALL(NAP, syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL)) < 0 &&
        errno != EINTR)
        (void)CALL(YIELD, sched_yield()); /* futex.I5 */
}

void thrum_futex_yield(void) {
    THRUM_KEEPS_ERRNO_;
    (void)CALL(YIELD, sched_yield()); /* futex.I1: Linux does not fail it, a sandbox may */
}

/* A refusal, -1, counts as an ordinary policy. */
bool thrum_futex_may_yield(void) {
    THRUM_KEEPS_ERRNO_;
    const long policy = CALL(POLICY, syscall(SYS_sched_getscheduler, 0));
    return (policy & ~(long)RESET_ON_FORK) != DEADLINE_POLICY;
}

/* gcc's ThreadSanitizer knows no fences and warns of each; ours order no plain data. */
__attribute__((no_sanitize("thread"))) void thrum_futex_fence(void) {
    atomic_thread_fence(memory_order_seq_cst);
}

/* Refused with EPERM until the process has registered, which lasts over a fork and not over an execve. */
bool thrum_futex_fence_all(void) {
    THRUM_KEEPS_ERRNO_;
    long answer = CALL(FENCE, syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    if (answer < 0 && errno == EPERM &&
        CALL(FENCE, syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0)) == 0)
        answer = CALL(FENCE, syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    return answer == 0;
}

uint64_t thrum_futex_thread(void) {
    THRUM_KEEPS_ERRNO_;
    return (uint64_t)(uint32_t)getpid() << 32 | (uint32_t)syscall(SYS_gettid);
}

/*
 * An answer that is also given of the caller says nothing: it is a sandbox's, or the thread was another
 * process's, to which the caller does not belong.
 */
bool thrum_futex_thread_is_gone(uint64_t thread) {
    const pid_t process = (pid_t)(thread >> 32);
    THRUM_KEEPS_ERRNO_;
    return syscall(SYS_tgkill, process, (pid_t)(uint32_t)thread, 0) < 0 && errno == ESRCH &&
           syscall(SYS_tgkill, process, (pid_t)syscall(SYS_gettid), 0) == 0;
}

/* By the kernel, which refuses an address that is none. */
bool thrum_futex_peek_(const void *from, void *to, size_t size) {
    const struct iovec here = {to, size};
    const struct iovec there = {(void *)(uintptr_t)from, size};
    THRUM_KEEPS_ERRNO_;
    return syscall(SYS_process_vm_readv, getpid(), &here, 1ul, &there, 1ul, 0ul) == (long)size;
}

/*
 * Both masks together: a thread that pinned itself to one processor has partners elsewhere, and a
 * first thread that pinned itself does not speak for the others. More than 8192 processors, or a
 * refusal, counts as many.
 */
unsigned thrum_futex_usable_cpus(void) {
    THRUM_KEEPS_ERRNO_;
    unsigned long own[128] = {0};
    unsigned long first[128] = {0};
    const long a = CALL(AFFINITY, syscall(SYS_sched_getaffinity, 0, sizeof own, own));
    const long b = CALL(AFFINITY, syscall(SYS_sched_getaffinity, getpid(), sizeof first, first));
    if (a < 0 && b < 0) return 2;
    unsigned usable = 0;
    for (unsigned i = 0; i < sizeof own / sizeof own[0]; i++)
        usable += (unsigned)__builtin_popcountl(own[i] | first[i]);
    return usable ? usable : 1;
}

/* By system calls: the C library's functions are cancellation points. */
bool thrum_futex_read_file_(const char *path, char *text, size_t size) {
    THRUM_KEEPS_ERRNO_;
    const long file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    long length = -1;
    if (file >= 0) {
        length = syscall(SYS_read, file, text, size - 1);
        (void)syscall(SYS_close, file);
    }
    if (length < 0) return false;
    text[length] = 0;
    return true;
}

bool thrum_futex_write_(int fd, const char *bytes, size_t length) {
    THRUM_KEEPS_ERRNO_;
    bool whole = true;
    for (size_t done = 0; done < length && whole;) {
        const long written = syscall(SYS_write, fd, bytes + done, length - done);
        if (written > 0)
            done += (size_t)written;
        else
            whole = written < 0 && errno == EINTR;
    }
    return whole;
}

int thrum_futex_open_to_write_(const char *path, bool anew) {
    const int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (anew ? O_TRUNC : O_APPEND);
    THRUM_KEEPS_ERRNO_;
    return (int)syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

void thrum_futex_close_(int fd) {
    THRUM_KEEPS_ERRNO_;
    (void)syscall(SYS_close, fd);
}

bool thrum_futex_copy_file_(const char *path, int fd) {
    char bytes[1024];
    THRUM_KEEPS_ERRNO_;
    const long file = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY | O_CLOEXEC);
    long length = file;
    while (length >= 0) {
        length = syscall(SYS_read, file, bytes, sizeof bytes);
        if (length < 0 && errno == EINTR)
            length = 0;
        else if (length <= 0 || !thrum_futex_write_(fd, bytes, (size_t)length))
            break;
    }
    if (file >= 0) (void)syscall(SYS_close, file);
    return length == 0;
}
