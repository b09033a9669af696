/* SPDX-License-Identifier: MIT */
/*
 * Loads two plugins that each contain the static core ($PLUGIN, $ANOTHER). Compiled with ITSELF it contains a
 * third copy.
 */
#include "copies.h"
#include "refuse.h"

#include <dlfcn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { THREADS = 6, TIMES = 100000 };

static const copy *copies[3];
static unsigned how_many;

static void *load(const char *path) {
    void *const plugin = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (!plugin) fprintf(stderr, "%s\n", dlerror());
    CHECK(plugin);
    copies[how_many++] = dlsym(plugin, "copy_of_the_core");
    CHECK(copies[how_many - 1]);
    return plugin;
}

static thrum_rlock lock;
static long counter;
static uint64_t ids[THREADS];

/* Each thread asks the copies in an order of its own. */
static void *use_all(void *p) {
    uint64_t *const mine = p;
    const size_t begin = (size_t)(mine - ids);
    *mine = copies[begin % how_many]->id();
    const uint32_t slot = copies[begin % how_many]->slot();
    CHECK(*mine != 0);
    for (size_t i = begin; i < begin + how_many; i++) {
        CHECK_EQ(copies[i % how_many]->id(), *mine);
        CHECK_EQ(copies[i % how_many]->slot(), slot);
    }
    copies[begin % how_many]->count(&lock, &counter, TIMES);
    return NULL;
}

static void all_know_a_thread_by_one_id_and_slot(void) {
    test_thread threads[THREADS];
    counter = 0;
    /* If it counted alone, it would be ahead of the others now. */
    CHECK(copies[0]->id() != 0 && copies[0]->slot() == 0);
    for (unsigned i = 0; i < THREADS; i++) threads[i] = test_start(use_all, &ids[i]);
    for (unsigned i = 0; i < THREADS; i++) test_join(&threads[i]);
    CHECK_EQ(counter, (long)TIMES * THREADS);
    for (unsigned i = 0; i < THREADS; i++)
        for (unsigned j = 0; j < i; j++) CHECK(ids[i] != ids[j]);
}

/* One copy has decided that light fences are free; in a sandbox no other may say that all is sure. */
static void a_fence_is_unsure_in_every_copy(void) {
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        CHECK(copies[how_many - 1]->fence());
        refuse(SYS_membarrier, EPERM);
        for (unsigned i = 0; i < how_many; i++) CHECK(!copies[i]->fence());
        _exit(0);
    }
    test_join_child(child);
}

#ifdef ITSELF
/* The program's copy is the first: a plugin's may go. */
TEST(copies_of_the_core_agree) {
    copies[how_many++] = &copy_of_the_core;
    (void)load(getenv("PLUGIN"));
    void *const last = load(getenv("ANOTHER"));
    all_know_a_thread_by_one_id_and_slot();
    a_fence_is_unsure_in_every_copy();
    CHECK_EQ(dlclose(last), 0);
    how_many--;
    all_know_a_thread_by_one_id_and_slot();
}
#else
/* The first plugin's copy is the first: it stays for the other's sake. */
TEST(copies_of_the_core_agree) {
    void *const plugin = load(getenv("PLUGIN"));
    (void)load(getenv("ANOTHER"));
    all_know_a_thread_by_one_id_and_slot();
    a_fence_is_unsure_in_every_copy();
    CHECK_EQ(dlclose(plugin), 0);
    all_know_a_thread_by_one_id_and_slot();
}
#endif
