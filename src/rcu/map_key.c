/* SPDX-License-Identifier: MIT */
/* Floor 3. What a key is: its hash, and its copy where it is bytes. */
#include "map_inside.h"
#include "size.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

uint64_t thrum_map_hash_of_bytes_(uint64_t seed, const char *bytes, uint64_t size) {
    uint64_t sum = thrum_map_fold_(seed ^ size, UINT64_C(0xa0761d6478bd642f));
    uint64_t words[2];
    uint64_t left = size;
    for (; left > sizeof words; left -= sizeof words, bytes += sizeof words) {
        memcpy(words, bytes, sizeof words);
        sum = thrum_map_fold_(words[0] ^ sum, words[1] ^ UINT64_C(0x9e3779b97f4a7c15));
    }
    words[0] = words[1] = 0;
    memcpy(words, bytes, (size_t)left);
    return thrum_map_fold_(thrum_map_fold_(words[0] ^ sum, words[1] ^ UINT64_C(0xd1b54a32d192ed03)),
                           UINT64_C(0xe7037ed1a0b428db));
}

uint64_t thrum_map_hash_of_(const thrum_map *map, uint64_t key, bool is_bytes) {
    return is_bytes ? thrum_map_bytes_at_(key)->hash : thrum_map_hash_(map, thrum_key_number(key));
}

thrum_map_bytes_ *thrum_map_copy_key_(thrum_map_key key, uint64_t hash) {
    const int saved = errno;
    size_t size;
    thrum_map_bytes_ *const copy =
        thrum_size_(offsetof(thrum_map_bytes_, bytes), (size_t)key.number, 1, &size) ? malloc(size) : NULL;
    errno = saved;
    if (!copy) return NULL;
    if (thrum_map_word_(copy) & THRUM_MAP_TAG_) { /* an address as no allocator gives it */
        free(copy);
        return NULL;
    }
    copy->hash = hash;
    copy->size = key.number;
    memcpy(copy->bytes, key.bytes, (size_t)key.number);
    return copy;
}

bool thrum_map_is_key_(const thrum_map_bytes_ *bytes, thrum_map_key key, uint64_t hash) {
    return bytes->hash == hash && bytes->size == key.number &&
           memcmp(bytes->bytes, key.bytes, (size_t)key.number) == 0;
}
