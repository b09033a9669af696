/* SPDX-License-Identifier: MIT */
/* ctest: seconds 120 */
/*
 * Many threads, many cancellations, many forks, many deadlines, all at once: what is counted must come out
 * even.
 */
#include "posix.h"

enum { CROWD = 12 };

static unsigned rounds(unsigned count) {
    return count / test_slowdown();
}

/* ---- conditions: tokens, each announced by a signal ---- */

struct tokens {
    pthread_mutex_t mutex;
    pthread_cond_t there, taken;
    int left, consumed;
    _Atomic bool stop;
    uint64_t seed;
};

static void unlock(void *mutex) {
    OK(pthread_mutex_unlock(mutex));
}

/* One of the ways to wait, by chance. */
static void wait_somehow(pthread_cond_t *condition, pthread_mutex_t *mutex, uint64_t *chance) {
    const uint64_t drawn = test_random(chance) >> 33;
    const clockid_t clock = drawn & 4 ? CLOCK_MONOTONIC : CLOCK_REALTIME;
    struct timespec end = in_ms(clock, drawn & 8 ? 60000 : 0);
    end.tv_nsec += (long)(drawn % 65536);
    if (end.tv_nsec >= BILLION) end.tv_sec++, end.tv_nsec -= BILLION;
    int result = 0;
    switch (drawn % 4) {
    case 0:
        result = pthread_cond_wait(condition, mutex);
        break;
    case 1: {
        const struct timespec late = in_ms(CLOCK_REALTIME, 60000);
        result = pthread_cond_timedwait(condition, mutex, &late);
        break;
    }
    default:
        result = pthread_cond_clockwait(condition, mutex, clock, &end);
    }
    CHECK(result == 0 || result == ETIMEDOUT);
}

static void *take_tokens(void *p) {
    struct tokens *const tokens = p;
    OK(pthread_mutex_lock(&tokens->mutex));
    uint64_t chance = ++tokens->seed;
    pthread_cleanup_push(unlock, &tokens->mutex);
    while (!tokens->stop) {
        if (tokens->left == 0) {
            wait_somehow(&tokens->there, &tokens->mutex, &chance);
        } else {
            tokens->left--;
            tokens->consumed++;
            OK(pthread_cond_signal(&tokens->taken));
        }
    }
    pthread_cleanup_pop(1);
    return NULL;
}

static void put_token(struct tokens *tokens) {
    OK(pthread_mutex_lock(&tokens->mutex));
    tokens->left++;
    OK(pthread_mutex_unlock(&tokens->mutex));
    OK(pthread_cond_signal(&tokens->there)); /* without the mutex */
}

static void await_consumed(struct tokens *tokens, int count) {
    OK(pthread_mutex_lock(&tokens->mutex));
    while (tokens->consumed < count) OK(pthread_cond_wait(&tokens->taken, &tokens->mutex));
    OK(pthread_mutex_unlock(&tokens->mutex));
}

static void end_tokens(struct tokens *tokens, test_thread *threads) {
    OK(pthread_mutex_lock(&tokens->mutex));
    tokens->stop = true;
    OK(pthread_cond_broadcast(&tokens->there));
    OK(pthread_mutex_unlock(&tokens->mutex));
    for (int i = 0; i < CROWD; i++) (void)test_join(&threads[i]);
    CHECK_EQ(tokens->left, 0);
    OK(pthread_cond_destroy(&tokens->there));
    OK(pthread_cond_destroy(&tokens->taken));
    OK(pthread_mutex_destroy(&tokens->mutex));
}

TEST(no_signal_is_lost_among_cancellations) {
    struct tokens tokens = {.mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP,
                            .there = PTHREAD_COND_INITIALIZER,
                            .taken = PTHREAD_COND_INITIALIZER,
                            .seed = test_seed()};
    uint64_t chance = test_seed();
    test_thread threads[CROWD];
    for (int i = 0; i < CROWD; i++) threads[i] = test_start(take_tokens, &tokens);
    int put = 0;
    for (unsigned i = 0; i < rounds(2000); i++) {
        test_thread *const victim = &threads[test_random(&chance) % CROWD];
        const uint64_t order = test_random(&chance) >> 40;
        if (order & 1) put_token(&tokens), put++;
        OK(pthread_cancel(victim->thread));
        if (order & 2) put_token(&tokens), put++;
        CHECK(test_join(victim) == PTHREAD_CANCELED);
        *victim = test_start(take_tokens, &tokens);
        if (order & 4) await_consumed(&tokens, put); /* nothing else comes that would make up for it */
    }
    await_consumed(&tokens, put);
    end_tokens(&tokens, threads);
}

TEST(no_signal_is_lost_among_deadlines) {
    struct tokens tokens = {.mutex = PTHREAD_MUTEX_INITIALIZER,
                            .there = PTHREAD_COND_INITIALIZER,
                            .taken = PTHREAD_COND_INITIALIZER,
                            .seed = test_seed()};
    test_thread threads[CROWD];
    for (int i = 0; i < CROWD; i++) threads[i] = test_start(take_tokens, &tokens);
    for (int i = 1; i <= (int)rounds(5000); i++) {
        put_token(&tokens);
        if (i % 3 == 0) await_consumed(&tokens, i);
    }
    await_consumed(&tokens, (int)rounds(5000));
    end_tokens(&tokens, threads);
}

/* ---- semaphores ---- */

struct posts {
    sem_t semaphore;
    _Atomic int taken;
    _Atomic uint64_t seed;
};

static void *take_posts(void *p) {
    struct posts *const posts = p;
    uint64_t chance = ++posts->seed;
    for (;;) {
        const uint64_t drawn = test_random(&chance) >> 33;
        struct timespec end = in_ms(CLOCK_REALTIME, drawn & 4 ? 60000 : 0);
        int before;
        const int result = drawn % 2 ? sem_wait(&posts->semaphore) : sem_timedwait(&posts->semaphore, &end);
        if (result) CHECK_EQ(errno, ETIMEDOUT);
        OK(pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before));
        if (result == 0) posts->taken++;
        OK(pthread_setcancelstate(before, NULL));
    }
    return NULL;
}

TEST(no_post_is_lost_among_cancellations) {
    if (IS_GLIBC && !is_replaced())
        test_skip("glibc 2.36: a waiter that is woken and cancelled at once takes the wake with it");
    struct posts posts = {.taken = 0, .seed = test_seed()};
    uint64_t chance = test_seed();
    OK(sem_init(&posts.semaphore, 0, 0));
    test_thread threads[CROWD];
    for (int i = 0; i < CROWD; i++) threads[i] = test_start(take_posts, &posts);
    int posted = 0;
    for (unsigned i = 0; i < rounds(3000); i++) {
        test_thread *const victim = &threads[test_random(&chance) % CROWD];
        const uint64_t order = test_random(&chance) >> 40;
        if (order & 1) OK(sem_post(&posts.semaphore)), posted++;
        OK(pthread_cancel(victim->thread));
        if (order & 2) OK(sem_post(&posts.semaphore)), posted++;
        CHECK(test_join(victim) == PTHREAD_CANCELED);
        *victim = test_start(take_posts, &posts);
        if (order & 4) await(&posts.taken, posted);
    }
    await(&posts.taken, posted);
    for (int i = 0; i < CROWD; i++) {
        OK(pthread_cancel(threads[i].thread));
        CHECK(test_join(&threads[i]) == PTHREAD_CANCELED);
    }
    FAILS(sem_trywait(&posts.semaphore), EAGAIN);
    OK(sem_destroy(&posts.semaphore));
}

/* ---- forks amid the use of everything ---- */

struct all {
    pthread_mutex_t mutex, recursive;
    pthread_cond_t changed;
    pthread_rwlock_t lock;
    pthread_spinlock_t spin;
    sem_t semaphore;
    _Atomic bool stop;
    _Atomic int turn;
};

static void make(struct all *all) {
    OK(pthread_mutex_init(&all->mutex, NULL));
    init_mutex(&all->recursive, PTHREAD_MUTEX_RECURSIVE);
    OK(pthread_cond_init(&all->changed, NULL));
    OK(pthread_rwlock_init(&all->lock, NULL));
    OK(pthread_spin_init(&all->spin, PTHREAD_PROCESS_PRIVATE));
    OK(sem_init(&all->semaphore, 0, 1));
    all->stop = false;
}

static void *use_all(void *p) {
    struct all *const all = p;
    for (unsigned i = 0; !all->stop; i++) {
        const struct timespec now = in_ms(CLOCK_REALTIME, 0);
        OK(pthread_mutex_lock(&all->mutex));
        all->turn++;
        OK(i % 2 ? pthread_cond_signal(&all->changed) : pthread_cond_broadcast(&all->changed));
        (void)pthread_cond_timedwait(&all->changed, &all->mutex, &now);
        OK(pthread_mutex_unlock(&all->mutex));
        OK(pthread_mutex_lock(&all->recursive));
        OK(pthread_mutex_lock(&all->recursive));
        OK(pthread_mutex_unlock(&all->recursive));
        OK(pthread_mutex_unlock(&all->recursive));
        OK(i % 4 ? pthread_rwlock_rdlock(&all->lock) : pthread_rwlock_wrlock(&all->lock));
        OK(pthread_rwlock_unlock(&all->lock));
        OK(pthread_spin_lock(&all->spin));
        OK(pthread_spin_unlock(&all->spin));
        OK(sem_wait(&all->semaphore));
        OK(sem_post(&all->semaphore));
    }
    return NULL;
}

static pthread_once_t in_child_once = PTHREAD_ONCE_INIT;
static int once_calls;

static void count_once(void) {
    once_calls++;
}

/* Everything anew, where the parent's was in use; the once as the parent left it. */
static void live_in_child(struct all *all) {
    make(all);
    OK(pthread_once(&in_child_once, count_once));
    CHECK_EQ(once_calls, 1);
    all->turn = 0;
    test_thread threads[3];
    for (int i = 0; i < 3; i++) threads[i] = test_start(use_all, all);
    while (all->turn < 30) sched_yield();
    all->stop = true;
    for (int i = 0; i < 3; i++) (void)test_join(&threads[i]);
}

TEST(children_live_whatever_the_parents_threads_were_amid) {
    static struct all all;
    make(&all);
    test_thread threads[4];
    for (int i = 0; i < 4; i++) threads[i] = test_start(use_all, &all);
    for (unsigned i = 0; i < rounds(150); i++) {
        if (i == 75) OK(pthread_once(&in_child_once, count_once));
        const pid_t child = fork();
        CHECK(child >= 0);
        if (child == 0) {
            live_in_child(&all);
            if (i % 10) _exit(0);
            const pid_t grandchild = fork();
            CHECK(grandchild >= 0);
            if (grandchild == 0) {
                live_in_child(&all);
                _exit(0);
            }
            test_join_child(grandchild);
            _exit(0);
        }
        test_join_child(child);
    }
    all.stop = true;
    for (int i = 0; i < 4; i++) (void)test_join(&threads[i]);
}

/* ---- a crowd ---- */

enum { MANY = 100, LAPS = 60 };

struct relay {
    pthread_mutex_t mutex;
    pthread_cond_t moved;
    int at;
};

struct runner {
    struct relay *relay;
    int number;
};

static void *run_relay(void *p) {
    const struct runner *const runner = p;
    struct relay *const relay = runner->relay;
    for (int lap = 0; lap < LAPS; lap++) {
        OK(pthread_mutex_lock(&relay->mutex));
        while (relay->at != lap * MANY + runner->number) OK(pthread_cond_wait(&relay->moved, &relay->mutex));
        relay->at++;
        OK(pthread_mutex_unlock(&relay->mutex));
        OK(pthread_cond_broadcast(&relay->moved));
    }
    return NULL;
}

TEST(a_hundred_threads_run_a_relay_by_broadcasts) {
    struct relay relay = {.mutex = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};
    struct runner runners[MANY];
    test_thread threads[MANY];
    for (int i = 0; i < MANY; i++) {
        runners[i] = (struct runner){&relay, i};
        threads[i] = test_start(run_relay, &runners[i]);
    }
    for (int i = 0; i < MANY; i++) (void)test_join(&threads[i]);
    CHECK_EQ(relay.at, MANY * LAPS);
    OK(pthread_cond_destroy(&relay.moved));
}
