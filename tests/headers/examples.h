/* SPDX-License-Identifier: MIT */
/* What the examples in the headers' comments mention and do not show. */
#include <limits.h>
#include <pthread.h>
#include <stdio.h>

#include <thrum.h>

extern thrum_lock l, accounts;
extern thrum_event e;
extern thrum_u32 ready;
extern int balance, ticks, tickets;

bool try_it(void);
bool valid(int amount);
thrum_result read_configuration(void *unused);
void tick(void);
void use_connection(void);
void elsewhere(void); /* an ellipsis */
