/* SPDX-License-Identifier: MIT */
/* Three links, each with its delay, crawled by a thread each: the whole takes as long as the slowest. */
#include "crew.h"

enum { LINKS = 3 };

static const unsigned delays_ms[LINKS] = {30, 10, 20};

static void crawl(unsigned number) {
    crew_sleep_ms(delays_ms[number]);
    printf("link %u: crawled after %u ms\n", number, delays_ms[number]);
}

int main(void) {
    const thrum_deadline one_after_the_other = thrum_after_ms(60);
    crew_run(LINKS, crawl);
    printf("all links are crawled\n");
    if (thrum_deadline_passed(one_after_the_other)) fprintf(stderr, "a slow machine: later than in turn\n");
    return 0;
}
