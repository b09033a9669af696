/* SPDX-License-Identifier: MIT */
/* What the examples that take arguments share. */
#ifndef THRUM_EXAMPLES_ARGUMENTS_H
#define THRUM_EXAMPLES_ARGUMENTS_H

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Whether the text is a whole number in that range, and nothing else. On false *number is left as it was. */
static inline bool read_number(const char *text, long least, long most, long *number) {
    if (*text < '0' || *text > '9') return false; /* strtol would skip blanks, and take a sign */
    char *end;
    errno = 0;
    const long value = strtol(text, &end, 10);
    if (*end || errno || value < least || value > most) return false;
    *number = value;
    return true;
}

/* Whether the only argument asks what the program takes. */
static inline bool asks_for_help(int argc, char **argv) {
    return argc == 2 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));
}

#endif
