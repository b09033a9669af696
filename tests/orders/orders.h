/* SPDX-License-Identifier: MIT */
/*
 * Plain data that an object hands from one thread to another. These programs are also built with
 * ThreadSanitizer, and the library is not: then the sanitizer knows the object's order only by what the
 * library announces, and reports a race without it. orders.txt says which test goes through which function.
 */
#ifndef THRUM_TESTS_ORDERS_H
#define THRUM_TESTS_ORDERS_H

#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <thrum.h>
#include <unistd.h>

#include "test.h"

#define YIELD_UNTIL(condition) \
    while (!(condition)) sched_yield()

enum { HAND_ROUNDS = 6, HAND_SPUN_NS = 1000000 };

/* How the taker waits for the giver. */
typedef enum hand_wait { HAND_SLEEPS, HAND_SPINS, HAND_COMES_LATER } hand_wait;

typedef struct hand {
    void (*shut)(void); /* the giver's, before the taker begins; NULL: nothing */
    void (*give)(void); /* the giver's */
    void (*take)(void); /* the taker's: returns when the giver has given */
    hand_wait wait;
    void (*rest)(void); /* the giver's, when the taker has ended; NULL: nothing */
} hand;

/* How long a wait may last that ends before. */
#define LONG thrum_after(100)

extern int hand_data; /* plain */

/* Every other time the taker waits already when the giver gives, the other times it comes later. */
void hand_over(hand h);

/* A flag between the threads of a test that orders nothing. */
static inline void hint(thrum_u32 *flag) {
    thrum_u32_store_relaxed(flag, 1);
}
static inline void await_hint(thrum_u32 *flag) {
    YIELD_UNTIL(thrum_u32_exchange_relaxed(flag, 0));
}

#endif
