# SPDX-License-Identifier: MIT
"""The table of a run of tools/compare as Markdown: what docs/performance.md shows whole."""
from compare_contended import contended_by_threads, mean_of
from compare_places import best_of, limit_of, rivals_of, room_order, verdict
from compare_rows import SPINNING, ratio, ratio_text, time_text


def row_title(key, name):
    _, row, parameters = key
    return " ".join(("`" + row + "`",) + tuple(part.replace(":", " ") for part in parameters) + (
        () if name == "thrum" else (f"({name.removeprefix('thrum_')})",)))


def row_line(key, name, libraries):
    ours = libraries[name]
    sleeping, _ = rivals_of(key[0], libraries)
    best, best_name = best_of(libraries, sleeping)
    pthread = libraries["pthread"].median() if "pthread" in libraries else None
    limit = limit_of(libraries)
    fastest = best_of(libraries, sleeping + ["pthread"] * (pthread is not None))[1]
    behind = name == "thrum" and verdict(ours, libraries[fastest] if fastest else None) == "LOSS"

    def times(value):
        return "" if value is None else ratio_text(ratio(ours.median(), value))
    rival = f"{times(best)} ({best_name})" if best else ""
    cells = (row_title(key, name), time_text(ours.median()), times(pthread), rival, times(limit), "behind" if behind else "")
    return f"| {' | '.join(cells)} |"


def single_tables(table):
    room = None
    for key in sorted((key for key in table if not key[1].startswith("contended")), key=room_order):
        names = sorted(name for name, row in table[key].items() if name.startswith("thrum") and row.median())
        for name in names:
            if key[0] != room:
                room = key[0]
                yield from ("", f"**{room}**", "", "| row | thrum | ÷ pthread | ÷ best other | ÷ limit | |", "|---|---|---|---|---|---|")
            yield row_line(key, name, table[key])


def best_speed(libraries, names):
    speeds = {name: mean_of(libraries[name], "per_second") for name in names}
    speeds = {name: speed for name, speed in speeds.items() if speed}
    best = max(speeds, key=speeds.get, default=None)
    return speeds.get(best), best


def contended_line(threads, libraries):
    ours = libraries["thrum"]
    speed = mean_of(ours, "per_second")
    others = [name for name in libraries if not name.startswith("thrum")]
    sleeping = best_speed(libraries, [name for name in others if name not in SPINNING])
    spinning = best_speed(libraries, [name for name in others if name in SPINNING])
    pthread = libraries.get("pthread", {})

    def over(best):
        return f"{ratio_text(ratio(speed, best[0]))} ({best[1]})" if best[0] else ""

    def worst(cells, figure, choose):
        return choose(choose(row.figures[figure]) for row in cells.values()) if cells else None
    cells = (str(threads), ratio_text(ratio(speed, mean_of(pthread, "per_second"))) if pthread else "", over(sleeping),
             over(spinning), ratio_text(ratio(mean_of(ours, "cpu_ns"), mean_of(pthread, "cpu_ns"))) if pthread else "",
             ", ".join(f"{min(row.median('jain') for row in found.values()):.2f}" for found in (ours, pthread) if found),
             ", ".join(f"{worst(found, 'max_us', max) / 1e3:.1f}" for found in (ours, pthread) if found))
    return f"| {' | '.join(cells)} |"


def contended_table(table, room):
    groups = {threads: libraries for threads, libraries in sorted(contended_by_threads(table, room).items())
              if mean_of(libraries.get("thrum", {}), "per_second")}
    if not groups:
        return
    yield from ("", f"**{room}, contended.** Geometric means over the kinds of work; throughput, above 1 is faster; processor time, "
                "below 1 is cheaper. Jain's index and the longest wait are the worst of all kinds: thrum, pthread.", "",
                "| threads | ÷ pthread | ÷ best that sleeps | ÷ best that spins | processor time ÷ pthread | Jain | longest wait, ms |",
                "|---|---|---|---|---|---|---|")
    for threads, libraries in groups.items():
        yield contended_line(threads, libraries)


def markdown(run):
    """The lines of the whole table; a row is behind when the faster of pthread and the best other library is faster by more than
    the noise."""
    yield from single_tables(run.table)
    for room in ("lock", "spinlock"):
        yield from contended_table(run.table, room)
