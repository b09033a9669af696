/* SPDX-License-Identifier: MIT */
/*
 * What ThreadSanitizer says of a program of the checked build (checked_tsan_test.sh): it is to report an
 * order that may deadlock in each case of `wrong`, a race in each of `raced`, and nothing in each of `right`.
 * two_orders lists the cases, two_orders CASE runs one.
 */
#include <thrum/checked.h>
#include <thrum/with.h>

#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct {
    thrum_lock lock, other_lock;
    thrum_spinlock spinlock, other_spinlock;
    thrum_rlock rlock, other_rlock;
    thrum_rwlock rwlock, other_rwlock;
    thrum_monitor monitor;
    int count;
    bool told; /* guarded by `monitor` */
} s;

typedef void function(void);

static void *call(void *run) {
    (*(function **)run)();
    return NULL;
}

/* In a thread of its own, to its end. */
static void in_a_thread(function *run) {
    pthread_t thread;
    if (pthread_create(&thread, NULL, call, &run) == 0) (void)pthread_join(thread, NULL);
}

#define TAKES(name, take, let_go, take_other, let_go_other) \
    static void name(void) {                                \
        (void)(take);                                       \
        (void)(take_other);                                 \
        (void)(let_go_other);                               \
        (void)(let_go);                                     \
    }
#define BOTH(name, take, let_go, take_other, let_go_other)         \
    TAKES(name##_there, take, let_go, take_other, let_go_other)    \
    TAKES(name##_and_back, take_other, let_go_other, take, let_go) \
    static void name(void) {                                       \
        in_a_thread(name##_there);                                 \
        in_a_thread(name##_and_back);                              \
    }
#define ACQUIRE(kind, object) thrum_##kind##_acquire(&s.object), thrum_##kind##_release(&s.object)
#define ACQUIRE_TO(side, object) \
    thrum_rwlock_acquire_##side(&s.object), thrum_rwlock_release_##side(&s.object)
#define PAIR(name, first, second) PAIR_(name, first, second)
#define PAIR_(...) BOTH(__VA_ARGS__)

PAIR(locks, ACQUIRE(lock, lock), ACQUIRE(lock, other_lock))
PAIR(spinlocks, ACQUIRE(spinlock, spinlock), ACQUIRE(spinlock, other_spinlock))
PAIR(rlocks, ACQUIRE(rlock, rlock), ACQUIRE(rlock, other_rlock))
PAIR(writers, ACQUIRE_TO(write, rwlock), ACQUIRE_TO(write, other_rwlock))
PAIR(readers, ACQUIRE_TO(read, rwlock), ACQUIRE_TO(read, other_rwlock))
PAIR(a_lock_and_a_reader, ACQUIRE(lock, lock), ACQUIRE_TO(read, rwlock))
PAIR(a_monitor_and_an_rlock, ACQUIRE(monitor, monitor), ACQUIRE(rlock, rlock))

static void deep_rlock_first(void) {
    (void)thrum_rlock_acquire(&s.rlock);
    (void)thrum_rlock_acquire(&s.rlock);
    (void)thrum_rlock_release(&s.rlock);
    locks_there();
    (void)thrum_rlock_release(&s.rlock);
}

static void rlock_within(void) {
    THRUM_WITH(&s.other_lock)
        THRUM_WITH(&s.rlock) continue;
}

static void an_rlock_that_was_deeper(void) {
    in_a_thread(deep_rlock_first);
    in_a_thread(rlock_within);
}

static void lowered_first(void) {
    thrum_rwlock_acquire_write(&s.rwlock);
    (void)thrum_rwlock_downgrade(&s.rwlock);
    thrum_lock_acquire(&s.lock);
    thrum_lock_release(&s.lock);
    (void)thrum_rwlock_release_read(&s.rwlock);
}

static void a_writer_that_became_a_reader(void) {
    in_a_thread(lowered_first);
    in_a_thread(a_lock_and_a_reader_there);
}

/* Each of its threads holds a lock, but not the same one. Neither ends before both have counted. */
static pthread_barrier_t counted;

static void count_with_one(void) {
    THRUM_WITH(&s.lock) s.count++;
    (void)pthread_barrier_wait(&counted);
}

static void count_with_the_other(void) {
    thrum_rwlock_acquire_read(&s.rwlock);
    s.count++;
    (void)thrum_rwlock_release_read(&s.rwlock);
    (void)pthread_barrier_wait(&counted);
}

static void a_race(void) {
    pthread_t threads[2];
    function *runs[2] = {count_with_one, count_with_the_other};
    (void)pthread_barrier_init(&counted, NULL, 2);
    for (int i = 0; i < 2; i++)
        if (pthread_create(&threads[i], NULL, call, &runs[i]) != 0) return;
    for (int i = 0; i < 2; i++) (void)pthread_join(threads[i], NULL);
}

static void made_again_while_held(void);

/* The main thread has said meanwhile that it does not hold the lock. */
static void locks_after_one_was_made_again(void) {
    made_again_while_held();
    thrum_lock_acquire(&s.other_lock);
    thrum_lock_release(&s.other_lock);
    locks();
}

/* ---- right ---- */

static void one_order(void) {
    in_a_thread(locks_there);
    in_a_thread(locks_there);
    in_a_thread(a_lock_and_a_reader_there);
}

static void back_by_a_try(void) {
    thrum_lock_acquire(&s.other_lock);
    if (thrum_lock_try_acquire(&s.lock)) thrum_lock_release(&s.lock);
    if (thrum_lock_acquire_until(&s.lock, thrum_after_ms(1)) == THRUM_OK) thrum_lock_release(&s.lock);
    thrum_lock_release(&s.other_lock);
}

static void a_try_and_a_deadline(void) {
    in_a_thread(back_by_a_try);
    in_a_thread(locks_there);
    in_a_thread(back_by_a_try);
}

/* Begins with the lock that another thread has acquired. */
static void released_there(void) {
    thrum_lock_release(&s.lock);
    rlocks_there();
}

static void handed_over(void) {
    thrum_lock_acquire(&s.lock);
    in_a_thread(released_there);
    thrum_lock_acquire(&s.other_lock); /* s.lock is held no more: no order of the two */
    thrum_lock_release(&s.other_lock);
    in_a_thread(locks_and_back);
    in_a_thread(locks_there);
}

static void a_writer_lowered(void) {
    in_a_thread(lowered_first);
    in_a_thread(lowered_first);
}

static void make_again(void) {
    thrum_lock_init(&s.lock);
    locks_there();
}

/* While the main thread holds it. */
static void made_again_while_held(void) {
    thrum_lock_acquire(&s.lock);
    in_a_thread(make_again);
    in_a_thread(locks_there);
}

static void made_again(void) {
    in_a_thread(locks_there);
    thrum_lock_init(&s.lock);
    in_a_thread(locks_and_back);
    thrum_checked_gone(&s.lock, sizeof s.lock);
    in_a_thread(locks_there);
}

static void tell(void) {
    THRUM_WITH(&s.monitor) {
        s.told = true;
        (void)thrum_monitor_notify(&s.monitor, 1);
    }
}

static void awaited(void) {
    pthread_t thread;
    function *run = tell;
    THRUM_WITH(&s.monitor) {
        if (pthread_create(&thread, NULL, call, &run) != 0) return;
        while (!s.told) (void)thrum_monitor_wait(&s.monitor);
    }
    (void)pthread_join(thread, NULL);
    in_a_thread(a_monitor_and_an_rlock_there);
}

static void lock_held_over_the_fork(void) {
    thrum_lock_reset_after_fork(&s.lock);
    locks_there();
    in_a_thread(locks_there);
}

/* The child resets what its own thread and what another one held. */
static void reset_after_a_fork(void) {
    thrum_lock_acquire(&s.lock);
    const pid_t child = fork();
    if (child == 0) {
        lock_held_over_the_fork();
        _exit(0);
    }
    int status = 1;
    (void)waitpid(child, &status, 0);
    thrum_lock_release(&s.lock);
    if (status) (void)printf("the child has failed\n");
}

#define CASE(name) {#name, name}
static const struct a_case {
    const char *name;
    function *run;
} wrong[] = {CASE(locks),
             CASE(spinlocks),
             CASE(rlocks),
             CASE(writers),
             CASE(readers),
             CASE(a_lock_and_a_reader),
             CASE(a_monitor_and_an_rlock),
             CASE(an_rlock_that_was_deeper),
             CASE(a_writer_that_became_a_reader),
             CASE(locks_after_one_was_made_again)},
  raced[] = {CASE(a_race)}, right[] = {CASE(one_order),        CASE(a_try_and_a_deadline),  CASE(handed_over),
                                       CASE(a_writer_lowered), CASE(made_again_while_held), CASE(made_again),
                                       CASE(awaited),          CASE(reset_after_a_fork)};

static void on_each(const char *kind, const struct a_case *cases, size_t count, const char *name) {
    for (const struct a_case *c = cases; c < cases + count; c++) {
        if (!name) (void)printf("%s %s\n", kind, c->name);
        if (name && !strcmp(c->name, name)) c->run();
    }
}

static void say_nothing(const thrum_checked_report *report, void *unused) {
    (void)report, (void)unused;
}

int main(int count, char **arguments) {
    const char *const name = count > 1 ? arguments[1] : NULL;
    thrum_checked_report_to(say_nothing, NULL); /* the sanitizer is asked */
    on_each("wrong", wrong, sizeof wrong / sizeof *wrong, name);
    on_each("raced", raced, sizeof raced / sizeof *raced, name);
    on_each("right", right, sizeof right / sizeof *right, name);
    return 0;
}
