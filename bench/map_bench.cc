/* SPDX-License-Identifier: MIT */
/*
 * A hundred thousand entries: looked up by one thread and by two at once, replaced, added and taken out. With
 * --full: tables of all sizes, keys, threads and shares of look-ups; what an entry takes; the longest put
 * while a table grows.
 */
#include "support/bench.h"
#include "support/histogram.h"
#include "support/maps.h"
#include "support/together.h"

#include <unistd.h>

#include <cmath>
#include <fstream>
#include <tuple>
#include <utility>

#include <thrum/cpus.h>

namespace bench {
namespace {

const uint64_t entries = map_entries;

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

/* The table alone, by one thread. */
struct Limit {
    std::unordered_map<uint64_t, uint64_t> numbers;
    Limit() {
        numbers.reserve(map_entries);
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

/*
 * Numbers without a pattern: with numbers in a row a hash that is the number itself finds its table in order.
 */
uint64_t scrambled(uint64_t n) {
    n = (n ^ n >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    n = (n ^ n >> 27) * UINT64_C(0x94d049bb133111eb);
    return n ^ n >> 31;
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

template <class Map> void add_and_remove_scrambled(benchmark::State &state) {
    Map map;
    for (uint64_t i = 0; i < entries; i++) map.put(scrambled(i));
    uint64_t n = entries;
    for (auto _ : state) {
        const uint64_t key = scrambled(n++);
        map.put(key);
        map.remove(key);
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

/* --- --full ------------------------------------------------------------------------------------------ */

constexpr size_t SAMPLES = 1 << 20; /* a power of two */

/* Which entries are asked for: all as often, or the n-th most popular one in proportion to 1 / n^.99. */
std::vector<uint32_t> samples_of(uint64_t count, bool zipf) {
    std::vector<uint32_t> samples(SAMPLES);
    uint64_t state = 88172645463325252u;
    std::vector<double> sums;
    if (zipf) {
        double sum = 0;
        for (uint64_t i = 1; i <= count; i++) sums.push_back(sum += std::pow(double(i), -.99));
    }
    for (uint32_t &sample : samples) {
        state ^= state << 13, state ^= state >> 7, state ^= state << 17;
        if (zipf) {
            const double at = double(state >> 11) / double(UINT64_C(1) << 53) * sums.back();
            sample = uint32_t(std::upper_bound(sums.begin(), sums.end(), at) - sums.begin());
        } else {
            sample = uint32_t(state % count);
        }
    }
    return samples;
}

/* What a call costs when so many of a hundred are look-ups and the others are puts. */
template <class Map>
double ns_of_call(Map &map, const std::vector<uint32_t> &samples, int threads, unsigned gets) {
    const uint64_t calls = (map_entries > 1000000 ? 1000000 : 2000000) / uint64_t(threads);
    std::atomic<uint64_t> end{0};
    Team team(threads, threads == 2 ? Place::across : Place::anywhere, [&](int index) {
        const uint64_t first = scrambled(uint64_t(index));
        for (uint64_t i = 0; i < calls; i++) {
            const uint64_t key = scrambled(samples[(first + i) % SAMPLES]);
            if (i * 37 % 100 < gets)
                benchmark::DoNotOptimize(map.get(key));
            else
                map.put(key);
        }
        const uint64_t now = now_ns();
        for (uint64_t before = end; before < now;)
            if (end.compare_exchange_weak(before, now)) break;
    });
    const uint64_t begun = team.start();
    team.join();
    /* Of one processor: no more threads than processors run at once. */
    return double(end - begun) * std::min(threads, int(thrum_cpus())) / double(calls * uint64_t(threads));
}

/*
 * A line's way between the two processors, there and back. A host moves a guest's processors, near each other
 * or far apart, every few seconds and without a word: two threads' cells take up to three times as long then.
 */
double trip_ns() {
    constexpr uint64_t batches = 21, trips = 100;
    Padded<std::atomic<uint64_t>> turn;
    std::vector<double> times;
    Team team(2, Place::across, [&](int side) {
        for (uint64_t batch = 0; batch < batches; batch++) {
            const uint64_t begun = now_ns();
            for (uint64_t i = 0; i < trips; i++) {
                while (turn.value % 2 != uint64_t(side)) continue;
                turn.value++;
            }
            if (side == 0) times.push_back(double(now_ns() - begun) / double(trips));
        }
    });
    team.start();
    team.join();
    std::sort(times.begin(), times.end());
    return times[batches / 2];
}

/* What a call costs, and the trip meanwhile: it is tried again where the processors were moved amid it. */
template <class Map>
std::pair<double, double> ns_and_trip(Map &map, const std::vector<uint32_t> &samples, int threads,
                                      unsigned gets) {
    double ns = 0, before = trip_ns(), after = 0;
    for (int tries = 0; tries < 5; tries++) {
        ns = ns_of_call(map, samples, threads, gets);
        after = trip_ns();
        if (before < 2 * after && after < 2 * before) break;
        before = after;
    }
    return {ns, std::max(before, after)};
}

/* In one process, as it takes long to fill the larger ones. The row's time is the cells' geometric mean. */
template <class Map> void cells(Figures &figures, uint64_t count, bool zipf) {
    map_entries = count;
    const auto map = std::make_unique<Map>();
    for (uint64_t i = 0; i < count; i++) map->put(scrambled(i));
    const std::vector<uint32_t> samples = samples_of(count, zipf);
    const Others others;
    double logarithms = 0;
    int n = 0;
    for (const int threads : {1, 2, 4, 8, 16, 64}) {
        if (threads > 1 && std::is_same_v<Map, Limit>) break;
        for (const unsigned gets : {100, 99, 90, 50}) {
            const std::string cell = "t" + std::to_string(threads) + "g" + std::to_string(gets);
            double ns, trip = 0;
            if (threads == 1 || !place_possible(Place::across))
                ns = ns_of_call(*map, samples, threads, gets);
            else
                std::tie(ns, trip) = ns_and_trip(*map, samples, threads, gets);
            figures.add(cell.c_str(), ns);
            if (trip > 0) figures.add((cell + "trip").c_str(), trip);
            logarithms += std::log(ns);
            n++;
        }
    }
    figures.ns = std::exp(logarithms / n);
    figures.add("others", others.share());
}

uint64_t resident() {
    std::ifstream file("/proc/self/statm");
    uint64_t all = 0, pages = 0;
    file >> all >> pages;
    return pages * uint64_t(sysconf(_SC_PAGESIZE));
}

/* A million entries, of which the map was not told before; then a million more, each put timed. */
template <class Map> void grow(Figures &figures) {
    constexpr uint64_t million = 1000000;
    map_entries = 16;
    const uint64_t before = resident();
    const Others others;
    const auto map = std::make_unique<Map>();
    for (uint64_t i = 0; i < million; i++) map->put(scrambled(i));
    figures.add("bytes", double(resident() - before) / double(million));
    Histogram puts;
    const uint64_t begun = now_ns();
    for (uint64_t i = million; i < 2 * million; i++) {
        const uint64_t at = now_ns();
        map->put(scrambled(i));
        puts.add(now_ns() - at);
    }
    figures.ns = double(now_ns() - begun) / double(million);
    figures.add("bytes_2", double(resident() - before) / double(2 * million));
    figures.add("others", others.share());
    const std::pair<const char *, double> points[] = {
        {"p50", .5}, {"p90", .9}, {"p99", .99}, {"p99.9", .999}, {"p99.99", .9999}, {"p99.999", .99999}};
    for (const auto &[name, p] : points) figures.add(name, puts.percentile(p));
    figures.add("longest", puts.max());
}

/* A map that `grows` keeps its speed with more entries than it was told of. */
template <class Map> void full_rows_of(const std::string &library, bool grows) {
    if (grows) row_apart("map/grow/" + library, grow<Map>);
    for (const uint64_t count : {1000u, 100000u, 10000000u})
        for (const bool zipf : {false, true})
            row_apart(
                "map/cells/" + library + "/entries:" + std::to_string(count) +
                    "/zipf:" + std::to_string(zipf),
                [=](Figures &f) { cells<Map>(f, count, zipf); }, 60);
}

template <class Map> void rows_of(const std::string &library, bool grows = true) {
    if (full()) full_rows_of<Map>(library, grows);
    row("map/get/" + library, get<Map>);
    row("map/get_text/" + library, get_text<Map>);
    row("map/put/" + library, put<Map>);
    row("map/add_and_remove/" + library, add_and_remove<Map>);
    row("map/add_and_remove_scrambled/" + library, add_and_remove_scrambled<Map>);
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
    if (full()) full_rows_of<Limit>("limit", true);
    rows_of<Pthread>("pthread");
#ifdef THRUM_BENCH_HAS_TBB
    rows_of<Tbb>("tbb");
#endif
#ifdef THRUM_BENCH_HAS_CUCKOO
    rows_of<Cuckoo>("libcuckoo");
#endif
#ifdef THRUM_BENCH_HAS_CDS
    rows_of<Cds>("libcds", false);
#endif
#ifdef THRUM_BENCH_HAS_RUST
    rows_of<Dashmap>("dashmap");
#endif
}

} // namespace bench
