/* SPDX-License-Identifier: MIT */
/*
 * liburcu, as far as explored code calls it, and what the library inlines of it: read sections, grace
 * periods, and the registry's lists.
 *
 * Read sections are liburcu's bp flavour: a store of the reader's own word, whose fence the one who waits
 * makes for it. They are counted, odd inside. Lists are changed by one at a time, and have the orders of N1
 * in registry_table.c.
 */
#include "explore.h"

#include "../../src/thread/record.h"

#include <thrum/futex.h>
#include <urcu/urcu-bp.h>

/* --- read sections -------------------------------------------------------------------------------- */

enum { READERS = 5 };

char thrum_rcu_grace_;
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
    thrum_u32_store_relaxed(own, thrum_u32_load_relaxed(own) + 1);
}

void thrum_rcu_read_end(void) {
    REQUIRE(depth > 0);
    if (--depth > 0) return;
    thrum_u32 *const own = own_sections();
    thrum_u32_store_release(own, thrum_u32_load_relaxed(own) + 1);
}

void thrum_rcu_leave_(void *unused) {
    (void)unused;
    thrum_rcu_read_end();
}

void urcu_bp_synchronize_rcu(void) {
    REQUIRE(depth == 0);
    explore_fence_heavy();
    for (unsigned i = 0; i < READERS; i++) {
        const uint32_t seen = thrum_u32_load_acquire(&sections[i]);
        while (seen % 2 == 1 && thrum_u32_load_acquire(&sections[i]) == seen) thrum_futex_yield();
    }
    explore_fence_heavy();
}

void urcu_bp_before_fork(void) {}
void urcu_bp_after_fork_parent(void) {}
void urcu_bp_after_fork_child(void) {}

/* --- registry_table.c ----------------------------------------------------------------------------- */

static struct cds_hlist_head chains[THRUM_TABLE_CHAINS];

static thrum_thread_record_ *record_of(struct cds_hlist_node *node) {
    return node ? (thrum_thread_record_ *)((char *)node - offsetof(thrum_thread_record_, node)) : NULL;
}

void thrum_table_add_(thrum_thread_record_ *record, uint64_t ident) {
    struct cds_hlist_head *const head = &chains[ident % THRUM_TABLE_CHAINS];
    struct cds_hlist_node *const node = &record->node, *const next =
                                                           __atomic_load_n(&head->next, __ATOMIC_RELAXED);
    __atomic_store_n(&node->next, next, __ATOMIC_RELAXED);
    node->prev = (struct cds_hlist_node *)head;
    if (next) next->prev = node;
    __atomic_store_n(&head->next, node, __ATOMIC_RELEASE);
}

void thrum_table_remove_(thrum_thread_record_ *record) {
    struct cds_hlist_node *const node = &record->node, *const next =
                                                           __atomic_load_n(&node->next, __ATOMIC_RELAXED);
    if (next) next->prev = node->prev;
    __atomic_store_n(&node->prev->next, next, __ATOMIC_RELEASE);
}

thrum_thread_record_ *thrum_table_first_(unsigned chain) {
    return record_of(__atomic_load_n(&chains[chain].next, __ATOMIC_ACQUIRE));
}

thrum_thread_record_ *thrum_table_next_(const thrum_thread_record_ *record) {
    return record_of(__atomic_load_n(&record->node.next, __ATOMIC_ACQUIRE));
}
