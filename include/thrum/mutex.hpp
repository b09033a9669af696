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
 * address, which is its native_handle(), too. It adds no state but the N places, is constant-initialized, and
 * needs no destroying. Times: thrum/time.hpp. The only difference to the standard's: a sharded_shared_mutex
 * refers to its own places, so that a constexpr one is static.
 *
 * A std::condition_variable_any may be destroyed, as the standard promises, as soon as all its waiters are
 * notified: it is the standard library's, and keeps what its waiters still need. A thrum::condition
 * (thrum/condition.hpp) and a thrum_cond may be destroyed once every wait has returned.
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
#include <thrum/time.hpp>

#include <cstdlib>
#include <system_error>

THRUM_BEGIN_QUIET_
namespace thrum {

namespace detail {

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
    constexpr mutex() noexcept : thrum_lock(thrum_lock THRUM_LOCK_INIT) {}
    using native_handle_type = thrum_lock *;
    native_handle_type native_handle() {
        return this;
    }
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
    constexpr spin_mutex() noexcept : thrum_spinlock(thrum_spinlock THRUM_SPINLOCK_INIT) {}
    using native_handle_type = thrum_spinlock *;
    native_handle_type native_handle() {
        return this;
    }
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
    constexpr recursive_mutex() noexcept : thrum_rlock(thrum_rlock THRUM_RLOCK_INIT) {}
    using native_handle_type = thrum_rlock *;
    native_handle_type native_handle() {
        return this;
    }
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
    constexpr shared_mutex() noexcept : thrum_rwlock(thrum_rwlock THRUM_RWLOCK_INIT) {}
    using native_handle_type = thrum_rwlock *;
    native_handle_type native_handle() {
        return this;
    }
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
        : thrum_sharded_rwlock(thrum_sharded_rwlock THRUM_SHARDED_RWLOCK_INIT(places, Places)) {}
    using native_handle_type = thrum_sharded_rwlock *;
    native_handle_type native_handle() {
        return this;
    }
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
THRUM_END_QUIET_

#endif // C++17
#endif
