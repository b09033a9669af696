# SPDX-License-Identifier: MIT
"""The tables of tools/compare in which several threads contend for one object."""
from collections import defaultdict

from compare_rows import EVEN, SPINNING, geometric_mean, ratio, ratio_text


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


def limit_of(table, room, cells, running):
    """The throughput of the same work without a lock, by as many threads as can run at once."""
    limits = []
    for cell in cells:
        row = table[room, "contended_work", cell]["limit"] if (room, "contended_work", cell) in table else None
        if row is None or not row.median():
            return None
        limits.append(1e9 / max(row.median() / running, row.median("inside_ns")))
    return geometric_mean(limits)


def throughput_verdict(cells, libraries, rival):
    speed = mean_of(cells, "per_second") / mean_of(libraries[rival], "per_second")
    return ("win" if speed > 1 + EVEN else "LOSS" if speed < 1 - EVEN else "even") + f" against {rival}"


def contended_line(threads, name, cells, libraries, reference, limit):
    throughput = mean_of(cells, "per_second")
    if throughput is None:
        errors = sorted({error for cell in cells.values() for error in cell.errors})
        yield f"{threads:>7} {name:<12} {', '.join(errors)}"
        return
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
    yield (f"{threads:>7} {name:<12} {ratio_text(ratio(throughput, pthread[0])):>7} {ratio_text(ratio(throughput, best)):>6} "
           f"{ratio_text(worst_cell):>8} {ratio_text(ratio(throughput, limit)):>6}  {ratio_text(ratio(processor, pthread[1])):>7} "
           f"{ratio_text(ratio(processor, frugal)):>6}  {jain:>5.2f} {p999 / 1e3:>9.2f} {longest / 1e3:>9.1f}")
    if mark:
        yield f"{'':>7} {mark}"


def contended_rows(table, room, processors):
    groups = contended_by_threads(table, room)
    if not groups:
        return
    yield ""
    yield f"{room}, contended: geometric means over the work cells; worst of the cells for the last three"
    yield "throughput: above 1 is faster; processor time: below 1 is cheaper"
    yield (f"{'':>7} {'':<12} {'throughput, times':^30}  {'processor time':^14}  "
           f"{'Jain':>5} {'p99.9':>9} {'longest':>9}")
    yield (f"{'threads':>7} {'':<12} {'pthread':>7} {'best':>6} {'cell min':>8} {'limit':>6}  {'pthread':>7} {'least':>6}  "
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
            cells = libraries[name]
            limit = limit_of(table, room, cells, min(threads, processors))
            yield from contended_line(threads, name, cells, libraries, (pthread, best_name, sleeper, frugal), limit)
        yield ""
