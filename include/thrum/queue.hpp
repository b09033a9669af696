/* SPDX-License-Identifier: MIT */
/*
 * queue.hpp: queues of a type, for C++17; Python's queue.Queue, LifoQueue and PriorityQueue.
 *
 *     static thrum::queue<std::string> lines(64);                  // waits for room beyond 64
 *
 *     if (lines.put("first") != THRUM_OK) elsewhere();             // it was shut down
 *     ...
 *     while (std::optional<std::string> line = lines.get()) use(line->size());     // until it is shut down
 *
 * First in first out, last in first out (thrum::lifo_queue), or the smallest first (thrum::priority_queue, by
 * std::less or another comparison). Derived from the C object (thrum/queue.h), whose rules, cost and memory
 * order are these. Neither copied nor moved. The destructor destroys the items that are left: when no call of
 * another thread is under way.
 *
 * An item lies in the queue itself where it is as small as a pointer and may be copied by its bytes; else in
 * an allocation of its own. An item that a put refuses stays the caller's, as it was. Items must be movable,
 * without exceptions thrown by the move. A comparison runs under the queue's lock: it must not call the
 * queue, and one that throws ends the program.
 */
#ifndef THRUM_QUEUE_HPP
#define THRUM_QUEUE_HPP

#if __cplusplus < 201703L
#error "thrum/queue.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/error.hpp>
#include <thrum/queue.h>
#include <thrum/time.hpp>

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <type_traits>
#include <utility>

THRUM_BEGIN_QUIET_
namespace thrum {

namespace detail {

/* An item of a type as the pointer that the C queue holds: its bytes where they fit, else where it lies. */
template <class T, bool = std::is_trivially_copyable_v<T> && sizeof(T) <= sizeof(void *)> struct item {
    static bool wrap(T &&from, void *&to) {
        to = new (std::nothrow) T(std::move(from));
        return to != nullptr;
    }
    static const T &look(const void *const &at) {
        return *static_cast<const T *>(at);
    }
    /* Ends the wrapping, and gives the item out. */
    static T unwrap(void *from) {
        const std::unique_ptr<T> owned(static_cast<T *>(from));
        return std::move(*owned);
    }
    static void drop(void *from, void *) {
        delete static_cast<T *>(from);
    }
};
template <class T> struct item<T, true> {
    static bool wrap(T &&from, void *&to) {
        std::memcpy(static_cast<void *>(&to), std::addressof(from), sizeof from);
        return true;
    }
    static T look(const void *const &at) {
        alignas(T) unsigned char bytes[sizeof(T)];
        std::memcpy(bytes, &at, sizeof bytes);
        return *std::launder(reinterpret_cast<T *>(bytes));
    }
    static T unwrap(void *from) {
        return look(from);
    }
    static void drop(void *, void *) {}
};

} // namespace detail

template <class T, thrum_queue_kind Kind = THRUM_QUEUE_FIFO, class Less = std::less<T>>
class queue : private thrum_queue {
    static_assert(std::is_nothrow_move_constructible_v<T>, "an item is moved, and the move throws nothing");
    using item = detail::item<T>;

  public:
    /* Without a bound: cannot fail. */
    queue() noexcept {
        THRUM_IGNORE_(init(0));
    }
    /* With a bound, 0 or less: none. THRUM_NO_MEMORY: the queue has no bound. */
    queue(std::ptrdiff_t most, thrum_result &result) noexcept {
        result = init(most);
        if (result != THRUM_OK) THRUM_IGNORE_(init(0));
    }
#ifdef __cpp_exceptions
    /* Throws thrum::error. */
    explicit queue(std::ptrdiff_t most) {
        detail::check(init(most));
    }
#endif
    queue(const queue &) = delete;
    queue &operator=(const queue &) = delete;
    ~queue() {
        thrum_queue_destroy(this);
    }

    /* Waits for room. THRUM_OK; THRUM_CLOSED; THRUM_NO_MEMORY: the item is the caller's, as it was. */
    THRUM_MUST_USE thrum_result put(T &&value) noexcept {
        return put_until(std::move(value), THRUM_FOREVER);
    }
    THRUM_MUST_USE thrum_result put(const T &value) {
        return put(T(value));
    }
    /* Never waits: THRUM_FULL instead. */
    THRUM_MUST_USE thrum_result try_put(T &&value) noexcept {
        return put_until(std::move(value), THRUM_NOW);
    }
    THRUM_MUST_USE thrum_result try_put(const T &value) {
        return try_put(T(value));
    }
    /* Up to a deadline, or a moment of any clock. */
    template <class Moment> THRUM_MUST_USE thrum_result put_until(T &&value, const Moment &moment) {
        void *wrapped = nullptr;
        if (!item::wrap(std::move(value), wrapped)) return THRUM_NO_MEMORY;
        const thrum_result result = detail::until(
            moment, [&](thrum_deadline end) { return thrum_queue_put_until(this, wrapped, end); });
        if (result != THRUM_OK) give_back(value, wrapped);
        return result;
    }
    template <class Moment> THRUM_MUST_USE thrum_result put_until(const T &value, const Moment &moment) {
        return put_until(T(value), moment);
    }
    template <class Rep, class Period>
    THRUM_MUST_USE thrum_result put_for(T &&value, const std::chrono::duration<Rep, Period> &timeout) {
        return put_until(std::move(value), after(timeout));
    }
    template <class Rep, class Period>
    THRUM_MUST_USE thrum_result put_for(const T &value, const std::chrono::duration<Rep, Period> &timeout) {
        return put_until(T(value), after(timeout));
    }

    /* Waits for an item; none: the queue is shut down and empty. */
    THRUM_MUST_USE std::optional<T> get() noexcept {
        return get_until(THRUM_FOREVER);
    }
    /* None: also where there is no item now. */
    THRUM_MUST_USE std::optional<T> try_get() noexcept {
        return get_until(THRUM_NOW);
    }
    /*
     * None: also where none came until the deadline, or the moment of any clock; is_shutdown() tells which.
     */
    template <class Moment> THRUM_MUST_USE std::optional<T> get_until(const Moment &moment) {
        void *wrapped = nullptr;
        const thrum_result result = detail::until(
            moment, [&](thrum_deadline end) { return thrum_queue_get_until(this, &wrapped, end); });
        if (result != THRUM_OK) return std::nullopt;
        return item::unwrap(wrapped);
    }
    template <class Rep, class Period>
    THRUM_MUST_USE std::optional<T> get_for(const std::chrono::duration<Rep, Period> &timeout) {
        return get_until(after(timeout));
    }

    std::size_t size() const noexcept {
        return thrum_queue_size(this);
    }
    THRUM_MUST_USE bool empty() const noexcept {
        return thrum_queue_empty(this);
    }
    bool full() const noexcept {
        return thrum_queue_full(this);
    }
    std::size_t bound() const noexcept {
        return thrum_queue_bound(this);
    }
    /* THRUM_OK; THRUM_LIMIT. */
    THRUM_MUST_USE thrum_result set_bound(std::ptrdiff_t most) noexcept {
        return thrum_queue_set_bound(this, most);
    }

    /* An item that was got is dealt with. THRUM_OK; THRUM_LIMIT: more often than items were put. */
    thrum_result task_done() noexcept {
        return thrum_queue_task_done(this);
    }
    std::size_t unfinished() const noexcept {
        return thrum_queue_unfinished(this);
    }
    /* Waits until every item is dealt with. */
    void join() noexcept {
        thrum_queue_join(this);
    }
    /* Whether that was so in time. */
    template <class Moment> bool join_until(const Moment &moment) {
        return detail::until(
            moment, [this](thrum_deadline end) { return thrum_queue_join_until(this, end) == THRUM_OK; });
    }
    template <class Rep, class Period> bool join_for(const std::chrono::duration<Rep, Period> &timeout) {
        return join_until(after(timeout));
    }

    /* Refuses puts from now on; gets take what is there. */
    void shutdown() noexcept {
        thrum_queue_shutdown(this);
    }
    /* The same, and the items are destroyed. */
    void shutdown_now() {
        thrum_queue_shutdown_now(this);
    }
    bool is_shutdown() const noexcept {
        return thrum_queue_is_shutdown(this);
    }
    using native_handle_type = thrum_queue *;
    native_handle_type native_handle() noexcept {
        return this;
    }

  private:
    static int before(const void *a, const void *b, void *) noexcept {
        const Less less{};
        return less(item::look(a), item::look(b)) ? -1 : less(item::look(b), item::look(a));
    }
    THRUM_MUST_USE thrum_result init(std::ptrdiff_t most) noexcept {
        thrum_queue_config config = {};
        config.kind = Kind;
        config.bound = most;
        if constexpr (Kind == THRUM_QUEUE_PRIORITY) config.compare = before;
        config.drop = item::drop;
        return thrum_queue_init(this, &config);
    }
    static void give_back(T &value, void *wrapped) noexcept {
        if constexpr (!std::is_trivially_copyable_v<T> || sizeof(T) > sizeof(void *)) {
            std::unique_ptr<T> owned(static_cast<T *>(wrapped));
            std::destroy_at(std::addressof(value));
            ::new (static_cast<void *>(std::addressof(value))) T(std::move(*owned));
        }
    }
};

template <class T> using lifo_queue = queue<T, THRUM_QUEUE_LIFO>;
template <class T, class Less = std::less<T>> using priority_queue = queue<T, THRUM_QUEUE_PRIORITY, Less>;

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
