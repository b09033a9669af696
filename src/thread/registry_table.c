/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. The table: chains of liburcu's lists by ident. liburcu's lists order their pointers by volatile
 * accesses and barriers that ThreadSanitizer does not know: this file alone is compiled without it, and its
 * callers tell it the order (tell.h). Nothing here touches a record but for its node.
 *
 * N1: whatever a change stores is a release, and every look an acquire: who finds a record sees all that was
 *     before it was listed. (liburcu's own look orders no more than what is reached by the pointer.)
 */
#define URCU_INLINE_SMALL_FUNCTIONS /* volatile loads of pointers, inlined */
#include "record.h"

#include <stddef.h>
#include <urcu/pointer.h>

static struct cds_hlist_head chains[THRUM_TABLE_CHAINS];

static thrum_thread_record_ *record_of(struct cds_hlist_node *node) {
    return node ? (thrum_thread_record_ *)((char *)node - offsetof(thrum_thread_record_, node)) : NULL;
}

void thrum_table_add_(thrum_thread_record_ *record, uint64_t ident) {
    cds_hlist_add_head_rcu(&record->node, &chains[ident % THRUM_TABLE_CHAINS]);
}

/*
 * A removal publishes, too: it links what comes behind the record, perhaps listed by a third thread, to what
 * is before it, and a reader that comes that way must find it whole. liburcu's list leaves that barrier out.
 */
void thrum_table_remove_(thrum_thread_record_ *record) {
    cmm_smp_wmb();
    cds_hlist_del_rcu(&record->node);
}

thrum_thread_record_ *thrum_table_first_(unsigned chain) {
    return record_of(__atomic_load_n(&chains[chain].next, __ATOMIC_ACQUIRE));
}

thrum_thread_record_ *thrum_table_next_(const thrum_thread_record_ *record) {
    return record_of(__atomic_load_n(&record->node.next, __ATOMIC_ACQUIRE));
}
