/* SPDX-License-Identifier: MIT */
/*
 * barrier: a server and a client that meet before they talk, at a barrier of two with a timeout of its own;
 * and a client whose server never comes.
 */
#include "crew.h"

static thrum_barrier ready;
static thrum_simple_queue requests, answers;

static void serve(unsigned number) {
    (void)number;
    if (thrum_barrier_wait(&ready, NULL) != THRUM_OK) return;
    char *request = thrum_simple_queue_get(&requests);
    printf("server: %s\n", request);
    static char answer[] = "all is well";
    if (thrum_simple_queue_put(&answers, answer) != THRUM_OK) exit(1);
}

int main(void) {
    /* The timeout is the barrier's: its waits need none. */
    if (thrum_barrier_init_seconds(&ready, 2, NULL, NULL, 5.0) != THRUM_OK) return 1;
    crew server = {.size = 0};
    crew_start(&server, serve);
    if (thrum_barrier_wait(&ready, NULL) != THRUM_OK) return 1;
    static char request[] = "how are you?";
    if (thrum_simple_queue_put(&requests, request) != THRUM_OK) return 1;
    printf("client: %s\n", (char *)thrum_simple_queue_get(&answers));
    crew_join(&server);

    if (thrum_barrier_init_seconds(&ready, 2, NULL, NULL, 0.02) != THRUM_OK) return 1;
    printf("no server comes: %s\n", thrum_result_name(thrum_barrier_wait(&ready, NULL)));
    printf("for a later one it is broken: %s\n", thrum_result_name(thrum_barrier_wait(&ready, NULL)));
    printf("-1 s: %s\n", thrum_result_name(thrum_barrier_init_seconds(&ready, 2, NULL, NULL, -1.0)));
    return 0;
}
