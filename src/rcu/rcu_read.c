/* SPDX-License-Identifier: MIT */
/*
 * Floor 3. Read sections, in liburcu's state of a thread's reader and of the grace period. liburcu waits for
 * them (urcu_bp_synchronize_rcu); their fences are made by thrum.
 *
 * liburcu's own sections make no fence where the kernel has membarrier: urcu_bp_synchronize_rcu calls it
 * first, and last. Once a sandbox refuses the call, liburcu ends the process. So liburcu is told that there
 * is none (urcu_bp_has_sys_membarrier is 0 from before main on): it makes full fences in those two places,
 * and its own sections make full fences. thrum's sections ask `light`, and thrum_rcu_synchronize makes a
 * heavy fence (room fence) before liburcu's wait, and one after it.
 *
 * rcu.S1: a section that had begun is waited for. It stores its reader's word, makes the light fence, and
 *     looks at pointers. The one that waits has changed a pointer, makes the heavy fence, and then looks at
 *     the words. At least one sees the other's store: the word is seen, or the section finds the new pointer.
 *     What comes between the heavy fence and the look (liburcu's locks, other grace periods) only delays the
 *     look.
 * rcu.S2: what a section did comes before what the one that waited does then. The section makes the light
 *     fence before the store that ends it. The one that waits has seen that store, and then makes the heavy
 *     fence.
 * rcu.S3: between the two, liburcu changes the phase and looks again. It makes its own full fences there, and
 *     nothing more where it has membarrier.
 * rcu.S4: where the heavy fence is refused to a thread, no look is sure. Then `light` becomes 0 for good:
 *     from there on sections and waits make full fences. A section that has seen 1 may have its store under
 *     way; a millisecond makes it visible, as in rwlock_sharded.c. `settled` says that this time has passed.
 * rcu.S5: `light` becomes 1 only after a heavy fence has found the kernel willing. From then on, and until
 *     `settled`, each heavy fence is the kernel's or says that it was refused.
 * rcu.S6: each section looks for its thread's reader in liburcu's own thread-local pointer. As the thread
 *     ends, liburcu takes the reader back, sets the pointer to NULL, and may give the reader to another
 *     thread; a destructor that reads after that gets another reader. thrum_rcu_own_ is the address of that
 *     pointer, which lasts as long as the thread; before the thread's first section, the address of `nobody`.
 *
 * Compiled without ThreadSanitizer: it would take the state of a thread's reader, which liburcu gives to a
 * later thread, for raced upon. What a section orders it is told.
 */
#define THRUM_RCU_CALLS_
#include "../atomic/tell.h"
#include "grace.h"
#include "retire.h"

#include <thrum/fence.h>
#include <thrum/rcu.h>
#include <urcu/static/urcu-bp.h>

#ifndef CONFIG_RCU_TLS
#error "liburcu was built without thread-local variables"
#endif
THRUM_STATIC_ASSERT(offsetof(struct urcu_bp_reader, ctr) == 0, "a reader begins with its word");
THRUM_STATIC_ASSERT(URCU_BP_GP_COUNT == 1 && URCU_BP_GP_CTR_NEST_MASK == UINT32_MAX,
                    "the sections of a thread are counted in the lower half of its reader's word");

char thrum_rcu_grace_;
thrum_rcu_sections_ thrum_rcu_sections_now_ = {&urcu_bp_gp.ctr, {0}};
static const thrum_rcu_reader_ nobody;
__thread const thrum_rcu_reader_ *thrum_rcu_own_ = &nobody; /* rcu.S6 */

void thrum_rcu_tell_liburcu_(void) {
    if (__atomic_load_n(&urcu_bp_has_sys_membarrier, __ATOMIC_RELAXED))
        __atomic_store_n(&urcu_bp_has_sys_membarrier, 0, __ATOMIC_RELAXED);
}

__attribute__((constructor)) static void choose_the_fence(void) {
    thrum_rcu_tell_liburcu_();
    if (thrum_fence_heavy() && thrum_u32_load_relaxed(&thrum_fence_asymmetric_))
        /* rcu.S5; relaxed: every value is right */
        thrum_u32_store_relaxed(&thrum_rcu_sections_now_.light, 1);
}

unsigned long *thrum_rcu_register_(void) {
    if (!URCU_TLS(urcu_bp_reader)) urcu_bp_register();
    thrum_rcu_own_ = (const thrum_rcu_reader_ *)&URCU_TLS(urcu_bp_reader); /* rcu.S6 */
    return *thrum_rcu_own_;
}

void thrum_rcu_read_begin(void) {
    thrum_rcu_section_begin_();
}

void thrum_rcu_read_end(void) {
    /* rcu.R1: release, pairs with rcu.R2; the order is liburcu's, and rcu.S2 */
    THRUM_TELL_RELEASE(&thrum_rcu_grace_);
    thrum_rcu_section_end_();
}

bool thrum_rcu_is_reading_(void) {
    return URCU_TLS(urcu_bp_reader) && URCU_TLS(urcu_bp_reader)->ctr & URCU_BP_GP_CTR_NEST_MASK;
}

void thrum_rcu_leave_(void *unused) {
    (void)unused;
    thrum_rcu_read_end();
}
