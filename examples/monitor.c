/* SPDX-License-Identifier: MIT */
/* monitor: an object's own lock and condition in one; its methods call each other. */
#include "crew.h"

#include <thrum.h>

typedef struct purse {
    thrum_monitor monitor; /* all-zero memory is a free one */
    int coins;
} purse;

static void put(purse *p, int coins) {
    THRUM_WITH(&p->monitor) {
        p->coins += coins;
        thrum_monitor_notify_all(&p->monitor);
    }
}

static int take(purse *p, int coins) {
    THRUM_WITH(&p->monitor) {
        while (p->coins < coins) thrum_monitor_wait(&p->monitor);
        put(p, -coins); /* again inside: it is an rlock */
    }
    return coins;
}

static purse shared;

static void spend(unsigned number) {
    (void)number;
    take(&shared, 3);
}

int main(void) {
    crew spenders = {.size = 0};
    while (spenders.size < 4) crew_start(&spenders, spend);
    for (int i = 0; i < 7; i++) put(&shared, 2);
    crew_join(&spenders);
    printf("7 times 2 put, 4 times 3 taken, %d left\n", shared.coins);
    return 0;
}
