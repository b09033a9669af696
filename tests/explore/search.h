/* SPDX-License-Identifier: MIT */
/* The search, as main.c drives it. */
#ifndef THRUM_TESTS_EXPLORE_SEARCH_H
#define THRUM_TESTS_EXPLORE_SEARCH_H

#include "engine.h"

typedef struct search_options {
    search_strategy strategy;
    explore_bounds bounds;
    bool unpruned; /* never gives up an execution */
    bool given_up; /* the execution: its state was met before */
} search_options;

extern search_options search;

void search_begin(search_strategy strategy, explore_bounds bounds, uint64_t seed);
void search_forget_states(void);
uint64_t search_states(void);
uint64_t search_ends(void); /* different states in which executions have ended */
void search_begin_execution(void);
bool search_next(void); /* false: depth-first search has gone through all */
void search_repeat(void);
void search_print_trail(char *text, size_t size);
bool search_read_trail(const char *text);

#endif
