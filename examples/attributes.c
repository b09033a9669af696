/* SPDX-License-Identifier: MIT */
/* Named attributes, a set a thread: a listing, a default value, deleting one. */
#include "crew.h"

static thrum_attributes data = THRUM_ATTRIBUTES_INIT;

static void show(const char *name, void *value, void *who) {
    printf("%s: %s is %d\n", (const char *)who, name, *(int *)value);
}

static void *work(void *unused) {
    static int default_level = 7, own_color = 2;
    static char name[] = "thread";
    void *found;
    if (thrum_attributes_set(&data, "color", &own_color) != THRUM_OK) return unused;
    if (thrum_attributes_set_default(&data, "level", &default_level, &found) != THRUM_OK) return unused;
    if (thrum_attributes_set_default(&data, "color", &default_level, &found) != THRUM_OK) return unused;
    printf("the default for a color that is there: %d\n", *(int *)found);
    thrum_attributes_each(&data, show, name);
    printf("deleted: %s\n", thrum_result_name(thrum_attributes_delete(&data, "color")));
    printf("deleted again: %s\n", thrum_result_name(thrum_attributes_delete(&data, "color")));
    printf("looked up: %s\n", thrum_result_name(thrum_attributes_get(&data, "color", &found)));
    thrum_attributes_each(&data, show, name);
    return unused;
}

int main(void) {
    int color = 1;
    static char name[] = "main";
    if (thrum_attributes_set(&data, "color", &color) != THRUM_OK) return 1;
    crew_end(crew_spawn((thrum_thread_config){.target = work}));
    thrum_attributes_each(&data, show, name);
    thrum_attributes_destroy(&data);
    thrum_shutdown();
}
