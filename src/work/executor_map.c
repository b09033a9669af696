/* SPDX-License-Identifier: MIT */
/* Floor 5. The results of a map are its items' futures, in the items' order. */
#include <stdlib.h>
#include <thrum/executor.h>

/*
 * Those that have not begun are cancelled; then all are waited for, so that nobody uses the items any more.
 */
static void abandon(thrum_results *results) {
    for (size_t i = 0; i < results->count_; i++) (void)thrum_future_cancel(results->futures_[i]);
    for (size_t i = 0; i < results->count_; i++) {
        (void)thrum_future_result(results->futures_[i], NULL);
        thrum_future_release(results->futures_[i]);
    }
    free(results->futures_);
}

thrum_result thrum_executor_map(thrum_executor *executor, thrum_results *results, thrum_job *job, void *items,
                                size_t count, size_t size, thrum_deadline deadline) {
    thrum_results made = {calloc(count ? count : 1, sizeof(thrum_future *)), 0, 0, deadline};
    if (!made.futures_) return THRUM_NO_MEMORY;
    thrum_result result = THRUM_OK;
    while (made.count_ < count && result == THRUM_OK) {
        result = thrum_executor_submit(executor, job, (char *)items + made.count_ * size,
                                       &made.futures_[made.count_]);
        made.count_ += result == THRUM_OK;
    }
    if (result == THRUM_OK)
        *results = made;
    else
        abandon(&made);
    return result;
}

thrum_result thrum_results_next(thrum_results *results, void **value) {
    if (results->next_ == results->count_) return THRUM_EMPTY;
    const thrum_result result =
        thrum_future_result_until(results->futures_[results->next_], value, results->deadline_);
    /* a result that a job fails with is THRUM_FAILED: this one is the deadline's */
    if (result != THRUM_TIMEOUT) results->next_++;
    return result;
}

thrum_future_failure thrum_results_failure(const thrum_results *results) {
    thrum_future_failure failure = {0, ""};
    if (results->next_)
        THRUM_IGNORE_(thrum_future_try_error(results->futures_[results->next_ - 1], &failure));
    return failure;
}

void thrum_results_end(thrum_results *results) {
    abandon(results);
    results->futures_ = NULL;
    results->count_ = results->next_ = 0;
}
