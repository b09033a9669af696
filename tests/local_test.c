/* SPDX-License-Identifier: MIT */
/* ctest: libraries thrum */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "local_parts.h"
#include "test.h"

#include <errno.h>
#include <thrum.h>
#include <unistd.h>

typedef struct session {
    int number;
    uint64_t thread;
    char padding[100];
} session;

static int argument;

static thrum_u32 made, destroyed, refused;
static thrum_u64 destroyed_in;

static thrum_result connect_session(void *p, void *a) {
    session *const s = p;
    CHECK(a == &argument);
    CHECK_EQ(s->number, 0);
    s->number = 1000;
    s->thread = thrum_get_ident();
    thrum_u32_fetch_add_relaxed(&made, 1);
    return THRUM_OK;
}

static void close_session(void *p, void *a) {
    session *const s = p;
    CHECK(a == &argument);
    CHECK(s->number >= 1000);
    s->number = 0;
    thrum_u64_store_relaxed(&destroyed_in, thrum_get_ident());
    thrum_u32_fetch_add_relaxed(&destroyed, 1);
}

static thrum_local sessions = THRUM_LOCAL_INIT(sizeof(session), connect_session, close_session, &argument);
#define MADE thrum_u32_load_relaxed(&made)
#define DESTROYED thrum_u32_load_relaxed(&destroyed)

static void *touch(void *number) {
    CHECK(thrum_local_peek(&sessions) == NULL); /* absent until touched */
    session *const s = thrum_local_get(&sessions);
    CHECK(s && s->number == 1000 && s->thread == thrum_get_ident());
    CHECK(thrum_local_get(&sessions) == s && thrum_local_peek(&sessions) == s);
    s->number += number ? *(int *)number : 0;
    return NULL;
}

TEST(each_thread_has_a_value_of_its_own_made_at_its_first_touch) {
    int seven = 7;
    touch(NULL);
    session *const own = thrum_local_get(&sessions);
    own->number = 2000;
    CHECK_EQ(MADE, 1);
    thrum_thread_release(run(touch, &seven));
    CHECK_EQ(MADE, 2);
    CHECK_EQ(own->number, 2000);
    CHECK(thrum_local_get(&sessions) == own);
    thrum_local_destroy(&sessions);
    CHECK_EQ(DESTROYED, 2);
}

TEST(a_value_is_destroyed_in_its_thread_before_join_returns) {
    thrum_thread *const thread = run(touch, NULL);
    CHECK_EQ(DESTROYED, 1);
    CHECK_EQ(thrum_u64_load_relaxed(&destroyed_in), thrum_thread_ident(thread));
    thrum_thread_release(thread);
}

TEST(values_of_aliens_are_destroyed_too) {
    test_thread alien = test_start(touch, NULL);
    test_join(&alien);
    CHECK_EQ(DESTROYED, 1);
}

static void *touch_and_fail(void *a) {
    touch(a);
    thrum_thread_fail(1, "after touching");
}

static void ignore(const thrum_failure *failure) {
    (void)failure;
    CHECK(thrum_local_peek(&sessions)); /* the hook may still use it */
}

TEST(a_value_of_a_thread_that_fails_is_destroyed) {
    thrum_set_excepthook(ignore);
    thrum_thread_release(run(touch_and_fail, NULL));
    CHECK_EQ(DESTROYED, 1);
}

static thrum_result refuse_twice(void *value, void *a) {
    (void)a;
    if (thrum_u32_fetch_add_relaxed(&refused, 1) < 2) return THRUM_BROKEN;
    *(int *)value = 5;
    return THRUM_OK;
}

TEST(an_initialiser_that_fails_is_reported_and_tried_again) {
    thrum_local l = THRUM_LOCAL_INIT(sizeof(int), refuse_twice, NULL, NULL);
    void *value = &l;
    CHECK_EQ(thrum_local_value(&l, &value), THRUM_BROKEN);
    CHECK(value == &l);
    CHECK(thrum_local_get(&l) == NULL);
    CHECK(thrum_local_peek(&l) == NULL);
    CHECK_EQ(thrum_local_value(&l, &value), THRUM_OK);
    CHECK_EQ(*(int *)value, 5);
    thrum_local_destroy(&l);
}

static thrum_result exit_instead(void *value, void *a) {
    (void)value;
    thrum_thread_exit(a);
}

static void *touch_it(void *l) {
    return thrum_local_get(l);
}

TEST(a_thread_that_ends_in_the_initialiser_leaves_no_value) {
    thrum_local l = THRUM_LOCAL_INIT(64, exit_instead, close_session, NULL);
    thrum_thread_release(run(touch_it, &l));
    thrum_local_destroy(&l); /* the destructor would fail */
}

TEST(without_an_initialiser_a_value_is_zeroes) {
    thrum_local l = THRUM_LOCAL_INIT(64, NULL, NULL, NULL);
    const char *const value = thrum_local_get(&l);
    for (int i = 0; i < 64; i++) CHECK_EQ(value[i], 0);
    CHECK_EQ((uintptr_t)value % 16, 0);
    thrum_local_destroy(&l);
}

typedef struct shared {
    thrum_barrier meet;
    thrum_local *local;
} shared;

static void *touch_twice(void *p) {
    shared *const s = p;
    session *const mine = thrum_local_get(s->local);
    mine->number += 1;
    CHECK_EQ(thrum_barrier_wait(&s->meet, NULL), THRUM_OK); /* all have one */
    CHECK_EQ(thrum_barrier_wait(&s->meet, NULL), THRUM_OK); /* it has been destroyed */
    CHECK(thrum_local_peek(s->local) == NULL);
    session *const anew = thrum_local_get(s->local);
    CHECK_EQ(anew->number, 1000);
    CHECK_EQ(thrum_barrier_wait(&s->meet, NULL), THRUM_OK);
    return NULL;
}

TEST(destroying_the_object_destroys_every_threads_value_and_nothing_old_is_seen) {
    shared s = {.local = &sessions};
    CHECK_EQ(thrum_barrier_init(&s.meet, 4), THRUM_OK);
    test_thread threads[3];
    for (int i = 0; i < 3; i++) threads[i] = test_start(touch_twice, &s);
    CHECK_EQ(thrum_barrier_wait(&s.meet, NULL), THRUM_OK);
    thrum_local_destroy(&sessions);
    CHECK_EQ(DESTROYED, 3);
    CHECK_EQ(thrum_barrier_wait(&s.meet, NULL), THRUM_OK);
    CHECK_EQ(thrum_barrier_wait(&s.meet, NULL), THRUM_OK);
    for (int i = 0; i < 3; i++) test_join(&threads[i]);
    CHECK_EQ(MADE, 6);
    CHECK_EQ(DESTROYED, 6);
}

TEST(a_new_object_at_an_old_ones_address_or_index_sees_none_of_its_values) {
    for (int i = 0; i < 100; i++) {
        thrum_local l = THRUM_LOCAL_INIT(sizeof(int), NULL, NULL, NULL);
        CHECK(thrum_local_peek(&l) == NULL);
        int *const value = thrum_local_get(&l);
        CHECK_EQ(*value, 0);
        *value = i + 1;
        thrum_local_destroy(&l);
        CHECK(thrum_local_peek(&l) == NULL);
    }
}

TEST(clear_destroys_the_callers_value_alone) {
    thrum_local_clear(&sessions); /* none: nothing */
    session *const s = thrum_local_get(&sessions);
    s->number = 3000;
    thrum_local_clear(&sessions);
    CHECK_EQ(DESTROYED, 1);
    CHECK(thrum_local_peek(&sessions) == NULL);
    CHECK_EQ(((session *)thrum_local_get(&sessions))->number, 1000);
    thrum_local_destroy(&sessions);
}

static void touch_another(void *value, void *other) {
    (void)value;
    CHECK(thrum_local_get(other) != NULL);
}

static thrum_local first = THRUM_LOCAL_INIT(8, NULL, touch_another, &sessions);

static void *touch_first(void *unused) {
    CHECK(thrum_local_get(&first) != NULL);
    return unused;
}

TEST(a_destructor_that_touches_another_local_leaks_nothing) {
    CHECK(thrum_local_get(
        &sessions)); /* its index is the smaller one: its round is past when `first` is destroyed */
    thrum_thread_release(run(touch_first, NULL));
    CHECK_EQ(MADE, 2);
    CHECK_EQ(DESTROYED, 1);
    thrum_local_destroy(&first);
    thrum_local_destroy(&sessions);
}

static void *touch_eight_and_first(void *eight) {
    for (int i = 0; i < 8; i++) CHECK(thrum_local_get((thrum_local *)eight + i) != NULL);
    return touch_first(NULL);
}

/* What counts is the passes, not the values. */
TEST(a_destructor_may_touch_another_local_however_many_were_destroyed_before) {
    static thrum_local eight[8];
    for (int i = 0; i < 8; i++) eight[i] = (thrum_local)THRUM_LOCAL_INIT(8, NULL, NULL, NULL);
    CHECK(thrum_local_get(&sessions));
    thrum_thread_release(run(touch_eight_and_first, eight));
    CHECK_EQ(MADE, 2);
    CHECK_EQ(DESTROYED, 1);
}

static thrum_local phoenix;

static void rise_again(void *value, void *unused) {
    (void)value;
    (void)unused;
    thrum_u32_fetch_add_relaxed(&destroyed, 1);
    void *again;
    const thrum_result result = thrum_local_value(&phoenix, &again);
    CHECK(result == THRUM_OK || result == THRUM_FINALIZING);
    if (result == THRUM_FINALIZING) thrum_u32_fetch_add_relaxed(&refused, 1);
}

static void *touch_phoenix(void *unused) {
    CHECK(thrum_local_get(&phoenix) != NULL);
    return unused;
}

TEST(a_destructor_that_makes_its_value_anew_is_refused_in_the_last_round) {
    phoenix = (thrum_local)THRUM_LOCAL_INIT(8, NULL, rise_again, NULL);
    thrum_thread_release(run(touch_phoenix, NULL));
    CHECK_EQ(thrum_u32_load_relaxed(&refused), 1);
    CHECK_EQ(DESTROYED, 4);
    phoenix.destroy = NULL;
    thrum_local_destroy(&phoenix);
    CHECK_EQ(DESTROYED, 4);
}

static void *touch_and_keep(void *local) {
    int *const value = thrum_local_get(local);
    CHECK(value && *value == 0 && thrum_local_peek(local) == value);
    return NULL;
}

TEST(many_locals_live_at_once) {
    enum { MANY = 2000 };
    static thrum_local many[MANY];
    for (int i = 0; i < MANY; i++) {
        many[i] = (thrum_local)THRUM_LOCAL_INIT(sizeof(int), NULL, NULL, NULL);
        *(int *)thrum_local_get(&many[i]) = i;
    }
    for (int i = 0; i < MANY; i++) CHECK_EQ(*(int *)thrum_local_get(&many[i]), i);
    thrum_thread_release(run(touch_and_keep, &many[MANY - 1])); /* the last of them first */
    for (int i = 0; i < MANY; i++) thrum_local_destroy(&many[i]);
}

TEST(one_local_too_many_is_refused) {
    enum { MOST = 65535 };
    static thrum_local all[MOST + 1];
    void *value;
    for (int i = 0; i < MOST; i++) {
        all[i] = (thrum_local)THRUM_LOCAL_INIT(1, NULL, NULL, NULL);
        CHECK_EQ(thrum_local_value(&all[i], &value), THRUM_OK);
    }
    all[MOST] = (thrum_local)THRUM_LOCAL_INIT(1, NULL, NULL, NULL);
    CHECK_EQ(thrum_local_value(&all[MOST], &value), THRUM_LIMIT);
    thrum_local_destroy(&all[7]);
    CHECK_EQ(thrum_local_value(&all[MOST], &value), THRUM_OK);
    for (int i = 0; i <= MOST; i++) thrum_local_destroy(&all[i]);
}

TEST(a_forked_child_keeps_its_own_values_and_can_destroy_all) {
    session *const own = thrum_local_get(&sessions);
    own->number = 4000;
    shared s = {.local = &sessions};
    CHECK_EQ(thrum_barrier_init(&s.meet, 2), THRUM_OK);
    test_thread other = test_start(touch_twice, &s);
    CHECK_EQ(thrum_barrier_wait(&s.meet, NULL), THRUM_OK);
    const pid_t child = fork();
    if (child == 0) {
        CHECK(thrum_local_peek(&sessions) == own && own->number == 4000);
        thrum_local_destroy(&sessions);
        CHECK_EQ(DESTROYED, 2);
        CHECK(thrum_local_get(&sessions) != NULL);
        thrum_local_destroy(&sessions);
        _exit(0);
    }
    test_join_child(child);
    thrum_local_destroy(&sessions);
    CHECK_EQ(thrum_barrier_wait(&s.meet, NULL), THRUM_OK);
    CHECK_EQ(thrum_barrier_wait(&s.meet, NULL), THRUM_OK);
    test_join(&other);
}

static thrum_result never_called(void *value, void *unused) {
    (void)value, (void)unused;
    CHECK(false);
    return THRUM_OK;
}

TEST(a_value_larger_than_all_memory_is_refused) {
    const size_t sizes[] = {SIZE_MAX, SIZE_MAX - 8, SIZE_MAX - 64, PTRDIFF_MAX};
    for (int i = 0; i < 4; i++) {
        thrum_local large = THRUM_LOCAL_INIT(sizes[i], i % 2 ? NULL : never_called, NULL, NULL);
        void *value = NULL;
        CHECK_EQ(thrum_local_value(&large, &value), THRUM_NO_MEMORY);
        CHECK(value == NULL);
        thrum_local_destroy(&large);
    }
}

TEST(errno_is_kept) {
    errno = 77;
    CHECK(thrum_local_get(&sessions) != NULL);
    thrum_local_destroy(&sessions);
    CHECK_EQ(errno, 77);
}
