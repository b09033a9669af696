# SPDX-License-Identifier: MIT
"""What the tables of tools/compare are made of: the measured rows, and figures as text."""
import glob
import json
import math
import os
import re
import statistics
from collections import defaultdict

# These never sleep: in the room `lock` they are another class, and stand on a line of their own.
SPINNING = {"spin", "tbb", "ck", "libomp"}
# What differs by less than this is even.
EVEN = 0.05


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
            return f"{ns / size:.1f} {unit}" if ns < size * 1000 else f"{ns / size:.0f} {unit}"
    return f"{ns:.2f} ns" if ns < 100 else f"{ns:.0f} ns"


def ratio_text(value):
    return "-" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def ratio(a, b):
    return a / b if a is not None and b else None


def geometric_mean(values):
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None
