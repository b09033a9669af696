/* SPDX-License-Identifier: MIT */
/*
 * A deadlock before it happens: two locks that two threads acquire in two orders, one after the other, so
 * that nothing hangs today. The checked build says so all the same, with both places.
 */
#include "crew.h"

#include <thrum/checked.h>

static thrum_lock account = THRUM_LOCK_INIT, journal = THRUM_LOCK_INIT;

static void print(const thrum_checked_report *report, void *unused) {
    (void)unused;
    fputs(report->text, stdout);
}

static void *book(void *unused) {
    THRUM_WITH(&account) {
        THRUM_WITH(&journal) puts("booked");
    }
    return unused;
}

static void *audit(void *unused) {
    THRUM_WITH(&journal) {
        THRUM_WITH(&account) puts("audited");
    }
    return unused;
}

int main(void) {
    thrum_checked_report_to(print, NULL);
    thrum_checked_class(&account, "account");
    thrum_checked_class(&journal, "journal");
    crew_end(crew_spawn((thrum_thread_config){.target = book}));
    crew_end(crew_spawn((thrum_thread_config){.target = audit}));
    puts("done");
}
