/* SPDX-License-Identifier: MIT */
/*
 * What stands on liburcu: threads with results, each with a value of its own, in the registry; a timer; jobs
 * of an executor and their futures; versions of a value in a cell, and values in a map, read while they are
 * swapped and freed.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <thrum.h>

enum { THREADS = 4 };

static thrum_local mine = THRUM_LOCAL_INIT(sizeof(int), NULL, NULL, NULL);
static int handed[THREADS]; /* plain: join is what orders it */
static int fired;

static void *work(void *argument) {
    int *const slot = argument, *const value = thrum_local_get(&mine);
    if (!value) return NULL;
    *value += (int)(slot - handed) + 1;
    *slot = *value;
    return slot;
}

static void fire(void *unused) {
    (void)unused;
    fired++;
}

static int add_up(void *argument, void **value) {
    int *const numbers = argument; /* plain: the submit and the future are what orders them */
    numbers[1] = numbers[0] + 1;
    *value = &numbers[1];
    return 0;
}

/* The sum of what each job has made of its number. */
static int run_jobs(void) {
    static int numbers[THREADS][2];
    thrum_future *futures[THREADS];
    thrum_executor *pool;
    int sum = 0;
    if (thrum_executor_new(&pool, 2, NULL) != THRUM_OK) return 0;
    for (int i = 0; i < THREADS; i++) {
        numbers[i][0] = i;
        if (thrum_executor_submit(pool, add_up, numbers[i], &futures[i]) != THRUM_OK) return 0;
    }
    if (thrum_future_wait(futures, THREADS, THRUM_ALL_COMPLETED, NULL) != THRUM_OK) return 0;
    for (int i = 0; i < THREADS; i++) {
        void *value;
        if (thrum_future_result(futures[i], &value) == THRUM_OK) sum += *(int *)value;
        thrum_future_release(futures[i]);
    }
    thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT);
    thrum_executor_release(pool);
    return sum;
}

static thrum_snapshot cell;
static thrum_map *map;
static thrum_u32 over;

/*
 * Both numbers are plain: what publishes them is what orders them, and what ends the reads orders their end.
 */
struct pair {
    int a, b;
};

static struct pair *make_pair(int number) {
    struct pair *const pair = malloc(sizeof *pair);
    if (pair) *pair = (struct pair){number, number};
    return pair;
}

static void free_pair(void *pair) {
    ((struct pair *)pair)->a = -1;
    free(pair);
}

static void *read_pairs(void *wrong) {
    while (!thrum_u32_load_relaxed(&over)) {
        THRUM_WITH_SNAPSHOT(const struct pair *now, &cell) {
            if (now && now->a != now->b) *(int *)wrong = 1;
        }
        THRUM_WITH_RCU {
            const struct pair *const found = thrum_map_get(map, thrum_key("pair"));
            if (found && found->a != found->b) *(int *)wrong = 1;
        }
    }
    return wrong;
}

static bool read_while_written(void) {
    thrum_map_config map_config = {.destroy = free_pair};
    int wrong = 0;
    thrum_thread *reader;
    const thrum_thread_config config = {.target = read_pairs, .argument = &wrong};
    if (thrum_map_new(&map, &map_config) != THRUM_OK || thrum_thread_spawn(&reader, &config) != THRUM_OK)
        return false;
    for (int i = 0; i < 20000; i++) {
        if (thrum_snapshot_set(&cell, make_pair(i), free_pair) != THRUM_OK) return false;
        if (thrum_map_put(map, thrum_key("pair"), make_pair(i)) != THRUM_OK) return false;
        if (i % 100 == 0) thrum_map_remove(map, thrum_key("pair"));
    }
    thrum_u32_store_relaxed(&over, 1);
    const bool joined = thrum_thread_join(reader, NULL) == THRUM_OK;
    thrum_thread_release(reader);
    thrum_snapshot_clear(&cell);
    thrum_map_free(map);
    return joined && !wrong && thrum_rcu_barrier() == THRUM_OK;
}

int main(void) {
    if (!read_while_written()) return 1;
    thrum_thread *threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        const thrum_thread_config config = {.target = work, .argument = &handed[i]};
        if (thrum_thread_spawn(&threads[i], &config) != THRUM_OK) return 1;
    }
    thrum_timer timer;
    if (thrum_timer_init(&timer, 0.001, fire, NULL) != THRUM_OK) return 1;
    if (thrum_timer_start(&timer) != THRUM_OK) return 1;
    int sum = 0;
    for (int i = 0; i < THREADS; i++) {
        void *result;
        if (thrum_thread_join(threads[i], &result) != THRUM_OK || result != &handed[i]) return 1;
        thrum_thread_release(threads[i]);
        sum += handed[i];
    }
    if (thrum_timer_join(&timer) != THRUM_OK) return 1;
    thrum_timer_release(&timer);
    const int jobs = run_jobs();
    printf("%d %d %d %zu\n", sum, fired, jobs, thrum_active_count());
    return sum == 10 && fired == 1 && jobs == 10 && thrum_active_count() == 1 ? 0 : 1;
}
