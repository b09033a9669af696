/* SPDX-License-Identifier: MIT */
/* Floor 5. A map is its items' futures, in the items' order. */
#include <stdlib.h>
#include <thrum/executor.h>

/* Those that have not begun are cancelled; then all are waited for, so that nobody uses the items any more. */
static void abandon(thrum_map *map) {
    for (size_t i = 0; i < map->count_; i++) (void)thrum_future_cancel(map->futures_[i]);
    for (size_t i = 0; i < map->count_; i++) {
        (void)thrum_future_result(map->futures_[i], NULL);
        thrum_future_release(map->futures_[i]);
    }
    free(map->futures_);
}

thrum_result thrum_executor_map(thrum_executor *executor, thrum_map *map, thrum_job *job, void *items,
                                size_t count, size_t size, thrum_deadline deadline) {
    thrum_map made = {calloc(count ? count : 1, sizeof(thrum_future *)), 0, 0, deadline};
    if (!made.futures_) return THRUM_NO_MEMORY;
    thrum_result result = THRUM_OK;
    while (made.count_ < count && result == THRUM_OK) {
        result = thrum_executor_submit(executor, job, (char *)items + made.count_ * size,
                                       &made.futures_[made.count_]);
        made.count_ += result == THRUM_OK;
    }
    if (result == THRUM_OK)
        *map = made;
    else
        abandon(&made);
    return result;
}

thrum_result thrum_map_next(thrum_map *map, void **value) {
    if (map->next_ == map->count_) return THRUM_EMPTY;
    const thrum_result result = thrum_future_result_until(map->futures_[map->next_], value, map->deadline_);
    /* a result that a job fails with is THRUM_FAILED: this one is the deadline's */
    if (result != THRUM_TIMEOUT) map->next_++;
    return result;
}

thrum_future_failure thrum_map_failure(const thrum_map *map) {
    thrum_future_failure failure = {0, ""};
    if (map->next_) (void)!thrum_future_try_error(map->futures_[map->next_ - 1], &failure);
    return failure;
}

void thrum_map_end(thrum_map *map) {
    abandon(map);
    map->futures_ = NULL;
    map->count_ = map->next_ = 0;
}
