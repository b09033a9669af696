# SPDX-License-Identifier: MIT
"""The executor that tools/model replays: src/work/executor_crew.c and executor_jobs.c, step by step, on a machine of the model.

A submitter puts jobs into a list under the crew's lock; workers take them from there. What a thread writes into a line that only it
writes is counted as a part of its own work.
"""
from model_locks import Thrum, swap_if
from model_machine import Line, Machine, Thread

JOBS_OF_A_LINE = 4  # 16 bytes each
FRONT = 64
WATCH_NS = 5_000    # THRUM_PARK_SPIN_NS
SUBMIT_NS, NEXT_NS = 25, 15  # of instructions that touch no line of another thread's
MOVE_NS = 1         # a job that is at hand


def more(value):
    return value + 1, value


class Jobs:
    """What both lists have: blocks that the putter fills."""

    def __init__(self, machine):
        self.machine = machine
        self.taking = Thrum(machine, Line())
        self.puts = Line(0)
        self.takes = Line(0)
        self.blocks = {}
        self.known = 0

    def line_of(self, number):
        """Of a job in its block; a line that has been taken is forgotten."""
        return self.blocks.setdefault(number // JOBS_OF_A_LINE, Line(0))

    def put(self):
        yield "change", self.line_of(self.puts.value), more
        yield "change", self.puts, more

    def drop(self, number):
        if number % JOBS_OF_A_LINE == JOBS_OF_A_LINE - 1:
            self.blocks.pop(number // JOBS_OF_A_LINE, None)

    def count(self):
        puts = yield "load", self.puts
        return puts - (yield "load", self.takes)


class OneLock(Jobs):
    """A taker takes one job from the list, under the takers' lock: until the front came."""

    def take(self, thread):
        yield from self.taking.acquire(thread)
        number = self.takes.value
        if number >= self.known:
            self.known = yield "load", self.puts
        found = number < self.known
        if found:
            yield "load", self.line_of(number)
            self.drop(number)
            yield "change", self.takes, more
        yield from self.taking.release(thread)
        return number if found else None


class Front(Jobs):
    """A mover fills a front of places; a taker takes from it by a compare-and-swap."""

    def __init__(self, machine):
        super().__init__(machine)
        self.moved = Line(0)
        self.places = [Line(0) for _ in range(FRONT // JOBS_OF_A_LINE)]

    def claim(self):
        pauses = 1
        while True:
            at = yield "load", self.takes
            if at >= (yield "load", self.moved):
                return None
            yield "load", self.places[at % FRONT // JOBS_OF_A_LINE]
            if (yield "change", self.takes, swap_if(at, at + 1)):
                return at
            yield "work", pauses * self.machine.costs.pause / self.machine.costs.stretch
            pauses = min(2 * pauses, 64)

    def move(self):
        before = at = self.moved.value
        end = (yield "load", self.takes) + FRONT
        while at < end:
            if at >= self.known:
                self.known = yield "load", self.puts
                if at >= self.known:
                    break
            if at == before or at % JOBS_OF_A_LINE == 0:
                yield "load", self.line_of(at)
                yield "change", self.places[at % FRONT // JOBS_OF_A_LINE], more
            yield "work", MOVE_NS
            self.drop(at)
            at += 1
        if at != before:
            yield "change", self.moved, lambda _: (at, None)
        return at != before

    def take(self, thread):
        number = yield from self.claim()
        if number is not None:
            if number % (FRONT // 2) == 0 and (yield "change", self.taking.line, swap_if(0, 1)):
                yield from self.move()
                yield from self.taking.release(thread)
            return number
        yield from self.taking.acquire(thread)
        while True:
            number = yield from self.claim()
            if number is not None or not (yield from self.move()):
                break
        yield from self.taking.release(thread)
        return number


class Hand:
    """A worker."""

    def __init__(self):
        self.called = Line(0)
        self.searches = False


class Crew:
    """`took` is called with the number of each job that is taken."""

    def __init__(self, machine, jobs, workers, inside, took):
        self.machine, self.jobs, self.inside, self.took = machine, jobs, inside, took
        self.lock = Thrum(machine, Line())
        self.asleep, self.searching, self.done = [], False, 0
        self.hands = [Hand() for _ in range(workers)]

    def call_if_needed(self):
        if not self.asleep or self.searching or not (yield from self.jobs.count()):
            return None
        hand = self.asleep.pop()
        hand.searches = self.searching = True
        return hand

    @staticmethod
    def wake(hand):
        if hand:
            yield "change", hand.called, lambda _: (1, None)
            yield "wake", hand.called, 0, 1

    def submitter(self, thread, number):
        for _ in range(number):
            yield "work", SUBMIT_NS
            yield from self.lock.acquire(thread)
            yield from self.jobs.put()
            hand = yield from self.call_if_needed()
            yield from self.lock.release(thread)
            yield from self.wake(hand)

    def watch(self):
        if not (yield from self.jobs.count()):
            taken = self.jobs.takes.value
            yield "await", self.jobs.puts, lambda puts: puts > taken, WATCH_NS

    def next(self, thread, hand):
        number = yield from self.jobs.take(thread)
        if number is not None:
            return number
        yield from self.lock.acquire(thread)
        watched = False
        while (number := (yield from self.jobs.take(thread))) is None:
            if not watched and (hand.searches or not self.searching):
                hand.searches = self.searching = watched = True
                yield from self.lock.release(thread)
                yield from self.watch()
                yield from self.lock.acquire(thread)
                continue
            if hand.searches:
                self.searching = False
            hand.searches = watched = False
            self.asleep.append(hand)
            yield from self.lock.release(thread)
            while (yield "load", hand.called) == 0:
                yield "wait", hand.called, 0, lambda value: value == 0, None
            yield "change", hand.called, lambda _: (0, None)
            yield from self.lock.acquire(thread)
        if hand.searches:
            self.searching = False
        hand.searches = False
        called = yield from self.call_if_needed()
        yield from self.lock.release(thread)
        yield from self.wake(called)
        return number

    def worker(self, thread, hand):
        while True:
            yield "work", NEXT_NS
            self.took((yield from self.next(thread, hand)))
            if self.inside:
                yield "work", self.inside
            self.done += 1


    def start(self, number):
        """The workers, and a submitter of so many jobs."""
        codes = [lambda thread, hand=hand: self.worker(thread, hand) for hand in self.hands]
        codes.append(lambda thread: self.submitter(thread, number))
        for count, code in enumerate(codes):
            thread = Thread(count, None)
            thread.code = code(thread)
            self.machine.start(thread)


LISTS = {"one lock": OneLock, "front": Front}


def job_ns(costs, kind, workers, processors, sockets, inside, number=20_000):
    """Nanoseconds a job, from the first submit to the end of the last of `number` jobs."""
    machine = Machine(costs, processors, sockets)
    crew = Crew(machine, LISTS[kind](machine), workers, inside, lambda _: None)
    crew.start(number)
    while crew.done < number:
        machine.run(machine.now + 10_000)
    return machine.now / number
