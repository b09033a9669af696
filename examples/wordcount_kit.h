/* SPDX-License-Identifier: MIT */
/*
 * The three objects that wordcount synchronises with, behind one interface and made twice: of
 * thrum's own, and of what pthread offers. None of them holds anything that must be given back.
 */
#ifndef WORDCOUNT_KIT_H
#define WORDCOUNT_KIT_H

#include <thrum.h>

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>

typedef union kit_lock {
    thrum_lock thrum;
    pthread_mutex_t pthread;
} kit_lock;

typedef union kit_semaphore {
    thrum_semaphore thrum;
    sem_t pthread;
} kit_semaphore;

typedef union kit_event {
    thrum_event thrum;
    struct {
        atomic_int set;
        sem_t turnstile; /* opened by the first set; each waiter leaves it open for the next */
    } pthread;
} kit_event;

struct kit {
    const char *name;
    void (*lock_init)(kit_lock *);
    void (*semaphore_init)(kit_semaphore *, unsigned permits);
    void (*event_init)(kit_event *);
    void (*lock_acquire)(kit_lock *);
    void (*lock_release)(kit_lock *);
    void (*semaphore_acquire)(kit_semaphore *);
    void (*semaphore_release)(kit_semaphore *);
    void (*event_set)(kit_event *); /* a signal handler may */
    bool (*event_is_set)(kit_event *);
    void (*event_wait)(kit_event *);
};

/* One function of a kit: `o` is the object. */
#define KIT_DO(name, type, ...) \
    static void name(type *o) { \
        __VA_ARGS__;            \
    }

KIT_DO(t_lock_init, kit_lock, thrum_lock_init(&o->thrum))
KIT_DO(t_lock_acquire, kit_lock, thrum_lock_acquire(&o->thrum))
KIT_DO(t_lock_release, kit_lock, thrum_lock_release(&o->thrum))
KIT_DO(t_semaphore_acquire, kit_semaphore, thrum_semaphore_acquire(&o->thrum))
KIT_DO(t_semaphore_release, kit_semaphore, thrum_semaphore_release(&o->thrum))
KIT_DO(t_event_init, kit_event, thrum_event_init(&o->thrum))
KIT_DO(t_event_set, kit_event, thrum_event_set(&o->thrum))
KIT_DO(t_event_wait, kit_event, thrum_event_wait(&o->thrum))
static bool t_event_is_set(kit_event *o) {
    return thrum_event_is_set(&o->thrum);
}
static void t_semaphore_init(kit_semaphore *o, unsigned permits) {
    o->thrum = (thrum_semaphore)THRUM_SEMAPHORE_INIT(permits);
}

KIT_DO(p_lock_init, kit_lock, pthread_mutex_init(&o->pthread, NULL))
KIT_DO(p_lock_acquire, kit_lock, pthread_mutex_lock(&o->pthread))
KIT_DO(p_lock_release, kit_lock, pthread_mutex_unlock(&o->pthread))
KIT_DO(p_semaphore_acquire, kit_semaphore, while (sem_wait(&o->pthread) != 0 && errno == EINTR) continue)
KIT_DO(p_semaphore_release, kit_semaphore, sem_post(&o->pthread))
/* A condition variable must not be signalled in a signal handler; a semaphore may be posted. */
KIT_DO(p_event_init, kit_event, atomic_init(&o->pthread.set, 0); sem_init(&o->pthread.turnstile, 0, 0))
KIT_DO(p_event_set, kit_event, if (!atomic_exchange(&o->pthread.set, 1)) sem_post(&o->pthread.turnstile))
KIT_DO(p_event_wait, kit_event, while (sem_wait(&o->pthread.turnstile) != 0 && errno == EINTR) continue;
       sem_post(&o->pthread.turnstile))
static bool p_event_is_set(kit_event *o) {
    return atomic_load(&o->pthread.set) != 0;
}
static void p_semaphore_init(kit_semaphore *o, unsigned permits) {
    sem_init(&o->pthread, 0, permits);
}

#define KIT(name, prefix)                                                                                  \
    {                                                                                                      \
        name, prefix##lock_init, prefix##semaphore_init, prefix##event_init, prefix##lock_acquire,         \
            prefix##lock_release, prefix##semaphore_acquire, prefix##semaphore_release, prefix##event_set, \
            prefix##event_is_set, prefix##event_wait                                                       \
    }
static const struct kit thrum_kit = KIT("thrum", t_);
static const struct kit pthread_kit = KIT("pthread", p_);
static const struct kit executor_kit = KIT("thrum's executor", t_); /* thrum's objects, and its threads */

#endif
