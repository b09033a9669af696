#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report of tools/compare, from Google Benchmark's JSON files in one folder."""
import os
import statistics
import sys
import textwrap

sys.dont_write_bytecode = True
from compare_contended import contended_rows  # noqa: E402
from compare_rows import EVEN, SPINNING, ratio, ratio_text, read, time_text  # noqa: E402

# These come first; the others by name.
ROOMS = ["lock", "rlock", "rwlock", "all", "cond", "monitor", "semaphore", "event", "latch", "once", "barrier"]
WIDTH = 100
TITLE = 25  # a longer one stands on a line of its own
# With more than this share of the processors in other hands, threads did not meet as they should.
BUSY = 0.05
NOT_MEASURED = {"needs two processors", "not repeated after a hang"}


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
    yield f"  machine      {context.get('processor', 'unknown processor')}, {os.cpu_count()} processors; " + (
        f"{context.get('processors', '?')} usable")
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


def limit_of(libraries):
    """The least of the limits: processors differ in what is cheapest."""
    return best_of(libraries, [name for name in libraries if name.startswith("limit")])[0]


def uncontended_line(title, ours, libraries, rivals):
    thrum = ours.median()
    pthread = libraries["pthread"].median() if "pthread" in libraries else None
    limit = limit_of(libraries)
    best, best_name = best_of(libraries, rivals)
    _, fastest = best_of(libraries, rivals + ["pthread"] * ("pthread" in libraries))
    yield from line(title, thrum=thrum, pthread=pthread, best=best, best_name=best_name, limit=limit, spread=ours.spread(),
                    mark=verdict(ours, libraries[fastest] if fastest else None) if thrum else "lost")


def line(title, thrum=None, pthread=None, best=None, best_name=None, limit=None, spread=None, mark="", shown=None):
    """The cells of a row. `shown`: thrum's time, of which only the ratio is wanted."""
    def cell(value):
        return "" if value is None else time_text(value)

    def times(value):
        return "" if value is None else ratio_text(ratio(thrum or shown, value))
    if len(title) > TITLE:
        yield title
        title = ""
    yield (f"{title:<{TITLE}} {cell(thrum):>8} {cell(pthread):>8} {times(pthread):>5} {cell(best):>8} {times(best):>5} "
           f"{best_name or '':<10} {cell(limit):>8} {times(limit):>5} {'' if spread is None else f'{spread:.0%}':>4} {mark}")


def room_order(key):
    room, row, parameters = key
    numbers = [int(part.split(":")[1]) for part in parameters if part.split(":")[1].isdigit()]
    return (ROOMS.index(room) if room in ROOMS else len(ROOMS), room, row, numbers)


def single_rows(table):
    yield "ratio: thrum's median time over the other's; below 1 is faster"
    yield ""
    yield f"{'':<{TITLE}} {'thrum':>8} {'pthread':>8} {'ratio':>5} {'best other library':^25} {'limit':>8} {'ratio':>5} {'+-':>4}"
    room = None
    for key in sorted((key for key in table if not key[1].startswith("contended")), key=room_order):
        libraries = table[key]
        if key[0] != room:
            room = key[0]
            yield ""
        title = "/".join((key[0], key[1]) + key[2])
        rivals = [name for name in libraries if name != "pthread" and not name.startswith(("thrum", "limit"))]
        if room == "lock":
            spinning = [name for name in rivals if name in SPINNING]
            rivals = [name for name in rivals if name not in SPINNING]
        else:
            spinning = []
        ours = [name for name in libraries if name.startswith("thrum")]
        if not ours:
            yield from line(title, limit=limit_of(libraries))
        for name in sorted(ours):
            shown = title if name == "thrum" else f"{title} ({name})"
            yield from uncontended_line(shown, libraries[name], libraries, rivals)
        best, best_name = best_of(libraries, spinning)
        if best is not None and "thrum" in libraries:
            thrum = libraries["thrum"].median()
            yield from line("  beside spinning locks", best=best, best_name=best_name, shown=thrum,
                            mark=verdict(libraries["thrum"], libraries[best_name]))


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
    for text in header(table, context, folder):
        print(textwrap.fill(text, WIDTH, subsequent_indent=" " * 15))
    print()
    for text in single_rows(table):
        print(text.rstrip())
    for room in ("lock", "spinlock"):
        for text in contended_rows(table, room, int(context.get("processors", 1))):
            print(text.rstrip())

    failed = False
    found = list(problems(table))
    broken = os.path.join(folder, "broken.txt")
    if os.path.exists(broken):
        with open(broken, encoding="utf-8") as file:
            found += [(f"  {text.rstrip()}", True) for text in file]
    if found:
        print("hangs, failures and rows that were not measured:")
        for text, fatal in found:
            print(textwrap.fill(text, WIDTH, subsequent_indent="    "))
            failed = failed or fatal
        print()
    print(f"""\
LOSS, even, win: against the faster of pthread and the best other library; more than {EVEN:.0%} apart,
with quartiles that do not overlap. +-: thrum's spread. lost: thrum's row is in the list above.
Rows of less than a nanosecond differ by how the compiler aligned their loops.
Contended. best: the library with the highest throughput at that number of threads; cell min: the
worst work cell against it; limit: the same work of one thread without any lock, times the threads
that can run at once, but its sections one after another (an empty cell: the lock's two bare
instructions); least: the library with the least processor time. Locks that only spin
({', '.join(sorted(SPINNING))}) are among them: look at their fairness, too.""")
    if context.get("quick") == "yes":
        print("Quick runs are too short for Jain's index at 16 threads and more.")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
