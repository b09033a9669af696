/* SPDX-License-Identifier: MIT */
/*
 * Above all floors. What the files of the checked build share (include/thrum/checked.h).
 *
 *     checked.c         threads, objects, what the program sets, forks
 *     checked_calls.c   the functions that the program calls in the others' places
 *     checked_held.c    what a thread holds
 *     checked_order.c   the graph of classes
 *     checked_waits.c   circles of waiting threads
 *     checked_text.c    reports
 *     checked_tsan.c    what ThreadSanitizer is told
 *
 * checked.I1: `guard` is held while anything here is read or changed, but for what the program has set, what
 *     a thread has of its own alone, and an object's address, which never changes. A thread that is inside (a
 *     signal handler that has interrupted it, a function that is handed a report) checks nothing.
 * checked.I2: a thread notes that it holds an object after it has acquired it, and forgets that before it
 *     releases it. So whatever is noted is held.
 * checked.I3: a thread notes that it waits before it waits. So the last thread of a circle finds it whole;
 *     and by checked.I2 a circle that is found is one: each of its threads waits for what the next one holds.
 * checked.I4: nothing is given back: nodes, orders and objects stay, and are used again where they are
 *     forgotten.
 * checked.I5: ThreadSanitizer takes a thread for the holder of what the thread was told to hold, until the
 *     thread itself says that it does not. So of what another one takes off its list the thread owes that
 *     word until its next call, and meanwhile nothing is told of the object.
 */
#ifndef THRUM_SRC_CHECKED_INSIDE_H
#define THRUM_SRC_CHECKED_INSIDE_H

/* Of the library's own files these alone see the checked functions; none has their names changed. */
#define THRUM_CHECKED
#include <thrum/checked.h>

enum { CHECK_FRAMES = 16, CHECK_TEXT = 6144 };

typedef struct check_stack {
    uint32_t count;
    const void *frames[CHECK_FRAMES];
} check_stack;

typedef enum check_kind { CHECK_LOCK, CHECK_RLOCK, CHECK_RWLOCK, CHECK_SPINLOCK } check_kind;
typedef enum check_mode { CHECK_ALONE, CHECK_READ } check_mode;

typedef struct check_edge check_edge;
typedef struct check_thread check_thread;
typedef struct check_object check_object;

/* A class, or an object that has none. */
typedef struct check_node {
    const void *made_at; /* where its objects are made; NULL: it is an object's, or the program named it */
    const char *name;
    check_edge *edges;
    uint32_t look; /* the last one that has come by */
    struct check_node *next;
} check_node;

/* Of the node whose list it is in: while one of it was held, one of `to` was waited for. */
struct check_edge {
    check_node *to;
    bool is_inverted; /* it has been told, and leads nowhere */
    check_mode held, wanted;
    const void *held_object, *wanted_object;
    uint64_t thread;
    check_stack held_at, wanted_at;
    check_edge *next;
};

typedef struct check_holding {
    check_object *object;
    check_thread *thread;
    check_mode mode;
    uint32_t depth;
    bool is_told; /* to ThreadSanitizer */
    check_stack at;
    struct check_holding *next_of_thread, *next_of_object;
} check_holding;

struct check_object {
    const void *address;
    check_kind kind;
    bool told_again;  /* of a read within a read */
    bool handed_over; /* another thread than its holder has released it: nobody's */
    bool is_told;     /* ThreadSanitizer knows it */
    uint32_t owed;    /* by so many threads */
    check_node *own, *class;
    check_holding *holdings;
    check_object *next;
};

typedef enum check_wait { CHECK_RUNS, CHECK_WAITS, CHECK_WAITS_A_WHILE, CHECK_JOINS } check_wait;

struct check_thread {
    uint64_t ident;
    volatile bool inside; /* its own word, which no other thread reads */
    bool lost;            /* a fork did not take it along */
    uint32_t sections;
    check_stack section_at;
    check_holding *held;
    check_holding *owed; /* checked.I5; linked by next_of_thread */
    check_wait wait;
    check_object *wanted; /* CHECK_WAITS and CHECK_WAITS_A_WHILE; otherwise NULL */
    check_mode mode;
    uint64_t joined; /* CHECK_JOINS: whose end */
    check_stack wait_at;
    uint32_t look;                /* the last look for a circle that has come by; of that look: */
    check_thread *before, *found; /* the thread that waits for this one; the thread found next */
    check_thread *next;
};

/* One call of the program's. */
typedef struct check_call {
    check_thread *thread;
    check_object *object;
    check_mode mode;
    bool wanted; /* with no end of the wait */
    check_stack at;
} check_call;

typedef struct check_report {
    bool made;
    thrum_checked_kind kind;
    size_t length;
    char text[CHECK_TEXT];
} check_report;

/* ---- checked.c ---- */

/* False: this call is not checked. `site`: where the program calls. */
bool check_begin_(check_call *call, const void *object, check_kind kind, check_mode mode, const void *site);
/*
 * The thread, inside and with `guard` held. NULL: it is inside already, or amid its first call, its end or a
 * fork, or there is no memory.
 */
check_thread *check_enter_(void);
/* And out again; then the report is handed over. */
void check_leave_(check_thread *thread, const check_report *report);
check_object *check_object_at_(const void *address);
check_thread *check_threads_(void);
/* The object is made anew, or is no more: no thread waits for it, not even one that a fork left behind. */
void check_nobody_waits_(const check_object *object);
/* The caller's; NULL: it has none yet. */
check_thread *check_own_(void);
check_node *check_new_node_(void);
/* All zero; NULL: there is none. */
void *check_memory_(size_t size);

/* ---- checked_held.c ---- */

void check_wants_(check_call *call);
void check_has_(check_call *call, uint32_t depth);
/* Before the release; `all`: of whatever depth. */
void check_released_(check_call *call, bool all);
void check_lowers_(check_call *call);
/* `verb`: what it does without holding. */
void check_needs_(check_call *call, const char *verb);
/* A condition's wait: the lock is off the thread's list meanwhile. */
uint32_t check_puts_off_(check_call *call);
void check_is_made_(const void *object, check_kind kind, const void *site);
void check_is_reset_(const void *object);
check_holding *check_holding_of_(const check_thread *thread, const check_object *object);
/* Off both lists. */
void check_drop_(check_holding *holding);
/* What the caller owes. */
void check_pay_(check_thread *thread);
void check_forget_(check_object *object);

/* ---- checked_order.c ---- */

void check_order_(const check_call *call, check_report *report);

/* ---- checked_waits.c ---- */

void check_waits_(check_call *call, bool for_ever);
void check_waits_no_more_(check_call *call);

/* ---- checked_tsan.c ---- */

/* Not with `guard` held: a report may come of it. Of the others comes none. Nothing is owed of the object. */
void check_tell_wants_(const check_call *call);
void check_tell_has_(check_holding *held, bool waited);
void check_tell_has_no_more_(check_holding *held);
void check_tell_gone_(check_object *object);

/* ---- checked_text.c ---- */

void check_stack_here_(check_stack *stack, const void *site);
void check_title_(check_report *report, thrum_checked_kind kind, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void check_say_(check_report *report, const char *format, ...) __attribute__((format(printf, 2, 3)));
void check_say_object_(check_report *report, const check_object *object, check_mode mode);
void check_say_stack_(check_report *report, const check_stack *stack);
void check_say_held_(check_report *report, const check_thread *thread);
/*
 * The report with the names of functions. Not with `guard` held: the loader's lock is acquired, with which
 * it runs constructors, and these may call the program.
 */
void check_name_functions_(check_report *named, const check_report *report);

#endif
