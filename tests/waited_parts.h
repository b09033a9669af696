/* SPDX-License-Identifier: MIT */
/* What the tests of waits that tell about themselves share. */
#ifndef THRUM_TESTS_WAITED_PARTS_H
#define THRUM_TESTS_WAITED_PARTS_H

#include "test.h"

#include "../src/futex/waits.h"

#include <thrum/all.h>
#include <thrum/barrier.h>
#include <thrum/cond.h>
#include <thrum/event.h>
#include <thrum/futex.h>
#include <thrum/latch.h>
#include <thrum/lock.h>
#include <thrum/monitor.h>
#include <thrum/once.h>
#include <thrum/rlock.h>
#include <thrum/rwlock.h>
#include <thrum/semaphore.h>
#include <thrum/wait_any.h>
#include <thrum/waited.h>

/* ---- what each wait says of itself ---- */

static thrum_lock lock, second;
static thrum_event event;

/* One kind of wait: what the first thread does before it, the wait, and what ends it. */
typedef struct kind {
    const char *name;
    void (*before)(void);
    void (*wait)(void);
    void (*end)(void);
    uint32_t kind;
    const void *object;
} kind;

#endif
