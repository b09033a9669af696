/* SPDX-License-Identifier: MIT */
#include "orders.h"

int hand_data;

static thrum_u32 begun, given; /* hints */

struct taker {
    const hand *h;
    bool later;
    int expected;
};

static void *receive(void *p) {
    const struct taker *const taker = p;
    hint(&begun);
    if (taker->later) await_hint(&given);
    taker->h->take();
    CHECK_EQ(hand_data, taker->expected);
    return NULL;
}

static void once(const hand *h, bool later, int number) {
    struct taker taker = {h, later, number};
    if (h->shut) h->shut();
    test_thread receiver = test_start(receive, &taker);
    await_hint(&begun);
    if (!later && h->wait == HAND_SLEEPS) test_await_asleep(&receiver);
    if (!later && h->wait == HAND_SPINS) test_await_busy(&receiver, HAND_SPUN_NS);
    hand_data = number; /* after the thread began: only the object can order it */
    h->give();
    if (later) hint(&given);
    test_join(&receiver);
    if (h->rest) h->rest();
}

void hand_over(hand h) {
    static int number; /* never twice the same */
    for (int round = 0; round < HAND_ROUNDS; round++) {
        if (h.wait != HAND_COMES_LATER) once(&h, false, ++number);
        once(&h, true, ++number);
    }
}
