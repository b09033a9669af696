/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. The table: chains of records by ident. Whoever changes it holds `lives`; readers are in a read
 * section. Nothing here touches a record but for its links.
 *
 * N1: whatever a change stores for readers is a release, a removal's too, and every look an acquire (R5,
 *     R6): who finds a record sees all that was before it was listed. A removal links what comes behind the
 *     record, perhaps listed by a third thread, to what is before it. liburcu's list stores that link without
 *     an order, which is why this one is not liburcu's.
 */
#include "record.h"

static thrum_thread_record_ *chains[THRUM_TABLE_CHAINS];

void thrum_table_add_(thrum_thread_record_ *record, uint64_t ident) {
    thrum_thread_record_ **const first = &chains[ident % THRUM_TABLE_CHAINS];
    thrum_thread_record_ *const next = thrum_rcu_read(first);
    record->next = next; /* plain: no reader stands on it (I1) */
    record->place = first;
    if (next) next->place = &record->next;
    thrum_rcu_publish(first, record);
}

void thrum_table_remove_(thrum_thread_record_ *record) {
    thrum_thread_record_ *const next = thrum_rcu_read(&record->next);
    if (next) next->place = record->place;
    thrum_rcu_publish(record->place, next);
}

thrum_thread_record_ *thrum_table_first_(unsigned chain) {
    return thrum_rcu_read(&chains[chain]);
}

thrum_thread_record_ *thrum_table_next_(const thrum_thread_record_ *record) {
    return thrum_rcu_read(&record->next);
}
