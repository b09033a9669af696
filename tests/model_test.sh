#!/bin/bash
# SPDX-License-Identifier: MIT
#
# model_test.sh SOURCE_DIR BUILD_DIR
#
# The model of the contended lock: its machine keeps its laws, and what it says of the locks lies near what was measured.
set -euo pipefail

source=$1
failures=0

fail() {
    echo "FAILED: $*"
    failures=$((failures + 1))
}

# ---- the machine ----

PYTHONDONTWRITEBYTECODE=1 PYTHONPATH=$source/tools python3 - <<'CODE' || fail "the machine breaks a law"
import random

from model_executor import LISTS, Crew
from model_locks import LOCKS
from model_machine import Costs, Line, Machine, Thread

wrong = []


def machine(processors, *codes, **costs):
    made = Machine(Costs(**costs), processors)
    made.chance = lambda: .5  # each step takes what it costs
    threads = []
    for number, code in enumerate(codes):
        thread = Thread(number, None)
        thread.code = code(made, thread)
        threads.append(thread)
        made.start(thread)
    return made, threads


def expect(what, is_right):
    if not is_right:
        wrong.append(what)


# A line that is at hand costs a step; one of another processor a transfer and a step.
times = []
line = Line()


def change(made, _):
    for _ in range(2):
        yield "change", line, lambda value: (value + 1, value)
        times.append(made.now)


made, _ = machine(2, change, change, arrive=0, step=10, transfer=100, queue=20)
made.run(1e6)
expect(f"four changes: {line.value}", line.value == 4)
expect(f"a transfer, and the next one 20 ns after it began: {times}", times == [10, 130, 150, 240])

# Two threads on one processor: each has it for a slice; no more is used than there is.
def busy(made, thread):
    while True:
        yield "work", 1000


made, threads = machine(1, busy, busy, busy)
made.run(100e6)
used = [thread.used + (made.now - thread.since if thread.cpu is not None else 0) for thread in threads]
expect(f"three on one processor: {used}", sum(used) <= 100e6 and min(used) > 25e6)

# A wake wakes as many as it says, those that slept first; a sleeper whose word has changed does not sleep.
order = []
word = Line()


def sleeper(made, thread):
    yield "work", 1000 * thread.number
    order.append((thread.number, (yield "wait", word, 0, lambda value: value == 0, None)))


def waker(made, thread):
    yield "work", 100_000
    order.append((yield "wake", word, 0, 2))
    yield "work", 100_000
    yield "change", word, lambda value: (1, value)
    order.append((yield "wake", word, 0, 9))


made, _ = machine(8, sleeper, sleeper, sleeper, waker)
made.run(1e7)
expect(f"wakes: {order}", sorted(map(str, order)) == sorted(map(str, [(0, "woken"), (1, "woken"), 2, (2, "woken"), 1])))
expect(f"the first to sleep: {order}", order.index((2, "woken")) > max(order.index((0, "woken")), order.index((1, "woken"))))

# A wait with an end ends.
late = []


def timed(made, thread):
    late.append((yield "wait", Line(), 0, lambda value: True, made.now + 1e6))
    late.append(made.now)


made, _ = machine(1, timed, timer=50_000, arrive=0)
made.run(1e7)
expect(f"late: {late}", late[0] == "late" and 1.05e6 <= late[1] < 1.1e6)

# Each lock excludes: a holder is alone; and each goes on for ever, on one processor and on several.
for name, make in LOCKS.items():
    for processors, count in ((1, 3), (2, 5), (8, 8)):
        inside, entered = [], [0] * count
        lock = None

        def section(made, thread):
            yield "work", 10 * thread.number
            while True:
                yield from lock.acquire(thread)
                inside.append(thread.number)
                if len(inside) != 1:
                    wrong.append(f"{name}: {inside} are inside")
                yield "work", 400
                inside.pop()
                entered[thread.number] += 1
                yield from lock.release(thread)
                yield "work", 300

        made, _ = machine(processors)
        lock = make(made, Line())
        for number in range(count):
            thread = Thread(number, None)
            thread.code = section(made, thread)
            made.start(thread)
        made.chance = random.Random(7).random
        made.run(30e6)
        half = sum(entered)
        made.run(60e6)
        expect(f"{name}, {count} threads on {processors}: {entered}", half > 1000 and sum(entered) > half * 1.8)

# ---- every job is taken once ----

for kind, jobs in LISTS.items():
    for workers, processors in ((1, 2), (4, 2), (16, 17)):
        made, taken = Machine(Costs(), processors), []
        crew = Crew(made, jobs(made), workers, 200, taken.append)
        crew.start(5000)
        made.run(20e6)
        expect(f"{kind}, {workers} workers on {processors}: {len(taken)} jobs", sorted(taken) == list(range(5000)))

print("\n".join(dict.fromkeys(wrong)), end="")
raise SystemExit(bool(wrong))
CODE

# ---- what it says ----

# near THE_LOCK MOST: the geometric mean of how far it is from what was measured.
said=$(timeout 300 "$source/tools/model" --check --threads 16 --lock thrum,pthread,parking_lot)
near() {
    local apart
    apart=$(sed -nE "s/^$1 +apart by ([0-9.]+) .*/\1/p" <<<"$said")
    awk -v apart="${apart:-9}" -v most="$2" 'BEGIN { exit !(apart >= 1 && apart <= most) }' || fail "$1 is apart by $apart, not $2"
}
near thrum 1.2
near pthread 1.4
near parking_lot 1.4

# The executor of one lock, which was measured: jobs of a microsecond.
said=$(timeout 300 "$source/tools/model" --executor)
apart=$(awk '$1 == 1000 && $5 ~ /^\(/ { ratio = $4 / substr($5, 2); print (ratio > 1 ? ratio : 1 / ratio) }' <<<"$said" | sort -g)
[[ $(wc -l <<<"$apart") -eq 5 ]] || fail "five points of the executor were measured: $apart"
awk -v apart="$(tail -n 1 <<<"$apart")" 'BEGIN { exit !(apart <= 1.3) }' || fail "the executor is apart by $apart"

# the same again
one=$("$source/tools/model" --threads 8 --processors 4 --lock thrum)
[[ $one == "$("$source/tools/model" --threads 8 --processors 4 --lock thrum)" ]] || fail "it says another thing each time"
grep -qE '^ +4 +8 thrum ' <<<"$one" || fail "it does not say what was asked: $one"

[[ $failures -eq 0 ]]
