/* SPDX-License-Identifier: MIT */
/* A library that process_test.c loads: it locks while it is loaded, and when it is asked to. */
#include <pthread.h>
#include <semaphore.h>
#include <stddef.h>

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t condition = PTHREAD_COND_INITIALIZER;
static pthread_once_t once = PTHREAD_ONCE_INIT;
static int constructed, go;

int posix_loaded_constructed(void);
int posix_loaded_exercise(void);
int posix_loaded_lend(void);
int posix_lend(pthread_mutex_t *lent);

static void construct_once(void) {
    constructed++;
}

__attribute__((constructor)) static void construct(void) {
    if (pthread_mutex_lock(&mutex) || pthread_once(&once, construct_once) || pthread_mutex_unlock(&mutex))
        constructed = -1;
}

__attribute__((destructor)) static void destroy(void) {
    (void)pthread_mutex_lock(&mutex);
    (void)pthread_mutex_unlock(&mutex);
    (void)pthread_cond_destroy(&condition);
    (void)pthread_mutex_destroy(&mutex);
}

int posix_loaded_constructed(void) {
    return constructed;
}

static void *wait_to_go(void *unused) {
    if (pthread_mutex_lock(&mutex)) return &go;
    while (!go)
        if (pthread_cond_wait(&condition, &mutex)) return &go;
    return pthread_mutex_unlock(&mutex) ? &go : unused;
}

int posix_loaded_exercise(void) {
    pthread_t thread;
    void *result = &go;
    if (pthread_create(&thread, NULL, wait_to_go, NULL)) return 1;
    if (pthread_mutex_lock(&mutex)) return 2;
    go = 1;
    if (pthread_cond_broadcast(&condition) || pthread_mutex_unlock(&mutex)) return 3;
    if (pthread_join(thread, &result) || result) return 4;
    return 0;
}

int posix_loaded_lend(void) {
    if (pthread_mutex_lock(&mutex)) return -1;
    const int result = posix_lend(&mutex);
    return pthread_mutex_unlock(&mutex) ? -1 : result;
}
