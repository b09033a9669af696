/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. Read sections. liburcu's header says of the two functions that are used here that they are meant
 * to be called directly by code under any licence; through its shared library they cost ten times as much.
 *
 * Compiled without ThreadSanitizer: it would take the state of a thread's reader, which liburcu gives to a
 * later thread, for raced upon. What a section orders it is told.
 */
#include "grace.h"
#include "../atomic/tell.h"
#include "retire.h"

#include <thrum/rcu.h>
#include <urcu/static/urcu-bp.h>

char thrum_rcu_grace_;

void thrum_rcu_read_begin(void) {
    _urcu_bp_read_lock();
}

void thrum_rcu_read_end(void) {
    THRUM_TELL_RELEASE(&thrum_rcu_grace_); /* R1: release, pairs with R2; the order is liburcu's */
    _urcu_bp_read_unlock();
}

bool thrum_rcu_is_reading_(void) {
    return _urcu_bp_read_ongoing() != 0;
}

void thrum_rcu_leave_(void *unused) {
    (void)unused;
    thrum_rcu_read_end();
}
