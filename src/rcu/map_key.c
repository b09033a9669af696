/* SPDX-License-Identifier: MIT */
/* Floor 3. What a key is: its hash, and its copy where it is bytes. */
#include "../futex/errno_kept.h"
#include "map_inside.h"
#include "size.h"

#include <stdlib.h>
#include <string.h>

uint64_t thrum_map_hash_of_bytes_(uint64_t seed, uint64_t factor, const char *bytes, uint64_t size) {
    uint64_t sum = seed;
    uint64_t left = size;
    thrum_map_words_ words;
    for (; left > sizeof words; left -= sizeof words, bytes += sizeof words) {
        memcpy(&words, bytes, sizeof words);
        sum = thrum_map_fold_(words.first ^ sum, words.last ^ factor);
    }
    words = thrum_map_words_of_(bytes, left);
    return thrum_map_fold_(thrum_map_fold_(words.first ^ sum, words.last ^ factor), factor ^ size);
}

uint64_t thrum_map_hash_of_(const thrum_map *map, uint64_t key, bool is_bytes) {
    return is_bytes ? thrum_map_bytes_at_(key)->hash : thrum_map_hash_(map, thrum_key_number(key));
}

thrum_map_bytes_ *thrum_map_copy_key_(thrum_map_key key, uint64_t hash) {
    THRUM_KEEPS_ERRNO_;
    size_t size;
    thrum_map_bytes_ *const copy =
        thrum_size_(offsetof(thrum_map_bytes_, bytes), (size_t)key.number, 1, &size) ? malloc(size) : NULL;
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
    if (bytes->hash != hash || bytes->size != key.number) return false;
    if (key.number > sizeof(thrum_map_words_))
        return memcmp(bytes->bytes, key.bytes, (size_t)key.number) == 0;
    const thrum_map_words_ words = thrum_map_words_of_(bytes->bytes, key.number);
    const thrum_map_words_ others = thrum_map_words_of_(key.bytes, key.number);
    return ((words.first ^ others.first) | (words.last ^ others.last)) == 0;
}
