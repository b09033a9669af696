/* SPDX-License-Identifier: MIT */
/* The table in a thrum_map, the settings in a thrum_snapshot: no request waits for another. */
#include "table.h"
#include "values.h"

#include <stdlib.h>
#include <thrum.h>

static thrum_map *map;
static thrum_snapshot settings;

static bool open_table(void) {
    const thrum_map_config config = {.destroy = free}; /* it grows with its keys */
    return thrum_map_new(&map, &config) == THRUM_OK;
}

static kv_result get(const char *key, size_t key_size, kv_write *write, void *reply) {
    THRUM_WITH_RCU {
        const kv_value *const v = thrum_map_get(map, thrum_key_bytes(key, key_size));
        if (!v) return KV_NONE;
        return write(reply, v->bytes, v->size) ? KV_OK : KV_NO_MEMORY;
    }
    return KV_NONE;
}

static bool is_too_long(size_t size) {
    THRUM_WITH_SNAPSHOT(const kv_settings *now, &settings) return size > now->longest_value;
    return false;
}

static kv_result set(const char *key, size_t key_size, const char *text, size_t size) {
    if (is_too_long(size)) return KV_TOO_LONG;
    kv_value *const v = new_value(text, size);
    if (!v) return KV_NO_MEMORY;
    void *before;
    if (thrum_map_exchange(map, thrum_key_bytes(key, key_size), v, &before) != THRUM_OK) {
        free(v);
        return KV_NO_MEMORY;
    }
    if (before) put_away(before);
    return KV_OK;
}

static kv_result remove_key(const char *key, size_t key_size) {
    return thrum_map_remove(map, thrum_key_bytes(key, key_size)) == THRUM_OK ? KV_OK : KV_NONE;
}

static size_t count(void) {
    return thrum_map_count(map);
}

static bool add_size(thrum_map_key key, void *v, void *sum) {
    (void)key;
    *(size_t *)sum += ((const kv_value *)v)->size;
    return true;
}

static size_t bytes(void) {
    size_t sum = 0;
    thrum_map_each(map, add_size, &sum);
    return sum;
}

static bool set_settings(kv_settings wanted) {
    kv_settings *const next = malloc(sizeof *next);
    if (!next) return false;
    *next = wanted;
    if (thrum_snapshot_set(&settings, next, free) == THRUM_OK) return true;
    free(next);
    return false;
}

const kv_table kv_of_thrum = {"thrum", open_table, get, set, remove_key, count, bytes, set_settings};
