/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. The table: chains of records by ident, and one row of all in the order of their listing. A thread
 * that changes it holds `lives`; readers are in a read section. Nothing here touches a record but for its
 * links.
 *
 * registry.N1: whatever a change stores for readers is a release, a removal's too, and every look an acquire
 *     (rcu.R5, rcu.R6): a reader that finds a record sees all that was before it was
 *     listed. A removal links what comes behind the record, perhaps listed by a third thread, to what is
 *     before it. liburcu's list stores that link without an order, which is why this one is not liburcu's.
 * registry.N2: a record joins the row at its end. A reader that stands on the end, listed or removed
 *     meanwhile, has passed all that were listed when it began, for none joins elsewhere.
 */
#include "../atomic/law.h"
#include "record.h"

static thrum_thread_record_ *chains[THRUM_TABLE_CHAINS];
static thrum_thread_record_ *row;
static thrum_thread_record_ **row_end = &row;

void thrum_table_add_(thrum_thread_record_ *record, uint64_t ident) {
    thrum_thread_record_ **const first = &chains[ident % THRUM_TABLE_CHAINS];
    THRUM_LAW(thread.I2, thrum_lock_locked(&thrum_lives_));
    thrum_thread_record_ *const next = thrum_rcu_read(first);
    record->next = next; /* plain: no reader stands on it (thread.I1) */
    record->place = first;
    record->after = NULL;
    record->row_place = row_end;
    if (next) next->place = &record->next;
    thrum_rcu_publish(first, record);
    thrum_rcu_publish(row_end, record); /* registry.N2 */
    row_end = &record->after;
}

void thrum_table_remove_(thrum_thread_record_ *record) {
    THRUM_LAW(thread.I2, thrum_lock_locked(&thrum_lives_));
    thrum_thread_record_ *const next = thrum_rcu_read(&record->next);
    if (next) next->place = record->place;
    thrum_rcu_publish(record->place, next);
    thrum_thread_record_ *const after = thrum_rcu_read(&record->after);
    if (after)
        after->row_place = record->row_place;
    else
        row_end = record->row_place;
    thrum_rcu_publish(record->row_place, after);
}

thrum_thread_record_ *thrum_table_chain_(uint64_t ident) {
    return thrum_rcu_read(&chains[ident % THRUM_TABLE_CHAINS]);
}

thrum_thread_record_ *thrum_table_next_(const thrum_thread_record_ *record) {
    return thrum_rcu_read(&record->next);
}

thrum_thread_record_ *thrum_table_first_(void) {
    return thrum_rcu_read(&row);
}

thrum_thread_record_ *thrum_table_after_(const thrum_thread_record_ *record) {
    return thrum_rcu_read(&record->after);
}
