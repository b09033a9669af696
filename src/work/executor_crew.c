/* SPDX-License-Identifier: MIT */
/*
 * Floor 5. A worker is busy, or idle: then it searches, which one at a time does, or sleeps.
 *
 * executor.C1: jobs there and a worker asleep => `searching`, whenever the lock is free. A job is put under
 *     the lock. If no worker searches, its putter calls the top sleeper and makes it the searching one. A
 *     worker that finds a job stops searching: before it releases the lock it looks for more jobs, and if
 *     there are any, calls the next sleeper. A worker that stops searching in order to sleep has found no
 *     job, under the lock. So no order but the lock's is needed, and no job lies beside sleepers only.
 * executor.C2: more jobs than idle workers, and fewer workers than may be => one is started, unless the
 *     system has just refused one. Only a submit can bring that about: an idle worker takes a job and ceases
 *     to be idle in one hold of the lock, which makes both fewer by one; busy workers only make jobs fewer,
 *     or idle workers more. A worker that is being started counts as idle. So jobs that wait for each other
 *     get workers, while there are any to be had.
 * executor.C3: a worker that is called has `below` and `searches` set before, under the lock, by its
 *     caller, and no other thread calls it until it sleeps again.
 * executor.C4: a worker leaves when the crew is closed and, under the lock, there is no job. None comes after
 *     that.
 */
#include "../atomic/law.h"
#include "executor_crew.h"

#include "../atomic/tell.h"

#include <thrum/park.h>

/* The top sleeper, which will search. While the lock is held, and somebody sleeps. */
static thrum_executor_hand_ *call_top(thrum_executor_crew_ *crew) {
    thrum_executor_hand_ *const hand = crew->asleep;
    crew->asleep = hand->below;
    hand->searches = crew->searching = true; /* executor.C3 */
    return hand;
}

/* executor.C1. Whom to wake; NULL: nobody. While the lock is held. */
static thrum_executor_hand_ *call_if_needed(thrum_executor_crew_ *crew) {
    if (!crew->asleep || crew->searching || !thrum_executor_jobs_count_(&crew->jobs)) return NULL;
    return call_top(crew);
}

static bool is_seen_to(const thrum_executor_crew_ *crew) {
    return !crew->asleep || crew->searching || !thrum_executor_jobs_count_(&crew->jobs);
}

static bool is_closed(const thrum_executor_crew_ *crew) {
    return thrum_u32_load_relaxed(&crew->refusal) != THRUM_OK;
}

/* executor.C2. Whether a worker is to be started, which then is counted. While the lock is held. */
static bool count_if_needed(thrum_executor_crew_ *crew) {
    if (thrum_u32_load_relaxed(&crew->workers) >= crew->most) return false;
    if (thrum_executor_jobs_count_(&crew->jobs) <= crew->idle) return false;
    if (!thrum_deadline_passed(crew->not_before)) return false;
    thrum_executor_crew_count_(crew);
    return true;
}

void thrum_executor_crew_count_(thrum_executor_crew_ *crew) {
    thrum_u32_store_relaxed(&crew->workers, thrum_u32_load_relaxed(&crew->workers) + 1);
    crew->idle++;
}

void thrum_executor_crew_discount_(thrum_executor_crew_ *crew) {
    thrum_u32_store_relaxed(&crew->workers, thrum_u32_load_relaxed(&crew->workers) - 1);
    crew->idle--;
}

/* The lock is held, and released. */
static void leave(thrum_executor_crew_ *crew) {
    thrum_executor_crew_discount_(crew);
    const bool last = thrum_u32_load_relaxed(&crew->workers) == 0 && is_closed(crew);
    thrum_lock_release(&crew->lock);
    if (last) thrum_event_set(&crew->ended);
}

void thrum_executor_crew_leave_(thrum_executor_crew_ *crew, const thrum_executor_hand_ *hand) {
    thrum_lock_acquire(&crew->lock);
    if (hand && !hand->idle) crew->idle++;
    leave(crew);
}

thrum_result thrum_executor_crew_submit_(thrum_executor_crew_ *crew, const thrum_executor_job_ *job,
                                         thrum_executor_orders_ *orders) {
    const thrum_result refusal = (thrum_result)thrum_u32_load_relaxed(&crew->refusal);
    if (refusal != THRUM_OK) return refusal;
    if (!thrum_executor_jobs_put_(&crew->jobs, job)) return THRUM_NO_MEMORY;
    *orders = (thrum_executor_orders_){call_if_needed(crew), count_if_needed(crew)};
    THRUM_LAW(executor.C1, is_seen_to(crew));
    return THRUM_OK;
}

/* Looks for a while whether a job has come. */
static void watch(thrum_executor_crew_ *crew) {
    thrum_park spin = thrum_park_spin(THRUM_PARK_SPIN_NS);
    while (!thrum_executor_jobs_count_(&crew->jobs) && thrum_park_again(&spin)) continue;
}

/* Sleeps until called. The lock is held, and released meanwhile. */
static void fall_asleep(thrum_executor_crew_ *crew, thrum_executor_hand_ *hand) {
    hand->searches = false;
    hand->below = crew->asleep;
    crew->asleep = hand;
    thrum_lock_release(&crew->lock);
    thrum_event_wait(&hand->called);
    thrum_event_clear(&hand->called); /* executor.C3: nobody sets it meanwhile */
    thrum_lock_acquire(&crew->lock);
    THRUM_LAW(executor.C3, hand->searches || is_closed(crew));
}

bool thrum_executor_crew_next_(thrum_executor_crew_ *crew, thrum_executor_hand_ *hand,
                               thrum_executor_job_ *job, thrum_executor_hand_ **wake) {
    *wake = NULL;
    if (!hand->idle && thrum_executor_jobs_take_(&crew->jobs, job)) return true;
    thrum_lock_acquire(&crew->lock);
    if (!hand->idle) crew->idle++;
    hand->idle = true;
    for (bool watched = false; !thrum_executor_jobs_take_(&crew->jobs, job);) {
        if (is_closed(crew)) { /* executor.C4 */
            if (hand->searches) crew->searching = false;
            THRUM_LAW(executor.C4, !thrum_executor_jobs_count_(&crew->jobs));
            leave(crew);
            return false;
        }
        if (!watched && (hand->searches || !crew->searching)) {
            hand->searches = crew->searching = true;
            thrum_lock_release(&crew->lock);
            watch(crew);
            thrum_lock_acquire(&crew->lock);
            watched = true;
        } else {
            if (hand->searches) crew->searching = false; /* executor.C1: there was no job */
            fall_asleep(crew, hand);
            watched = false;
        }
    }
    if (hand->searches) crew->searching = false;
    hand->searches = hand->idle = false;
    crew->idle--;
    *wake = call_if_needed(crew); /* executor.C1 */
    THRUM_LAW(executor.C1, is_seen_to(crew));
    thrum_lock_release(&crew->lock);
    return true;
}

void thrum_executor_crew_close_(thrum_executor_crew_ *crew, thrum_result refusal) {
    thrum_lock_acquire(&crew->lock);
    const bool first = thrum_u32_load_relaxed(&crew->refusal) == THRUM_OK;
    if (first) thrum_u32_store_relaxed(&crew->refusal, (uint32_t)refusal);
    thrum_executor_hand_ *asleep = crew->asleep;
    crew->asleep = NULL;
    const bool ended = first && thrum_u32_load_relaxed(&crew->workers) == 0;
    thrum_lock_release(&crew->lock);
    while (asleep) {
        thrum_executor_hand_ *const hand = asleep;
        asleep = hand->below;
        thrum_event_set(&hand->called);
    }
    if (ended) thrum_event_set(&crew->ended);
}
