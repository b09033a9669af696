/* SPDX-License-Identifier: MIT */
/* Floor 3. What a key is: its hash, and which entry is of it. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "map_inside.h"
#include "../atomic/tell.h"

#include <errno.h>
#include <sys/random.h>
#include <thrum/futex.h>

/* Each step can be undone, so that no two words give one; the odd constants have no structure. */
static uint64_t mix(uint64_t word) {
    word ^= word >> 32;
    word *= UINT64_C(0x9e3779b97f4a7c15);
    word ^= word >> 29;
    word *= UINT64_C(0xd1b54a32d192ed03);
    return word ^ word >> 32;
}

unsigned long thrum_map_hash_(const thrum_map *map, thrum_map_key key) {
    uint64_t sum = mix(map->seed ^ key.number);
    const char *bytes = key.bytes;
    if (!bytes) return (unsigned long)sum;
    uint64_t word;
    uint64_t left = key.number;
    for (; left >= sizeof word; left -= sizeof word, bytes += sizeof word) {
        memcpy(&word, bytes, sizeof word);
        sum = mix(sum ^ word);
    }
    word = UINT64_C(0x80) << 56; /* not what a number's hash ends with */
    memcpy(&word, bytes, (size_t)left);
    return (unsigned long)mix(sum ^ word);
}

int thrum_map_match_(struct cds_lfht_node *node, const void *sought) {
    const thrum_map_entry_ *const e = OBJECT_OF(node, thrum_map_entry_, node);
    const thrum_map_key *const key = sought;
    THRUM_TELL_ACQUIRE(e);
    if (e->number != key->number || e->is_number != !key->bytes) return false;
    return e->is_number || memcmp(e->bytes, key->bytes, (size_t)key->number) == 0;
}

uint64_t thrum_map_draw_seed_(const thrum_map *map) {
    uint64_t seed = 0;
    const int saved = errno;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
        seed = mix(thrum_futex_now_ns() ^ (uint64_t)(uintptr_t)map);
    errno = saved;
    return seed;
}
