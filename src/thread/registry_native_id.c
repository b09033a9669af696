/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. The kernel's id of the calling thread, without a system call where the C library lets it be seen.
 *
 * glibc keeps the id in each thread, right after a fork, too, and writes it into every recursive mutex that
 * the thread locks: __owner, a field that its headers declare and its ABI fixes. A system call costs a tenth
 * of what starting a thread costs where the kernel is virtual.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <pthread.h>
#include <thrum/registry.h>
#include <unistd.h>

#ifdef __GLIBC__
uint32_t thrum_get_native_id(void) {
    pthread_mutex_t own = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    (void)pthread_mutex_lock(&own);
    const uint32_t id = (uint32_t)own.__data.__owner;
    (void)pthread_mutex_unlock(&own);
    return id;
}
#else
uint32_t thrum_get_native_id(void) {
    return (uint32_t)gettid();
}
#endif
