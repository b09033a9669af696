/* SPDX-License-Identifier: MIT */
/*
 * THRUM_SILENT=path/of/file.c:123 leaves out the announcement of that line. THRUM_PLACES=file: the run writes
 * there which announcements it has come by. Compiled without ThreadSanitizer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "places.h"

extern void __tsan_acquire(void *address);
extern void __tsan_release(void *address);

enum { PLACES = 512 };

static const char *silent_file;
static int silent_line;

static struct place {
    const char *file;
    int line; /* 0: none yet; written first by compare-and-swap */
} places[PLACES];

__attribute__((constructor)) static void read_wishes(void) {
    static char text[256];
    const char *const wish = getenv("THRUM_SILENT");
    if (!wish || strlen(wish) >= sizeof text) return;
    strcpy(text, wish);
    char *const colon = strrchr(text, ':');
    if (!colon) return;
    *colon = 0;
    silent_line = atoi(colon + 1);
    silent_file = text;
}

__attribute__((destructor)) static void tell_places(void) {
    const char *const path = getenv("THRUM_PLACES");
    FILE *const file = path ? fopen(path, "w") : NULL;
    if (!file) return;
    for (int i = 0; i < PLACES && places[i].line; i++)
        if (places[i].file) fprintf(file, "%s:%d\n", places[i].file, places[i].line);
    fclose(file);
}

static int ends_with(const char *text, const char *end) {
    const size_t a = strlen(text), b = strlen(end);
    return a >= b && strcmp(text + a - b, end) == 0;
}

/* Whether the announcement is to be made. Two that come by first at once may note a place twice. */
static int passes(const char *file, int line) {
    for (int i = 0; i < PLACES; i++) {
        struct place *const place = &places[i];
        int seen = __atomic_load_n(&place->line, __ATOMIC_RELAXED);
        if (seen == 0 &&
            __atomic_compare_exchange_n(&place->line, &seen, line, 0, __ATOMIC_RELAXED, __ATOMIC_RELAXED)) {
            __atomic_store_n(&place->file, file, __ATOMIC_RELAXED);
            break;
        }
        if (seen == line && __atomic_load_n(&place->file, __ATOMIC_RELAXED) == file) break;
    }
    return line != silent_line || !ends_with(file, silent_file);
}

void place_acquire(void *object, const char *file, int line) {
    if (passes(file, line)) __tsan_acquire(object);
}

void place_release(void *object, const char *file, int line) {
    if (passes(file, line)) __tsan_release(object);
}
