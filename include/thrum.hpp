/* SPDX-License-Identifier: MIT */
/*
 * thrum.hpp: all of thrum for C++17 and later. Beside the C interface, which is C++ too:
 *
 *     thrum/mutex.hpp       the locks as the standard's mutexes
 *     thrum/condition.hpp   the condition of such a mutex
 *     thrum/semaphore.hpp   semaphores, and permits for a scope
 *     thrum/event.hpp, thrum/latch.hpp, thrum/barrier.hpp
 *     thrum/rcu.hpp         a read section for a scope
 *     thrum/snapshot.hpp    a cell of a type that readers see whole
 *     thrum/thread.hpp      a thread of any callable with arguments
 *     thrum/timer.hpp       a thread that waits and then calls any callable once
 *     thrum/scheduler.hpp   any number of timers on one thread
 *     thrum/executor.hpp    jobs of any callable, and futures with their types (thrum/future.hpp)
 *     thrum/promise.hpp     futures that the program sets itself
 *     thrum/queue.hpp       queues of a type
 *     thrum/map.hpp         keys and values of a type
 *     thrum/time.hpp        durations and moments as deadlines
 *     thrum/error.hpp       results as the standard's error codes
 *     thrum/failure.hpp     a C target that may throw
 *
 * All of it works with exceptions off (-fno-exceptions): what would throw has a form that returns its result.
 */
#ifndef THRUM_HPP
#define THRUM_HPP

#if __cplusplus < 201703L
#error "thrum.hpp needs C++17 or later (-std=c++17)"
#else

#include <thrum.h>
#include <thrum/barrier.hpp>
#include <thrum/condition.hpp>
#include <thrum/error.hpp>
#include <thrum/event.hpp>
#include <thrum/executor.hpp>
#include <thrum/failure.hpp>
#include <thrum/future.hpp>
#include <thrum/latch.hpp>
#include <thrum/map.hpp>
#include <thrum/mutex.hpp>
#include <thrum/promise.hpp>
#include <thrum/queue.hpp>
#include <thrum/rcu.hpp>
#include <thrum/scheduler.hpp>
#include <thrum/semaphore.hpp>
#include <thrum/snapshot.hpp>
#include <thrum/thread.hpp>
#include <thrum/time.hpp>
#include <thrum/timer.hpp>

#endif // C++17

#endif
