/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. A signal handler walks the threads.
 *
 * dump.I1: it holds `lives`, which it only tries for: a handler may have interrupted the holder. While it is
 *     held no thread leaves the table, which a thread does before its thread-local variables are gone
 *     (thread.I4). So the thrum_waits_ of each listed thread is there.
 * dump.I2: what a thread waits for may be gone as soon as it waits no more, and what it holds lies on its
 *     stack. Both are read by thrum_futex_peek_, to which a bad address is an answer; and what was read
 *     counts only if the thread has been in one wait all the while (waited.I4): then the object and the stack
 *     were there.
 * dump.I3: nothing here allocates, formats by the C library, or asks the dynamic linker.
 */
#include "record.h"

#include "../futex/errno_kept.h"
#include "../futex/page.h"
#include "../futex/waits.h"

#include <stddef.h>
#include <thrum/dump.h>
#include <thrum/futex.h>
#include <thrum/rlock.h>

/*
 * A dump tries for the table's lock for 20 ms: a hold of it lasts microseconds, or its holder is the thread
 * that the dump's signal interrupted, and then each further try is in vain. A thread that changes what it
 * waits for is looked at three times: it is in no wait that lasts. Of held locks it names so many.
 */
enum { TRIES = 20, LOOKS = 3, HELD_MOST = 16 };
#define TRY_NS 1000000

static void say_address(thrum_page_ *to, uint64_t address) {
    thrum_say_(to, "0x");
    thrum_say_number_(to, address, 16, 0);
}

/* ---- one thread ---- */

/* Of the linker: the beginning of the program or shared object that this copy is part of. */
extern const char __ehdr_start[] __attribute__((weak, visibility("hidden")));

typedef struct holdings {
    unsigned count;
    const void *objects[HELD_MOST];
} holdings;

/*
 * What it holds, innermost first; `state` is another thread's (dump.I2). A guard that is its own object holds
 * nothing (thrum_self_call_plainly_), and one without a release is a fence.
 */
static void read_held(const thrum_self_state_ *state, holdings *held) {
    thrum_guard_ guard = {NULL, NULL, NULL};
    held->count = 0;
    if (!thrum_futex_peek_(&state->innermost, &guard.outer, sizeof guard.outer)) return;
    for (int i = 0; i < HELD_MOST; i++) { /* what is no chain any more may go in a circle */
        const thrum_guard_ *const at = guard.outer;
        if (!at || !thrum_futex_peek_(at, &guard, sizeof guard)) return;
        if (guard.release && guard.object != at) held->objects[held->count++] = guard.object;
    }
}

/* The ident of the thread that it waits for; 0: not known (dump.I2). */
static uint64_t read_owner(uint32_t kind, uint64_t object) {
    const char *const at = (const char *)(uintptr_t)object;
    uint64_t word = 0;
    if (kind == THRUM_WAIT_RLOCK_ && thrum_futex_peek_(at + offsetof(thrum_rlock, owner), &word, sizeof word))
        return word ? ~word : 0;
    if (kind == THRUM_WAIT_THREAD_ &&
        thrum_futex_peek_(at + offsetof(thrum_thread_record_, ident), &word, sizeof word))
        return word;
    return 0;
}

typedef struct found_wait {
    uint32_t kind; /* 0: it runs */
    uint64_t object, site, since_ns, owner;
    holdings held;
} found_wait;

/* What a living thread waits for; false: it was changing that all the time. */
static bool read_wait(const thrum_waits_ *waits, found_wait *now) {
    for (int i = 0; i < LOOKS; i++) {
        thrum_waits_ copy;
        if (!thrum_wait_read_(waits, &copy)) continue;
        now->kind = thrum_u32_load_relaxed(&copy.kind); /* relaxed, as all of the copy: our own */
        now->object = thrum_u64_load_relaxed(&copy.object);
        now->site = thrum_u64_load_relaxed(&copy.site);
        now->since_ns = thrum_u64_load_relaxed(&copy.since_ns);
        if (now->kind == THRUM_WAIT_NOTHING_) return true;
        now->owner = read_owner(now->kind, now->object);
        const char *const state = (const char *)waits - offsetof(thrum_self_state_, waits);
        read_held((const thrum_self_state_ *)(const void *)state, &now->held);
        if (thrum_u32_load_acquire(&waits->turn) == thrum_u32_load_relaxed(&copy.turn))
            return true; /* dump.I2 */
    }
    return false;
}

static void say_since(thrum_page_ *to, uint64_t since_ns) {
    const uint64_t now_ns = thrum_futex_now_ns();
    const uint64_t ms = now_ns > since_ns ? (now_ns - since_ns) / 1000000 : 0;
    if (since_ns == 0) {
        thrum_say_(to, ": is about to wait for ");
        return;
    }
    thrum_say_(to, ": waits ");
    thrum_say_number_(to, ms / 1000, 10, 0);
    thrum_say_(to, ".");
    thrum_say_number_(to, ms % 1000, 10, 3);
    thrum_say_(to, " s for ");
}

static void say_wait(thrum_page_ *to, const found_wait *now) {
    say_since(to, now->since_ns);
    thrum_say_(to, thrum_wait_kind_name_(now->kind));
    thrum_say_(to, " ");
    if (now->kind == THRUM_WAIT_THREAD_) {
        thrum_say_number_(to, now->owner, 10, 0);
    } else {
        say_address(to, now->object);
        if (now->owner) {
            thrum_say_(to, ", held by ");
            thrum_say_number_(to, now->owner, 10, 0);
        }
    }
    thrum_say_(to, ", called at ");
    say_address(to, now->site);
    const uint64_t begin = (uint64_t)(uintptr_t)__ehdr_start;
    if (begin && now->site > begin) {
        thrum_say_(to, " (+");
        say_address(to, now->site - begin);
        thrum_say_(to, ")");
    }
    for (unsigned i = 0; i < now->held.count; i++) {
        thrum_say_(to, i ? ", " : "; holds ");
        say_address(to, (uint64_t)(uintptr_t)now->held.objects[i]);
    }
}

static void say_what_it_does(thrum_page_ *to, const thrum_thread_record_ *record) {
    const uint32_t state = thrum_u32_load_relaxed(&record->state); /* relaxed: a word for a person */
    /* dump.L2: acquire, pairs with dump.L1 */
    const thrum_waits_ *const waits = (const void *)(uintptr_t)thrum_u64_load_acquire(&record->waits);
    found_wait now = {.kind = THRUM_WAIT_NOTHING_};
    if (!waits)
        thrum_say_(to, state == THRUM_THREAD_STARTING ? ": starts" : ": not known");
    else if (!read_wait(waits, &now))
        thrum_say_(to, ": begins and ends waits");
    else if (now.kind != THRUM_WAIT_NOTHING_)
        say_wait(to, &now);
    else
        thrum_say_(to, state == THRUM_THREAD_ENDED ? ": ends" : ": runs");
}

static void say_thread(thrum_page_ *to, const thrum_thread_record_ *record) {
    /* relaxed, all: numbers for a person */
    thrum_say_number_(to, thrum_u64_load_relaxed(&record->ident), 10, 0);
    thrum_say_(to, " \"");
    thrum_say_(to, record->name.text);
    thrum_say_(to, "\", native ");
    thrum_say_number_(to, thrum_u32_load_relaxed(&record->native_id), 10, 0);
    if (thrum_u32_load_relaxed(&record->daemon)) thrum_say_(to, ", daemon");
    say_what_it_does(to, record);
    thrum_say_(to, "\n");
}

/* ---- all of them ---- */

static void say_all(thrum_page_ *to) {
    size_t count = 0;
    for (const thrum_thread_record_ *r = thrum_table_first_(); r; r = thrum_table_after_(r)) count++;
    thrum_say_(to, "thrum: ");
    thrum_say_number_(to, count, 10, 0);
    thrum_say_(to, count == 1 ? " thread\n" : " threads\n");
    for (const thrum_thread_record_ *r = thrum_table_first_(); r; r = thrum_table_after_(r))
        say_thread(to, r);
}

/* dump.I1 */
static bool hold_the_table(void) {
    for (int i = 0; i < TRIES; i++) {
        if (thrum_lock_try_acquire(&thrum_lives_)) return true;
        thrum_futex_nap(thrum_after_ns(TRY_NS));
    }
    return false;
}

thrum_result thrum_dump(int fd) {
    THRUM_KEEPS_ERRNO_;
    thrum_page_ to = {.fd = fd};
    const bool holds = hold_the_table();
    if (holds) {
        say_all(&to);
        thrum_page_flush_(&to);
        thrum_lock_release(&thrum_lives_);
    } else {
        thrum_say_(&to, "thrum: the list of threads is being changed\n");
        thrum_page_flush_(&to);
    }
    return to.failed ? THRUM_FAILED : holds ? THRUM_OK : THRUM_TIMEOUT;
}
