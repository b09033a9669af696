# SPDX-License-Identifier: MIT
"""What the pages of tools/compare and thrum-report have in common: one file of HTML that fetches nothing."""
import html

from compare_plot import STYLE

PAGE_STYLE = """
*{box-sizing:border-box}
body{margin:0 auto;max-width:1280px;padding:0 16px 48px;background:var(--ground);color:var(--ink);
 font:16px/1.5 system-ui,sans-serif;overflow-wrap:break-word}
h1{font-size:1.7rem;margin:24px 0 4px}h2{font-size:1.3rem;margin:40px 0 4px}h3{font-size:1.05rem;margin:28px 0 4px}
a{color:var(--c0)}nav a{display:inline-block;margin:0 14px 4px 0;padding:4px 0}
.summary{font-size:1.25rem;font-weight:600;margin:8px 0}.warning{border-left:4px solid var(--c1);padding-left:10px}
.plots{display:grid;grid-template-columns:repeat(auto-fill,minmax(min(100%,380px),1fr));gap:20px 28px;align-items:start}
figure{margin:0}svg.plot{display:block;width:100%;max-width:520px;height:auto}
table{border-collapse:collapse;width:100%;table-layout:fixed;font-size:.9rem;font-variant-numeric:tabular-nums}
th:first-child{width:21%}th.rivals{width:31%}th.place{width:20%}b.figure{font-weight:400;white-space:nowrap}
th,td{text-align:right;padding:5px 8px;border-bottom:1px solid var(--faint);vertical-align:top}
th:first-child,td:first-child,.rivals,.place{text-align:left}td:first-child{font-weight:600}
td.rivals{font-size:.85rem}tr:target{background:var(--faint)}
.win::after{content:" first";color:var(--c2)}.LOSS::after{content:" behind";color:var(--c1)}.even::after{content:" even"}
.lost::after{content:" lost";color:var(--c5)}
dl{display:grid;grid-template-columns:max-content 1fr;gap:2px 14px;margin:12px 0}dt{font-weight:600}dd{margin:0}dl.why{grid-template-columns:minmax(8em,18em) 1fr}
@media screen and (max-width:760px){dl.why{display:block}}
ul.rows{columns:2 22em;padding-left:1.2em;margin:6px 0}
@media screen and (max-width:760px){thead{display:none}table,tbody,tr,td{display:block;width:100%}
 tr{border-bottom:1px solid var(--faint);padding:8px 0}td,td:first-child{border:0;padding:1px 0;text-align:left;max-width:none}
 td[data-is]::before{content:attr(data-is) ": ";font-weight:400;opacity:.75}td:empty{display:none}}
@media print{body{font-size:10pt;max-width:none;padding:0}table{font-size:7.5pt}td.rivals{font-size:7pt}th,td{padding:2px 4px}nav{display:none}figure,tr{break-inside:avoid}h2,h3{break-after:avoid}
 a{color:inherit;text-decoration:none}.plots{grid-template-columns:1fr 1fr}}
"""


def escaped(value):
    return html.escape(str(value))


def cell(name, content, kind=""):
    """On a narrow screen a row is a card, in which each figure says what it is."""
    return f'<td data-is="{escaped(name)}"{f" class={kind}" if kind else ""}>{content}</td>'


# Columns of words, and their widths.
WORDS = {"the others": "rivals", "why": "rivals", "waited for in": "place", "held in": "place"}


def table_of(heads, rows):
    head = "".join(f'<th{f" class={WORDS[name]}" if name in WORDS else ""}>{escaped(name)}</th>' for name in heads)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"


def frame(title, body):
    """The page around its body."""
    return f"""<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><title>{escaped(title)}</title>
<meta name="viewport" content="width=device-width,initial-scale=1"><meta name="color-scheme" content="light dark">
<link rel="icon" href="data:,"><style>{STYLE}{PAGE_STYLE}</style></head>
<body>{body}
</body></html>
"""
