/* SPDX-License-Identifier: MIT */
/* What the tests of futures share. */
#ifndef THRUM_TESTS_FUTURE_PARTS_H
#define THRUM_TESTS_FUTURE_PARTS_H

#include "test.h"

#include <string.h>

#include <thrum.h>

static char page[16];
static char order[16];

static inline thrum_future *pending(void) {
    thrum_future *future = NULL;
    CHECK_EQ(thrum_future_new(&future), THRUM_OK);
    return future;
}

static inline thrum_future *running(void) {
    thrum_future *const future = pending();
    CHECK_EQ(thrum_future_start(future), THRUM_OK);
    return future;
}

static inline thrum_future *finished(void *value) {
    thrum_future *const future = running();
    CHECK_EQ(thrum_future_set_result(future, value), THRUM_OK);
    return future;
}

static inline thrum_future *failed(int code) {
    thrum_future *const future = running();
    CHECK_EQ(thrum_future_set_error(future, code, "no page %d", 7), THRUM_OK);
    return future;
}

static inline thrum_future *cancelled(void) {
    thrum_future *const future = pending();
    CHECK_EQ(thrum_future_cancel(future), THRUM_OK);
    return future;
}

/* What the exception hook was told. */
static struct {
    unsigned times;
    int code;
    char message[256];
} told;

static inline void note_failure(const thrum_failure *failure) {
    told.times++;
    told.code = failure->code;
    strcpy(told.message, failure->message);
}

static inline void forget(void) {
    order[0] = 0;
    told.times = 0;
    thrum_set_excepthook(note_failure);
}

static inline void *finish(void *future) {
    CHECK_EQ(thrum_future_set_result(future, page), THRUM_OK);
    thrum_future_release(future);
    return NULL;
}

static pthread_t called_in;

static inline void append(thrum_future *future, void *text) {
    CHECK(thrum_future_done(future));
    strcat(order, text);
    called_in = pthread_self();
}

enum { MANY = 6 };
static thrum_future *many[MANY];

static inline void begin(unsigned count) {
    for (unsigned i = 0; i < count; i++) many[i] = pending();
}

#endif
