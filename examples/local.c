/* SPDX-License-Identifier: MIT */
/* Thread-local data: named attributes, and a value that is initialised in each thread. */
#include "crew.h"

static thrum_attributes data = THRUM_ATTRIBUTES_INIT;

static thrum_result start_at_1000(void *value, void *unused) {
    (void)unused;
    *(int *)value = 1000;
    return THRUM_OK;
}

static thrum_local number = THRUM_LOCAL_INIT(sizeof(int), start_at_1000, NULL, NULL);

static void show(const char *who) {
    void *value;
    if (thrum_attributes_get(&data, "value", &value) == THRUM_OK)
        printf("%s: value %d\n", who, *(int *)value);
    else
        printf("%s: no value yet\n", who);
}

static void *work(void *p) {
    show("thread");
    if (thrum_attributes_set(&data, "value", p) != THRUM_OK) return NULL;
    show("thread");
    int *mine = thrum_local_get(&number);
    if (!mine) return NULL;
    printf("thread: number %d\n", *mine);
    *mine += *(int *)p;
    printf("thread: number %d\n", *mine);
    return NULL;
}

int main(void) {
    show("main");
    int one = 1;
    if (thrum_attributes_set(&data, "value", &one) != THRUM_OK) return 1;
    show("main");
    for (int i = 0; i < 2; i++) {
        int own = 10 * (i + 1);
        crew_end(crew_spawn((thrum_thread_config){THRUM_TARGET(work), .argument = &own}));
    }
    show("main");
    int *mine = thrum_local_get(&number);
    printf("main: number %d\n", mine ? *mine : 0);
    thrum_attributes_destroy(&data);
    thrum_local_destroy(&number);
    thrum_shutdown();
}
