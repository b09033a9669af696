/* SPDX-License-Identifier: MIT */
/* What bench/rust makes of Rust's libraries. Sizes and pointers as C has them; objects are Rust's. */
#ifndef THRUM_BENCH_SUPPORT_RUST_H
#define THRUM_BENCH_SUPPORT_RUST_H

#include <stddef.h>
#include <stdint.h>

extern "C" {
/* parking_lot's raw locks: zero memory is a free one. */
struct rust_mutex {
    uint8_t state;
};
struct rust_reentrant {
    size_t state[3];
};
struct rust_rwlock {
    size_t state;
};
void rust_mutex_lock(rust_mutex *mutex);
bool rust_mutex_try_lock(rust_mutex *mutex);
void rust_mutex_unlock(rust_mutex *mutex);
void rust_reentrant_lock(rust_reentrant *mutex);
bool rust_reentrant_try_lock(rust_reentrant *mutex);
void rust_reentrant_unlock(rust_reentrant *mutex);
void rust_rwlock_read(rust_rwlock *rwlock);
bool rust_rwlock_try_read(rust_rwlock *rwlock);
void rust_rwlock_read_end(rust_rwlock *rwlock);
void rust_rwlock_write(rust_rwlock *rwlock);
bool rust_rwlock_try_write(rust_rwlock *rwlock);
void rust_rwlock_write_end(rust_rwlock *rwlock);

/* Its mutex with two of its conditions. */
struct rust_monitor;
rust_monitor *rust_monitor_new(void);
void rust_monitor_free(rust_monitor *monitor);
void rust_monitor_lock(rust_monitor *monitor);
void rust_monitor_unlock(rust_monitor *monitor);
void rust_monitor_wait(rust_monitor *monitor, size_t which);
void rust_monitor_notify_one(rust_monitor *monitor, size_t which);
void rust_monitor_notify_all(rust_monitor *monitor, size_t which);

/* The standard library's own: a mutex with two conditions, a rwlock, a barrier, a channel of one getter. */
struct rust_std_monitor;
rust_std_monitor *rust_std_monitor_new(void);
void rust_std_monitor_free(rust_std_monitor *monitor);
void rust_std_monitor_lock(rust_std_monitor *monitor);
bool rust_std_monitor_try_lock(rust_std_monitor *monitor);
void rust_std_monitor_unlock(rust_std_monitor *monitor);
void rust_std_monitor_wait(rust_std_monitor *monitor, size_t which);
void rust_std_monitor_notify_one(rust_std_monitor *monitor, size_t which);
void rust_std_monitor_notify_all(rust_std_monitor *monitor, size_t which);
struct rust_std_rwlock;
rust_std_rwlock *rust_std_rwlock_new(void);
void rust_std_rwlock_free(rust_std_rwlock *rwlock);
void rust_std_rwlock_read(rust_std_rwlock *rwlock);
bool rust_std_rwlock_try_read(rust_std_rwlock *rwlock);
void rust_std_rwlock_read_end(rust_std_rwlock *rwlock);
void rust_std_rwlock_write(rust_std_rwlock *rwlock);
bool rust_std_rwlock_try_write(rust_std_rwlock *rwlock);
void rust_std_rwlock_write_end(rust_std_rwlock *rwlock);
struct rust_std_barrier;
rust_std_barrier *rust_std_barrier_new(size_t parties);
void rust_std_barrier_free(rust_std_barrier *barrier);
void rust_std_barrier_wait(rust_std_barrier *barrier);
struct rust_std_channel;
rust_std_channel *rust_std_channel_new(size_t bound);
void rust_std_channel_free(rust_std_channel *channel);
void rust_std_channel_put(rust_std_channel *channel, size_t item);
size_t rust_std_channel_get(rust_std_channel *channel);

/* crossbeam's ArrayQueue and its bounded channel; no item is 0. */
struct rust_ring;
rust_ring *rust_ring_new(size_t cells);
void rust_ring_free(rust_ring *ring);
bool rust_ring_put(rust_ring *ring, size_t item);
size_t rust_ring_get(rust_ring *ring);
struct rust_channel;
rust_channel *rust_channel_new(size_t bound);
void rust_channel_free(rust_channel *channel);
void rust_channel_put(rust_channel *channel, size_t item);
size_t rust_channel_get(rust_channel *channel);

/* dashmap: one of numbers and one of texts. */
struct rust_map;
rust_map *rust_map_new(size_t entries);
void rust_map_free(rust_map *map);
uint64_t rust_map_get(rust_map *map, uint64_t key);
void rust_map_put(rust_map *map, uint64_t key, uint64_t value);
void rust_map_remove(rust_map *map, uint64_t key);
uint64_t rust_map_get_text(rust_map *map, const char *text, size_t length);
void rust_map_put_text(rust_map *map, const char *text, size_t length, uint64_t value);

struct rust_rayon;
rust_rayon *rust_rayon_new(size_t workers);
void rust_rayon_free(rust_rayon *pool);
void rust_rayon_submit(rust_rayon *pool, void (*function)(void *argument), void *argument);
void rust_rayon_finish(rust_rayon *pool);
struct rust_tokio;
rust_tokio *rust_tokio_new(size_t workers);
void rust_tokio_free(rust_tokio *pool);
void rust_tokio_submit(rust_tokio *pool, void (*function)(void *argument), void *argument);
void rust_tokio_finish(rust_tokio *pool);
}

#endif
