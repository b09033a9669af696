/* SPDX-License-Identifier: MIT */
/* ring: readings pass from threads that must never wait to one that prints; what finds no room is counted. */
#include "crew.h"

#include <thrum.h>

enum { SENSORS = 3, READINGS = 1000, CELLS = 16 };

static thrum_ring_cell cells[CELLS];
static thrum_ring ring;
static int readings[SENSORS][READINGS];
static thrum_u32 dropped;

static void measure(unsigned number) {
    for (int i = 0; i < READINGS; i++) {
        readings[number][i] = i;
        if (thrum_ring_put(&ring, &readings[number][i]) != THRUM_OK) thrum_u32_fetch_add_relaxed(&dropped, 1);
    }
}

int main(void) {
    if (thrum_ring_init(&ring, cells, CELLS) != THRUM_OK) return 1;
    crew sensors = {.size = 0};
    while (sensors.size < SENSORS) crew_start(&sensors, measure);
    crew_join(&sensors);
    thrum_ring_close(&ring);
    printf("it is closed: %s\n", thrum_result_name(thrum_ring_put(&ring, cells)));

    unsigned got = 0;
    void *reading;
    while (thrum_ring_get(&ring, &reading) == THRUM_OK) got++;
    printf("%u of %d, and %s is missing\n", got, CELLS,
           got + thrum_u32_load_relaxed(&dropped) == SENSORS * READINGS ? "nothing" : "something");
    return 0;
}
