/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
/* Named attributes. */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "local_parts.h"
#include "test.h"

#include <stdio.h>
#include <string.h>
#include <thrum.h>

static thrum_attributes attributes = THRUM_ATTRIBUTES_INIT;
static char listing[64];

static void list(const char *name, void *value, void *suffix) {
    char one[16];
    snprintf(one, sizeof one, "%s=%d%s", name, *(const int *)value, (const char *)suffix);
    strcat(listing, one);
}

static int one = 1, two = 2, three = 3;

static void *look_for_attributes(void *unused) {
    void *value = NULL;
    CHECK_EQ(thrum_attributes_get(&attributes, "x", &value), THRUM_NOT_FOUND);
    CHECK_EQ(thrum_attributes_delete(&attributes, "x"), THRUM_NOT_FOUND);
    CHECK_EQ(thrum_attributes_set(&attributes, "x", &three), THRUM_OK);
    CHECK_EQ(thrum_attributes_get(&attributes, "x", &value), THRUM_OK);
    CHECK(value == &three);
    return unused;
}

TEST(named_attributes_are_set_got_deleted_and_listed_in_each_thread_for_itself) {
    void *value = &attributes;
    CHECK_EQ(thrum_attributes_get(&attributes, "x", &value), THRUM_NOT_FOUND);
    CHECK(value == &attributes);
    char name[] = "y";
    CHECK_EQ(thrum_attributes_set(&attributes, name, &two), THRUM_OK);
    name[0] = 'z'; /* it was copied */
    CHECK_EQ(thrum_attributes_set(&attributes, "x", &three), THRUM_OK);
    CHECK_EQ(thrum_attributes_set(&attributes, "x", &one), THRUM_OK); /* again */
    CHECK_EQ(thrum_attributes_get(&attributes, "x", &value), THRUM_OK);
    CHECK(value == &one);
    thrum_thread_release(run(look_for_attributes, NULL));
    static char suffix[] = ";";
    thrum_attributes_each(&attributes, list, suffix);
    CHECK(strcmp(listing, "x=1;y=2;") == 0);
    CHECK_EQ(thrum_attributes_delete(&attributes, "x"), THRUM_OK);
    CHECK_EQ(thrum_attributes_delete(&attributes, "x"), THRUM_NOT_FOUND);
    CHECK_EQ(thrum_attributes_get(&attributes, "y", &value), THRUM_OK);
    thrum_attributes_destroy(&attributes);
    CHECK_EQ(thrum_attributes_get(&attributes, "y", &value), THRUM_NOT_FOUND);
}

static void list_others(const char *name, void *value, void *others) {
    static char inner[] = ",", outer[] = ";";
    thrum_attributes_each(others, list, inner);
    list(name, value, outer);
}

TEST(a_visitor_may_visit_other_attributes) {
    static thrum_attributes others = THRUM_ATTRIBUTES_INIT;
    CHECK_EQ(thrum_attributes_set(&attributes, "a", &one), THRUM_OK);
    CHECK_EQ(thrum_attributes_set(&attributes, "b", &two), THRUM_OK);
    CHECK_EQ(thrum_attributes_set(&others, "x", &three), THRUM_OK);
    thrum_attributes_each(&attributes, list_others, &others);
    CHECK(strcmp(listing, "x=3,a=1;x=3,b=2;") == 0);
    thrum_attributes_destroy(&attributes);
    thrum_attributes_destroy(&others);
}

TEST(an_attribute_is_set_by_default_once) {
    void *found = NULL;
    CHECK_EQ(thrum_attributes_set_default(&attributes, "x", &one, &found), THRUM_OK);
    CHECK(found == &one);
    CHECK_EQ(thrum_attributes_set_default(&attributes, "x", &two, &found), THRUM_OK);
    CHECK(found == &one);
    CHECK_EQ(thrum_attributes_set_default(&attributes, "x", &two, NULL), THRUM_OK);
    CHECK_EQ(thrum_attributes_set(&attributes, "none", NULL), THRUM_OK);
    CHECK_EQ(thrum_attributes_set_default(&attributes, "none", &two, &found), THRUM_OK);
    CHECK(found == NULL); /* there is one, whose value is NULL */
    thrum_attributes_destroy(&attributes);
}

TEST(describe_tells_the_size_and_counts_the_values) {
    static thrum_local numbers = THRUM_LOCAL_INIT(24, NULL, NULL, NULL);
    char text[64];
    CHECK_EQ(thrum_local_describe(&numbers, text, sizeof text), strlen("local of 24 bytes: 0 values"));
    CHECK(strcmp(text, "local of 24 bytes: 0 values") == 0);
    CHECK(thrum_local_get(&numbers) != NULL);
    CHECK_EQ(thrum_local_describe(&numbers, text, 6), strlen("local of 24 bytes: 1 values"));
    CHECK(strcmp(text, "local") == 0);
    thrum_local_describe(&numbers, text, sizeof text);
    CHECK(strcmp(text, "local of 24 bytes: 1 values") == 0);
    thrum_local_destroy(&numbers);
    thrum_local_describe(&numbers, text, sizeof text);
    CHECK(strcmp(text, "local of 24 bytes: 0 values") == 0);
}
