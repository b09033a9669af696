# SPDX-License-Identifier: MIT
"""What a program's run costs, and thrum-run --compare: runs without and with the library in front, in turns."""
import os
import resource
import statistics
import sys
import tempfile
import time

# (name, how a number is printed); in the order of the table.
FIGURES = (("wall s", "{:.3f}"), ("user s", "{:.3f}"), ("system s", "{:.3f}"), ("voluntary switches", "{:.0f}"),
           ("involuntary switches", "{:.0f}"), ("peak memory MiB", "{:.1f}"))
SIDES = ("without", "with")


class Cost:
    """One run: its exit status, its figures in the order of FIGURES, and what it wrote."""

    def __init__(self, status, figures, output):
        self.status, self.figures, self.output = status, figures, output


def figures_of(wall, usage):
    return (wall, usage.ru_utime, usage.ru_stime, usage.ru_nvcsw, usage.ru_nivcsw, usage.ru_maxrss / 1024)


def own_peak():
    """A process is counted from its fork: none has a peak below that of the process which measures it."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def run(command, environment, stdin=os.devnull):
    """Runs it to its end; its descendants that it waited for are counted with it. Both of its outputs are kept."""
    with tempfile.TemporaryFile() as output, open(stdin, "rb") as given:
        began = time.monotonic()
        pid = os.posix_spawnp(command[0], command, environment,
                              file_actions=[(os.POSIX_SPAWN_DUP2, given.fileno(), 0),
                                            (os.POSIX_SPAWN_DUP2, output.fileno(), 1),
                                            (os.POSIX_SPAWN_DUP2, output.fileno(), 2)])
        _, status, usage = os.wait4(pid, 0)
        wall = time.monotonic() - began
        output.seek(0)
        return Cost(os.waitstatus_to_exitcode(status), figures_of(wall, usage), output.read())


def in_turns(once, turns):
    """Calls once(side), each side first in every other turn, after one turn that fills the caches. {side: [Cost]}"""
    costs = {side: [] for side in SIDES}
    for turn in range(turns + 1):
        for side in SIDES if turn % 2 else reversed(SIDES):
            cost = once(side)
            if turn:
                costs[side].append(cost)
    return costs


def column(costs, figure):
    return [cost.figures[figure] for cost in costs]


def ratio(costs, figure):
    """With / without, of medians; None where there is nothing to divide by."""
    without, beside = (statistics.median(column(costs[side], figure)) for side in SIDES)
    return beside / without if without else None


def table(costs):
    """The lines of the comparison: median (least to most) of each figure and side."""
    yield f"{'':<21} {SIDES[0]:<28} {SIDES[1]:<28} ratio"
    for figure, (name, form) in enumerate(FIGURES):
        cells = []
        for side in SIDES:
            values = column(costs[side], figure)
            cells.append(" ".join((form.format(statistics.median(values)),
                                   f"({form.format(min(values))} to {form.format(max(values))})")))
        quotient = ratio(costs, figure)
        yield f"{name:<21} {cells[0]:<28} {cells[1]:<28} {'-' if quotient is None else f'{quotient:.2f}'}"


def compare(command, environment, turns):
    """thrum-run --compare. `environment` is the one with the library; returns an exit status."""
    environments = dict(zip(SIDES, (dict(os.environ), environment)))
    costs = in_turns(lambda side: run(command, environments[side]), turns)
    statuses = {side: sorted({cost.status for cost in costs[side]}) for side in SIDES}
    print(f"{' '.join(command)}: {turns} turns, median (least to most)")
    print("\n".join(table(costs)))
    peak = own_peak()
    if max(column(costs["without"], 5)) <= peak:
        print(f"peak memory: no figure is below {peak:.1f} MiB, which this tool has itself")
    if statuses["without"] != statuses["with"]:
        print(f"it exits with {statuses['without']} without and with {statuses['with']} with", file=sys.stderr)
        return 1
    failed = statuses["with"][-1] or statuses["with"][0]
    if failed:
        print(f"it exits with {failed} on both sides; its last lines:", file=sys.stderr)
        sys.stderr.write(b"\n".join(costs["with"][-1].output.splitlines()[-5:]).decode(errors="replace") + "\n")
    return failed if 0 <= failed < 128 else 1
