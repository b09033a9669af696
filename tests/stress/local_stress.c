/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#include "test.h"

#include <stdlib.h>
#include <sys/resource.h>
#include <thrum.h>

static thrum_u64 made, destroyed;

static thrum_result make(void *value, void *unused) {
    (void)unused;
    *(void **)value = malloc(64); /* something to leak */
    if (!*(void **)value) return THRUM_NO_MEMORY;
    thrum_u64_fetch_add_relaxed(&made, 1);
    return THRUM_OK;
}

static void destroy(void *value, void *unused) {
    (void)unused;
    free(*(void **)value);
    thrum_u64_fetch_add_relaxed(&destroyed, 1);
}

static thrum_local local = THRUM_LOCAL_INIT(sizeof(void *), make, destroy, NULL);
static thrum_local other = THRUM_LOCAL_INIT(sizeof(void *), make, destroy, NULL);

static void *touch(void *unused) {
    CHECK(thrum_local_get(&local) && thrum_local_get(&other));
    return unused;
}

/* AddressSanitizer keeps freed blocks in quarantine, up to 256 MB: there, what is not freed. */
#ifdef __SANITIZE_ADDRESS__
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

static long in_use_kb(void) {
#ifdef __SANITIZE_ADDRESS__
    return (long)(__sanitizer_get_current_allocated_bytes() / 1024);
#else
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return usage.ru_maxrss;
#endif
}

static void run_many(unsigned count) {
    for (unsigned i = 0; i < count; i++) {
        thrum_thread *thread;
        CHECK_EQ(thrum_thread_spawn(&thread, &(thrum_thread_config){.target = touch}), THRUM_OK);
        CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
        thrum_thread_release(thread);
    }
}

/* ctest: seconds 300 */
TEST(a_million_short_threads_leak_nothing) {
    const unsigned slow = test_slowdown(), count = 1000000 / (slow * slow * slow);
    run_many(count / 10);
    const long before = in_use_kb();
    run_many(count);
    CHECK_EQ(thrum_u64_load_relaxed(&made), thrum_u64_load_relaxed(&destroyed));
    CHECK_EQ(thrum_u64_load_relaxed(&made), 2 * (uint64_t)(count / 10 + count));
    /* A leak of the values alone would be 128 bytes a thread. ThreadSanitizer keeps memory itself. */
    if (!THRUM_UNDER_TSAN) CHECK(in_use_kb() - before < (long)count * 128 / 16 / 1024);
}

/* Threads end while the object is destroyed, and begin while it is made anew. */
static void *come_and_go(void *unused) {
    const uint32_t stop = 2000 / test_slowdown();
    for (uint32_t i = 0; i < stop; i++) {
        pthread_t thread;
        if (pthread_create(&thread, NULL, touch, NULL) == 0) pthread_join(thread, NULL);
    }
    return unused;
}

static void *destroy_again_and_again(void *over) {
    while (!thrum_u32_load_acquire(over)) {
        thrum_local l = THRUM_LOCAL_INIT(sizeof(void *), make, destroy, NULL);
        CHECK(thrum_local_get(&l));
        thrum_local_destroy(&l);
        thrum_futex_yield();
    }
    return NULL;
}

/* A thread has a value, and ends at the moment in which another one destroys the object. */
static thrum_event has_one;

static void *touch_and_say(void *l) {
    CHECK(thrum_local_get(l));
    thrum_event_set(&has_one);
    return NULL;
}

TEST(ends_of_threads_and_destructions_of_objects_race) {
    thrum_u32 over = {0};
    test_thread threads[3] = {test_start(come_and_go, NULL), test_start(come_and_go, NULL),
                              test_start(destroy_again_and_again, &over)};
    for (unsigned i = 0; i < 2000 / test_slowdown(); i++) {
        thrum_local l = THRUM_LOCAL_INIT(sizeof(void *), make, destroy, NULL);
        thrum_event_clear(&has_one);
        test_thread thread = test_start(touch_and_say, &l);
        thrum_event_wait(&has_one);
        thrum_local_destroy(&l);
        test_join(&thread);
    }
    for (int i = 0; i < 2; i++) test_join(&threads[i]);
    thrum_u32_store_release(&over, 1);
    test_join(&threads[2]);
    CHECK_EQ(thrum_u64_load_relaxed(&made), thrum_u64_load_relaxed(&destroyed));
}
