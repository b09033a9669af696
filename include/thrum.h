/* SPDX-License-Identifier: MIT */
/* Every room of thrum. */
#ifndef THRUM_H
#define THRUM_H

#define THRUM_VERSION "0.1.0"

#include <thrum/all.h>
#include <thrum/atomic.h>
#include <thrum/backoff.h>
#include <thrum/barrier.h>
#include <thrum/cond.h>
#include <thrum/counter.h>
#include <thrum/cpu.h>
#include <thrum/cpus.h>
#include <thrum/deadline.h>
#include <thrum/dump.h>
#include <thrum/event.h>
#include <thrum/executor.h>
#include <thrum/fence.h>
#include <thrum/futex.h>
#include <thrum/future.h>
#include <thrum/hooks.h>
#include <thrum/latch.h>
#include <thrum/local.h>
#include <thrum/lock.h>
#include <thrum/map.h>
#include <thrum/monitor.h>
#include <thrum/once.h>
#include <thrum/park.h>
#include <thrum/profile.h>
#include <thrum/queue.h>
#include <thrum/rcu.h>
#include <thrum/registry.h>
#include <thrum/result.h>
#include <thrum/ring.h>
#include <thrum/rlock.h>
#include <thrum/rwlock.h>
#include <thrum/self.h>
#include <thrum/scheduler.h>
#include <thrum/semaphore.h>
#include <thrum/seqlock.h>
#include <thrum/snapshot.h>
#include <thrum/spinlock.h>
#include <thrum/thread.h>
#include <thrum/timer.h>
#include <thrum/wait_any.h>
#include <thrum/waited.h>
#include <thrum/with.h>

#endif
