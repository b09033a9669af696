/* SPDX-License-Identifier: MIT */
/* Words and how often each was seen: a hash table with open addressing. Belongs to one thread. */
#ifndef WORDCOUNT_TABLE_H
#define WORDCOUNT_TABLE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* The hash of a word is FNV-1a: for each letter, (hash ^ letter) * prime, beginning with the basis. */
#define TABLE_HASH_BASIS UINT64_C(14695981039346656037)
#define TABLE_HASH_PRIME UINT64_C(1099511628211)

struct entry {
    char *word; /* NULL: an empty slot */
    uint64_t hash, count;
};

struct table {
    struct entry *slots;
    size_t capacity, used; /* capacity: 0 or a power of two, at most half of it used */
};

static struct entry *table_slot(const struct table *t, const char *word, uint64_t hash) {
    for (size_t i = (size_t)hash;; i++) {
        struct entry *e = &t->slots[i & (t->capacity - 1)];
        if (!e->word || (e->hash == hash && strcmp(e->word, word) == 0)) return e;
    }
}

static bool table_make_room(struct table *t) {
    if (t->used < t->capacity / 2) return true;
    struct table wider = {NULL, t->capacity ? t->capacity * 2 : 1024, t->used};
    wider.slots = calloc(wider.capacity, sizeof *wider.slots);
    if (!wider.slots) return false;
    for (size_t i = 0; i < t->capacity; i++) {
        const struct entry *e = &t->slots[i];
        if (e->word) *table_slot(&wider, e->word, e->hash) = *e;
    }
    free(t->slots);
    *t = wider;
    return true;
}

/* Counts the word. False: no memory. */
static bool table_add(struct table *t, const char *word, uint64_t hash, uint64_t count) {
    if (!table_make_room(t)) return false;
    struct entry *e = table_slot(t, word, hash);
    if (!e->word) {
        char *copy = strdup(word);
        if (!copy) return false;
        *e = (struct entry){copy, hash, 0};
        t->used++;
    }
    e->count += count;
    return true;
}

static bool table_merge(struct table *into, const struct table *from) {
    for (size_t i = 0; i < from->capacity; i++) {
        const struct entry *e = &from->slots[i];
        if (e->word && !table_add(into, e->word, e->hash, e->count)) return false;
    }
    return true;
}

static void table_free(struct table *t) {
    for (size_t i = 0; i < t->capacity; i++) free(t->slots[i].word);
    free(t->slots);
    *t = (struct table){NULL, 0, 0};
}

static int commonest_first(const void *a, const void *b) {
    const struct entry *x = a, *y = b;
    if (!x->word || !y->word) return !x->word - !y->word;
    if (x->count != y->count) return x->count < y->count ? 1 : -1;
    return strcmp(x->word, y->word);
}

/* Brings the entries to the front in their order. From then on nothing can be added or found. */
static void table_sort(struct table *t) {
    if (t->used > 0) qsort(t->slots, t->capacity, sizeof *t->slots, commonest_first);
}

#endif
