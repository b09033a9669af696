/* SPDX-License-Identifier: MIT */
/* seqlock: a position that one thread moves and others read, whole. */
#include "crew.h"

enum { READERS = 2, MOVES = 20000 };

typedef struct position {
    int x, y, z;
} position;

static thrum_seqlock guard;
static thrum_u64 words[THRUM_SEQLOCK_WORDS(position)];
static thrum_u32 torn, over;

static void move(unsigned number) {
    (void)number;
    for (int i = 1; i <= MOVES; i++) {
        const position next = {i, 2 * i, 3 * i};
        thrum_seqlock_write(&guard, words, &next, sizeof next);
    }
    thrum_u32_store_release(&over, 1);
}

static void look(unsigned number) {
    (void)number;
    while (!thrum_u32_load_acquire(&over)) {
        position now;
        thrum_seqlock_read(&guard, words, &now, sizeof now);
        if (now.y != 2 * now.x || now.z != 3 * now.x) thrum_u32_store_relaxed(&torn, 1);
    }
}

int main(void) {
    crew all = {.size = 0};
    while (all.size < READERS) crew_start(&all, look);
    crew_start(&all, move);
    crew_join(&all);
    position last;
    thrum_seqlock_read(&guard, words, &last, sizeof last);
    printf("a torn read: %s\n", crew_yes(thrum_u32_load_relaxed(&torn)));
    printf("the last position: %d, %d, %d\n", last.x, last.y, last.z);
    thrum_shutdown();
}
