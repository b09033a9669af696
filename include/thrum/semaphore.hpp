/* SPDX-License-Identifier: MIT */
/*
 * semaphore.hpp: semaphores for C++17, with the members of std::counting_semaphore, and a permit that is
 * given back at the end of its scope.
 *
 *     static thrum::bounded_semaphore connections(2);
 *
 *     thrum::permit mine(connections);                             // waits; given back on every way out
 *     if (thrum::permit quick(connections, std::chrono::milliseconds(5)); quick) ...
 *
 * Each semaphore is derived from the C object (thrum/semaphore.h), whose address C functions and THRUM_WITH
 * take: its size, its cost and its memory order are that one's. It is constant-initialized, and needs no
 * destroying. Nothing here throws.
 */
#ifndef THRUM_SEMAPHORE_HPP
#define THRUM_SEMAPHORE_HPP

#if __cplusplus < 201703L
#error "thrum/semaphore.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/semaphore.h>
#include <thrum/time.hpp>

#include <mutex>
#include <utility>

THRUM_BEGIN_QUIET_
namespace thrum {

/* Starts with so many permits, 0 to THRUM_SEMAPHORE_MAX: nothing checks it. */
class semaphore : public thrum_semaphore {
  public:
    constexpr explicit semaphore(int32_t value) noexcept
        : thrum_semaphore(thrum_semaphore THRUM_SEMAPHORE_INIT(value)) {}
    semaphore(const semaphore &) = delete;
    semaphore &operator=(const semaphore &) = delete;

    static constexpr int32_t max() noexcept {
        return THRUM_SEMAPHORE_MAX;
    }
    void acquire() noexcept {
        thrum_semaphore_acquire(this);
    }
    THRUM_MUST_USE bool try_acquire() noexcept {
        return thrum_semaphore_try_acquire(this);
    }
    template <class Moment> THRUM_MUST_USE bool try_acquire_until(const Moment &moment) {
        return detail::until(moment, [this](thrum_deadline end) {
            return thrum_semaphore_acquire_until(this, end) == THRUM_OK;
        });
    }
    template <class Rep, class Period>
    THRUM_MUST_USE bool try_acquire_for(const std::chrono::duration<Rep, Period> &timeout) {
        return try_acquire_until(after(timeout));
    }
    /* THRUM_OK; as thrum_semaphore_release_n. */
    thrum_result release() noexcept {
        return thrum_semaphore_release(this);
    }
    thrum_result release(int32_t n) noexcept {
        return thrum_semaphore_release_n(this, n);
    }
    int32_t value() const noexcept {
        return thrum_semaphore_value(this);
    }
};

/* The same, with its first value as its bound: a release beyond it is THRUM_LIMIT and changes nothing. */
class bounded_semaphore : public thrum_bounded_semaphore {
  public:
    constexpr explicit bounded_semaphore(int32_t value) noexcept
        : thrum_bounded_semaphore(thrum_bounded_semaphore THRUM_BOUNDED_SEMAPHORE_INIT(value)) {}
    bounded_semaphore(const bounded_semaphore &) = delete;
    bounded_semaphore &operator=(const bounded_semaphore &) = delete;

    static constexpr int32_t max() noexcept {
        return THRUM_SEMAPHORE_MAX;
    }
    void acquire() noexcept {
        thrum_bounded_semaphore_acquire(this);
    }
    THRUM_MUST_USE bool try_acquire() noexcept {
        return thrum_bounded_semaphore_try_acquire(this);
    }
    template <class Moment> THRUM_MUST_USE bool try_acquire_until(const Moment &moment) {
        return detail::until(moment, [this](thrum_deadline end) {
            return thrum_bounded_semaphore_acquire_until(this, end) == THRUM_OK;
        });
    }
    template <class Rep, class Period>
    THRUM_MUST_USE bool try_acquire_for(const std::chrono::duration<Rep, Period> &timeout) {
        return try_acquire_until(after(timeout));
    }
    thrum_result release() noexcept {
        return thrum_bounded_semaphore_release(this);
    }
    thrum_result release(int32_t n) noexcept {
        return thrum_bounded_semaphore_release_n(this, n);
    }
    int32_t value() const noexcept {
        return thrum_bounded_semaphore_value(this);
    }
};

/*
 * One permit of a semaphore of either kind, given back when the scope ends; or none: moved from, given back
 * early, or not had in time. What a std::unique_lock is for a mutex.
 */
template <class Semaphore> class permit {
  public:
    permit() noexcept = default;
    explicit permit(Semaphore &semaphore) : from(&semaphore) {
        semaphore.acquire();
    }
    permit(Semaphore &semaphore, std::try_to_lock_t) : from(semaphore.try_acquire() ? &semaphore : nullptr) {}
    /* The caller has acquired it. */
    permit(Semaphore &semaphore, std::adopt_lock_t) noexcept : from(&semaphore) {}
    template <class Rep, class Period>
    permit(Semaphore &semaphore, const std::chrono::duration<Rep, Period> &timeout)
        : from(semaphore.try_acquire_for(timeout) ? &semaphore : nullptr) {}
    /* A deadline, or a moment of any clock. */
    template <class Moment, class = decltype(detail::until(std::declval<const Moment &>(),
                                                           std::declval<bool (*)(thrum_deadline)>()))>
    permit(Semaphore &semaphore, const Moment &moment)
        : from(semaphore.try_acquire_until(moment) ? &semaphore : nullptr) {}
    permit(permit &&other) noexcept : from(std::exchange(other.from, nullptr)) {}
    permit &operator=(permit &&other) noexcept {
        permit(std::move(other)).swap(*this);
        return *this;
    }
    ~permit() {
        release();
    }

    void swap(permit &other) noexcept {
        std::swap(from, other.from);
    }
    explicit operator bool() const noexcept {
        return from != nullptr;
    }
    /* Gives it back now. Without one: nothing. */
    void release() noexcept {
        if (from) (void)std::exchange(from, nullptr)->release();
    }
    /* Keeps it for another call to give back. */
    Semaphore *disown() noexcept {
        return std::exchange(from, nullptr);
    }

  private:
    Semaphore *from = nullptr;
};

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
