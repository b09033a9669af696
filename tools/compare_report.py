#!/usr/bin/env python3
# SPDX-License-Identifier: MIT
"""The report of tools/compare.

    compare_report.py [--keep FILE] [--page FILE] [--programs FILE] [--servers DIR] [--against FILE] [--markdown FILE] [--rivals] RUN

RUN: a folder of Google Benchmark's JSON files, or a FILE of an earlier --keep. --page: the report as one page of HTML, and
beside it README's plot; it shows what tools/compare-programs and tools/compare-servers kept, where that is there.
--markdown: the whole table, as docs/performance.md has it.
"""
import argparse
import sys
import textwrap

sys.dont_write_bytecode = True
from compare_against import Comparison  # noqa: E402
from compare_contended import contended_rows  # noqa: E402
from compare_markdown import markdown  # noqa: E402
from compare_page import write_page  # noqa: E402
from compare_places import Summary, best_of, limit_of, rivals_of, room_order, title_of, verdict  # noqa: E402
from compare_rows import EVEN, SPINNING, ratio, ratio_text, time_text  # noqa: E402
from compare_run import BUSY, Run  # noqa: E402

WIDTH = 100
TITLE = 25  # a longer one stands on a line of its own
NOT_MEASURED = {"needs two processors", "not repeated after a hang"}


def header(run):
    context = run.context
    yield "thrum beside pthread and the others, in one run"
    yield ""
    yield f"  machine      {context.get('processor', 'unknown processor')}, {run.cpus} processors; " + (
        f"{context.get('processors', '?')} usable")
    yield f"  system       {context.get('kernel', '?')}, {context.get('libc', '?')}, {context.get('compiler', '?')}"
    yield f"  run          {context.get('date', '?')}, " + ("quick: coarse figures" if run.quick() else "full") + (
        f", medians of {run.repetitions()} interleaved repetitions")
    yield f"  noise        {run.noise():.0%}: the median spread (interquartile range) of the physical limits' repetitions"
    yield f"  others       had {run.foreign:.0%} of the processors (programs) and {run.stolen:.0%} (the host's other guests)" + (
        ": TOO MUCH for rows with several threads" if run.foreign + run.stolen > BUSY else "")
    yield f"  left out     {context.get('missing') or 'nobody'}" + (
        " (not installed)" if context.get("missing") else "")


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


def rival_lines(libraries, rivals, thrum):
    for name in sorted((name for name in rivals if libraries[name].median()), key=lambda name: libraries[name].median()):
        row = libraries[name]
        yield (f"{'':<{TITLE}} {name:<26} {time_text(row.median()):>8} {ratio_text(ratio(thrum, row.median())):>5} "
               f"{row.spread():>4.0%}")


def single_rows(table, with_rivals):
    yield "ratio: thrum's median time over the other's; below 1 is faster"
    yield ""
    yield f"{'':<{TITLE}} {'thrum':>8} {'pthread':>8} {'ratio':>5} {'best other library':^25} {'limit':>8} {'ratio':>5} {'+-':>4}"
    room = None
    for key in sorted((key for key in table if not key[1].startswith("contended")), key=room_order):
        libraries = table[key]
        if key[0] != room:
            room = key[0]
            yield ""
        title = title_of(key)
        rivals, spinning = rivals_of(room, libraries)
        ours = [name for name in libraries if name.startswith("thrum")]
        if not ours:
            yield from line(title, limit=limit_of(libraries))
        for name in sorted(ours):
            shown = title if name == "thrum" else f"{title} ({name})"
            yield from uncontended_line(shown, libraries[name], libraries, rivals)
        best, best_name = best_of(libraries, spinning)
        thrum = libraries["thrum"].median() if "thrum" in libraries else None
        if best is not None and thrum:
            yield from line("  beside spinning locks", best=best, best_name=best_name, shown=thrum,
                            mark=verdict(libraries["thrum"], libraries[best_name]))
        if with_rivals:
            yield from rival_lines(libraries, rivals + spinning + ["pthread"] * ("pthread" in libraries), thrum)


def problems(table):
    """What went wrong, as (text, whether the run has failed)."""
    for key in sorted(table, key=room_order):
        for name, row in table[key].items():
            for error in sorted(set(row.errors)):
                title = "/".join((key[0], key[1], name) + key[2])
                harmless = error in NOT_MEASURED or (error == "hang" and not name.startswith("thrum"))
                yield f"{title}: {error}", not harmless


def comparison_lines(comparison):
    yield f"against {comparison.of()}: {comparison.line()}"
    for name, found in (("worse", comparison.worse), ("better", comparison.better)):
        yield from (f"  {name:<6} {change.text()}" for change in found)


def arguments():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("run")
    parser.add_argument("--rivals", action="store_true")
    for option in ("--keep", "--page", "--programs", "--servers", "--against", "--markdown"):
        parser.add_argument(option)
    return parser.parse_args()


def print_filled(lines, indent):
    for text in lines:
        print(textwrap.fill(text, WIDTH, subsequent_indent=" " * indent, break_long_words=False, break_on_hyphens=False))


def main():
    options = arguments()
    run = Run.of(options.run)
    if not run.table:
        print("nothing was measured")
        return 1
    if options.keep:
        run.keep(options.keep)
    comparison = Comparison(Run.of(options.against), run) if options.against else None
    found = list(problems(run.table)) + [(text, True) for text in run.lost]

    print_filled(header(run), 15)
    print_filled([f"  summary      {Summary(run.table).text()}"], 15)
    print()
    for text in single_rows(run.table, options.rivals):
        print(text.rstrip())
    for room in ("lock", "spinlock"):
        for text in contended_rows(run.table, room, int(run.context.get("processors", 1))):
            print(text.rstrip())
    if found:
        print("hangs, failures and rows that were not measured:")
        print_filled((f"  {text}" for text, _ in found), 4)
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
    if run.quick():
        print("Quick runs are too short for Jain's index at 16 threads and more.")
    if comparison:
        print()
        print_filled(comparison_lines(comparison), 9)
    if options.markdown:
        with open(options.markdown, "w", encoding="utf-8") as file:
            file.write("\n".join(markdown(run)).strip() + "\n")
    if options.page:
        write_page(options.page, run, [text for text, _ in found], comparison, (options.programs, options.servers))
        print(f"\nThe page: {options.page}")
    return 1 if any(fatal for _, fatal in found) else 0


if __name__ == "__main__":
    sys.exit(main())
