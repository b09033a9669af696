/* SPDX-License-Identifier: MIT */
/* Settings that are read all the time and now and then set: a read alone, two at once, and a set. */
#include "support/bench.h"

#include <pthread.h>

#include <cstdlib>
#include <memory>

#include <thrum/snapshot.h>

namespace bench {
namespace {

struct Settings {
    int limit = 1, other = 2;
};

struct Thrum {
    thrum_snapshot cell = THRUM_SNAPSHOT_INIT;
    Thrum() {
        set();
    }
    ~Thrum() {
        thrum_snapshot_clear(&cell);
    }
    int read() {
        int limit = 0;
        THRUM_WITH_SNAPSHOT(const Settings *now, &cell) limit = now->limit;
        return limit;
    }
    void set() {
        Settings *const next = static_cast<Settings *>(malloc(sizeof *next));
        *next = Settings();
        if (thrum_snapshot_set(&cell, next, free) != THRUM_OK) abort();
    }
};

/* The two calls, without a guard for a thread that ends inside. */
struct ThrumCalls : Thrum {
    int read() {
        const int limit = static_cast<const Settings *>(thrum_snapshot_read_begin(&cell))->limit;
        thrum_snapshot_read_end();
        return limit;
    }
};

struct Pthread {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    Settings now;
    int read() {
        pthread_rwlock_rdlock(&lock);
        const int limit = now.limit;
        pthread_rwlock_unlock(&lock);
        return limit;
    }
    void set() {
        pthread_rwlock_wrlock(&lock);
        now = Settings();
        pthread_rwlock_unlock(&lock);
    }
};

/* The standard library's own cell of this kind. */
struct Std {
#ifdef __cpp_lib_atomic_shared_ptr
    std::atomic<std::shared_ptr<const Settings>> cell{std::make_shared<const Settings>()};
    int read() {
        return cell.load()->limit;
    }
    void set() {
        cell.store(std::make_shared<const Settings>());
    }
#else
    std::shared_ptr<const Settings> cell = std::make_shared<const Settings>();
    int read() {
        return std::atomic_load(&cell)->limit;
    }
    void set() {
        std::atomic_store(&cell, std::shared_ptr<const Settings>(std::make_shared<const Settings>()));
    }
#endif
};

/* A read section and the settings' own load. */
struct Limit {
    Settings now;
    int read() {
        thrum_rcu_read_begin();
        const int limit = now.limit;
        thrum_rcu_read_end();
        return limit;
    }
};

template <class Cell> void read_alone(benchmark::State &state) {
    Cell cell;
    for (auto _ : state) benchmark::DoNotOptimize(cell.read());
}

template <class Cell> void set_alone(benchmark::State &state) {
    Cell cell;
    for (auto _ : state) cell.set();
}

template <class Cell> void two_read(Figures &figures) {
    const auto cell = std::make_unique<Padded<Cell>>();
    const uint64_t count = full_or_quick<uint64_t>(4000000, 400000);
    std::atomic<uint64_t> busy{0};
    Team team(2, Place::across, [&](int) {
        const uint64_t begun = now_ns();
        for (uint64_t i = 0; i < count; i++) benchmark::DoNotOptimize(cell->value.read());
        busy += now_ns() - begun;
    });
    team.start();
    team.join();
    figures.ns = double(busy.load()) / double(2 * count);
}

template <class Cell> void read_rows(const std::string &library) {
    row("snapshot/read/" + library, read_alone<Cell>);
    row_apart("snapshot/two_read/" + library, two_read<Cell>);
}
template <class Cell> void rows_of(const std::string &library) {
    read_rows<Cell>(library);
    row("snapshot/set/" + library, set_alone<Cell>);
}

} // namespace

void rows() {
    rows_of<Thrum>("thrum");
    read_rows<ThrumCalls>("thrum_calls");
    read_rows<Limit>("limit");
    rows_of<Pthread>("pthread");
    rows_of<Std>("std");
}

} // namespace bench
