# SPDX-License-Identifier: MIT
"""Two runs of tools/compare beside each other: what is worse by more than the noise, and what is better.

A figure of one run is never compared with a figure of another: machines differ, and hours on one machine. What is
compared is thrum's time over that of the others, which were measured in the same run.
"""
import math

from compare_contended import contended_by_threads
from compare_places import room_order, title_of
from compare_rows import EVEN, geometric_mean


class Measure:
    """thrum's time over the geometric mean of `others`, and the spread of that ratio."""

    def __init__(self, libraries, others, figure="ns"):
        ours = libraries["thrum"]
        self.ratio = ours.median(figure) / geometric_mean([libraries[name].median(figure) for name in others])
        theirs = sum(libraries[name].spread(figure) ** 2 for name in others) / len(others) ** 2
        self.spread = math.sqrt(ours.spread(figure) ** 2 + theirs)


class Change:
    """A row in both runs: above 1 it is worse in the new one."""

    def __init__(self, title, old, new, others):
        self.title, self.old, self.new, self.others = title, old, new, others
        self.factor = new.ratio / old.ratio
        self.noise = max(EVEN, math.hypot(old.spread, new.spread))

    def worse(self):
        return self.factor > 1 + self.noise

    def better(self):
        return 1 / self.factor > 1 + self.noise

    def beside(self):
        return self.others[0] if len(self.others) == 1 else f"{len(self.others)} libraries"

    def text(self):
        return (f"{self.title}: {self.old.ratio:.2f} -> {self.new.ratio:.2f} times the time of {self.beside()}, "
                f"noise {self.noise:.0%}")


def measured(libraries):
    return {name for name, row in libraries.items() if row.median()}


def common(old, new):
    """What both runs can be measured by: the other libraries, or else the limits."""
    both = measured(old) & measured(new)
    if "thrum" not in both:
        return []
    others = sorted(name for name in both if not name.startswith(("thrum", "limit")))
    return others or sorted(name for name in both if name.startswith("limit"))


def changes(old, new):
    """The rows that both runs have, as Change. The cells of a contended row are one."""
    for key in sorted((key for key in old.table.keys() & new.table.keys() if key[1] != "contended"), key=room_order):
        others = common(old.table[key], new.table[key])
        if others:
            yield Change(title_of(key), Measure(old.table[key], others), Measure(new.table[key], others), others)
    for room in ("lock", "spinlock"):
        olds, news = contended_by_threads(old.table, room), contended_by_threads(new.table, room)
        for threads in sorted(olds.keys() & news.keys()):
            pair = [by_cell(groups[threads]) for groups in (olds, news)]
            cells = pair[0].keys() & pair[1].keys()
            each = [Change("", Measure(pair[0][cell], others), Measure(pair[1][cell], others), others)
                    for cell in cells if (others := common(pair[0][cell], pair[1][cell]))]
            if each:
                yield together(f"{room}/contended/threads:{threads}", each)


def by_cell(libraries):
    """{cell: {library: Row}} of {library: {cell: Row}}"""
    cells = {}
    for name, rows in libraries.items():
        for cell, row in rows.items():
            cells.setdefault(cell, {})[name] = row
    return cells


def together(title, each):
    """Geometric means over the cells, whose noise is divided among them."""
    whole = each[0]
    for at in ("old", "new"):
        mean = geometric_mean([getattr(change, at).ratio for change in each])
        spread = math.sqrt(sum(getattr(change, at).spread ** 2 for change in each)) / len(each)
        getattr(whole, at).ratio, getattr(whole, at).spread = mean, spread
    return Change(title, whole.old, whole.new, min((change.others for change in each), key=len))


class Comparison:
    """`new` against `old`."""

    def __init__(self, old, new):
        self.old, self.new = old, new
        self.all = list(changes(old, new))
        self.worse = sorted((change for change in self.all if change.worse()), key=lambda change: -change.factor)
        self.better = sorted((change for change in self.all if change.better()), key=lambda change: change.factor)

    def line(self):
        return (f"worse than that run by more than the noise in {len(self.worse)} of {len(self.all)} rows, "
                f"better in {len(self.better)}")

    def of(self):
        return f"{self.old.machine()}, {self.old.context.get('date', '?')}"
