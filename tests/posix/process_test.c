/* SPDX-License-Identifier: MIT */
/* ctest: libraries dl */
/*
 * Objects over the life of a process: before main, over fork, in libraries that are loaded, at threads' ends.
 */
#include "gate_parts.h"

#include <dlfcn.h>

/* ---- before main ---- */

static pthread_mutex_t early_mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
static pthread_mutex_t early_plain = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t early_condition = PTHREAD_COND_INITIALIZER;
static pthread_rwlock_t early_lock = PTHREAD_RWLOCK_INITIALIZER;
static pthread_once_t early_once = PTHREAD_ONCE_INIT;
static pthread_t early_thread;
static _Atomic int early_calls;
static int early_errors;
static bool early_go;

static void count_call(void) {
    early_calls++;
}

static void *wait_early(void *unused) {
    early_errors |= pthread_mutex_lock(&early_plain);
    while (!early_go) early_errors |= pthread_cond_wait(&early_condition, &early_plain);
    early_errors |= pthread_mutex_unlock(&early_plain);
    return unused;
}

__attribute__((constructor(101))) static void first_of_all(void) {
    early_errors |= pthread_mutex_lock(&early_mutex);
    early_errors |= pthread_mutex_lock(&early_mutex);
    early_errors |= pthread_mutex_lock(&early_plain);
    early_errors |= pthread_cond_signal(&early_condition);
    early_errors |= pthread_cond_broadcast(&early_condition);
    early_errors |= pthread_once(&early_once, count_call);
    early_errors |= pthread_rwlock_rdlock(&early_lock);
}

__attribute__((constructor)) static void later(void) {
    early_errors |= pthread_mutex_unlock(&early_plain);
    early_errors |= pthread_create(&early_thread, NULL, wait_early, NULL);
}

TEST(what_was_locked_before_main_is_locked_in_main) {
    OK(early_errors);
    OK(pthread_once(&early_once, count_call));
    CHECK_EQ(early_calls, 1);
    OK(pthread_mutex_unlock(&early_mutex));
    OK(pthread_mutex_unlock(&early_mutex));
    CHECK_EQ(pthread_mutex_unlock(&early_mutex), EPERM);
    CHECK_EQ(pthread_rwlock_trywrlock(&early_lock), EBUSY);
    OK(pthread_rwlock_unlock(&early_lock));
    OK(pthread_rwlock_trywrlock(&early_lock));
    OK(pthread_rwlock_unlock(&early_lock));
    OK(pthread_mutex_lock(&early_plain));
    early_go = true;
    OK(pthread_mutex_unlock(&early_plain));
    OK(pthread_cond_signal(&early_condition));
    OK(pthread_join(early_thread, NULL));
    OK(early_errors);
}

/* ---- libraries ---- */

static int call_int(void *library, const char *name) {
    int (*function)(void);
    void *const address = dlsym(library, name);
    CHECK(address != NULL);
    memcpy(&function, &address, sizeof function);
    return function();
}

TEST(a_library_that_is_loaded_locks_as_the_program_does) {
    for (int i = 0; i < 3; i++) {
        void *const library = dlopen(POSIX_LOADED, i % 2 ? RTLD_LAZY | RTLD_GLOBAL : RTLD_NOW | RTLD_LOCAL);
        CHECK(library != NULL);
        CHECK_EQ(call_int(library, "posix_loaded_constructed"), 1);
        CHECK_EQ(call_int(library, "posix_loaded_exercise"), 0);
        OK(dlclose(library));
    }
}

static pthread_mutex_t *lent;

int posix_lend(pthread_mutex_t *mutex);

int posix_lend(pthread_mutex_t *mutex) { /* called by the library */
    lent = mutex;
    return pthread_mutex_trylock(mutex);
}

TEST(a_mutex_that_a_library_locked_is_locked_for_the_program) {
    void *const library = dlopen(POSIX_LOADED, RTLD_NOW);
    CHECK(library != NULL);
    CHECK_EQ(call_int(library, "posix_loaded_lend"), EBUSY);
    CHECK(lent != NULL);
    OK(pthread_mutex_lock(lent));
    OK(pthread_mutex_unlock(lent));
    OK(dlclose(library));
}

TEST(a_function_found_by_name_is_the_one_that_is_called) {
    /* Programs wrap these functions, and find the next one by its name. */
    int (*lock)(pthread_mutex_t *), (*unlock)(pthread_mutex_t *);
    void *address = dlsym(RTLD_NEXT, "pthread_mutex_lock");
    CHECK(address != NULL);
    memcpy(&lock, &address, sizeof lock);
    address = dlsym(RTLD_DEFAULT, "pthread_mutex_unlock");
    CHECK(address != NULL);
    memcpy(&unlock, &address, sizeof unlock);
    pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
    OK(lock(&mutex));
    CHECK_EQ(pthread_mutex_trylock(&mutex), EBUSY);
    OK(unlock(&mutex));
    OK(pthread_mutex_lock(&mutex));
    OK(unlock(&mutex));
}

#if defined __GLIBC__ && defined __x86_64__
TEST(a_wrapper_that_asks_for_a_version_finds_the_same_function) {
    /*
     * ThreadSanitizer's wrappers of conditions do: a mutex of one library's must not meet a condition of
     * another's.
     */
    static const char *const names[] = {"pthread_cond_init",      "pthread_cond_destroy",
                                        "pthread_cond_wait",      "pthread_cond_signal",
                                        "pthread_cond_broadcast", "pthread_cond_timedwait"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        void *const newest = dlsym(RTLD_NEXT, names[i]);
        CHECK(newest != NULL);
        CHECK(dlvsym(RTLD_NEXT, names[i], "GLIBC_2.3.2") == newest);
    }
}
#endif

/* ---- the ends of threads ---- */

static void *hold_and_unlock_at_the_end(void *mutex) {
    OK(pthread_mutex_lock(mutex));
    return NULL;
}

static pthread_mutex_t of_key = PTHREAD_MUTEX_INITIALIZER;
static pthread_key_t key;

static void unlock_at_the_end(void *mutex) {
    OK(pthread_mutex_lock(&of_key));
    OK(pthread_mutex_unlock(&of_key));
    OK(pthread_mutex_unlock(mutex));
}

static void *set_and_hold(void *mutex) {
    OK(pthread_setspecific(key, mutex));
    return hold_and_unlock_at_the_end(mutex);
}

TEST(a_destructor_of_a_threads_value_may_lock_and_unlock) {
    static pthread_mutex_t mutex = PTHREAD_ERRORCHECK_MUTEX_INITIALIZER_NP;
    OK(pthread_key_create(&key, unlock_at_the_end));
    for (int i = 0; i < 100; i++) {
        test_thread threads[4];
        for (int j = 0; j < 4; j++) threads[j] = test_start(set_and_hold, &mutex);
        for (int j = 0; j < 4; j++) (void)test_join(&threads[j]);
        OK(pthread_mutex_trylock(&mutex));
        OK(pthread_mutex_unlock(&mutex));
    }
}

static struct gate last_gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};

static void *open_the_gate(void *unused) {
    OK(pthread_mutex_lock(&last_gate.mutex));
    last_gate.open = true;
    OK(pthread_cond_broadcast(&last_gate.opened));
    OK(pthread_mutex_unlock(&last_gate.mutex));
    return unused;
}

static void *pass_and_exit(void *gate) {
    (void)pass(gate);
    exit(0);
}

static void main_ends_first(void) {
    (void)test_start(pass_and_exit, &last_gate);
    await_waiting(&last_gate, 1);
    (void)test_start(open_the_gate, NULL);
    pthread_exit(NULL); /* as the last thing: the process ends with the last thread */
}

TEST(threads_go_on_when_main_ends) {
    test_in_child(main_ends_first);
}

static void exit_amid_waiters(void) {
    static struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    for (int i = 0; i < 3; i++) (void)test_start(pass, &gate);
    await_waiting(&gate, 3);
    exit(0);
}

TEST(a_process_exits_while_threads_wait) {
    test_in_child(exit_amid_waiters);
}

static void *end_at_once(void *unused) {
    return unused;
}

TEST(threads_that_come_and_go_leave_waiters_alone) {
    struct gate gate = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, false};
    test_thread waiters[4];
    for (int i = 0; i < 4; i++) waiters[i] = test_start(pass, &gate);
    await_waiting(&gate, 4);
    for (int i = 0; i < 200; i++) {
        test_thread thread = test_start(end_at_once, NULL);
        (void)test_join(&thread);
    }
    OK(pthread_mutex_lock(&gate.mutex));
    gate.open = true;
    OK(pthread_cond_broadcast(&gate.opened));
    OK(pthread_mutex_unlock(&gate.mutex));
    for (int i = 0; i < 4; i++) (void)test_join(&waiters[i]);
}

/* ---- the library in front ---- */

TEST(the_library_in_front_is_the_one_that_is_asked_for) {
    if (!is_replaced()) test_skip("there is none in front");
    static const char *const names[] = {"pthread_mutex_lock",
                                        "pthread_mutex_unlock",
                                        "pthread_mutex_trylock",
                                        "pthread_mutex_timedlock",
                                        "pthread_cond_wait",
                                        "pthread_cond_timedwait",
                                        "pthread_cond_signal",
                                        "pthread_cond_broadcast",
                                        "sem_wait",
                                        "sem_post",
                                        "pthread_barrier_wait",
                                        "pthread_rwlock_rdlock",
                                        "pthread_rwlock_wrlock",
                                        "pthread_rwlock_unlock",
                                        "pthread_spin_lock",
                                        "pthread_once",
                                        "mtx_lock",
                                        "cnd_wait",
                                        "call_once",
                                        "pthread_mutex_clocklock",
                                        "pthread_cond_clockwait",
                                        "sem_clockwait",
                                        "pthread_rwlock_clockwrlock"};
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
        Dl_info info;
        CHECK(dladdr(dlsym(RTLD_DEFAULT, names[i]), &info) != 0);
        if (!strstr(info.dli_fname, "thrum-pthread")) test_fail(__FILE__, __LINE__, names[i]);
    }
}
