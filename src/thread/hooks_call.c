/* SPDX-License-Identifier: MIT */
/*
 * Floor 4. Calls of the caller's functions, and the ways out of them.
 *
 * way out                      of a shielded function              of our own thread's outermost one
 * return                       the call returns                    the call returns
 * thrum_thread_fail, _exit     the call returns; a failure is      the call returns, and says so
 *                              reported
 * pthread_exit, cancellation   the thread ends, after what was     the call returns, and says so
 *                              left to be done
 * a C++ exception              goes on, after the same             ends the program: nothing catches it
 *
 * hooks.W1: on every way out `failing`, `landing` and `tracing` of the calling thread, and its chain of
 *     guards, are what they were before the call; of a shielded function also whether the thread can be
 *     cancelled.
 * hooks.W2: thrum_thread_fail and thrum_thread_exit unwind as pthread_exit does: destructors and the handlers
 *     of pthread_cleanup_push run, innermost first. But the thread goes on, and the C library must not learn
 *     that it ends: it would leave an ending thread out of a setuid that is to apply to all.
 * hooks.W3: a landing is an entry in the C library's own list of cleanups. So pthread_exit and cancellation
 *     find it, and so does an unwinding of ours that has cleanups of the caller's on its way, which only the
 *     C library can run. From the entry a longjmp goes to `way`.
 * hooks.W4: an unwinding of ours without such cleanups has an exception object of its own. That of the C
 *     library may be in use: the call may come from a destructor that pthread_exit runs, and goes back to it.
 *
 * In a circle with hooks.c: a failure that a landing has caught is reported, and a report is shielded.
 */
#include "../atomic/dead_frames.h"
#include "record.h"

/* ---- the C library's unwinding ---- */

#ifdef __GLIBC__
/*
 * glibc makes its pthread_cleanup_push of these, in C; <pthread.h> declares them where exceptions are off.
 * __pthread_unwind_next unwinds to the entry before this one.
 */
extern void __pthread_register_cancel(__pthread_unwind_buf_t *entry);
extern void __pthread_unwind_next(__pthread_unwind_buf_t *entry) __attribute__((noreturn));
extern void __pthread_unregister_cancel(__pthread_unwind_buf_t *entry);
extern int unwound_to(struct __cancel_jmp_buf_tag *where, int with_mask) __asm__("__sigsetjmp")
    __attribute__((returns_twice));

/* The thread ends: unwinds to the next entry outside. */
__attribute__((noreturn)) static void end(void) {
    __pthread_unwind_buf_t here;
    __pthread_register_cancel(&here);
    __pthread_unwind_next(&here);
}

static _Unwind_Reason_Code stop(int version, _Unwind_Action actions, _Unwind_Exception_Class kind,
                                struct _Unwind_Exception *exception, struct _Unwind_Context *context,
                                void *p) {
    thrum_landing_ *const landing = p;
    (void)version, (void)kind, (void)exception;
    if ((actions & _UA_END_OF_STACK) || _Unwind_GetCFA(context) > landing->frame) longjmp(landing->way, 1);
    return _URC_NO_REASON;
}

__attribute__((noreturn)) static void unwind_to(thrum_landing_ *landing);

/* A `catch (...)` has not thrown it on. When that handler ends, the function is left all the same. */
static void unwind_again(_Unwind_Reason_Code reason, struct _Unwind_Exception *exception) {
    (void)reason, (void)exception;
    unwind_to(thrum_here_.landing);
}

static void unwind_to(thrum_landing_ *landing) {
    __pthread_unwind_buf_t here;
    thrum_frames_end_(); /* dead_frames.D1 */
    __pthread_register_cancel(&here);
    const void *const before = here.__pad[0];
    if (before != &landing->entry) __pthread_unwind_next(&here); /* hooks.W3 */
    __pthread_unregister_cancel(&here);
    landing->unwinding.exception_class = 0;
    landing->unwinding.exception_cleanup = unwind_again;
    (void)_Unwind_ForcedUnwind(&landing->unwinding, stop, landing); /* hooks.W4 */
    longjmp(landing->way, 1);
}

/* hooks.W3. A function of its own: setjmp spoils its caller's variables. */
static void land(void *p) {
    thrum_landing_ *const landing = p;
    landing->frame = (uintptr_t)__builtin_frame_address(0);
    if (setjmp(landing->way)) return;
    if (unwound_to(landing->entry.__cancel_jmp_buf, 0)) {
        thrum_frames_have_ended_(); /* dead_frames.D2 */
        longjmp(landing->way, 1);
    }
    __pthread_register_cancel(&landing->entry);
    landing->left =
        THRUM_LEFT_ENDING; /* unless a thrum_thread_fail or _exit, or the return, says otherwise */
    landing->function(landing->argument);
    landing->left = THRUM_LEFT_RETURNING;
}

static void forget(thrum_landing_ *landing) {
    __pthread_unregister_cancel(&landing->entry); /* and those that the function left behind */
}
#else
/* Without an unwinding: the handlers of pthread_cleanup_push run from inside pthread_exit, and only there. */
__attribute__((noreturn)) static void end(void) {
    pthread_exit(NULL);
}

__attribute__((noreturn)) static void unwind_to(thrum_landing_ *landing) {
    longjmp(landing->way, 1);
}

static void jump(void *p) {
    longjmp(((thrum_landing_ *)p)->way, 1);
}

static void land(void *p) {
    thrum_landing_ *const landing = p;
    pthread_cleanup_push(jump, landing);
    if (setjmp(landing->way) == 0) {
        landing->left = THRUM_LEFT_ENDING;
        landing->function(landing->argument);
        landing->left = THRUM_LEFT_RETURNING;
    }
    pthread_cleanup_pop(0);
}

static void forget(thrum_landing_ *landing) {
    (void)landing;
}
#endif

void thrum_hooks_leave_(thrum_left_ how, void *value) {
    thrum_here_.landing->left = how;
    thrum_here_.landing->value = value;
    unwind_to(thrum_here_.landing);
}

/* ---- one call ---- */

/* hooks.W1 */
static void restore(void *p) {
    thrum_landing_ *const landing = p;
    forget(landing);
    thrum_here_.failing = landing->outer.failing;
    thrum_here_.landing = landing->outer.landing;
    thrum_here_.tracing = landing->outer.tracing;
}

static void call(thrum_landing_ *landing, void (*function)(void *), void *argument, thrum_failing_ *failing) {
    thrum_guard_ fence = {NULL, NULL, NULL};
    landing->function = function;
    landing->argument = argument;
    landing->value = NULL;
    landing->outer = thrum_here_;
    failing->failed = false;
    thrum_here_.failing = failing;
    thrum_here_.landing = landing;
    pthread_cleanup_push(restore, landing);
    (void)thrum_self_call_(&fence, land, landing);
    pthread_cleanup_pop(1);
}

thrum_left_ thrum_hooks_call_(void (*function)(void *), void *argument, thrum_failing_ *failing,
                              void **value) {
    thrum_landing_ landing;
    call(&landing, function, argument, failing);
    if (value) *value = landing.value;
    return landing.left;
}

static void be_cancelable(void *state) {
    int ours;
    pthread_setcancelstate(*(int *)state, &ours);
}

thrum_left_ thrum_hooks_shield_with_(void (*function)(void *), void *argument, thrum_failing_ *failing) {
    thrum_landing_ landing;
    int cancelability;
    pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancelability);
    pthread_cleanup_push(be_cancelable, &cancelability);
    call(&landing, function, argument, failing);
    pthread_cleanup_pop(1);
    return landing.left;
}

/* ---- shielded calls ---- */

/* Whether the thread is to end. */
static bool shield(void (*function)(void *), void *argument) {
    thrum_failing_ failing;
    const thrum_left_ left = thrum_hooks_shield_with_(function, argument, &failing);
    if (left == THRUM_LEFT_FAILING) thrum_hooks_report_(&failing);
    return left == THRUM_LEFT_ENDING;
}

void thrum_hooks_go_on_ending_(void) {
    end();
}

void thrum_hooks_shield_(void (*function)(void *), void *argument) {
    if (shield(function, argument)) thrum_hooks_go_on_ending_();
}

struct steps {
    bool (*step)(void *argument);
    void *argument;
    bool more, ending;
};

static void take_step(void *p) {
    struct steps *const steps = p;
    steps->more = true; /* a step that does not return is followed by the next one, too */
    steps->more = steps->step(steps->argument);
}

static void go_on(void *p) {
    struct steps *const steps = p;
    pthread_cleanup_push(go_on, steps);
    while (steps->more)
        if (shield(take_step, steps)) steps->ending = true;
    pthread_cleanup_pop(0);
}

void thrum_hooks_each_(bool (*step)(void *argument), void *argument) {
    struct steps steps = {step, argument, true, false};
    go_on(&steps);
    if (steps.ending) thrum_hooks_go_on_ending_();
}
