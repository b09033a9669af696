/* SPDX-License-Identifier: MIT */
/*
 * future.hpp: the value, or the exception, that a job will have; for C++17. Made by thrum/executor.hpp and by
 * thrum/promise.hpp.
 *
 *     thrum::executor pool(4);
 *     thrum::future<long> size = pool.submit([] { return 42L; });
 *     if (size.wait_for(std::chrono::milliseconds(50)) == THRUM_OK) elsewhere();
 *     use(size.get());                                             // waits; throws what the job threw
 *
 * A counted reference to a thrum_future (thrum/future.h) and to the value: copied as std::shared_future is.
 * The value lives as long as a future that refers to it. Asked by any number of threads, each with a future
 * of its own, any number of times.
 *
 * get() of a future of its own (an lvalue) gives a reference to the value; of one that is about to go
 * (`pool.submit(f).get()`, `std::move(size).get()`) it gives the value itself, moved: no other copy may be
 * asked then.
 *
 * Failing     get() throws what the job threw, or thrum::error: THRUM_CANCELLED; THRUM_BROKEN: no worker
 *             could run it, or its promise was destroyed unset; THRUM_NO_THREAD: no worker could be started;
 *             THRUM_FAILED: the job called thrum_thread_fail, or its promise was given an error; THRUM_STATE:
 *             the job ended its thread and has no value. With exceptions off wait() says so, and value() has
 *             the value. A failure that nobody asks for is told to the exception hook.
 * Memory order: that of thrum/future.h. What the job did happens before every get() and wait() that finds it
 * done.
 */
#ifndef THRUM_FUTURE_HPP
#define THRUM_FUTURE_HPP

#if __cplusplus < 201703L
#error "thrum/future.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/error.hpp>
#include <thrum/future.h>
#include <thrum/time.hpp>

#include <atomic>
#include <exception>
#include <optional>
#include <type_traits>
#include <utility>

THRUM_BEGIN_QUIET_
namespace thrum {

template <class T> class future;
template <class T> class promise;
class executor;

namespace detail {

/* What a job and its futures share, and count. The job's own half is in executor.hpp. */
class shared_state {
  public:
    shared_state() = default;
    shared_state(const shared_state &) = delete;
    shared_state &operator=(const shared_state &) = delete;
    void retain() noexcept {
        users.fetch_add(1, std::memory_order_relaxed); /* relaxed: the caller has a reference */
    }
    /* Acquire and release: what each user did happens before the end. */
    void release() noexcept {
        if (users.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }
    thrum_future *done = nullptr; /* set by the submitter, before it hands out a future */
    std::exception_ptr thrown;    /* by the job, before it is done; null: nothing */
    bool broken = false;          /* by a promise that is destroyed unset, before it is done */

  protected:
    virtual ~shared_state() {
        thrum_future_release(done);
    }

  private:
    std::atomic<unsigned> users{1};
};

/* And the value. A reference is kept as a pointer; void as a mark. */
struct nothing {};
template <class T> struct stored { using type = T; };
template <class T> struct stored<T &> { using type = T *; };
template <> struct stored<void> { using type = nothing; };
template <class T> class value_state : public shared_state {
  public:
    std::optional<typename stored<T>::type> value; /* written by the job, before it is done */
};

} // namespace detail

template <class T> class future {
  public:
    /* Refers to nothing: valid() is false, and what asks it answers THRUM_STATE. */
    future() noexcept = default;
    future(const future &other) noexcept : state(other.state) {
        if (state) state->retain();
    }
    future(future &&other) noexcept : state(std::exchange(other.state, nullptr)) {}
    future &operator=(future other) noexcept {
        std::swap(state, other.state);
        return *this;
    }
    ~future() {
        if (state) state->release();
    }

    bool valid() const noexcept {
        return state != nullptr;
    }
    bool done() const noexcept {
        return state && thrum_future_done(state->done);
    }
    bool running() const noexcept {
        return state && thrum_future_running(state->done);
    }
    bool cancelled() const noexcept {
        return state && thrum_future_cancelled(state->done);
    }
    /* THRUM_OK: it is cancelled; THRUM_STATE: it runs or is finished, and goes on. */
    thrum_result cancel() noexcept {
        return state ? thrum_future_cancel(state->done) : THRUM_STATE;
    }

    /* Waits until it is done. THRUM_OK: it has a value; else the results above. */
    thrum_result wait() const noexcept {
        return wait_until(THRUM_FOREVER);
    }
    /* A deadline, or a moment of any clock; also THRUM_TIMEOUT, and the future is as it was. */
    template <class Moment> thrum_result wait_until(const Moment &moment) const {
        if (!state) return THRUM_STATE;
        const thrum_result result = detail::until(moment, [this](thrum_deadline end) {
            return thrum_future_result_until(state->done, nullptr, end);
        });
        if (result == THRUM_OK && !state->value) return THRUM_STATE;
        return result == THRUM_FAILED && state->broken ? THRUM_BROKEN : result;
    }
    template <class Rep, class Period>
    thrum_result wait_for(const std::chrono::duration<Rep, Period> &timeout) const {
        return wait_until(after(timeout));
    }

    /* After a wait that said THRUM_OK: the value. Null: there is none. */
    std::remove_reference_t<T> *value() const noexcept {
        static_assert(!std::is_void_v<T>, "a future of void has no value");
        if (!done() || !state->value) return nullptr;
        if constexpr (std::is_reference_v<T>)
            return *state->value;
        else
            return &*state->value;
    }

#ifdef __cpp_exceptions
    /* Waits; the value by reference. */
    std::add_lvalue_reference_t<T> get() const & {
        ask();
        if constexpr (!std::is_void_v<T>) return *value();
    }
    /* Waits; the value itself. */
    T get() && {
        ask();
        if constexpr (std::is_reference_v<T>)
            return *value();
        else if constexpr (!std::is_void_v<T>)
            return std::move(*state->value);
    }
#endif

    using native_handle_type = thrum_future *;
    native_handle_type native_handle() const noexcept {
        return state ? state->done : nullptr;
    }

  private:
    friend class executor;
    friend class promise<T>;
    explicit future(detail::value_state<T> *owned) noexcept : state(owned) {}
#ifdef __cpp_exceptions
    void ask() const {
        const thrum_result result = wait();
        if (result == THRUM_FAILED && state->thrown) std::rethrow_exception(state->thrown);
        detail::check(result);
    }
#endif
    detail::value_state<T> *state = nullptr;
};

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
