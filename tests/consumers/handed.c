/* SPDX-License-Identifier: MIT */
/*
 * Plain data is handed from one thread to another by the slow path of an object. Built with
 * ThreadSanitizer and linked with the ordinary archive: TSan knows the slow path's order only by
 * what the inlined wrapper announces. Built with SILENT_ACQUIRE or SILENT_RELEASE, which take the
 * announcements away, it must report a race wherever a slow path makes them.
 */
#define _GNU_SOURCE
#include <thrum/atomic.h>
#ifdef SILENT_ACQUIRE
#undef THRUM_ANNOUNCE_ACQUIRE_
#define THRUM_ANNOUNCE_ACQUIRE_(object) ((void)(object))
#endif
#ifdef SILENT_RELEASE
#undef THRUM_ANNOUNCE_RELEASE_
#define THRUM_ANNOUNCE_RELEASE_(object) ((void)(object))
#endif
#include <pthread.h>
#include <sched.h>
#include <time.h>

#include <thrum.h>

#include "test.h"

enum { ROUNDS = 20, SPUN_NS = 2000000 };

static thrum_lock lock;
static void lock_shut(void) {
    thrum_lock_acquire(&lock);
}
static void lock_open(void) {
    thrum_lock_release(&lock);
}
static void lock_pass(void) {
    thrum_lock_acquire(&lock);
    thrum_lock_release(&lock);
}

/* Plain depths, too, are read by the next owner. */
static thrum_rlock rlock;
static void rlock_shut(void) {
    (void)thrum_rlock_acquire_depth(&rlock, 2);
}
static void rlock_open(void) {
    uint32_t depth;
    (void)!thrum_rlock_release_all(&rlock, &depth);
}
static void rlock_pass(void) {
    (void)thrum_rlock_acquire_depth(&rlock, 3);
    rlock_open();
}

/* From a writer to a reader, and from a reader to a writer: of both forms. */
static thrum_rwlock rwlock;
static void rwlock_shut(void) {
    thrum_rwlock_acquire_write(&rwlock);
}
static void rwlock_open(void) {
    thrum_rwlock_release_write(&rwlock);
}
static void rwlock_pass(void) {
    thrum_rwlock_acquire_read(&rwlock);
    thrum_rwlock_release_read(&rwlock);
}

static thrum_rwlock_slot places[32];
static thrum_sharded_rwlock sharded = THRUM_SHARDED_RWLOCK_INIT(places, 32);
static void sharded_shut(void) {
    thrum_sharded_rwlock_acquire_read(&sharded);
}
static void sharded_open(void) {
    thrum_sharded_rwlock_release_read(&sharded);
}
static void sharded_pass(void) {
    thrum_sharded_rwlock_acquire_write(&sharded);
    thrum_sharded_rwlock_release_write(&sharded);
}

static thrum_event event;
static void event_shut(void) {
    thrum_event_clear(&event);
}
static void event_open(void) {
    thrum_event_set(&event);
}
static void event_pass(void) {
    thrum_event_wait(&event);
}

static thrum_semaphore semaphore;
static void semaphore_shut(void) {}
static void semaphore_open(void) {
    thrum_semaphore_release(&semaphore);
}
static void semaphore_pass(void) {
    thrum_semaphore_acquire(&semaphore);
}

static thrum_spinlock spinlock;
static void spinlock_shut(void) {
    thrum_spinlock_acquire(&spinlock);
}
static void spinlock_open(void) {
    thrum_spinlock_release(&spinlock);
}
static void spinlock_pass(void) {
    thrum_spinlock_acquire(&spinlock);
    thrum_spinlock_release(&spinlock);
}

struct gate {
    void (*shut)(void), (*open)(void), (*pass)(void);
    bool sleeps;
};

static int data;

static void *receive(void *p) {
    struct gate *gate = p;
    gate->pass();
    CHECK(data == 42);
    return NULL;
}

/* The receiver runs nothing but its slow path once it sleeps, or has spun for so long. */
static void await_slow_path(const struct gate *gate, const test_thread *receiver) {
    if (gate->sleeps) {
        test_await_asleep(receiver);
        return;
    }
    clockid_t clock;
    struct timespec used;
    CHECK(pthread_getcpuclockid(receiver->thread, &clock) == 0);
    do {
        sched_yield();
        clock_gettime(clock, &used);
    } while (used.tv_sec == 0 && used.tv_nsec < SPUN_NS);
}

static void hand_over(struct gate gate) {
    for (int round = 0; round < ROUNDS; round++) {
        data = 0;
        gate.shut();
        test_thread receiver = test_start(receive, &gate);
        await_slow_path(&gate, &receiver);
        data = 42; /* after the thread began: only the object can order it */
        gate.open();
        test_join(&receiver);
    }
}

TEST(lock) {
    hand_over((struct gate){lock_shut, lock_open, lock_pass, true});
}
TEST(rlock) {
    hand_over((struct gate){rlock_shut, rlock_open, rlock_pass, true});
}
TEST(rwlock) {
    hand_over((struct gate){rwlock_shut, rwlock_open, rwlock_pass, true});
}
TEST(rwlock_sharded) {
    hand_over((struct gate){sharded_shut, sharded_open, sharded_pass, true});
}
TEST(event) {
    hand_over((struct gate){event_shut, event_open, event_pass, true});
}
TEST(semaphore) {
    hand_over((struct gate){semaphore_shut, semaphore_open, semaphore_pass, true});
}
TEST(spinlock) {
    hand_over((struct gate){spinlock_shut, spinlock_open, spinlock_pass, false});
}
