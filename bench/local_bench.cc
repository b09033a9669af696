/* SPDX-License-Identifier: MIT */
#include "support/bench.h"

#include <pthread.h>

#include <thrum/local.h>

namespace bench {
namespace {

struct Value {
    int number = 1000;
};

/* clang-format off */
struct Thrum {
    thrum_local local = THRUM_LOCAL_INIT(sizeof(Value), nullptr, nullptr, nullptr);
    ~Thrum() { thrum_local_destroy(&local); }
    void *get() { return thrum_local_get(&local); }
};

struct Pthread {
    pthread_key_t key;
    Pthread() { pthread_key_create(&key, free); }
    ~Pthread() { free(pthread_getspecific(key)); pthread_key_delete(key); }
    void *get() {
        void *value = pthread_getspecific(key);
        if (!value) pthread_setspecific(key, value = calloc(1, sizeof(Value)));
        return value;
    }
};

/* With a constructor and a destructor that the compiler looks after; one object, known when compiled. */
struct Guarded : Value {
    Guarded() { number = 1; }
    ~Guarded() { benchmark::DoNotOptimize(number); }
};
thread_local Guarded guarded;
struct Std {
    void *get() { return &guarded; }
};

/* Neither of them. */
thread_local Value plain;
struct Limit {
    void *get() { return &plain; }
};
/* clang-format on */

template <class Local> void get(benchmark::State &state) {
    Local local;
    for (auto _ : state) {
        benchmark::DoNotOptimize(local.get());
        benchmark::ClobberMemory();
    }
}

template <class Local> void first_get(benchmark::State &state) {
    for (auto _ : state) {
        Local local;
        benchmark::DoNotOptimize(local.get());
    }
}

} // namespace

void rows() {
    row("local/get/limit", get<Limit>);
    row("local/get/thrum", get<Thrum>);
    row("local/get/pthread", get<Pthread>);
    row("local/get/std", get<Std>);
    row("local/make_get_destroy/thrum", first_get<Thrum>);
    row("local/make_get_destroy/pthread", first_get<Pthread>);
}

} // namespace bench
