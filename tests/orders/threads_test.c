/* SPDX-License-Identifier: MIT */
/* Threads, the process's end, the registry, hooks, timers: in libthrum's floor 4. */
#include "threads_parts.h"
#include "orders.h"

static thrum_u32 begun, go, over; /* hints */

static void *runs(void *p) {
    CHECK_EQ(hand_data, *(int *)p);
    await_hint(&go);
    hand_data++;
    if (hand_data % 2) thrum_thread_exit(p);
    return p;
}

static void start(int *expected) {
    const thrum_thread_config config = {.target = runs, .argument = expected};
    *expected = ++hand_data;
    CHECK_EQ(thrum_thread_new(&thread, &config), THRUM_OK);
    CHECK_EQ(thrum_thread_start(thread), THRUM_OK);
}

/* ---- the end of a thread, for each that learns of it ---- */

typedef void learn(void);

static void joins_in_time(void) {
    CHECK_EQ(thrum_thread_join_until(thread, NULL, LONG), THRUM_OK);
}

static void waits_for_the_event(void) {
    thrum_event_wait(thrum_thread_ended(thread));
}

static void looks_at_the_event(void) {
    YIELD_UNTIL(thrum_event_is_set(thrum_thread_ended(thread)));
}

static void waits_for_any(void) {
    const thrum_waitable any[] = {THRUM_WAITABLE(thrum_thread_ended(thread))};
    unsigned which;
    CHECK_EQ(thrum_wait_any(any, 1, &which), THRUM_OK);
}

struct learner {
    learn *how;
    int expected;
};

static void *learns(void *p) {
    const struct learner *const learner = p;
    hint(&begun);
    learner->how();
    CHECK_EQ(hand_data, learner->expected);
    return NULL;
}

/* Two learn of one end: where both join, one joins the system's thread and the other hears of it. */
static void end_is_learned(learn *one, learn *another) {
    for (int i = 0; i < HAND_ROUNDS; i++) {
        int expected;
        start(&expected);
        struct learner first = {one, expected + 1}, second = {another, expected + 1};
        test_thread a = test_start(learns, &first);
        await_hint(&begun);
        test_thread b = test_start(learns, &second);
        await_hint(&begun);
        hint(&go);
        test_join(&a);
        test_join(&b);
        joins();
        thrum_thread_release(thread);
    }
}

TEST(thread) {
    end_is_learned(joins, joins);
    end_is_learned(joins_in_time, joins_in_time);
    end_is_learned(joins, joins_in_time);
}

TEST(thread_ended) {
    end_is_learned(waits_for_the_event, looks_at_the_event);
    end_is_learned(waits_for_any, waits_for_the_event);
}

/* The last reference frees the object, whichever thread gives it back. */
static void *releases(void *of) {
    hint(&begun);
    await_hint(&go);
    CHECK_EQ(thrum_thread_set_name(of, "a name from another thread"), THRUM_OK);
    thrum_thread_release(of);
    hint(&over);
    return NULL;
}

TEST(thread_references) {
    for (int i = 0; i < HAND_ROUNDS; i++) {
        const thrum_thread_config config = {.target = nothing};
        CHECK_EQ(thrum_thread_spawn(&thread, &config), THRUM_OK);
        test_thread other = test_start(releases, thrum_thread_retain(thread));
        await_hint(&begun);
        joins();
        hint(&go);
        await_hint(&over);
        thrum_thread_release(thread);
        test_join(&other);
    }
}

/* ---- the process's end ---- */

static void *ends_late(void *unused) {
    await_hint(&go);
    hand_data++;
    return unused;
}

static int registered, asked; /* plain */

static void asks_for_the_end(void *unused) {
    (void)unused;
    asked = registered;
    hint(&go);
}

static void *registers(void *unused) {
    registered = 7;
    CHECK_EQ(thrum_at_shutdown(asks_for_the_end, NULL), THRUM_OK);
    hint(&over);
    return unused;
}

/* A shutdown hears of what was registered, and waits for a thread of which nobody has a handle. */
TEST(shutdown) {
    const thrum_thread_config config = {.target = ends_late, .daemon = THRUM_DAEMON_NO};
    test_thread other = test_start(registers, NULL);
    await_hint(&over);
    CHECK_EQ(thrum_thread_spawn(NULL, &config), THRUM_OK);
    thrum_shutdown();
    CHECK_EQ(asked, 7);
    CHECK_EQ(hand_data, 1);
    test_join(&other);
}

/* The same where the thread is gone before: the kernel says so, which orders nothing for the sanitizer. */
static thrum_u32 tid; /* a hint */

static void *ends_at_once(void *unused) {
    hand_data = 1;
    thrum_u32_store_relaxed(&tid, thrum_get_native_id());
    return unused;
}

static bool is_gone(void) {
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%u", (unsigned)thrum_u32_load_relaxed(&tid));
    return thrum_u32_load_relaxed(&tid) && access(path, F_OK) != 0;
}

TEST(shutdown_after_the_end) {
    const thrum_thread_config config = {.target = ends_at_once, .daemon = THRUM_DAEMON_NO};
    CHECK_EQ(thrum_thread_spawn(NULL, &config), THRUM_OK);
    YIELD_UNTIL(is_gone());
    thrum_shutdown();
    CHECK_EQ(hand_data, 1);
}

/* The main thread's end, to a thread that joins it. */
static thrum_u32 joining; /* a hint: no lock of its start orders what main does after it */

static void *joins_main(void *unused) {
    hint(&joining);
    CHECK_EQ(thrum_thread_join(thrum_main_thread(), NULL), THRUM_OK);
    CHECK_EQ(hand_data, 7);
    return unused;
}

static void *awaits_main(void *unused) {
    hint(&joining);
    thrum_event_wait(thrum_thread_ended(thrum_main_thread()));
    CHECK_EQ(hand_data, 7);
    return unused;
}

static void end_main(thrum_thread_target *target) {
    const thrum_thread_config config = {.target = target, .daemon = THRUM_DAEMON_NO};
    CHECK_EQ(thrum_thread_spawn(&thread, &config), THRUM_OK);
    await_hint(&joining);
    hand_data = 7;
    thrum_shutdown();
    thrum_thread_release(thread);
}

TEST(shutdown_is_the_end_of_main) {
    end_main(joins_main);
}

TEST(shutdown_sets_the_event_of_mains_end) {
    end_main(awaits_main);
}

/* ---- the registry ---- */

static thrum_u32 listed; /* a hint */
static int numbers[2];

static void *is_listed(void *own) {
    await_hint(&go);
    return own;
}

static void *starts_one(void *of) {
    const thrum_thread_config config = {.target = is_listed};
    numbers[0] = 5;
    CHECK_EQ(thrum_thread_spawn(of, &config), THRUM_OK);
    hint(&listed);
    await_hint(&over);
    return NULL;
}

static void check_found(thrum_thread *found) {
    if (found == thrum_main_thread()) return;
    CHECK_EQ(numbers[0], 5);
    (void)thrum_thread_name(found);
}

TEST(registry) {
    for (int i = 0; i < HAND_ROUNDS; i++) {
        thrum_thread *started, **all;
        size_t count;
        test_thread starter = test_start(starts_one, &started);
        await_hint(&listed);
        CHECK_EQ(thrum_enumerate(&all, &count), THRUM_OK);
        for (size_t k = 0; k < count; k++) check_found(all[k]);
        thrum_enumerate_release(all, count);
        numbers[0] = 0;
        hint(&over);
        test_join(&starter);
        hint(&go);
        CHECK_EQ(thrum_thread_join(started, NULL), THRUM_OK);
        thrum_thread_release(started);
    }
}

TEST(registry_by_ident) {
    for (int i = 0; i < HAND_ROUNDS; i++) {
        thrum_thread *started;
        test_thread starter = test_start(starts_one, &started);
        await_hint(&listed);
        thrum_thread *found = NULL;
        for (uint64_t ident = 1; !found || found == thrum_main_thread(); ident++) {
            thrum_thread_release(found);
            found = thrum_thread_by_ident(ident);
        }
        check_found(found);
        thrum_thread_release(found);
        hint(&over);
        test_join(&starter);
        hint(&go);
        CHECK_EQ(thrum_thread_join(started, NULL), THRUM_OK);
        thrum_thread_release(started);
    }
}

/* A slot's next owner sees what the one before has written there. */
static int of_slot[THRUM_SELF_SLOTS + 1]; /* plain */

static uint32_t slots[2];
static thrum_u32 may_draw;

static void *draws(void *own) {
    uint32_t *const mine = own;
    hint(&begun);
    if (mine == slots + 1) await_hint(&may_draw);
    *mine = thrum_self_slot();
    of_slot[*mine]++;
    return NULL;
}

TEST(self_slot) {
    for (int i = 0; i < HAND_ROUNDS; i++) {
        thrum_thread *first, *second;
        const thrum_thread_config configs[] = {{.target = draws, .argument = slots},
                                               {.target = draws, .argument = slots + 1}};
        CHECK_EQ(thrum_thread_spawn(&second, &configs[1]), THRUM_OK);
        await_hint(&begun);
        CHECK_EQ(thrum_thread_spawn(&first, &configs[0]), THRUM_OK);
        CHECK_EQ(thrum_thread_join(first, NULL), THRUM_OK);
        hint(&may_draw);
        CHECK_EQ(thrum_thread_join(second, NULL), THRUM_OK);
        CHECK_EQ(slots[0], slots[1]);
        thrum_thread_release(first);
        thrum_thread_release(second);
    }
}
