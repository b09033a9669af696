/* SPDX-License-Identifier: MIT */
/*
 * A C++ exception leaves functions that the library calls. It reaches the caller, and then the thread's state
 * is what it was, the object is whole, and the functions that follow have been called.
 */
/* ctest: libraries thrum::thrum */
#include "test.h"

#include <cstring>
#include <stdexcept>
#include <thrum.hpp>

namespace {

int calls;     /* of functions: the first one throws */
int traced;    /* calls of the trace function */
int destroyed; /* destructors of `witness` */

struct witness {
    ~witness() {
        destroyed++;
    }
};

void leave() {
    witness w;
    if (calls++ == 0) throw std::runtime_error("left");
}

void trace(thrum_trace_event, void *, void *) {
    traced++;
}

/* The use of an object throws what its function threw, and the thread is as before. */
template <class Use> void check_use(Use use, int calls_after) {
    static thrum_lock outer;
    thrum_set_trace_all_threads(trace);
    calls = destroyed = 0;
    bool caught = false;
    THRUM_WITH(&outer) {
        try {
            use();
        } catch (const std::runtime_error &e) {
            caught = std::strcmp(e.what(), "left") == 0;
        }
        CHECK_EQ(thrum_self_guards(), 1);
        CHECK(thrum_lock_locked(&outer));
    }
    CHECK(caught);
    CHECK_EQ(calls, calls_after);
    CHECK_EQ(destroyed, calls_after);
    CHECK_EQ(thrum_self_guards(), 0);
    const int before = traced;
    thrum_trace_enter(nullptr, nullptr);
    CHECK_EQ(traced, before + 1);
    int state;
    CHECK_EQ(pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state), 0);
    CHECK_EQ(state, PTHREAD_CANCEL_ENABLE);
}

thrum_result succeed(void *) {
    leave();
    return THRUM_OK;
}

} // namespace

TEST(an_exception_leaves_a_once_open) {
    static thrum_once once;
    check_use([] { (void)!thrum_once_run(&once, succeed, nullptr); }, 1);
    CHECK(!thrum_once_done(&once));
    CHECK_EQ(thrum_once_run_until(&once, succeed, nullptr, THRUM_NOW), THRUM_OK);
}

TEST(an_exception_breaks_a_barrier) {
    static thrum_barrier barrier;
    CHECK_EQ(thrum_barrier_init_with(&barrier, 1, succeed, nullptr, THRUM_BARRIER_NO_TIMEOUT), THRUM_OK);
    check_use([] { (void)!thrum_barrier_wait(&barrier, nullptr); }, 1);
    CHECK(thrum_barrier_broken(&barrier));
    thrum_barrier_reset(&barrier);
    CHECK_EQ(thrum_barrier_wait(&barrier, nullptr), THRUM_OK);
}

TEST(an_exception_goes_through_a_predicate) {
    static thrum_monitor monitor;
    check_use(
        [] {
            THRUM_WITH(&monitor)
                (void)!thrum_monitor_wait_for(
                    &monitor, [](void *) { return leave(), 1; }, nullptr, THRUM_FOREVER);
        },
        1);
    CHECK(!thrum_monitor_locked(&monitor));
}

TEST(an_exception_in_an_initialiser_makes_no_value) {
    /* g++ 12's sanitizer of undefined behaviour takes a thread-local variable's address for null. */
    if (test_under_asan()) test_skip("built with g++'s sanitizers");
    static thrum_local local = THRUM_LOCAL_INIT(
        sizeof(int), [](void *, void *p) { return succeed(p); }, nullptr, nullptr);
    check_use([] { (void)thrum_local_get(&local); }, 1);
    CHECK(!thrum_local_peek(&local));
    CHECK(thrum_local_get(&local));
    thrum_local_destroy(&local);
}

TEST(an_exception_in_a_destructor_destroys_the_value) {
    static thrum_local local = THRUM_LOCAL_INIT(
        sizeof(int), nullptr, [](void *, void *) { leave(); }, nullptr);
    CHECK(thrum_local_get(&local));
    check_use([] { thrum_local_clear(&local); }, 1);
    CHECK(!thrum_local_peek(&local));
}

TEST(an_exception_goes_through_a_visitor) {
    static thrum_attributes attributes = THRUM_ATTRIBUTES_INIT;
    CHECK_EQ(thrum_attributes_set(&attributes, "name", nullptr), THRUM_OK);
    check_use(
        [] {
            thrum_attributes_each(
                &attributes, [](const char *, void *, void *) { leave(); }, nullptr);
        },
        1);
}

TEST(an_exception_ends_a_visit_of_a_map) {
    static thrum_map *map;
    CHECK_EQ(thrum_map_new(&map, nullptr), THRUM_OK);
    CHECK_EQ(thrum_map_put(map, thrum_key("a"), &map), THRUM_OK);
    check_use(
        [] {
            thrum_map_each(
                map, [](thrum_map_key, void *, void *) { return leave(), true; }, nullptr);
        },
        1);
    thrum_map_free(map);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK); /* the read section has ended */
}

TEST(an_exception_leaves_a_snapshot_to_the_next_writer) {
    static thrum_snapshot snapshot;
    const auto make = [](const void *, void *p, void **) { return succeed(p); };
    check_use([make] { (void)!thrum_snapshot_update(&snapshot, make, nullptr, nullptr); }, 1);
    CHECK_EQ(thrum_snapshot_update(&snapshot, make, nullptr, nullptr), THRUM_OK);
    thrum_snapshot_clear(&snapshot);
    CHECK_EQ(thrum_rcu_barrier(), THRUM_OK);
}

TEST(an_exception_in_a_callback_goes_on_after_the_other_callbacks) {
    static thrum_future *future;
    CHECK_EQ(thrum_future_new(&future), THRUM_OK);
    for (int i = 0; i < 3; i++)
        CHECK_EQ(thrum_future_add_callback(
                     future, [](thrum_future *, void *) { leave(); }, nullptr),
                 THRUM_OK);
    check_use([] { (void)!thrum_future_set_result(future, nullptr); }, 3);
    CHECK_EQ(thrum_future_try_result(future, nullptr), THRUM_OK);
    thrum_future_release(future);
}

TEST(an_exception_in_a_drop_goes_on_after_the_other_drops) {
    static thrum_queue queue;
    thrum_queue_config config = {};
    config.drop = [](void *, void *) { leave(); };
    CHECK_EQ(thrum_queue_init(&queue, &config), THRUM_OK);
    for (int i = 0; i < 3; i++) CHECK_EQ(thrum_queue_put(&queue, &queue), THRUM_OK);
    check_use([] { thrum_queue_shutdown_now(&queue); }, 3);
    CHECK_EQ(thrum_queue_join_until(&queue, THRUM_NOW), THRUM_OK);
    thrum_queue_destroy(&queue);
}

TEST(an_exception_in_a_hook_goes_on) {
    static thrum_future *future;
    thrum_set_excepthook([](const thrum_failure *) { leave(); });
    CHECK_EQ(thrum_future_new(&future), THRUM_OK);
    CHECK_EQ(thrum_future_set_error(future, 1, "nobody asks"), THRUM_OK);
    check_use([] { thrum_future_release(future); }, 1);
}

TEST(an_exception_in_a_trace_function_leaves_the_thread_traced) {
    calls = traced = 0;
    thrum_set_trace_all_threads([](thrum_trace_event, void *, void *) {
        traced++;
        leave();
    });
    bool caught = false;
    try {
        thrum_trace_enter(nullptr, nullptr);
    } catch (const std::runtime_error &) {
        caught = true;
    }
    CHECK(caught);
    thrum_trace_enter(nullptr, nullptr);
    CHECK_EQ(traced, 2);
}

TEST(an_exception_in_an_at_shutdown_function_goes_on_after_the_shutdown) {
    for (int i = 0; i < 3; i++) CHECK_EQ(thrum_at_shutdown([](void *) { leave(); }, nullptr), THRUM_OK);
    check_use([] { thrum_shutdown(); }, 3);
    thrum_thread_config config = {};
    config.target = [](void *p) { return p; };
    CHECK_EQ(thrum_thread_spawn(nullptr, &config), THRUM_FINALIZING);
}

/* ---- destructors run whatever way a function is left ---- */

namespace {

void fail_with_a_witness(thrum_future *, void *) {
    witness w;
    thrum_thread_fail(1, "with a witness");
}

/* A handler that does not throw on what it caught: the callback is left all the same. */
void fail_and_catch(thrum_future *, void *) {
    try {
        fail_with_a_witness(nullptr, nullptr);
    } catch (...) {
        calls++;
    }
    calls += 100;
}

int failures;

} // namespace

TEST(a_callback_that_fails_is_unwound) {
    for (thrum_future_callback *callback : {fail_with_a_witness, fail_and_catch}) {
        thrum_future *future;
        calls = destroyed = failures = 0;
        thrum_set_excepthook([](const thrum_failure *f) { failures += f->code; });
        CHECK_EQ(thrum_future_new(&future), THRUM_OK);
        CHECK_EQ(thrum_future_set_result(future, nullptr), THRUM_OK);
        CHECK_EQ(thrum_future_add_callback(future, callback, nullptr), THRUM_OK);
        CHECK_EQ(destroyed, 1);
        CHECK_EQ(failures, 1);
        CHECK_EQ(calls, callback == fail_and_catch);
        thrum_future_release(future);
    }
}

/* A destructor that pthread_exit runs completes a future whose callback fails: the unwinding goes on. */
TEST(a_callback_fails_amid_another_unwinding) {
    struct completes {
        thrum_future *future;
        ~completes() {
            (void)!thrum_future_set_result(future, nullptr);
        }
    };
    thrum_future *future;
    failures = destroyed = 0;
    thrum_set_excepthook([](const thrum_failure *f) { failures += f->code; });
    CHECK_EQ(thrum_future_new(&future), THRUM_OK);
    CHECK_EQ(thrum_future_add_callback(future, fail_with_a_witness, nullptr), THRUM_OK);
    pthread_t thread;
    CHECK_EQ(pthread_create(
                 &thread, nullptr,
                 [](void *p) -> void * {
                     witness w;
                     completes c = {static_cast<thrum_future *>(p)};
                     pthread_exit(p);
                 },
                 future),
             0);
    void *value;
    CHECK_EQ(pthread_join(thread, &value), 0);
    CHECK(value == future);
    CHECK_EQ(failures, 1);
    CHECK_EQ(destroyed, 2);
    thrum_future_release(future);
}

/* ---- a job's thread, after a callback has thrown into it ---- */

namespace {

thrum_future *inner;

int complete(void *, void **) {
    (void)!thrum_future_set_result(inner, nullptr);
    return 0;
}

int exit_with(void *p, void **) {
    thrum_thread_exit(p);
}

} // namespace

TEST(a_job_that_a_callback_throws_into_leaves_its_worker_whole) {
    thrum_executor *pool;
    thrum_future *first, *second;
    calls = 0;
    CHECK_EQ(thrum_future_new(&inner), THRUM_OK);
    CHECK_EQ(thrum_future_add_callback(
                 inner, [](thrum_future *, void *) { leave(); }, nullptr),
             THRUM_OK);
    CHECK_EQ(thrum_executor_new(&pool, 1, nullptr), THRUM_OK);
    CHECK_EQ(thrum_executor_submit(pool, thrum::job<complete>, nullptr, &first), THRUM_OK);
    CHECK_EQ(thrum_executor_submit(pool, exit_with, pool, &second), THRUM_OK);
    CHECK_EQ(thrum_future_result(first, nullptr), THRUM_FAILED);
    void *value = nullptr;
    CHECK_EQ(thrum_future_result(second, &value), THRUM_OK);
    CHECK(value == pool);
    for (thrum_future *f : {first, second, inner}) thrum_future_release(f);
    CHECK_EQ(thrum_executor_shutdown(pool, THRUM_SHUTDOWN_WAIT), THRUM_OK);
    thrum_executor_release(pool);
}
