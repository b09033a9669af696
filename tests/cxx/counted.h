/* SPDX-License-Identifier: MIT */
#ifndef THRUM_TESTS_COUNTED_H
#define THRUM_TESTS_COUNTED_H

#include <atomic>

/* Counts its living copies. */
struct counted {
    static inline std::atomic<int> living;
    counted() {
        living++;
    }
    counted(const counted &) {
        living++;
    }
    counted(counted &&) noexcept {
        living++;
    }
    ~counted() {
        living--;
    }
    counted &operator=(const counted &) = default;
    counted &operator=(counted &&) = default;
};

#endif
