/* SPDX-License-Identifier: MIT */
/*
 * promise.hpp: the setter's side of a thrum::future, for C++17: a value that no job of an executor makes.
 *
 *     thrum::promise<long> size;                                   // throws; a form beside it returns
 *     thrum::future<long> answer = size.get_future();
 *     thrum::thread worker([](thrum::promise<long> mine) { mine.set_value(42L); }, std::move(size));
 *     use(answer.get());                                           // waits; throws what was set
 *
 * A handle of a thrum_future (thrum/future.h) and of its value: movable, not copyable. It is set once: with a
 * value, an exception or an error. A promise that is destroyed unset breaks: its futures say THRUM_BROKEN. A
 * future that is cancelled before start() or the first set refuses the value: THRUM_CANCELLED.
 *
 * Threads     the futures are used by any threads meanwhile. Several threads may set one promise: one of them
 *             does. Moves and the destructor come after all other calls have returned. One exception: where
 *             one thread alone sets the promise, a thread that has got what it set may destroy the promise
 *             before the setting call has returned.
 * Callbacks   of the future (thrum_future_add_callback) run in the setting call, or in the destructor of a
 *             promise that breaks. An exception that leaves a callback leaves the setting call, with the
 *             promise set; one that leaves the destructor ends the program.
 * Memory      two allocations, when it is made; set_value takes none but what the value takes, set_error one
 *             for its text, set_exception what a rethrow and the text of the exception take.
 * Memory order: what happened before a set, or before the end of a promise that breaks, happens before every
 * get() and wait() that finds it done.
 */
#ifndef THRUM_PROMISE_HPP
#define THRUM_PROMISE_HPP

#if __cplusplus < 201703L
#error "thrum/promise.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/error.hpp>
#include <thrum/failure.hpp>
#include <thrum/future.hpp>

#include <atomic>
#include <exception>
#include <memory>
#include <new>
#include <type_traits>
#include <utility>

THRUM_BEGIN_QUIET_
namespace thrum {

namespace detail {

/* What a promise and its futures share. Its value is the claimer's until the future is done. */
template <class T> class promised_state final : public value_state<T> {
  public:
    /* Acquire, pairs with the release of a claimer that made no value. */
    bool claim() noexcept {
        return !claimed.exchange(true, std::memory_order_acquire);
    }
    void unclaim() noexcept {
        claimed.store(false, std::memory_order_release);
    }

  private:
    std::atomic<bool> claimed{false};
};

/*
 * What a setting call has in hand. It keeps the state: the promise may be gone when the future is done. A
 * claim that comes to nothing, since a constructor threw, is given back.
 */
template <class T> class setting {
  public:
    explicit setting(promised_state<T> *of) noexcept : state(of), result(THRUM_STATE) {
        if (!state) return;
        state->retain();
        if (thrum_future_start(state->done) == THRUM_CANCELLED)
            result = THRUM_CANCELLED;
        else if (state->claim())
            result = THRUM_OK;
    }
    setting(const setting &) = delete;
    setting &operator=(const setting &) = delete;
    ~setting() {
        if (!state) return;
        if (result == THRUM_OK && !made) state->unclaim();
        state->release();
    }
    promised_state<T> *const state;
    thrum_result result; /* THRUM_OK: the call has the claim */
    bool made = false;   /* and what it sets is there */
};

} // namespace detail

template <class T> class promise {
    using state_type = detail::promised_state<T>;

  public:
    /* May be refused: THRUM_NO_MEMORY. It is no promise then: what asks it answers THRUM_STATE. */
    explicit promise(thrum_result &result) noexcept {
        result = init();
    }
#ifdef __cpp_exceptions
    /* Throws thrum::error with such a result. */
    promise() {
        detail::check(init());
    }
#endif
    promise(promise &&other) noexcept : state(std::exchange(other.state, nullptr)) {}
    promise &operator=(promise &&other) noexcept {
        promise(std::move(other)).swap(*this); /* breaks what it was, if it was not set */
        return *this;
    }
    ~promise() {
        if (!state) return;
        break_unset();
        state->release();
    }
    void swap(promise &other) noexcept {
        std::swap(state, other.state);
    }
    /* Whether it is one: not after a refusal or a move. */
    bool valid() const noexcept {
        return state != nullptr;
    }

    /* A future of it; any number, at any time. */
    THRUM_MUST_USE future<T> get_future() const noexcept {
        if (state) state->retain();
        return future<T>(state);
    }

    /*
     * Says that the work on it begins: its futures are running() and cannot be cancelled from now on. Each
     * set does it, too. THRUM_OK; THRUM_CANCELLED: nobody wants the value; THRUM_STATE: it was started or set
     * before.
     */
    THRUM_MUST_USE thrum_result start() noexcept {
        return state ? thrum_future_start(state->done) : THRUM_STATE;
    }

    /*
     * Sets the value, made of the arguments: one or more; of a promise of a reference, what it refers to; of
     * void, none. THRUM_OK; THRUM_CANCELLED; THRUM_STATE: the promise is set already, or another thread is
     * setting it. A refused call leaves its arguments unchanged. An exception of the value's constructor goes
     * through: the promise is unset, and its futures are running.
     */
    template <class... Arguments> thrum_result set_value(Arguments &&...arguments) {
        static_assert(takes<Arguments...>(), "the value is made of the arguments");
        detail::setting<T> mine(state);
        if (mine.result != THRUM_OK) return mine.result;
        if constexpr (std::is_reference_v<T>)
            mine.state->value.emplace(std::addressof(static_cast<T &>(arguments))...);
        else if constexpr (takes<Arguments...>())
            mine.state->value.emplace(std::forward<Arguments>(arguments)...);
        mine.made = true;
        return thrum_future_set_result(mine.state->done, nullptr);
    }

#ifdef __cpp_exceptions
    /*
     * Sets what get() throws. As set_value; also THRUM_INVALID: a null pointer. With the exception's code and
     * text wait() says THRUM_FAILED, and the exception hook is told where nobody asks.
     */
    thrum_result set_exception(std::exception_ptr thrown) {
        if (!thrown) return THRUM_INVALID;
        const failure_text failure = text_of(thrown);
        detail::setting<T> mine(state);
        if (mine.result != THRUM_OK) return mine.result;
        mine.state->thrown = std::move(thrown);
        mine.made = true;
        return thrum_future_set_error(mine.state->done, failure.code ? failure.code : 1, "%s", failure.text);
    }
#endif
    /*
     * Sets an error, without an exception: get() throws thrum::error with THRUM_FAILED, thrum_future_error
     * has the code and the text, cut to 255 bytes. As set_value; also THRUM_INVALID: a code of 0.
     */
    thrum_result set_error(int code, const char *text) {
        if (code == 0) return THRUM_INVALID;
        detail::setting<T> mine(state);
        if (mine.result != THRUM_OK) return mine.result;
        mine.made = true;
        return thrum_future_set_error(mine.state->done, code, "%s", text);
    }

    /* To be waited for and asked, not to be set. Null: it is no promise. */
    using native_handle_type = thrum_future *;
    native_handle_type native_handle() const noexcept {
        return state ? state->done : nullptr;
    }

  private:
    /* An object that outlives the call: no temporary, and none that a conversion would make. */
    template <class Argument> static constexpr bool refers() {
        return std::is_lvalue_reference_v<Argument> &&
               std::is_convertible_v<std::remove_reference_t<Argument> *, std::remove_reference_t<T> *>;
    }
    template <class... Arguments> static constexpr bool takes() {
        if constexpr (std::is_void_v<T>)
            return sizeof...(Arguments) == 0;
        else if constexpr (std::is_reference_v<T>)
            return sizeof...(Arguments) == 1 && (refers<Arguments>() && ...);
        else
            return sizeof...(Arguments) > 0 && std::is_constructible_v<T, Arguments...>;
    }
    thrum_result init() noexcept {
        state_type *const made = new (std::nothrow) state_type;
        if (!made) return THRUM_NO_MEMORY;
        const thrum_result result = thrum_future_new(&made->done);
        if (result == THRUM_OK)
            state = made;
        else
            made->release();
        return result;
    }
    /* It counts as asked for: no hook is told of a promise that breaks while nobody waits for it. */
    void break_unset() noexcept {
        detail::setting<T> mine(state);
        if (mine.result != THRUM_OK) return;
        state->broken = mine.made = true;
        THRUM_IGNORE_(thrum_future_set_error(state->done, THRUM_BROKEN, "the promise was destroyed unset"));
        THRUM_IGNORE_(thrum_future_try_result(state->done, nullptr));
    }
#ifdef __cpp_exceptions
    static failure_text text_of(const std::exception_ptr &thrown) {
        try {
            std::rethrow_exception(thrown);
        } catch (...) {
            return note_current_exception();
        }
    }
#endif
    state_type *state = nullptr;
};

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
