/* SPDX-License-Identifier: MIT */
/* Above all floors. Read sections, in which nothing waits. */
#include "../futex/waits.h"
#include "checked_inside.h"

#include <thrum/rcu.h>

void thrum_checked_rcu_read_begin_(void);
void thrum_checked_rcu_read_end_(void);
void thrum_checked_rcu_leave_(void *unused);

void thrum_checked_rcu_read_begin_(void) {
    check_stack at;
    check_stack_here_(&at, THRUM_SITE_);
    check_thread *const thread = check_enter_();
    if (thread) {
        if (thread->sections++ == 0) thread->section_at = at;
        check_leave_(thread, NULL);
    }
    thrum_rcu_section_begin_();
}

void thrum_checked_rcu_read_end_(void) {
    check_thread *const thread = check_enter_();
    thrum_rcu_section_end_();
    if (!thread) return;
    if (thread->sections) thread->sections--;
    check_leave_(thread, NULL);
}

/* What THRUM_WITH_RCU ends with. */
void thrum_checked_rcu_leave_(void *unused) {
    (void)unused;
    thrum_checked_rcu_read_end_();
}

static void tell_section(const check_thread *thread, check_report *report, const char *what,
                         const void *site) {
    check_stack at;
    check_stack_here_(&at, site);
    check_title_(report, THRUM_CHECKED_IN_SECTION, "thread %llu waits for %s in a read section",
                 (unsigned long long)thread->ident, what);
    check_say_stack_(report, &at);
    check_say_(report, "  the section began\n");
    check_say_stack_(report, &thread->section_at);
}

/* Locks, which the library has of its own, and what it does once are acquired in sections, too. */
static bool is_programs(thrum_wait_kind_ kind) {
    switch (kind) {
    case THRUM_WAIT_LOCK_:
    case THRUM_WAIT_RLOCK_:
    case THRUM_WAIT_READ_:
    case THRUM_WAIT_WRITE_:
    case THRUM_WAIT_READERS_:
    case THRUM_WAIT_ALL_:
    case THRUM_WAIT_ONCE_:
        return false;
    default:
        return true;
    }
}

/* In the place of a wait's beginning, in all of this library (src/futex/waits.h). */
thrum_wait_ thrum_checked_wait_begin_(thrum_wait_kind_ kind, const void *object, const void *site) {
    const bool outermost = thrum_u32_load_relaxed(&thrum_self_.waits.kind) == THRUM_WAIT_NOTHING_;
    check_report report = {.made = false};
    check_thread *const thread = outermost && is_programs(kind) ? check_enter_() : NULL;
    if (thread) {
        if (thread->sections) tell_section(thread, &report, thrum_wait_kind_name_(kind), site);
        check_leave_(thread, &report);
    }
    return thrum_wait_begin_(kind, object, site);
}
