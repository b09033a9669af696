/* SPDX-License-Identifier: MIT */
/* The reports of the checked build, each by a program made to deserve it; and what deserves none. */
#include "test.h"

#include <thrum/checked.h>
#include <thrum/event.h>
#include <thrum/rcu.h>
#include <thrum/thread.h>
#include <thrum/with.h>

#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NONE = -1 };

/* ---- what has been told ---- */

static struct {
    unsigned count;
    thrum_checked_kind kind;
    char text[8192];
} told;

static void hear(const thrum_checked_report *report, void *argument) {
    (void)argument;
    told.count++;
    told.kind = report->kind;
    (void)snprintf(told.text, sizeof told.text, "%s", report->text);
}

static void begin_to_hear(void) {
    told.count = 0;
    told.text[0] = 0;
    thrum_checked_report_to(hear, NULL);
}

static bool says(const char *words) {
    return strstr(told.text, words) != NULL;
}

static void check_told(int kind, const char *words) {
    if (kind == NONE) {
        if (told.count) test_fail(__FILE__, __LINE__, told.text);
        return;
    }
    CHECK_EQ(told.count, 1);
    CHECK_EQ(told.kind, kind);
    if (!says(words)) test_fail(words, __LINE__, told.text);
}

/* For what is a deadlock: the child is ended by its first report, which the parent reads. */
static void hear_from_child(void (*deadlocks)(void)) {
    int ends[2];
    CHECK(pipe(ends) == 0);
    const pid_t child = fork();
    if (child == 0) {
        (void)dup2(ends[1], STDERR_FILENO);
        thrum_checked_report_to(NULL, NULL);
        thrum_checked_abort(true);
        deadlocks();
        _exit(0);
    }
    close(ends[1]);
    size_t length = 0;
    for (ssize_t got; (got = read(ends[0], told.text + length, sizeof told.text - 1 - length)) > 0;)
        length += (size_t)got;
    told.text[length] = 0;
    close(ends[0]);
    int status;
    CHECK(waitpid(child, &status, 0) == child);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT) test_fail("no report:", status, told.text);
}

/* ---- every pair of ways to acquire ---- */

typedef union any {
    thrum_lock lock;
    thrum_rlock rlock;
    thrum_rwlock rwlock;
} any;

enum way { LOCK, RLOCK, READ, WRITE, TRY, TIMED, WAYS };

static bool acquire(any *object, enum way way) {
    switch (way) {
    case LOCK:
        thrum_lock_acquire(&object->lock);
        return true;
    case RLOCK:
        return thrum_rlock_acquire(&object->rlock) == THRUM_OK;
    case READ:
        thrum_rwlock_acquire_read(&object->rwlock);
        return true;
    case WRITE:
        thrum_rwlock_acquire_write(&object->rwlock);
        return true;
    case TRY:
        return thrum_lock_try_acquire(&object->lock);
    case TIMED:
        return thrum_lock_acquire_until(&object->lock, thrum_after_ms(1)) == THRUM_OK;
    case WAYS:
        break;
    }
    return false;
}

static void release(any *object, enum way way) {
    if (way == RLOCK)
        (void)thrum_rlock_release(&object->rlock);
    else if (way == READ)
        (void)thrum_rwlock_release_read(&object->rwlock);
    else if (way == WRITE)
        (void)thrum_rwlock_release_write(&object->rwlock);
    else
        (void)thrum_lock_release(&object->lock);
}

static struct pair {
    any a, b;
    enum way first, second;
} pairs[WAYS][WAYS];

static void *nest(void *argument) {
    struct pair *const pair = argument;
    CHECK(acquire(&pair->a, pair->first) && acquire(&pair->b, pair->second));
    release(&pair->b, pair->second);
    release(&pair->a, pair->first);
    return NULL;
}

static void *nest_the_other_way(void *argument) {
    struct pair *const pair = argument;
    CHECK(acquire(&pair->b, pair->first) && acquire(&pair->a, pair->second));
    release(&pair->a, pair->second);
    release(&pair->b, pair->first);
    return NULL;
}

static void run(void *(*function)(void *), void *argument) {
    test_thread thread = test_start(function, argument);
    test_join(&thread);
}

/*
 * An object is used in two ways here: one of each kind would be a rwlock by one thread and a lock by the
 * other.
 */
static bool can_be_one(enum way first, enum way second) {
    static const int kinds[WAYS] = {0, 1, 2, 2, 0, 0};
    return kinds[first] == kinds[second];
}

TEST(of_two_threads_each_pair_that_waits_in_two_orders_is_told_and_no_other) {
    for (enum way first = LOCK; first < WAYS; first++) {
        for (enum way second = LOCK; second < WAYS; second++) {
            if (!can_be_one(first, second)) continue;
            struct pair *const pair = &pairs[first][second];
            pair->first = first;
            pair->second = second;
            begin_to_hear();
            run(nest, pair);
            check_told(NONE, "");
            run(nest_the_other_way, pair);
            const bool gives_up = second == TRY || second == TIMED;
            check_told(gives_up ? NONE : (int)THRUM_CHECKED_INVERSION, "an order that may deadlock");
        }
    }
}

/* A pair of kinds that differ: each thread holds one and acquires the other. */
static any mixed[WAYS][WAYS][2];

static void *hold_then(void *argument) {
    struct pair *const pair = argument;
    any *const objects = mixed[pair->first][pair->second];
    CHECK(acquire(&objects[0], pair->first) && acquire(&objects[1], pair->second));
    release(&objects[1], pair->second);
    release(&objects[0], pair->first);
    return NULL;
}

static void *hold_then_back(void *argument) {
    struct pair *const pair = argument;
    any *const objects = mixed[pair->first][pair->second];
    CHECK(acquire(&objects[1], pair->second) && acquire(&objects[0], pair->first));
    release(&objects[0], pair->first);
    release(&objects[1], pair->second);
    return NULL;
}

TEST(of_two_threads_two_kinds_in_two_orders_are_told_where_both_wait) {
    for (enum way first = LOCK; first < WAYS; first++) {
        for (enum way second = LOCK; second < WAYS; second++) {
            struct pair pair = {.first = first, .second = second};
            begin_to_hear();
            run(hold_then, &pair);
            run(hold_then_back, &pair);
            const bool gives_up = first >= TRY || second >= TRY;
            check_told(gives_up ? NONE : (int)THRUM_CHECKED_INVERSION, "  and acquires\n");
        }
    }
}

static any twice;
static enum way first_way, second_way;

static void acquire_twice(void) {
    CHECK(acquire(&twice, first_way));
    (void)acquire(&twice, second_way);
}

/* NULL: no report; it returns. */
static const char *expected_of_one_thread(enum way first, enum way second) {
    if (second == TRY || second == TIMED || second == RLOCK) return NULL;
    if (first == READ && second == READ) return "may wait for itself: it reads what it reads";
    if (first == READ && second == WRITE) return "waits for itself: it makes a read a write";
    return first == WRITE ? "waits for itself: it acquires what it holds" : "unless another thread releases";
}

TEST(of_one_thread_each_pair_that_waits_for_itself_is_told_and_no_other) {
    for (first_way = LOCK; first_way < WAYS; first_way++) {
        for (second_way = LOCK; second_way < WAYS; second_way++) {
            if (!can_be_one(first_way, second_way)) continue;
            memset(&twice, 0, sizeof twice);
            const char *const expected = expected_of_one_thread(first_way, second_way);
            if (expected) {
                hear_from_child(acquire_twice);
                if (!says(expected)) test_fail(expected, (int)second_way, told.text);
            } else {
                begin_to_hear();
                const bool gets = acquire(&twice, first_way) && acquire(&twice, second_way);
                check_told(NONE, "");
                if (gets) release(&twice, second_way);
                release(&twice, first_way);
                thrum_checked_gone(&twice, sizeof twice);
            }
        }
    }
}

/* ---- classes ---- */

static thrum_lock accounts[3], journals[2];

TEST(an_order_of_classes_is_told_for_other_objects_of_the_same_classes) {
    for (int i = 0; i < 3; i++) thrum_checked_class(&accounts[i], "account");
    for (int i = 0; i < 2; i++) thrum_checked_class(&journals[i], "journal");
    begin_to_hear();
    THRUM_WITH(&accounts[0])
        THRUM_WITH(&journals[0]) continue;
    THRUM_WITH(&accounts[0])
        THRUM_WITH(&accounts[1]) continue;
    check_told(NONE, "");
    THRUM_WITH(&journals[1])
        THRUM_WITH(&accounts[2]) continue;
    check_told(THRUM_CHECKED_INVERSION, "of class \"journal\"");
    CHECK(says("of class \"account\"") && says("before, thread "));
}

TEST(objects_of_one_class_have_an_order_of_their_own) {
    for (int i = 0; i < 3; i++) thrum_lock_init(&accounts[i]);
    begin_to_hear();
    THRUM_WITH(&accounts[0])
        THRUM_WITH(&accounts[1]) continue;
    THRUM_WITH(&accounts[1])
        THRUM_WITH(&accounts[2]) continue;
    check_told(NONE, "");
    THRUM_WITH(&accounts[2])
        THRUM_WITH(&accounts[0]) continue;
    check_told(THRUM_CHECKED_INVERSION, "made at");
}

TEST(an_inversion_is_told_once) {
    begin_to_hear();
    for (int i = 0; i < 3; i++) {
        THRUM_WITH(&accounts[0])
            THRUM_WITH(&accounts[1]) continue;
        THRUM_WITH(&accounts[1])
            THRUM_WITH(&accounts[0]) continue;
    }
    check_told(THRUM_CHECKED_INVERSION, "an order that may deadlock");
}

/* ---- circles ---- */

static thrum_lock left, right;

static void *left_behind_right(void *unused) {
    thrum_lock_acquire(&right);
    thrum_lock_acquire(&left);
    return unused;
}

static void deadlock_of_two(void) {
    thrum_checked_leave_out(THRUM_CHECKED_INVERSION);
    thrum_lock_acquire(&left);
    const test_thread other = test_start(left_behind_right, NULL);
    test_await_asleep(&other);
    thrum_lock_acquire(&right);
}

TEST(two_threads_that_wait_for_each_other_are_told_with_what_they_hold) {
    hear_from_child(deadlock_of_two);
    CHECK(says("thrum: a deadlock of 2 threads\n"));
    const char *const waits = strstr(told.text, " waits for\n    lock 0x");
    CHECK(waits && strstr(waits + 1, " waits for\n    lock 0x") && says(" holds\n    lock 0x"));
}

static thrum_result acquire_left(thrum_thread *unused) {
    (void)unused;
    thrum_lock_acquire(&left);
    return THRUM_OK;
}

static void join_what_waits(void) {
    thrum_thread thread;
    const thrum_thread_config config = {.run = acquire_left, .daemon = THRUM_DAEMON_NO};
    thrum_lock_acquire(&left);
    CHECK(thrum_thread_init(&thread, &config) == THRUM_OK && thrum_thread_start(&thread) == THRUM_OK);
    (void)thrum_thread_join(&thread, NULL);
}

TEST(a_join_of_a_thread_that_waits_for_what_the_joiner_holds_is_a_circle) {
    hear_from_child(join_what_waits);
    CHECK(says("thrum: a deadlock of 2 threads\n") && says(" waits for the end of thread "));
}

static thrum_rwlock table;

static void *write_table(void *unused) {
    thrum_rwlock_acquire_write(&table);
    return unused;
}

static void read_behind_a_writer(void) {
    thrum_checked_leave_out(THRUM_CHECKED_AGAIN);
    thrum_rwlock_acquire_read(&table);
    const test_thread writer = test_start(write_table, NULL);
    test_await_asleep(&writer);
    while (thrum_rwlock_try_acquire_read(&table)) (void)thrum_rwlock_release_read(&table);
    thrum_rwlock_acquire_read(&table);
}

TEST(a_read_within_a_read_behind_a_writer_is_a_circle) {
    hear_from_child(read_behind_a_writer);
    CHECK(says("thrum: a deadlock of 2 threads\n") && says(", to write\n") && says(", to read\n"));
}

static thrum_event holds_right;

static void *patient(void *unused) {
    thrum_lock_acquire(&right);
    thrum_event_set(&holds_right);
    CHECK(thrum_lock_acquire_until(&left, thrum_after_ms(20)) == THRUM_TIMEOUT);
    (void)thrum_lock_release(&right);
    return unused;
}

TEST(a_circle_in_which_one_gives_up_is_none) {
    begin_to_hear();
    thrum_lock_acquire(&left);
    test_thread other = test_start(patient, NULL);
    (void)thrum_event_wait(&holds_right);
    thrum_lock_acquire(&right);
    (void)thrum_lock_release(&right);
    (void)thrum_lock_release(&left);
    test_join(&other);
    check_told(NONE, "");
}

/* ---- misuse ---- */

static thrum_cond changed = THRUM_COND_INIT(&left);

TEST(a_wait_on_a_condition_with_a_second_lock_is_told) {
    begin_to_hear();
    thrum_lock_acquire(&right);
    thrum_lock_acquire(&left);
    CHECK(thrum_cond_wait_until(&changed, THRUM_NOW) == THRUM_TIMEOUT);
    check_told(THRUM_CHECKED_SECOND_LOCK, "holds more than the condition's lock");
    begin_to_hear();
    (void)thrum_lock_release(&left);
    (void)thrum_lock_release(&right);
    check_told(NONE, "");
}

static int not_yet(void *unused) {
    (void)unused;
    return 0;
}

TEST(a_monitor_that_waits_holds_it_again_as_deep_as_before) {
    static thrum_monitor monitor;
    begin_to_hear();
    CHECK(thrum_monitor_acquire(&monitor) == THRUM_OK && thrum_monitor_acquire(&monitor) == THRUM_OK);
    CHECK(thrum_monitor_wait_for(&monitor, not_yet, NULL, THRUM_NOW) == THRUM_TIMEOUT);
    CHECK(thrum_monitor_release(&monitor) == THRUM_OK && thrum_monitor_release(&monitor) == THRUM_OK);
    check_told(NONE, "");
    CHECK(thrum_monitor_release(&monitor) == THRUM_NOT_OWNER);
    check_told(THRUM_CHECKED_NOT_HOLDER, "releases without holding");
}

static void *release_left(void *unused) {
    CHECK(thrum_lock_release(&left) == THRUM_OK);
    return unused;
}

TEST(a_release_and_a_notify_by_a_thread_that_does_not_hold_are_told) {
    begin_to_hear();
    CHECK(thrum_cond_notify(&changed, 1) == THRUM_NOT_LOCKED);
    check_told(THRUM_CHECKED_NOT_HOLDER, "which nobody holds");
    begin_to_hear();
    thrum_lock_acquire(&left);
    run(release_left, NULL);
    check_told(THRUM_CHECKED_NOT_HOLDER, " has held since\n");
    begin_to_hear();
    thrum_lock_acquire(&left); /* it is one that is handed over */
    run(release_left, NULL);
    check_told(NONE, "");
}

TEST(a_kind_of_report_can_be_left_out) {
    begin_to_hear();
    thrum_checked_leave_out(THRUM_CHECKED_NOT_HOLDER);
    CHECK(thrum_lock_release(&left) == THRUM_NOT_LOCKED);
    check_told(NONE, "");
}

TEST(what_is_held_and_goes_away_or_is_made_again_is_told) {
    thrum_lock lock = THRUM_LOCK_INIT;
    begin_to_hear();
    thrum_lock_acquire(&lock);
    thrum_checked_gone(&lock, sizeof lock);
    check_told(THRUM_CHECKED_GONE, "what is held goes away");
    begin_to_hear();
    thrum_lock_init(&lock);
    thrum_lock_acquire(&lock);
    thrum_lock_init(&lock);
    check_told(THRUM_CHECKED_GONE, "what is held is made again");
}

TEST(what_went_away_leaves_no_order_behind) {
    begin_to_hear();
    THRUM_WITH(&left)
        THRUM_WITH(&right) continue;
    thrum_checked_gone(&right, sizeof right);
    THRUM_WITH(&right)
        THRUM_WITH(&left) continue;
    check_told(NONE, "");
}

static void *keep_left(void *unused) {
    thrum_lock_acquire(&left);
    return unused;
}

TEST(what_a_thread_leaves_held_at_its_end_is_told) {
    begin_to_hear();
    run(keep_left, NULL);
    check_told(THRUM_CHECKED_LEFT, " has ended and left held\n");
}

static thrum_event go_on;

static void *hold_left(void *unused) {
    thrum_lock_acquire(&left);
    (void)thrum_event_wait(&go_on);
    (void)thrum_lock_release(&left);
    return unused;
}

static void acquire_what_was_lost(void) {
    thrum_lock_acquire(&left);
}

static void acquire_what_was_reset(void) {
    thrum_lock_reset_after_fork(&left);
    thrum_lock_acquire(&left);
    abort();
}

TEST(a_lock_that_another_thread_held_over_a_fork_is_told_where_it_is_waited_for) {
    test_thread holder = test_start(hold_left, NULL);
    while (!thrum_lock_locked(&left)) sched_yield();
    test_await_asleep(&holder);
    hear_from_child(acquire_what_was_lost);
    CHECK(says("that the fork did not take along\n"));
    hear_from_child(acquire_what_was_reset);
    CHECK(told.text[0] == 0);
    thrum_event_set(&go_on);
    test_join(&holder);
}

TEST(a_wait_in_a_read_section_is_told) {
    static thrum_event never;
    begin_to_hear();
    thrum_rcu_read_begin();
    while (!told.count) /* a deadline that has passed by the time of the look makes no wait */
        CHECK(thrum_event_wait_until(&never, thrum_after_ms(1)) == THRUM_TIMEOUT);
    check_told(THRUM_CHECKED_IN_SECTION, " waits for event in a read section\n");
    thrum_rcu_read_end();
    begin_to_hear();
    THRUM_WITH_RCU continue;
    CHECK(thrum_event_wait_until(&never, thrum_after_ms(1)) == THRUM_TIMEOUT);
    check_told(NONE, "");
}

static void synchronize_in_a_section(void) {
    thrum_rcu_read_begin();
    thrum_rcu_synchronize();
}

TEST(a_synchronize_in_a_read_section_is_told) {
    hear_from_child(synchronize_in_a_section);
    CHECK(says("waits for a grace period in a read section\n"));
}

/* ---- the check itself ---- */

static thrum_lock busy[8];

static void *shuffle(void *seed) {
    uint64_t state = test_seed() + (uint64_t)(uintptr_t)seed;
    for (int i = 0; i < 2000; i++) {
        const unsigned a = (unsigned)(test_random(&state) % 8), b = (unsigned)(test_random(&state) % 8);
        if (a >= b) continue;
        THRUM_WITH(&busy[a])
            THRUM_WITH(&busy[b]) continue;
    }
    return NULL;
}

TEST(many_threads_in_one_order_are_told_nothing) {
    test_thread threads[4];
    begin_to_hear();
    for (uintptr_t i = 0; i < 4; i++) threads[i] = test_start(shuffle, (void *)(i + 1));
    for (int i = 0; i < 4; i++) test_join(&threads[i]);
    check_told(NONE, "");
}
