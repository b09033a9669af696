/* SPDX-License-Identifier: MIT */
/*
 * kv_load: asks kv_server at a given rate, and says how long the answers took.
 *
 *     kv_load --port P [--connections N] [--rate PER_SECOND] [--seconds S] [--reads PERCENT]
 *             [--keys K] [--value BYTES]
 *             [--pipeline N] [--into FILE]
 *
 * Each connection is a thread that sends one request after the other, at moments that are fixed beforehand.
 * An answer's latency counts from the moment at which its request was due, not from when it could be sent:
 * a client that waits for a slow server asks less often, and would otherwise hide how slow it was. At rate 0
 * it asks as fast as it gets answers. With --pipeline it sends N requests at once and then reads N answers,
 * so that the server's work is not lost among the system's for each packet.
 *
 * Keys are drawn at random; before it begins it sets all of them. Each answer is checked. FILE gets lines of
 * "percentile microseconds", to be plotted.
 */
#define _GNU_SOURCE
#include "../arguments.h"
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <thrum.h>
#include <unistd.h>

enum { CONNECTIONS_MOST = 256, LINE_MOST = 4096, PIPELINE_MOST = 64, BATCH_MOST = PIPELINE_MOST * 512 };

static long port, connections = 8, rate = 10000, seconds = 5, reads = 99, keys = 10000, value_size = 64,
                  pipeline = 1;

/* ---- latencies: a bucket for each of 64 steps of every doubling ---- */

enum { STEPS = 64, BUCKETS = 40 * STEPS };

typedef struct histogram {
    unsigned long counts[BUCKETS];
    unsigned long all;
    uint64_t longest_ns;
} histogram;

static unsigned bucket_of(uint64_t ns) {
    unsigned doublings = 0;
    while (ns >> doublings >= 2 * STEPS) doublings++;
    const uint64_t bucket = doublings * STEPS + (ns >> doublings);
    return bucket < BUCKETS ? (unsigned)bucket : BUCKETS - 1;
}

/* The middle of a bucket. */
static double ns_of(unsigned bucket) {
    if (bucket < 2 * STEPS) return bucket;
    const unsigned doublings = bucket / STEPS - 1;
    return ((double)(bucket - doublings * STEPS) + 0.5) * (double)(UINT64_C(1) << doublings);
}

static void note(histogram *h, uint64_t ns) {
    h->counts[bucket_of(ns)]++;
    h->all++;
    if (ns > h->longest_ns) h->longest_ns = ns;
}

static void merge(histogram *into, const histogram *from) {
    for (unsigned i = 0; i < BUCKETS; i++) into->counts[i] += from->counts[i];
    into->all += from->all;
    if (from->longest_ns > into->longest_ns) into->longest_ns = from->longest_ns;
}

static double percentile_us(const histogram *h, double percent) {
    const double wanted = (double)h->all * percent / 100;
    double below = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        below += (double)h->counts[i];
        if (h->counts[i] && below >= wanted) return ns_of(i) / 1e3;
    }
    return (double)h->longest_ns / 1e3;
}

/* ---- a connection ---- */

typedef struct client {
    long number;
    int socket;
    uint64_t random;
    histogram latencies;
    long wrong;
    /* One batch: its requests, what is known of each answer, and the answers. */
    long asked;
    size_t size, filled, taken;
    char requests[BATCH_MOST + LINE_MOST];
    char expected[PIPELINE_MOST][64];
    char answers[BATCH_MOST];
} client;

static thrum_barrier begin = THRUM_BARRIER_INIT(1); /* made again when their number is known */
static thrum_u64 begun_ns;

static bool open_client(client *c) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    const int at_once = 1;
    c->socket = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return c->socket >= 0 && !connect(c->socket, (struct sockaddr *)&address, sizeof address) &&
           !setsockopt(c->socket, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
}

static uint64_t draw(client *c) {
    c->random ^= c->random << 13, c->random ^= c->random >> 7, c->random ^= c->random << 17;
    return c->random;
}

/* Of a key's value, whichever client wrote it, this much is known: it begins with the key. */
static void add_get(client *c, long key) {
    snprintf(c->expected[c->asked++], sizeof c->expected[0], "=key:%ld.", key);
    c->size += (size_t)snprintf(c->requests + c->size, LINE_MOST, "GET key:%ld\n", key);
}

static void add_set(client *c, long key) {
    strcpy(c->expected[c->asked++], "+");
    char *const value =
        c->requests + c->size + snprintf(c->requests + c->size, LINE_MOST, "SET key:%ld ", key);
    char *end = value + snprintf(value, LINE_MOST - 64, "key:%ld.", key);
    while (end < value + value_size) *end++ = (char)('a' + draw(c) % 26);
    *end++ = '\n';
    c->size = (size_t)(end - c->requests);
}

/* Waits for the next answer's line, and checks it. False: the connection is lost. */
static bool take_answer(client *c, const char *expected) {
    char *end;
    while (!(end = memchr(c->answers + c->taken, '\n', c->filled - c->taken))) {
        c->filled -= c->taken;
        memmove(c->answers, c->answers + c->taken, c->filled);
        c->taken = 0;
        const ssize_t more = recv(c->socket, c->answers + c->filled, sizeof c->answers - c->filled, 0);
        if (more <= 0) return false;
        c->filled += (size_t)more;
    }
    c->wrong += strncmp(c->answers + c->taken, expected, strlen(expected)) != 0;
    c->taken = (size_t)(end - c->answers) + 1;
    return true;
}

/* Sends the batch and takes its answers. */
static bool ask(client *c, histogram *latencies, uint64_t due) {
    bool well = send(c->socket, c->requests, c->size, MSG_NOSIGNAL) == (ssize_t)c->size;
    for (long i = 0; i < c->asked && well; i++) {
        well = take_answer(c, c->expected[i]);
        if (latencies) note(latencies, thrum_futex_now_ns() - due);
    }
    c->asked = 0;
    c->size = 0;
    return well;
}

static bool one_batch(client *c, uint64_t due) {
    while (c->asked < pipeline && c->size < BATCH_MOST) {
        const long key = (long)(draw(c) % (uint64_t)keys);
        if ((long)(draw(c) % 100) < reads)
            add_get(c, key);
        else
            add_set(c, key);
    }
    return ask(c, &c->latencies, due);
}

static bool set_one(client *c, long key) {
    add_set(c, key);
    return ask(c, NULL, 0);
}

static void *run(void *argument) {
    client *const c = argument;
    bool well = open_client(c);
    for (long key = c->number; well && key < keys; key += connections) well = set_one(c, key);
    (void)!thrum_barrier_wait(&begin, NULL);
    if (c->number == 0) thrum_u64_store_relaxed(&begun_ns, thrum_after_ms(1).ns);
    (void)!thrum_barrier_wait(&begin, NULL); /* which publishes the moment */
    const uint64_t begun = thrum_u64_load_relaxed(&begun_ns), end = begun + (uint64_t)seconds * 1000000000u;
    const double gap_ns = rate ? 1e9 * (double)(connections * pipeline) / (double)rate : 0;
    uint64_t due = begun;
    for (double i = (double)c->number / (double)connections; well; i++) {
        due = rate ? begun + (uint64_t)(i * gap_ns) : thrum_futex_now_ns();
        if (due >= end) break;
        const thrum_deadline moment = {due};
        while (!thrum_deadline_passed(moment)) thrum_futex_nap(moment);
        well = one_batch(c, due);
    }
    if (!well) thrum_thread_fail(1, "the connection is lost");
    close(c->socket);
    return c;
}

/* ---- the program ---- */

static bool plot(FILE *file, const histogram *h) {
    for (double rest = 100; rest > 0.0005; rest /= 1.1)
        fprintf(file, "%.5f %.2f\n", 100 - rest, percentile_us(h, 100 - rest));
    return fclose(file) == 0;
}

static int usage(void) {
    fprintf(stderr,
            "usage: kv_load --port P [--connections N] [--rate PER_SECOND] [--seconds S] [--reads PERCENT]\n"
            "               [--keys K] [--value BYTES] [--pipeline N] [--into FILE]\n");
    return 2;
}

int main(int argc, char **argv) {
    if (asks_for_help(argc, argv)) return usage(), 0;
    const char *into = NULL;
    static const struct {
        const char *name;
        long *value, least, most;
    } options[] = {{"--port", &port, 1, 65535},       {"--connections", &connections, 1, CONNECTIONS_MOST},
                   {"--rate", &rate, 0, 100000000},   {"--seconds", &seconds, 1, 3600},
                   {"--reads", &reads, 0, 100},       {"--keys", &keys, 1, 100000000},
                   {"--value", &value_size, 0, 4000}, {"--pipeline", &pipeline, 1, PIPELINE_MOST}};
    for (int i = 1; i < argc; i += 2) {
        bool known = false;
        if (i + 1 == argc) return usage();
        for (size_t o = 0; o < sizeof options / sizeof options[0]; o++) {
            if (strcmp(argv[i], options[o].name)) continue;
            char *end;
            *options[o].value = strtol(argv[i + 1], &end, 10);
            known = !*end && *options[o].value >= options[o].least && *options[o].value <= options[o].most;
        }
        if (!strcmp(argv[i], "--into")) into = argv[i + 1];
        if (!known && into != argv[i + 1]) return usage();
    }
    if (!port) return usage();
    FILE *const file = into ? fopen(into, "w") : NULL;
    if (into && !file) {
        perror(into);
        return 2;
    }

    static client clients[CONNECTIONS_MOST];
    thrum_thread *crew[CONNECTIONS_MOST];
    if (thrum_barrier_init(&begin, (int32_t)connections) != THRUM_OK) return 1;
    for (long i = 0; i < connections; i++) {
        clients[i].number = i;
        clients[i].random = 88172645463325252u + (uint64_t)i * 2654435761u;
        const thrum_thread_config config = {.target = run, .argument = &clients[i], .timer_slack_ns = 1};
        if (thrum_thread_spawn(&crew[i], &config) != THRUM_OK) {
            fprintf(stderr, "kv_load: cannot start a thread\n");
            exit(1);
        }
    }
    static histogram all;
    long wrong = 0, lost = 0;
    for (long i = 0; i < connections; i++) {
        void *result = NULL;
        (void)!thrum_thread_join(crew[i], &result);
        thrum_thread_release(crew[i]);
        merge(&all, &clients[i].latencies);
        wrong += clients[i].wrong;
        lost += result == NULL;
    }
    printf("%lu requests, %.0f a second; us: p50 %.0f, p90 %.0f, p99 %.0f, p99.9 %.0f, longest %.0f; wrong "
           "answers: %ld\n",
           all.all, (double)all.all / (double)seconds, percentile_us(&all, 50), percentile_us(&all, 90),
           percentile_us(&all, 99), percentile_us(&all, 99.9), (double)all.longest_ns / 1e3, wrong);
    if (file && !plot(file, &all)) perror(into);
    thrum_shutdown();
    return wrong || lost ? 1 : 0;
}
