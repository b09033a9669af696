/* SPDX-License-Identifier: MIT */
/*
 * condition.hpp: the condition of a thrum::mutex or a thrum::recursive_mutex, for C++17, with the members of
 * std::condition_variable.
 *
 *     static thrum::mutex mutex;
 *     static thrum::condition filled(mutex);
 *     static int items;
 *
 *     std::unique_lock<thrum::mutex> lock(mutex);
 *     filled.wait(lock, [] { return items > 0; });
 *
 * Derived from the C object (thrum/cond.h), which is bound to its mutex when it is made. It keeps that one's
 * rules where the standard's are others: a notifier holds the mutex; there is no spurious return; waiters are
 * chosen in the order in which they came. It may be destroyed once every wait has returned. Its memory order
 * is the mutex's.
 *
 * A wait or a notify without the mutex throws thrum::error, THRUM_NOT_LOCKED or THRUM_NOT_OWNER; where
 * exceptions are off it ends the program. An exception that leaves a predicate goes on to the caller, with
 * the mutex held.
 */
#ifndef THRUM_CONDITION_HPP
#define THRUM_CONDITION_HPP

#if __cplusplus < 201703L
#error "thrum/condition.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/cond.h>
#include <thrum/error.hpp>
#include <thrum/mutex.hpp>

#include <condition_variable>
#include <mutex>

THRUM_BEGIN_QUIET_
namespace thrum {

class condition : public thrum_cond {
  public:
    explicit condition(mutex &of) noexcept : thrum_cond(thrum_cond THRUM_COND_INIT(of.native_handle())) {}
    explicit condition(recursive_mutex &of) noexcept
        : thrum_cond(thrum_cond THRUM_COND_INIT(of.native_handle())) {}
    condition(const condition &) = delete;
    condition &operator=(const condition &) = delete;

    void notify_one() {
        check(thrum_cond_notify(this, 1));
    }
    void notify_all() {
        check(thrum_cond_notify_all(this));
    }
    template <class Mutex> void wait(std::unique_lock<Mutex> &guard) {
        check(bound(guard) ? thrum_cond_wait(this) : THRUM_NOT_LOCKED);
    }
    template <class Mutex, class Predicate> void wait(std::unique_lock<Mutex> &guard, Predicate predicate) {
        while (!predicate()) wait(guard);
    }
    /* A deadline, or a moment of any clock. */
    template <class Mutex, class Moment>
    std::cv_status wait_until(std::unique_lock<Mutex> &guard, const Moment &moment) {
        const thrum_result result = detail::until(moment, [&](thrum_deadline end) {
            return bound(guard) ? thrum_cond_wait_until(this, end) : THRUM_NOT_LOCKED;
        });
        if (result == THRUM_TIMEOUT) return std::cv_status::timeout;
        check(result);
        return std::cv_status::no_timeout;
    }
    /* Whether it is so: also where it became so just when the time was over. */
    template <class Mutex, class Moment, class Predicate>
    bool wait_until(std::unique_lock<Mutex> &guard, const Moment &moment, Predicate predicate) {
        while (!predicate())
            if (wait_until(guard, moment) == std::cv_status::timeout) return predicate();
        return true;
    }
    template <class Mutex, class Rep, class Period>
    std::cv_status wait_for(std::unique_lock<Mutex> &guard,
                            const std::chrono::duration<Rep, Period> &timeout) {
        return wait_until(guard, after(timeout));
    }
    template <class Mutex, class Rep, class Period, class Predicate>
    bool wait_for(std::unique_lock<Mutex> &guard, const std::chrono::duration<Rep, Period> &timeout,
                  Predicate predicate) {
        return wait_until(guard, after(timeout), std::move(predicate));
    }

  private:
    /* The lock is that of the condition's own mutex, and holds it. */
    template <class Mutex> bool bound(const std::unique_lock<Mutex> &guard) const {
        return guard.owns_lock() && THRUM_COND_LOCK_(guard.mutex()->native_handle()) == lock;
    }
    static void check(thrum_result result) {
#ifdef __cpp_exceptions
        detail::check(result);
#else
        if (THRUM_UNLIKELY(result != THRUM_OK)) std::abort();
#endif
    }
};

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
