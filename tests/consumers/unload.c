/* SPDX-License-Identifier: MIT */
/* Loads $PLUGIN, which contains all of the library, uses it, and unloads it; then threads and process end. */
#include "test.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* In a thread of its own, which ends after the unloading: the plugin's key has a destructor. */
static void *use_and_unload(void *whole) {
    void *const plugin = dlopen(getenv("PLUGIN"), RTLD_NOW | RTLD_LOCAL);
    if (!plugin) fprintf(stderr, "%s\n", dlerror());
    CHECK(plugin);
    int (*use)(int whole);
    void *const found = dlsym(plugin, "use");
    CHECK(found);
    memcpy(&use, &found, sizeof use);
    CHECK_EQ(use(whole != NULL), 0);
    CHECK_EQ(dlclose(plugin), 0);
    return NULL;
}

static void in_a_child(void *whole) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        for (int i = 0; i < 3; i++) {
            test_thread user = test_start(use_and_unload, whole);
            test_join(&user);
        }
        const pid_t grandchild = fork(); /* runs the plugin's handlers of forks */
        CHECK(grandchild >= 0);
        exit(0); /* and its exit handler, in both */
    }
    test_join_child(child);
}

TEST(a_plugin_is_unloaded_after_it_has_put_its_things_away) {
    static int whole;
    in_a_child(&whole);
}

TEST(a_plugin_is_unloaded_with_its_things_in_use) {
    in_a_child(NULL);
}
