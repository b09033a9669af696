/* SPDX-License-Identifier: MIT */
/*
 * liburcu, as far as explored code calls it, and what the library inlines of it: read sections and grace
 * periods of its bp flavour. A section is a store of the reader's own word, whose fence the one that waits
 * makes for it (thrum_rcu_synchronize). Sections are counted, odd inside.
 */
#include "explore.h"

#include "../../src/rcu/retire.h"

#include <thrum/futex.h>
#include <thrum/rcu.h>
#include <urcu/urcu-bp.h>

enum { READERS = 5 };

char thrum_rcu_grace_;
thrum_rcu_sections_ thrum_rcu_sections_now_;
static thrum_u32 sections[READERS];
static __thread unsigned depth;

static thrum_u32 *own_sections(void) {
    const uint64_t me = thrum_futex_thread() - 1;
    REQUIRE(me < READERS);
    return &sections[me];
}

void thrum_rcu_read_begin(void) {
    if (depth++ > 0) return;
    thrum_u32 *const own = own_sections();
    /* Release: a wait that sees this section comes after the thread's earlier ones (rcu.S2). */
    thrum_u32_store_release(own, thrum_u32_load_relaxed(own) + 1);
}

void thrum_rcu_read_end(void) {
    REQUIRE(depth > 0);
    if (--depth > 0) return;
    thrum_u32 *const own = own_sections();
    thrum_u32_store_release(own, thrum_u32_load_relaxed(own) + 1);
}

void thrum_rcu_tell_liburcu_(void) {}

bool thrum_rcu_is_reading_(void) {
    return depth > 0;
}

void thrum_rcu_leave_(void *unused) {
    (void)unused;
    thrum_rcu_read_end();
}

void urcu_bp_synchronize_rcu(void) {
    REQUIRE(depth == 0);
    thrum_futex_fence();
    for (unsigned i = 0; i < READERS; i++) {
        const uint32_t seen = thrum_u32_load_acquire(&sections[i]);
        while (seen % 2 == 1 && thrum_u32_load_acquire(&sections[i]) == seen) thrum_futex_yield();
    }
    thrum_futex_fence();
}

void urcu_bp_before_fork(void) {}
void urcu_bp_after_fork_parent(void) {}
void urcu_bp_after_fork_child(void) {}
