/* SPDX-License-Identifier: MIT */
/* A small struct that is read all the time: by one thread, by two at once, and beside a writer. */
#include "support/bench.h"

#include <pthread.h>
#include <thrum/seqlock.h>

namespace bench {
namespace {

struct Data {
    uint64_t values[4];
};

struct Thrum {
    thrum_seqlock seqlock = THRUM_SEQLOCK_INIT;
    thrum_u64 words[THRUM_SEQLOCK_WORDS(Data)] = {};
    void read(Data &data) {
        thrum_seqlock_read(&seqlock, words, &data, sizeof data);
    }
    void write(const Data &data) {
        thrum_seqlock_write(&seqlock, words, &data, sizeof data);
    }
};

/* What nobody protects: the loads alone. */
struct Limit {
    std::atomic<uint64_t> words[4] = {};
    void read(Data &data) {
        for (int i = 0; i < 4; i++) data.values[i] = words[i].load(std::memory_order_relaxed);
    }
    void write(const Data &data) {
        for (int i = 0; i < 4; i++) words[i].store(data.values[i], std::memory_order_relaxed);
    }
};

struct Pthread {
    pthread_rwlock_t lock = PTHREAD_RWLOCK_INITIALIZER;
    Data now = {};
    void read(Data &data) {
        pthread_rwlock_rdlock(&lock);
        data = now;
        pthread_rwlock_unlock(&lock);
    }
    void write(const Data &data) {
        pthread_rwlock_wrlock(&lock);
        now = data;
        pthread_rwlock_unlock(&lock);
    }
};

template <class Cell> void read_alone(benchmark::State &state) {
    Cell cell;
    Data data = {};
    for (auto _ : state) {
        cell.read(data);
        benchmark::DoNotOptimize(data);
    }
}

template <class Cell> void write_alone(benchmark::State &state) {
    Cell cell;
    Data data = {};
    for (auto _ : state) {
        benchmark::DoNotOptimize(data);
        cell.write(data);
    }
}

/* Readers on a processor each; the writer, if any, beside them writes every ten microseconds. */
template <class Cell> void read_at_once(Figures &figures, int readers, bool with_writer) {
    Cell cell;
    const uint64_t count = full_or_quick<uint64_t>(5000000, 500000);
    std::atomic<bool> over{false};
    std::atomic<uint64_t> torn{0}, busy{0};
    Team team(readers + with_writer, Place::across, [&](int number) {
        Data data = {};
        if (number == readers) {
            for (uint64_t i = 1; !over.load(std::memory_order_relaxed); i++) {
                for (uint64_t &value : data.values) value = i;
                cell.write(data);
                for (const uint64_t end = now_ns() + 10000; now_ns() < end;) thrum_cpu_pause();
            }
            return;
        }
        uint64_t own_torn = 0;
        const uint64_t begin = now_ns();
        for (uint64_t i = 0; i < count; i++) {
            cell.read(data);
            own_torn += data.values[0] != data.values[3];
        }
        busy += now_ns() - begin;
        torn += own_torn;
        over = true;
    });
    team.start();
    team.join();
    figures.ns = double(busy.load()) / double(count * uint64_t(readers));
    figures.add("torn", double(torn.load()));
}

template <class Cell> void rows_of(const std::string &name) {
    row("seqlock/read/" + name, read_alone<Cell>);
    row("seqlock/write/" + name, write_alone<Cell>);
    row_apart("seqlock/two_read/" + name, [](Figures &f) { read_at_once<Cell>(f, 2, false); });
    row_apart("seqlock/read_beside_a_writer/" + name, [](Figures &f) { read_at_once<Cell>(f, 1, true); });
}

} // namespace

void rows() {
    rows_of<Thrum>("thrum");
    rows_of<Limit>("limit");
    rows_of<Pthread>("pthread");
}

} // namespace bench
