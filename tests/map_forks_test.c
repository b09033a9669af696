/* SPDX-License-Identifier: MIT */
/*
 * ctest: libraries thrum
 *
 * A map's fork handlers, where the C library refuses them: pthread_atfork is this file's own. It refuses the
 * map's as long as a test says so, and registers none of all others: nothing here forks.
 */
#include "test.h"

#include <errno.h>
#include <pthread.h>
#include <thrum.h>

void thrum_map_close_(void); /* src/rcu/map_inside.h */

static bool accepts; /* before main it refuses */
static unsigned refused, accepted;
static thrum_event *held_up; /* NULL: it answers at once */

int pthread_atfork(void (*before)(void), void (*in_parent)(void), void (*in_child)(void)) {
    (void)in_parent, (void)in_child;
    if (before != thrum_map_close_) return 0;
    if (held_up) {
        thrum_event_set(&held_up[0]);
        thrum_event_wait(&held_up[1]);
    }
    if (!accepts) {
        refused++;
        return ENOMEM;
    }
    accepted++;
    return 0;
}

TEST(a_map_whose_fork_handlers_are_refused_is_not_made_and_the_next_one_tries_again) {
    thrum_map *map = NULL;
    CHECK_EQ(refused, 1);
    errno = 4242;
    for (unsigned tries = 2; tries <= 3; tries++) {
        CHECK_EQ(thrum_map_new(&map, NULL), THRUM_NO_MEMORY);
        CHECK(map == NULL);
        CHECK_EQ(refused, tries);
    }
    accepts = true;
    for (unsigned maps = 0; maps < 2; maps++) {
        CHECK_EQ(thrum_map_new(&map, NULL), THRUM_OK);
        CHECK_EQ(accepted, 1); /* once for all maps */
        CHECK_EQ(thrum_map_put(map, thrum_key("a"), &map), THRUM_OK);
        thrum_map_free(map);
    }
    CHECK_EQ(errno, 4242);
}

static void *make_one(void *unused) {
    thrum_map *map = NULL;
    CHECK_EQ(thrum_map_new(&map, NULL), THRUM_OK);
    thrum_map_free(map);
    return unused;
}

TEST(of_two_first_maps_at_once_one_registers_the_fork_handlers) {
    static thrum_event asked_and_answered[2];
    held_up = asked_and_answered;
    accepts = true;
    test_thread first = test_start(make_one, NULL);
    thrum_event_wait(&asked_and_answered[0]);
    test_thread second = test_start(make_one, NULL);
    test_await_asleep(&second);
    thrum_event_set(&asked_and_answered[1]);
    test_join(&first);
    test_join(&second);
    CHECK_EQ(accepted, 1);
}
