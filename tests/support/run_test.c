/* SPDX-License-Identifier: MIT */
/*
 * run-test SECONDS PROGRAM [ARGUMENT...]
 *
 * Runs a test, and hands its exit status on. When it has not ended after SECONDS, prints the stack of every
 * thread of every process that it consists of, ends them and fails. What a test leaves running is ended with
 * it.
 *
 * In C, because it stands before each of some thousand tests: an interpreter's start takes longer than most
 * of them.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static volatile pid_t leader; /* of the test's process group */

static void end_group(void) {
    (void)kill(-leader, SIGKILL);
}

static void on_signal(int number) {
    end_group();
    _exit(128 + number);
}

static pid_t start(char *const *command, bool is_leader, const sigset_t *mask) {
    fflush(stdout);
    const pid_t pid = fork();
    if (pid < 0) {
        perror("run-test: fork");
        exit(1);
    }
    if (is_leader) (void)setpgid(pid, pid); /* in both, so that it is done for either */
    if (pid > 0) return pid;
    (void)sigprocmask(SIG_SETMASK, mask, NULL);
    if (!is_leader) (void)dup2(STDOUT_FILENO, STDERR_FILENO);
    execvp(command[0], command);
    fprintf(stderr, "run-test: %s: %s\n", command[0], strerror(errno));
    _exit(127);
}

static double now(void) {
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/*
 * Whether the child ends within the time. It is not waited for yet: its number, and its group's, stay its
 * own.
 */
static bool ends_within(pid_t child, double seconds, const sigset_t *of_children) {
    const double end = now() + seconds;
    for (;;) {
        siginfo_t info = {.si_pid = 0};
        if (waitid(P_PID, (id_t)child, &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid) return true;
        const double left = end - now();
        if (left <= 0) return false;
        const struct timespec time = {(time_t)left, (long)((left - (double)(time_t)left) * 1e9)};
        (void)sigtimedwait(of_children, NULL, &time);
    }
}

static void print_stacks(long pid, const sigset_t *of_children, const sigset_t *mask) {
    char number[24];
    snprintf(number, sizeof number, "%ld", pid);
    const char *const gdb[] = {
        "gdb", "-nx", "-q", "-batch", "-p", number, "-ex", "set pagination off", "-ex", "thread apply all bt",
        NULL};
    printf("--- process %ld\n", pid);
    const pid_t child = start((char *const *)gdb, false, mask);
    if (!ends_within(child, 20, of_children)) (void)kill(child, SIGKILL);
    (void)waitpid(child, NULL, 0);
}

/* The group of a process, if it is none that has ended; 0: there is no such process. */
static long group_of(const char *pid) {
    char path[300], text[512];
    snprintf(path, sizeof path, "/proc/%s/stat", pid);
    FILE *const stat = fopen(path, "r");
    if (!stat) return 0;
    text[fread(text, 1, sizeof text - 1, stat)] = 0;
    fclose(stat);
    const char *const rest = strrchr(text, ')'); /* behind the name: state, parent, group */
    char state = 'Z';
    long group = 0;
    if (!rest || sscanf(rest + 1, " %c %*d %ld", &state, &group) != 2 || state == 'Z') return 0;
    return group;
}

static void print_all_stacks(const sigset_t *of_children, const sigset_t *mask) {
    DIR *const processes = opendir("/proc");
    for (const struct dirent *entry; processes && (entry = readdir(processes));)
        if (entry->d_name[0] >= '0' && entry->d_name[0] <= '9' && group_of(entry->d_name) == leader)
            print_stacks(strtol(entry->d_name, NULL, 10), of_children, mask);
    if (processes) closedir(processes);
}

static void on_child(int number) {
    (void)number; /* blocked, and waited for; but a signal that is ignored would not be there to wait for */
}

int main(int argc, char **argv) {
    if (argc < 3) return 2;
    const double seconds = atof(argv[1]);
    sigset_t of_children, mask;
    sigemptyset(&of_children);
    sigaddset(&of_children, SIGCHLD);
    signal(SIGCHLD, on_child);
    sigprocmask(SIG_BLOCK, &of_children, &mask);
    leader = start(argv + 2, true, &mask);
    signal(SIGTERM, on_signal);
    signal(SIGINT, on_signal);
    signal(SIGHUP, on_signal);

    const bool ended = ends_within(leader, seconds, &of_children);
    if (!ended) {
        printf("still running after %g s:", seconds);
        for (int i = 2; i < argc; i++) printf(" %s", argv[i]);
        printf("\n");
        print_all_stacks(&of_children, &mask);
    }
    end_group();
    int status = 0;
    while (waitpid(leader, &status, 0) < 0 && errno == EINTR) continue;
    if (!ended) return 1;
    if (WIFEXITED(status)) return WEXITSTATUS(status);
    printf("ended by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
    return 1;
}
