/* SPDX-License-Identifier: MIT */
/*
 * Jobs on a pool of two threads: how many a second, and how long one takes that is waited for. The
 * environment's THRUM_BENCH_WORKERS makes the pool one of so many threads.
 */
#include "support/bench.h"

#include <condition_variable>
#include <deque>
#include <functional>
#include <future>
#include <mutex>

#include <pthread.h>
#include <thrum/executor.h>

#ifdef THRUM_BENCH_HAS_TBB
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_group.h>
#endif
#if __has_include(<boost/asio/thread_pool.hpp>)
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_future.hpp>
#endif
#ifdef THRUM_BENCH_HAS_GLIB
#include <glib.h>
#endif
#ifdef THRUM_BENCH_HAS_UV
#include <uv.h>
#endif
#ifdef THRUM_BENCH_HAS_RUST
#include "support/rust.h"
#endif

namespace bench {
namespace {

const unsigned WORKERS = [] {
    const char *const asked = getenv("THRUM_BENCH_WORKERS");
    return asked ? unsigned(atoi(asked)) : 2;
}();

using Function = int(void *);

struct Thrum {
    thrum_executor *pool = nullptr;
    Thrum() {
        (void)!thrum_executor_new(&pool, int(WORKERS), nullptr);
    }
    ~Thrum() {
        finish();
        thrum_executor_release(pool);
    }
    struct Job {
        Function *function;
        void *argument;
    };
    template <Function *function> static int run(void *argument, void **) {
        return function(argument);
    }
    template <Function *function> void submit(void *argument) {
        (void)!thrum_executor_submit(pool, run<function>, argument, nullptr);
    }
    using Future = thrum_future *;
    template <Function *function> Future submit_with_future(void *argument) {
        thrum_future *future = nullptr;
        (void)!thrum_executor_submit(pool, run<function>, argument, &future);
        return future;
    }
    static void wait(Future &future) {
        (void)thrum_future_result(future, nullptr);
        thrum_future_release(future);
    }
    static void drop(Future &future) {
        thrum_future_release(future);
    }
    void finish() {
        (void)thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT);
    }
};

/* A deque under a mutex with a condition variable: the pool that everybody writes. */
template <class Task> struct Deque {
    std::mutex mutex;
    std::condition_variable changed;
    std::deque<Task> tasks;
    bool closed = false;
    std::vector<std::thread> threads;
    Deque() {
        for (int i = 0; i < int(WORKERS); i++) threads.emplace_back([this] { work(); });
    }
    ~Deque() {
        finish();
    }
    void put(Task task) {
        {
            std::lock_guard<std::mutex> lock(mutex);
            tasks.push_back(std::move(task));
        }
        changed.notify_one();
    }
    void work() {
        std::unique_lock<std::mutex> lock(mutex);
        for (;;) {
            changed.wait(lock, [this] { return closed || !tasks.empty(); });
            if (tasks.empty()) return;
            Task task = std::move(tasks.front());
            tasks.pop_front();
            lock.unlock();
            task();
            lock.lock();
        }
    }
    void finish() {
        {
            std::lock_guard<std::mutex> lock(mutex);
            closed = true;
        }
        changed.notify_all();
        for (std::thread &thread : threads) thread.join();
        threads.clear();
    }
};

/* Plain functions in it, as C would have it; or the standard library's tasks, with their futures. */
struct Call {
    Function *function;
    void *argument;
    void operator()() const {
        (void)function(argument);
    }
};
struct Pthread {
    Deque<Call> pool;
    template <Function *function> void submit(void *argument) {
        pool.put(Call{function, argument});
    }
    void finish() {
        pool.finish();
    }
};
struct Std {
    Deque<std::packaged_task<int()>> pool;
    using Future = std::future<int>;
    template <Function *function> Future submit_with_future(void *argument) {
        std::packaged_task<int()> task([argument] { return function(argument); });
        Future future = task.get_future();
        pool.put(std::move(task));
        return future;
    }
    template <Function *function> void submit(void *argument) {
        (void)submit_with_future<function>(argument);
    }
    static void wait(Future &future) {
        future.wait();
    }
    static void drop(Future &) {}
    void finish() {
        pool.finish();
    }
};

#ifdef THRUM_BENCH_HAS_TBB
struct Tbb {
    tbb::global_control threads{tbb::global_control::max_allowed_parallelism, WORKERS + 1};
    tbb::task_arena arena{int(WORKERS + 1), 1};
    tbb::task_group group;
    template <Function *function> void submit(void *argument) {
        arena.execute([this, argument] { group.run([argument] { (void)function(argument); }); });
    }
    void finish() {
        arena.execute([this] { group.wait(); });
    }
};
#endif

#if __has_include(<boost/asio/thread_pool.hpp>)
struct Asio {
    boost::asio::thread_pool pool{WORKERS};
    using Future = std::future<int>;
    template <Function *function> void submit(void *argument) {
        boost::asio::post(pool, [argument] { (void)function(argument); });
    }
    template <Function *function> Future submit_with_future(void *argument) {
        return boost::asio::post(pool, boost::asio::use_future([argument] { return function(argument); }));
    }
    static void wait(Future &future) {
        future.wait();
    }
    static void drop(Future &) {}
    void finish() {
        pool.join();
    }
};
#endif

int nothing(void *) {
    return 0;
}

int a_microsecond(void *work) {
    static_cast<const Work *>(work)->run();
    return 0;
}

#ifdef THRUM_BENCH_HAS_RUST
template <Function *function> void call(void *argument) {
    (void)function(argument);
}

struct Rayon {
    rust_rayon *pool = rust_rayon_new(int(WORKERS));
    ~Rayon() {
        rust_rayon_free(pool);
    }
    template <Function *function> void submit(void *argument) {
        rust_rayon_submit(pool, call<function>, argument);
    }
    void finish() {
        rust_rayon_finish(pool);
    }
};

struct Tokio {
    rust_tokio *pool = rust_tokio_new(int(WORKERS));
    ~Tokio() {
        rust_tokio_free(pool);
    }
    template <Function *function> void submit(void *argument) {
        rust_tokio_submit(pool, call<function>, argument);
    }
    void finish() {
        rust_tokio_finish(pool);
    }
};
#endif

#ifdef THRUM_BENCH_HAS_UV
/*
 * Its pool is the process's. Only the thread of the loop submits, and there each job's end is reported: that
 * thread looks for ended jobs after every thousand.
 */
struct Uv {
    static constexpr bool one_submitter = true;
    struct Job {
        uv_work_t work;
        Function *function;
        void *argument;
        bool done = false;
    };
    uv_loop_t loop;
    unsigned submitted = 0;
    Uv() {
        setenv("UV_THREADPOOL_SIZE", std::to_string(WORKERS).c_str(), 1);
        uv_loop_init(&loop);
    }
    ~Uv() {
        finish();
        uv_loop_close(&loop);
    }
    static void run(uv_work_t *work) {
        Job *const job = static_cast<Job *>(work->data);
        (void)job->function(job->argument);
    }
    void queue(Job *job, void (*after)(uv_work_t *, int)) {
        job->work.data = job;
        uv_queue_work(&loop, &job->work, run, after);
    }
    template <Function *function> void submit(void *argument) {
        queue(new Job{{}, function, argument},
              [](uv_work_t *work, int) { delete static_cast<Job *>(work->data); });
        if (++submitted % 1000 == 0) uv_run(&loop, UV_RUN_NOWAIT);
    }
    using Future = Job *;
    template <Function *function> Future submit_with_future(void *argument) {
        Job *const job = new Job{{}, function, argument};
        queue(job, [](uv_work_t *work, int) { static_cast<Job *>(work->data)->done = true; });
        return job;
    }
    void wait(Future job) {
        while (!job->done) uv_run(&loop, UV_RUN_ONCE);
        delete job;
    }
    void finish() {
        uv_run(&loop, UV_RUN_DEFAULT);
    }
};
#endif

#ifdef THRUM_BENCH_HAS_GLIB
struct Glib {
    struct Item {
        Function *function;
        void *argument;
    };
    static void run(void *item, void *) {
        auto *const it = static_cast<Item *>(item);
        (void)it->function(it->argument);
        delete it;
    }
    GThreadPool *pool = g_thread_pool_new(run, nullptr, int(WORKERS), TRUE, nullptr);
    template <Function *function> void submit(void *argument) {
        g_thread_pool_push(pool, new Item{function, argument}, nullptr);
    }
    void finish() {
        g_thread_pool_free(pool, FALSE, TRUE);
    }
};
#endif

/* From the first submit until all are done. */
template <class Pool, Function *function>
void many(Figures &figures, uint64_t full, void *argument, int submitters) {
    const uint64_t each = full_or_quick<uint64_t>(full, full / 10) / uint64_t(submitters);
    Pool pool;
    for (int i = 0; i < 100; i++) pool.template submit<function>(argument);
    Team team(submitters, Place::anywhere, [&](int) {
        for (uint64_t i = 0; i < each; i++) pool.template submit<function>(argument);
    });
    const uint64_t begin = team.start();
    team.join();
    pool.finish();
    figures.ns = double(now_ns() - begin) / double(each * uint64_t(submitters));
}

template <class Pool> void many_with_future(Figures &figures) {
    const uint64_t count = full_or_quick<uint64_t>(1000000, 100000);
    Pool pool;
    for (int i = 0; i < 100; i++) {
        auto future = pool.template submit_with_future<nothing>(nullptr);
        pool.wait(future);
    }
    const uint64_t begin = now_ns();
    for (uint64_t i = 0; i < count; i++) {
        auto future = pool.template submit_with_future<nothing>(nullptr);
        pool.drop(future);
    }
    pool.finish();
    figures.ns = double(now_ns() - begin) / double(count);
}

/* One job at a time; the workers fall asleep between two, if there is a pause. */
template <class Pool> void submit_and_wait(Figures &figures, int pause_us) {
    const int count = pause_us ? full_or_quick(2000, 300) : full_or_quick(30000, 3000);
    Pool pool;
    uint64_t total = 0;
    for (int i = -20; i < count; i++) {
        if (pause_us) std::this_thread::sleep_for(std::chrono::microseconds(pause_us));
        const uint64_t begin = now_ns();
        auto future = pool.template submit_with_future<nothing>(nullptr);
        pool.wait(future);
        if (i >= 0) total += now_ns() - begin;
    }
    figures.ns = double(total) / count;
}

/* As many threads, each with its share of the work and nobody to hand it over. */
void work_alone(Figures &figures) {
    const uint64_t each = full_or_quick<uint64_t>(300000, 30000) / WORKERS;
    const Work work(1000);
    Team team(int(WORKERS), Place::anywhere, [&](int) {
        for (uint64_t i = 0; i < each; i++) work.run();
    });
    const uint64_t begin = team.start();
    team.join();
    figures.ns = double(now_ns() - begin) / double(each * WORKERS);
}

template <class Pool> void rows_of(const std::string &name) {
    static const Work work(1000);
    static void *const argument = const_cast<Work *>(&work);
    for (int submitters : {1, 4}) {
        if (requires { Pool::one_submitter; } && submitters > 1) continue;
        const std::string of = "/submitters:" + std::to_string(submitters);
        row_apart("executor/empty_jobs/" + name + of,
                  [=](Figures &f) { many<Pool, nothing>(f, 3000000, nullptr, submitters); });
    }
    row_apart("executor/jobs_of_1us/" + name,
              [](Figures &f) { many<Pool, a_microsecond>(f, 300000, argument, 1); });
}

template <class Pool> void waiting_rows_of(const std::string &name) {
    for (int pause : {0, 200})
        row_apart("executor/submit_and_wait/" + name + "/pause_us:" + std::to_string(pause),
                  [=](Figures &f) { submit_and_wait<Pool>(f, pause); });
}

template <class Pool> void rows_with_future_of(const std::string &name) {
    row_apart("executor/empty_jobs_with_future/" + name, many_with_future<Pool>);
    waiting_rows_of<Pool>(name);
}

} // namespace

void rows() {
    rows_of<Thrum>("thrum");
    row_apart("executor/jobs_of_1us/limit", work_alone);
    rows_of<Pthread>("pthread");
    rows_with_future_of<Thrum>("thrum");
    rows_with_future_of<Std>("std");
#ifdef THRUM_BENCH_HAS_TBB
    rows_of<Tbb>("tbb");
#endif
#if __has_include(<boost/asio/thread_pool.hpp>)
    rows_of<Asio>("boost_asio");
    rows_with_future_of<Asio>("boost_asio");
#endif
#ifdef THRUM_BENCH_HAS_RUST
    rows_of<Rayon>("rayon");
    rows_of<Tokio>("tokio");
#endif
#ifdef THRUM_BENCH_HAS_GLIB
    rows_of<Glib>("glib");
#endif
#ifdef THRUM_BENCH_HAS_UV
    rows_of<Uv>("libuv");
    waiting_rows_of<Uv>("libuv"); /* nothing is asked of a job that nobody waits for */
#endif
}

} // namespace bench
