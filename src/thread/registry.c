/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. Which threads there are. record.h says what a record is, and what holds it.
 *
 * registry.G1: the table holds the main thread, and all that are STARTING or ALIVE. Readers pass over the
 *     STARTING.
 * registry.G2: a reader goes along a chain of the table within a read section, and what it finds it may keep
 *     by a reference (thread.I1). It waits for nobody and nobody waits for it.
 * registry.G3: `main_record` is the first thread's from before main on; a forked child's is that of the
 *     thread that forked.
 * registry.G4: in a forked child there is no reader but the caller, and it reads nothing: what leaves the
 *     table needs no grace period there.
 *
 * In a circle with hooks_trace.c, registry_fork.c, thread.c, thread_process.c: a thread and its end are
 * listed, an alien gets a thread object, a fork and the end of the process ask for the listed threads,
 * and both are prepared at the first use of the registry.
 */
#include "record.h"

#include "../atomic/dead_frames.h"
#include "../futex/errno_kept.h"
#include "../futex/waits.h"
#include "../rcu/grace.h"
#include "../rcu/size.h"
#include "prepare.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static thrum_thread_record_ first; /* of the process's first thread: never freed */
static thrum_thread_record_ *main_record = &first;
static pthread_key_t until_end; /* a thread's record, for the very end of the thread */
static bool has_key;
static thrum_u64 default_stack;
static thrum_u64 dummies;

/* ---- the table, while `lives` is held ---- */

void thrum_registry_add_(thrum_thread_record_ *record) {
    THRUM_TELL_OWN_RELEASE(record); /* registry.N1: release, pairs with registry.N1 in found */
    thrum_table_add_(record, thrum_u64_load_relaxed(&record->ident));
}

void thrum_registry_remove_(thrum_thread_record_ *record) {
    thrum_table_remove_(record);
}

/* Whether a reader that has come to the record has found a thread; what it did before is visible. */
static bool found(thrum_thread_record_ *record) {
    THRUM_TELL_OWN_ACQUIRE(record); /* registry.N1: acquire */
    /*
     * registry.G1; relaxed: registry.N1 has ordered all that was before it was listed, and its joiners look
     * again
     */
    return thrum_u32_load_relaxed(&record->state) == THRUM_THREAD_ALIVE;
}

/* thread.P2: the caller is shutting down, too. */
static bool is_waited_for(const thrum_thread_record_ *record) {
    /* relaxed: `lives` is held */
    return record != main_record && !thrum_u32_load_relaxed(&record->daemon) &&
           !thrum_u32_load_relaxed(&record->shutting_down);
}

thrum_thread_record_ *thrum_registry_to_wait_for_(void) {
    for (thrum_thread_record_ *r = thrum_table_first_(); r; r = thrum_table_after_(r)) {
        if (!is_waited_for(r)) continue;
        thrum_thread_retain(&r->self);
        return r;
    }
    return NULL;
}

void thrum_registry_each_(void (*visit)(thrum_thread_record_ *record, uint64_t argument), uint64_t argument) {
    for (thrum_thread_record_ *r = thrum_table_first_(); r; r = thrum_table_after_(r)) visit(r, argument);
}

/* ---- the end of a thread ---- */

/*
 * Runs in each round of the C library's destructors up to THRUM_LAST_ROUND. Then all others have run, but
 * those of keys that are set anew in every round.
 */
static void go(void *p) {
    thrum_thread_record_ *const record = p;
    thrum_frames_have_ended_(); /* dead_frames.D2 */
    if (record->kind != THRUM_THREAD_ALIEN && ++thrum_here_.rounds < THRUM_LAST_ROUND &&
        pthread_setspecific(until_end, record) == 0)
        return;
    thrum_registry_leave_(record);
}

/* Nobody knows in which round an alien has asked for its object: it leaves in the first that it sees. */
void thrum_registry_leave_(thrum_thread_record_ *record) {
    if (record->kind != THRUM_THREAD_ALIEN) thrum_local_finish_(); /* thread.I4 */
    /* relaxed: our own. Main, when pthread_exit ends it, and aliens have no target whose end was told. */
    if (thrum_u32_load_relaxed(&record->state) != THRUM_THREAD_ENDED) thrum_thread_end_(record);
    thrum_here_.record = NULL;
    thrum_here_.gone = true;
    thrum_thread_leave_(record);
}

bool thrum_registry_keep_until_end_(thrum_thread_record_ *record) {
    return pthread_setspecific(until_end, record) == 0;
}

/* ---- fork ---- */

/* What another thread's record is in the child: ended, and nobody's but the handles' (thread.I5). */
static void bury(thrum_thread_record_ *record) {
    thrum_table_remove_(record);
    thrum_u32_store_relaxed(&record->state, THRUM_THREAD_ENDED); /* relaxed: there is one thread */
    thrum_event_set(&record->said);
    thrum_event_set(&record->ended);
    thrum_event_set(&record->gone);
    /* registry.G4 */
    thrum_thread_drop_(record, thrum_u32_load_relaxed(&record->references) & ~(THRUM_STARTER - 1u));
}

static void be_main(thrum_thread_record_ *record);

void thrum_registry_begin_in_child_(void) {
    thrum_thread_record_ *const own = thrum_here_.record;
    for (thrum_thread_record_ *r = thrum_table_first_(), *after; r; r = after) {
        after = thrum_table_after_(r);
        if (r != own) bury(r);
    }
    if (own) {
        if (own->kind == THRUM_THREAD_ALIEN) {
            strcpy(own->name.text, "MainThread");
            thrum_u32_store_relaxed(&own->daemon, 0);
        }
        own->kind = THRUM_THREAD_MAIN;
        own->process = thrum_process_number_;
        thrum_u32_store_relaxed(&own->native_id, thrum_get_native_id());
        /* A handle for thrum_main_thread, for ever. */
        const uint32_t references = thrum_u32_load_relaxed(&own->references) & ~(uint32_t)THRUM_STARTER;
        thrum_u32_store_relaxed(&own->references, references + THRUM_HANDLE);
        main_record = own; /* registry.G3 */
    } else {
        be_main(&first); /* an alien that never asked for its object */
        thrum_registry_add_(&first);
    }
}

/* ---- the main thread, and the way in ---- */

static void be_main(thrum_thread_record_ *record) {
    record->self.record_ = record;
    record->kind = THRUM_THREAD_MAIN;
    record->process = thrum_process_number_;
    strcpy(record->name.text, "MainThread");
    /* relaxed: there is one thread, or nobody knows the record yet */
    thrum_u32_fetch_add_relaxed(&record->references, THRUM_HANDLE + THRUM_THREAD);
    thrum_u32_store_relaxed(&record->daemon, 0);
    thrum_u64_store_relaxed(&record->ident, thrum_self_id());
    thrum_u64_store_relaxed(&record->pthread, (uint64_t)pthread_self());
    thrum_u32_store_relaxed(&record->native_id, thrum_get_native_id());
    thrum_u64_store_release(&record->waits, (uint64_t)(uintptr_t)thrum_wait_own_()); /* dump.L1 */
    thrum_u32_store_relaxed(&record->state, THRUM_THREAD_ALIVE);
    thrum_event_set(&record->said);
    thrum_event_clear(&record->ended);
    thrum_event_clear(&record->gone);
    thrum_here_.record = record;
    main_record = record;                                      /* registry.G3 */
    if (has_key) (void)thrum_registry_keep_until_end_(record); /* else its end by pthread_exit goes untold */
}

static thrum_result make_key(void) {
    thrum_self_pin_(&has_key);
    has_key = has_key || pthread_key_create(&until_end, go) == 0;
    return has_key ? thrum_fork_prepare_() : THRUM_NO_MEMORY;
}

thrum_result thrum_registry_prepare_(void) {
    static thrum_first_use_ prepared;
    return thrum_first_use_run_(&prepared, make_key);
}

/*
 * Before main, in the first thread: unless another one loads the library. Then the first thread's object is
 * there as well, with an ident that no thread says of itself.
 */
__attribute__((constructor)) static void list_the_first_thread(void) {
    (void)thrum_registry_prepare_(); /* else the first start, or the first alien, tries again */
    be_main(&first);
    if (thrum_get_native_id() != (uint32_t)getpid()) {
        thrum_here_.record = NULL;
        (void)pthread_setspecific(until_end, NULL);
        thrum_u64_store_relaxed(&first.ident, thrum_self_reserve_id_());
        thrum_u32_store_relaxed(&first.native_id, (uint32_t)getpid());
        thrum_u64_store_relaxed(&first.waits, 0); /* relaxed: nobody knows the record yet */
    }
    thrum_lock_acquire(&thrum_lives_);
    thrum_registry_add_(&first);
    thrum_lock_release(&thrum_lives_);
}

/* ---- looking ---- */

thrum_thread *thrum_main_thread(void) {
    return &main_record->self;
}

thrum_name thrum_registry_name_(const char *pattern, thrum_u64 *counter, const char *of) {
    thrum_name name;
    /* relaxed: only the number must be unique */
    const unsigned long long number = thrum_u64_fetch_add_relaxed(counter, 1) + 1;
    if (of)
        (void)snprintf(name.text, sizeof name.text, "%s-%llu (%s)", pattern, number, of);
    else
        (void)snprintf(name.text, sizeof name.text, "%s-%llu", pattern, number);
    return name;
}

static thrum_thread *make_dummy(void) {
    if (thrum_here_.gone || thrum_registry_prepare_() != THRUM_OK) return NULL;
    thrum_thread_record_ *const record = calloc(1, sizeof *record);
    if (!record) return NULL;
    if (!thrum_registry_keep_until_end_(record)) {
        free(record);
        return NULL;
    }
    record->self.record_ = record;
    record->kind = THRUM_THREAD_ALIEN;
    record->name = thrum_registry_name_("Dummy", &dummies, NULL);
    /* relaxed: `lives`, below, publishes it */
    /* thread.I1: it has no handle */
    thrum_u32_store_relaxed(&record->references, THRUM_THREAD + THRUM_TABLE);
    record->process = thrum_process_number_;
    thrum_u32_store_relaxed(&record->daemon, 1);
    thrum_u64_store_relaxed(&record->ident, thrum_self_id());
    thrum_u32_store_relaxed(&record->native_id, thrum_get_native_id());
    thrum_u64_store_release(&record->waits, (uint64_t)(uintptr_t)thrum_wait_own_()); /* dump.L1 */
    thrum_u32_store_relaxed(&record->state, THRUM_THREAD_ALIVE);
    thrum_event_set(&record->said);
    thrum_here_.record = record;
    thrum_lock_acquire(&thrum_lives_);
    thrum_registry_add_(record);
    thrum_lock_release(&thrum_lives_);
    return &record->self;
}

thrum_thread *thrum_current_thread(void) {
    if (thrum_here_.record) return &thrum_here_.record->self;
    THRUM_KEEPS_ERRNO_;
    return make_dummy();
}

size_t thrum_active_count(void) {
    size_t count = 0;
    thrum_rcu_read_begin();
    for (thrum_thread_record_ *r = thrum_table_first_(); r; r = thrum_table_after_(r)) count += found(r);
    thrum_rcu_told_end_();
    return count;
}

thrum_thread *thrum_thread_by_ident(uint64_t ident) {
    thrum_thread *thread = NULL;
    thrum_rcu_read_begin();
    thrum_thread_record_ *r = thrum_table_chain_(ident);
    while (r && !(found(r) && thrum_u64_load_relaxed(&r->ident) == ident)) r = thrum_table_next_(r);
    if (r) thread = thrum_thread_retain(&r->self); /* registry.G2 */
    thrum_rcu_told_end_();
    return thread;
}

struct list {
    thrum_thread **threads;
    size_t count, room;
    uint64_t last; /* the latest ident */
    bool unsorted;
};

static bool enlarge(struct list *list) {
    const size_t room = list->room ? 2 * list->room : 64;
    size_t size;
    thrum_thread **const larger =
        thrum_size_(0, room, sizeof *larger, &size) ? realloc(list->threads, size) : NULL;
    if (!larger) return false;
    list->threads = larger;
    list->room = room;
    return true;
}

static bool append(struct list *list, thrum_thread_record_ *record) {
    if (list->count == list->room && !enlarge(list)) return false;
    list->threads[list->count++] = thrum_thread_retain(&record->self); /* registry.G2 */
    const uint64_t ident = thrum_u64_load_relaxed(&record->ident);     /* relaxed: found has acquired it */
    list->unsorted |= ident < list->last;
    list->last = ident;
    return true;
}

static bool gather(struct list *list) {
    for (thrum_thread_record_ *r = thrum_table_first_(); r; r = thrum_table_after_(r))
        if (found(r) && !append(list, r)) return false;
    return true;
}

static int by_ident(const void *a, const void *b) {
    /* relaxed: as in append */
    const uint64_t x = thrum_u64_load_relaxed(&(*(thrum_thread *const *)a)->record_->ident);
    const uint64_t y = thrum_u64_load_relaxed(&(*(thrum_thread *const *)b)->record_->ident);
    return (x > y) - (x < y);
}

thrum_result thrum_enumerate(thrum_thread ***threads, size_t *count) {
    THRUM_KEEPS_ERRNO_;
    struct list list = {NULL, 0, 0, 0, false};
    thrum_rcu_read_begin();
    const bool complete = gather(&list);
    thrum_rcu_told_end_();
    if (complete) {
        /* the row is in the order of listing: only an alien is listed later than threads above its ident */
        if (list.unsorted) qsort(list.threads, list.count, sizeof *list.threads, by_ident);
        *threads = list.threads;
        *count = list.count;
    } else {
        thrum_enumerate_release(list.threads, list.count);
    }
    return complete ? THRUM_OK : THRUM_NO_MEMORY;
}

void thrum_enumerate_release(thrum_thread **threads, size_t count) {
    for (size_t i = 0; i < count; i++) thrum_thread_release(threads[i]);
    free(threads);
}

thrum_result thrum_stack_size(size_t size, size_t *old) {
    if (size != 0 && size < THRUM_STACK_MIN) return THRUM_INVALID;
    const size_t before =
        (size_t)thrum_u64_exchange_relaxed(&default_stack, size); /* relaxed: a number and no more */
    if (old) *old = before;
    return THRUM_OK;
}

size_t thrum_registry_default_stack_(void) {
    return (size_t)thrum_u64_load_relaxed(&default_stack); /* relaxed: as above */
}
