/* SPDX-License-Identifier: MIT */
/*
 * Numbered points around each of futex.c's system calls, for tests that are compiled with
 * THRUM_FAULTS. The test supplies thrum_fault_; elsewhere there is no such function and no code.
 *
 * At every point it may run what it likes. Before a call it may also answer in the kernel's place:
 * then it writes the answer (-1 with errno set, as syscall does), returns true, and the call is not
 * made. It keeps errno otherwise.
 */
#ifndef THRUM_SRC_FUTEX_FAULT_H
#define THRUM_SRC_FUTEX_FAULT_H

#include <stdbool.h>

typedef enum thrum_fault_point {
    THRUM_BEFORE_WAIT,
    THRUM_AFTER_WAIT,
    THRUM_BEFORE_WAKE,
    THRUM_AFTER_WAKE,
    THRUM_BEFORE_REQUEUE,
    THRUM_AFTER_REQUEUE,
    THRUM_BEFORE_WAIT_ANY,
    THRUM_AFTER_WAIT_ANY,
    THRUM_BEFORE_CLOCK,
    THRUM_AFTER_CLOCK,
    THRUM_BEFORE_NAP,
    THRUM_AFTER_NAP,
    THRUM_BEFORE_YIELD,
    THRUM_AFTER_YIELD,
    THRUM_BEFORE_POLICY,
    THRUM_AFTER_POLICY,
    THRUM_BEFORE_AFFINITY,
    THRUM_AFTER_AFFINITY,
    THRUM_BEFORE_FENCE,
    THRUM_AFTER_FENCE,
    THRUM_FAULT_POINTS
} thrum_fault_point;

bool thrum_fault_(thrum_fault_point point, long *answer);

#define THRUM_AT_FAULT_POINTS_(name, call)                                        \
    __extension__({                                                               \
        long answer_ = 0;                                                         \
        if (!thrum_fault_(THRUM_BEFORE_##name, &answer_)) answer_ = (long)(call); \
        (void)thrum_fault_(THRUM_AFTER_##name, &answer_);                         \
        answer_;                                                                  \
    })

#endif
