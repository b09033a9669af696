/* SPDX-License-Identifier: MIT */
/* What the tests of cancellation share. */
#ifndef THRUM_TESTS_CANCEL_PARTS_H
#define THRUM_TESTS_CANCEL_PARTS_H

#include "posix.h"

struct shared {
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    int way;
    _Atomic int waiting, cleaned;
    int go, passed;
    pthread_t passer; /* the last one */
};

#endif
