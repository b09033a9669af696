/* SPDX-License-Identifier: MIT */
#include "libomp.h"

#ifdef THRUM_BENCH_HAS_LIBOMP

#include <libomp/omp.h>

namespace bench {

static_assert(sizeof(omp_lock_t) == sizeof(void *) && sizeof(omp_nest_lock_t) == sizeof(void *), "it fits");

static omp_lock_t *of(void **lock) {
    return reinterpret_cast<omp_lock_t *>(lock);
}

static omp_nest_lock_t *nest_of(void **lock) {
    return reinterpret_cast<omp_nest_lock_t *>(lock);
}

OmpLock::OmpLock() {
    omp_init_lock(of(&lock_));
}

OmpLock::~OmpLock() {
    omp_destroy_lock(of(&lock_));
}

void OmpLock::acquire() {
    omp_set_lock(of(&lock_));
}

bool OmpLock::try_acquire() {
    return omp_test_lock(of(&lock_)) != 0;
}

void OmpLock::release() {
    omp_unset_lock(of(&lock_));
}

OmpNestLock::OmpNestLock() {
    omp_init_nest_lock(nest_of(&lock_));
}

OmpNestLock::~OmpNestLock() {
    omp_destroy_nest_lock(nest_of(&lock_));
}

void OmpNestLock::acquire() {
    omp_set_nest_lock(nest_of(&lock_));
}

bool OmpNestLock::try_acquire() {
    return omp_test_nest_lock(nest_of(&lock_)) != 0;
}

void OmpNestLock::release() {
    omp_unset_nest_lock(nest_of(&lock_));
}

void omp_region(int threads, const std::function<void(int)> &body) {
    omp_set_dynamic(0);
#pragma omp parallel num_threads(threads)
    body(omp_get_thread_num());
}

void omp_wait_for_all() {
#pragma omp barrier
}

} // namespace bench

#endif
