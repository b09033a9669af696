/* SPDX-License-Identifier: MIT */
/* Floor 2. errno is kept: what a call of thrum finds in it, it leaves. */
#ifndef THRUM_SRC_FUTEX_ERRNO_KEPT_H
#define THRUM_SRC_FUTEX_ERRNO_KEPT_H

#include <errno.h>

static inline void thrum_errno_back_(const int *found) {
    errno = *found;
}

/* Keeps errno from here to the end of the block, whichever way the block is left. */
#define THRUM_KEEPS_ERRNO_ const int errno_found_ __attribute__((cleanup(thrum_errno_back_), unused)) = errno

#endif
