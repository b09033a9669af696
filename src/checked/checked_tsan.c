/* SPDX-License-Identifier: MIT */
/*
 * Above all floors. What ThreadSanitizer is told of the locks, where its runtime is in the process: that it
 * knows them in its own reports, of orders that may deadlock and of races. Without it each of these is a load
 * and a branch.
 *
 * checked.I6: what is told carries no order between threads, for it is told while the sanitizer heeds none:
 *     where it sees the archive's own orders it is not told what it should find out.
 */
#include "../atomic/tell.h"
#include "checked_inside.h"

/* <sanitizer/tsan_interface.h>, which not every compiler brings. */
enum { TSAN_READ = 1 << 3, TSAN_TRY = 1 << 4, TSAN_TRY_FAILED = 1 << 5 };
extern void __tsan_mutex_destroy(void *address, unsigned flags) __attribute__((weak));
extern void __tsan_mutex_pre_lock(void *address, unsigned flags) __attribute__((weak));
extern void __tsan_mutex_post_lock(void *address, unsigned flags, int depth) __attribute__((weak));
extern int __tsan_mutex_pre_unlock(void *address, unsigned flags) __attribute__((weak));
extern void __tsan_mutex_post_unlock(void *address, unsigned flags) __attribute__((weak));
extern void __tsan_mutex_pre_signal(void *address, unsigned flags) __attribute__((weak));
extern void __tsan_mutex_post_signal(void *address, unsigned flags) __attribute__((weak));
/* What the compiler calls: a report names the program's line, which is in no function of the archive's. */
extern void __tsan_func_entry(void *returns_to) __attribute__((weak));
extern void __tsan_func_exit(void) __attribute__((weak));

/* All of them or none. */
static bool is_there(void) {
    return __tsan_mutex_pre_lock != NULL;
}

static void *place(const void *address) {
    return (void *)(uintptr_t)address;
}

static unsigned flags_of(check_mode mode) {
    return mode == CHECK_READ ? TSAN_READ : 0;
}

/* checked.I6: between these two the sanitizer heeds no order, and no access. */
static void begin(const void *address, const check_stack *at) {
    __tsan_func_entry(place(at->frames[0]));
    __tsan_mutex_pre_signal(place(address), 0);
}

static void end(const void *address) {
    __tsan_mutex_post_signal(place(address), 0);
    __tsan_func_exit();
}

/*
 * The sanitizer reports here. The try that fails at once ends what a wait would be: accesses that it ignores.
 */
void check_tell_wants_(const check_call *call) {
    if (!is_there()) return;
    void *const address = place(call->object->address);
    const unsigned flags = flags_of(call->mode);
    __tsan_func_entry(place(call->at.frames[0]));
    __tsan_mutex_pre_lock(address, flags);
    __tsan_mutex_post_lock(address, flags | TSAN_TRY_FAILED, 0);
    __tsan_func_exit();
}

void check_tell_has_(check_holding *held, bool waited) {
    if (!is_there() || held->object->owed) return;
    void *const address = place(held->object->address);
    const unsigned flags = flags_of(held->mode);
    held->is_told = held->object->is_told = true;
    begin(address, &held->at);
    __tsan_mutex_pre_lock(address, flags | TSAN_TRY);
    __tsan_mutex_post_lock(address, waited ? flags : flags | TSAN_TRY, 0);
    end(address);
}

void check_tell_has_no_more_(check_holding *held) {
    if (!held->is_told) return;
    void *const address = place(held->object->address);
    const unsigned flags = flags_of(held->mode);
    held->is_told = false;
    begin(address, &held->at);
    (void)__tsan_mutex_pre_unlock(address, flags);
    __tsan_mutex_post_unlock(address, flags);
    end(address);
}

void check_tell_gone_(check_object *object) {
    static const check_stack nowhere;
    if (!object->is_told || object->owed) return;
    object->is_told = false;
    begin(object->address, &nowhere);
    __tsan_mutex_destroy(place(object->address), 0);
    end(object->address);
}
