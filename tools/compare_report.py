#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report of tools/compare, from Google Benchmark's JSON files in one folder.

Ratios are of medians. A time ratio below 1 and a throughput ratio above 1 are in thrum's favour.
"""

import glob
import json
import math
import os
import re
import statistics
import sys
from collections import defaultdict

ROOMS = ["lock", "semaphore", "event", "spinlock", "with", "park", "self", "deadline", "backoff", "cpu",
         "futex", "result", "atomic"]
# These never sleep: in the room `lock` they are another class, and stand on a line of their own.
SPINNING = {"spin", "tbb", "ck"}
# What differs by less than this is even.
EVEN = 0.05
# With more than this share of the processors in other hands, threads did not meet as they should.
BUSY = 0.05
NOT_MEASURED = {"needs two processors", "not repeated after a hang"}


class Row:
    """One library's repetitions of one row."""

    def __init__(self):
        self.figures = defaultdict(list)
        self.errors = []

    def median(self, figure="ns"):
        return statistics.median(self.figures[figure]) if self.figures[figure] else None

    def quartiles(self, figure="ns"):
        values = self.figures[figure]
        if len(values) < 2:
            return (values * 2)[0:2]
        low, _, high = statistics.quantiles(values, n=4, method="inclusive")
        return low, high

    def spread(self, figure="ns"):
        """The interquartile range over the median."""
        if not self.median(figure):
            return 0.0
        low, high = self.quartiles(figure)
        return (high - low) / self.median(figure)


def read(folder):
    """{(room, row, parameters): {library: Row}} and the context of the last file."""
    table = defaultdict(lambda: defaultdict(Row))
    context = {}
    for path in sorted(glob.glob(os.path.join(folder, "*.json"))):
        if os.path.getsize(path) == 0:  # the program had no row to run
            continue
        with open(path, encoding="utf-8") as file:
            document = json.load(file)
        context = document["context"]
        for run in document["benchmarks"]:
            if run["run_type"] != "iteration":
                continue
            parts = [part for part in run["run_name"].split("/")
                     if not re.match(r"iterations:|manual_time|repeats:", part)]
            row = table[parts[0], parts[1], tuple(parts[3:])][parts[2]]
            if run.get("error_occurred"):
                row.errors.append(run["error_message"])
                continue
            row.figures["ns"].append(run["real_time"])
            for figure, value in run.items():
                if isinstance(value, float) and figure not in ("real_time", "cpu_time"):
                    row.figures[figure].append(value)
    return table, context


def time_text(ns):
    if ns is None:
        return "-"
    for unit, size in (("ms", 1e6), ("us", 1e3)):
        if ns >= size * 10:
            return f"{ns / size:.1f} {unit}"
    return f"{ns:.2f} ns" if ns < 100 else f"{ns:.0f} ns"


def ratio_text(value):
    return "-" if value is None else f"{value:.2f}"


def ratio(a, b):
    return a / b if a is not None and b else None


def machine():
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as file:
            models = re.findall(r"^model name\s*:\s*(.*)$", file.read(), re.MULTILINE)
    except OSError:
        models = []
    virtual = "unknown processor" if not models else models[0]
    return f"{virtual}, {os.cpu_count()} processors"


def disturbance(folder):
    """The shares of the processors that other programs, and other guests of the host, had meanwhile."""
    foreign = stolen = capacity = 0.0
    with open(os.path.join(folder, "load.txt"), encoding="utf-8") as file:
        for line in file:
            used0, steal0, used1, steal1, wall, user, system, ticks = map(float, line.split())
            foreign += max(0.0, (used1 - used0) / ticks - user - system)
            stolen += (steal1 - steal0) / ticks
            capacity += wall * os.cpu_count()
    return foreign / capacity, stolen / capacity


def header(table, context, folder):
    spreads = [libraries["limit"].spread() for libraries in table.values() if "limit" in libraries]
    repetitions = sorted({len(row.figures["ns"]) for libraries in table.values() for row in libraries.values()
                          if row.figures["ns"]})
    noise = statistics.median(spreads) if spreads else 0
    yield "thrum beside pthread and the others, in one run"
    yield ""
    yield f"  machine      {machine()}; {context.get('processors', '?')} usable"
    yield f"  system       {context.get('kernel', '?')}, {context.get('libc', '?')}, {context.get('compiler', '?')}"
    yield f"  run          {context.get('date', '?')}, " + (
        "quick: coarse figures" if context.get("quick") == "yes" else "full") + (
        f", medians of {'/'.join(map(str, repetitions))} interleaved repetitions")
    yield f"  noise        {noise:.0%}: the median spread (interquartile range) of the physical limits' repetitions"
    foreign, stolen = disturbance(folder)
    yield f"  others       had {foreign:.0%} of the processors (programs) and {stolen:.0%} (the host's other guests)" + (
        ": TOO MUCH for rows with several threads" if foreign + stolen > BUSY else "")
    yield f"  left out     {context.get('missing') or 'nobody'}" + (
        " (not installed)" if context.get("missing") else "")


def verdict(ours, theirs):
    """Whose time is shorter: by more than EVEN, and with quartiles that do not overlap."""
    if not ours or not theirs or not ours.median() or not theirs.median():
        return ""
    value = ours.median() / theirs.median()
    if value < 1 - EVEN and ours.quartiles()[1] < theirs.quartiles()[0]:
        return "win"
    if value > 1 + EVEN and ours.quartiles()[0] > theirs.quartiles()[1]:
        return "LOSS"
    return "even"


def best_of(libraries, names):
    found = [(libraries[name].median(), name) for name in names if libraries[name].median() is not None]
    return min(found) if found else (None, None)


def uncontended_line(title, ours, libraries, rivals):
    thrum = ours.median()
    pthread = libraries["pthread"].median() if "pthread" in libraries else None
    limit = libraries["limit"].median() if "limit" in libraries else None
    best, best_name = best_of(libraries, rivals)
    _, fastest = best_of(libraries, rivals + ["pthread"] * ("pthread" in libraries))
    hung = sum(1 for name in rivals if libraries[name].errors)
    return (f"{title:<38} {time_text(thrum):>9} {time_text(pthread):>9} {ratio_text(ratio(thrum, pthread)):>6}  "
            f"{time_text(best):>9} {ratio_text(ratio(thrum, best)):>6} {best_name or '':<11} "
            f"{time_text(limit):>9} {ratio_text(ratio(thrum, limit)):>6}  {ours.spread():>4.0%}  "
            f"{verdict(ours, libraries[fastest] if fastest else None):<4}{' hangs: ' + str(hung) if hung else ''}")


def room_order(key):
    room, row, parameters = key
    numbers = [int(part.split(":")[1]) for part in parameters if part.split(":")[1].isdigit()]
    return (ROOMS.index(room) if room in ROOMS else len(ROOMS), row, numbers)


def single_rows(table):
    yield f"{'':<38} {'thrum':>9} {'pthread':>9} {'ratio':>6}  {'best other library':^28} {'limit':>9} {'ratio':>6}  {'+-':>4}"
    room = None
    for key in sorted((key for key in table if key[1] != "contended"), key=room_order):
        libraries = table[key]
        if key[0] != room:
            room = key[0]
            yield ""
        title = "/".join((key[0], key[1]) + key[2])
        rivals = [name for name in libraries if name not in ("pthread", "limit") and not name.startswith("thrum")]
        if room == "lock":
            spinning = [name for name in rivals if name in SPINNING]
            rivals = [name for name in rivals if name not in SPINNING]
        else:
            spinning = []
        ours = [name for name in libraries if name.startswith("thrum")]
        if not ours:
            yield f"{title:<38} {'':>9} {'':>9} {'':>6}  {'':>9} {'':>6} {'':<11} {time_text(libraries['limit'].median()):>9}"
        for name in sorted(ours):
            shown = title if name == "thrum" else f"{title} ({name})"
            yield uncontended_line(shown, libraries[name], libraries, rivals)
        best, best_name = best_of(libraries, spinning)
        if best is not None and "thrum" in libraries:
            thrum = libraries["thrum"].median()
            yield (f"{'  beside locks that only spin':<38} {'':>9} {'':>9} {'':>6}  {time_text(best):>9} "
                   f"{ratio_text(ratio(thrum, best)):>6} {best_name:<11} {'':>9} {'':>6}  {'':>4}  "
                   f"{verdict(libraries['thrum'], libraries[best_name])}")


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def contended_by_threads(table, room):
    """{threads: {library: {cell: Row}}}"""
    result = defaultdict(lambda: defaultdict(dict))
    for (a_room, row, parameters), libraries in table.items():
        if a_room == room and row == "contended":
            for name, figures in libraries.items():
                result[int(parameters[0].split(":")[1])][name][parameters[1:]] = figures
    return result


def mean_of(cells, figure):
    """None when a cell was not measured: a mean over fewer cells is another mean."""
    medians = [cell.median(figure) for cell in cells.values()]
    return None if None in medians else geometric_mean(medians)


def throughput_verdict(cells, libraries, rival):
    speed = mean_of(cells, "per_second") / mean_of(libraries[rival], "per_second")
    return ("win" if speed > 1 + EVEN else "LOSS" if speed < 1 - EVEN else "even") + f" against {rival}"


def contended_line(threads, name, cells, libraries, reference):
    throughput = mean_of(cells, "per_second")
    if throughput is None:
        errors = sorted({error for cell in cells.values() for error in cell.errors})
        return f"{threads:>7} {name:<12} {', '.join(errors)}"
    pthread, best_name, sleeper, frugal = reference
    best = mean_of(libraries[best_name], "per_second") if best_name else None
    worst_cell = min(cells[cell].median("per_second") / libraries[best_name][cell].median("per_second")
                     for cell in cells) if best_name else None
    processor = mean_of(cells, "cpu_ns")
    jain = min(cell.median("jain") for cell in cells.values())
    p999 = max(cell.median("p999_us") for cell in cells.values())
    longest = max(max(cell.figures["max_us"]) for cell in cells.values())
    mark = ""
    if name == "thrum" and best_name:
        mark = throughput_verdict(cells, libraries, best_name)
        if best_name in SPINNING and sleeper:
            mark += "; " + throughput_verdict(cells, libraries, sleeper)
    return (f"{threads:>7} {name:<12} {ratio_text(ratio(throughput, pthread[0])):>8} {ratio_text(ratio(throughput, best)):>8} "
            f"{ratio_text(worst_cell):>8}   {ratio_text(ratio(processor, pthread[1])):>8} "
            f"{ratio_text(ratio(processor, frugal)):>8}   {jain:>5.2f} {p999 / 1e3:>9.2f} {longest / 1e3:>9.1f}  {mark}")


def contended_rows(table, room):
    groups = contended_by_threads(table, room)
    if not groups:
        return
    yield ""
    yield f"{room}, contended: geometric means over the work cells; worst of the cells for the last three"
    yield (f"{'':>7} {'':<12} {'throughput, times':^26}   {'processor time, times':^17}   "
           f"{'Jain':>5} {'p99.9':>9} {'longest':>9}")
    yield (f"{'threads':>7} {'':<12} {'pthread':>8} {'best':>8} {'cell min':>8}   {'pthread':>8} {'least':>8}   "
           f"{'min':>5} {'ms':>9} {'wait ms':>9}")
    for threads in sorted(groups):
        libraries = groups[threads]
        rivals = {name: cells for name, cells in libraries.items()
                  if not name.startswith("thrum") and mean_of(cells, "per_second")}
        by_throughput = sorted(rivals, key=lambda name: -mean_of(rivals[name], "per_second"))
        best_name = next(iter(by_throughput), None)
        sleeper = next((name for name in by_throughput if room == "lock" and name not in SPINNING), None)
        frugal = min((mean_of(cells, "cpu_ns") for cells in rivals.values()), default=None)
        pthread = (None, None)
        if "pthread" in rivals:
            pthread = (mean_of(rivals["pthread"], "per_second"), mean_of(rivals["pthread"], "cpu_ns"))
        for name in sorted(libraries, key=lambda name: (not name.startswith("thrum"), name != "pthread", name)):
            yield contended_line(threads, name, libraries[name], libraries, (pthread, best_name, sleeper, frugal))
        yield ""


def problems(table):
    """What went wrong, as (text, whether the run has failed)."""
    for key in sorted(table, key=room_order):
        for name, row in table[key].items():
            for error in sorted(set(row.errors)):
                title = "/".join((key[0], key[1], name) + key[2])
                harmless = error in NOT_MEASURED or (error == "hang" and not name.startswith("thrum"))
                yield f"  {title}: {error}", not harmless


def main():
    folder = sys.argv[1]
    table, context = read(folder)
    if not table:
        print("nothing was measured")
        return 1
    for line in header(table, context, folder):
        print(line)
    print()
    for line in single_rows(table):
        print(line.rstrip())
    for room in ("lock", "spinlock"):
        for line in contended_rows(table, room):
            print(line.rstrip())

    failed = False
    found = list(problems(table))
    broken = os.path.join(folder, "broken.txt")
    if os.path.exists(broken):
        with open(broken, encoding="utf-8") as file:
            found += [(f"  {line.rstrip()}", True) for line in file]
    if found:
        print("hangs, failures and rows that were not measured:")
        for text, fatal in found:
            print(text)
            failed = failed or fatal
        print()
    print(f"""\
ratio: thrum's time over the other's, below 1 is faster. LOSS, even, win: against the faster of pthread and
the best other library; more than {EVEN:.0%} apart, with quartiles that do not overlap. +-: thrum's spread.
Rows of less than a nanosecond differ by how the compiler aligned their loops.
Contended. best: the library with the highest throughput at that number of threads; cell min: the worst
work cell against it; least: the library with the least processor time. Locks that only spin
({', '.join(sorted(SPINNING))}) are among them: look at their fairness, too.""")
    if context.get("quick") == "yes":
        print("Quick runs are too short for Jain's index at 16 threads and more.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
