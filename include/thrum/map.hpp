/* SPDX-License-Identifier: MIT */
/*
 * map.hpp: keys and values of a type in a hash table that readers search without waiting, for C++17.
 *
 *     thrum::map<std::string, long> balances;
 *
 *     if (balances.put("alice", 100) != THRUM_OK) elsewhere();     // no memory
 *     ...
 *     if (const auto found = balances.find("alice")) use(*found);  // stays until the end of the block
 *
 * A handle of a thrum_map (thrum/map.h), whose cost, memory order and rules are these: movable, not copyable.
 * Its destructor ends the map: every other use happened before, or is in a read section that began before.
 *
 * Keys        texts (std::string, std::string_view), numbers and enumerations, and types without padding
 *             whose bytes are copied and compared. A look-up in a map of texts takes a std::string_view, and
 *             allocates nothing.
 * Values      each lies in an allocation of its own, and is const from the put on. A value that has left the
 *             map is destroyed in rcu's helper thread, when no read section can be seeing it: its destructor
 *             throws nothing. Values are movable, without exceptions thrown by the move.
 * Reading     find() holds a read section while what it returns lives: in one thread, and no longer than its
 *             scope. Functions that a call of the map takes run in a read section, which ends however they
 *             are left, also by an exception: that reaches the caller.
 * Refused     a value that a change refuses stays the caller's, as it was.
 *
 * Any thread; not signal handlers. What happened before a change is seen by a reader of its value.
 */
#ifndef THRUM_MAP_HPP
#define THRUM_MAP_HPP

#if __cplusplus < 201703L
#error "thrum/map.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum/error.hpp>
#include <thrum/map.h>
#include <thrum/rcu.hpp>

#include <cstddef>
#include <cstring>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

THRUM_BEGIN_QUIET_
namespace thrum {

namespace detail {

/* A key of a type as one of the C map's, and back. Here the bytes are the key. */
template <class Key, class = void> struct key_of {
    static_assert(std::has_unique_object_representations_v<Key>,
                  "a key is a text, a number, or of a type whose equal values have equal bytes");
    using argument = const Key &;
    static thrum_map_key wrap(const Key &key) noexcept {
        return thrum_key_bytes(std::addressof(key), sizeof key);
    }
    static Key unwrap(thrum_map_key key) noexcept {
        alignas(Key) unsigned char bytes[sizeof(Key)];
        std::memcpy(bytes, key.bytes, sizeof bytes);
        return *std::launder(reinterpret_cast<Key *>(bytes));
    }
};
template <class Key> struct key_of<Key, std::enable_if_t<std::is_integral_v<Key> || std::is_enum_v<Key>>> {
    using argument = Key;
    static thrum_map_key wrap(Key key) noexcept {
        return thrum_key_number(static_cast<uint64_t>(key));
    }
    static Key unwrap(thrum_map_key key) noexcept {
        return static_cast<Key>(key.number);
    }
};
struct text_key {
    using argument = std::string_view;
    static thrum_map_key wrap(std::string_view key) noexcept {
        return thrum_key_bytes(key.data() ? key.data() : "", key.size());
    }
    static std::string_view unwrap(thrum_map_key key) noexcept {
        return {static_cast<const char *>(key.bytes), static_cast<std::size_t>(key.number)};
    }
};
template <> struct key_of<std::string> : text_key {};
template <> struct key_of<std::string_view> : text_key {};

} // namespace detail

template <class Key, class Value> class map {
    static_assert(std::is_nothrow_move_constructible_v<Value>,
                  "a value is moved, and the move throws nothing");
    static_assert(std::is_nothrow_destructible_v<Value>, "a value is destroyed in rcu's helper thread");
    using key_of = detail::key_of<Key>;

  public:
    /* What calls take as a key, and what visits hand out: a std::string_view where keys are texts. */
    using key_argument = typename key_of::argument;

    /* The map may be refused: THRUM_NO_MEMORY; THRUM_LIMIT: more is expected than any memory holds. */
    map(std::size_t expected, thrum_result &result) noexcept {
        result = init(expected);
    }
#ifdef __cpp_exceptions
    /* Throws thrum::error with such a result. */
    explicit map(std::size_t expected = 0) {
        detail::check(init(expected));
    }
#endif
    map(map &&other) noexcept : handle(std::exchange(other.handle, nullptr)) {}
    map &operator=(map &&other) noexcept {
        map(std::move(other)).swap(*this);
        return *this;
    }
    ~map() {
        if (handle) thrum_map_free(handle);
    }
    void swap(map &other) noexcept {
        std::swap(handle, other.handle);
    }
    /* Whether there is a map: not after a refusal or a move. Only this and native_handle serve without. */
    bool valid() const noexcept {
        return handle != nullptr;
    }

    /* A value that was found, or none, and the read section in which it stays. Ends in the same thread. */
    class found {
      public:
        found(const found &) = delete;
        found &operator=(const found &) = delete;
        explicit operator bool() const noexcept {
            return value != nullptr;
        }
        const Value &operator*() const noexcept {
            return *value;
        }
        const Value *operator->() const noexcept {
            return value;
        }
        const Value *get() const noexcept {
            return value;
        }

      private:
        friend map;
        found(const thrum_map *in, thrum_map_key key) noexcept
            : value(static_cast<const Value *>(thrum_map_get(in, key))) {}
        read_section reading; /* begins before the look-up */
        const Value *value;
    };

    /* Never waits. Acquire: what happened before the put of the value is seen. */
    THRUM_MUST_USE found find(key_argument key) const noexcept {
        return found(handle, key_of::wrap(key));
    }
    /* A copy of the value; none: there is no such key. Throws only what the copy throws. */
    THRUM_MUST_USE std::optional<Value> get(key_argument key) const {
        const found it = find(key);
        return it ? std::optional<Value>(*it) : std::nullopt;
    }
    bool contains(key_argument key) const noexcept {
        return static_cast<bool>(find(key));
    }

    /* In the place of the value that is there. THRUM_OK; THRUM_NO_MEMORY: nothing has changed. Release. */
    THRUM_MUST_USE thrum_result put(key_argument key, Value &&value) noexcept {
        return change(thrum_map_put, key, value);
    }
    THRUM_MUST_USE thrum_result put(key_argument key, const Value &value) {
        return put(key, Value(value));
    }
    /* Only where there is none: also THRUM_EXISTS. */
    THRUM_MUST_USE thrum_result add(key_argument key, Value &&value) noexcept {
        return change(thrum_map_add, key, value);
    }
    THRUM_MUST_USE thrum_result add(key_argument key, const Value &value) {
        return add(key, Value(value));
    }
    /* THRUM_OK; THRUM_NOT_FOUND; THRUM_NO_MEMORY, only where keys are numbers: nothing has changed. */
    thrum_result remove(key_argument key) noexcept {
        return thrum_map_remove(handle, key_of::wrap(key));
    }
    /*
     * Makes the next value of the present one, in one step: `std::optional<Value> f(const Value *now)`, with
     * null where there is none; what it returns takes its place, none takes the key out. The function is
     * called again where another change came between. THRUM_OK; THRUM_NO_MEMORY: nothing has changed. Throws
     * what the function throws: then nothing has changed.
     */
    template <class F> THRUM_MUST_USE thrum_result update(key_argument key, F &&function) {
        updating<F> its{function, THRUM_OK};
        const thrum_result result = thrum_map_compute(handle, key_of::wrap(key), next_value<F>, &its);
        return its.result == THRUM_OK ? result : its.result;
    }

    /*
     * Visits the entries, in no order: `void f(key_argument, const Value &)`, or a bool whose false ends the
     * visit. The references stay until the visit ends. Throws what the function throws.
     */
    template <class F> void each(F &&function) const {
        thrum_map_each(handle, visit<F>, address(function));
    }
    /* Takes out the entries for which it returns true. As thrum_map_remove_if; `*removed`: how many. */
    template <class F> thrum_result remove_if(F &&function, std::size_t *removed = nullptr) {
        static_assert(std::is_invocable_r_v<bool, F &, key_argument, const Value &>, "it says true or false");
        return thrum_map_remove_if(handle, visit<F>, address(function), removed);
    }

    /* Give or take what comes and goes meanwhile. Relaxed. */
    std::size_t size() const noexcept {
        return thrum_map_count(handle);
    }
    /* As thrum_map_reserve: THRUM_OK; THRUM_LIMIT; THRUM_NO_MEMORY. */
    THRUM_MUST_USE thrum_result reserve(std::size_t entries) noexcept {
        return thrum_map_reserve(handle, entries);
    }
    using native_handle_type = thrum_map *;
    native_handle_type native_handle() const noexcept {
        return handle;
    }

  private:
    template <class F> struct updating {
        F &function;
        thrum_result result; /* of the last call */
    };
    static void destroy(void *value) noexcept {
        delete static_cast<Value *>(value);
    }
    thrum_result init(std::size_t expected) noexcept {
        thrum_map_config config = {};
        config.destroy = destroy;
        config.expected = expected;
        return thrum_map_new(&handle, &config);
    }
    /* A value that is refused moves back to where it came from. */
    template <class Change> thrum_result change(Change how, key_argument key, Value &value) noexcept {
        std::unique_ptr<Value> own(new (std::nothrow) Value(std::move(value)));
        if (!own) return THRUM_NO_MEMORY;
        const thrum_result result = how(handle, key_of::wrap(key), own.get());
        if (result == THRUM_OK) {
            (void)own.release(); /* the map's */
        } else {
            std::destroy_at(std::addressof(value));
            ::new (static_cast<void *>(std::addressof(value))) Value(std::move(*own));
        }
        return result;
    }
    /* Where there is no memory the value that is there stays. */
    template <class F> static void *next_value(thrum_map_key, void *now, void *argument) {
        updating<F> &its = *static_cast<updating<F> *>(argument);
        its.result = THRUM_OK;
        std::optional<Value> next = std::invoke(its.function, static_cast<const Value *>(now));
        if (!next) return nullptr;
        Value *const made = new (std::nothrow) Value(std::move(*next));
        if (made) return made;
        its.result = THRUM_NO_MEMORY;
        return now;
    }
    template <class F> static void *address(F &function) noexcept {
        return const_cast<void *>(static_cast<const void *>(std::addressof(function)));
    }
    template <class F> static bool visit(thrum_map_key key, void *value, void *argument) {
        auto &function = *static_cast<std::remove_reference_t<F> *>(argument);
        const Value &seen = *static_cast<const Value *>(value);
        if constexpr (std::is_void_v<std::invoke_result_t<F &, key_argument, const Value &>>) {
            std::invoke(function, key_of::unwrap(key), seen);
            return true;
        } else {
            return std::invoke(function, key_of::unwrap(key), seen);
        }
    }
    thrum_map *handle = nullptr;
};

} // namespace thrum
THRUM_END_QUIET_

#endif // C++17
#endif
