/* SPDX-License-Identifier: MIT */
/* What the examples in the headers' comments mention and do not show. */
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <thrum.h>
#include <thrum/checked.h>
#include <thrum/pthread.h>

extern thrum_lock l, accounts;
extern thrum_event e;
extern thrum_rwlock routes;
extern thrum_u32 ready, full, sleepers;
extern int limit, counts[], next, balance, ticks, tickets;
#ifdef __cplusplus
#include <mutex>
#include <thrum/mutex.hpp>
extern thrum::mutex audit;
#include <string>
template <class T> void use(const T &value);
#endif
extern void *page;
extern thrum_executor *pool;
extern void *pages[];
extern size_t count;
extern thrum_future *futures[];

extern thrum_map *users;
extern struct user { int balance; } * newcomer;
extern struct config { int limit; } * fresh;
extern pthread_mutex_t visits_mutex;
extern int visits;

typedef struct session {
    int requests;
} session;
struct page {
    int balance;
};
struct sheet {
    thrum_rcu_head head;
    int balance;
};
extern struct sheet *current_sheet, *fresh_sheet;

extern struct request *request;
void handle(struct request *request);
void complain_of(struct request *request);
void ask(thrum_future *answer);
void beat(void *unused);
void add_route(void);
void close_session(void *value, void *unused);
thrum_result connect_session(void *value, void *unused);
void free_sheet(thrum_rcu_head *head);
int find_limit(void);
int find_next(void);
int measure(void *page, void **value);
void report(int64_t sum);
void remind(void *unused);
void *serve(void *unused);
void tell_the_operator(const thrum_failure *failure);
bool try_it(void);
bool valid(int amount);
thrum_result read_configuration(void *unused);
void tell(int signal);
void tick(void);
void use_connection(void);
void use_page_of(thrum_future *page);
void drop(void *item);
void sleep_until(thrum_deadline deadline);
void use(void *item);
void wake_one(void);
void elsewhere(void); /* an ellipsis */
