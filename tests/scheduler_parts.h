/* SPDX-License-Identifier: MIT */
/* What the tests of schedulers share. */
#ifndef THRUM_TESTS_SCHEDULER_PARTS_H
#define THRUM_TESTS_SCHEDULER_PARTS_H

#include "test.h"

#include <thrum.h>

static thrum_event done;
static thrum_u32 calls;
static char order[16];
#define CALLS thrum_u32_load_acquire(&calls)

static inline void note(void *letter) {
    order[thrum_u32_fetch_add_release(&calls, 1)] = *(const char *)letter;
    if (*(const char *)letter == 'z') thrum_event_set(&done);
}

static char letters[] = "abcdefghijklmnopqrstuvwxyz";
#define LETTER(c) (&letters[(c) - 'a'])

#endif
