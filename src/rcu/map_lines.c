/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. The memory of a map's lines, in blocks. Blocks of buckets come and go with the table; the lines
 * behind buckets are used again, and stay until the map ends (map.I4).
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../futex/errno_kept.h"
#include "map_inside.h"
#include "size.h"

#include <stdlib.h>
#include <sys/mman.h>

/* Lies before the lines of a block. */
typedef struct block {
    thrum_rcu_head retired;
    void *memory; /* as it was allocated */
} block;
THRUM_STATIC_ASSERT(sizeof(block) <= sizeof(map_line), "it lies in the space of one line");

static block *block_before(uint64_t begin) {
    return (block *)(void *)((map_line *)thrum_map_pointer_(begin) - 1);
}

static void free_block(uint64_t begin) {
    if (begin) free(block_before(begin)->memory);
}

/*
 * So much is looked into at random, and more often than not the processor has to find out where a page of it
 * is: of large pages there are few. A page is cleared at its first use, which takes a tenth of a millisecond
 * where it is large; so smaller blocks have small ones. Where the system has no large pages, all is as it
 * was.
 */
#ifndef THRUM_MAP_LARGE_BLOCK
#define THRUM_MAP_LARGE_BLOCK ((size_t)32 << 20)
#endif
static void ask_for_large_pages(char *memory, size_t size) {
    const size_t page = (size_t)1 << 12; /* where pages are larger the call refuses, and that is all */
    const size_t beyond = (size_t)(-thrum_map_word_(memory) % page);
    if (size >= THRUM_MAP_LARGE_BLOCK)
        (void)madvise(memory + beyond, (size - beyond) / page * page, MADV_HUGEPAGE);
}

/* All zero; 0: no memory. calloc takes large ones from the system as they are first used. */
static uint64_t new_block(uint64_t count) {
    THRUM_KEEPS_ERRNO_;
    size_t size;
    char *const memory =
        thrum_size_(2 * sizeof(map_line), (size_t)count, sizeof(map_line), &size) ? calloc(1, size) : NULL;
    if (memory) ask_for_large_pages(memory, size);
    if (!memory) return 0;
    const size_t beyond = (size_t)(thrum_map_word_(memory) % sizeof(map_line));
    const uint64_t begin = thrum_map_word_(memory + 2 * sizeof(map_line) - beyond);
    block_before(begin)->memory = memory;
    return begin;
}

/* Makes sure of the block in which the line lies. False: there is no memory, or no such number. */
static bool need(thrum_map_lines_ *lines, uint64_t number) {
    const unsigned at = thrum_map_block_of_(lines, number);
    if (at >= THRUM_MAP_BLOCKS) return false;
    thrum_u64 *const place = &lines->blocks[at];
    if (THRUM_LIKELY(thrum_u64_load_relaxed(place) != 0)) return true; /* relaxed: map.M1 at its use */
    const uint64_t begin = new_block(UINT64_C(1) << lines->base << (at ? at - 1 : 0));
    uint64_t none = 0;
    if (!begin) return false;
    /* map.M1: release, pairs with map.M1 in thrum_map_line_at_ */
    if (!thrum_u64_cas_release(place, &none, begin)) free_block(begin);
    return true;
}

bool thrum_map_need_bucket_(thrum_map *map, uint64_t bucket) {
    return need(&map->table, bucket);
}

static void free_retired(thrum_rcu_head *head) {
    free(OBJECT_OF(head, block, retired)->memory);
}

void thrum_map_retire_block_(uint64_t begin) {
    thrum_rcu_retire(&block_before(begin)->retired, free_retired);
}

void thrum_map_free_lines_(thrum_map_lines_ *lines) {
    for (unsigned i = 0; i < THRUM_MAP_BLOCKS; i++)
        free_block(thrum_u64_load_relaxed(&lines->blocks[i])); /* relaxed: nobody else knows it */
}

/* --- lines behind buckets ---------------------------------------------------------------------------- */

uint32_t thrum_map_take_line_(thrum_map *map) {
    thrum_lock_acquire(&map->spare);
    uint32_t number = map->free;
    if (number)
        map->free = thrum_u32_load_relaxed(&thrum_map_behind_(map, number)->more); /* `spare` orders it */
    else if (map->fresh < thrum_map_lines_of_(map))
        number = map->fresh++;
    thrum_lock_release(&map->spare);
    return number;
}

void thrum_map_give_line_(thrum_map *map, uint32_t number) {
    thrum_lock_acquire(&map->spare);
    /* map.M4: release: a look-up that is still in the line and goes on from here finds the version changed */
    thrum_u32_store_release(&thrum_map_behind_(map, number)->more, map->free);
    map->free = number;
    thrum_lock_release(&map->spare);
}

/* Each block is as large as all before it. */
bool thrum_map_more_lines_(thrum_map *map, uint32_t than) {
    if (than > UINT32_MAX / 2 || !need(&map->more, than)) return false;
    thrum_lock_acquire(&map->spare);
    if (thrum_map_lines_of_(map) == than)
        thrum_u32_store_relaxed(&map->lines, than ? 2 * than : UINT32_C(1) << map->more.base); /* `spare` */
    thrum_lock_release(&map->spare);
    return true;
}
