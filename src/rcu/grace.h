/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. The address stands for every grace period, for ThreadSanitizer: read sections release it, their
 * end acquires it.
 *
 * The archive ends its read sections by the function below (tools/check-laws). They are inlined into sources
 * that are not instrumented, and may run in a program that is. There ThreadSanitizer sees what a visitor does
 * inside the section, and the callback that the section delays.
 */
#ifndef THRUM_SRC_RCU_GRACE_H
#define THRUM_SRC_RCU_GRACE_H

#include "../atomic/tell.h"

#include <thrum/rcu.h>

extern char thrum_rcu_grace_;

THRUM_INLINE void thrum_rcu_told_end_(void) {
    /* rcu.R1: release, pairs with rcu.R2; the order is liburcu's, and rcu.S2 */
    THRUM_TELL_RELEASE(&thrum_rcu_grace_);
    thrum_rcu_read_end();
}

#endif
