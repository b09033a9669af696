/* SPDX-License-Identifier: MIT */
/* A log with levels, times, places and names of threads; a generator of random numbers that threads share. */
#include "crew.h"

#include <stdarg.h>
#include <string.h>
#include <time.h>

typedef enum level { DEBUG, INFO, WARNING } level;

static const char *const levels[] = {"DEBUG", "INFO", "WARNING"};
static level least = INFO;
static thrum_lock output;

__attribute__((format(printf, 4, 5))) static void put_line(level l, const char *file, int line,
                                                           const char *format, ...) {
    if (l < least) return;
    struct timespec now;
    (void)timespec_get(&now, TIME_UTC);
    const unsigned second = (unsigned)(now.tv_sec % (24 * 3600));
    const char *slash = strrchr(file, '/');
    va_list arguments;
    va_start(arguments, format);
    THRUM_WITH(&output) { /* one line a message, never mixed */
        printf("%02u:%02u:%02u.%03ld %-7s %s:%d [%s] ", second / 3600, second / 60 % 60, second % 60,
               now.tv_nsec / 1000000, levels[l], slash ? slash + 1 : file, line,
               thrum_thread_name(thrum_current_thread()).text);
        vprintf(format, arguments);
        printf("\n");
    }
    va_end(arguments);
}

#define LOG(level, ...) put_line(level, __FILE__, __LINE__, __VA_ARGS__)

static thrum_lock generator;
static uint64_t state = 1; /* the lock `generator` protects it */

static unsigned shared_random(void) {
    unsigned number = 0;
    THRUM_WITH(&generator) {
        state = state * 6364136223846793005u + 1442695040888963407u;
        number = (unsigned)(state >> 33);
    }
    return number;
}

static void *work(void *unused) {
    LOG(DEBUG, "not written: below the least level");
    LOG(INFO, "drew %u", shared_random() % 100);
    LOG(WARNING, "drew %u", shared_random() % 100);
    return unused;
}

int main(void) {
    thrum_thread *one = crew_spawn((thrum_thread_config){.target = work, .name = "one"});
    thrum_thread *two = crew_spawn((thrum_thread_config){.target = work, .name = "two"});
    crew_end(one);
    crew_end(two);
    LOG(INFO, "done");
    thrum_shutdown();
}
