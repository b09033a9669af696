# SPDX-License-Identifier: MIT
"""Which plots tools/compare's page has: each section as (name, title, what it says, plots)."""
from collections import Counter, defaultdict

from compare_contended import contended_by_threads, mean_of
from compare_places import room_order
from compare_plot import Looks, dots, duration, lines, number_text
from compare_rows import SPINNING

READING = ["rwlock", "rcu", "snapshot", "seqlock", "map", "counter"]
QUEUES = ["queue", "ring"]
JOBS = ["executor", "future"]
# The parameters of a row that grow, the first of them that it has; the other parameters make plots of their own.
GROWING = ["threads", "parties", "pairs", "pending", "entries", "places", "waiters", "timers", "locks", "items", "submitters", "workers"]
NAMES = {"threads": "threads", "pairs": "pairs of threads"}
PLACES = [("handover_across", "Between two processors"), ("handover_same_core", "Two threads on one processor"),
          ("handover_one_cpu", "A process that has one processor")]


def split(parameters):
    """The growing parameter, its value, and the others."""
    values = dict(part.split(":", 1) for part in parameters)
    for name in GROWING:
        if values.get(name, "").isdigit():
            number = int(values.pop(name))
            return name, number, tuple(f"{key}:{value}" for key, value in values.items())
    return None, None, tuple(parameters)


def growing(table, wanted):
    """{(room, row, other parameters): (growing parameter, {library: [(number, ns)]})}, of two numbers and more. The row
    `two_read` is `read` with two threads."""
    found = defaultdict(lambda: [None, defaultdict(list)])
    for key in sorted(table, key=room_order):
        room, row, parameters = key
        if not wanted(room) or row.startswith(("contended", "handover_")):
            continue
        name, number, others = split(parameters)
        if name is None and row.startswith("two_"):
            row, name, number = row[4:], "threads", 2
        elif name is None and (room, f"two_{row}", parameters) in table:
            name, number = "threads", 1
        if name is None:
            continue
        plot = found[room, row, others]
        plot[0] = name
        for library, figures in table[key].items():
            if figures.median() and not library.startswith("limit"):
                plot[1][library].append((number, figures.median()))
    return {key: plot for key, plot in found.items()
            if "thrum" in plot[1] and len(plot[1]["thrum"]) > 1 and len(plot[1]) > 1}


def growth_plots(table, looks, wanted):
    for (room, row, others), (name, libraries) in growing(table, wanted).items():
        title = " ".join((f"{room}/{row}",) + others)
        yield lines(title, libraries, looks, NAMES.get(name, name), "time an operation", True, duration)


def rows_as_dots(table, looks, rooms, titles):
    """A plot for each row with several libraries, with its parameters one under another."""
    groups = defaultdict(list)
    for key in sorted(table, key=room_order):
        if titles(key) and key[0] in rooms:
            medians = {name: row.median() for name, row in table[key].items() if row.median()}
            if len(medians) > 1 and "thrum" in medians:
                groups[key[:2]].append((" ".join(key[2]) or "time an operation", medians))
    for (room, row), found in groups.items():
        yield dots(f"{room}/{row}", found, looks, "time an operation, logarithmic", duration)


def hand_over_plots(table, looks):
    for row, title in PLACES:
        found = [(key[0], {name: figures.median() for name, figures in table[key].items() if figures.median()})
                 for key in sorted(table, key=room_order) if key[1] == row]
        found = [(room, medians) for room, medians in found if "thrum" in medians and len(medians) > 1]
        if found:
            yield dots(title, found, looks, "a round trip, logarithmic", duration)


def chosen(groups):
    """thrum, pthread, the four fastest that sleep and the two fastest that spin, by all numbers of threads."""
    counted = Counter()
    for libraries in groups.values():
        speeds = {name: mean_of(cells, "per_second") for name, cells in libraries.items()}
        best = max((speed for speed in speeds.values() if speed), default=1)
        counted.update({name: speed / best for name, speed in speeds.items() if speed})
    others = [name for name, _ in counted.most_common() if name != "pthread" and not name.startswith("thrum")]
    sleeping = [name for name in others if name not in SPINNING]
    spinning = [name for name in others if name in SPINNING]
    return ["thrum", "pthread"] + sleeping[:4] + spinning[:2]


def speed_of(cells):
    return mean_of(cells, "per_second")


def contended_series(groups, names, figure):
    """{library: [(threads, figure of its cells)]}; what was not measured in each cell is left out."""
    series = defaultdict(list)
    for threads, libraries in groups.items():
        for name in names:
            cells = libraries.get(name)
            value = figure(cells) if cells and mean_of(cells, "per_second") else None
            if value:
                series[name].append((threads, value))
    return series


def contended_beside_pthread(table, looks):
    """README's plot: throughput over pthread's in the same run, as a file of its own."""
    groups = contended_by_threads(table, "lock")
    groups = {threads: libraries for threads, libraries in groups.items()
              if mean_of(libraries.get("pthread", {}), "per_second") and mean_of(libraries.get("thrum", {}), "per_second")}
    if not groups:
        return None
    series = {name: [(threads, speed / dict(of_pthread)[threads]) for threads, speed in points]
              for of_pthread in [contended_series(groups, ["pthread"], speed_of)["pthread"]]
              for name, points in contended_series(groups, chosen(groups), speed_of).items()}
    return lines("One lock, contended by more and more threads", series, looks, "threads", "throughput, times pthread's", False,
                 number_text, True)


def contended_plots(table, looks):
    groups = contended_by_threads(table, "lock")
    names = chosen(groups)
    if "thrum" not in contended_series(groups, names, speed_of):
        return
    for title, y_name, logarithmic, show, figure in (
            ("Throughput", "million acquisitions a second", False, number_text, lambda cells: speed_of(cells) / 1e6),
            ("Fairness, the worst kind of work", "Jain's index (1: all threads alike)", False, number_text,
             lambda cells: min(cell.median("jain") for cell in cells.values())),
            ("Tail of the wait, the worst kind of work", "99.9th percentile", True, duration,
             lambda cells: 1e3 * max(cell.median("p999_us") for cell in cells.values())),
            ("The longest wait", "the longest of all", True, duration,
             lambda cells: 1e3 * max(max(cell.figures["max_us"]) for cell in cells.values())),
            ("Processor time", "processor time an acquisition", True, duration, lambda cells: mean_of(cells, "cpu_ns"))):
        yield lines(title, contended_series(groups, names, figure), looks, "threads", y_name, logarithmic, show)


def looks_of(table):
    """Libraries that have most rows get the colours that differ most."""
    counted = Counter(name for libraries in table.values() for name in libraries if not name.startswith("thrum"))
    return Looks([name for name, _ in sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))])


def sections(table):
    looks = looks_of(table)
    others = {key[0] for key in table} - set(READING + QUEUES + JOBS + ["barrier", "lock", "spinlock"])
    found = [
        ("contended", "A contended lock",
         "Geometric means over the kinds of work (sections of 0 to 5,000 ns, with and without work outside). A lock that "
         "only spins carries more with many threads, and lets some of them starve: its fairness stands beside it.",
         contended_plots(table, looks)),
        ("hand-over", "Hand-over", "One thread tells another and waits for the answer.", hand_over_plots(table, looks)),
        ("barrier", "Barrier", "A round: all parties arrive and leave.",
         growth_plots(table, looks, lambda room: room == "barrier")),
        ("reading", "Read scaling", "The same operation by more threads at once: level is perfect.",
         growth_plots(table, looks, lambda room: room in READING)),
        ("queues", "Queues", "Items handed from producers to consumers; the fastest first.",
         rows_as_dots(table, looks, QUEUES + ["cond"],
                      lambda key: key[0] != "cond" or key[1].startswith("queue"))),
        ("executor", "Executor", "Jobs that do nothing, with and without a future, and jobs of a microsecond.",
         rows_as_dots(table, looks, JOBS, lambda key: True)),
        ("growth", "Growth", "What one operation costs as its objects and threads become more.",
         growth_plots(table, looks, lambda room: room in others)),
    ]
    for name, title, says, plots in found:
        plots = list(plots)
        if plots:
            yield name, title, says, plots
