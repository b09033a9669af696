/* SPDX-License-Identifier: MIT */
/* A sandbox, by seccomp. A filter holds for the thread that installs it and for those that it starts. */
#ifndef THRUM_TESTS_SUPPORT_REFUSE_H
#define THRUM_TESTS_SUPPORT_REFUSE_H

#include "test.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

static inline void refuse_by(struct sock_filter *filter, size_t length) {
    const struct sock_fprog program = {(unsigned short)length, filter};
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program))
        test_skip("no seccomp filters here");
}

/* From here on the calling thread gets `error` from that call. */
static inline void refuse(long call, int error) {
    struct sock_filter filter[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (uint32_t)call, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (uint32_t)error),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    refuse_by(filter, sizeof filter / sizeof filter[0]);
}

#endif
