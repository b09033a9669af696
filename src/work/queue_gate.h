/* SPDX-License-Identifier: MIT */
/* How a queue's threads sleep, and what wakes them; the argument is in queue_gate.c. */
#ifndef THRUM_SRC_WORK_QUEUE_GATE_H
#define THRUM_SRC_WORK_QUEUE_GATE_H

#include <thrum/queue.h>

/* What is waited for: one attempt at it, and whether another attempt, by anybody, would end a wait. */
typedef struct thrum_queue_aim_ {
    thrum_result (*attempt)(void *queue, void **item); /* THRUM_EMPTY and THRUM_FULL: wait */
    bool (*possible)(const void *queue);
} thrum_queue_aim_;

/* Attempts until it succeeds or the deadline passes; the last attempt's result. Spins, then sleeps. */
thrum_result thrum_queue_gate_wait_(thrum_queue_gate_ *gate, const thrum_queue_aim_ *aim, void *queue,
                                    void **item, thrum_deadline deadline);

/* Wakes all. */
void thrum_queue_gate_wake_all_(thrum_queue_gate_ *gate);

#endif
