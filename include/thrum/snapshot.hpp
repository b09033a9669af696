/* SPDX-License-Identifier: MIT */
/*
 * snapshot.hpp: a cell of a type, for C++17: readers see one version whole, writers swap it whole.
 *
 *     static thrum::snapshot<config> current;
 *
 *     if (current.emplace(config{4}) != THRUM_OK) elsewhere();     // a version, made in place
 *     ...
 *     if (const auto now = current.read()) use(now->limit);        // *now stays as it is in this scope
 *     ...
 *     const auto raise = [](const config *now) {
 *         auto next = std::make_unique<config>(*now);              // no other writer comes in between
 *         next->limit++;
 *         return next;
 *     };
 *     if (current.update(raise) != THRUM_OK) elsewhere();
 *
 * It has the C object (thrum/snapshot.h), whose rules, cost and memory order are these, and is
 * constant-initialized, holding nothing. Neither copied nor moved. The destructor destroys the version that
 * is left: when all calls have returned and no reader is inside.
 *
 * A version is destroyed by `delete`, in rcu's helper thread, when no reader can be seeing it. Its destructor
 * throws nothing.
 */
#ifndef THRUM_SNAPSHOT_HPP
#define THRUM_SNAPSHOT_HPP

#if __cplusplus < 201703L
#error "thrum/snapshot.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/snapshot.h>

#include <memory>
#include <new>
#include <type_traits>
#include <utility>

THRUM_BEGIN_QUIET_
namespace thrum {

template <class T> class snapshot : private thrum_snapshot {
    static_assert(std::is_object_v<T> && !std::is_const_v<T> && !std::is_array_v<T>,
                  "a version is an object");

  public:
    /* The version that the cell held at its making, until the end of its scope: a read section of rcu's. */
    class reader {
      public:
        ~reader() {
            thrum_snapshot_read_end();
        }
        reader(const reader &) = delete;
        reader &operator=(const reader &) = delete;

        /* Whether the cell held one. */
        explicit operator bool() const noexcept {
            return version != nullptr;
        }
        /* nullptr: it held none. */
        const T *get() const noexcept {
            return version;
        }
        const T &operator*() const noexcept {
            return *version;
        }
        const T *operator->() const noexcept {
            return version;
        }

      private:
        friend class snapshot;
        explicit reader(const thrum_snapshot *cell) noexcept
            : version(static_cast<const T *>(thrum_snapshot_read_begin(cell))) {}

        const T *const version;
    };

    constexpr snapshot() noexcept : thrum_snapshot(thrum_snapshot THRUM_SNAPSHOT_INIT) {}
    snapshot(const snapshot &) = delete;
    snapshot &operator=(const snapshot &) = delete;
    ~snapshot() {
        thrum_snapshot_clear(this);
    }

    /* Waits for nobody. Reads nest, also with those of other cells. */
    THRUM_MUST_USE reader read() const noexcept {
        return reader(this);
    }

    /*
     * Puts a version in the place of the present one; an empty pointer: the cell holds nothing. THRUM_OK;
     * THRUM_NO_MEMORY: nothing has changed, and the version is the caller's. Never waits for readers; a
     * reader may call it.
     */
    template <class U> THRUM_MUST_USE thrum_result set(std::unique_ptr<U> &&version) noexcept {
        static_assert(std::is_same_v<std::remove_const_t<U>, T>, "a version is deleted as what it is");
        const thrum_result result = thrum_snapshot_set(this, const_cast<T *>(version.get()), destroy);
        if (result == THRUM_OK) THRUM_IGNORE_(version.release());
        return result;
    }
    /* The same with a version that is made of the arguments. An exception of its constructor goes through. */
    template <class... Arguments> THRUM_MUST_USE thrum_result emplace(Arguments &&...arguments) {
        std::unique_ptr<T> version(new (std::nothrow) T(std::forward<Arguments>(arguments)...));
        return version ? set(std::move(version)) : THRUM_NO_MEMORY;
    }

    /*
     * Lets make(const T *now), where `now` is nullptr if there is no version, return the next version as a
     * std::unique_ptr<T>, and sets it. No other writer comes in between, so no change is lost. `make` must
     * not write to the same cell. THRUM_OK; THRUM_CANCELLED: `make` returned an empty pointer;
     * THRUM_NO_MEMORY: it was not called. Unless it is THRUM_OK, nothing has changed. An exception of `make`
     * goes through, and nothing has changed.
     */
    template <class Make> THRUM_MUST_USE thrum_result update(Make &&make) {
        auto *at = std::addressof(make);
        return thrum_snapshot_update(this, next<decltype(at)>, &at, destroy);
    }

    /* Holds nothing from now on. */
    void clear() noexcept {
        thrum_snapshot_clear(this);
    }

    using native_handle_type = thrum_snapshot *;
    native_handle_type native_handle() noexcept {
        return this;
    }

  private:
    static void destroy(void *version) noexcept {
        delete static_cast<T *>(version);
    }
    template <class Pointer> static thrum_result next(const void *now, void *make, void **next) {
        std::unique_ptr<T> made = (**static_cast<Pointer *>(make))(static_cast<const T *>(now));
        if (!made) return THRUM_CANCELLED;
        *next = made.release();
        return THRUM_OK;
    }
};

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
