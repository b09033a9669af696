/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "threads.h"

#include "../src/thread/record.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <thrum.h>
#include <sys/syscall.h>
#include <unistd.h>

/* ---- what it says ---- */

static char text[1 << 16];

static thrum_result dump(void) {
    const int fd = memfd_create("dump", 0);
    CHECK(fd >= 0);
    const thrum_result result = thrum_dump(fd);
    const ssize_t length = pread(fd, text, sizeof text - 1, 0);
    CHECK(length > 0);
    text[length] = 0;
    close(fd);
    return result;
}

/* The line of a thread of that name. */
static const char *line_of(const char *name) {
    static char line[1024];
    char quoted[64];
    (void)snprintf(quoted, sizeof quoted, " \"%s\", native ", name);
    const char *found = strstr(text, quoted);
    if (!found) return NULL;
    while (found > text && found[-1] != '\n') found--;
    const size_t length = strcspn(found, "\n");
    CHECK(length < sizeof line);
    memcpy(line, found, length);
    line[length] = 0;
    return line;
}

static thrum_rlock wanted;
static thrum_lock held;
static thrum_event inside, let_go;

static void *wait_for_it(void *unused) {
    THRUM_WITH(&held) {
        thrum_event_set(&inside);
        THRUM_WITH(&wanted) {
        }
    }
    return unused;
}

static void begin_anew(void) {
    thrum_event_clear(&inside);
    thrum_event_clear(&let_go);
}

static void *own_it(void *unused) {
    THRUM_WITH(&wanted) {
        thrum_event_set(&inside);
        thrum_event_wait(&let_go);
    }
    return unused;
}

/* Until the line of the thread of that name has these words. */
static void await_words(const char *name, const char *words) {
    do CHECK_EQ(dump(), THRUM_OK);
    while (!line_of(name) || !strstr(line_of(name), words));
}

TEST(each_thread_is_told_with_what_it_waits_for_and_the_holder_of_that) {
    thrum_thread *const owner = test_spawn((thrum_thread_config){.target = own_it, .name = "owner"});
    thrum_event_wait(&inside);
    thrum_event_clear(&inside);
    thrum_thread *const waiter = test_spawn((thrum_thread_config){.target = wait_for_it, .name = "waiter"});
    await_words("waiter", " s for rlock ");
    await_words("owner", " s for event ");

    char words[256];
    (void)snprintf(words, sizeof words, " s for rlock %p, held by %llu, called at 0x", (void *)&wanted,
                   (unsigned long long)thrum_thread_ident(owner));
    CHECK(strstr(line_of("waiter"), words));
    (void)snprintf(words, sizeof words, "; holds %p", (void *)&held);
    CHECK(strstr(line_of("waiter"), words));
    (void)snprintf(words, sizeof words, "; holds %p", (void *)&wanted);
    CHECK(strstr(line_of("owner"), words));
    (void)snprintf(words, sizeof words, "%llu \"MainThread\", native %d: runs",
                   (unsigned long long)thrum_get_ident(), (int)getpid());
    CHECK(strcmp(line_of("MainThread"), words) == 0);
    CHECK(strncmp(text, "thrum: 3 threads\n", 17) == 0);

    thrum_event_set(&let_go);
    test_join_and_release(waiter);
    test_join_and_release(owner);
    CHECK_EQ(dump(), THRUM_OK);
    CHECK(strncmp(text, "thrum: 1 thread\n", 16) == 0);
    CHECK(!line_of("waiter"));
}

/* The time has three digits behind the point. */
static void check_time(const char *line) {
    const char *const time = strstr(line, ": waits ");
    CHECK(time);
    const char *const point = time + strcspn(time, ".");
    CHECK_EQ(strspn(point, ".0123456789"), 4);
    CHECK(strncmp(point + 4, " s for ", 7) == 0);
}

static thrum_lock outer, inner;

static void wait_inside(void *unused) {
    (void)unused;
    thrum_event_set(&inside);
    thrum_event_wait(&let_go);
}

static void wait_inside_plainly(void *unused) {
    thrum_self_call_plainly_(wait_inside, unused);
}

static void *hold_two(void *unused) {
    thrum_guard_ fence = {NULL, &wanted, NULL};
    THRUM_WITH(&outer) {
        THRUM_WITH(&inner) (void)thrum_self_call_(&fence, wait_inside_plainly, NULL);
    }
    return unused;
}

/* Not what stands in the chain of guards for a function that the library calls. */
TEST(what_a_thread_holds_is_told_the_innermost_first_and_nothing_else) {
    begin_anew();
    thrum_thread *const holder = test_spawn((thrum_thread_config){.target = hold_two, .name = "holder"});
    await_words("holder", " s for event ");
    check_time(line_of("holder"));
    char words[64];
    (void)snprintf(words, sizeof words, "; holds %p, %p", (void *)&inner, (void *)&outer);
    CHECK(strstr(line_of("holder"), "; holds "));
    CHECK(strcmp(strstr(line_of("holder"), "; holds "), words) == 0);
    thrum_event_set(&let_go);
    test_join_and_release(holder);
}

static void *hold_with_a_broken_chain(void *unused) {
    THRUM_WITH(&outer) {
        thrum_guard_ *const guard = thrum_self_.innermost;
        thrum_guard_ *const before = guard->outer;
        guard->outer = (void *)1; /* no address */
        wait_inside(unused);
        guard->outer = before;
    }
    return unused;
}

TEST(a_chain_of_guards_that_is_none_any_more_is_told_as_far_as_it_goes) {
    begin_anew();
    thrum_thread *const holder =
        test_spawn((thrum_thread_config){.target = hold_with_a_broken_chain, .name = "holder"});
    await_words("holder", " s for event ");
    char words[64];
    (void)snprintf(words, sizeof words, "; holds %p", (void *)&outer);
    CHECK(strstr(line_of("holder"), "; holds "));
    CHECK(strcmp(strstr(line_of("holder"), "; holds "), words) == 0);
    thrum_event_set(&let_go);
    test_join_and_release(holder);
}

/* Memory that is no owner lies behind it. */
static struct {
    thrum_event event;
    unsigned char behind[2048];
} alone;

static void *wait_for_alone(void *unused) {
    thrum_event_wait(&alone.event);
    return unused;
}

TEST(of_what_knows_no_owner_none_is_told) {
    memset(alone.behind, 0x5a, sizeof alone.behind);
    thrum_thread *const waiter =
        test_spawn((thrum_thread_config){.target = wait_for_alone, .name = "waiter"});
    await_words("waiter", " s for event ");
    CHECK(!strstr(line_of("waiter"), "held by"));
    thrum_event_set(&alone.event);
    test_join_and_release(waiter);
}

static thrum_thread *joined;

static void *join_it(void *unused) {
    CHECK_EQ(thrum_thread_join(joined, NULL), THRUM_OK);
    return unused;
}

TEST(a_joiner_waits_for_the_end_of_a_thread) {
    begin_anew();
    joined = test_spawn((thrum_thread_config){.target = own_it, .name = "joined"});
    thrum_thread *const joiner = test_spawn((thrum_thread_config){.target = join_it, .name = "joiner"});
    char words[64];
    (void)snprintf(words, sizeof words, " s for the end of thread %llu,",
                   (unsigned long long)thrum_thread_ident(joined));
    await_words("joiner", words);
    thrum_event_set(&let_go);
    test_join_and_release(joiner);
    thrum_thread_release(joined);
}

static thrum_queue *empty;

static void *get_an_item(void *unused) {
    void *item;
    CHECK_EQ(thrum_queue_get(empty, &item), THRUM_CLOSED);
    return unused;
}

TEST(a_getter_waits_for_a_queue) {
    static thrum_queue queue;
    const thrum_queue_config config = {THRUM_QUEUE_FIFO, 4, 0, NULL, NULL, NULL};
    CHECK_EQ(thrum_queue_init(&queue, &config), THRUM_OK);
    empty = &queue;
    thrum_thread *const getter = test_spawn(
        (thrum_thread_config){.target = get_an_item, .name = "getter", .daemon = THRUM_DAEMON_YES});
    await_words("getter", ", daemon: waits ");
    char words[64];
    (void)snprintf(words, sizeof words, " s for queue %p,", (void *)&queue);
    await_words("getter", words);
    thrum_queue_shutdown(&queue);
    test_join_and_release(getter);
    thrum_queue_destroy(&queue);
}

/* ---- in a signal handler ---- */

static int pipe_ends[2];
static thrum_u32 ready, dumps, results[THRUM_EXISTS + 1];

static void dump_to_pipe(int signal) {
    (void)signal;
    const thrum_result result = thrum_dump(pipe_ends[1]);
    thrum_u32_fetch_add_relaxed(&results[result], 1);
    thrum_u32_fetch_add_relaxed(&dumps, 1);
}

static void *end_at_once(void *argument) {
    thrum_lock_acquire(&held);
    thrum_lock_release(&held);
    return argument;
}

static void *start_and_end(void *stop) {
    test_take_signals();
    thrum_u32_fetch_add_relaxed(&ready, 1);
    while (!thrum_event_is_set(stop))
        test_join_and_release(test_spawn((thrum_thread_config){.target = end_at_once}));
    return NULL;
}

static void *drain(void *unused) {
    char bytes[4096];
    while (read(pipe_ends[0], bytes, sizeof bytes) > 0) {
    }
    return unused;
}

TEST(a_handler_may_dump_whatever_it_interrupts) {
    static thrum_event stop;
    CHECK(pipe(pipe_ends) == 0);
    struct sigaction action = {.sa_handler = dump_to_pipe, .sa_flags = SA_RESTART};
    CHECK(sigaction(SIGQUIT, &action, NULL) == 0);
    pthread_t reader;
    CHECK(pthread_create(&reader, NULL, drain, NULL) == 0);
    thrum_thread *const starters[] = {
        test_spawn((thrum_thread_config){.target = start_and_end, .argument = &stop}),
        test_spawn((thrum_thread_config){.target = start_and_end, .argument = &stop})};
    while (thrum_u32_load_relaxed(&ready) < 2) thrum_futex_yield();
    const unsigned times = 200 / test_slowdown() + 1;
    for (unsigned i = 0; i < times; i++) {
        const uint32_t before = thrum_u32_load_relaxed(&dumps);
        CHECK(syscall(SYS_tgkill, getpid(), thrum_thread_native_id(starters[i % 2]), SIGQUIT) == 0);
        while (thrum_u32_load_relaxed(&dumps) == before) thrum_futex_yield();
    }
    thrum_event_set(&stop);
    for (int i = 0; i < 2; i++) test_join_and_release(starters[i]);
    close(pipe_ends[1]);
    CHECK(pthread_join(reader, NULL) == 0);
    CHECK_EQ(thrum_u32_load_relaxed(&results[THRUM_OK]) + thrum_u32_load_relaxed(&results[THRUM_TIMEOUT]),
             times);
    CHECK(thrum_u32_load_relaxed(&results[THRUM_OK]) > 0);
}

/* ---- when it cannot ---- */

TEST(a_list_that_is_being_changed_is_said_to_be) {
    thrum_lock_acquire(&thrum_lives_); /* as the thread that the handler has interrupted may hold it */
    CHECK_EQ(dump(), THRUM_TIMEOUT);
    thrum_lock_release(&thrum_lives_);
    CHECK(strcmp(text, "thrum: the list of threads is being changed\n") == 0);
    CHECK_EQ(dump(), THRUM_OK);
}

TEST(a_file_that_takes_nothing_is_a_failure_and_errno_is_kept) {
    errno = 4711;
    CHECK_EQ(thrum_dump(-1), THRUM_FAILED);
    CHECK_EQ(errno, 4711);
    const int full = open("/dev/full", O_WRONLY);
    if (full < 0) test_skip("no /dev/full");
    CHECK_EQ(thrum_dump(full), THRUM_FAILED);
    CHECK_EQ(dump(), THRUM_OK); /* the list is free again */
    close(full);
}

static void dump_to_a_file_that_takes_ten_bytes(void) {
    const struct rlimit ten = {10, 10};
    const int fd = memfd_create("ten", 0);
    CHECK(fd >= 0);
    CHECK(signal(SIGXFSZ, SIG_IGN) != SIG_ERR);
    CHECK_EQ(setrlimit(RLIMIT_FSIZE, &ten), 0);
    CHECK_EQ(thrum_dump(fd), THRUM_FAILED);
    CHECK_EQ(lseek(fd, 0, SEEK_END), 10);
}

TEST(a_file_that_takes_a_part_is_a_failure) {
    test_in_child(dump_to_a_file_that_takes_ten_bytes);
}

/* ---- after a fork ---- */

static void dump_in_child(void) {
    CHECK_EQ(dump(), THRUM_OK);
    CHECK(strncmp(text, "thrum: 1 thread\n", 16) == 0);
    CHECK(strstr(line_of("MainThread"), ": runs"));
}

static void *dump_with_a_cancel_to_come(void *unused) {
    CHECK_EQ(pthread_cancel(pthread_self()), 0);
    CHECK_EQ(thrum_dump(STDERR_FILENO), THRUM_OK);
    thrum_event_set(&inside);
    pthread_testcancel();
    return unused;
}
TEST(a_cancel_that_is_to_come_leaves_the_list_free) {
    thrum_event_clear(&inside);
    test_thread thread = test_start(dump_with_a_cancel_to_come, NULL);
    CHECK(test_join(&thread) == PTHREAD_CANCELED);
    CHECK(thrum_event_is_set(&inside));
    CHECK_EQ(dump(), THRUM_OK);
}

TEST(a_forked_child_has_one_thread) {
    begin_anew();
    thrum_thread *const owner = test_spawn((thrum_thread_config){.target = own_it, .name = "owner"});
    thrum_event_wait(&inside);
    test_in_child(dump_in_child);
    thrum_event_set(&let_go);
    test_join_and_release(owner);
}
