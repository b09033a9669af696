/* SPDX-License-Identifier: MIT */
/*
 * wordcount: the commonest words of all files under a directory, counted by several threads.
 *
 * The work is one list of paths, guarded by a lock; a semaphore holds a permit for each path in
 * it. A directory's entries are added to the list, a file is counted into the thread's own table,
 * and the tables are merged under the lock at the end. Another semaphore bounds the open files.
 * The event `over` ends it: set by the thread that finished the last path, or by Ctrl-C.
 *
 * With --executor there is no list and there are no threads of its own: each path is a job, a directory's job
 * submits those of its entries, and a thread's table is a thread-local value, merged when the thread ends.
 */
#define _GNU_SOURCE
#include "arguments.h"
#include "wordcount_kit.h"
#include "wordcount_table.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

enum { OPEN_FILES = 16, THREADS_MAX = 1024, BLOCK = 65536, BINARY_CHECK = 8192, COMMONEST = 20 };
enum { STATUS_FAILED = 1, STATUS_USAGE = 2, STATUS_INTERRUPTED = 130 };

enum kind { ROOT, DIRECTORY, PLAIN_FILE };

struct item {
    struct job *job;
    struct item *next;
    enum kind kind;
    char path[];
};

struct job {
    const struct kit *kit;
    bool quiet;
    thrum_executor *pool; /* NULL: paths are listed instead */
    kit_lock lock;        /* guards all down to `failed` */
    struct item *list;
    size_t unfinished; /* paths in the list or in work */
    struct table words;
    uint64_t files;
    bool failed;          /* no memory, or the root could not be read */
    kit_semaphore listed; /* a permit for each path in the list */
    kit_semaphore may_open;
    kit_event over;
};

struct worker {
    struct job *job;
    struct table words;
    uint64_t files;
    char *word; /* the one being read: it may go on in the next block */
    size_t length, capacity;
    uint64_t hash;
    char block[BLOCK];
};

static struct job *volatile running; /* for the signal handler */
static volatile sig_atomic_t interrupted;

static void on_interrupt(int number) {
    (void)number;
    interrupted = 1;
    if (running) running->kit->event_set(&running->over);
}

/* One line on stderr, whatever the names contain. */
static void complain(const struct job *job, const char *directory, const char *name, const char *what) {
    char line[4608];
    if (job->quiet) return;
    snprintf(line, sizeof line, "wordcount: %s%s%s: %s", directory, *name ? "/" : "", name, what);
    for (char *c = line; *c; c++) {
        if ((unsigned char)*c < ' ' || *c == 127) *c = '?';
    }
    fprintf(stderr, "%s\n", line);
}

/* What cannot be survived ends the whole job; what was counted is still shown. */
static void give_up(struct job *job) {
    job->kit->lock_acquire(&job->lock);
    job->failed = true;
    job->kit->lock_release(&job->lock);
    job->kit->event_set(&job->over);
}

static void no_memory(struct job *job) {
    complain(job, "stopped", "", "no memory");
    give_up(job);
}

static int work_on_job(void *item, void **value);

/* Hands a path to the pool, or puts it into the list. */
static void hand_over(struct job *job, struct item *item) {
    if (job->pool) {
        if (thrum_executor_submit(job->pool, work_on_job, item, NULL) == THRUM_OK) return;
        free(item);
        if (!job->kit->event_is_set(&job->over)) no_memory(job);
        return;
    }
    job->kit->lock_acquire(&job->lock);
    item->next = job->list;
    job->list = item;
    job->kit->lock_release(&job->lock);
    job->kit->semaphore_release(&job->listed);
}

static void add_path(struct job *job, enum kind kind, const char *directory, const char *name) {
    const size_t size = strlen(directory) + strlen(name) + 2;
    struct item *item = malloc(sizeof *item + size);
    if (!item) {
        no_memory(job);
        return;
    }
    item->job = job;
    item->kind = kind;
    snprintf(item->path, size, "%s%s%s", directory, *name ? "/" : "", name);
    job->kit->lock_acquire(&job->lock);
    job->unfinished++;
    job->kit->lock_release(&job->lock);
    hand_over(job, item);
}

static void finish_path(struct job *job) {
    job->kit->lock_acquire(&job->lock);
    const bool last = --job->unfinished == 0;
    job->kit->lock_release(&job->lock);
    if (last) job->kit->event_set(&job->over);
}

static void add_entry(struct job *job, const char *path, DIR *directory, const struct dirent *entry) {
    const char *const name = entry->d_name;
    struct stat info;
    if (entry->d_type == DT_DIR) {
        add_path(job, DIRECTORY, path, name);
    } else if (entry->d_type == DT_REG) {
        add_path(job, PLAIN_FILE, path, name);
    } else if (fstatat(dirfd(directory), name, &info, AT_SYMLINK_NOFOLLOW) != 0) {
        complain(job, path, name, strerror(errno));
    } else if (S_ISLNK(info.st_mode)) {
        /* What a link names is counted where it lies; a link that names nothing is told. */
        if (fstatat(dirfd(directory), name, &info, 0) != 0) complain(job, path, name, strerror(errno));
    } else if (S_ISDIR(info.st_mode) || S_ISREG(info.st_mode)) {
        add_path(job, S_ISDIR(info.st_mode) ? DIRECTORY : PLAIN_FILE, path, name);
    } else {
        complain(job, path, name, "neither a file nor a directory");
    }
}

static void list_directory(struct job *job, const struct item *item) {
    const int follow = item->kind == ROOT ? 0 : O_NOFOLLOW;
    const int fd = open(item->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | follow);
    DIR *directory = fd >= 0 ? fdopendir(fd) : NULL;
    if (!directory) {
        complain(job, item->path, "", strerror(errno));
        if (fd >= 0) close(fd);
        if (item->kind == ROOT) give_up(job);
        return;
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(directory);
        if (!entry || job->kit->event_is_set(&job->over)) break;
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        add_entry(job, item->path, directory, entry);
    }
    if (errno) complain(job, item->path, "", strerror(errno));
    closedir(directory);
}

/* A letter goes on with the word; any other byte ends it. False: no memory. */
static bool count_byte(struct worker *w, char byte) {
    const char c = (char)(byte | 32); /* a capital letter becomes a small one, nothing else a letter */
    if (c >= 'a' && c <= 'z') {
        if (w->length + 1 >= w->capacity) {
            char *wider = realloc(w->word, w->capacity * 2 + 64);
            if (!wider) return false;
            w->word = wider;
            w->capacity = w->capacity * 2 + 64;
        }
        w->hash = ((w->length ? w->hash : TABLE_HASH_BASIS) ^ (uint64_t)c) * TABLE_HASH_PRIME;
        w->word[w->length++] = c;
        return true;
    }
    if (w->length == 0) return true;
    w->word[w->length] = '\0';
    w->length = 0;
    return table_add(&w->words, w->word, w->hash, 1);
}

/* Fills the block, but for the end of the file. -1: an error. */
static ssize_t read_block(int fd, char *block) {
    size_t size = 0;
    while (size < BLOCK) {
        const ssize_t n = read(fd, block + size, BLOCK - size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return -1;
        if (n == 0) break;
        size += (size_t)n;
    }
    return (ssize_t)size;
}

static bool is_binary(const char *block, size_t size) {
    return memchr(block, '\0', size < BINARY_CHECK ? size : BINARY_CHECK) != NULL;
}

/* Counts the words of a file; one that fails, or is interrupted, counts up to there. */
static void count_open_file(struct worker *w, const char *path, int fd) {
    struct job *job = w->job;
    w->length = 0;
    for (bool first = true;; first = false) {
        const ssize_t size = read_block(fd, w->block);
        if (size < 0) {
            complain(job, path, "", strerror(errno));
            return;
        }
        if (first && is_binary(w->block, (size_t)size)) {
            complain(job, path, "", "binary file, not counted");
            return;
        }
        bool enough_memory = true;
        for (ssize_t i = 0; i < size && enough_memory; i++) enough_memory = count_byte(w, w->block[i]);
        const bool end = size < BLOCK;
        if (end && enough_memory) enough_memory = count_byte(w, ' ');
        if (!enough_memory) {
            no_memory(job);
            return;
        }
        if (end) {
            w->files++;
            return;
        }
        if (job->kit->event_is_set(&job->over)) return;
    }
}

static void count_file(struct worker *w, const char *path) {
    /* Not to be blocked by a FIFO that has taken the file's place meanwhile. */
    const int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    struct stat info;
    if (fd < 0 || fstat(fd, &info) != 0)
        complain(w->job, path, "", strerror(errno));
    else if (!S_ISREG(info.st_mode))
        complain(w->job, path, "", "neither a file nor a directory");
    else
        count_open_file(w, path, fd);
    if (fd >= 0) close(fd);
}

static struct item *take_path(struct job *job) {
    job->kit->lock_acquire(&job->lock);
    struct item *item = job->list;
    if (item) job->list = item->next;
    job->kit->lock_release(&job->lock);
    return item;
}

static void work_on_path(struct worker *w, struct item *item) {
    struct job *job = w->job;
    job->kit->semaphore_acquire(&job->may_open);
    if (item->kind == PLAIN_FILE)
        count_file(w, item->path);
    else
        list_directory(job, item);
    job->kit->semaphore_release(&job->may_open);
    free(item);
    finish_path(job);
}

/* Adds what a worker has counted to the whole. */
static void merge(struct worker *w) {
    struct job *job = w->job;
    job->kit->lock_acquire(&job->lock);
    job->files += w->files;
    const bool merged = table_merge(&job->words, &w->words);
    job->kit->lock_release(&job->lock);
    if (!merged) no_memory(job);
    table_free(&w->words);
    free(w->word);
}

static void *work(void *argument) {
    struct worker *w = argument;
    struct job *job = w->job;
    while (!job->kit->event_is_set(&job->over)) {
        job->kit->semaphore_acquire(&job->listed);
        struct item *item = take_path(job);
        if (item) work_on_path(w, item); /* else a permit that only asks to look at `over` again */
    }
    merge(w);
    free(w);
    return NULL;
}

/* ---- on an executor ---- */

static void merge_at_the_end(void *value, void *unused) {
    (void)unused;
    struct worker *w = value;
    if (w->job) merge(w);
}

static thrum_local workers = THRUM_LOCAL_INIT(sizeof(struct worker), NULL, merge_at_the_end, NULL);

static int work_on_job(void *argument, void **value) {
    struct item *item = argument;
    struct job *job = item->job;
    struct worker *w = thrum_local_get(&workers);
    (void)value;
    if (!w) {
        free(item);
        no_memory(job);
        return 0;
    }
    w->job = job;
    work_on_path(w, item);
    return 0;
}

static void drop_path(void *item, void *unused) {
    (void)unused;
    free(item);
}

/* The same as start_threads and what follows it; the tables are merged as the pool's threads end. */
static void run_on_executor(struct job *job, const char *root, unsigned wanted) {
    const thrum_executor_config config = {.prefix = "wordcount", .drop = drop_path};
    if (thrum_executor_new(&job->pool, (int)wanted, &config) != THRUM_OK) {
        no_memory(job);
        return;
    }
    add_path(job, ROOT, root, "");
    job->kit->event_wait(&job->over);
    thrum_executor_shutdown(job->pool, THRUM_SHUTDOWN_WAIT | THRUM_SHUTDOWN_CANCEL_PENDING);
    thrum_executor_release(job->pool);
}

/* Starts up to `wanted` threads, and goes on with those it gets; with none, the caller works. */
static unsigned start_threads(struct job *job, pthread_t *threads, unsigned wanted) {
    unsigned started = 0;
    while (started < wanted) {
        struct worker *w = calloc(1, sizeof *w);
        if (w) w->job = job;
        const int error = w ? pthread_create(&threads[started], NULL, work, w) : ENOMEM;
        if (error) {
            complain(job, "not every thread was started", "", strerror(error));
            if (w && started == 0)
                work(w);
            else
                free(w);
            if (!w && started == 0) give_up(job);
            break;
        }
        started++;
    }
    return started;
}

/* On a list of paths, and threads of its own. */
static void run_on_threads(struct job *job, const char *root, unsigned wanted) {
    static pthread_t threads[THREADS_MAX];
    add_path(job, ROOT, root, "");
    const unsigned started = start_threads(job, threads, wanted);
    job->kit->event_wait(&job->over);
    for (unsigned i = 0; i < started; i++) job->kit->semaphore_release(&job->listed); /* let them see it */
    for (unsigned i = 0; i < started; i++) pthread_join(threads[i], NULL);
}

/* Counts everything under `root`. The seconds it took; the caller frees job->words. */
static double run(struct job *job, const struct kit *kit, const char *root, unsigned wanted, bool quiet) {
    *job = (struct job){.kit = kit, .quiet = quiet};
    kit->lock_init(&job->lock);
    kit->semaphore_init(&job->listed, 0);
    kit->semaphore_init(&job->may_open, OPEN_FILES);
    kit->event_init(&job->over);
    running = job;
    if (interrupted) kit->event_set(&job->over); /* a signal that came before `running` was set */

    const uint64_t begin = thrum_futex_now_ns();
    if (kit == &executor_kit)
        run_on_executor(job, root, wanted);
    else
        run_on_threads(job, root, wanted);
    const double seconds = (double)(thrum_futex_now_ns() - begin) / 1e9;

    running = NULL;
    while (job->list) {
        struct item *item = job->list;
        job->list = item->next;
        free(item);
    }
    return seconds;
}

static void print_result(struct job *job, double seconds) {
    uint64_t words = 0;
    table_sort(&job->words);
    for (size_t i = 0; i < job->words.used; i++) words += job->words.slots[i].count;
    for (size_t i = 0; i < job->words.used && i < COMMONEST; i++)
        printf("%10" PRIu64 " %s\n", job->words.slots[i].count, job->words.slots[i].word);
    printf("%" PRIu64 " files, %" PRIu64 " words, %.3f s, %.0f files per second (%s)%s\n", job->files, words,
           seconds, (double)job->files / seconds, job->kit->name, interrupted ? ", interrupted" : "");
    if (job->files == 0 && !job->failed && !interrupted)
        complain(job, "nothing to count", "", "no text files");
}

/* The shortest of three runs of each, by turns; the first of all warms the page cache up. */
static bool compare(const char *root, unsigned threads) {
    static const struct kit *const kits[] = {&thrum_kit, &pthread_kit, &executor_kit};
    double best[3] = {0, 0, 0};
    for (int round = 0; round < 10 && !interrupted; round++) {
        struct job job;
        const int which = round % 3;
        const double seconds = run(&job, kits[which], root, threads, round > 0);
        if (round == 0)
            print_result(&job, seconds);
        else if (best[which] == 0 || seconds < best[which])
            best[which] = seconds;
        table_free(&job.words);
        if (job.failed) return false;
    }
    if (!interrupted)
        printf("thrum %.3f s, on its executor %.3f s, pthread %.3f s, ratio %.2f\n", best[0], best[2],
               best[1], best[0] / best[1]);
    return true;
}

static int usage(FILE *out) {
    fputs("usage: wordcount [-j THREADS] [--thrum | --executor | --pthread | --compare] DIR\n"
          "\n"
          "Prints the twenty commonest words of all files under DIR. A word is a longest run of ASCII\n"
          "letters; capitals count as small letters. Symbolic links are not followed, except DIR\n"
          "itself. Files with a NUL byte in their first 8 KiB are binary: told and not counted, and\n"
          "so is what cannot be read. The default is one thread for each usable processor.\n"
          "\n"
          "  --executor  the same on an executor: each path is a job\n"
          "  --pthread   the same with a mutex and semaphores of pthread in place of thrum's objects\n"
          "  --compare   with both; their times, and thrum's divided by pthread's\n"
          "\n"
          "Ctrl-C prints what has been counted so far. Exit status: 0; 1 when DIR could not be read or\n"
          "memory ran out; 2 for wrong arguments; 130 after Ctrl-C.\n",
          out);
    return out == stderr ? STATUS_USAGE : 0;
}

int main(int argc, char **argv) {
    if (asks_for_help(argc, argv)) return usage(stdout);
    const struct kit *kit = &thrum_kit; /* NULL: compare both */
    const char *root = NULL;
    long threads = (long)thrum_cpus();
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        if (strcmp(argument, "--thrum") == 0)
            kit = &thrum_kit;
        else if (strcmp(argument, "--executor") == 0)
            kit = &executor_kit;
        else if (strcmp(argument, "--pthread") == 0)
            kit = &pthread_kit;
        else if (strcmp(argument, "--compare") == 0)
            kit = NULL;
        else if (strcmp(argument, "-j") == 0 && i + 1 < argc &&
                 read_number(argv[i + 1], 1, THREADS_MAX, &threads))
            i++;
        else if (argument[0] == '-' || root)
            return usage(stderr);
        else
            root = argument;
    }
    if (!root || threads > THREADS_MAX) return usage(stderr);

    /* A second Ctrl-C kills, as usual. */
    const struct sigaction action = {.sa_handler = on_interrupt,
                                     .sa_flags = (int)(SA_RESTART | SA_RESETHAND)};
    sigaction(SIGINT, &action, NULL);
    bool good;
    if (kit) {
        struct job job;
        print_result(&job, run(&job, kit, root, (unsigned)threads, false));
        good = !job.failed;
        table_free(&job.words);
    } else {
        good = compare(root, (unsigned)threads);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) good = false;
    return !good ? STATUS_FAILED : interrupted ? STATUS_INTERRUPTED : 0;
}
