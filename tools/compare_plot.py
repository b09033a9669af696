# SPDX-License-Identifier: MIT
"""Plots of tools/compare's page, as SVG: lines against a growing number, and dots of one row beside each other."""
import html
import math

WIDTH = 420
LINE = 15  # between two labels
DASHES = ["", "6 3", "2 3", "8 3 2 3"]
COLOURS = 7
# Light, then dark: each has a contrast of 4.5 and more against its ground.
PALETTE = [("#0b57a4", "#7cbcff"), ("#b2430f", "#ff9f70"), ("#1a7354", "#63d6aa"), ("#84409c", "#d9a6f5"),
           ("#736200", "#d8c850"), ("#ad2a5c", "#ff94b6"), ("#4f4f4f", "#c2c2c2")]
INK, GROUND, FAINT = ("#1b1f24", "#e8eaed"), ("#ffffff", "#15181c"), ("#d4d8dd", "#3a4048")


def colours(which):
    """The colours of light (0) or dark (1) as properties of CSS."""
    named = {"ink": INK, "ground": GROUND, "faint": FAINT, **{f"c{i}": both for i, both in enumerate(PALETTE)}}
    return "".join(f"--{name}:{both[which]};" for name, both in named.items())


STYLE = (
    f":root{{{colours(0)}}}"
    f"@media screen and (prefers-color-scheme:dark){{:root{{{colours(1)}}}}}"
    "svg.plot text{font:13px system-ui,sans-serif;fill:var(--ink)}"
    "svg.plot .title{font-weight:600}svg.plot .axis,svg.plot .value{font-size:11.5px}"
    "svg.plot .ours{font-weight:700}"
    "svg.plot .grid{stroke:var(--faint);stroke-width:1}svg.plot path{fill:none;stroke-width:1.8}svg.plot path.thick{stroke-width:3.2}"
    "svg.plot .hollow{fill:var(--ground);stroke-width:1.6}svg.plot .lead{stroke:var(--ink);stroke-width:.6;opacity:.5}"
    + "".join(f"svg.plot .k{i}{{stroke:var(--c{i})}}svg.plot .f{i}{{fill:var(--c{i});stroke:var(--ground);stroke-width:.8}}"
              for i in range(COLOURS)))


class Looks:
    """What a library looks like in every plot: thrum and pthread have looks of their own."""

    def __init__(self, names):
        others = [name for name in names if not name.startswith("thrum") and name != "pthread"]
        self.index = {"thrum": 0, "pthread": 1}
        self.dash = {}
        for i, name in enumerate(others):
            self.index[name] = 2 + i % (COLOURS - 2)
            self.dash[name] = DASHES[(1 + i // (COLOURS - 2)) % len(DASHES)]

    def of(self, name):
        """The number of its colour, and its dashes."""
        if name.startswith("thrum"):
            return 0, "" if name == "thrum" else "3 3"
        return self.index.get(name, COLOURS - 1), self.dash.get(name, DASHES[1])


def number_text(value):
    if value == 0:
        return "0"
    if abs(value) >= 1e6:
        return f"{value / 1e6:.3g} M"
    if abs(value) >= 1e4:
        return f"{value / 1e3:.3g} k"
    return f"{value:.4g}"


def duration(ns):
    """A time as short as a label must be."""
    for unit, size in (("s", 1e9), ("ms", 1e6), ("µs", 1e3)):
        if ns >= size * .9995:
            return f"{ns / size:.3g} {unit}" if ns < 999.5 * size else f"{ns / size:.0f} {unit}"
    return f"{ns:.3g} ns" if ns >= .9995 else f"{ns:.2f} ns"


def ticks_log(low, high):
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    steps = (1,) if len(decades) > 4 else (1, 3) if len(decades) > 3 else (1, 2, 5)
    found = [step * 10.0 ** decade for decade in decades for step in steps]
    return [value for value in found if low * .999 <= value <= high * 1.001]


def ticks_linear(high):
    rough = high / 4
    size = 10 ** math.floor(math.log10(rough))
    step = next(factor * size for factor in (1, 2, 2.5, 5, 10) if factor * size >= rough * .999)
    return [i * step for i in range(int(high / step + .001) + 1)]


class Scale:
    """From values to places: logarithmic, or linear from zero."""

    def __init__(self, values, logarithmic, start, end, room=1.0):
        self.log = logarithmic
        low, high = min(values), max(values)
        if logarithmic:
            self.low, self.high = low / (1.15 * room), high * 1.15 * room
            self.ticks = ticks_log(self.low, self.high)
        else:
            self.low, self.high = 0, (high or 1) * 1.06
            self.ticks = ticks_linear(self.high)
        self.start, self.end = start, end

    def __call__(self, value):
        if self.log:
            share = math.log(value / self.low) / math.log(self.high / self.low)
        else:
            share = (value - self.low) / (self.high - self.low)
        return self.start + share * (self.end - self.start)


def text(x, y, content, kind="", anchor="start"):
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" class="{kind}">{html.escape(content)}</text>'


def line(x1, y1, x2, y2, kind):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" class="{kind}"/>'


def mark(x, y, colour, hint, ours=False, hollow=False):
    """thrum's marks are discs, the others' squares."""
    shape = (f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4.6"' if ours
             else f'<rect x="{x - 3.6:.1f}" y="{y - 3.6:.1f}" width="7.2" height="7.2"')
    kind = f"k{colour} hollow" if hollow else f"f{colour}"
    return f'{shape} class="{kind}"><title>{html.escape(hint)}</title></{shape[1:shape.index(" ")]}>'


def apart(places, low, high):
    """The places moved so that labels at them do not meet."""
    order = sorted(range(len(places)), key=lambda i: places[i])
    moved = list(places)
    for before, i in zip([None] + order, order):
        moved[i] = max(places[i], low if before is None else moved[before] + LINE)
    ceiling = high
    for i in reversed(order):
        moved[i] = min(moved[i], ceiling)
        ceiling = moved[i] - LINE
    return moved


def drawing(title, height, parts, alone=False):
    style = f"<style>{STYLE}</style><rect width='100%' height='100%' style='fill:var(--ground)'/>" if alone else ""
    size = f'width="{WIDTH * 1.6:.0f}" height="{height * 1.6:.0f}" ' if alone else ""
    return (f'<svg xmlns="http://www.w3.org/2000/svg" class="plot" role="img" {size}viewBox="0 0 {WIDTH} {height:.0f}">'
            f"<title>{html.escape(title)}</title>{style}{''.join(parts)}</svg>")


def lines(title, series, looks, x_name, y_name, logarithmic=False, show=number_text, alone=False, beside=None):
    """`series`: {library: [(x, y)]}; the x values stand at even distances, each with its number. `beside`: points that are
    shown as hollow marks, without a line."""
    beside = beside or {}
    series = {name: sorted(points) for name, points in series.items() if points}
    every = [point for points in [*series.values(), *beside.values()] for point in points]
    xs = sorted({x for x, _ in every})
    longest = max(len(name) for name in series)
    left, right, top, bottom = 54, WIDTH - 14 - 7.8 * longest, 44, 262
    y_scale = Scale([y for _, y in every], logarithmic, bottom, top)
    x_of = {x: left + 10 + (right - left - 20) * (i / (len(xs) - 1) if len(xs) > 1 else .5) for i, x in enumerate(xs)}
    parts = [text(4, 15, title, "title"), text(4, 33, y_name, "axis")]
    for value in y_scale.ticks:
        y = y_scale(value)
        parts += [line(left, y, right, y, "grid"), text(left - 5, y + 4, show(value), "axis", "end")]
    parts += [text(x_of[x], bottom + 17, number_text(x), "axis", "middle") for x in xs]
    parts.append(text((left + right) / 2, bottom + 34, x_name, "axis", "middle"))
    # thrum's line lies above the others
    names = sorted(series, key=lambda name: (name.startswith("thrum"), name == "thrum"))
    ends = [y_scale(series[name][-1][1]) for name in names]
    for name, end, label in zip(names, ends, apart(ends, top + 2, bottom)):
        colour, dash = looks.of(name)
        ours = name.startswith("thrum")
        places = [(x_of[x], y_scale(y)) for x, y in series[name]]
        path = "M" + "L".join(f"{x:.1f} {y:.1f}" for x, y in places)
        parts.append(f'<path d="{path}" class="k{colour}{" thick" if name == "thrum" else ""}"'
                     + (f' stroke-dasharray="{dash}"' if dash else "") + "/>")
        parts += [mark(x, y, colour, f"{name}, {number_text(at)}: {show(value)}", ours)
                  for (x, y), (at, value) in zip(places, series[name])]
        if abs(label - end) > 2 or places[-1][0] < x_of[xs[-1]]:
            parts.append(line(places[-1][0] + 5, end, right + 6, label, "lead"))
        parts.append(text(right + 8, label + 4, name, "ours" if ours else ""))
    for name, points in beside.items():
        parts += [mark(x_of[x], y_scale(y), looks.of(name)[0], f"{name}, {number_text(x)}: {show(y)}", name.startswith("thrum"), True)
                  for x, y in points]
    return drawing(title, bottom + 42, parts, alone)


def dots(title, groups, looks, x_name, show, alone=False):
    """`groups`: [(row, {library: value})]; under each row a line for each library, the fastest first; a logarithmic axis."""
    values = [value for _, libraries in groups for value in libraries.values()]
    left = 18 + 8.2 * max(len(name) for _, libraries in groups for name in libraries)
    scale = Scale(values, True, left, WIDTH - 76, 1.1)
    height = 34 + sum(20 + LINE * len(libraries) + 6 for _, libraries in groups)
    parts = [text(4, 15, title, "title")]
    parts += [line(scale(value), 26, scale(value), height, "grid") for value in scale.ticks]
    y = 40
    for row, libraries in groups:
        parts.append(text(4, y, row, "axis"))
        y += 6
        for name, value in sorted(libraries.items(), key=lambda pair: pair[1]):
            y += LINE
            colour, _ = looks.of(name)
            ours = name.startswith("thrum")
            parts += [text(12, y, name, "ours" if ours else ""), line(left, y - 4, scale(value), y - 4, f"k{colour}"),
                      mark(scale(value), y - 4, colour, f"{name}: {show(value)}", ours),
                      text(scale(value) + 9, y, show(value), "value")]
        y += 20
    shown = [value for i, value in enumerate(scale.ticks) if i % max(1, len(scale.ticks) // 4) == 0]
    parts += [text(scale(value), height + 14, show(value), "axis", "middle") for value in shown]
    parts.append(text((left + WIDTH - 76) / 2, height + 31, x_name, "axis", "middle"))
    return drawing(title, height + 40, parts, alone)
