/* SPDX-License-Identifier: MIT */
/* map: sessions that threads look up while others come, change and go. */
#include "crew.h"

#include <string.h>

enum { USERS = 5000 };

typedef struct session {
    char name[16];
} session;

static thrum_map *sessions;
static thrum_u32 over, wrong, destroyed;

static void destroy(void *value) {
    free(value);
    thrum_u32_fetch_add_release(&destroyed, 1);
}

static session *log_in(const char *name) {
    session *const s = malloc(sizeof *s);
    if (!s) exit(1);
    snprintf(s->name, sizeof s->name, "%s", name);
    if (thrum_map_put(sessions, thrum_key(name), s) != THRUM_OK) exit(1);
    return s;
}

/* The value found has the key that was asked for, and stays valid until the section ends. */
static void look_up(unsigned number) {
    (void)number;
    char name[16];
    for (unsigned i = 0; !thrum_u32_load_acquire(&over); i++) {
        snprintf(name, sizeof name, "user %u", i % USERS);
        THRUM_WITH_RCU {
            const session *const found = thrum_map_get(sessions, thrum_key(name));
            if (found && strcmp(found->name, name)) thrum_u32_store_relaxed(&wrong, 1);
        }
    }
}

/* All log in, the even ones again, and the others out. */
static void come_and_go(unsigned number) {
    char name[16];
    (void)number;
    for (unsigned i = 0; i < USERS; i++) {
        snprintf(name, sizeof name, "user %u", i);
        log_in(name);
    }
    for (unsigned i = 0; i < USERS; i++) {
        snprintf(name, sizeof name, "user %u", i);
        if (i % 2 == 0)
            log_in(name);
        else
            thrum_map_remove(sessions, thrum_key(name));
    }
    thrum_u32_store_release(&over, 1);
}

static bool count_even(thrum_map_key key, void *value, void *count) {
    (void)value;
    *(unsigned *)count += (((const char *)key.bytes)[key.number - 1] - '0') % 2 == 0;
    return true;
}

int main(void) {
    const thrum_map_config config = {.destroy = destroy};
    if (thrum_map_new(&sessions, &config) != THRUM_OK) return 1;
    crew all = {.size = 0};
    while (all.size < 2) crew_start(&all, look_up);
    crew_start(&all, come_and_go);
    crew_join(&all);
    unsigned even = 0;
    thrum_map_each(sessions, count_even, &even);
    printf("logged in: %zu, of whom even: %u\n", thrum_map_count(sessions), even);
    printf("somebody found another one: %s\n", crew_yes(thrum_u32_load_relaxed(&wrong)));
    static session other;
    printf("added twice: %s\n", thrum_result_name(thrum_map_add(sessions, thrum_key("user 0"), &other)));
    printf("removed twice: %s\n", thrum_result_name(thrum_map_remove(sessions, thrum_key("user 1"))));
    thrum_map_free(sessions);
    if (thrum_rcu_barrier() != THRUM_OK) return 1; /* until all that was retired is gone */
    printf("sessions destroyed: %u\n", (unsigned)thrum_u32_load_acquire(&destroyed));
    thrum_shutdown();
}
