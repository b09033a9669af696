/* SPDX-License-Identifier: MIT */
/* Floor 4. Named attributes: a local whose value is the root of a tree of the C library's (tsearch). */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "../futex/errno_kept.h"
#include "../rcu/size.h"

#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <thrum/local.h>
#include <thrum/self.h>

typedef struct attribute {
    void *value;
    const char *name; /* the bytes behind it, or those that are sought */
} attribute;

static int by_name(const void *a, const void *b) {
    return strcmp(((const attribute *)a)->name, ((const attribute *)b)->name);
}

static attribute *make(const char *name, void *value) {
    const size_t length = strlen(name) + 1;
    size_t size;
    attribute *const made = thrum_size_(sizeof *made, length, 1, &size) ? malloc(size) : NULL;
    if (made) *made = (attribute){value, memcpy(made + 1, name, length)};
    return made;
}

static thrum_result set(thrum_attributes *attributes, const char *name, void *value) {
    void *root;
    const thrum_result result = thrum_local_value(&attributes->local_, &root);
    if (result != THRUM_OK) return result;
    attribute *const fresh = make(name, value);
    if (!fresh) return THRUM_NO_MEMORY;
    attribute **const node = tsearch(fresh, root, by_name);
    if (node && *node == fresh) return THRUM_OK;
    if (node) (*node)->value = value;
    free(fresh);
    return node ? THRUM_OK : THRUM_NO_MEMORY;
}

thrum_result thrum_attributes_set(thrum_attributes *attributes, const char *name, void *value) {
    THRUM_KEEPS_ERRNO_;
    return set(attributes, name, value);
}

/* The root of the calling thread's tree; NULL: it has none. */
static void **root_of(const thrum_attributes *attributes) {
    return thrum_local_peek(&attributes->local_);
}

static attribute *find(const thrum_attributes *attributes, const char *name) {
    const attribute sought = {NULL, name};
    void **const root = root_of(attributes);
    attribute **const node = root ? tfind(&sought, root, by_name) : NULL;
    return node ? *node : NULL;
}

thrum_result thrum_attributes_get(const thrum_attributes *attributes, const char *name, void **value) {
    const attribute *const found = find(attributes, name);
    if (!found) return THRUM_NOT_FOUND;
    *value = found->value;
    return THRUM_OK;
}

thrum_result thrum_attributes_set_default(thrum_attributes *attributes, const char *name, void *value,
                                          void **found) {
    const attribute *const old = find(attributes, name);
    const thrum_result result = old ? THRUM_OK : thrum_attributes_set(attributes, name, value);
    if (result == THRUM_OK && found) *found = old ? old->value : value;
    return result;
}

thrum_result thrum_attributes_delete(thrum_attributes *attributes, const char *name) {
    attribute *const found = find(attributes, name);
    if (!found) return THRUM_NOT_FOUND;
    THRUM_KEEPS_ERRNO_;
    (void)tdelete(found, root_of(attributes), by_name);
    free(found);
    return THRUM_OK;
}

struct visit {
    void **root;
    thrum_attributes_visitor *visit;
    void *argument;
};

/* The innermost visit of the calling thread, which twalk hands to nobody. */
static __thread const struct visit *visiting;

/* A visitor may have made visits of its own, however these were left: this one is the innermost again. */
static void visit_node(const void *node, VISIT order, int depth) {
    const struct visit *const visit = visiting;
    const attribute *const a = *(attribute *const *)node;
    (void)depth;
    if (order == postorder || order == leaf) visit->visit(a->name, a->value, visit->argument);
    visiting = visit;
}

static void walk(void *p) {
    visiting = p;
    twalk(*visiting->root, visit_node);
}

void thrum_attributes_each(const thrum_attributes *attributes, thrum_attributes_visitor *visit,
                           void *argument) {
    void **const root = root_of(attributes);
    struct visit each = {root, visit, argument};
    if (root) thrum_self_call_plainly_(walk, &each);
}

void thrum_attributes_forget_(void *value, void *argument) {
    (void)argument;
    tdestroy(*(void **)value, free);
}

void thrum_attributes_destroy(thrum_attributes *attributes) {
    thrum_local_destroy(&attributes->local_);
}
