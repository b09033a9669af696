/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "threads.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <thrum.h>
#include <unistd.h>

static thrum_lock lock;

/* Runs a thread to its end; hands back its handle. */
static thrum_thread *run(thrum_thread_config config) {
    thrum_thread *const thread = test_spawn(config);
    CHECK_EQ(thrum_thread_join(thread, NULL), THRUM_OK);
    return thread;
}

/* What the last call of `note` was told. */
static struct {
    int calls, code;
    char message[64];
    thrum_thread *thread;
    uint64_t ident;
    bool alive, listed, held, cleaned;
    size_t frames;
} told;
static bool cleaned;

static void note(const thrum_failure *failure) {
    told.calls++;
    told.code = failure->code;
    snprintf(told.message, sizeof told.message, "%s", failure->message);
    told.thread = failure->thread;
    told.ident = thrum_get_ident();
    told.alive = thrum_thread_is_alive(failure->thread);
    thrum_thread *const found = thrum_thread_by_ident(thrum_get_ident());
    told.listed = found == failure->thread;
    thrum_thread_release(found);
    told.held = thrum_lock_locked(&lock);
    told.cleaned = cleaned;
    told.frames = failure->frames;
}

static void note_cleanup(void *unused) {
    (void)unused;
    cleaned = true;
}

__attribute__((noinline)) static void fail_deep_inside(void) {
    pthread_cleanup_push(note_cleanup, NULL);
    THRUM_WITH(&lock) {
        thrum_thread_fail(42, "%s of %d", "failure", 7);
    }
    pthread_cleanup_pop(0);
}

static void *fail(void *argument) {
    fail_deep_inside();
    return argument;
}

TEST(a_failing_thread_ends_its_cleanups_run_and_the_process_goes_on) {
    thrum_set_excepthook(note);
    thrum_thread *const thread = run((thrum_thread_config){.target = fail, .argument = &lock});
    int code = 0;
    CHECK(thrum_thread_failed(thread, &code));
    CHECK_EQ(code, 42);
    void *value = &lock;
    CHECK_EQ(thrum_thread_join(thread, &value), THRUM_OK);
    CHECK(value == NULL);
    CHECK(cleaned);
    CHECK_EQ(thrum_active_count(), 1);
    thrum_thread_release(thread);
}

TEST(a_failure_within_THRUM_WITH_lets_the_lock_go) {
    thrum_set_excepthook(note);
    thrum_thread_release(run((thrum_thread_config){.target = fail}));
    CHECK(thrum_lock_try_acquire(&lock));
}

TEST(the_hook_is_called_in_the_thread_still_alive_after_its_cleanups) {
    thrum_set_excepthook(note);
    thrum_thread *const thread = run((thrum_thread_config){.target = fail});
    CHECK_EQ(told.calls, 1);
    CHECK_EQ(told.code, 42);
    CHECK(strcmp(told.message, "failure of 7") == 0);
    CHECK(told.thread == thread);
    CHECK_EQ(told.ident, thrum_thread_ident(thread));
    CHECK(told.alive && told.listed && told.cleaned && !told.held);
    CHECK(told.frames >= 2);
    thrum_thread_release(thread);
}

/* Not static, so that -rdynamic would show it; the test asks by address. */
static void *innermost;

static void keep_innermost(const thrum_failure *failure) {
    innermost = failure->frames ? failure->backtrace[0] : NULL;
}

TEST(the_backtrace_begins_where_the_failure_was) {
    thrum_set_excepthook(keep_innermost);
    thrum_thread_release(run((thrum_thread_config){.target = fail}));
    const uintptr_t from = (uintptr_t)(void (*)(void))fail_deep_inside;
    CHECK((uintptr_t)innermost > from && (uintptr_t)innermost < from + 4096);
}

static thrum_result refuse(thrum_thread *self) {
    (void)self;
    return THRUM_BROKEN;
}

TEST(a_run_that_returns_an_error_has_failed) {
    thrum_set_excepthook(note);
    thrum_thread *const thread = run((thrum_thread_config){.run = refuse});
    int code = 0;
    CHECK(thrum_thread_failed(thread, &code));
    CHECK_EQ(code, THRUM_BROKEN);
    CHECK_EQ(told.code, THRUM_BROKEN);
    CHECK(strstr(told.message, "THRUM_BROKEN"));
    CHECK_EQ(told.frames, 0);
    thrum_thread_release(thread);
}

static void *just_exit(void *value) {
    thrum_thread_exit(value);
}

TEST(exit_is_not_a_failure) {
    thrum_set_excepthook(note);
    thrum_thread_release(run((thrum_thread_config){.target = just_exit}));
    CHECK_EQ(told.calls, 0);
}

static void *set_hook_and_fail(void *unused) {
    thrum_set_excepthook(note);
    return fail(unused);
}

TEST(the_hook_is_looked_up_when_the_thread_fails) {
    thrum_thread_release(run((thrum_thread_config){.target = set_hook_and_fail}));
    CHECK_EQ(told.calls, 1);
}

TEST(setting_a_hook_hands_back_the_one_before_and_none_is_the_default) {
    CHECK(thrum_get_excepthook() == thrum_default_excepthook);
    CHECK(thrum_set_excepthook(note) == thrum_default_excepthook);
    CHECK(thrum_get_excepthook() == note);
    CHECK(thrum_set_excepthook(NULL) == note);
    CHECK(thrum_get_excepthook() == thrum_default_excepthook);
}

static void *fail_in_alien(void *unused) {
    CHECK(thrum_lock_try_acquire(&lock));
    thrum_lock_release(&lock);
    return fail(unused);
}

TEST(a_failing_alien_is_reported_and_ends) {
    thrum_set_excepthook(note);
    test_thread alien = test_start(fail_in_alien, NULL);
    test_join(&alien);
    CHECK_EQ(told.calls, 1);
    CHECK(told.alive && told.listed && !told.held);
    CHECK(cleaned);
    CHECK_EQ(thrum_active_count(), 1);
}

/* ---- the default report ---- */

/*
 * Runs the config's thread with stderr on a socket that keeps the writes apart; the first into `text`. Says
 * how many.
 */
static int reports_of(thrum_thread_config config, char *text, size_t size) {
    int ends[2];
    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends), 0);
    const int before = dup(STDERR_FILENO);
    CHECK(dup2(ends[1], STDERR_FILENO) >= 0);
    thrum_thread_release(run(config));
    CHECK(dup2(before, STDERR_FILENO) >= 0);
    close(before);
    close(ends[1]);
    int count = 0;
    char rest[8192];
    for (ssize_t length; (length = read(ends[0], count ? rest : text, count ? sizeof rest : size - 1)) > 0;
         count++)
        if (count == 0) text[length] = 0;
    close(ends[0]);
    return count;
}

static bool in_order(const char *text, const char *const *parts) {
    for (; *parts; parts++) {
        text = strstr(text, *parts);
        if (!text) return false;
        text += strlen(*parts);
    }
    return true;
}

TEST(the_default_reports_name_backtrace_and_message_in_one_piece) {
    char text[8192] = "";
    CHECK_EQ(reports_of((thrum_thread_config){.target = fail, .name = "worker"}, text, sizeof text), 1);
    CHECK(in_order(
        text, (const char *const[]){"Exception in thread worker:\n", "hooks_test", "failure of 7", NULL}));
    CHECK(strncmp(text, "Exception in thread worker:\n", 28) == 0);
    CHECK(text[strlen(text) - 1] == '\n');
}

static void failing_hook(const thrum_failure *failure) {
    (void)failure;
    THRUM_WITH(&lock) {
        thrum_thread_fail(1, "the hook's own");
    }
}

TEST(a_hook_that_fails_is_reported_with_the_failure_and_the_thread_ends_as_usual) {
    thrum_set_excepthook(failing_hook);
    char text[8192] = "";
    CHECK_EQ(reports_of((thrum_thread_config){.target = fail, .name = "worker"}, text, sizeof text), 1);
    CHECK(in_order(text, (const char *const[]){"Exception in threading.excepthook:\n", "the hook's own",
                                               "Exception in thread worker:\n", "failure of 7", NULL}));
    CHECK(thrum_lock_try_acquire(&lock));
    CHECK_EQ(thrum_active_count(), 1);
}

static void exiting_hook(const thrum_failure *failure) {
    (void)failure;
    THRUM_WITH(&lock) {
        thrum_thread_exit(NULL);
    }
}

TEST(a_hook_that_exits_ends_the_thread_in_silence) {
    thrum_set_excepthook(exiting_hook);
    char text[8192] = "";
    CHECK_EQ(reports_of((thrum_thread_config){.target = fail}, text, sizeof text), 0);
    CHECK(thrum_lock_try_acquire(&lock));
}

__attribute__((noinline)) static unsigned recurse(unsigned depth) {
    if (depth > 500) thrum_thread_fail(3, "deep");
    const volatile unsigned deeper = depth ? recurse(depth + 1) : 0; /* no compiler makes a loop of it */
    return deeper + depth;
}

static void *fail_very_deep(void *argument) {
    recurse(1);
    return argument;
}

TEST(a_backtrace_of_any_depth_is_reported) {
    char text[8192] = "";
    CHECK_EQ(reports_of((thrum_thread_config){.target = fail_very_deep}, text, sizeof text), 1);
    CHECK(strstr(text, "deep (code 3)\n"));
    thrum_set_excepthook(note);
    thrum_thread_release(run((thrum_thread_config){.target = fail_very_deep}));
    CHECK(told.frames > 32 && told.frames <= 64);
}

static void *report_three_calls(void *unused) {
    void *const calls_made[] = {(void *)(uintptr_t)3, (void *)(uintptr_t)2, (void *)(uintptr_t)1};
    const thrum_failure failure = {.code = 6, .message = "three", .backtrace = calls_made, .frames = 3};
    errno = EINTR; /* of an earlier call */
    thrum_default_excepthook(&failure);
    CHECK_EQ(errno, EINTR);
    return unused;
}

TEST(the_default_reports_every_call_of_the_backtrace_once) {
    char text[8192] = "";
    CHECK_EQ(reports_of((thrum_thread_config){.target = report_three_calls}, text, sizeof text), 1);
    CHECK(strstr(text, ":\n  at 0x3\n  at 0x2\n  at 0x1\nthree (code 6)\n"));
}

static void *report_to_nobody(void *unused) {
    CHECK_EQ(close(STDERR_FILENO), 0);
    return report_three_calls(unused);
}

TEST(where_no_report_can_be_written_the_thread_goes_on) {
    const int before = dup(STDERR_FILENO);
    CHECK(before >= 0);
    thrum_thread_release(run((thrum_thread_config){.target = report_to_nobody}));
    CHECK(dup2(before, STDERR_FILENO) >= 0);
}

/* ---- trace and profile: the start and end of threads ---- */

static thrum_u32 starts, ends, calls;

static void trace(thrum_trace_event event, void *function, void *call_site) {
    if (event == THRUM_TRACE_THREAD_START || event == THRUM_TRACE_THREAD_END) CHECK(!function && !call_site);
    if (event == THRUM_TRACE_THREAD_START) thrum_u32_fetch_add_relaxed(&starts, 1);
    if (event == THRUM_TRACE_THREAD_END) thrum_u32_fetch_add_relaxed(&ends, 1);
    if (event == THRUM_TRACE_CALL) thrum_u32_fetch_add_relaxed(&calls, 1);
}

static void *nothing(void *argument) {
    return argument;
}

TEST(the_start_and_the_end_of_threads_are_told) {
    CHECK(thrum_get_trace() == NULL && thrum_get_profile() == NULL);
    thrum_set_trace(trace);
    CHECK(thrum_get_trace() == trace && thrum_get_profile() == NULL);
    thrum_thread_release(run((thrum_thread_config){.target = nothing}));
    CHECK_EQ(thrum_u32_load_relaxed(&starts), 1);
    CHECK_EQ(thrum_u32_load_relaxed(&ends), 1);
    thrum_set_profile(trace);
    thrum_thread_release(run((thrum_thread_config){.target = just_exit}));
    CHECK_EQ(thrum_u32_load_relaxed(&starts), 3); /* by both */
    CHECK_EQ(thrum_u32_load_relaxed(&ends), 3);
    thrum_set_trace(NULL);
    thrum_set_profile(NULL);
    thrum_thread_release(run((thrum_thread_config){.target = nothing}));
    CHECK_EQ(thrum_u32_load_relaxed(&starts), 3);
}

TEST(a_profile_function_alone_is_told) {
    thrum_set_profile(trace);
    thrum_thread_release(run((thrum_thread_config){.target = nothing}));
    CHECK_EQ(thrum_u32_load_relaxed(&starts), 1);
    CHECK_EQ(thrum_u32_load_relaxed(&ends), 1);
}

/*
 * This program has the compiler's symbols itself: it links, and hands on. tests/tracing_test.c uses the
 * library's.
 */
void __cyg_profile_func_enter(void *function, void *call_site);
void __cyg_profile_func_exit(void *function, void *call_site);

void __cyg_profile_func_enter(void *function, void *call_site) {
    thrum_trace_enter(function, call_site);
}

void __cyg_profile_func_exit(void *function, void *call_site) {
    thrum_trace_exit(function, call_site);
}

TEST(a_program_with_its_own_symbols_links_and_can_hand_on) {
    __cyg_profile_func_enter(NULL, NULL);
    CHECK_EQ(thrum_u32_load_relaxed(&calls), 0);
    thrum_set_trace_all_threads(trace);
    __cyg_profile_func_enter(NULL, NULL);
    __cyg_profile_func_exit(NULL, NULL);
    CHECK_EQ(thrum_u32_load_relaxed(&calls), 1);
    thrum_set_trace_all_threads(NULL);
    __cyg_profile_func_enter(NULL, NULL);
    CHECK_EQ(thrum_u32_load_relaxed(&calls), 1);
}
