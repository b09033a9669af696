/* SPDX-License-Identifier: MIT */
/* Floor 2. What the slow paths tell the profile (profile.c). All of it does nothing while nothing counts. */
#ifndef THRUM_SRC_PROFILE_INSIDE_H
#define THRUM_SRC_PROFILE_INSIDE_H

#include <thrum/profile.h>

THRUM_BEGIN_DECLS

/*
 * Whether the calling thread, which is about to sleep for the object, is to make the next release of it take
 * the slow way, which tells profile_let_go_.
 */
THRUM_API bool thrum_profile_asks_(const void *object);
/*
 * The object was released, with a waiter behind it, by a call from `site`, NULL: by none. The object may be
 * gone.
 */
THRUM_API void thrum_profile_let_go_(const void *object, const void *site);
/* How many releases were told of it, and perhaps of others: it changes with each. */
THRUM_API uint32_t thrum_profile_releases_(uint64_t object);
/* A wait is over, which began when thrum_profile_releases_ was `releases`. */
THRUM_API void thrum_profile_count_(uint32_t kind, uint64_t object, uint64_t site, uint32_t releases,
                                    uint64_t ns);

THRUM_END_DECLS

#endif
