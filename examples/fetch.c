/* SPDX-License-Identifier: MIT */
/*
 * fetch: downloads a list of pages one by one, and again with several workers, each of which keeps a
 * connection of its own; prints the two times. The server is this program's own, on the loopback interface;
 * it answers each request after a delay, as one far away would.
 *
 * The server: an acceptor, and an executor on which each connection is a job until the client closes it. The
 * client: thrum_executor_map, and a thread-local libcurl handle, which keeps its thread's connection open
 * from page to page.
 */
#define _GNU_SOURCE
#include "arguments.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <thrum.h>
#include <unistd.h>

enum { PAGES_MOST = 100000, WORKERS_MOST = 256, REQUEST_MOST = 4096 };

static long pages = 160, workers = 5, delay_ms = 20;

/* ---- the server ---- */

static int listener = -1;
static unsigned short port;
static thrum_executor *connections;

/* Reads one request, up to its empty line. False: there is none any more. */
static bool read_request(int client) {
    char request[REQUEST_MOST];
    size_t length = 0;
    while (length < sizeof request - 1) {
        const ssize_t more = recv(client, request + length, sizeof request - 1 - length, 0);
        if (more <= 0) return false;
        length += (size_t)more;
        request[length] = '\0';
        if (strstr(request, "\r\n\r\n")) return true;
    }
    return false;
}

static int serve(void *argument, void **value) {
    const int client = (int)(intptr_t)argument, at_once = 1;
    static const char page[] =
        "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nthrum\n";
    (void)value;
    (void)setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &at_once, sizeof at_once);
    while (read_request(client)) {
        thrum_futex_nap(thrum_after_ms((uint64_t)delay_ms));
        if (send(client, page, sizeof page - 1, MSG_NOSIGNAL) != sizeof page - 1) break;
    }
    close(client);
    return 0;
}

static void *accept_connections(void *unused) {
    for (int client; (client = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) >= 0;)
        if (thrum_executor_submit(connections, serve, (void *)(intptr_t)client, NULL) != THRUM_OK)
            close(client);
    return unused;
}

static bool listen_on_loopback(void) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t length = sizeof address;
    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, length) || listen(listener, 128) ||
        getsockname(listener, (struct sockaddr *)&address, &length))
        return false;
    port = ntohs(address.sin_port);
    return true;
}

/* ---- the client ---- */

static thrum_result open_handle(void *value, void *unused) {
    (void)unused;
    CURL **const handle = value;
    *handle = curl_easy_init();
    return *handle ? THRUM_OK : THRUM_NO_MEMORY;
}

static void close_handle(void *value, void *unused) {
    (void)unused;
    curl_easy_cleanup(*(CURL **)value);
}

static thrum_local handles = THRUM_LOCAL_INIT(sizeof(CURL *), open_handle, close_handle, NULL);

typedef struct page {
    long number;
    size_t size; /* of what was received */
} page;

static size_t receive(char *data, size_t size, size_t count, void *p) {
    (void)data;
    ((page *)p)->size += size * count;
    return size * count;
}

static int download(void *argument, void **value) {
    page *const it = argument;
    CURL **const handle = thrum_local_get(&handles);
    if (!handle) return thrum_job_error(1, "no handle");
    char url[64];
    snprintf(url, sizeof url, "http://127.0.0.1:%d/%ld", port, it->number);
    curl_easy_setopt(*handle, CURLOPT_URL, url);
    curl_easy_setopt(*handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(*handle, CURLOPT_PROXY, "");
    curl_easy_setopt(*handle, CURLOPT_WRITEFUNCTION, receive);
    curl_easy_setopt(*handle, CURLOPT_WRITEDATA, it);
    const CURLcode code = curl_easy_perform(*handle);
    if (code != CURLE_OK) return thrum_job_error((int)code, "%s: %s", url, curl_easy_strerror(code));
    *value = it;
    return 0;
}

static page *make_list(void) {
    page *const list = calloc((size_t)pages, sizeof *list);
    for (long i = 0; list && i < pages; i++) list[i].number = i;
    return list;
}

static void print_result(const char *how, long good, size_t bytes, uint64_t begin) {
    printf("%ld pages, %zu bytes, %s: %.2f s\n", good, bytes, how,
           (double)(thrum_futex_now_ns() - begin) / 1e9);
}

static bool one_by_one(page *list) {
    const uint64_t begin = thrum_futex_now_ns();
    long good = 0;
    size_t bytes = 0;
    for (long i = 0; i < pages; i++) {
        void *value = NULL;
        if (download(&list[i], &value) != 0) continue;
        good++;
        bytes += list[i].size;
    }
    print_result("one by one", good, bytes, begin);
    return good == pages;
}

static bool with_workers(page *list) {
    const uint64_t begin = thrum_futex_now_ns();
    long good = 0;
    size_t bytes = 0;
    thrum_executor *pool;
    thrum_result made;
    THRUM_WITH_EXECUTOR(&pool, (int)workers, &(thrum_executor_config){.prefix = "fetch"}, &made) {
        thrum_results results;
        if (thrum_executor_map(pool, &results, download, list, (size_t)pages, sizeof *list, THRUM_FOREVER) !=
            THRUM_OK)
            break;
        void *value;
        for (thrum_result result; (result = thrum_results_next(&results, &value)) != THRUM_EMPTY;) {
            if (result == THRUM_OK) {
                good++;
                bytes += ((page *)value)->size;
            } else {
                fprintf(stderr, "fetch: %s\n", thrum_results_failure(&results).message);
            }
        }
        thrum_results_end(&results);
    }
    char how[32];
    snprintf(how, sizeof how, "with %ld workers", workers);
    print_result(how, good, bytes, begin);
    return good == pages;
}

/* ---- all of it ---- */

static bool fetch_all(void) {
    page *const first = make_list(), *const second = make_list();
    const bool good = first && second && one_by_one(first) && with_workers(second);
    free(first);
    free(second);
    thrum_local_destroy(&handles); /* this thread's connection is closed: the server's jobs end */
    return good;
}

static int usage(FILE *out) {
    fputs("usage: fetch [-n PAGES] [-j WORKERS] [-d DELAY_MS]\n"
          "\n"
          "Downloads 160 pages from a server of its own, which answers after 20 ms, one by one and with 5 "
          "workers.\n",
          out);
    return out == stderr ? 2 : 0;
}

int main(int argc, char **argv) {
    if (asks_for_help(argc, argv)) return usage(stdout);
    for (int option; (option = getopt(argc, argv, "n:j:d:")) != -1;) {
        const bool good = option == 'n'   ? read_number(optarg, 0, PAGES_MOST, &pages)
                          : option == 'j' ? read_number(optarg, 1, WORKERS_MOST, &workers)
                          : option == 'd' ? read_number(optarg, 0, 10000, &delay_ms)
                                          : false;
        if (!good) return usage(stderr);
    }
    if (optind < argc) return usage(stderr);

    thrum_thread *acceptor;
    const thrum_thread_config acceptor_config = {THRUM_TARGET(accept_connections)};
    const thrum_executor_config server_config = {.prefix = "server"};
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !listen_on_loopback() ||
        thrum_executor_new(&connections, WORKERS_MOST + 1, &server_config) != THRUM_OK ||
        thrum_thread_spawn(&acceptor, &acceptor_config) != THRUM_OK) {
        perror("fetch: cannot start its server");
        return 1;
    }
    const bool good = fetch_all();
    shutdown(listener, SHUT_RDWR); /* ends the accept */
    thrum_thread_join(acceptor, NULL);
    thrum_thread_release(acceptor);
    thrum_executor_shutdown(connections, THRUM_SHUTDOWN_WAIT);
    thrum_executor_release(connections);
    close(listener);
    curl_global_cleanup();
    thrum_shutdown();
    return good ? 0 : 1;
}
