/* SPDX-License-Identifier: MIT */
/*
 * timer.hpp: a thread that waits for a time and then calls any callable once, for C++17; Python's
 * threading.Timer. For more than a few timers: thrum/scheduler.hpp.
 *
 *     using namespace std::chrono_literals;
 *     thrum::timer reminder(500ms, [](int page) { use(page); }, 7);    // throws; start() returns its result
 *     ...
 *     if (reminder.cancel()) elsewhere();                          // in time: nothing was or will be called
 *
 * A handle: movable, not copyable. Its destructor, and an assignment to it, cancel the timer and wait for a
 * function that runs: afterwards nothing runs that could use what it refers to. Called from the function
 * itself, they do not wait, and the function runs on. detach() lets the timer go on alone. The callable and
 * its arguments are copied or moved into the timer, and destroyed in its thread, when it has been called or
 * cancelled. The function may use and destroy its handle: from its first moment on where start() was called,
 * and once the constructor has returned where that started the timer.
 *
 * Time        a duration, which counts from the start, a deadline, or a moment of any clock; never early. A
 *             time that has passed calls at once. A clock that is set back meanwhile makes it wait on.
 * Thread      no daemon: a pending timer keeps the process alive until it has fired or is cancelled.
 * Failing     an exception that leaves the callable fails the timer's thread: the exception hook
 *             (thrum/hooks.h) is told, and join() returns as for any end. In a program compiled without
 *             exceptions a function that leaves by thrum_thread_exit, thrum_thread_fail or pthread_exit
 *             leaves the callable and the timer's memory behind, and running() stays true.
 * Memory      one allocation beside those of thrum/thread.h.
 * Memory order: what happened before the start happens before the function; what happened before a cancel
 * before the end of the callable; the function, and the end of the callable, before the return of a join, and
 * before a running() that is false after one that was true.
 */
#ifndef THRUM_TIMER_HPP
#define THRUM_TIMER_HPP

#if __cplusplus < 201703L
#error "thrum/timer.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/event.h>
#include <thrum/thread.hpp>
#include <thrum/time.hpp>

#include <atomic>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

THRUM_BEGIN_QUIET_
namespace thrum {

namespace detail {

/*
 * What a timer's handle and its thread share, and count. `fate` leaves PENDING once: the thread makes it
 * CALLED, and then calls, or a cancel makes it CANCELLED.
 */
class timer_state {
  public:
    enum fate_type { PENDING, CALLED, ENDED, CANCELLED };
    timer_state() = default;
    timer_state(const timer_state &) = delete;
    timer_state &operator=(const timer_state &) = delete;

    /* Whether it is so now. Release and acquire: a cancel happens before the end of the callable. */
    bool decide(fate_type next) noexcept {
        fate_type before = PENDING;
        return fate.compare_exchange_strong(before, next, std::memory_order_acq_rel,
                                            std::memory_order_acquire);
    }
    /* Acquire and release: what each user did happens before the end. */
    void release() noexcept {
        if (users.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
    }
    std::atomic<fate_type> fate{PENDING};
    thrum_event cancelled = THRUM_EVENT_INIT; /* ends the thread's wait */
    thrum_thread *thread = nullptr;           /* the handle's */

  protected:
    virtual ~timer_state() = default;

  private:
    std::atomic<unsigned> users{2};
};

template <class Moment, class Call> class timer_call final : public timer_state {
  public:
    template <class F, class... A>
    explicit timer_call(const Moment &when, F &&function, A &&...arguments)
        : moment(when), call(std::in_place, std::forward<F>(function), std::forward<A>(arguments)...) {}

    /* The thread's target. Its reference goes at the end, whatever way that is. */
    static void *run(void *self) {
        const threads_part mine{static_cast<timer_call *>(self)};
        mine.state->serve();
        return nullptr;
    }

  private:
    struct threads_part {
        timer_call *const state;
        ~threads_part() {
            (void)state->decide(CANCELLED); /* a clock of the program's has thrown */
            state->call.reset();
            /* Release: what the function did happens before the answer that it is over. */
            if (state->fate.load(std::memory_order_relaxed) == CALLED)
                state->fate.store(ENDED, std::memory_order_release);
            state->release();
        }
    };
    void serve() {
        const bool in_time = until(moment, [this](thrum_deadline end) {
            return thrum_event_wait_until(&cancelled, end) == THRUM_OK;
        });
        if (!in_time && decide(CALLED)) (void)(*call)();
    }
    const Moment moment;
    std::optional<Call> call;
};

} // namespace detail

class timer {
  public:
    timer() noexcept = default;
#ifdef __cpp_exceptions
    /* Starts it. Throws thrum::error: THRUM_NO_THREAD, THRUM_NO_MEMORY, and the others of start(). */
    template <class When, class F, class... A> timer(const When &when, F &&function, A &&...arguments) {
        detail::check(start(when, std::forward<F>(function), std::forward<A>(arguments)...));
    }
#endif
    timer(timer &&other) noexcept : state(std::exchange(other.state, nullptr)) {}
    timer &operator=(timer &&other) noexcept {
        timer(std::move(other)).swap(*this);
        return *this;
    }
    ~timer() {
        (void)cancel();
        (void)join();
        detach();
    }

    /*
     * Calls the callable once with the arguments, when the time has come. THRUM_OK; THRUM_STATE: the handle
     * has a timer already; THRUM_NO_MEMORY and the others of thrum_thread_start: then it has none. Throws
     * only what copying the callable and the arguments throws. A start, a move and a detach come before or
     * after all other calls of the handle; the others may come from any threads.
     */
    template <class When, class F, class... A>
    THRUM_MUST_USE thrum_result start(const When &when, F &&function, A &&...arguments) {
        static_assert(std::is_invocable_v<std::decay_t<F>, std::decay_t<A>...>,
                      "the callable takes other arguments");
        const auto moment = detail::moment_of(when);
        using call_type = detail::timer_call<std::decay_t<decltype(moment)>, detail::bound_call_of<F, A...>>;
        if (state) return THRUM_STATE;
        call_type *const made =
            new (std::nothrow) call_type(moment, std::forward<F>(function), std::forward<A>(arguments)...);
        if (!made) return THRUM_NO_MEMORY;
        thrum_thread_config config = {};
        config.target = target<call_type::run>;
        config.argument = made;
        config.daemon = THRUM_DAEMON_NO;
        thrum_result result = thrum_thread_new(&made->thread, &config);
        if (result == THRUM_OK) {
            thrum_thread *const thread = thrum_thread_retain(made->thread);
            state = made; /* before the thread begins, whose function may destroy this handle */
            result = thrum_thread_start(thread);
            if (result != THRUM_OK) {
                state = nullptr;
                thrum_thread_release(thread); /* the handle's */
            }
            thrum_thread_release(thread);
        }
        if (result != THRUM_OK) {
            made->release(); /* the thread's */
            made->release();
        }
        return result;
    }

    /*
     * Whether this call kept the function from being called: it has not begun, and never will. Else it has
     * begun or is over, as running() says, or an earlier call has cancelled it. Never waits; the function may
     * call it.
     */
    bool cancel() noexcept {
        if (!state || !state->decide(state_type::CANCELLED)) return false;
        thrum_event_set(&state->cancelled);
        return true;
    }
    /* Whether the function has not begun, and is not cancelled. */
    bool pending() const noexcept {
        return is(state_type::PENDING);
    }
    /* Whether the function has begun, and has not ended yet. */
    bool running() const noexcept {
        return is(state_type::CALLED);
    }
    bool cancelled() const noexcept {
        return is(state_type::CANCELLED);
    }

    /*
     * Waits until the timer is over: its function has ended, or it was cancelled, and the callable is
     * destroyed; any number of times. THRUM_OK; THRUM_NOT_STARTED: the handle has no timer; THRUM_DEADLOCK:
     * the function calls it.
     */
    thrum_result join() noexcept {
        return state ? thrum_thread_join(state->thread, nullptr) : THRUM_NOT_STARTED;
    }
    /* A deadline, or a moment of any clock; also THRUM_TIMEOUT. */
    template <class Moment> thrum_result join_until(const Moment &moment) {
        if (!state) return THRUM_NOT_STARTED;
        return detail::until(moment, [this](thrum_deadline end) {
            return thrum_thread_join_until(state->thread, nullptr, end);
        });
    }
    template <class Rep, class Period>
    thrum_result join_for(const std::chrono::duration<Rep, Period> &timeout) {
        return join_until(after(timeout));
    }
    /* The timer goes on without the handle, which has none then. */
    void detach() noexcept {
        if (!state) return;
        thrum_thread_release(state->thread);
        std::exchange(state, nullptr)->release();
    }
    void swap(timer &other) noexcept {
        std::swap(state, other.state);
    }

    /* Whether the function has failed; then the code. */
    bool failed(int *code = nullptr) const noexcept {
        return state && thrum_thread_failed(state->thread, code);
    }
    /* Its thread. */
    using native_handle_type = thrum_thread *;
    native_handle_type native_handle() const noexcept {
        return state ? state->thread : nullptr;
    }

  private:
    using state_type = detail::timer_state;
    /* Acquire: with the end comes what the function did. */
    bool is(state_type::fate_type fate) const noexcept {
        return state && state->fate.load(std::memory_order_acquire) == fate;
    }
    state_type *state = nullptr;
};

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
