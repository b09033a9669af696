/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. The only file that names a system call. No algorithm lives here.
 *
 * I1: errno is kept. The slow paths run inside calls that promise to leave it alone.
 * I2: a deadline is absolute, so a wait that a signal interrupted begins again unchanged.
 * I3: an outcome of WOKEN is given only when the kernel says that a wake took this thread from
 *     the queue. Everything that the kernel answers and that we do not know is INTERRUPTED,
 *     after a yield: a sandbox that refuses the futex costs processor time, never a hang.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <thrum/futex.h>

#include <errno.h>
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

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

static thrum_futex_outcome outcome_of(long answer, int error) {
    if (answer >= 0) return THRUM_FUTEX_WOKEN;
    switch (error) {
    case EAGAIN:
        return THRUM_FUTEX_CHANGED;
    case ETIMEDOUT:
        return THRUM_FUTEX_TIMED_OUT;
    case EINTR:
        return THRUM_FUTEX_INTERRUPTED;
    default:
        (void)CALL(YIELD, sched_yield()); /* I3 */
        return THRUM_FUTEX_INTERRUPTED;
    }
}

thrum_futex_outcome thrum_futex_wait(const thrum_u32 *word, uint32_t expected, uint32_t channels, bool shared,
                                     thrum_deadline deadline) {
    const int saved = errno;
    const int operation = FUTEX_WAIT_BITSET | (shared ? 0 : FUTEX_PRIVATE_FLAG);
    const struct timespec end = timespec_at(deadline);
    const bool forever = deadline.ns == THRUM_FOREVER.ns;
    const long answer =
        CALL(WAIT, syscall(SYS_futex, word, operation, expected, forever ? NULL : &end, NULL, channels));
    const thrum_futex_outcome outcome = outcome_of(answer, errno);
    errno = saved;
    return outcome;
}

int thrum_futex_wake(const thrum_u32 *word, int count, uint32_t channels, bool shared) {
    const int saved = errno;
    const int operation = FUTEX_WAKE_BITSET | (shared ? 0 : FUTEX_PRIVATE_FLAG);
    const long answer = CALL(WAKE, syscall(SYS_futex, word, operation, count, NULL, NULL, channels));
    errno = saved;
    return answer > 0 ? (int)answer : 0;
}

int thrum_futex_requeue(const thrum_u32 *from, uint32_t expected, int wake, int move, const thrum_u32 *to,
                        bool shared) {
    const int saved = errno;
    const int operation = FUTEX_CMP_REQUEUE | (shared ? 0 : FUTEX_PRIVATE_FLAG);
    const long answer = CALL(REQUEUE, syscall(SYS_futex, from, operation, wake, (long)move, to, expected));
    errno = saved;
    return answer >= 0 ? (int)answer : -1;
}

thrum_futex_outcome thrum_futex_wait_any(const thrum_futex_choice *choices, unsigned count,
                                         thrum_deadline deadline, bool *refused) {
    const int saved = errno;
    struct waitv_record records[THRUM_FUTEX_WAIT_ANY_MAX];
    *refused = count == 0 || count > THRUM_FUTEX_WAIT_ANY_MAX;
    if (*refused) return THRUM_FUTEX_CHANGED;
    for (unsigned i = 0; i < count; i++) {
        records[i] = (struct waitv_record){.value = choices[i].expected,
                                           .address = (uint64_t)(uintptr_t)choices[i].word,
                                           .flags = WAITV_SIZE_32 |
                                                    (choices[i].shared ? 0u : (uint32_t)WAITV_PRIVATE)};
    }
    const struct timespec end = timespec_at(deadline);
    const bool forever = deadline.ns == THRUM_FOREVER.ns;
    const long answer =
        CALL(WAIT_ANY, syscall(SYS_futex_waitv, records, count, 0u, forever ? NULL : &end, CLOCK_MONOTONIC));
    *refused = answer < 0 && (errno == ENOSYS || errno == EPERM);
    const thrum_futex_outcome outcome = *refused ? THRUM_FUTEX_CHANGED : outcome_of(answer, errno);
    errno = saved;
    return outcome;
}

uint64_t thrum_futex_now_ns(void) {
    struct timespec now;
    (void)CALL(CLOCK, clock_gettime(CLOCK_MONOTONIC, &now));
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

void thrum_futex_nap(thrum_deadline deadline) {
    const struct timespec end = timespec_at(deadline);
    const int saved = errno;
    (void)CALL(NAP, syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL));
    errno = saved;
}

void thrum_futex_yield(void) {
    const int saved = errno;
    (void)CALL(YIELD, sched_yield());
    errno = saved; /* I1: Linux does not fail it, a sandbox may */
}

/* gcc's ThreadSanitizer knows no fences and warns of each; ours order no plain data. */
__attribute__((no_sanitize("thread"))) void thrum_futex_fence(void) {
    atomic_thread_fence(memory_order_seq_cst);
}

/* Refused with EPERM until the process has registered, which lasts over a fork and not over an execve. */
bool thrum_futex_fence_all(void) {
    const int saved = errno;
    long answer = CALL(FENCE, syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    if (answer < 0 && errno == EPERM &&
        CALL(FENCE, syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0)) == 0)
        answer = CALL(FENCE, syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
    errno = saved;
    return answer == 0;
}

uint64_t thrum_futex_thread(void) {
    return (uint64_t)(uint32_t)getpid() << 32 | (uint32_t)syscall(SYS_gettid);
}

bool thrum_futex_thread_is_gone(uint64_t thread) {
    const pid_t process = (pid_t)(thread >> 32);
    if (process != getpid()) return false;
    const int saved = errno;
    const bool gone = syscall(SYS_tgkill, process, (pid_t)(uint32_t)thread, 0) < 0 && errno == ESRCH;
    errno = saved;
    return gone;
}

/*
 * Both masks together: a thread that pinned itself to one processor has partners elsewhere, and a
 * first thread that pinned itself does not speak for the others. More than 8192 processors, or a
 * refusal, counts as many.
 */
unsigned thrum_futex_usable_cpus(void) {
    const int saved = errno;
    unsigned long own[128] = {0};
    unsigned long first[128] = {0};
    const long a = CALL(AFFINITY, syscall(SYS_sched_getaffinity, 0, sizeof own, own));
    const long b = CALL(AFFINITY, syscall(SYS_sched_getaffinity, getpid(), sizeof first, first));
    errno = saved;
    if (a < 0 && b < 0) return 2;
    unsigned usable = 0;
    for (unsigned i = 0; i < sizeof own / sizeof own[0]; i++)
        usable += (unsigned)__builtin_popcountl(own[i] | first[i]);
    return usable ? usable : 1;
}
