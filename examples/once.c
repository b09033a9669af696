/* SPDX-License-Identifier: MIT */
/* once: the first thread that needs the configuration reads it; a try that fails leaves it to the next. */
#include "crew.h"

#include <thrum.h>

enum { READERS = 4 };

static thrum_once configured;
static thrum_u32 tries, answers;
static int limit; /* written by the function, read by everybody after it */

static thrum_result read_configuration(void *unused) {
    (void)unused;
    if (thrum_u32_fetch_add_relaxed(&tries, 1) == 0) return THRUM_NO_MEMORY;
    limit = 42;
    return THRUM_OK;
}

static void use_configuration(unsigned number) {
    (void)number;
    while (thrum_once_run(&configured, read_configuration, NULL) != THRUM_OK) printf("failed, again\n");
    if (limit == 42) thrum_u32_fetch_add_relaxed(&answers, 1);
}

int main(void) {
    crew_run(READERS, use_configuration);
    printf("%u tries, %u readers\n", thrum_u32_load_relaxed(&tries), thrum_u32_load_relaxed(&answers));
    return 0;
}
