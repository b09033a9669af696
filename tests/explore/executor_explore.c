/* SPDX-License-Identifier: MIT */
/*
 * The executor's crew and its list of jobs: no job lies beside workers that sleep, each runs once, and jobs
 * that wait for each other get workers. Threads are not started here: a worker's fiber waits until somebody
 * is ordered to start it.
 */
#include "explore.h"

#include "executor_crew.h"

#include <thrum/latch.h>

enum { MOST_WORKERS = 3, JOBS = 4, BLOCKS = JOBS + 2 };

static struct {
    thrum_executor_crew_ crew;
    thrum_executor_block_ blocks[BLOCKS];
    thrum_u32 blocks_used;
    thrum_executor_hand_ hands[MOST_WORKERS];
    thrum_event started[MOST_WORKERS];
    thrum_u32 starts; /* ordered so far, those of the beginning too */
    thrum_u32 submitters;
    unsigned submits; /* how many submitters there are */
    thrum_event go[JOBS];
    thrum_latch left; /* jobs that have not run yet */
    int page[JOBS];   /* plain: written before the submit, read in the job */
    int ran[JOBS];
} s;

/* ---- in place of executor_blocks.c: memory that is undone between executions ---- */

thrum_executor_block_ *thrum_executor_block_get_(thrum_u64 *spare) {
    thrum_executor_block_ *block = (thrum_executor_block_ *)(uintptr_t)thrum_u64_exchange_acq_rel(spare, 0);
    if (!block) block = &s.blocks[thrum_u32_fetch_add_relaxed(&s.blocks_used, 1)];
    thrum_u64_store_relaxed(&block->next, 0);
    thrum_u32_store_relaxed(&block->filled, 0);
    return block;
}

void thrum_executor_block_give_(thrum_u64 *spare, thrum_executor_block_ *block) {
    (void)thrum_u64_exchange_acq_rel(spare, (uint64_t)(uintptr_t)block);
}

/* ---- what threads do ---- */

static void start_one(void) {
    const uint32_t next = thrum_u32_fetch_add_relaxed(&s.starts, 1);
    REQUIRE(next < s.crew.most);
    s.hands[next].idle = true;
    thrum_event_set(&s.started[next]);
}

static void obey(const thrum_executor_orders_ *orders) {
    if (orders->wake) thrum_event_set(&orders->wake->called);
    if (orders->start) start_one();
}

/* A job notes that it ran, wakes those that its number says, and may wait itself. */
static int note(void *page, void **unused) {
    (void)unused;
    const int number = (int)((const int *)page - s.page);
    REQUIRE(s.page[number] == number + 1);
    s.ran[number]++;
    thrum_latch_count_down(&s.left);
    return number;
}
static int note_and_let_go(void *page, void **unused) {
    thrum_event_set(&s.go[note(page, unused) - 1]); /* the one before it */
    return 0;
}
static int note_and_wait(void *page, void **unused) {
    thrum_event_wait(&s.go[note(page, unused)]); /* for the one after it */
    return 0;
}
static int note_wait_and_let_go(void *page, void **unused) {
    const int number = note(page, unused);
    thrum_event_wait(&s.go[number]);
    thrum_event_set(&s.go[number - 1]);
    return 0;
}

static void submit(int number, thrum_job *job) {
    const thrum_executor_job_ handed = {job, &s.page[number]};
    thrum_executor_orders_ orders;
    s.page[number] = number + 1;
    thrum_lock_acquire(&s.crew.lock);
    const thrum_result result = thrum_executor_crew_submit_(&s.crew, &handed, &orders);
    thrum_lock_release(&s.crew.lock);
    REQUIRE(result == THRUM_OK);
    obey(&orders);
}

static void work(unsigned number) {
    thrum_executor_hand_ *const hand = &s.hands[number];
    thrum_event_wait(&s.started[number]);
    if (!hand->idle) return; /* it was never needed */
    thrum_executor_job_ job;
    thrum_executor_hand_ *sleeper;
    while (thrum_executor_crew_next_(&s.crew, hand, &job, &sleeper)) {
        if (sleeper) thrum_event_set(&sleeper->called);
        (void)job.job(job.argument, NULL);
    }
}

/*
 * The last submitter closes, and lets those go that were never started. Only when all jobs have run: a close
 * wakes everybody, and would make up for a wake that was lost.
 */
static void close_when_all_have_run(void) {
    if (thrum_u32_fetch_add_acq_rel(&s.submitters, 1) + 1 < s.submits) return;
    thrum_latch_wait(&s.left);
    thrum_executor_crew_close_(&s.crew, THRUM_CLOSED);
    thrum_event_wait(&s.crew.ended);
    REQUIRE(thrum_u32_load_relaxed(&s.crew.workers) == 0);
    for (unsigned i = thrum_u32_load_relaxed(&s.starts); i < s.crew.most; i++) thrum_event_set(&s.started[i]);
}

static void begin(unsigned most, unsigned started, unsigned submits, unsigned jobs) {
    explore_name(&s.crew.jobs.puts, 8, "puts");
    explore_name(&s.crew.jobs.takes, 8, "takes");
    explore_name(&s.crew.lock, 4, "the crew's lock");
    explore_name(&s.crew.jobs.taking, 4, "the takers' lock");
    explore_name(&s.crew.ended, 4, "ended");
    for (unsigned i = 0; i < MOST_WORKERS; i++) explore_name(&s.hands[i].called, 4, "called");
    REQUIRE(thrum_executor_jobs_init_(&s.crew.jobs));
    s.crew.most = most;
    s.submits = submits;
    s.left = (thrum_latch)THRUM_LATCH_INIT(jobs);
    for (unsigned i = 0; i < started; i++) {
        thrum_executor_crew_count_(&s.crew);
        start_one();
    }
}

static void all_ran_once(int jobs) {
    for (int i = 0; i < JOBS; i++) REQUIRE(s.ran[i] == (i < jobs));
    REQUIRE(thrum_event_is_set(&s.crew.ended));
    REQUIRE(thrum_u32_load_relaxed(&s.crew.workers) == 0 && s.crew.idle == 0);
    REQUIRE(s.crew.asleep == NULL);
    REQUIRE(thrum_executor_jobs_count_(&s.crew.jobs) == 0);
}

/* --- everything runs ------------------------------------------------------------------------------- */

static void one_worker(void) {
    begin(1, 1, 1, 2);
}
static void two_jobs(unsigned me) {
    if (me == 0) {
        work(0);
    } else {
        submit(0, note);
        submit(1, note);
        close_when_all_have_run();
    }
}
static void two_ran_once(void) {
    all_ran_once(2);
}
EXPLORE(one_worker_does_what_one_submits, .threads = 2, .begin = one_worker, .thread = two_jobs,
        .end = two_ran_once, .bounds = {2, 0, 0, 0})

/* Three: the blocks of the first are used again. */
static void one_worker_three_jobs(void) {
    begin(1, 1, 1, 3);
}
static void three_jobs(unsigned me) {
    if (me == 0) {
        work(0);
    } else {
        for (int i = 0; i < 3; i++) submit(i, note);
        close_when_all_have_run();
    }
}
static void three_ran_once(void) {
    all_ran_once(3);
}
EXPLORE(one_worker_does_what_comes_in_blocks_used_again, .threads = 2, .begin = one_worker_three_jobs,
        .thread = three_jobs, .end = three_ran_once, .bounds = {2, 0, 0, 0})

static void two_jobs_are_counted(unsigned me) {
    if (me < 2)
        two_jobs(me);
    else
        REQUIRE(thrum_executor_jobs_count_(&s.crew.jobs) <= 2);
}
EXPLORE(nobody_counts_more_jobs_than_there_are, .threads = 3, .begin = one_worker,
        .thread = two_jobs_are_counted, .end = two_ran_once, .bounds = {1, 1, 0, 0})

/* The close comes first. */
static void two_jobs_and_a_close(unsigned me) {
    if (me == 0) {
        work(0);
    } else {
        submit(0, note);
        submit(1, note);
        thrum_executor_crew_close_(&s.crew, THRUM_CLOSED);
    }
}
EXPLORE(a_worker_leaves_no_job_behind, .threads = 2, .begin = one_worker, .thread = two_jobs_and_a_close,
        .end = two_ran_once, .bounds = {3, 0, 0, 0})

static void two_workers_three_jobs(void) {
    begin(2, 2, 1, 3);
}
static void two_work_one_submits(unsigned me) {
    if (me < 2) {
        work(me);
    } else {
        submit(0, note);
        submit(1, note);
        submit(2, note);
        close_when_all_have_run();
    }
}
EXPLORE(two_workers_do_what_one_submits, .threads = 3, .begin = two_workers_three_jobs,
        .thread = two_work_one_submits, .end = three_ran_once, .bounds = {2, 0, 0, 0})

static void two_workers_two_submitters(void) {
    begin(2, 2, 2, 2);
}
static void two_work_two_submit(unsigned me) {
    if (me < 2) {
        work(me);
    } else {
        submit((int)me - 2, note);
        close_when_all_have_run();
    }
}
EXPLORE(two_workers_do_what_two_submit, .threads = 4, .begin = two_workers_two_submitters,
        .thread = two_work_two_submit, .end = two_ran_once, .bounds = {1, 0, 0, 0})

/* --- jobs that wait for each other ----------------------------------------------------------------- */

/* Both are needed at once: a job that lies beside a sleeper hangs the other. */
static void two_workers(void) {
    begin(2, 2, 1, 2);
}
static void two_work_on_what_waits(unsigned me) {
    if (me < 2) {
        work(me);
    } else {
        submit(0, note_and_wait);
        submit(1, note_and_let_go);
        close_when_all_have_run();
    }
}
EXPLORE(a_sleeper_is_woken_for_the_job_that_another_waits_for, .threads = 3, .begin = two_workers,
        .thread = two_work_on_what_waits, .end = two_ran_once, .bounds = {2, 0, 0, 0})

static void three_workers(void) {
    begin(3, 3, 1, 3);
}
static void three_work_on_what_waits(unsigned me) {
    if (me < 3) {
        work(me);
    } else {
        submit(0, note_and_wait);
        submit(1, note_wait_and_let_go);
        submit(2, note_and_let_go);
        close_when_all_have_run();
    }
}
EXPLORE(a_woken_worker_wakes_the_next, .threads = 4, .begin = three_workers,
        .thread = three_work_on_what_waits, .end = three_ran_once, .bounds = {1, 0, 0, 0})

/* The other worker is started only when it is needed, and then it is. */
static void one_of_two_workers(void) {
    begin(2, 1, 1, 2);
}
EXPLORE(a_worker_is_started_for_the_job_that_another_waits_for, .threads = 3, .begin = one_of_two_workers,
        .thread = two_work_on_what_waits, .end = two_ran_once, .bounds = {2, 0, 0, 0})

static void one_of_three_workers(void) {
    begin(3, 1, 1, 3);
}
EXPLORE(workers_are_started_for_each_job_that_waits, .threads = 4, .begin = one_of_three_workers,
        .thread = three_work_on_what_waits, .end = three_ran_once, .bounds = {1, 0, 0, 0})

static void one_of_two_workers_two_submitters(void) {
    begin(2, 1, 2, 2);
}
static void two_submit_what_waits(unsigned me) {
    if (me < 2) {
        work(me);
    } else {
        if (me == 2)
            submit(0, note_and_wait);
        else
            submit(1, note_and_let_go);
        close_when_all_have_run();
    }
}
EXPLORE(a_worker_is_started_whichever_thread_submits_what_another_waits_for, .threads = 4,
        .begin = one_of_two_workers_two_submitters, .thread = two_submit_what_waits, .end = two_ran_once,
        .bounds = {1, 1, 0, 0})

/* --- the end ---------------------------------------------------------------------------------------- */

static int taken_away;

/* The canceller takes jobs beside the workers; each goes to one of them. */
static void one_cancels(unsigned me) {
    if (me < 2) {
        work(me);
        return;
    }
    submit(0, note);
    submit(1, note);
    thrum_executor_crew_close_(&s.crew, THRUM_CLOSED);
    thrum_executor_job_ job;
    while (thrum_executor_jobs_take_(&s.crew.jobs, &job)) taken_away++;
    thrum_event_wait(&s.crew.ended);
    REQUIRE(s.ran[0] + s.ran[1] + taken_away == 2);
    s.ran[0] = s.ran[1] = 1;
}
EXPLORE(a_pending_job_is_run_or_cancelled, .threads = 3, .begin = two_workers, .thread = one_cancels,
        .end = two_ran_once, .bounds = {2, 0, 0, 0})
