/* SPDX-License-Identifier: MIT */
/*
 * The list of the process's objects is this file's own: made-up objects come before the real ones, of which
 * this program has the note of its copy. Real plugins are in consumers/host.c.
 *
 * A copy looks at the list before main. So a test that is to have objects begins the program once more.
 *
 * ctest: libraries dl
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "test.h"

#include "../src/futex/self_copies.h"

#include <dlfcn.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>
#include <thrum/self.h>
#include <unistd.h>

/* ---- a copy of the library in a made-up object ---- */

enum { ITS_ID = 4711, ITS_SLOT = 42 };
static unsigned slots_asked_for;

static uint64_t its_id(void) {
    return ITS_ID;
}

static uint32_t its_slot(void) {
    slots_asked_for++;
    return ITS_SLOT;
}

static thrum_self_copy_ its_copy = {.size = sizeof its_copy, .id = its_id, .slot = its_slot};

/* ---- its notes ---- */

enum { NOTES = 512 };
static _Alignas(8) char notes[NOTES];
static size_t length;

static void put(const void *bytes, size_t size, size_t alignment) {
    memcpy(notes + length, bytes, size);
    length = (length + size + alignment - 1) & ~(alignment - 1);
}

static void put_note(const char *name, uint32_t name_size, uint32_t size, uint32_t kind, size_t alignment) {
    const ElfW(Nhdr) head = {.n_namesz = name_size, .n_descsz = size, .n_type = kind};
    const size_t begin = length;
    memcpy(notes + begin, &head, sizeof head);
    length += sizeof head;
    put(name, strlen(name) + 1, 1);
    length = begin + ((sizeof head + name_size + alignment - 1) & ~(alignment - 1));
    char content[64] = {0};
    const int32_t distance = (int32_t)((intptr_t)&its_copy - (intptr_t)(notes + length));
    memcpy(content, &distance, sizeof distance);
    put(content, size, alignment);
}

/* Of another maker, and each like ours but for one thing. */
static void put_strange_notes(size_t alignment) {
    put_note("GNU", 4, 16, 3, alignment);
    put_note("thrum", 7, 4, 1, alignment);
    put_note("thrum", 6, 8, 1, alignment);
    put_note("thrum", 6, 4, 2, alignment);
    put_note("thrun", 6, 4, 1, alignment);
}

/* ---- the objects ---- */

static const char *objects; /* what the made-up ones are; NULL: there are none */
static const char *name_of_object = "made up";

static bool are(const char *what) {
    return strcmp(objects, what) == 0;
}

static size_t make_notes(void) {
    const size_t alignment = are("aligned to 8") ? 8 : 4;
    length = 0;
    put_strange_notes(alignment);
    if (!are("strange")) put_note("thrum", 6, 4, 1, alignment);
    if (are("without a name")) name_of_object = "";
    return alignment;
}

enum { CODE = 64 };
static char code[3 * CODE]; /* its middle is the made-up object's */

typedef int visitor(struct dl_phdr_info *object, size_t size, void *argument);

static char kept[32]; /* the object that was to be kept in memory last */
static unsigned opened;

__attribute__((unused)) static int visit_made_up(visitor *visit, void *argument) {
    const size_t alignment = make_notes();
    const ElfW(Phdr) parts[] = {
        {.p_type = PT_NULL},
        {.p_type = PT_NOTE, .p_vaddr = (uintptr_t)notes, .p_memsz = 0, .p_align = alignment},
        {.p_type = PT_NOTE, .p_vaddr = (uintptr_t)notes, .p_memsz = length, .p_align = alignment},
        {.p_type = PT_LOAD, .p_vaddr = (uintptr_t)code + CODE, .p_memsz = CODE},
    };
    struct dl_phdr_info object = {.dlpi_name = name_of_object, .dlpi_phdr = parts, .dlpi_phnum = 4};
    return visit(&object, sizeof object, argument);
}

#if !THRUM_UNDER_TSAN /* its runtime looks at the list before it is ready for a function of this file */
int dl_iterate_phdr(visitor *visit, void *argument) {
    int (*real)(visitor *, void *);
    void *const found = dlsym(RTLD_NEXT, "dl_iterate_phdr");
    memcpy(&real, &found, sizeof real);
    objects = getenv("THRUM_TEST_OBJECTS");
    const int answer = objects ? visit_made_up(visit, argument) : 0;
    return answer ? answer : real(visit, argument);
}

void *dlopen(const char *name, int flags) {
    CHECK_EQ(flags, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
    CHECK(strlen(name) < sizeof kept);
    strcpy(kept, name);
    opened++;
    return NULL;
}
#endif

/* ---- tests ---- */

static void need_made_up_objects(void) {
    if (THRUM_UNDER_TSAN) test_skip("the sanitizer looks at the list of objects itself");
}

static void with(const char *made_up, const char *test) {
    need_made_up_objects();
    if (objects && are(made_up)) return;
    CHECK_EQ(setenv("THRUM_TEST_OBJECTS", made_up, 1), 0);
    execl("/proc/self/exe", "self_copies_test", test, (char *)NULL);
    CHECK(false);
}

static void the_first_copy_is_the_other_one(void) {
    CHECK(thrum_self_first_copy_() == &its_copy);
    CHECK_EQ(thrum_u64_load_relaxed(&its_copy.asked), 1);
    CHECK_EQ(thrum_self_id(), ITS_ID);
    CHECK_EQ(thrum_self_slot(), ITS_SLOT);
}

TEST(alone_a_copy_is_the_first) {
    CHECK(!thrum_self_first_copy_());
    CHECK_EQ(thrum_self_slot(), 0);
    CHECK_EQ(opened, 0);
}

TEST(the_copy_of_an_object_before_is_the_first_and_stays_in_memory) {
    with("aligned to 4", "the_copy_of_an_object_before_is_the_first_and_stays_in_memory");
    the_first_copy_is_the_other_one();
    CHECK_EQ(opened, 1);
    CHECK(strcmp(kept, "made up") == 0);
}

TEST(notes_may_be_aligned_to_8) {
    with("aligned to 8", "notes_may_be_aligned_to_8");
    the_first_copy_is_the_other_one();
}

TEST(the_program_itself_needs_no_keeping) {
    with("without a name", "the_program_itself_needs_no_keeping");
    the_first_copy_is_the_other_one();
    CHECK_EQ(opened, 0);
}

TEST(a_note_that_differs_in_one_thing_is_anothers) {
    with("strange", "a_note_that_differs_in_one_thing_is_anothers");
    CHECK(!thrum_self_first_copy_());
    CHECK_EQ(opened, 0);
}

TEST(a_slot_from_another_copy_is_not_left) {
    with("aligned to 4", "a_slot_from_another_copy_is_not_left");
    CHECK_EQ(thrum_self_slot(), ITS_SLOT);
    thrum_self_leave_slot_();
    CHECK_EQ(thrum_self_slot(), ITS_SLOT);
    CHECK_EQ(slots_asked_for, 1);
}

static void *ask_and_leave(void *slot) {
    *(uint32_t *)slot = thrum_self_slot();
    thrum_self_leave_slot_();
    return NULL;
}

TEST(a_slot_that_another_copy_may_know_is_not_left) {
    extern thrum_self_copy_ thrum_self_copy_here_;
    const uint32_t mine = thrum_self_slot();
    uint32_t slot;
    thrum_self_leave_slot_();
    test_thread thread = test_start(ask_and_leave, &slot);
    test_join(&thread);
    CHECK_EQ(slot, mine);
    thrum_u64_store_relaxed(&thrum_self_copy_here_.asked, 1);
    CHECK_EQ(thrum_self_slot(), mine);
    thrum_self_leave_slot_();
    thread = test_start(ask_and_leave, &slot);
    test_join(&thread);
    CHECK(slot != mine);
}

TEST(the_object_in_which_an_address_lies_is_pinned) {
    need_made_up_objects();
    CHECK_EQ(setenv("THRUM_TEST_OBJECTS", "aligned to 4", 1), 0);
    thrum_self_pin_(code + CODE - 1);
    thrum_self_pin_(code + 2 * CODE);
    thrum_self_pin_(notes + 1);
    CHECK_EQ(opened, 0); /* all of them in the program itself */
    thrum_self_pin_(code + CODE);
    CHECK_EQ(opened, 1);
    thrum_self_pin_(code + 2 * CODE - 1);
    CHECK_EQ(opened, 2);
    CHECK(strcmp(kept, "made up") == 0);
}
