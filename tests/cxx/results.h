/* SPDX-License-Identifier: MIT */
#ifndef THRUM_TESTS_RESULTS_H
#define THRUM_TESTS_RESULTS_H

#include <thrum.hpp>

/* What get() throws, as a result; THRUM_OK: nothing. */
template <class T> thrum_result result_of(const thrum::future<T> &future) {
    try {
        future.get();
    } catch (const thrum::error &error) {
        return error.result();
    }
    return THRUM_OK;
}

#endif
