/* SPDX-License-Identifier: MIT */
/* The table in hash chains, the settings in a struct, each under a pthread_rwlock. */
#define _GNU_SOURCE
#include "table.h"

#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { BUCKETS = 1 << 17 };

typedef struct entry {
    struct entry *next;
    size_t key_size, size;
    char bytes[]; /* the key, and the value after it */
} entry;

static pthread_rwlock_t table_lock = PTHREAD_RWLOCK_INITIALIZER, settings_lock = PTHREAD_RWLOCK_INITIALIZER;
static entry **buckets;
static size_t entries;
static kv_settings settings;

static bool open_table(void) {
    buckets = calloc(BUCKETS, sizeof *buckets);
    return buckets != NULL;
}

static entry **find(const char *key, size_t key_size) {
    uint64_t hash = 14695981039346656037u; /* FNV-1a */
    for (size_t i = 0; i < key_size; i++) hash = (hash ^ (unsigned char)key[i]) * 1099511628211u;
    entry **at = &buckets[hash % BUCKETS];
    while (*at && ((*at)->key_size != key_size || memcmp((*at)->bytes, key, key_size))) at = &(*at)->next;
    return at;
}

static kv_result get(const char *key, size_t key_size, kv_write *write, void *reply) {
    kv_result result = KV_NONE;
    pthread_rwlock_rdlock(&table_lock);
    const entry *const e = *find(key, key_size);
    if (e) result = write(reply, e->bytes + e->key_size, e->size) ? KV_OK : KV_NO_MEMORY;
    pthread_rwlock_unlock(&table_lock);
    return result;
}

static bool is_too_long(size_t size) {
    pthread_rwlock_rdlock(&settings_lock);
    const bool too_long = size > settings.longest_value;
    pthread_rwlock_unlock(&settings_lock);
    return too_long;
}

static kv_result set(const char *key, size_t key_size, const char *text, size_t size) {
    if (is_too_long(size)) return KV_TOO_LONG;
    entry *const fresh = malloc(sizeof *fresh + key_size + size);
    if (!fresh) return KV_NO_MEMORY;
    fresh->key_size = key_size;
    fresh->size = size;
    memcpy(fresh->bytes, key, key_size);
    memcpy(fresh->bytes + key_size, text, size);
    pthread_rwlock_wrlock(&table_lock);
    entry **const at = find(key, key_size), *const before = *at;
    fresh->next = before ? before->next : NULL;
    *at = fresh;
    entries += before == NULL;
    pthread_rwlock_unlock(&table_lock);
    free(before);
    return KV_OK;
}

static kv_result remove_key(const char *key, size_t key_size) {
    pthread_rwlock_wrlock(&table_lock);
    entry **const at = find(key, key_size), *const before = *at;
    if (before) *at = before->next;
    entries -= before != NULL;
    pthread_rwlock_unlock(&table_lock);
    free(before);
    return before ? KV_OK : KV_NONE;
}

static size_t count(void) {
    pthread_rwlock_rdlock(&table_lock);
    const size_t now = entries;
    pthread_rwlock_unlock(&table_lock);
    return now;
}

static size_t bytes(void) {
    size_t sum = 0;
    pthread_rwlock_rdlock(&table_lock);
    for (size_t i = 0; i < BUCKETS; i++)
        for (const entry *e = buckets[i]; e; e = e->next) sum += e->size;
    pthread_rwlock_unlock(&table_lock);
    return sum;
}

static bool set_settings(kv_settings wanted) {
    pthread_rwlock_wrlock(&settings_lock);
    settings = wanted;
    pthread_rwlock_unlock(&settings_lock);
    return true;
}

const kv_table kv_of_pthread = {"pthread", open_table, get, set, remove_key, count, bytes, set_settings};
