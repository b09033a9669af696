/* SPDX-License-Identifier: MIT */
/*
 * Included before every source of the library and of the tests. Each announcement to ThreadSanitizer says
 * where it stands, so that the run can leave one out (planted). This stands in the place of
 * src/atomic/tell.h, and of the end of include/thrum/atomic.h.
 */
#ifndef THRUM_TESTS_ORDERS_PLACES_H
#define THRUM_TESTS_ORDERS_PLACES_H
#define THRUM_SRC_ATOMIC_TELL_H

#include <thrum/atomic.h>

THRUM_BEGIN_DECLS
void place_acquire(void *object, const char *file, int line);
void place_release(void *object, const char *file, int line);
THRUM_END_DECLS

#define THRUM_TELL_ACQUIRE(object) place_acquire((void *)(uintptr_t)(object), __FILE__, __LINE__)
#define THRUM_TELL_RELEASE(object) place_release((void *)(uintptr_t)(object), __FILE__, __LINE__)
#define THRUM_TELL_OWN_ACQUIRE(object) THRUM_TELL_ACQUIRE(object)
#define THRUM_TELL_OWN_RELEASE(object) THRUM_TELL_RELEASE(object)

#if THRUM_UNDER_TSAN
#undef THRUM_ANNOUNCE_ACQUIRE_
#undef THRUM_ANNOUNCE_RELEASE_
#define THRUM_ANNOUNCE_ACQUIRE_(object) THRUM_TELL_ACQUIRE(object)
#define THRUM_ANNOUNCE_RELEASE_(object) THRUM_TELL_RELEASE(object)
#endif

#endif
