# SPDX-License-Identifier: MIT
"""The locks that tools/model replays: the algorithms as their sources have them, step by step, on a machine of the model.

Each has acquire(thread) and release(thread), generators of the machine's steps.
"""
from model_machine import Line

INFINITE = 1 << 30


def swap(new):
    return lambda old: (new, old)


def swap_if(expected, new):
    """A compare-and-swap: told whether it was done."""
    return lambda old: (new, True) if old == expected else (old, False)


class Spin:
    """oneTBB's spin_mutex: exchanges, with pauses between them that double to sixteen, and then yields."""

    def __init__(self, machine, line):
        self.machine, self.line = machine, line

    def acquire(self, _):
        pauses = 1
        while (yield "change", self.line, swap(1)):
            if pauses <= 16:
                yield "work", pauses * self.machine.costs.pause / self.machine.costs.stretch
                pauses *= 2
            else:
                yield ("yield",)

    def release(self, _):
        yield "change", self.line, swap(0)


class Pthread:
    """glibc's normal mutex: 0 free, 1 held, 2 held and somebody may sleep. It never spins."""
    looks_for = 0

    def __init__(self, machine, line):
        self.machine, self.line = machine, line

    def acquire(self, _):
        if (yield "change", self.line, swap_if(0, 1)):
            return
        if self.looks_for and (yield "await", self.line, lambda value: value != 1, self.looks_for):
            if (yield "change", self.line, swap_if(0, 1)):
                return
        while (yield "change", self.line, swap(2)):
            yield "wait", self.line, 0, lambda value: value == 2, None

    def release(self, _):
        if (yield "change", self.line, swap(0)) == 2:
            yield "wake", self.line, 0, 1


class RustStd(Pthread):
    """Rust's standard mutex: the same, after a hundred looks while nobody sleeps."""

    def __init__(self, machine, line):
        super().__init__(machine, line)
        self.looks_for = 100 * machine.costs.pause


LOCKED, PARKED = 1, 2


class ParkingLot:
    """parking_lot's mutex: a newcomer may take it; ten looks; a line of sleepers, in a bucket with a small lock of its own, at
    which as many looks are made before a sleep; now and then the lock is handed over."""
    FAIR_NS = 500_000  # on average between two hand-overs

    def __init__(self, machine, line):
        self.machine, self.line = machine, line
        self.bucket = RustStd(machine, Line())
        self.lot, self.handed, self.fair_at = [], set(), 0.0

    def wait_a_little(self, looks):
        if looks <= 3:
            yield "work", (1 << looks) * self.machine.costs.pause / self.machine.costs.stretch
        else:
            yield ("yield",)

    def acquire(self, thread):
        if (yield "change", self.line, swap_if(0, LOCKED)):
            return
        looks = 0
        while True:
            value = yield "load", self.line
            if not value & LOCKED:
                if (yield "change", self.line, swap_if(value, value | LOCKED)):
                    return
            elif not value & PARKED and looks < 10:
                looks += 1
                yield from self.wait_a_little(looks)
            elif value & PARKED or (yield "change", self.line, swap_if(value, value | PARKED)):
                if (yield from self.park(thread)):
                    return
                looks = 0

    def park(self, thread):
        """True when the lock was handed over to it."""
        own = Line(0)
        yield from self.bucket.acquire(thread)
        parks = (yield "load", self.line) == LOCKED | PARKED
        if parks:
            self.lot.append((thread, own))
        yield from self.bucket.release(thread)
        while parks and own.value == 0:
            yield "wait", own, 0, lambda value: value == 0, None
        handed = thread in self.handed
        self.handed.discard(thread)
        return handed

    def release(self, thread):
        if (yield "change", self.line, swap_if(LOCKED, 0)):
            return
        yield from self.bucket.acquire(thread)
        chosen, own = self.lot.pop(0) if self.lot else (None, None)
        if chosen and self.machine.now >= self.fair_at:
            self.fair_at = self.machine.now + 2 * self.FAIR_NS * self.machine.chance()
            self.handed.add(chosen)
            yield "change", self.line, swap(LOCKED | PARKED if self.lot else LOCKED)
        else:
            yield "change", self.line, swap(PARKED if self.lot else 0)
        yield from self.bucket.release(thread)
        if chosen:
            yield "change", own, swap(1)
            yield "wake", own, 0, 1


HELD, HEIR, WAITERS, CLOSED, MARK, WAKE = 1, 2, 4, 8, 16, 32
AT_RELEASE, SLEEPERS = "release", "sleepers"


class Thrum:
    """src/futex/lock.c, without deadlines; its head says what the bits mean."""
    SPACING = (0, 150, 600, 2000)  # what may be changed is above the code, as there
    SPIN = 10_000
    LOOK = 4_000
    IDLE_ROUNDS, ROOM_ROUNDS, PARK_ROUNDS = 16, 32, 12
    NAP = 50_000
    SLICE = 500_000
    STALE = 1_000_000
    CAP = INFINITE  # on those that spin; counted for nothing, which no lock could

    def __init__(self, machine, line):
        self.machine, self.line = machine, line
        self.spinning = 0
        self.pause = machine.costs.pause / machine.costs.stretch

    def barge(self, barriers):
        value = yield "load", self.line
        while not value & barriers:
            seen = value
            if (yield "change", self.line, swap_if(seen, (seen | HELD) & ~(MARK | WAKE))):
                return True
            value = yield "load", self.line
        return False

    def acquire(self, _):
        if (yield "change", self.line, swap_if(0, HELD)):
            return
        if self.spinning < self.CAP:
            self.spinning += 1
            got = yield from self.spin()
            self.spinning -= 1
            if got:
                return
        while True:
            seen = yield "load", self.line
            if not seen & (HELD | CLOSED):
                if (yield from self.barge(HELD | CLOSED)):
                    return
            elif not seen & HEIR:
                if (yield "change", self.line, swap_if(seen, seen | HEIR)):
                    yield from self.watch(0)
                    return
            elif seen & WAITERS or (yield "change", self.line, swap_if(seen, seen | WAITERS)):
                until = self.machine.now + self.STALE if not seen & HELD else None
                if (yield "wait", self.line, SLEEPERS, lambda value, seen=seen: value == seen | WAITERS, until) == "woken":
                    yield from self.watch(WAITERS)
                    return

    def spin(self):
        rounds = looks = 0
        end = None
        while not (yield from self.barge(HELD | CLOSED)):
            if rounds < self.PARK_ROUNDS:
                rounds += 1
                yield "work", self.pause
            elif end is None:
                end = self.machine.now + self.SPIN
                yield ("yield",)
            elif self.machine.now >= end:
                return False
            else:
                yield ("yield",)
            if self.SPACING[looks]:
                rounds += 2
                yield "work", self.SPACING[looks] / self.machine.costs.stretch
            looks = min(looks + 1, len(self.SPACING) - 1)
        return True

    def appoint(self):
        if not (yield "wake", self.line, SLEEPERS, 1):
            if (yield "change", self.line, lambda value: (value & ~(HEIR | WAITERS), value)) & WAITERS:
                yield "wake", self.line, SLEEPERS, 1

    def inherit(self, seen):
        left = seen & ~(MARK | WAKE | CLOSED | (WAITERS if seen & WAITERS else HEIR))
        if not (yield "change", self.line, swap_if(seen, left | HELD)):
            return False
        if seen & WAITERS:
            yield from self.appoint()
        return True

    def look(self, closed, woken):
        idle = rounds = free = 0
        end = self.machine.now + self.LOOK + self.PARK_ROUNDS * self.machine.costs.pause
        while True:
            seen = yield "load", self.line
            rounds += 1
            if seen & HELD:
                idle = 0
            else:
                free += 1
                is_open = not seen & CLOSED
                idle += 1 if seen & MARK and is_open else 0
                has_room = is_open and rounds >= self.ROOM_ROUNDS and free * 16 > rounds * 5
                if closed or (woken and is_open) or idle > self.IDLE_ROUNDS or has_room:
                    if (yield from self.inherit(seen)):
                        return True
            if self.machine.now >= end:
                break
            yield "work", self.pause
        return not seen & HELD and seen & MARK and not seen & CLOSED and (yield from self.inherit(seen))

    def watch(self, others):
        slice_end = self.machine.now + self.SLICE
        nap, closed, woken, overtaken = self.NAP, 0, False, False
        while True:
            marks = HEIR | MARK | others | closed
            yield "change", self.line, lambda value, marks=marks: (value | marks, value)
            if (yield from self.look(closed, woken)):
                return
            if self.machine.now >= slice_end and not closed:
                closed = CLOSED
                continue
            overtaken = overtaken or woken
            woken = False
            seen = yield "load", self.line
            if seen & HELD and (closed or (seen & MARK and not overtaken)):
                if seen & WAKE or (yield "change", self.line, swap_if(seen, seen | WAKE)):
                    until = None if closed else slice_end
                    woken = (yield "wait", self.line, AT_RELEASE, lambda value, seen=seen: value == seen | WAKE,
                             until) == "woken"
            elif not closed:
                yield "nap", max(0.0, min(nap, slice_end - self.machine.now))
                nap *= 2

    def release(self, _):
        if (yield "change", self.line, lambda value: (value & ~HELD, value)) & WAKE:
            yield "wake", self.line, AT_RELEASE, INFINITE


LOCKS = {"thrum": Thrum, "pthread": Pthread, "rust_std": RustStd, "parking_lot": ParkingLot, "tbb": Spin}
