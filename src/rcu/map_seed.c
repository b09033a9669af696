/* SPDX-License-Identifier: MIT */
/* Floor 3. What makes a map's hashes different from every other's. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../futex/errno_kept.h"
#include "map_inside.h"

#include <sys/random.h>
#include <thrum/futex.h>

uint64_t thrum_map_draw_seed_(const thrum_map *map) {
    uint64_t seed = 0;
    THRUM_KEEPS_ERRNO_;
    if (getrandom(&seed, sizeof seed, GRND_NONBLOCK) != sizeof seed)
        seed = (thrum_futex_now_ns() ^ thrum_map_word_(map)) * UINT64_C(0x9e3779b97f4a7c15);
    return seed;
}
