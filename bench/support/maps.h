/* SPDX-License-Identifier: MIT */
/* The maps that are measured, each behind the same few names: numbers and texts to a number. */
#ifndef THRUM_BENCH_MAPS_H
#define THRUM_BENCH_MAPS_H

#include "rivals.h"

#include <pthread.h>

#include <memory>
#include <string>
#include <unordered_map>

#include <thrum/map.h>

#ifdef THRUM_BENCH_HAS_TBB
#include <oneapi/tbb/concurrent_hash_map.h>
#endif
#ifdef THRUM_BENCH_HAS_CUCKOO
#include <libcuckoo/cuckoohash_map.hh>
#endif
#ifdef THRUM_BENCH_HAS_CDS
#include <cds/init.h>
#include <cds/gc/hp.h>
#include <cds/container/michael_kvlist_hp.h>
#include <cds/container/michael_map.h>
#endif
#ifdef THRUM_BENCH_HAS_RUST
#include "rust.h"
#endif

namespace bench {

/* For so many entries a map is made. */
inline uint64_t map_entries = 100000;

struct Thrum {
    thrum_map *map = nullptr;
    static inline uint64_t value = 7;
    Thrum() {
        thrum_map_config config = {nullptr, size_t(map_entries), nullptr};
        if (thrum_map_new(&map, &config) != THRUM_OK) abort();
    }
    ~Thrum() {
        thrum_map_free(map);
        (void)!thrum_rcu_barrier();
    }
    uint64_t get(uint64_t key) {
        thrum_rcu_read_begin();
        const void *const found = thrum_map_get(map, thrum_key_number(key));
        const uint64_t answer = found ? *static_cast<const uint64_t *>(found) : 0;
        thrum_rcu_read_end();
        return answer;
    }
    uint64_t get(const std::string &key) {
        thrum_rcu_read_begin();
        const void *const found = thrum_map_get(map, thrum_key_bytes(key.data(), key.size()));
        const uint64_t answer = found ? *static_cast<const uint64_t *>(found) : 0;
        thrum_rcu_read_end();
        return answer;
    }
    void put(uint64_t key) {
        (void)!thrum_map_put(map, thrum_key_number(key), &value);
    }
    void put(const std::string &key) {
        (void)!thrum_map_put(map, thrum_key_bytes(key.data(), key.size()), &value);
    }
    void remove(uint64_t key) {
        thrum_map_remove(map, thrum_key_number(key));
    }
};

/* The C library's rwlock around the standard library's map. */
struct Pthread {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    std::unordered_map<uint64_t, uint64_t> numbers;
    std::unordered_map<std::string, uint64_t> texts;
    Pthread() {
        numbers.reserve(map_entries);
        texts.reserve(map_entries);
    }
    template <class Map, class Key> uint64_t find(const Map &map, const Key &key) {
        pthread_rwlock_rdlock(&lock);
        const auto found = map.find(key);
        const uint64_t answer = found == map.end() ? 0 : found->second;
        pthread_rwlock_unlock(&lock);
        return answer;
    }
    uint64_t get(uint64_t key) {
        return find(numbers, key);
    }
    uint64_t get(const std::string &key) {
        return find(texts, key);
    }
    void put(uint64_t key) {
        pthread_rwlock_wrlock(&lock);
        numbers[key] = 7;
        pthread_rwlock_unlock(&lock);
    }
    void put(const std::string &key) {
        pthread_rwlock_wrlock(&lock);
        texts[key] = 7;
        pthread_rwlock_unlock(&lock);
    }
    void remove(uint64_t key) {
        pthread_rwlock_wrlock(&lock);
        numbers.erase(key);
        pthread_rwlock_unlock(&lock);
    }
};

#ifdef THRUM_BENCH_HAS_TBB
struct Tbb {
    tbb::concurrent_hash_map<uint64_t, uint64_t> numbers{size_t(map_entries)};
    tbb::concurrent_hash_map<std::string, uint64_t> texts{size_t(map_entries)};
    template <class Map, class Key> static uint64_t find(const Map &map, const Key &key) {
        typename Map::const_accessor found;
        return map.find(found, key) ? found->second : 0;
    }
    uint64_t get(uint64_t key) {
        return find(numbers, key);
    }
    uint64_t get(const std::string &key) {
        return find(texts, key);
    }
    template <class Map, class Key> static void set(Map &map, const Key &key) {
        typename Map::accessor found;
        map.insert(found, key);
        found->second = 7;
    }
    void put(uint64_t key) {
        set(numbers, key);
    }
    void put(const std::string &key) {
        set(texts, key);
    }
    void remove(uint64_t key) {
        numbers.erase(key);
    }
};
#endif

#ifdef THRUM_BENCH_HAS_CUCKOO
struct Cuckoo {
    libcuckoo::cuckoohash_map<uint64_t, uint64_t> numbers{size_t(map_entries)};
    libcuckoo::cuckoohash_map<std::string, uint64_t> texts{size_t(map_entries)};
    template <class Map, class Key> static uint64_t find(const Map &map, const Key &key) {
        uint64_t value = 0;
        return map.find(key, value) ? value : 0;
    }
    uint64_t get(uint64_t key) {
        return find(numbers, key);
    }
    uint64_t get(const std::string &key) {
        return find(texts, key);
    }
    void put(uint64_t key) {
        numbers.insert_or_assign(key, uint64_t(7));
    }
    void put(const std::string &key) {
        texts.insert_or_assign(key, uint64_t(7));
    }
    void remove(uint64_t key) {
        numbers.erase(key);
    }
};
#endif

#ifdef THRUM_BENCH_HAS_CDS
/* Chains of as many buckets as entries are expected, which does not grow, with hazard pointers. */
struct Cds {
    struct Less {
        template <class A, class B> int operator()(const A &a, const B &b) const {
            return a < b ? -1 : b < a ? 1 : 0;
        }
    };
    struct List : cds::container::michael_list::traits {
        typedef Less compare;
    };
    struct Hash {
        template <class Key> size_t operator()(const Key &key) const {
            return std::hash<Key>()(key);
        }
    };
    struct Traits : cds::container::michael_map::traits {
        typedef Hash hash;
    };
    template <class Key>
    using Table = cds::container::MichaelHashMap<
        cds::gc::HP, cds::container::MichaelKVList<cds::gc::HP, Key, uint64_t, List>, Traits>;
    /* The library is started once a process, and told of each thread. */
    struct Library {
        Library() {
            cds::Initialize();
            static cds::gc::HP hazards(16, 100);
        }
    };
    struct Attached {
        Attached() {
            static Library library;
            cds::threading::Manager::attachThread();
        }
        ~Attached() {
            cds::threading::Manager::detachThread();
        }
    };
    static void attach() {
        thread_local Attached attached;
        (void)&attached;
    }
    std::unique_ptr<Table<uint64_t>> numbers;
    std::unique_ptr<Table<std::string>> texts;
    Cds() {
        attach();
        numbers = std::make_unique<Table<uint64_t>>(size_t(map_entries), 1);
        texts = std::make_unique<Table<std::string>>(size_t(map_entries), 1);
    }
    template <class Map, class Key> static uint64_t find(Map &map, const Key &key) {
        uint64_t answer = 0;
        attach();
        map.find(key, [&](typename Map::value_type &found) { answer = found.second; });
        return answer;
    }
    uint64_t get(uint64_t key) {
        return find(*numbers, key);
    }
    uint64_t get(const std::string &key) {
        return find(*texts, key);
    }
    template <class Map, class Key> static void set(Map &map, const Key &key) {
        attach();
        map.update(key, [](auto &&...found) { (..., set_second(found)); });
    }
    template <class T> static void set_second(T &found) {
        if constexpr (!std::is_same_v<std::remove_cv_t<T>, bool>) found.second = 7;
    }
    void put(uint64_t key) {
        set(*numbers, key);
    }
    void put(const std::string &key) {
        set(*texts, key);
    }
    void remove(uint64_t key) {
        attach();
        numbers->erase(key);
    }
};
#endif

#ifdef THRUM_BENCH_HAS_RUST
struct Dashmap {
    rust_map *map = rust_map_new(size_t(map_entries));
    ~Dashmap() {
        rust_map_free(map);
    }
    uint64_t get(uint64_t key) {
        return rust_map_get(map, key);
    }
    uint64_t get(const std::string &key) {
        return rust_map_get_text(map, key.data(), key.size());
    }
    void put(uint64_t key) {
        rust_map_put(map, key, 7);
    }
    void put(const std::string &key) {
        rust_map_put_text(map, key.data(), key.size(), 7);
    }
    void remove(uint64_t key) {
        rust_map_remove(map, key);
    }
};
#endif

} // namespace bench

#endif
