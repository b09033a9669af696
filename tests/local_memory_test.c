/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum dl */
/* Named attributes whose tree gets no memory for a node from the C library: tsearch is this file's own. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include <dlfcn.h>
#include <errno.h>
#include <search.h>
#include <string.h>
#include <thrum/local.h>

static bool refused;

void *tsearch(const void *key, void **root, int (*order)(const void *, const void *)) {
    void *(*real)(const void *, void **, int (*)(const void *, const void *));
    if (refused) {
        errno = ENOMEM;
        return NULL;
    }
    void *const found = dlsym(RTLD_NEXT, "tsearch");
    memcpy(&real, &found, sizeof real);
    return real(key, root, order);
}

TEST(an_attribute_for_which_there_is_no_memory_is_not_set) {
    static thrum_attributes attributes = THRUM_ATTRIBUTES_INIT;
    int one = 1, two = 2;
    void *value = &two;
    CHECK_EQ(thrum_attributes_set(&attributes, "there", &one), THRUM_OK);
    refused = true;
    errno = 77;
    CHECK_EQ(thrum_attributes_set(&attributes, "new", &one), THRUM_NO_MEMORY);
    CHECK_EQ(thrum_attributes_set_default(&attributes, "new", &one, &value), THRUM_NO_MEMORY);
    CHECK(value == &two);
    CHECK_EQ(thrum_attributes_set_default(&attributes, "new", &one, NULL), THRUM_NO_MEMORY);
    CHECK_EQ(errno, 77);
    refused = false;
    CHECK_EQ(thrum_attributes_get(&attributes, "new", &value), THRUM_NOT_FOUND);
    CHECK_EQ(thrum_attributes_get(&attributes, "there", &value), THRUM_OK);
    CHECK(value == &one);
    thrum_attributes_destroy(&attributes);
}
