# SPDX-License-Identifier: MIT
"""thrum-report's page: a flame graph of what was waited for, how long the waits were, and the table."""
import html

from compare_plot import LINE, WIDTH, drawing, duration, line, number_text, text, ticks_linear
from page_frame import cell, escaped, frame, table_of

WIDE = 1000  # of the flame graph
STEP = 22    # its height of a frame
LETTER = 6.6
STYLE = """
svg.flame{display:block;width:100%;height:auto}svg.flame text{font:12px system-ui,sans-serif;fill:#1b1f24}
svg.flame rect{stroke:var(--ground);stroke-width:1}figure,table{margin:16px 0}
"""
# Light enough for dark words, in both schemes: the object, its holders, its waiters.
SHADES = {"object": ("#c9d6e6", "#b9cbe0"), "held": ("#f3c3a3", "#eeb48d"), "waited": ("#cfe6d3", "#bedcc4")}


class Node:
    def __init__(self):
        self.ns, self.waits, self.above = 0, 0, {}


def tree_of(stacks):
    root = Node()
    for names, wait in stacks:
        node, shade = root, "object"
        for name in [None, *names]:
            if name is not None:
                shade = "held" if name.startswith("held in ") else "waited" if name.startswith("waited for in ") else shade
                node = node.above.setdefault((shade, name), Node())
            node.ns += wait.waited_ns
            node.waits += wait.waits
    return root


def depth_of(node):
    return 1 + max(map(depth_of, node.above.values()), default=0)


def boxes(node, left, width, level, height, total):
    """Each frame above `node`, the widest first; what is narrower than half a unit is left out."""
    for i, ((shade, name), child) in enumerate(sorted(node.above.items(), key=lambda item: (-item[1].ns, item[0]))):
        wide = width * child.ns / max(node.ns, 1)
        if wide >= .5:
            y = height - (level + 1) * STEP
            hint = f"{name}: {duration(child.ns)}, {child.ns / max(total, 1):.0%}, {number_text(child.waits)} waits"
            letters = int((wide - 8) / LETTER)
            shown = name if len(name) <= letters else name[:letters - 1] + "…" if letters > 3 else ""
            yield (f'<g><title>{html.escape(hint)}</title><rect x="{left:.1f}" y="{y}" width="{wide:.1f}" height="{STEP}" '
                   f'fill="{SHADES[shade][i % 2]}"/><text x="{left + 4:.1f}" y="{y + 15}">{html.escape(shown)}</text></g>')
            yield from boxes(child, left, wide, level + 1, height, total)
        left += wide


def flame(stacks):
    root = tree_of(stacks)
    height = (depth_of(root) - 1) * STEP
    return (f'<svg xmlns="http://www.w3.org/2000/svg" class="flame" role="img" viewBox="0 0 {WIDE} {height}">'
            f"<title>What was waited for</title>{''.join(boxes(root, 0, WIDE, 0, height, root.ns))}</svg>")


def lengths(stacks):
    """How many waits were how long."""
    counts = {}
    for _, wait in stacks:
        for span, waits in wait.spans:
            counts[span] = counts.get(span, 0) + waits
    spans = list(range(min(counts), max(counts) + 1))
    left, right, top, bottom = 54, WIDTH - 8, 44, 200
    most = max(counts.values())
    ticks = ticks_linear(most) if most > 3 else list(range(most + 1))
    high = max(most, ticks[-1]) * 1.04
    parts = [text(4, 15, "How long the waits were", "title"), text(4, 33, "waits", "axis")]
    for value in ticks:
        y = bottom - (bottom - top) * value / high
        parts += [line(left, y, right, y, "grid"), text(left - 5, y + 4, number_text(value), "axis", "end")]
    wide = min((right - left) / len(spans), 40)
    every = -(-len(spans) * 72 // int(max(wide * len(spans), 1)))  # a label has 72 units
    for i, span in enumerate(spans):
        waits = counts.get(span, 0)
        high_of = (bottom - top) * waits / high
        hint = f"shorter than {duration(1024 << span)}: {number_text(waits)}"
        parts.append(f'<rect x="{left + i * wide + 1:.1f}" y="{bottom - high_of:.1f}" width="{wide - 2:.1f}" '
                     f'height="{high_of:.1f}" class="f0"><title>{html.escape(hint)}</title></rect>')
        if i % every == 0:
            parts.append(text(left + (i + .5) * wide, bottom + LINE, f"< {duration(1024 << span)}", "axis", "middle"))
    return drawing("How long the waits were", bottom + 24, parts)


def figures(total, part):
    shown = {"waited": duration(total.waited_ns), "share": f"{total.waited_ns / max(part.waited_ns(), 1):.0%}",
             "waits": f"{total.waits:,}", "longest": duration(total.worst_ns)}
    return "".join(cell(name, f'<b class="figure">{figure}</b>') for name, figure in shown.items())


def part_of(part, most):
    columns = ["waited", "share", "waits", "longest"]
    yield f"<h2>{escaped(part.summary())}</h2>"
    if part.waited_ns():
        yield ("<p>As wide as it was waited for: the object; above it where it was held, if somebody held it; above that where "
               f"it was waited for.</p>{flame(part.stacks)}")
    yield f'<div class="plots"><figure>{lengths(part.stacks)}</figure></div>'
    if part.holders:
        yield table_of(["held in", *columns], [f"<tr><td>{escaped(place)}</td>{figures(total, part)}</tr>"
                                               for place, total in part.holders[:most]])
    names = ["waited for in"] + ["held in"] * bool(part.holders)
    yield table_of(["object", *names, *columns], [
        f"<tr><td>{escaped(name)}</td>" + "".join(cell(title, escaped(place), "place") for title, place
                                                  in zip(names, (waited, held))) + figures(total, part) + "</tr>"
        for (name, held, waited), total in part.rows[:most]])


def page(processes, most):
    """`processes`: [(summary, parts)]"""
    found = []
    for summary, parts in processes:
        found.append(f'<p class="summary">{escaped(summary)}</p>')
        found += [text for part in parts for text in part_of(part, most)]
    return frame("thrum: where threads wait", f"<style>{STYLE}</style><h1>Where threads wait</h1>" + "\n".join(found))
