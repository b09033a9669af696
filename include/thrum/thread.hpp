/* SPDX-License-Identifier: MIT */
/*
 * thread.hpp: a thread of any callable with arguments, for C++17; Python's threading.Thread with the members
 * of std::jthread.
 *
 *     static thrum::event stop;
 *     thrum::thread server(serve, page);                        // throws; start() returns its result
 *     ...
 *     stop.set();
 *     server.join();                                            // or at the end of its scope
 *
 * A handle: movable, not copyable. Its destructor, and an assignment to it, wait for the thread, so that what
 * the thread refers to in the scope lives until then; detach() gives the thread away. The callable and its
 * arguments are copied or moved into the thread, as std::thread does; std::ref hands a reference.
 *
 * Failing     An exception that leaves the callable fails the thread, as in Python: the exception hook
 *             (thrum/hooks.h) is told its type and text, in that thread, and join() returns as for any end.
 *             failed() says that it failed. An exception that is to reach another thread goes through a
 *             future (thrum/executor.hpp).
 * Ends        thrum_thread_exit and thrum_thread_fail unwind it: destructors run.
 * Memory      one allocation beside those of thrum/thread.h.
 */
#ifndef THRUM_THREAD_HPP
#define THRUM_THREAD_HPP

#if __cplusplus < 201703L
#error "thrum/thread.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/error.hpp>
#include <thrum/failure.hpp>
#include <thrum/thread.h>
#include <thrum/time.hpp>

#include <functional>
#include <memory>
#include <new>
#include <tuple>
#include <type_traits>
#include <utility>

THRUM_BEGIN_QUIET_
namespace thrum {

/* How a thread is started; what thrum_thread_config says without its target. All by default. */
struct thread_options {
    const char *name = nullptr;
    thrum_daemon daemon = THRUM_DAEMON_INHERIT;
    size_t stack_size = 0;
    uint64_t timer_slack_ns = 0;
    thrum_context context = {};
};

namespace detail {

/* A callable with its arguments, called once. */
template <class Function, class... Arguments> class bound_call {
  public:
    template <class F, class... A>
    explicit bound_call(F &&function, A &&...arguments)
        : parts(std::forward<F>(function), std::forward<A>(arguments)...) {}
    decltype(auto) operator()() {
        return std::apply(
            [](auto &&...part) -> decltype(auto) {
                return std::invoke(std::forward<decltype(part)>(part)...);
            },
            std::move(parts));
    }

  private:
    std::tuple<Function, Arguments...> parts;
};
template <class F, class... A> using bound_call_of = bound_call<std::decay_t<F>, std::decay_t<A>...>;

/*
 * A thread's target, and its C++ part: the call is destroyed in the thread, before the hook is told of a
 * failure.
 */
template <class Call> void run_call(void *call) {
    const std::unique_ptr<Call> owned(static_cast<Call *>(call));
    (void)(*owned)();
}

template <class Call> void *call_target(void *call) {
    run_call<Call>(call);
    return nullptr;
}

} // namespace detail

class thread {
  public:
    thread() noexcept = default;
#ifdef __cpp_exceptions
    /* Throws thrum::error: THRUM_NO_THREAD, THRUM_NO_MEMORY, and the others of thrum_thread_start. */
    template <class F, class... A,
              class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, thread> &&
                                       !std::is_same_v<std::decay_t<F>, thread_options>>>
    explicit thread(F &&function, A &&...arguments)
        : thread(thread_options(), std::forward<F>(function), std::forward<A>(arguments)...) {}
    template <class F, class... A> thread(const thread_options &options, F &&function, A &&...arguments) {
        detail::check(start(options, std::forward<F>(function), std::forward<A>(arguments)...));
    }
#endif
    thread(thread &&other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
    thread &operator=(thread &&other) noexcept {
        thread(std::move(other)).swap(*this);
        return *this;
    }
    ~thread() {
        (void)join();
        detach();
    }

    /*
     * Starts the callable with copies of the arguments. THRUM_OK; THRUM_STATE: it has a thread already;
     * THRUM_NO_MEMORY and the others of thrum_thread_new and thrum_thread_start: then it has none. Throws
     * only what copying them throws.
     */
    template <class F, class... A, class = std::enable_if_t<!std::is_same_v<std::decay_t<F>, thread_options>>>
    THRUM_MUST_USE thrum_result start(F &&function, A &&...arguments) {
        return start(thread_options(), std::forward<F>(function), std::forward<A>(arguments)...);
    }
    template <class F, class... A>
    THRUM_MUST_USE thrum_result start(const thread_options &options, F &&function, A &&...arguments) {
        using call_type = detail::bound_call_of<F, A...>;
        static_assert(std::is_invocable_v<std::decay_t<F>, std::decay_t<A>...>,
                      "the callable takes other arguments");
        if (handle) return THRUM_STATE;
        std::unique_ptr<call_type> call(
            new (std::nothrow) call_type(std::forward<F>(function), std::forward<A>(arguments)...));
        if (!call) return THRUM_NO_MEMORY;
        thrum_thread_config config = {};
        config.target = target<detail::call_target<call_type>>;
        config.argument = call.get();
        config.name = options.name;
        config.daemon = options.daemon;
        config.stack_size = options.stack_size;
        config.timer_slack_ns = options.timer_slack_ns;
        config.context = options.context;
        const thrum_result result = thrum_thread_spawn(&handle, &config);
        if (result == THRUM_OK) (void)call.release(); /* the thread's */
        return result;
    }

    /* Whether it has a thread: one that has ended, too, until it is moved or detached. */
    bool joinable() const noexcept {
        return handle != nullptr;
    }
    /*
     * Waits until it has ended, any number of times. THRUM_OK; THRUM_NOT_STARTED; THRUM_DEADLOCK: the caller.
     */
    thrum_result join() noexcept {
        return handle ? thrum_thread_join(handle, nullptr) : THRUM_NOT_STARTED;
    }
    /* A deadline, or a moment of any clock; also THRUM_TIMEOUT. */
    template <class Moment> thrum_result join_until(const Moment &moment) {
        if (!handle) return THRUM_NOT_STARTED;
        return detail::until(
            moment, [this](thrum_deadline end) { return thrum_thread_join_until(handle, nullptr, end); });
    }
    template <class Rep, class Period>
    thrum_result join_for(const std::chrono::duration<Rep, Period> &timeout) {
        return join_until(after(timeout));
    }
    /* The thread goes on without the handle, and the process's end waits for it unless it is a daemon. */
    void detach() noexcept {
        thrum_thread_release(std::exchange(handle, nullptr));
    }
    void swap(thread &other) noexcept {
        std::swap(handle, other.handle);
    }

    bool is_alive() const noexcept {
        return handle && thrum_thread_is_alive(handle);
    }
    /* Whether it has ended by failing; then its code. */
    bool failed(int *code = nullptr) const noexcept {
        return handle && thrum_thread_failed(handle, code);
    }
    uint64_t ident() const noexcept {
        return handle ? thrum_thread_ident(handle) : 0;
    }
    uint32_t native_id() const noexcept {
        return handle ? thrum_thread_native_id(handle) : 0;
    }
    thrum_name name() const noexcept {
        return handle ? thrum_thread_name(handle) : thrum_name{};
    }
    THRUM_MUST_USE thrum_result set_name(const char *name) noexcept {
        return handle ? thrum_thread_set_name(handle, name) : THRUM_NOT_STARTED;
    }
    using native_handle_type = thrum_thread *;
    native_handle_type native_handle() const noexcept {
        return handle;
    }

  private:
    thrum_thread *handle = nullptr;
};

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
