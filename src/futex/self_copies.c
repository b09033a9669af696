/* SPDX-License-Identifier: MIT */
/*
 * Floor 2. Which copy of the library is the first in the process.
 *
 * A copy that lies in the archive of a program is invisible to the copy of a plugin: a program exports
 * nothing by default. But each object that contains one carries an ELF note with the place of the copy's
 * struct, and the C library lists the objects of the process with their notes.
 *
 * self.C1: the first copy is that of the first object with a note, in the order of loading. Objects before a
 *     running copy stay before it, and so every copy finds the same first one, until that is unloaded. A copy
 *     that finds another one therefore keeps that one's object in memory.
 * self.C2: the first copy has been relocated when another copy runs: it was loaded before, or by the same
 *     call, which relocates all its objects before any of their code runs.
 * self.C3: a thread has its id and its slot from the first copy, and every copy remembers them in a
 *     thread-local variable of its own. So a thread has one id in all copies, and no two threads share one.
 * self.C4: all copies follow the first one's decision about fences: the light side in one copy and the heavy
 *     side in another agree on which of them pays.
 *
 * Guards stay with the copy whose THRUM_WITH made them (thrum/self.h says so).
 *
 * In a circle with self.c, self_slot.c, fence.c: each asks for the first copy, whose struct leads to
 * them.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "errno_kept.h"
#include "self_copies.h"

#include <dlfcn.h>
#include <link.h>
#include <string.h>
#include <thrum/self.h>

#pragma weak dlopen /* of a library of its own in older C libraries; without it nothing can be unloaded */

static uint64_t id(void) {
    return thrum_self_id();
}

static uint32_t slot(void) {
    return thrum_self_slot();
}

/* Not const: `asked` changes. `used`, and not static: the note below names it. */
__attribute__((used, visibility("hidden"))) thrum_self_copy_ thrum_self_copy_here_ = {
    .size = sizeof(thrum_self_copy_),
    .id = id,
    .reserve_id = thrum_self_reserve_id_,
    .adopt_id = thrum_self_adopt_id_,
    .slot = slot,
    .reset_after_fork = thrum_self_reset_after_fork,
    .fence_is_asymmetric = thrum_fence_is_asymmetric_,
};

/* Six bytes of name, four of content (how far the struct lies from here), kind 1. */
#define NAME "thrum"
__asm__(".pushsection .note.thrum, \"a\", %note\n"
        ".balign 4\n"
        ".long 6, 4, 1\n"
        ".asciz \"" NAME "\"\n"
        ".balign 4\n"
        ".long thrum_self_copy_here_ - .\n"
        ".popsection\n");

/* ---- the objects of the process ---- */

struct search {
    thrum_self_copy_ *first;
    const char *name; /* of the first copy's object */
    bool found_own;
};

/* The copy of which the note speaks; NULL: the note is another's. */
static thrum_self_copy_ *copy_of(const ElfW(Nhdr) * note, const char *content) {
    if (note->n_namesz != sizeof NAME || note->n_descsz != sizeof(int32_t) || note->n_type != 1) return NULL;
    if (memcmp(note + 1, NAME, sizeof NAME) != 0) return NULL;
    int32_t distance;
    memcpy(&distance, content, sizeof distance);
    return (thrum_self_copy_ *)((uintptr_t)content + (uintptr_t)(intptr_t)distance);
}

static thrum_self_copy_ *copy_in(const char *notes, size_t size, size_t alignment) {
    const size_t pad = alignment == 8 ? 7 : 3;
    while (size >= sizeof(ElfW(Nhdr))) {
        const ElfW(Nhdr) *const note = (const void *)notes;
        const size_t content = (sizeof *note + note->n_namesz + pad) & ~pad;
        const size_t whole = (content + note->n_descsz + pad) & ~pad;
        if (whole > size) return NULL;
        thrum_self_copy_ *const copy = copy_of(note, notes + content);
        if (copy) return copy;
        notes += whole;
        size -= whole;
    }
    return NULL;
}

static int look_into(struct dl_phdr_info *object, size_t size, void *p) {
    (void)size;
    struct search *const search = p;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *const part = &object->dlpi_phdr[i];
        if (part->p_type != PT_NOTE) continue;
        const uintptr_t notes = object->dlpi_addr + part->p_vaddr;
        thrum_self_copy_ *const copy = copy_in((const char *)notes, part->p_memsz, part->p_align);
        if (!copy) continue;
        if (!search->first) {
            search->first = copy;
            search->name = object->dlpi_name;
        }
        if (copy == &thrum_self_copy_here_) search->found_own = true;
    }
    return search->found_own; /* self.C1: the first one is not behind it */
}

/* An object by its name. The program itself has an empty one, and cannot be unloaded. */
static void keep(const char *name) {
    if (*name && dlopen) (void)dlopen(name, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}

/* ---- the first copy ---- */

static thrum_u64 first; /* its address; 0: not known yet. relaxed: self.C2 orders what it points at */

static thrum_self_copy_ *find(void) {
    THRUM_KEEPS_ERRNO_;
    struct search search = {NULL, "", false};
    (void)dl_iterate_phdr(look_into, &search);
    /* Without its own note, which a linker script may drop, a copy cannot know whether it is the first. */
    thrum_self_copy_ *const found = search.found_own ? search.first : &thrum_self_copy_here_;
    if (found != &thrum_self_copy_here_) {
        keep(search.name); /* self.C1 */
        thrum_u64_store_relaxed(&found->asked, 1);
    }
    thrum_u64_store_relaxed(&first, (uint64_t)(uintptr_t)found);
    return found;
}

thrum_self_copy_ *thrum_self_first_copy_(void) {
    thrum_self_copy_ *found = (thrum_self_copy_ *)(uintptr_t)thrum_u64_load_relaxed(&first);
    if (THRUM_UNLIKELY(!found)) found = find();
    return found == &thrum_self_copy_here_ ? NULL : found;
}

/* Early, so that no signal handler has to search. */
__attribute__((constructor)) static void find_early(void) {
    (void)thrum_self_first_copy_();
}

bool thrum_self_slot_is_shared_(void) {
    /* relaxed: a copy that has this thread's slot has set it before, in this thread or before a call of it */
    return thrum_self_first_copy_() != NULL || thrum_u64_load_relaxed(&thrum_self_copy_here_.asked);
}

/* ---- pinning ---- */

struct object {
    uintptr_t address; /* in it */
    const char *name;
};

static int look_for(struct dl_phdr_info *object, size_t size, void *p) {
    (void)size;
    struct object *const sought = p;
    for (unsigned i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *const part = &object->dlpi_phdr[i];
        const uintptr_t begin = object->dlpi_addr + part->p_vaddr;
        if (part->p_type != PT_LOAD || sought->address - begin >= part->p_memsz) continue;
        sought->name = object->dlpi_name;
        return 1;
    }
    return 0;
}

void thrum_self_pin_(const void *address) {
    THRUM_KEEPS_ERRNO_;
    struct object object = {(uintptr_t)address, ""};
    (void)dl_iterate_phdr(look_for, &object);
    keep(object.name);
}
