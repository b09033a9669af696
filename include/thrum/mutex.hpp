/* SPDX-License-Identifier: MIT */
/*
 * mutex.hpp: the locks for C++17, with the members that the standard's have.
 *
 *     thrum::mutex                      is a thrum_lock             and used as a std::timed_mutex
 *     thrum::recursive_mutex            a thrum_rlock               std::recursive_timed_mutex
 *     thrum::spin_mutex                 a thrum_spinlock            std::timed_mutex
 *     thrum::shared_mutex               a thrum_rwlock              std::shared_timed_mutex
 *     thrum::sharded_shared_mutex<N>    a thrum_sharded_rwlock      std::shared_timed_mutex
 *
 * So std::lock_guard, std::unique_lock, std::shared_lock, std::scoped_lock and std::condition_variable_any
 * take them. Each is derived from the C object that it names: C functions, THRUM_WITH and thrum_cond take its
 * address. It adds no state but the N places, is constant-initialized, and needs no destroying.
 *
 *     thrum::mutex accounts;
 *     std::scoped_lock both(accounts, audit);
 *     if (accounts.try_lock_until(thrum::after(std::chrono::milliseconds(5)))) ...
 *
 * What a call costs, who may make it and its memory order: as the C function of that name. None throws, but
 * recursive_mutex::lock at the greatest depth, which ends the program where exceptions are off. An unlock
 * that the C function would answer with THRUM_NOT_LOCKED or THRUM_NOT_OWNER changes nothing.
 */
#ifndef THRUM_MUTEX_HPP
#define THRUM_MUTEX_HPP

#if __cplusplus < 201703L
#error "thrum/mutex.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/lock.h>
#include <thrum/rlock.h>
#include <thrum/rwlock.h>
#include <thrum/spinlock.h>

#include <chrono>
#include <cstdlib>
#include <system_error>

namespace thrum {

namespace detail {

/*
 * Rounded up to nanoseconds, from any unit. What nanoseconds cannot count becomes their min() or max(); what
 * is not a number, min().
 */
template <class Rep, class Period>
std::chrono::nanoseconds saturated(const std::chrono::duration<Rep, Period> &duration) {
    using namespace std::chrono;
    const double seconds = std::chrono::duration<double>(duration).count();
    if (seconds >= THRUM_TIMEOUT_MAX) return nanoseconds::max();
    return seconds > -THRUM_TIMEOUT_MAX ? ceil<nanoseconds>(duration) : nanoseconds::min();
}

/* What is left until a moment of any clock; max(): more than can be counted. */
template <class Clock, class Duration>
std::chrono::nanoseconds left(const std::chrono::time_point<Clock, Duration> &moment) {
    using std::chrono::nanoseconds;
    const nanoseconds end = saturated(moment.time_since_epoch());
    const nanoseconds now = saturated(Clock::now().time_since_epoch());
    if (end == nanoseconds::min() || end == nanoseconds::max()) return end;
    nanoseconds::rep difference = 0;
    if (!__builtin_sub_overflow(end.count(), now.count(), &difference)) return nanoseconds(difference);
    return end > now ? nanoseconds::max() : nanoseconds::min();
}

} // namespace detail

/* The deadline that lies so far from now, rounded up to nanoseconds; too far to be counted: THRUM_FOREVER. */
template <class Rep, class Period> thrum_deadline after(const std::chrono::duration<Rep, Period> &timeout) {
    const std::chrono::nanoseconds distance = detail::saturated(timeout);
    return distance == distance.max() ? THRUM_FOREVER : thrum_after_ns(distance.count());
}

/* The deadline at a moment of the clock that deadlines are made of, in any unit. */
template <class Duration>
thrum_deadline at(const std::chrono::time_point<std::chrono::steady_clock, Duration> &moment) {
    const std::chrono::nanoseconds since_boot = detail::saturated(moment.time_since_epoch());
    if (since_boot == since_boot.max()) return THRUM_FOREVER;
    return since_boot > since_boot.zero() ? thrum_deadline{static_cast<uint64_t>(since_boot.count())}
                                          : THRUM_NOW;
}

namespace detail {

/*
 * `attempt` until a moment of any clock. One that has been set back meanwhile is given the time that is left.
 */
template <class Duration, class Attempt>
bool until(const std::chrono::time_point<std::chrono::steady_clock, Duration> &moment, Attempt attempt) {
    return attempt(at(moment));
}
template <class Clock, class Duration, class Attempt>
bool until(const std::chrono::time_point<Clock, Duration> &moment, Attempt attempt) {
    for (;;) {
        const std::chrono::nanoseconds distance = left(moment);
        if (attempt(after(distance))) return true;
        if (distance <= distance.zero()) return false;
    }
}

[[noreturn]] inline void refuse_depth() {
#ifdef __cpp_exceptions
    throw std::system_error(std::make_error_code(std::errc::resource_unavailable_try_again));
#else
    std::abort();
#endif
}

/* The standard's two timed forms from the one that takes a deadline. */
template <class Mutex> class timed {
  public:
    template <class Rep, class Period> bool try_lock_for(const std::chrono::duration<Rep, Period> &timeout) {
        return self().try_lock_until(after(timeout));
    }
    template <class Clock, class Duration>
    bool try_lock_until(const std::chrono::time_point<Clock, Duration> &moment) {
        return until(moment, [this](thrum_deadline deadline) { return self().try_lock_until(deadline); });
    }
    timed(const timed &) = delete;
    timed &operator=(const timed &) = delete;

  protected:
    constexpr timed() noexcept = default;

  private:
    Mutex &self() {
        return static_cast<Mutex &>(*this);
    }
};

/* And those of the shared side. */
template <class Mutex> class shared_timed : public timed<Mutex> {
  public:
    template <class Rep, class Period>
    bool try_lock_shared_for(const std::chrono::duration<Rep, Period> &timeout) {
        return self().try_lock_shared_until(after(timeout));
    }
    template <class Clock, class Duration>
    bool try_lock_shared_until(const std::chrono::time_point<Clock, Duration> &moment) {
        return until(moment,
                     [this](thrum_deadline deadline) { return self().try_lock_shared_until(deadline); });
    }

  private:
    Mutex &self() {
        return static_cast<Mutex &>(*this);
    }
};

} // namespace detail

class mutex : public thrum_lock, public detail::timed<mutex> {
  public:
    constexpr mutex() noexcept : thrum_lock THRUM_LOCK_INIT {}
    void lock() THRUM_ACQUIRES() THRUM_NOT_ANALYSED {
        thrum_lock_acquire(this);
    }
    bool try_lock() THRUM_TRIES(true) THRUM_NOT_ANALYSED {
        return thrum_lock_try_acquire(this);
    }
    using timed::try_lock_until;
    bool try_lock_until(thrum_deadline deadline) {
        return thrum_lock_acquire_until(this, deadline) == THRUM_OK;
    }
    void unlock() THRUM_RELEASES() THRUM_NOT_ANALYSED {
        (void)thrum_lock_release(this);
    }
};

class spin_mutex : public thrum_spinlock, public detail::timed<spin_mutex> {
  public:
    constexpr spin_mutex() noexcept : thrum_spinlock THRUM_SPINLOCK_INIT {}
    void lock() THRUM_ACQUIRES() THRUM_NOT_ANALYSED {
        thrum_spinlock_acquire(this);
    }
    bool try_lock() THRUM_TRIES(true) THRUM_NOT_ANALYSED {
        return thrum_spinlock_try_acquire(this);
    }
    using timed::try_lock_until;
    bool try_lock_until(thrum_deadline deadline) {
        return thrum_spinlock_acquire_until(this, deadline) == THRUM_OK;
    }
    void unlock() THRUM_RELEASES() THRUM_NOT_ANALYSED {
        (void)thrum_spinlock_release(this);
    }
};

class recursive_mutex : public thrum_rlock, public detail::timed<recursive_mutex> {
  public:
    constexpr recursive_mutex() noexcept : thrum_rlock THRUM_RLOCK_INIT {}
    /* Throws std::system_error, resource_unavailable_try_again, at the depth THRUM_RLOCK_DEPTH_MAX. */
    void lock() {
        if (thrum_rlock_acquire(this) != THRUM_OK) detail::refuse_depth();
    }
    bool try_lock() {
        return thrum_rlock_try_acquire(this);
    }
    using timed::try_lock_until;
    bool try_lock_until(thrum_deadline deadline) {
        return thrum_rlock_acquire_until(this, deadline) == THRUM_OK;
    }
    void unlock() {
        (void)thrum_rlock_release(this);
    }
};

class shared_mutex : public thrum_rwlock, public detail::shared_timed<shared_mutex> {
  public:
    constexpr shared_mutex() noexcept : thrum_rwlock THRUM_RWLOCK_INIT {}
    void lock() THRUM_ACQUIRES() THRUM_NOT_ANALYSED {
        thrum_rwlock_acquire_write(this);
    }
    bool try_lock() THRUM_TRIES(true) THRUM_NOT_ANALYSED {
        return thrum_rwlock_try_acquire_write(this);
    }
    using timed::try_lock_until;
    bool try_lock_until(thrum_deadline deadline) {
        return thrum_rwlock_acquire_write_until(this, deadline) == THRUM_OK;
    }
    void unlock() THRUM_RELEASES() THRUM_NOT_ANALYSED {
        (void)thrum_rwlock_release_write(this);
    }
    void lock_shared() THRUM_ACQUIRES_READ() THRUM_NOT_ANALYSED {
        thrum_rwlock_acquire_read(this);
    }
    bool try_lock_shared() THRUM_TRIES_READ(true) THRUM_NOT_ANALYSED {
        return thrum_rwlock_try_acquire_read(this);
    }
    using shared_timed::try_lock_shared_until;
    bool try_lock_shared_until(thrum_deadline deadline) {
        return thrum_rwlock_acquire_read_until(this, deadline) == THRUM_OK;
    }
    void unlock_shared() THRUM_RELEASES_READ() THRUM_NOT_ANALYSED {
        (void)thrum_rwlock_release_read(this);
    }
};

template <uint32_t Places>
class sharded_shared_mutex : public thrum_sharded_rwlock,
                             public detail::shared_timed<sharded_shared_mutex<Places>> {
    using timed = detail::timed<sharded_shared_mutex>;
    using shared_timed = detail::shared_timed<sharded_shared_mutex>;
    thrum_rwlock_slot places[Places] = {};

  public:
    constexpr sharded_shared_mutex() noexcept
        : thrum_sharded_rwlock THRUM_SHARDED_RWLOCK_INIT(places, Places) {}
    void lock() THRUM_ACQUIRES() THRUM_NOT_ANALYSED {
        thrum_sharded_rwlock_acquire_write(this);
    }
    bool try_lock() THRUM_TRIES(true) THRUM_NOT_ANALYSED {
        return thrum_sharded_rwlock_try_acquire_write(this);
    }
    using timed::try_lock_until;
    bool try_lock_until(thrum_deadline deadline) {
        return thrum_sharded_rwlock_acquire_write_until(this, deadline) == THRUM_OK;
    }
    void unlock() THRUM_RELEASES() THRUM_NOT_ANALYSED {
        (void)thrum_sharded_rwlock_release_write(this);
    }
    void lock_shared() THRUM_ACQUIRES_READ() THRUM_NOT_ANALYSED {
        thrum_sharded_rwlock_acquire_read(this);
    }
    bool try_lock_shared() THRUM_TRIES_READ(true) THRUM_NOT_ANALYSED {
        return thrum_sharded_rwlock_try_acquire_read(this);
    }
    using shared_timed::try_lock_shared_until;
    bool try_lock_shared_until(thrum_deadline deadline) {
        return thrum_sharded_rwlock_acquire_read_until(this, deadline) == THRUM_OK;
    }
    void unlock_shared() THRUM_RELEASES_READ() THRUM_NOT_ANALYSED {
        (void)thrum_sharded_rwlock_release_read(this);
    }
};

} // namespace thrum

#endif // C++17
#endif
