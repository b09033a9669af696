/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. The rank of one of the library's own locks, stated beside the lock, by the name that sources
 * acquire it by: a thread acquires a lock only while it holds none of the same or of a higher rank.
 * docs/locks.md has all of them, and why; tools/check-locks compares the two, and finds a lock without a
 * rank. The debug build and the checked one check each acquire (inner_lock.h); in other builds a rank is
 * nothing.
 *
 *     struct { thrum_lock lock; } *crew;
 *     THRUM_RANK(5, crew->lock);
 */
#ifndef THRUM_SRC_RCU_RANK_H
#define THRUM_SRC_RCU_RANK_H

#ifndef THRUM_RANK
#define THRUM_RANK(number, lock) _Static_assert((number) > 0, "ranks begin with 1")
#endif

#endif
