/* SPDX-License-Identifier: MIT */
/* says: write THRUM_WITH_READ or THRUM_WITH_WRITE */
#include <thrum/with.h>

extern thrum_rwlock routes;
extern int users;

void use(void);
void use(void) {
#ifdef RIGHT
    THRUM_WITH_READ(&routes) users++;
#else
    THRUM_WITH(&routes) users++;
#endif
}
