/* SPDX-License-Identifier: MIT */
/* The terms of tsan_abi.h. */
#ifndef THRUM_TESTS_SUPPORT_TSAN_TYPES_H
#define THRUM_TESTS_SUPPORT_TSAN_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef const void *site; /* of an access: where its call returns to */
typedef enum rmw { RMW_EXCHANGE, RMW_ADD, RMW_SUB, RMW_AND, RMW_OR, RMW_XOR, RMW_NAND } rmw;

#endif
