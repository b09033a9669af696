/* SPDX-License-Identifier: MIT */
/*
 * THRUM_WITH on every kind: released by falling off the end, by return, break and goto, and by a thread that
 * ends.
 */
#include "crew.h"

static thrum_lock lock;
static thrum_rlock rlock;
static thrum_cond cond = THRUM_COND_INIT(&lock);
static thrum_monitor monitor;
static thrum_semaphore semaphore = THRUM_SEMAPHORE_INIT(1);
static thrum_bounded_semaphore bounded = THRUM_BOUNDED_SEMAPHORE_INIT(1);

static void show(const char *how) {
    printf("%s: lock %s, rlock %s, monitor %s, semaphores %lld %lld\n", how,
           thrum_lock_locked(&lock) ? "held" : "free", thrum_rlock_locked(&rlock) ? "held" : "free",
           thrum_monitor_locked(&monitor) ? "held" : "free", (long long)thrum_semaphore_value(&semaphore),
           (long long)thrum_bounded_semaphore_value(&bounded));
}

static void leave_by_return(void) {
    THRUM_WITH(&rlock) {
        THRUM_WITH(&semaphore) return;
    }
}

static void *leave_by_exit(void *unused) {
    THRUM_WITH(&lock)
        THRUM_WITH(&rlock)
            THRUM_WITH(&monitor)
                THRUM_WITH(&semaphore)
                    THRUM_WITH(&bounded) thrum_thread_exit(unused);
    return unused;
}

int main(void) {
    THRUM_WITH(&lock) {
        THRUM_WITH(&rlock) {
            THRUM_WITH(&monitor) {
                THRUM_WITH(&semaphore) {
                    THRUM_WITH(&bounded) show("inside");
                }
            }
        }
    }
    show("off the end");
    leave_by_return();
    show("return");
    THRUM_WITH(&cond) break;
    show("break");
    THRUM_WITH(&bounded) goto out;
out:
    show("goto");
    crew_end(crew_spawn((thrum_thread_config){.target = leave_by_exit}));
    show("a thread's end");
    thrum_shutdown();
}
