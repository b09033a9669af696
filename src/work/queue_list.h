/* SPDX-License-Identifier: MIT */
/* What a queue that does not live in a ring keeps its items in. Everything under the queue's lock. */
#ifndef THRUM_SRC_WORK_QUEUE_LIST_H
#define THRUM_SRC_WORK_QUEUE_LIST_H

#include <thrum/queue.h>

/* THRUM_OK; THRUM_NO_MEMORY. */
thrum_result thrum_queue_list_put_(thrum_queue *queue, void *item);
/* The next item by the queue's kind. There is one. */
void *thrum_queue_list_get_(thrum_queue *queue);

#endif
