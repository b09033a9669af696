/* SPDX-License-Identifier: MIT */
/* Floor 2. Text for an open file, made where nothing may allocate and stdio may not be called. */
#ifndef THRUM_SRC_PAGE_H
#define THRUM_SRC_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <thrum/cpu.h>

typedef struct thrum_page_ {
    int fd;
    bool failed; /* the file took less than all */
    size_t length;
    char bytes[1024];
} thrum_page_;

/* futex.c. Each keeps errno, and none is a cancellation point, as the C library's functions are. */

/* False: the file took less. */
THRUM_API bool thrum_futex_write_(int fd, const char *bytes, size_t length);
/* For writing: made empty, or to add to its end; its owner's alone. Negative: it cannot be opened. */
THRUM_API int thrum_futex_open_to_write_(const char *path, bool anew);
THRUM_API void thrum_futex_close_(int fd);
/* All of one file into another; false: not all of it. */
THRUM_API bool thrum_futex_copy_file_(const char *path, int fd);

static inline void thrum_page_flush_(thrum_page_ *to) {
    if (!to->failed && !thrum_futex_write_(to->fd, to->bytes, to->length)) to->failed = true;
    to->length = 0;
}

static inline void thrum_say_(thrum_page_ *to, const char *words) {
    for (; *words; words++) {
        if (to->length == sizeof to->bytes) thrum_page_flush_(to);
        to->bytes[to->length++] = *words;
    }
}

/* With at least so many digits. */
static inline void thrum_say_number_(thrum_page_ *to, uint64_t number, unsigned base, unsigned digits) {
    char reversed[65] = "";
    char *begin = reversed + sizeof reversed - 1;
    *begin = 0;
    do {
        *--begin = "0123456789abcdef"[number % base];
        number /= base;
        if (digits) digits--;
    } while (number || digits);
    thrum_say_(to, begin);
}

#endif
