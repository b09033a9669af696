/* SPDX-License-Identifier: MIT */
#include "test.h"

#include <thrum/result.h>

#include <errno.h>
#include <string.h>

#define ROW(name, number, message) {name, #name},
static const struct row {
    thrum_result result;
    const char *name;
} rows[] = {THRUM_RESULTS_(ROW)};
enum { ROWS = sizeof rows / sizeof rows[0] };

TEST(success_is_zero_and_the_numbers_are_those_of_the_first_release) {
    CHECK_EQ(THRUM_OK, 0);
    CHECK_EQ(THRUM_TIMEOUT, 1);
    CHECK_EQ(THRUM_INVALID, 2);
    CHECK_EQ(THRUM_OVERFLOW, 3);
    CHECK_EQ(THRUM_LIMIT, 4);
    CHECK_EQ(THRUM_NOT_LOCKED, 5);
    CHECK_EQ(THRUM_NOT_OWNER, 6);
    CHECK_EQ(THRUM_BROKEN, 7);
    CHECK_EQ(THRUM_EMPTY, 8);
    CHECK_EQ(THRUM_FULL, 9);
    CHECK_EQ(THRUM_CLOSED, 10);
    CHECK_EQ(THRUM_CANCELLED, 11);
    CHECK_EQ(THRUM_STATE, 12);
    CHECK_EQ(THRUM_ALREADY_STARTED, 13);
    CHECK_EQ(THRUM_NOT_STARTED, 14);
    CHECK_EQ(THRUM_DEADLOCK, 15);
    CHECK_EQ(THRUM_FINALIZING, 16);
    CHECK_EQ(THRUM_NO_MEMORY, 17);
    CHECK_EQ(THRUM_NO_THREAD, 18);
    CHECK_EQ(THRUM_UNSUPPORTED, 19);
    CHECK_EQ(THRUM_NOT_FOUND, 20);
    CHECK_EQ(THRUM_FAILED, 21);
}

TEST(every_result_prints_its_own_name) {
    for (int i = 0; i < ROWS; i++) CHECK(strcmp(thrum_result_name(rows[i].result), rows[i].name) == 0);
}

TEST(every_result_has_a_message_of_its_own_without_a_full_stop) {
    for (int i = 0; i < ROWS; i++) {
        const char *message = thrum_result_message(rows[i].result);
        CHECK(message[0] != '\0');
        CHECK(message[strlen(message) - 1] != '.');
        CHECK(strcmp(message, thrum_result_message((thrum_result)-1)) != 0);
        for (int j = 0; j < i; j++) CHECK(strcmp(message, thrum_result_message(rows[j].result)) != 0);
    }
    CHECK(strcmp(thrum_result_message(THRUM_TIMEOUT), "the deadline passed first") == 0);
}

TEST(a_number_that_is_no_result_has_a_name_and_a_message_too) {
    static const int strangers[] = {-1, ROWS, 1000, INT32_MAX};
    for (unsigned i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        volatile int number = strangers[i];
        thrum_result result;
        memcpy(&result, (const void *)&number, sizeof result); /* as a number from a log or a foreign call */
        CHECK(strcmp(thrum_result_name(result), "THRUM_?") == 0);
        CHECK(strcmp(thrum_result_message(result), "unknown result") == 0);
    }
}

TEST(the_texts_stay_and_errno_is_kept) {
    errno = 4242;
    const char *name = thrum_result_name(THRUM_FULL);
    const char *message = thrum_result_message(THRUM_FULL);
    for (int i = 0; i < ROWS; i++) {
        (void)thrum_result_name(rows[i].result);
        (void)thrum_result_message(rows[i].result);
    }
    CHECK_EQ(errno, 4242);
    CHECK(strcmp(name, "THRUM_FULL") == 0);
    CHECK(strcmp(message, "the queue is full") == 0);
}
