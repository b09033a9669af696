/* SPDX-License-Identifier: MIT */
/* From a writer to the readers of a version, and from them to its end: sections, callbacks, cells, maps. */
#include "orders.h"

/* ---- rcu ---- */

typedef struct version {
    thrum_rcu_head head;
    int number; /* plain */
} version;

static version *published;
static thrum_u32 reading; /* a hint */

static void rcu_publish(void) {
    version *const fresh = malloc(sizeof *fresh);
    CHECK(fresh != NULL);
    fresh->number = hand_data;
    thrum_rcu_publish(&published, fresh);
}
static void rcu_exchange(void) {
    version *const fresh = malloc(sizeof *fresh);
    CHECK(fresh != NULL);
    fresh->number = hand_data;
    CHECK(thrum_rcu_exchange(&published, fresh) == NULL);
}
static void rcu_read(void) {
    for (bool found = false; !found; sched_yield()) {
        THRUM_WITH_RCU {
            const version *const seen = thrum_rcu_read(&published);
            found = seen != NULL;
            if (found) CHECK_EQ(seen->number, hand_data);
        }
    }
}
static void rcu_forget(void) {
    version *const last = thrum_rcu_exchange(&published, (version *)NULL);
    thrum_rcu_synchronize();
    free(last);
}
TEST(rcu_publish) {
    hand_over((hand){NULL, rcu_publish, rcu_read, HAND_SPINS, rcu_forget});
    hand_over((hand){NULL, rcu_exchange, rcu_read, HAND_SPINS, rcu_forget});
}

/* What a reader does in its section happens before what waits for the section. */
static thrum_u32 may_end, may_leave;
static void *reads(void *unused) {
    thrum_rcu_read_begin();
    hint(&reading);
    YIELD_UNTIL(thrum_u32_load_relaxed(&may_end));
    hand_data++;
    thrum_rcu_read_end();
    await_hint(&may_leave); /* the thread's end, too, would order it */
    return unused;
}
static test_thread begin_to_read(void) {
    thrum_u32_store_relaxed(&may_end, 0);
    const test_thread reader = test_start(reads, NULL);
    await_hint(&reading);
    return reader;
}
TEST(rcu_synchronize) {
    int before = 0;
    for (int i = 0; i < HAND_ROUNDS; i++) {
        test_thread reader = begin_to_read();
        thrum_u32_store_relaxed(&may_end, 1);
        thrum_rcu_synchronize();
        CHECK_EQ(hand_data, ++before);
        hint(&may_leave);
        test_join(&reader);
    }
}

/* What happened before a retire and in sections before it, before the callback; and that before a barrier. */
static thrum_rcu_head head;
static int called, noted; /* plain */
static void note(thrum_rcu_head *of) {
    CHECK(of == &head);
    called = hand_data + noted;
}
TEST(rcu_retire) {
    for (int i = 1; i <= HAND_ROUNDS; i++) {
        test_thread reader = begin_to_read();
        noted = i;
        thrum_rcu_retire(&head, note);
        thrum_u32_store_relaxed(&may_end, 1);
        CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
        CHECK_EQ(called, 2 * i);
        hint(&may_leave);
        test_join(&reader);
    }
}

/* What one callback does happens before the next, also where another helper calls that one. */
static thrum_u32 helper_of_last;
static void count_call(thrum_rcu_head *of) {
    called++;
    thrum_u32_store_relaxed(&helper_of_last, thrum_get_native_id()); /* a hint */
    (void)of;
}
static void await_end_of(uint32_t native_id) {
    char path[64];
    (void)snprintf(path, sizeof path, "/proc/self/task/%u", (unsigned)native_id);
    YIELD_UNTIL(access(path, F_OK) != 0);
}
TEST(rcu_callbacks) {
    static thrum_rcu_head heads[2]; /* one a helper: nothing hands them back to this thread */
    called = 0;
    for (int i = 0; i < 2; i++) {
        uint32_t helper;
        thrum_rcu_retire(&heads[i], count_call);
        YIELD_UNTIL((helper = thrum_u32_exchange_relaxed(&helper_of_last, 0)));
        await_end_of(helper); /* not a barrier: its return, too, would order them */
    }
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(called, 2);
}

/* ---- snapshot ---- */

static thrum_snapshot cell;
static int made, destroyed; /* plain */

static int *make_number(void) {
    int *const number = malloc(sizeof *number);
    CHECK(number != NULL);
    *number = hand_data;
    return number;
}
static void destroy_number(void *number) {
    destroyed = *(int *)number;
    *(int *)number = -1;
    free(number);
}
static void cell_set(void) {
    CHECK_EQ(thrum_snapshot_set(&cell, make_number(), destroy_number), THRUM_OK);
}
static thrum_result double_it(const void *now, void *unused, void **next) {
    (void)unused;
    made = now ? *(const int *)now : -1;
    *next = make_number();
    return THRUM_OK;
}
static void cell_update(void) {
    CHECK_EQ(thrum_snapshot_update(&cell, double_it, NULL, destroy_number), THRUM_OK);
}
static void cell_read(void) {
    for (bool found = false; !found; sched_yield()) {
        THRUM_WITH_SNAPSHOT(const int *now, &cell) {
            found = now != NULL;
            if (found) CHECK_EQ(*now, hand_data);
        }
    }
    const int *const now = thrum_snapshot_read_begin(&cell);
    CHECK_EQ(*now, hand_data);
    thrum_snapshot_read_end();
}
static void cell_updates_what_was_set(void) {
    cell_update();
    CHECK_EQ(made, hand_data);
}
static void cell_rest(void) {
    const int last = hand_data;
    thrum_snapshot_clear(&cell);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(destroyed, last);
}
TEST(snapshot) {
    hand_over((hand){NULL, cell_set, cell_read, HAND_SPINS, cell_rest});
    hand_over((hand){NULL, cell_update, cell_read, HAND_SPINS, cell_rest});
    hand_over((hand){NULL, cell_set, cell_updates_what_was_set, HAND_COMES_LATER, cell_rest});
}

/* What a reader does with a version happens before its end. */
static void *uses_version(void *unused) {
    THRUM_WITH_SNAPSHOT(const int *now, &cell) {
        CHECK(now != NULL);
        hint(&reading);
        YIELD_UNTIL(thrum_u32_load_relaxed(&may_end));
        noted++;
    }
    return unused;
}
static void destroy_counted(void *number) {
    called = noted;
    destroy_number(number);
}
TEST(snapshot_end) {
    for (int i = 1; i <= HAND_ROUNDS; i++) {
        CHECK_EQ(thrum_snapshot_set(&cell, make_number(), destroy_counted), THRUM_OK);
        thrum_u32_store_relaxed(&may_end, 0);
        test_thread reader = test_start(uses_version, NULL);
        await_hint(&reading);
        thrum_snapshot_clear(&cell);
        thrum_u32_store_relaxed(&may_end, 1);
        CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
        CHECK_EQ(called, i);
        test_join(&reader);
    }
}

/* ---- map ---- */

static thrum_map *map;
static thrum_map_key key;

static void map_put(void) {
    CHECK_EQ(thrum_map_put(map, key, make_number()), THRUM_OK);
}
static void map_add(void) {
    CHECK_EQ(thrum_map_add(map, key, make_number()), THRUM_OK);
}
static bool is_current(const int *number) {
    if (*number != -1) CHECK_EQ(*number, hand_data);
    return *number != -1;
}
static void map_get(void) {
    for (bool found = false; !found; sched_yield()) {
        THRUM_WITH_RCU {
            const int *const value = thrum_map_get(map, key);
            found = value && is_current(value);
        }
    }
}
static bool visit(thrum_map_key of, void *value, void *found) {
    (void)of;
    *(bool *)found = is_current(value);
    return true;
}
static void map_each(void) {
    for (bool found = false; !found; sched_yield()) thrum_map_each(map, visit, &found);
}
static void map_remove(void) {
    YIELD_UNTIL(thrum_map_remove(map, key) == THRUM_OK);
}
static void map_shut(void) { /* of a key that is there, and means nothing */
    int *const nothing = malloc(sizeof *nothing);
    CHECK(nothing != NULL);
    *nothing = -1;
    CHECK_EQ(thrum_map_put(map, key, nothing), THRUM_OK);
}
static void map_rest(void) {
    const int last = hand_data;
    (void)!thrum_map_remove(map, key);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(destroyed, last);
}
static void map_is_removed(void) {
    map_remove();
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(destroyed, hand_data);
}
static void map_new(void) {
    const thrum_map_config config = {.destroy = destroy_number};
    CHECK_EQ(thrum_map_new(&map, &config), THRUM_OK);
}
TEST(map) {
    /* What is longer than two words is compared by memcmp, which the sanitizer sees. */
    const thrum_map_key keys[] = {thrum_key("a name"), thrum_key_number(7), thrum_key_bytes("xyz", 3),
                                  thrum_key("a name of more than sixteen bytes")};
    map_new();
    for (int i = 0; i < 4; i++) {
        key = keys[i];
        hand_over((hand){NULL, map_put, map_get, HAND_SPINS, map_rest});
    }
    hand_over((hand){NULL, map_add, map_get, HAND_SPINS, map_rest});
    hand_over((hand){map_shut, map_put, map_get, HAND_SPINS, map_rest});
    hand_over((hand){NULL, map_put, map_each, HAND_SPINS, map_rest});
    hand_over((hand){map_shut, map_put, map_each, HAND_SPINS, map_rest});
    thrum_map_free(map);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}
TEST(map_remove) {
    key = thrum_key("a name");
    map_new();
    hand_over((hand){NULL, map_put, map_is_removed, HAND_COMES_LATER, NULL});
    hand_over((hand){map_shut, map_put, map_is_removed, HAND_COMES_LATER, NULL});
    thrum_map_free(map);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}

/* The other ways of a value into a map and out of it. */
static void *compute_number(thrum_map_key of, void *value, void *unused) {
    (void)of, (void)unused;
    return value ? value : make_number();
}
static void map_compute(void) {
    CHECK_EQ(thrum_map_compute(map, key, compute_number, NULL), THRUM_OK);
}
static void map_exchange(void) {
    void *before = NULL;
    CHECK_EQ(thrum_map_exchange(map, key, make_number(), &before), THRUM_OK);
    CHECK(before == NULL);
}
static void map_take(void) {
    void *taken = NULL;
    YIELD_UNTIL(thrum_map_take(map, key, &taken) == THRUM_OK);
    CHECK(is_current(taken));
    free(taken); /* nobody reads */
}
static void map_copy(void) {
    int number;
    YIELD_UNTIL(thrum_map_copy(map, key, &number, sizeof number));
    CHECK_EQ(number, hand_data);
}
static bool is_taken_out(thrum_map_key of, void *value, void *unused) {
    (void)of, (void)unused;
    return is_current(value);
}
static void map_remove_if(void) {
    size_t removed = 0;
    for (; removed == 0; sched_yield())
        CHECK_EQ(thrum_map_remove_if(map, is_taken_out, NULL, &removed), THRUM_OK);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(destroyed, hand_data);
}
static void hand_over_by_map(hand h) {
    key = thrum_key_number(7);
    map_new();
    hand_over(h);
    thrum_map_free(map);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}
TEST(map_compute) {
    hand_over_by_map((hand){NULL, map_compute, map_get, HAND_SPINS, map_rest});
}
TEST(map_exchange) {
    hand_over_by_map((hand){NULL, map_exchange, map_get, HAND_SPINS, map_rest});
}
TEST(map_take) {
    hand_over_by_map((hand){NULL, map_put, map_take, HAND_SPINS, NULL});
}
TEST(map_copy) {
    hand_over_by_map((hand){NULL, map_put, map_copy, HAND_SPINS, map_rest});
}
TEST(map_remove_if) {
    hand_over_by_map((hand){NULL, map_put, map_remove_if, HAND_COMES_LATER, NULL});
}

/* What a visit has read is freed after it. */
static void map_with_one(void) {
    key = thrum_key_number(7);
    map_new();
    map_shut();
}
static bool read_number(thrum_map_key of, void *value, void *sum) {
    (void)of;
    *(int *)sum += *(int *)value;
    return true;
}
static void map_visit(void) {
    int sum = 0;
    thrum_map_each(map, read_number, &sum);
    CHECK_EQ(sum, -1);
}
static void map_remove_and_end(void) {
    CHECK_EQ(thrum_map_remove(map, key), THRUM_OK);
    thrum_map_free(map);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}
TEST(map_visit) {
    hand_over((hand){map_with_one, map_visit, map_remove_and_end, HAND_COMES_LATER, NULL});
}

/* A map's end destroys what is left in it, after what read sections did that began before. */
static void map_put_in_section(void) {
    THRUM_WITH_RCU map_put();
}
static void map_end(void) {
    thrum_map_free(map);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
    CHECK_EQ(destroyed, hand_data);
}
TEST(map_free) {
    hand_over((hand){map_new, map_put_in_section, map_end, HAND_COMES_LATER, NULL});
}

/* Two puts of one key at once: the one that is too late replaces the other's value, which is destroyed. */
static void *puts_often(void *number) {
    for (int i = 0; i < 300; i++) {
        int *const value = malloc(sizeof *value);
        CHECK(value != NULL);
        *value = *(int *)number;
        CHECK_EQ(thrum_map_put(map, key, value), THRUM_OK);
        if (i % 4 == 0) (void)!thrum_map_remove(map, key);
    }
    return NULL;
}
TEST(map_many_writers) {
    int one = 1, two = 2;
    key = thrum_key("a name");
    map_new();
    test_thread first = test_start(puts_often, &one), second = test_start(puts_often, &two);
    test_join(&first);
    test_join(&second);
    thrum_map_free(map);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}
