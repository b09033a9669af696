/* SPDX-License-Identifier: MIT */
/*
 * event.hpp: an event for C++17.
 *
 *     static thrum::event stopping;
 *
 *     while (!stopping.wait_for(std::chrono::milliseconds(100))) elsewhere();
 *     ...
 *     stopping.set();
 *
 * Derived from the C object (thrum/event.h): its four bytes, its cost and its memory order. It is
 * constant-initialized, clear, and needs no destroying. Nothing here throws.
 */
#ifndef THRUM_EVENT_HPP
#define THRUM_EVENT_HPP

#if __cplusplus < 201703L
#error "thrum/event.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/event.h>
#include <thrum/time.hpp>

THRUM_BEGIN_QUIET_
namespace thrum {

class event : public thrum_event {
  public:
    constexpr event() noexcept : thrum_event(thrum_event THRUM_EVENT_INIT) {}
    event(const event &) = delete;
    event &operator=(const event &) = delete;

    void set() noexcept {
        thrum_event_set(this);
    }
    void clear() noexcept {
        thrum_event_clear(this);
    }
    bool is_set() const noexcept {
        return thrum_event_is_set(this);
    }
    void wait() noexcept {
        thrum_event_wait(this);
    }
    /* Whether it was set in time. */
    template <class Moment> bool wait_until(const Moment &moment) {
        return detail::until(
            moment, [this](thrum_deadline end) { return thrum_event_wait_until(this, end) == THRUM_OK; });
    }
    template <class Rep, class Period> bool wait_for(const std::chrono::duration<Rep, Period> &timeout) {
        return wait_until(after(timeout));
    }
};

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
