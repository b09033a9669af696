/* SPDX-License-Identifier: MIT */
/* says: write THRUM_WITH_READ or THRUM_WITH_WRITE */
#include <thrum/with.h>

extern thrum_rwlock routes;
extern int users;

thrum_result use(void);
thrum_result use(void) {
    thrum_result result;
#ifdef RIGHT
    THRUM_WITH_WRITE_UNTIL(&routes, thrum_after_ms(5), &result) users++;
#else
    THRUM_WITH_UNTIL(&routes, thrum_after_ms(5), &result) users++;
#endif
    return result;
}
