/* SPDX-License-Identifier: MIT */
/* The values of the map's table, in memory that is used again. */
#ifndef KV_VALUES_H
#define KV_VALUES_H

#include <stddef.h>

typedef struct kv_value {
    unsigned size, room; /* how long the bytes are, and may be */
    char bytes[];
} kv_value;

/* Any thread's free() may end one that no reader can reach. NULL: no memory. */
kv_value *new_value(const char *text, size_t size);

/* Takes a value that no new reader can reach, and keeps it for its readers. Not in a read section. */
void put_away(kv_value *replaced);

#endif
