# SPDX-License-Identifier: MIT
"""tools/compare's report as one page of HTML, which fetches nothing."""
import json
import os
import re

from compare_figures import contended_beside_pthread, looks_of, sections
from compare_places import (Summary, best_of, limit_of, places, rivals_of, room_order, title_of, verdict)
from compare_plot import dots, duration, lines
from compare_rows import EVEN, ratio, ratio_text
from compare_run import BUSY
from page_frame import cell, escaped, frame, table_of

def anchor(title):
    return "row-" + re.sub(r"[^A-Za-z0-9_]+", "-", title)


def link(title):
    return f'<a href="#{anchor(title)}">{escaped(title)}</a>'


def figure(content):
    """A figure, its unit and its ratio stay on one line."""
    return f'<b class="figure">{escaped(content)}</b>'


def time_and_ratio(ours, value, name=""):
    if not value:
        return ""
    return figure(f"{duration(value)}, ÷ {ratio_text(ratio(ours, value))}") + (f" {escaped(name)}" if name else "")


def row_of(key, name, libraries, named):
    ours = libraries[name]
    sleeping, spinning = rivals_of(key[0], libraries)
    pthread = libraries["pthread"].median() if "pthread" in libraries else None
    best, best_name = best_of(libraries, sleeping)
    _, fastest = best_of(libraries, sleeping + ["pthread"] * ("pthread" in libraries))
    mark = (verdict(ours, libraries[fastest]) if fastest else "") if ours.median() else "lost"
    others = sorted((libraries[other].median(), other) for other in sleeping + spinning
                    if libraries[other].median() and other != best_name)
    errors = [f"{escaped(other)}: {escaped(error)}" for other in sleeping + spinning + ["pthread"] * ("pthread" in libraries)
              for error in sorted(set(libraries[other].errors))]
    rivals = "; ".join([f"{escaped(other)} {time_and_ratio(ours.median(), value)}" for value, other in others] + errors)
    title = title_of(key)
    shown = escaped(title).replace("/", "/<wbr>") + (f" <small>({escaped(name)})</small>" if name != "thrum" else "")
    return (f'<tr{f" id={anchor(title)}" if named else ""}><td>{shown}</td>'
            + cell("thrum", figure(f"{duration(ours.median())} ± {ours.spread():.0%}") if ours.median() else "", mark)
            + cell("the best other", time_and_ratio(ours.median(), best, best_name))
            + cell("pthread", time_and_ratio(ours.median(), pthread))
            + cell("limit", time_and_ratio(ours.median(), limit_of(libraries)))
            + cell("the others", rivals, "rivals") + "</tr>")


def tables(table):
    rooms = {}
    for key in sorted(table, key=room_order):
        libraries = table[key]
        ours = sorted((name for name in libraries if name.startswith("thrum")), key=lambda name: (name != "thrum", name))
        for i, name in enumerate(ours):
            rooms.setdefault(key[0], []).append(row_of(key, name, libraries, i == 0))
    heads = ["row", "thrum", "the best other", "pthread", "limit", "the others"]
    for room, rows in rooms.items():
        yield f'<h3 id="room-{escaped(room)}">{escaped(room)}</h3>{table_of(heads, rows)}'


def reasons():
    """[(row names, why thrum is behind)], from the table of docs/performance.md."""
    path = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "docs", "performance.md")
    if not os.path.exists(path):
        return
    with open(path, encoding="utf-8") as file:
        for line in re.findall(r"^\| (`.*?) \| (.*) \|$", file.read().split("## Where thrum is behind")[-1].split("\n## ")[0], re.M):
            yield re.findall(r"`([^`]+)`", line[0]), line[1].replace("`", "")


def why_part(behind):
    """The reasons that belong to rows of this run."""
    said = []
    for names, why in reasons():
        rows = [name for name in names if any((place.title + "/").startswith(name + "/") for place in behind)]
        if rows:
            said.append(f"<dt>{escaped(', '.join(rows))}</dt><dd>{escaped(why)}</dd>")
    if said:
        yield f'<h2 id="why">Why it is behind there</h2><p>As docs/performance.md has it, whose hosts are A and B.</p><dl class="why">{"".join(said)}</dl>'


def summary_part(run, summary):
    yield f'<p class="summary">thrum is {escaped(summary.line())}</p>'
    if summary.behind:
        yield '<ul class="rows">' + "".join(
            f"<li>{place_link(place)} <b>{ratio_text(place.ratio)}</b> {escaped(place.rival)}"
            + (" <small>±</small>" if place.noisy else "") + "</li>" for place in summary.behind) + "</ul>"
    yield (f"<p>Counted are the {len(places(run.table))} rows in which another library does the same: by the median time of "
           f"thrum over that of the best other, pthread among them (for the lock, the best that sleeps). "
           f"Behind is more than {EVEN * 100:.0f} %; ± marks those whose quartiles overlap.</p>")


def place_link(place):
    """The contended rows of a number of threads are in the plots."""
    contended = "/contended/" in place.title
    return f'<a href="#room-{place.title.split("/")[0]}">{escaped(place.title)}</a>' if contended else link(place.title)


def circumstances(run):
    context = run.context
    facts = [
        ("processor", f"{context.get('processor', 'unknown')}, {run.cpus} of them, {context.get('processors', '?')} usable"),
        ("kernel", context.get("kernel", "?")), ("C library", context.get("libc", "?")),
        ("compiler", context.get("compiler", "?")),
        ("run", f"{context.get('date', '?')}, {'quick: coarse figures' if run.quick() else 'full'}, medians of "
                f"{run.repetitions()} interleaved repetitions"),
        ("noise", f"{run.noise():.0%}, the median spread of the physical limits' repetitions; other programs had "
                  f"{run.foreign:.0%} of the processors, other guests of the host {run.stolen:.0%}"),
        ("not installed", context.get("missing") or "nothing: all libraries took part")]
    return "<dl>" + "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(fact)}</dd>" for name, fact in facts) + "</dl>"


def against_part(comparison):
    yield f'<h2 id="against">Against an earlier run</h2><p>{escaped(comparison.of())}: {escaped(comparison.line())}.</p>'
    for name, found in (("Worse", comparison.worse), ("Better", comparison.better)):
        if found:
            yield f"<h3>{name}</h3><ul class=rows>" + "".join(f"<li>{escaped(change.text())}</li>" for change in found) + "</ul>"


def programs_part(path, looks):
    """tools/compare-programs' figures: [{program, without, with, reason}], each of wall and cpu seconds, and switches."""
    with open(path, encoding="utf-8") as file:
        programs = json.load(file)["rows"]
    yield '<h2 id="programs">Unmodified pthread programs on thrum</h2><p>Programs of the distribution, without and with libthrum-pthread.so in front.</p>'
    yield '<div class="plots"><figure>' + dots(
        "Wall time", [(entry["program"], {"pthread": entry["without"]["wall"] * 1e9, "thrum": entry["with"]["wall"] * 1e9})
                      for entry in programs], looks, "logarithmic", duration) + "</figure></div>"
    rows = []
    for entry in programs:
        cells = [cell(name, f"{entry['without'][figure]:.4g} → {entry['with'][figure]:.4g}, "
                            f"× {ratio_text(ratio(entry['with'][figure], entry['without'][figure]))}")
                 for name, figure in (("wall time, s", "wall"), ("processor time, s", "cpu"), ("switches", "switches"))]
        rows.append(f"<tr><td>{escaped(entry['program'])}</td>{''.join(cells)}"
                    + cell("why", escaped(entry.get("reason", "")), "rivals") + "</tr>")
    yield table_of(["program", "wall time, s", "processor time, s", "switches", "why"], rows)


def servers_part(path, looks):
    """tools/compare-servers' figures: {rate, rows: [{table, reads, p50, p90, p99, p99.9, longest, fastest, percentiles}]}."""
    with open(path, encoding="utf-8") as file:
        servers = json.load(file)
    yield (f'<h2 id="servers">Two servers</h2><p>A key-value server with its table in <code>thrum_map</code>, and the same under '
           f"<code>pthread_rwlock</code>: {servers['rate']:,} requests a second, latencies in microseconds.</p>")
    columns = ["p50", "p90", "p99", "p99.9", "longest", "fastest"]
    rows = ["<tr><td>{}, {} % reads</td>{}</tr>".format(
        escaped(entry["table"]), entry["reads"], "".join(cell(name, f"{entry[name]:,}") for name in columns))
            for entry in servers["rows"]]
    plots = []
    for reads in sorted({entry["reads"] for entry in servers["rows"]}, reverse=True):
        series = {entry["table"]: [(share, us * 1e3) for share, us in entry["percentiles"]]
                  for entry in servers["rows"] if entry["reads"] == reads}
        plots.append(f"<figure>{lines(f'{reads} % reads', series, looks, 'percentile of requests', 'latency', True, duration)}</figure>")
    yield f'<div class="plots">{"".join(plots)}</div>{table_of(["server"] + columns, rows)}'


def section_parts(run, summary, looks, comparison, kept_beside):
    """[(name, title for the links, parts)], in the page's order. `kept_beside`: the files of programs and of servers."""
    yield "machine", "Machine", [f'<h2 id="machine">Machine and noise</h2>{circumstances(run)}']
    if comparison:
        yield "against", "Against an earlier run", against_part(comparison)
    yield "why", "Why behind", why_part(summary.behind)
    for name, title, says, found in sections(run.table):
        figures = "".join(f"<figure>{plot}</figure>" for plot in found)
        yield name, title, [f'<h2 id="{name}">{escaped(title)}</h2><p>{escaped(says)}</p><div class="plots">{figures}</div>']
    for path, part, name, title in zip(kept_beside, (programs_part, servers_part), ("programs", "servers"),
                                       ("Programs", "Servers")):
        if path and os.path.exists(path):
            yield name, title, part(path, looks)


def problems_part(problems):
    if problems:
        yield ('<h2 id="problems">Hangs, failures and rows that were not measured</h2><ul>'
               + "".join(f"<li>{escaped(text)}</li>" for text in problems) + "</ul>")


def rows_part(run):
    yield (f"""<h2 id="rows">Every row</h2><p>Medians; ± thrum's spread (interquartile range); ÷ thrum's time over the other's:
 below 1 thrum is faster. <em>first</em>, <em>even</em>, <em>behind</em>: against the faster of pthread and the best other, by more
 than {EVEN * 100:.0f} % and with quartiles that do not overlap. A limit is what bare instructions or system calls cost.</p>""")
    yield from tables(run.table)


def page(run, problems, comparison, kept_beside):
    looks = looks_of(run.table)
    summary = Summary(run.table)
    found = [(name, title, "\n".join(parts)) for name, title, parts in [
        *section_parts(run, summary, looks, comparison, kept_beside),
        ("problems", "Problems", problems_part(problems)), ("rows", "Every row", rows_part(run))]]
    found = [section for section in found if section[2]]
    links = "".join(f'<a href="#{name}">{escaped(title)}</a>' for name, title, _ in found)
    warning = ""
    if run.foreign + run.stolen > BUSY:
        warning = '<p class="warning">Others had too much of the processors for rows with several threads.</p>'
    body = "\n".join(part for _, _, part in found)
    return frame("thrum compared", f"""<h1>thrum beside pthread and the others</h1>
{"".join(summary_part(run, summary))}{warning}<nav>{links}</nav>
{body}""")


def write_page(path, run, problems, comparison, kept_beside):
    """The page, and README's plot beside it."""
    os.makedirs(os.path.dirname(path) or ".", exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(page(run, problems, comparison, kept_beside))
    plot = contended_beside_pthread(run.table, looks_of(run.table))
    if plot:
        with open(os.path.join(os.path.dirname(path), "contended.svg"), "w", encoding="utf-8") as file:
            file.write(plot + "\n")
