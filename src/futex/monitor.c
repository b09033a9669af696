/* SPDX-License-Identifier: MIT */
/* Floor 2. A condition and its rlock in one object; cond.c and rlock.c do the work. */
#include <thrum/monitor.h>

#include <stdio.h>

void thrum_monitor_reset_after_fork(thrum_monitor *monitor) {
    thrum_rlock_reset_after_fork(&monitor->lock);
    monitor->last = NULL;
}

size_t thrum_monitor_describe(const thrum_monitor *monitor, char *text, size_t size) {
    return (size_t)snprintf(text, size, "monitor: %s, %u waiting",
                            thrum_monitor_locked(monitor) ? "locked" : "free",
                            thrum_monitor_waiters(monitor));
}
