/* SPDX-License-Identifier: MIT */
/* Players who hand a turn around a monitor, from blocks within blocks, some of them with little patience. */
#include "test.h"

#include <thrum/with.h>

enum { PLAYERS = 6, DEEPEST = 4 };

typedef struct round_game {
    thrum_monitor monitor;
    unsigned long turn; /* the monitor protects them */
    unsigned long turns;
    unsigned timed_in_8; /* how many of eight waits have a deadline */
} round_game;

typedef struct player {
    round_game *game;
    unsigned number;
    uint64_t random;
} player;

static void wait_for_a_while(player *p) {
    round_game *g = p->game;
    const uint32_t depth = thrum_rlock_depth(&g->monitor.lock);
    if (test_random(&p->random) % 8 < g->timed_in_8) {
        const int64_t patience = (int64_t)(test_random(&p->random) % 200000);
        (void)thrum_monitor_wait_until(&g->monitor, thrum_after_ns(patience));
    } else {
        CHECK_EQ(thrum_monitor_wait(&g->monitor), THRUM_OK);
    }
    CHECK_EQ(thrum_rlock_depth(&g->monitor.lock), depth);
}

/* One turn, from `deeper` more blocks. */
static void take_turn(player *p, unsigned deeper) {
    round_game *g = p->game;
    THRUM_WITH(&g->monitor) {
        if (deeper > 0) {
            take_turn(p, deeper - 1);
        } else {
            while (g->turn < g->turns && g->turn % PLAYERS != p->number) wait_for_a_while(p);
            if (g->turn < g->turns) g->turn++;
            CHECK_EQ(thrum_monitor_notify_all(&g->monitor), THRUM_OK); /* the next may be any of them */
        }
    }
}

static void *play(void *argument) {
    player *p = argument;
    for (bool over = false; !over;) {
        take_turn(p, (unsigned)(test_random(&p->random) % DEEPEST));
        THRUM_WITH(&p->game->monitor) over = p->game->turn == p->game->turns;
    }
    return NULL;
}

static void run(unsigned long turns, unsigned timed_in_8) {
    static round_game g;
    player players[PLAYERS];
    test_thread threads[PLAYERS];
    g = (round_game){.turns = turns / test_slowdown(), .timed_in_8 = timed_in_8};
    for (unsigned i = 0; i < PLAYERS; i++) {
        players[i] = (player){&g, i, test_seed() + i};
        threads[i] = test_start(play, &players[i]);
    }
    for (unsigned i = 0; i < PLAYERS; i++) test_join(&threads[i]);
    CHECK_EQ(g.turn, g.turns);
    CHECK(!thrum_monitor_locked(&g.monitor));
    THRUM_WITH(&g.monitor) CHECK_EQ(thrum_monitor_waiters(&g.monitor), 0);
}

TEST(a_turn_goes_round) {
    run(20000, 0);
}
TEST(a_turn_goes_round_among_the_impatient) {
    run(20000, 4);
}
