/* SPDX-License-Identifier: MIT */
/*
 * kv_server: a small key-value server on TCP. Each of N threads has an epoll of its own and serves the
 * connections that it has accepted; all of them share one table (table.h), which `--table` chooses: thrum or
 * pthread.
 *
 *     kv_server [--table thrum|pthread] [--threads N] [--port P] [--survey MS]
 *
 * Port 0, the default, is any that is free; it is printed. Every MS milliseconds, 100 by default, a thread of
 * its own looks at the whole table, as one does that keeps statistics or saves what has changed.
 *
 * A request is a line, and so is its answer:
 *
 *     GET key            =value    or  -  when there is none
 *     SET key value      +         or  !reason
 *     DEL key            +         or  -
 *     COUNT              =number of keys
 *     BYTES              =size of all values, as the last survey found it
 *     LIMIT bytes        +         no value may be longer from now on; 1 to 18 digits
 *
 * A line with a NUL in it, like any other that is no request, is answered by !what? and changes nothing.
 *
 * SIGTERM and SIGINT end it, when each thread has answered what it has read. A thread that has no descriptor
 * for another connection looks for one again after REST_MS.
 */
#define _GNU_SOURCE
#include "../arguments.h"
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <thrum.h>
#include <unistd.h>

#include "table.h"

enum { LINE_MOST = 4096, REPLIES_MOST = 16 * LINE_MOST, THREADS_MOST = 256, EVENTS = 64, REST_MS = 50 };

static const kv_table *table = &kv_of_thrum;
static thrum_u64 surveyed;
static thrum_event over;
static long survey_ms = 100;
static int listener = -1, ending = -1; /* an eventfd, readable once the server ends */

/* ---- a connection: what was read and not yet answered, and what was answered and not yet sent ---- */

typedef struct connection {
    struct connection *next, **place; /* among its thread's */
    int socket;
    size_t read, written; /* how much of each buffer is filled */
    bool blocked;         /* the client takes no answers: nothing more is read from it meanwhile */
    char request[LINE_MOST];
    char replies[REPLIES_MOST];
} connection;

static bool reply(void *to, const char *bytes, size_t size) {
    connection *const c = to;
    if (size > sizeof c->replies - c->written) return false;
    memcpy(c->replies + c->written, bytes, size);
    c->written += size;
    return true;
}

static bool reply_text(connection *c, const char *text) {
    return reply(c, text, strlen(text));
}

/* "=value\n", as one. */
static bool reply_value(void *to, const char *bytes, size_t size) {
    return reply(to, "=", 1) && reply(to, bytes, size) && reply(to, "\n", 1);
}

static bool reply_result(connection *c, kv_result result) {
    static const char *const texts[] = {"+\n", "-\n", "!the value is too long\n", "!no memory\n"};
    return reply_text(c, texts[result]);
}

static bool reply_number(connection *c, size_t number) {
    char text[32];
    return reply_value(c, text, (size_t)snprintf(text, sizeof text, "%zu", number));
}

/* Splits off the first word of what is left of the line. */
static size_t word(char **line, char **first) {
    *first = *line;
    const size_t size = strcspn(*line, " ");
    *line += size + ((*line)[size] == ' ');
    return size;
}

/* Answers one line, which ends with a NUL. False: no room for the answer, or no sense in going on. */
static bool answer(connection *c, char *line) {
    char *verb, *key;
    const size_t verb_size = word(&line, &verb);
    const size_t key_size = word(&line, &key);
#define IS(text) (verb_size == sizeof text - 1 && !memcmp(verb, text, verb_size))
    if (IS("COUNT")) return reply_number(c, table->count());
    if (IS("BYTES")) return reply_number(c, (size_t)thrum_u64_load_relaxed(&surveyed));
    if (key_size == 0) return reply_text(c, "!what?\n");
    if (IS("GET")) {
        const kv_result result = table->get(key, key_size, reply_value, c);
        return result == KV_OK || reply_result(c, result);
    }
    if (IS("SET")) return reply_result(c, table->set(key, key_size, line, strlen(line)));
    if (IS("DEL")) return reply_result(c, table->remove(key, key_size));
    if (IS("LIMIT")) {
        const bool is_number = key_size <= 18 && strspn(key, "0123456789") == key_size && !*line;
        if (!is_number) return reply_text(c, "!what?\n");
        const kv_settings settings = {.longest_value = strtoul(key, NULL, 10)};
        return reply_text(c, table->set_settings(settings) ? "+\n" : "!no memory\n");
    }
#undef IS
    return reply_text(c, "!what?\n");
}

/* Answers all whole lines for whose answers there is room for certain. */
static bool answer_lines(connection *c) {
    size_t begin = 0;
    for (char *end; sizeof c->replies - c->written > LINE_MOST + 32 &&
                    (end = memchr(c->request + begin, '\n', c->read - begin));) {
        *end = '\0';
        char *const line = c->request + begin;
        if (strlen(line) == (size_t)(end - line) ? !answer(c, line) : !reply_text(c, "!what?\n"))
            return false;
        begin = (size_t)(end - c->request) + 1;
    }
    c->read -= begin;
    memmove(c->request, c->request + begin, c->read);
    return c->read < sizeof c->request; /* a line that does not fit is no request */
}

/* Sends what it can. */
static bool send_replies(connection *c) {
    const ssize_t sent = send(c->socket, c->replies, c->written, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0 && errno != EAGAIN) return false;
    const size_t done = sent < 0 ? 0 : (size_t)sent;
    c->written -= done;
    memmove(c->replies, c->replies + done, c->written);
    return true;
}

/* One turn of a connection that epoll has named. False: it is to be closed. */
static bool serve(connection *c, int epoll) {
    if (!c->blocked) {
        const ssize_t more = recv(c->socket, c->request + c->read, sizeof c->request - c->read, MSG_DONTWAIT);
        if (more == 0 || (more < 0 && errno != EAGAIN)) return false;
        if (more > 0) c->read += (size_t)more;
    }
    /* Nobody tells of lines that were read and not answered: none is left. */
    for (bool had_room = false; !had_room;) {
        const size_t before = c->read, unsent = c->written;
        if (!answer_lines(c)) return false;
        if (c->written > 0 && !send_replies(c)) return false;
        if (c->written > 0) break;
        had_room = unsent == 0 && c->read == before;
    }
    const bool blocked = c->written > 0;
    if (blocked == c->blocked) return true;
    c->blocked = blocked;
    struct epoll_event events = {.events = blocked ? EPOLLOUT : EPOLLIN, .data.ptr = c};
    return epoll_ctl(epoll, EPOLL_CTL_MOD, c->socket, &events) == 0;
}

static void close_connection(connection *c) {
    *c->place = c->next;
    if (c->next) c->next->place = c->place;
    close(c->socket); /* which takes it out of the epoll */
    free(c);
}

/* ---- a thread ---- */

/* False: there is no descriptor, or no memory for one. */
static bool accept_one(int epoll, connection **all) {
    const int at_once = 1, socket = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (socket < 0) /* else another thread was quicker, or the client has gone */
        return errno != EMFILE && errno != ENFILE && errno != ENOBUFS && errno != ENOMEM;
    (void)setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    connection *const c = malloc(sizeof *c);
    if (c) {
        c->socket = socket;
        c->read = c->written = 0;
        c->blocked = false;
        struct epoll_event events = {.events = EPOLLIN, .data.ptr = c};
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, socket, &events) == 0) {
            c->next = *all;
            c->place = all;
            if (c->next) c->next->place = &c->next;
            *all = c;
            return true;
        }
    }
    free(c);
    close(socket);
    return true;
}

/* The two descriptors that are no connections are told by their own addresses. */
static bool watch(int epoll, int *descriptor, uint32_t events) {
    struct epoll_event event = {.events = events, .data.ptr = descriptor};
    return epoll_ctl(epoll, EPOLL_CTL_ADD, *descriptor, &event) == 0;
}

static void *serve_connections(void *unused) {
    const int epoll = epoll_create1(EPOLL_CLOEXEC);
    if (epoll < 0 || !watch(epoll, &listener, EPOLLIN | EPOLLEXCLUSIVE) || !watch(epoll, &ending, EPOLLIN))
        thrum_thread_fail(1, "epoll: %s", strerror(errno));
    connection *all = NULL;
    bool rests = false; /* from accepting: the listener would be named again and again */
    thrum_deadline rested = THRUM_FOREVER;
    for (bool ended = false; !ended;) {
        struct epoll_event events[EVENTS];
        const int count = epoll_wait(epoll, events, EVENTS, rests ? REST_MS : -1);
        if (rests && thrum_deadline_passed(rested))
            rests = !watch(epoll, &listener, EPOLLIN | EPOLLEXCLUSIVE);
        for (int i = 0; i < count; i++) {
            void *const of = events[i].data.ptr;
            if (of == &ending)
                ended = true;
            else if (of == &listener) {
                rests = !accept_one(epoll, &all) && epoll_ctl(epoll, EPOLL_CTL_DEL, listener, NULL) == 0;
                rested = thrum_after_ms(REST_MS);
            } else if (!serve(of, epoll))
                close_connection(of);
        }
    }
    while (all) close_connection(all);
    close(epoll);
    return unused;
}

static void *survey(void *unused) {
    while (thrum_event_wait_until(&over, thrum_after_ms((uint64_t)survey_ms)) != THRUM_OK)
        thrum_u64_store_relaxed(&surveyed, table->bytes());
    return unused;
}

/* ---- the program ---- */

static bool listen_at(unsigned port) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    const int again = 1;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (listener < 0 || setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &again, sizeof again)) return false;
    if (bind(listener, (struct sockaddr *)&address, size) || listen(listener, 1024)) return false;
    if (getsockname(listener, (struct sockaddr *)&address, &size)) return false;
    printf("%s: port %u\n", table->name, ntohs(address.sin_port));
    return fflush(stdout) == 0;
}

static int usage(void) {
    fprintf(stderr, "usage: kv_server [--table thrum|pthread] [--threads N] [--port P] [--survey MS]\n");
    return 2;
}

int main(int argc, char **argv) {
    if (asks_for_help(argc, argv)) return usage(), 0;
    long threads = 4, port = 0;
    for (int i = 1; i < argc; i += 2) {
        char none[] = "", *end = none;
        if (i + 1 == argc) return usage();
        if (!strcmp(argv[i], "--table") && !strcmp(argv[i + 1], "pthread"))
            table = &kv_of_pthread;
        else if (!strcmp(argv[i], "--table") && !strcmp(argv[i + 1], "thrum"))
            table = &kv_of_thrum;
        else if (!strcmp(argv[i], "--threads"))
            threads = strtol(argv[i + 1], &end, 10);
        else if (!strcmp(argv[i], "--port"))
            port = strtol(argv[i + 1], &end, 10);
        else if (!strcmp(argv[i], "--survey"))
            survey_ms = strtol(argv[i + 1], &end, 10);
        else
            return usage();
        if (*end || threads < 1 || threads > THREADS_MOST || port < 0 || port > 65535 || survey_ms < 1)
            return usage();
    }
    sigset_t stops; /* before any thread: all of them inherit it */
    sigemptyset(&stops);
    sigaddset(&stops, SIGTERM);
    sigaddset(&stops, SIGINT);
    pthread_sigmask(SIG_BLOCK, &stops, NULL);
    ending = eventfd(0, EFD_CLOEXEC);
    if (ending < 0 || !table->open() || !table->set_settings((kv_settings){.longest_value = LINE_MOST}) ||
        !listen_at((unsigned)port)) {
        perror("kv_server");
        return 1;
    }
    thrum_thread *crew[THREADS_MOST + 1];
    for (long i = 0; i <= threads; i++) {
        const thrum_thread_config config = {.target = i < threads ? serve_connections : survey};
        if (thrum_thread_spawn(&crew[i], &config) != THRUM_OK) {
            fprintf(stderr, "kv_server: cannot start a thread\n");
            exit(1);
        }
    }
    int signal;
    sigwait(&stops, &signal);
    (void)!eventfd_write(ending, 1);
    thrum_event_set(&over);
    for (long i = 0; i <= threads; i++) {
        (void)!thrum_thread_join(crew[i], NULL);
        thrum_thread_release(crew[i]);
    }
    thrum_shutdown();
}
