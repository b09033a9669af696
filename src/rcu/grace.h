/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. The address stands for every grace period, for ThreadSanitizer: read sections release it, their
 * end acquires it.
 */
#ifndef THRUM_SRC_RCU_GRACE_H
#define THRUM_SRC_RCU_GRACE_H

extern char thrum_rcu_grace_;

#endif
