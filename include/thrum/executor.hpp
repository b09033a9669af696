/* SPDX-License-Identifier: MIT */
/*
 * executor.hpp: a pool of threads that run jobs of any callable with arguments, for C++17; Python's
 * ThreadPoolExecutor.
 *
 *     thrum::executor pool(4);
 *     thrum::future<long> size = pool.submit([](long n) { return 4096 * n; }, 10L);
 *     use(size.get());                                             // waits; throws what the job threw
 *
 * A handle of a thrum_executor (thrum/executor.h), whose rules are the jobs' and the workers': movable, not
 * copyable. Its destructor shuts it down and waits for every job. The callable and its arguments are copied
 * or moved into the job, as std::thread does; they are destroyed when the job has ended, and before its
 * future is done, or with the future of a job that was not run.
 *
 * Failing     what a job throws is its future's: get() throws it, and where nobody asks the exception hook is
 *             told. A job of post(), which has no future, tells the hook.
 * Memory      one allocation a job, beside those of thrum/executor.h.
 */
#ifndef THRUM_EXECUTOR_HPP
#define THRUM_EXECUTOR_HPP

#if __cplusplus < 201703L
#error "thrum/executor.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/executor.h>
#include <thrum/future.hpp>
#include <thrum/thread.hpp>

THRUM_BEGIN_QUIET_
namespace thrum {

namespace detail {

/*
 * A job with its futures' value. Two references are the job's. One goes when it has run, or when it is known
 * that it never will: whichever way it ends, once. The other goes when its future has told it that it is
 * done.
 */
template <class T, class Call> class job_state final : public value_state<T> {
  public:
    template <class F, class... A>
    explicit job_state(F &&function, A &&...arguments)
        : call(std::in_place, std::forward<F>(function), std::forward<A>(arguments)...) {}

    /* The job. Whatever way it is left, its reference goes at the end. */
    __attribute__((no_sanitize("undefined"))) static int run(void *self, void **) {
        job_state *const state = static_cast<job_state *>(self);
        const last_of keep{state};
#ifdef __cpp_exceptions
        failure_text failure;
        try {
            state->work();
            return 0;
        } catch (abi::__forced_unwind &) {
            throw;
        } catch (...) {
            state->thrown = std::current_exception();
            failure = note_current_exception();
        }
        return thrum_job_error(failure.code ? failure.code : 1, "%s", failure.text);
#else
        state->work();
        return 0;
#endif
    }

    /* The callback of its future, which is done. What a job that has run wrote, this call sees. */
    static void told(thrum_future *, void *self) {
        job_state *const state = static_cast<job_state *>(self);
        if (!state->over) state->end();
        state->release();
    }

    /* Its job's part is over: it has run, or it never will. */
    void end() noexcept {
        over = true;
        call.reset();
        this->release();
    }

  private:
    struct last_of {
        job_state *state;
        ~last_of() {
            state->end();
        }
    };
    void work() {
        if constexpr (std::is_void_v<T>) {
            (*call)();
            this->value.emplace();
        } else if constexpr (std::is_reference_v<T>) {
            this->value.emplace(std::addressof((*call)()));
        } else {
            this->value.emplace((*call)());
        }
    }
    std::optional<Call> call;
    bool over = false; /* written by the job, before its future is done */
};

} // namespace detail

/*
 * A C function as a job of thrum_executor_submit, that may throw: `thrum::job<measure>`. It fails with the
 * exception's code and text, and its worker goes on. Where exceptions are off it is called, and no more.
 */
#ifdef __cpp_exceptions
template <int (*function)(void *, void **)>
__attribute__((no_sanitize("undefined"))) int job(void *argument, void **value) {
    failure_text failure;
    try {
        return function(argument, value);
    } catch (abi::__forced_unwind &) {
        throw;
    } catch (...) {
        failure = note_current_exception();
    }
    return thrum_job_error(failure.code ? failure.code : 1, "%s", failure.text);
}
#else
template <int (*function)(void *, void **)> int job(void *argument, void **value) {
    return function(argument, value);
}
#endif

class executor {
  public:
    /* No pool: what is submitted to it is THRUM_CLOSED. */
    executor() noexcept = default;
    /* At most so many workers; the config may be null. The result is that of thrum_executor_new. */
    executor(int most, const thrum_executor_config *config, thrum_result &result) {
        result = thrum_executor_new(&handle, most, config);
    }
#ifdef __cpp_exceptions
    /* Throws thrum::error. */
    explicit executor(int most, const thrum_executor_config *config = nullptr) {
        detail::check(thrum_executor_new(&handle, most, config));
    }
#endif
    executor(executor &&other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
    executor &operator=(executor &&other) noexcept {
        executor(std::move(other)).swap(*this);
        return *this;
    }
    ~executor() {
        (void)shutdown();
        thrum_executor_release(handle);
    }
    void swap(executor &other) noexcept {
        std::swap(handle, other.handle);
    }

    template <class F, class... A>
    using result_of = std::invoke_result_t<std::decay_t<F>, std::decay_t<A>...>;

#ifdef __cpp_exceptions
    /* A future of what the callable returns. Throws thrum::error with a result of thrum_executor_submit. */
    template <class F, class... A>
    THRUM_MUST_USE future<result_of<F, A...>> submit(F &&function, A &&...arguments) {
        future<result_of<F, A...>> answer;
        detail::check(submit_to(answer, std::forward<F>(function), std::forward<A>(arguments)...));
        return answer;
    }
#endif
    /* The same into a future of the caller's. Unless THRUM_OK the future is left alone. */
    template <class T, class F, class... A>
    THRUM_MUST_USE thrum_result submit_to(future<T> &answer, F &&function, A &&...arguments) {
        static_assert(std::is_same_v<T, result_of<F, A...>>, "the future is of what the callable returns");
        using state_type = detail::job_state<T, detail::bound_call_of<F, A...>>;
        if (!handle) return THRUM_CLOSED;
        state_type *const state =
            new (std::nothrow) state_type(std::forward<F>(function), std::forward<A>(arguments)...);
        if (!state) return THRUM_NO_MEMORY;
        future<T> mine(state);
        state->retain(); /* the job's */
        const thrum_result result = thrum_executor_submit(handle, state_type::run, state, &state->done);
        if (result != THRUM_OK) {
            state->end();
            return result;
        }
        state->retain(); /* the callback's */
        if (thrum_future_add_callback(state->done, state_type::told, state) != THRUM_OK) {
            state->release();
            if (never_runs(state->done)) {
                state->end();
                return THRUM_NO_MEMORY;
            }
        }
        answer = std::move(mine);
        return THRUM_OK;
    }

    /* A job without a future, for what it does. As thrum_executor_submit. */
    template <class F, class... A> THRUM_MUST_USE thrum_result post(F &&function, A &&...arguments) {
        future<void> nobody;
        return submit_to(
            nobody, [](auto &&...part) { (void)std::invoke(std::forward<decltype(part)>(part)...); },
            std::forward<F>(function), std::forward<A>(arguments)...);
    }

    /* THRUM_OK; THRUM_DEADLOCK: a job of its own. `how` as of thrum_executor_shutdown. */
    thrum_result shutdown(int how = THRUM_SHUTDOWN_WAIT) noexcept {
        return handle ? thrum_executor_shutdown(handle, how) : THRUM_OK;
    }
    /* Waits until a shutdown is complete, up to a deadline or a moment of any clock. */
    template <class Moment> thrum_result join_until(const Moment &moment) {
        if (!handle) return THRUM_OK;
        return detail::until(moment,
                             [this](thrum_deadline end) { return thrum_executor_join_until(handle, end); });
    }
    template <class Rep, class Period>
    thrum_result join_for(const std::chrono::duration<Rep, Period> &timeout) {
        return join_until(after(timeout));
    }
    size_t workers() const noexcept {
        return handle ? thrum_executor_workers(handle) : 0;
    }
    size_t pending() const noexcept {
        return handle ? thrum_executor_pending(handle) : 0;
    }
    using native_handle_type = thrum_executor *;
    native_handle_type native_handle() const noexcept {
        return handle;
    }

  private:
    /* Where there was no memory for the callback: whether the job has not begun, and is cancelled now. */
    static bool never_runs(thrum_future *future) noexcept {
        if (thrum_future_cancel(future) == THRUM_OK) return true;
        const thrum_result result = thrum_future_try_result(future, nullptr);
        return result == THRUM_BROKEN || result == THRUM_NO_THREAD;
    }
    thrum_executor *handle = nullptr;
};

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
