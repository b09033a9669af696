/* SPDX-License-Identifier: MIT */
/* A plugin that contains all of the static library and uses what leaves traces in the process. */
#include <stdlib.h>
#include <thrum.h>

__attribute__((visibility("default"))) int use(int whole);

static thrum_rcu_head *head_of_its_own(void) {
    return malloc(sizeof(thrum_rcu_head));
}

static void free_head(thrum_rcu_head *head) {
    free(head);
}

static thrum_local number = THRUM_LOCAL_INIT(sizeof(int), NULL, NULL, NULL);

static void *target(void *argument) {
    (void)thrum_local_get(&number);
    return argument;
}

/* 0: well. Puts its things away before it returns if `whole`; otherwise a thread and a value are left. */
int use(int whole) {
    const thrum_thread_config config = {.target = target, .daemon = THRUM_DAEMON_YES};
    thrum_thread *thread;
    if (thrum_thread_spawn(&thread, &config) != THRUM_OK) return 1;
    if (!thrum_local_get(&number)) return 2; /* of the program's thread, which ends later */
    thrum_rcu_head *const head = head_of_its_own();
    if (!head) return 3;
    thrum_rcu_retire(head, free_head);
    if (whole) {
        if (thrum_thread_join(thread, NULL) != THRUM_OK) return 4;
        thrum_local_destroy(&number);
        if (thrum_rcu_barrier() != THRUM_OK) return 5;
    }
    thrum_thread_release(thread);
    return 0;
}
