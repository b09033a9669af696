/* SPDX-License-Identifier: MIT */
/*
 * The table and the settings of the key-value server, behind one interface and made twice: of thrum's map and
 * snapshot, where readers wait for nobody, and of hash chains and a struct, each under a pthread_rwlock.
 */
#ifndef KV_TABLE_H
#define KV_TABLE_H

#include <stdbool.h>
#include <stddef.h>

typedef struct kv_settings {
    size_t longest_value; /* longer ones are refused */
} kv_settings;

typedef enum kv_result { KV_OK, KV_NONE, KV_TOO_LONG, KV_NO_MEMORY } kv_result;

/* Where an answer goes; false when there is no room. */
typedef bool kv_write(void *reply, const char *bytes, size_t size);

typedef struct kv_table {
    const char *name;
    bool (*open)(void);
    /* Writes the value while nobody can change or free it. KV_OK, KV_NONE, KV_NO_MEMORY. */
    kv_result (*get)(const char *key, size_t key_size, kv_write *write, void *reply);
    /* KV_OK, KV_TOO_LONG, KV_NO_MEMORY. */
    kv_result (*set)(const char *key, size_t key_size, const char *value, size_t size);
    kv_result (*remove)(const char *key, size_t key_size);
    size_t (*count)(void);
    size_t (*bytes)(void); /* of all values: looks at every one */
    bool (*set_settings)(kv_settings settings);
} kv_table;

extern const kv_table kv_of_thrum, kv_of_pthread;

#endif
