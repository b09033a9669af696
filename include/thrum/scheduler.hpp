/* SPDX-License-Identifier: MIT */
/*
 * scheduler.hpp: any number of timers on one thread, with functions of any type, for C++17.
 *
 *     using namespace std::chrono_literals;
 *     static thrum::scheduler clock;
 *     static thrum::scheduled heartbeat(clock, [] { tick(); });
 *
 *     if (heartbeat.every(1s) != THRUM_OK) elsewhere();            // the first time one second from now
 *     ...
 *     heartbeat.cancel();                                          // does not run, and will not
 *
 * thrum::scheduler is derived from the C object (thrum/scheduler.h), whose cost, time, order and thread are
 * these; it is constant-initialized. A thrum::scheduled is an entry of one scheduler, with its function:
 * scheduling allocates nothing, and an entry may be scheduled again when it is not pending. Neither is copied
 * or moved: other objects point to them.
 *
 * Ends        the destructor of an entry cancels it and waits for a call that runs: afterwards nothing runs
 *             that could use what the function refers to. An entry that its own function destroys does not
 *             wait; from then on the function must not use what it has captured. The scheduler's destructor
 *             drops what is pending, and waits for a call that runs. It comes after those of its entries, and
 *             never in one of its functions, to which its thread returns.
 * Failing     an exception that leaves a function ends that call alone: the exception hook (thrum/hooks.h) is
 *             told, and the calls that follow happen.
 * Fork        the child calls reset_after_fork of the scheduler, and of each entry before any other use of
 *             the entry; the destructor counts as a use.
 * Memory order: what happened before scheduling happens before the call; the end of a call
 * before the return of every cancel that came later or waited for the call, and before the return of a stop.
 *
 * Any thread, the functions too; not signal handlers.
 */
#ifndef THRUM_SCHEDULER_HPP
#define THRUM_SCHEDULER_HPP

#if __cplusplus < 201703L
#error "thrum/scheduler.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/failure.hpp>
#include <thrum/scheduler.h>
#include <thrum/time.hpp>

#include <functional>
#include <type_traits>
#include <utility>

THRUM_BEGIN_QUIET_
namespace thrum {

class scheduler : public thrum_scheduler {
  public:
    constexpr scheduler() noexcept : thrum_scheduler(thrum_scheduler THRUM_SCHEDULER_INIT) {}
    scheduler(const scheduler &) = delete;
    scheduler &operator=(const scheduler &) = delete;
    ~scheduler() {
        (void)stop();
    }

    /*
     * Drops all that is pending, and ends the thread; how many were dropped. Waits for a call that runs,
     * unless that calls it. What is scheduled later is THRUM_CLOSED.
     */
    size_t stop() noexcept {
        return thrum_scheduler_stop(this);
    }
    /* How many entries are pending. */
    size_t pending() noexcept {
        return thrum_scheduler_pending(this);
    }
    /* In a forked child, before use: an empty scheduler. */
    void reset_after_fork() noexcept {
        thrum_scheduler_reset_after_fork(this);
    }
    using native_handle_type = thrum_scheduler *;
    native_handle_type native_handle() noexcept {
        return this;
    }
};

template <class Function> class scheduled {
    static_assert(std::is_invocable_v<Function &>, "the function takes no arguments");

  public:
    /* An entry of that scheduler, not scheduled yet. The function is copied or moved into it. */
    template <class F> scheduled(scheduler &of, F &&called) : owner(of), function(std::forward<F>(called)) {}
    scheduled(const scheduled &) = delete;
    scheduled &operator=(const scheduled &) = delete;
    ~scheduled() {
        (void)cancel();
    }

    /*
     * Calls the function once: when a duration from now is over, at a deadline, or at a moment of a clock, as
     * that clock stands at this call. Never early. THRUM_OK; THRUM_STATE: the entry is pending already;
     * THRUM_CLOSED: the scheduler was stopped; the others of thrum_scheduler_at: nothing was scheduled, and
     * it may be tried again.
     */
    template <class When> THRUM_MUST_USE thrum_result at(const When &when) {
        return thrum_scheduler_at(&owner, &entry, deadline(when), call, this);
    }
    template <class Rep, class Period>
    THRUM_MUST_USE thrum_result after(const std::chrono::duration<Rep, Period> &timeout) {
        return at(timeout);
    }
    /*
     * Calls it at `first`, a time as above, and every period, rounded up to nanoseconds, from then on. Calls
     * whose time has passed when the one before them ends are left out. Also THRUM_INVALID: the period is 0
     * or less.
     */
    template <class Rep, class Period, class When>
    THRUM_MUST_USE thrum_result every(const std::chrono::duration<Rep, Period> &period, const When &first) {
        const std::chrono::nanoseconds step = detail::saturated(period);
        if (step <= step.zero()) return THRUM_INVALID;
        return thrum_scheduler_every(&owner, &entry, deadline(first), static_cast<uint64_t>(step.count()),
                                     call, this);
    }
    /* The first call is one period from now. */
    template <class Rep, class Period>
    THRUM_MUST_USE thrum_result every(const std::chrono::duration<Rep, Period> &period) {
        return every(period, period);
    }

    /*
     * Takes the entry back; it may be scheduled again. When it returns the function does not run and will
     * not: it waits for a call that runs, unless it is called from it. Whether a call was kept from
     * happening.
     */
    bool cancel() noexcept {
        return thrum_scheduler_cancel(&owner, &entry);
    }
    /* How many calls were left out since it was scheduled; of one that is not periodic: 0. */
    uint64_t missed() const noexcept {
        return thrum_scheduler_missed(&owner, &entry);
    }
    /* In a forked child, when the scheduler is reset and before other use: not scheduled. */
    void reset_after_fork() noexcept {
        entry = thrum_scheduled{};
    }
    using native_handle_type = thrum_scheduled *;
    native_handle_type native_handle() noexcept {
        return &entry;
    }

  private:
    template <class When> static thrum_deadline deadline(const When &when) {
        return detail::deadline_at(detail::moment_of(when));
    }
    /* Nothing here is touched after the function: that may have destroyed the entry. */
    static void *run(void *self) {
        (void)std::invoke(static_cast<scheduled *>(self)->function);
        return nullptr;
    }
    static void call(void *self) {
        (void)target<run>(self);
    }
    scheduler &owner;
    thrum_scheduled entry = {};
    Function function;
};
template <class F> scheduled(scheduler &, F &&) -> scheduled<std::decay_t<F>>;

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
