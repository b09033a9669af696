/* SPDX-License-Identifier: MIT */
/* needs: THRUM_ANALYSED_ */
/* flags: -DTHRUM_THREAD_SAFETY -Wthread-safety -Werror */
/* says: writing variable 'entries' requires holding */
#include <thrum.h>

static thrum_rwlock table;
static long entries THRUM_GUARDED_BY(table);

long add(bool enter);
long add(bool enter) {
    long now = 0;
#ifdef RIGHT
    THRUM_WITH_READ(&table) now = entries;
    if (enter) {
        THRUM_WITH_WRITE(&table) now = ++entries;
    }
#else
    THRUM_WITH_READ(&table) now = enter ? ++entries : entries;
#endif
    return now;
}
