/* SPDX-License-Identifier: MIT */
/* needs: THRUM_ANALYSED_ */
/* flags: -DTHRUM_THREAD_SAFETY -Wthread-safety -Werror */
/* says: writing variable 'balance' requires holding */
#ifndef RIGHT
#define WRONG
#endif
#include "../../examples/guarded.c"
