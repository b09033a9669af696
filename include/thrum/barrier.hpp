/* SPDX-License-Identifier: MIT */
/*
 * barrier.hpp: a barrier for C++17.
 *
 *     static thrum::barrier meeting(5);
 *
 *     int32_t index;
 *     if (meeting.wait(&index) == THRUM_OK && index == 4) elsewhere();     // the last to come
 *
 * Derived from the C object (thrum/barrier.h): its results, its cost and its memory order. It is
 * constant-initialized, and needs no destroying. Nothing here throws.
 */
#ifndef THRUM_BARRIER_HPP
#define THRUM_BARRIER_HPP

#if __cplusplus < 201703L
#error "thrum/barrier.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/barrier.h>
#include <thrum/time.hpp>

THRUM_BEGIN_QUIET_
namespace thrum {

class barrier : public thrum_barrier {
  public:
    /* 1 to THRUM_BARRIER_MAX: nothing checks it. */
    constexpr explicit barrier(int32_t parties) noexcept
        : thrum_barrier(thrum_barrier THRUM_BARRIER_INIT(parties)) {}
    barrier(const barrier &) = delete;
    barrier &operator=(const barrier &) = delete;

    /* THRUM_OK, and the party's index; THRUM_BROKEN; THRUM_TIMEOUT. */
    THRUM_MUST_USE thrum_result wait(int32_t *index = nullptr) noexcept {
        return thrum_barrier_wait(this, index);
    }
    template <class Moment>
    THRUM_MUST_USE thrum_result wait_until(const Moment &moment, int32_t *index = nullptr) {
        return thrum_barrier_wait_until(this, index, detail::deadline_at(moment));
    }
    template <class Rep, class Period>
    THRUM_MUST_USE thrum_result wait_for(const std::chrono::duration<Rep, Period> &timeout,
                                         int32_t *index = nullptr) {
        return wait_until(after(timeout), index);
    }
    void abort() noexcept {
        thrum_barrier_abort(this);
    }
    void reset() noexcept {
        thrum_barrier_reset(this);
    }
    bool broken() const noexcept {
        return thrum_barrier_broken(this);
    }
    int32_t parties() const noexcept {
        return thrum_barrier_parties(this);
    }
    int32_t waiting() const noexcept {
        return thrum_barrier_waiting(this);
    }
};

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
