# SPDX-License-Identifier: MIT
"""A model of a machine: processors in sockets, cache lines that travel between them, a scheduler, and a futex.

Threads are generators. Each says what it does next; the machine says how long that takes, and goes on with the thread then:

    ("work", ns)                      it computes
    ("load", line)                    the line's value
    ("change", line, function)        an atomic step: function(value) is (the new value, what the thread is told)
    ("await", line, function, ns)     it looks again and again, with pauses: True once function(value), False after ns
    ("yield",)                        another thread that is ready goes first
    ("wait", line, channel, function, until)   a futex: asleep if function(value) still holds; "woken", "late" or "changed"
    ("wake", line, channel, number)   how many were woken
    ("nap", ns)                       asleep for so long

What a step costs is in Costs. A line is with one processor alone, or with several that only read; the next to want it has it
after a transfer, and those that want it at once have it one after another.
"""
import heapq
import itertools
import random
from collections import deque
from dataclasses import dataclass


@dataclass
class Costs:
    """In nanoseconds, of one machine. Where a figure comes from: docs/model.md."""
    name: str = ""
    step: float = 8.6        # an atomic instruction on a line that is at hand
    look: float = 1.0        # a load of such a line
    transfer: float = 70     # a line from another processor of the socket
    far: float = 210         # a line from another socket
    queue: float = 24        # after a transfer began, until that to the next processor that waits for the line begins
    pause: float = 60
    call: float = 250        # a system call that does nothing
    bucket: float = 120      # for which a futex call holds the lock of its hash bucket
    switch: float = 1200     # a thread goes to sleep and another comes
    wake: float = 3000       # for the waker
    arrive: float = 5000     # from the wake until the woken runs on an idle processor
    slice: float = 2_800_000 # of the scheduler
    timer: float = 55_000    # by which a nap is late
    stretch: float = 1.0     # a nanosecond of work, as it is done


class Line:
    """A cache line with one value; where it is; and, if it is a futex, who sleeps at it."""

    def __init__(self, value=0):
        self.value = value
        self.owner = None      # the processor that may change it without asking
        self.readers = set()
        self.free_at = 0.0
        self.watchers = []     # threads that look at it again and again
        self.sleepers = {}     # channel: deque of threads
        self.bucket_at = 0.0


class Thread:
    def __init__(self, number, code):
        self.number, self.code = number, code
        self.cpu = self.last = None
        self.since = 0.0       # when it got the processor
        self.used = 0.0
        self.told = None
        self.asleep_at = None  # (line, channel)
        self.token = 0         # of the event that goes on with it; an older one is void
        self.watch = None
        self.done = 0
        self.longest = 0.0
        self.waits = []


class Machine:
    def __init__(self, costs, processors, sockets=1, seed=1):
        self.costs = costs
        self.chance = random.Random(seed).random
        self.socket_of = [cpu * sockets // processors for cpu in range(processors)]
        self.now = 0.0
        self.events, self.numbers = [], itertools.count()
        self.idle = set(range(processors))
        self.ready = deque()
        self.steps = {"work": self.work, "load": self.load, "change": self.change, "await": self.await_, "yield": self.yield_,
                      "wait": self.wait, "wake": self.wake, "nap": self.nap}

    # ---- time ----

    def about(self, ns):
        """No step takes always the same time; threads that took turns as a clock would never meet, or always."""
        return ns * (.8 + .4 * self.chance())

    def at(self, time, thread, action):
        thread.token += 1
        heapq.heappush(self.events, (time, next(self.numbers), thread, thread.token, action))

    def run(self, until):
        events = self.events
        while events and events[0][0] <= until:
            self.now, _, thread, token, action = heapq.heappop(events)
            if token == thread.token:
                action(thread)
        self.now = until

    def go_on(self, thread):
        """The step that the thread was in has ended."""
        if self.ready and self.now - thread.since > self.costs.slice:
            self.leave(thread)
            self.ready.append(thread)
            return
        try:
            what, *arguments = thread.code.send(thread.told)
        except StopIteration:
            self.leave(thread)
            return
        thread.told = None
        self.steps[what](thread, *arguments)

    def tell(self, thread, told, time):
        thread.told = told
        self.at(time, thread, self.go_on)

    # ---- processors ----

    def start(self, thread):
        """A thread is ready: it gets an idle processor, or comes into line."""
        if self.idle:
            cpu = thread.last if thread.last in self.idle else min(self.idle)
            self.idle.discard(cpu)
            self.dispatch(thread, cpu, self.about(self.costs.arrive))
        else:
            self.ready.append(thread)

    def dispatch(self, thread, cpu, after):
        thread.cpu = thread.last = cpu
        thread.since = self.now + after
        self.at(self.now + after, thread, self.go_on)

    def leave(self, thread):
        """The thread gives its processor up; the next one that is ready has it."""
        cpu, thread.cpu = thread.cpu, None
        thread.used += self.now - thread.since
        thread.token += 1
        if self.ready:
            self.dispatch(self.ready.popleft(), cpu, self.about(self.costs.switch))
        else:
            self.idle.add(cpu)

    # ---- lines ----

    def fetch(self, line, cpu):
        """When the line is there, if it is asked for now."""
        costs = self.costs
        near = line.owner is None or self.socket_of[line.owner] == self.socket_of[cpu]
        begin = max(self.now, line.free_at)
        return begin, self.about(costs.transfer if near else costs.far)

    def work(self, thread, ns):
        self.tell(thread, None, self.now + self.about(ns * self.costs.stretch))

    def load(self, thread, line):
        if line.owner == thread.cpu or thread.cpu in line.readers:
            end = self.now + self.costs.look
        else:
            begin, cost = self.fetch(line, thread.cpu)
            end = begin + cost
            line.free_at = begin + self.costs.queue
            if line.owner is not None:
                line.readers.add(line.owner)
                line.owner = None
            line.readers.add(thread.cpu)
        self.at(end, thread, lambda thread: self.loaded(thread, line))

    def loaded(self, thread, line):
        thread.told = line.value
        self.go_on(thread)

    def change(self, thread, line, function):
        if line.owner == thread.cpu:
            end = self.now + self.costs.step
        else:
            begin, cost = self.fetch(line, thread.cpu)
            if line.owner is None and not line.readers:
                cost = 0
            end = begin + cost + self.costs.step
            line.owner = thread.cpu
            line.free_at = begin + self.costs.queue
        line.readers.clear()
        self.at(end, thread, lambda thread: self.changed(thread, line, function))

    def changed(self, thread, line, function):
        before = line.value
        line.value, thread.told = function(before)
        if line.value != before and line.watchers:
            watchers, line.watchers = line.watchers, []
            for watcher in watchers:
                if watcher.watch and watcher.watch[0] is line:
                    self.look_again(watcher)
        self.go_on(thread)

    def await_(self, thread, line, function, ns):
        thread.watch = (line, function, self.now + ns)
        self.look_again(thread)

    def look_again(self, thread):
        """The line has changed, so that the thread's copy is void: it has it again after a transfer, half a pause later."""
        line, _, end = thread.watch
        if thread.cpu in line.readers or line.owner == thread.cpu:
            there = self.now + self.costs.look
        else:
            begin, cost = self.fetch(line, thread.cpu)
            there = begin + cost
            line.free_at = begin + self.costs.queue
            if line.owner is not None:
                line.readers.add(line.owner)
                line.owner = None
            line.readers.add(thread.cpu)
        self.at(min(max(there + self.costs.pause / 2, self.now), max(end, self.now)), thread, self.looked)

    def looked(self, thread):
        line, function, end = thread.watch
        if function(line.value):
            thread.watch, thread.told = None, True
            self.go_on(thread)
        elif self.now >= end:
            thread.watch, thread.told = None, False
            self.go_on(thread)
        else:
            line.watchers.append(thread)
            self.at(end, thread, self.looked)

    # ---- the kernel ----

    def yield_(self, thread):
        if self.ready:
            self.leave(thread)
            self.ready.append(thread)
        else:
            self.tell(thread, None, self.now + self.costs.call)

    def in_bucket(self, line):
        """A futex call gets the lock of the line's hash bucket: when it has done what it does there."""
        begin = max(self.now + self.costs.call / 2, line.bucket_at)
        line.bucket_at = begin + self.costs.bucket
        return line.bucket_at

    def wait(self, thread, line, channel, function, until):
        self.at(self.in_bucket(line), thread, lambda thread: self.queued(thread, line, channel, function, until))

    def queued(self, thread, line, channel, function, until):
        if not function(line.value):
            self.tell(thread, "changed", self.now + self.costs.call / 2)
            return
        line.sleepers.setdefault(channel, deque()).append(thread)
        thread.asleep_at = (line, channel)
        self.leave(thread)
        if until is not None:
            self.at(max(until + self.costs.timer, self.now), thread, self.late)

    def late(self, thread):
        if thread.asleep_at:
            line, channel = thread.asleep_at
            line.sleepers[channel].remove(thread)
            thread.asleep_at = None
        thread.told = "late"
        self.start(thread)

    def wake(self, thread, line, channel, number):
        self.at(self.in_bucket(line), thread, lambda thread: self.waking(thread, line, channel, number))

    def waking(self, thread, line, channel, number):
        sleepers = line.sleepers.get(channel, ())
        woken = 0
        while sleepers and woken < number:
            sleeper = sleepers.popleft()
            sleeper.asleep_at, sleeper.told = None, "woken"
            sleeper.token += 1
            self.start(sleeper)
            woken += 1
        self.tell(thread, woken, self.now + self.costs.call / 2 + woken * self.costs.wake)

    def nap(self, thread, ns):
        self.leave(thread)
        self.at(self.now + ns + self.costs.timer, thread, self.late)
