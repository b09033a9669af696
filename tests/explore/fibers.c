/* SPDX-License-Identifier: MIT */
/*
 * The threads: stacks of their own in one thread of the system.
 *
 * fibers.I1: between executions every fiber lies in the first frame of its stack; to begin one again,
 *     whatever it was doing, is a jump to there.
 * fibers.I2: each fiber has the program's thread-local block to itself: it is exchanged at every switch.
 *     MAIN's is what constructors have made of it, the others' that of a new thread.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "engine.h"

#include <errno.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>

enum { STACK = 64 * 1024, LOCALS = 256 };

typedef struct fiber {
    jmp_buf first_frame;
    jmp_buf stopped;
    unsigned char locals[LOCALS];
    int error; /* its errno */
} fiber;

static fiber fibers[THREADS];
static _Alignas(64) unsigned char stacks[THREADS][STACK];
static ucontext_t maker, made[THREADS];
static unsigned being_made;

/* The program's thread-local block as this thread of the system sees it; as it was at first; a new one. */
static void *locals;
static size_t locals_size;
static unsigned char locals_at_first[LOCALS], locals_of_new[LOCALS];

static int find_locals(struct dl_phdr_info *module, size_t size, void *found) {
    (void)size;
    (void)found;
    for (unsigned i = 0; i < module->dlpi_phnum; i++) {
        if (module->dlpi_phdr[i].p_type != PT_TLS) continue;
        locals = module->dlpi_tls_data;
        locals_size = module->dlpi_phdr[i].p_memsz;
        if (locals_size > LOCALS) abort();
        const void *const image = (const void *)(module->dlpi_addr + module->dlpi_phdr[i].p_vaddr);
        memcpy(locals_of_new, image, module->dlpi_phdr[i].p_filesz);
    }
    return 1; /* the first module is the program itself */
}

static void finish(void) {
    threads_end();
    schedule(true);
    __builtin_unreachable();
}

static void run(void) {
    const explore_scenario *scenario = engine.scenario;
    if (engine.me != MAIN) {
        if (self_thread()->function)
            (void)self_thread()->function(self_thread()->argument);
        else
            scenario->thread(engine.me - 1);
        finish();
    }
    if (scenario->begin) scenario->begin();
    for (unsigned t = 1; t <= scenario->threads; t++) {
        engine.threads[t].now = self_thread()->now;
        engine.threads[t].now.events[t] = 1;
        engine.threads[t].state = RUNNABLE;
    }
    operation_ends();
    self_thread()->state = JOINING;
    engine.parallel = true;
    schedule(true);
    engine.parallel = false;
    for (unsigned t = 1; t < engine.count; t++) view_join(&self_thread()->now, &engine.threads[t].now);
    if (scenario->end) scenario->end();
    threads_check_claimed();
    execution_over();
}

static void first_frame(void) {
    if (_setjmp(fibers[being_made].first_frame) == 0) swapcontext(&made[being_made], &maker);
    run();
}

void fibers_make(void) {
    dl_iterate_phdr(find_locals, NULL);
    if (locals_size) memcpy(locals_at_first, locals, locals_size);
    for (being_made = 0; being_made < THREADS; being_made++) {
        ucontext_t *c = &made[being_made];
        getcontext(c);
        c->uc_stack.ss_sp = stacks[being_made];
        c->uc_stack.ss_size = STACK;
        makecontext(c, first_frame, 0);
        swapcontext(&maker, c);
    }
}

void fibers_begin(void) {
    for (unsigned i = 0; i < engine.count; i++) { /* fibers.I1 */
        memcpy(&fibers[i].stopped, &fibers[i].first_frame, sizeof(jmp_buf));
        memcpy(fibers[i].locals, i == MAIN ? locals_at_first : locals_of_new, locals_size);
        fibers[i].error = 0;
    }
    if (locals_size) memcpy(locals, locals_at_first, locals_size);
    engine.me = MAIN;
    if (_setjmp(engine.driver) == 0) _longjmp(fibers[MAIN].stopped, 1);
}

void fibers_switch(unsigned next) {
    const unsigned me = engine.me;
    if (next == me) return;
    if (locals_size) { /* fibers.I2 */
        memcpy(fibers[me].locals, locals, locals_size);
        memcpy(locals, fibers[next].locals, locals_size);
    }
    fibers[me].error = errno;
    errno = fibers[next].error;
    engine.me = next;
    if (_setjmp(fibers[me].stopped) == 0) _longjmp(fibers[next].stopped, 1);
}

bool fibers_on_stack(uintptr_t address) {
    return address - (uintptr_t)stacks < sizeof stacks;
}

bool fibers_own_local(uintptr_t address) {
    return address - (uintptr_t)locals < locals_size || address - (uintptr_t)&errno < sizeof errno;
}

void execution_over(void) {
    _longjmp(engine.driver, 1);
}
