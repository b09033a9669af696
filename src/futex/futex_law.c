/* SPDX-License-Identifier: MIT */
/* Floor 2. The end of a process in which a law does not hold (src/atomic/law.h). */
#include "../atomic/law.h"

#include <stdio.h>
#include <stdlib.h>
#include <thrum/cpu.h>

THRUM_API void thrum_law_looks_(bool begins);
THRUM_API void thrum_law_broken_(const char *file, int line, const char *label, const char *condition);

void thrum_law_looks_(bool begins) {
    (void)begins;
}

void thrum_law_broken_(const char *file, int line, const char *label, const char *condition) {
    (void)fprintf(stderr, "thrum: %s:%d: the law %s is broken: %s\n", file, line, label, condition);
    abort();
}
