# SPDX-License-Identifier: MIT
"""thrum in GDB, of a living process or a core file:

    (gdb) source thrum-gdb.py
    (gdb) thrum threads      what each thread waits for, since when, where it called, and who holds that
    (gdb) thrum deadlock     cycles of threads that wait for each other
    (gdb) print some_lock    the state of an object in words: lock, rlock, rwlock, spinlock, condition, monitor, semaphore,
                             event, latch, barrier, once, counter, seqlock, deadline

It reads each thread's `thrum_self_` by its layout (thrum/self.h), so that a library without debugging information will do.
"""
import struct
import time

import gdb
import gdb.printing

# src/futex/waits.h has the same list.
KINDS = ("nothing", "a word", "lock", "rlock", "rwlock, to read", "rwlock, to write", "sharded rwlock", "semaphore", "event",
         "latch", "barrier", "once", "condition", "any of a set", "all of a set", "grace period", "the end of thread", "queue",
         "futures")
RLOCK = KINDS.index("rlock")
EVENT = KINDS.index("event")
FUTURE = "a future's event"
SELF = struct.Struct("=QQIIIIQQQQ")  # id, innermost, slot, padding, turn, kind, object, site, since_ns, waited_ns
GUARD = struct.Struct("=QQQ")  # release, object, outer
MOST_GUARDS = 256
MOST_WAITERS = 100000


def read(address, layout):
    try:
        return layout.unpack(gdb.selected_inferior().read_memory(address, layout.size).tobytes())
    except gdb.MemoryError:
        return None


class Thread:
    """What one thread says of itself; the thread is the selected one while it is made."""

    def __init__(self, thread):
        self.number, self.name, self.ident, self.kind, self.holds = thread.num, thread.name or "?", 0, 0, []
        self.maker = 0  # the ident of the worker whose job completes the future that it waits for
        self.native = thread.ptid[1] or thread.ptid[2]
        try:
            own = int(gdb.parse_and_eval("(unsigned long)&thrum_self_"))
        except gdb.error:
            return  # it has not begun, or is all but gone
        words = read(own, SELF)
        if words is None:
            return
        self.ident, guard, _, _, _, self.kind, self.object, self.site, self.since_ns, self.waited_ns = words
        for _ in range(MOST_GUARDS):
            found = read(guard, GUARD) if guard else None
            if found is None:
                break
            release, held, guard = found
            if release and held:
                self.holds.append(held)


def names():
    """ident: name, of the threads of the registry; needs the library's debugging information."""
    found = {}
    try:
        record = gdb.parse_and_eval("'registry_table.c'::row")
        while record:
            found[int(record["ident"]["word"])] = record["name"]["text"].string()
            record = record["after"]
    except gdb.error:
        pass
    return found


def makers():
    """(a future's begin, its end, the ident of the worker whose job completes it); needs the library's debugging information."""
    found = []
    try:
        executor = gdb.parse_and_eval("'executor_process.c'::first")
        while executor:
            worker = executor["workers"]
            while worker:
                future = worker["future"]
                if future:
                    begin = address_of(future)
                    found.append((begin, begin + future.type.target().sizeof, int(worker["thread"]["record_"]["ident"]["word"])))
                worker = worker["next"]
            executor = executor["next"]
    except gdb.error:
        pass
    return found


def threads():
    before, found, registered, made_by = gdb.selected_thread(), [], names(), makers()
    try:
        for thread in sorted(gdb.selected_inferior().threads(), key=lambda thread: thread.num):
            thread.switch()
            found.append(Thread(thread))
            found[-1].name = registered.get(found[-1].ident, found[-1].name)
            found[-1].maker = next((ident for begin, end, ident in made_by if found[-1].kind == EVENT and
                                    begin <= found[-1].object < end), 0)
    finally:
        if before:
            before.switch()
    return found


def holders(waiter, all_threads):
    """The threads that hold what it waits for, as far as that is known: an rlock's owner, guards of THRUM_WITH, and a future's
    worker."""
    if not waiter.kind:
        return []
    owner = read(waiter.object + 8, struct.Struct("=Q")) if waiter.kind == RLOCK else None
    ident = ~owner[0] & (1 << 64) - 1 if owner and owner[0] else waiter.maker
    return [t for t in all_threads if t is not waiter and (ident and t.ident == ident or waiter.object in t.holds)]


def place(address):
    """The function and the line of a call that returns to the address."""
    line = gdb.find_pc_line(address - 1)
    function = gdb.execute(f"info symbol {address - 1:#x}", to_string=True).split(" in section")[0].split(" + ")[0].strip()
    function = "" if function.startswith("No symbol") else function + " "
    where = f"{line.symtab.filename}:{line.line}" if line.symtab else f"{address:#x}"
    return f"{function}at {where}"


def seconds_since(since_ns):
    """Of a core file nobody knows when it was made."""
    if not since_ns:
        return "is about to wait for"
    living = "core" not in gdb.execute("info target", to_string=True).partition("Local exec file")[0]
    return f"waits {(time.clock_gettime_ns(time.CLOCK_MONOTONIC) - since_ns) / 1e9:.3f} s for" if living else "waits for"


def tell(thread, all_threads):
    text = f'{thread.number} "{thread.name}", native {thread.native}, ident {thread.ident}: '
    if not thread.kind:
        return text + "runs"
    kind = KINDS[thread.kind] if thread.kind < len(KINDS) else "?"
    text += f"{seconds_since(thread.since_ns)} {FUTURE if thread.maker else kind} {thread.object:#x}"
    by = "completed by" if thread.maker else "held by"
    for holder in holders(thread, all_threads):
        text += f', {by} {holder.number} "{holder.name}"'
    text += f", called in {place(thread.site)}" if thread.site else ""
    return text + ("; holds " + ", ".join(f"{held:#x}" for held in thread.holds) if thread.holds else "")


def cycles(all_threads):
    """Each cycle once, from its lowest thread on. A thread may wait for several: each of them is followed."""
    found = []

    def follow(path):
        for holder in holders(path[-1], all_threads):
            if holder is path[0]:
                found.append(path)
            elif holder not in path and holder.number > path[0].number:
                follow(path + [holder])

    for thread in all_threads:
        follow([thread])
    return found


class Thrum(gdb.Command):
    """thrum threads, thrum deadlock: what threads wait for, and which of them wait for each other."""

    def __init__(self):
        super().__init__("thrum", gdb.COMMAND_STATUS, prefix=True)


class Threads(gdb.Command):
    """What each thread waits for in thrum, since when, where it called, who holds that, and what it holds itself."""

    def __init__(self):
        super().__init__("thrum threads", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        found = threads()
        for thread in found:
            print(tell(thread, found))


class Deadlock(gdb.Command):
    """Cycles of threads that wait for each other, as far as holders are known (rlocks, THRUM_WITH, futures of jobs)."""

    def __init__(self):
        super().__init__("thrum deadlock", gdb.COMMAND_STATUS)

    def invoke(self, argument, from_tty):
        found = threads()
        all_cycles = cycles(found)
        for path in all_cycles:
            print(f"deadlock of {len(path)} threads:")
            for thread in path:
                print("    " + tell(thread, found))
        if not all_cycles:
            print("no thread waits for itself by others, as far as holders are known")


def word(value, *names):
    """The number in a word type's only member."""
    for name in names:
        value = value[name]
    while value.type.strip_typedefs().code == gdb.TYPE_CODE_STRUCT:
        value = value[value.type.strip_typedefs().fields()[0]]
    return int(value.cast(gdb.lookup_type("unsigned long")))


def flags(number, *names):
    return "".join(f", {name}" for bit, name in names if number & bit)


def lock(value):
    w = word(value, "state")
    return ("locked" if w & 1 << 31 else "free") + flags(w, (1 << 9, "waited for"), (1 << 10, "sleepers"), (1 << 11, "closed"),
                                                         (1 << 8, "shared"))


def rlock(value):
    owner = word(value, "owner")
    if not owner:
        return lock(value["lock"])
    return f"owned by ident {~owner & (1 << 64) - 1}, depth {int(value['depth'])}" + (
        ", waited for" if word(value, "lock", "state") & 3 << 9 else "")


def event(value):
    w = word(value, "state")
    return ("set" if w & (1 << 31 | 1) == 1 else "clear") + flags(w, (1 << 31, "waiters"))


def semaphore(value):
    w = word(value, "state")
    return f"value {w & 0xFFFFFFFF}, waiters {w >> 32 & 0x7FFFFFFF}"


def latch(value):
    below = (word(value, "state") >> 2) & 0xFFFFFFFF
    return f"count {(1 << 32) - below if below >> 31 else 0}"


def once(value):
    w = word(value, "state")
    return "done" if w & 1 else "running" if w & 2 else "open"


def rwlock(value):
    w = word(value, "state")
    inside = "a writer" if w & 2 else f"{w >> 4} readers" if w >> 4 else "free"
    return inside + flags(w, (1 << 2, "closed"))


def spinlock(value):
    return "held" if word(value, "state") else "free"


def address_of(pointer):
    return int(pointer.cast(gdb.lookup_type("unsigned long")))


def waiting(last):
    """How many are in a condition's ring; each waiter begins with the address of the next."""
    count, waiter = 0, address_of(last)
    while waiter and count < MOST_WAITERS:
        count, found = count + 1, read(waiter, struct.Struct("=Q"))
        waiter = found[0] if found else 0
        if waiter == address_of(last):
            break
    return f"{count} waiting"


def cond(value):
    address = address_of(value["lock"])
    if not address:
        return "not initialised"
    return f"of {'an rlock' if address & 1 else 'a lock'} at {address & ~1:#x}, {waiting(value['last'])}"


def monitor(value):
    return f"{rlock(value['lock'])}, {waiting(value['last'])}"


def bounded_semaphore(value):
    return f"{semaphore(value['permits'])}, bound {int(value['bound'])}"


def barrier(value):
    w = word(value, "state")
    return f"{w & 0xFFFFFFFF} of {int(value['parties'])} parties have arrived" + flags(w, (1 << 35, "broken"))


def counter(value):
    number = word(value, "value")
    return str(number - (1 << 64) if number >> 63 else number)


def seqlock(value):
    sequence = word(value, "sequence")
    return f"sequence {sequence}" + (", a writer is at work" if sequence & 1 else "")


def deadline(value):
    ns = int(value["ns"])
    return "for ever" if ns == (1 << 64) - 1 else f"{ns / 1e9:.9f} s of CLOCK_MONOTONIC"


PRINTERS = {"thrum_lock": lock, "thrum_rlock": rlock, "thrum_event": event, "thrum_semaphore": semaphore,
            "thrum_latch": latch, "thrum_once": once, "thrum_rwlock": rwlock, "thrum_spinlock": spinlock, "thrum_cond": cond,
            "thrum_monitor": monitor, "thrum_bounded_semaphore": bounded_semaphore, "thrum_barrier": barrier,
            "thrum_counter": counter, "thrum_seqlock": seqlock, "thrum_deadline": deadline}


class Printer:
    def __init__(self, value, name):
        self.value, self.name = value, name

    def to_string(self):
        return f"{self.name[6:]}: {PRINTERS[self.name](self.value)}"


def find_printer(value):
    name = value.type.unqualified().name or value.type.strip_typedefs().name
    return Printer(value, name) if name in PRINTERS else None


find_printer.name, find_printer.enabled = "thrum", True
Thrum()
Threads()
Deadlock()
gdb.printing.register_pretty_printer(None, find_printer, replace=True)
