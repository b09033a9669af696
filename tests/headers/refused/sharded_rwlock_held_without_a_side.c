/* SPDX-License-Identifier: MIT */
/* says: THRUM_HOLD_READ, */
#include <thrum/with.h>

extern thrum_sharded_rwlock routes;
extern int users;

void use(void);
void use(void) {
#ifdef RIGHT
    THRUM_HOLD_WRITE(&routes);
#else
    THRUM_HOLD(&routes);
#endif
    users++;
}
