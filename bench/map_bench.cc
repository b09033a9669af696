/* SPDX-License-Identifier: MIT */
/* A hundred thousand entries: looked up by one thread and by two at once, replaced, added and taken out. */
#include "support/bench.h"
#include "support/rivals.h"
#include "support/together.h"

#include <pthread.h>

#include <memory>
#include <shared_mutex>
#include <unordered_map>

#include <thrum/map.h>

#ifdef THRUM_BENCH_HAS_TBB
#include <oneapi/tbb/concurrent_hash_map.h>
#endif
#ifdef THRUM_BENCH_HAS_CUCKOO
#include <libcuckoo/cuckoohash_map.hh>
#endif
#ifdef THRUM_BENCH_HAS_RUST
#include "support/rust.h"
#endif

namespace bench {
namespace {

constexpr uint64_t entries = 100000;

/* The next of the keys, in an order that no processor foresees. */
class Keys {
  public:
    explicit Keys(uint64_t seed) : state_(seed * 2654435761u + 88172645463325252u) {}
    uint64_t next() {
        state_ ^= state_ << 13, state_ ^= state_ >> 7, state_ ^= state_ << 17;
        return state_ % entries;
    }

  private:
    uint64_t state_;
};

std::string text_of(uint64_t number) {
    return "user:" + std::to_string(number);
}

struct Thrum {
    thrum_map *map = nullptr;
    static inline uint64_t value = 7;
    Thrum() {
        thrum_map_config config = {nullptr, entries, nullptr};
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
        numbers.reserve(entries);
        texts.reserve(entries);
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
    tbb::concurrent_hash_map<uint64_t, uint64_t> numbers{entries};
    tbb::concurrent_hash_map<std::string, uint64_t> texts{entries};
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
    libcuckoo::cuckoohash_map<uint64_t, uint64_t> numbers{entries};
    libcuckoo::cuckoohash_map<std::string, uint64_t> texts{entries};
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

#ifdef THRUM_BENCH_HAS_RUST
struct Dashmap {
    rust_map *map = rust_map_new(entries);
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

/* The table alone, by one thread. */
struct Limit {
    std::unordered_map<uint64_t, uint64_t> numbers;
    Limit() {
        numbers.reserve(entries);
    }
    uint64_t get(uint64_t key) {
        const auto found = numbers.find(key);
        return found == numbers.end() ? 0 : found->second;
    }
    void put(uint64_t key) {
        numbers[key] = 7;
    }
};

template <class Map> void fill(Map &map) {
    for (uint64_t i = 0; i < entries; i++) map.put(i);
}

template <class Map> void get(benchmark::State &state) {
    Map map;
    fill(map);
    Keys keys(1);
    for (auto _ : state) benchmark::DoNotOptimize(map.get(keys.next()));
}

template <class Map> void get_text(benchmark::State &state) {
    Map map;
    std::vector<std::string> texts;
    for (uint64_t i = 0; i < entries; i++) texts.push_back(text_of(i));
    for (const std::string &text : texts) map.put(text);
    Keys keys(1);
    for (auto _ : state) benchmark::DoNotOptimize(map.get(texts[keys.next()]));
}

template <class Map> void put(benchmark::State &state) {
    Map map;
    fill(map);
    Keys keys(1);
    for (auto _ : state) map.put(keys.next());
}

template <class Map> void add_and_remove(benchmark::State &state) {
    Map map;
    fill(map);
    uint64_t key = entries;
    for (auto _ : state) {
        map.put(key);
        map.remove(key++);
    }
}

/* What one look-up costs while the other threads do the same, and one in `every` of all puts instead. */
template <class Map> void all_get(Figures &figures, int threads, uint64_t every) {
    const auto map = std::make_unique<Map>();
    fill(*map);
    const uint64_t count = full_or_quick<uint64_t>(2000000, 200000) / uint64_t(threads > 4 ? threads / 4 : 1);
    std::atomic<uint64_t> busy{0};
    Team team(threads, threads == 2 ? Place::across : Place::anywhere, [&](int index) {
        Keys keys(uint64_t(index) + 1);
        const uint64_t begun = now_ns();
        for (uint64_t i = 1; i <= count; i++) {
            if (every && i % every == 0)
                map->put(keys.next());
            else
                benchmark::DoNotOptimize(map->get(keys.next()));
        }
        busy += now_ns() - begun;
    });
    team.start();
    team.join();
    figures.ns = double(busy.load()) / double(uint64_t(threads) * count);
}

template <class Map> void rows_of(const std::string &library) {
    row("map/get/" + library, get<Map>);
    row("map/get_text/" + library, get_text<Map>);
    row("map/put/" + library, put<Map>);
    row("map/add_and_remove/" + library, add_and_remove<Map>);
    for (const int threads : MANY)
        for (const int every : {0, 100, 2})
            row_apart("map/many_get/" + library + "/threads:" + std::to_string(threads) +
                          "/put_every:" + std::to_string(every),
                      [=](Figures &f) { all_get<Map>(f, threads, uint64_t(every)); });
    row_apart("map/two_get/" + library, [](Figures &f) { all_get<Map>(f, 2, 0); });
    row_apart("map/two_get_99/" + library, [](Figures &f) { all_get<Map>(f, 2, 100); });
    row_apart("map/two_get_50/" + library, [](Figures &f) { all_get<Map>(f, 2, 2); });
}

} // namespace

void rows() {
    rows_of<Thrum>("thrum");
    row("map/get/limit", get<Limit>);
    row("map/put/limit", put<Limit>);
    rows_of<Pthread>("pthread");
#ifdef THRUM_BENCH_HAS_TBB
    rows_of<Tbb>("tbb");
#endif
#ifdef THRUM_BENCH_HAS_CUCKOO
    rows_of<Cuckoo>("libcuckoo");
#endif
#ifdef THRUM_BENCH_HAS_RUST
    rows_of<Dashmap>("dashmap");
#endif
}

} // namespace bench
