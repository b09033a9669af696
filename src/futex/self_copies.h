/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. Several copies of the library in one process: a program and its plugins may each contain the
 * archive. self_copies.c says which copy is the first, and how the others find it.
 */
#ifndef THRUM_SRC_SELF_COPIES_H
#define THRUM_SRC_SELF_COPIES_H

#include <thrum/atomic.h>

/*
 * What the first copy does for the others, which may be of another version: a member keeps its place and its
 * meaning for ever, and a new one comes at the end, used after a look at `size`.
 */
typedef struct thrum_self_copy_ {
    uint64_t size;   /* of this struct, in the version that made it */
    thrum_u64 asked; /* 1: another copy has found this one */
    uint64_t (*id)(void);
    uint64_t (*reserve_id)(void);
    void (*adopt_id)(uint64_t id);
    uint32_t (*slot)(void);
    void (*reset_after_fork)(void);
    bool (*fence_is_asymmetric)(void); /* decides it, if it is undecided */
} thrum_self_copy_;

/* The first copy in the process; NULL: this one. */
thrum_self_copy_ *thrum_self_first_copy_(void);

/* Whether a thread's slot is known to another copy, too, which remembers it until the thread ends. */
bool thrum_self_slot_is_shared_(void);

/* fence.c. What a copy that is not the first asks. */
bool thrum_fence_is_asymmetric_(void);

#endif
