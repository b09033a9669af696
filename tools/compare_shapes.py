#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report of tools/compare-shapes, from Google Benchmark's JSON files in one folder."""
import sys
import textwrap
from collections import defaultdict

sys.dont_write_bytecode = True
from compare_rows import EVEN, SPINNING, geometric_mean, ratio, ratio_text, read, time_text  # noqa: E402

WIDTH = 100
# What the contended lock is to reach: the share of the cells at 1.0 and more, the least, at two threads beside locks
# that spin, the longest wait in ms.
SHARE, LEAST, BESIDE_SPINNING, LONGEST_MS = 0.9, 0.8, 0.9, 150


class Cell:
    """thrum beside the others, at one number of threads and in one place."""

    def __init__(self, shape, parameters, libraries):
        def speed(name):
            row = libraries.get(name)
            return 1 / row.median() if row and row.median() else None

        def best(names):
            return max(((speed(name), name) for name in names if speed(name)), default=(None, None))

        self.shape = shape
        values = dict(part.split(":", 1) for part in parameters)
        self.threads, self.on = int(values.pop("threads")), values.pop("on")
        self.title = " ".join(f"{name} {value}" for name, value in values.items())
        self.thrum = libraries["thrum"]
        others = [name for name in libraries if name != "thrum"]
        sleeping, self.sleeper = best([name for name in others if name not in SPINNING])
        spinning, self.spinner = best([name for name in others if name in SPINNING])
        ours = speed("thrum")
        self.failed = ours is None
        self.beside_sleeping = ratio(ours or 0, sleeping)
        self.beside_pthread = ratio(ours or 0, speed("pthread"))
        self.beside_spinning = ratio(ours or 0, spinning)
        nsync = libraries.get("nsync")
        self.processor = ratio(self.thrum.median("cpu_ns"), nsync.median("cpu_ns") if nsync else None)
        self.longest_ms = max(self.thrum.figures["max_us"], default=0) / 1e3
        best_row = libraries.get(self.sleeper)
        self.their_longest_ms = max(best_row.figures["max_us"], default=0) / 1e3 if best_row else 0
        self.their_jain = best_row.median("jain") if best_row else None
        self.errors = [(name, error) for name, row in libraries.items() for error in sorted(set(row.errors))]

    def where(self):
        return f"{self.shape} {self.title}".rstrip() + f", {self.threads} threads on {self.on}"

    def order(self):
        return (self.on, self.title != "", len(self.title), self.title, self.threads)

    def line(self):
        def number(value):
            return "-" if value is None else f"{value:.2f}"

        return (f"{self.on:<3} {self.threads:>2} {self.title:<16} {time_text(self.thrum.median()):>8} "
                f"{ratio_text(self.beside_sleeping):>5} {self.sleeper or '':<11} {ratio_text(self.beside_pthread):>7} "
                f"{ratio_text(self.beside_spinning):>5} {ratio_text(self.processor):>5} "
                f"{self.longest_ms:>6.1f} {self.their_longest_ms:>6.1f} "
                f"{number(self.thrum.median('jain')):>4} {number(self.their_jain):>4} "
                f"{number(self.thrum.median('gini')):>4}")


def summary(cells):
    """What is asked of all cells together, as lines."""
    ratios = [cell.beside_sleeping for cell in cells if cell.beside_sleeping is not None]
    if not ratios:
        return
    won = sum(value >= 1 for value in ratios)
    lowest = min((cell for cell in cells if cell.beside_sleeping is not None), key=lambda cell: cell.beside_sleeping)
    yield (f"  at 1.0 and more: {won} of {len(ratios)} ({won / len(ratios):.0%}, wanted {SHARE:.0%}); "
           f"at {1 - EVEN} and more: {sum(value >= 1 - EVEN for value in ratios)}; geometric mean {geometric_mean([max(value, 1e-9) for value in ratios]):.2f}")
    yield (f"  lowest: {lowest.beside_sleeping:.2f} (wanted {LEAST}): {lowest.where()}, against {lowest.sleeper}")
    behind = [cell for cell in cells if cell.beside_pthread is not None and cell.beside_pthread < 1]
    yield f"  behind pthread: {len(behind)} of {len(cells)}"
    two = [cell.beside_spinning for cell in cells if cell.threads == 2 and cell.on == "all" and cell.beside_spinning is not None]
    if two:
        yield f"  two threads on all, beside locks that spin: least {min(two):.2f} (wanted {BESIDE_SPINNING})"
    processor = [cell.processor for cell in cells if cell.processor]
    if processor:
        yield f"  processor time over nsync's: geometric mean {geometric_mean(processor):.2f}, most {max(processor):.2f}"
    waits = [cell.longest_ms for cell in cells]
    yield f"  longest wait: {max(waits):.0f} ms (wanted {LONGEST_MS})"
    fair = [(cell.thrum.median("jain"), cell.threads) for cell in cells if cell.thrum.median("jain")]
    if fair:
        yield f"  Jain's index: least {min(fair)[0]:.2f}, at {min(fair)[1]} threads"


def main():
    table, context = read(sys.argv[1])
    shapes = defaultdict(list)
    for (_, shape, parameters), libraries in table.items():
        if "thrum" in libraries:
            shapes[shape].append(Cell(shape, parameters, libraries))
    if not shapes:
        print("nothing was measured")
        return 1
    head = (f"The contended lock in shapes: {context.get('processor', '?')}, {context.get('processors', '?')} usable; "
            f"{context.get('kernel', '?')}; {context.get('date', '?')}"
            + ("; quick: coarse figures" if context.get("quick") == "yes" else ""))
    print(textwrap.fill(head, WIDTH))
    print("Ratios: thrum's throughput over the other's; above 1 is faster. cpu: processor time over nsync's.")
    print("The longest wait and Jain's index: thrum's, then those of the best that sleeps.")
    print("Not installed: " + (context.get("missing") or "none"))
    for shape, cells in shapes.items():
        print(f"\n{shape}\n{'on':<3} {'T':>2} {'':<16} {'thrum':>8} {'best that sleeps':<17} {'pthread':>7} {'spin':>5} "
              f"{'cpu':>5} {'wait, ms':>13} {'Jain':>9} {'Gini':>4}")
        for cell in sorted(cells, key=Cell.order):
            print(cell.line().rstrip())
        print("\n".join(summary(cells)))
    every = [cell for cells in shapes.values() for cell in cells]
    if len(shapes) > 1:
        print("\nall shapes")
        print("\n".join(summary(every)))
    for cell in every:
        for name, error in cell.errors:
            print(f"{cell.where()}, {name}: {error}")
    return 1 if any(cell.failed for cell in every) else 0


if __name__ == "__main__":
    sys.exit(main())
