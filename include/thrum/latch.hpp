/* SPDX-License-Identifier: MIT */
/*
 * latch.hpp: a latch for C++17, with the members of std::latch, and a count-down at the end of a scope.
 *
 *     static thrum::latch ready(4);
 *
 *     {
 *         thrum::arrival mine(ready);                              // counts down on every way out
 *         elsewhere();
 *     }
 *     ready.wait();
 *
 * Derived from the C object (thrum/latch.h): its eight bytes, its cost and its memory order, and a reset. It
 * is constant-initialized, and needs no destroying. Nothing here throws.
 */
#ifndef THRUM_LATCH_HPP
#define THRUM_LATCH_HPP

#if __cplusplus < 201703L
#error "thrum/latch.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/latch.h>
#include <thrum/time.hpp>

THRUM_BEGIN_QUIET_
namespace thrum {

class latch : public thrum_latch {
  public:
    /* 0 to THRUM_LATCH_MAX: nothing checks it. */
    constexpr explicit latch(int32_t count) noexcept : thrum_latch(thrum_latch THRUM_LATCH_INIT(count)) {}
    latch(const latch &) = delete;
    latch &operator=(const latch &) = delete;

    static constexpr int32_t max() noexcept {
        return THRUM_LATCH_MAX;
    }
    void count_down() noexcept {
        thrum_latch_count_down(this);
    }
    /* THRUM_OK; THRUM_INVALID when n is below 1. */
    thrum_result count_down(int32_t n) noexcept {
        return thrum_latch_count_down_n(this, n);
    }
    bool try_wait() const noexcept {
        return thrum_latch_try_wait(this);
    }
    void wait() noexcept {
        thrum_latch_wait(this);
    }
    /* Whether it opened in time. */
    template <class Moment> bool wait_until(const Moment &moment) {
        return detail::until(
            moment, [this](thrum_deadline end) { return thrum_latch_wait_until(this, end) == THRUM_OK; });
    }
    template <class Rep, class Period> bool wait_for(const std::chrono::duration<Rep, Period> &timeout) {
        return wait_until(after(timeout));
    }
    void arrive_and_wait() noexcept {
        count_down();
        wait();
    }
    int32_t count() const noexcept {
        return thrum_latch_count(this);
    }
    /* THRUM_OK; THRUM_INVALID: it is not open, or the count is negative. */
    THRUM_MUST_USE thrum_result reset(int32_t count) noexcept {
        return thrum_latch_reset(this, count);
    }
};

/* Counts a latch down once, when the scope ends. */
class arrival {
  public:
    explicit arrival(latch &at) noexcept : at_(at) {}
    ~arrival() {
        at_.count_down();
    }
    arrival(const arrival &) = delete;
    arrival &operator=(const arrival &) = delete;

  private:
    latch &at_;
};

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
