#!/bin/bash
# SPDX-License-Identifier: MIT
#
# report_test.sh SOURCE_DIR BUILD_DIR
#
# The page and the sums of tools/compare, from a run that is kept in tests/support/report: what they say, and that the page
# fetches nothing and no link in it is broken.
set -euo pipefail

source=$1
# shellcheck source=tests/support/ends.sh
source "$source/tests/support/ends.sh"
beside=$source/tests/support/report
kept=$beside/run.json

# says TEXT...: each is in $work/out, whose lines are filled.
says() {
    local filled
    filled=$(tr -s ' \n' ' ' <"$work/out")
    for text; do
        [[ $filled == *"$text"* ]] || fail "no word of: $text"
    done
}

report=(python3 "$source/tools/compare_report.py")

# ---- the sum ----

ends 1 "${report[@]}" --page "$work/page/index.html" "$kept" # a row of the run was lost
says 'first in 26 rows, within 5 % in 1, behind in 10: counter/sum 158.77 (std), registry/enumerate/threads:1000 30.45 (std)' \
    'lock/contended/threads:4 1.47 (nsync)' 'barrier/round/parties:8 1.46 (std, within the noise)' \
    'barrier/round/boost/parties:64: hung: ended after 90 s'
[[ $(wc -L <"$work/out") -le 100 ]] || fail "the report is wider than 100 columns: $(grep -E '.{101}' "$work/out")"
grep -q 'first in 26 rows, within 5 % in 1, behind in 10:' "$work/page/index.html" || fail "the page does not begin with the sum"
! grep -q '^ *nsync .*%$' "$work/out" || fail "rivals are shown unasked"
ends 1 "${report[@]}" --rivals "$kept"
grep -q '^ *nsync .*%$' "$work/out" || fail "--rivals shows none"

# a run that is read and kept again is the same run
ends 1 "${report[@]}" --keep "$work/again.json" "$kept"
cmp "$kept" "$work/again.json" || fail "a run is kept as another"

# ---- the whole table in Markdown ----

ends 1 "${report[@]}" --markdown "$work/table.md" "$kept"
for line in '| `holder_leaves` held_us 50 | 33.7 us | 1.56 | 1.55 (nsync) | 1.80 | behind |' \
    '| `read_mostly` (compact) | 4.17 ns | 0.71 |  | 2.80 |  |' \
    '| 4 | 1.18 | 0.68 (nsync) | 0.77 (tbb) | 0.74 | 0.92, 0.79 | 8.3, 10.0 |'; do
    grep -qxF "$line" "$work/table.md" || fail "the table has no line $line"
done
awk -F'|' '/^\|/ { if (columns && NF != columns) exit 1; columns = NF; next } { columns = 0 }' "$work/table.md" ||
    fail "a line of the table has more columns than the one before it"

# ---- two runs ----

# changed FILE FACTOR OF_THRUM: all times are FACTOR times as long, thrum's uncontended lock OF_THRUM times that.
changed() {
    python3 - "$kept" "$@" <<'CODE'
import json
import sys

run = json.load(open(sys.argv[1]))
run["context"]["processor"] = "another processor"
for row in run["rows"]:
    factor = float(sys.argv[3])
    if (row["room"], row["row"], row["library"]) == ("lock", "uncontended", "thrum"):
        factor *= float(sys.argv[4])
    row["figures"]["ns"] = [ns * factor for ns in row["figures"].get("ns", [])]
json.dump(run, open(sys.argv[2], "w"))
CODE
}
changed "$work/slower.json" 2 1.6
changed "$work/faster.json" 0.5 0.6
ends 1 "${report[@]}" --against "$kept" "$kept"
says 'worse than that run by more than the noise in 0 of' 'better in 0'
ends 1 "${report[@]}" --page "$work/against.html" --against "$kept" "$work/slower.json" # another machine, half as fast
says 'against AMD EPYC (family 25, model 17), Linux 6.18 x86_64' 'by more than the noise in 1 of' 'better in 0' \
    'worse lock/uncontended:'
grep -q 'id="against"' "$work/against.html" || fail "the page does not compare"
ends 1 "${report[@]}" --against "$kept" "$work/faster.json"
says 'by more than the noise in 0 of' 'better in 1' 'better lock/uncontended:'

# ---- what is kept beside the run ----

! grep -q 'id="programs"\|id="servers"' "$work/page/index.html" || fail "the page has programs or servers that nobody measured"
ends 1 "${report[@]}" --page "$work/page/index.html" --against "$work/slower.json" --programs "$beside/programs.json" \
    --servers "$beside/servers.json" "$kept"
grep -q 'a reason &lt;of&gt; ours' "$work/page/index.html" || fail "the page does not say why a program is slower"
grep -q '2,770,000' "$work/page/index.html" || fail "the page does not show the servers"

# what tools/compare-servers prints becomes such a file
mkdir "$work/servers"
cat >"$work/servers/figures.txt" <<'TEXT'
thrum    99 % reads: p50 74, p90 167, p99 276, p99.9 610, longest 1988; at most 2770000 a second
pthread  99 % reads: p50 64, p90 90, p99 189, p99.9 362, longest 3437; at most 3190000 a second
TEXT
for table in thrum pthread; do
    for share in 0 49.9 75 89 90.1 99 99.9 99.95; do echo "$share $((${share%.*} * 2)).5"; done >"$work/servers/$table-99.txt"
done
ends 0 python3 "$source/tools/compare_servers.py" "$work/servers" 600000
ends 1 "${report[@]}" --page "$work/servers.html" --servers "$work/servers/servers.json" "$kept"
grep -q '600,000 requests a second' "$work/servers.html" && grep -q '3,190,000' "$work/servers.html" ||
    fail "the servers' figures are not shown"
grep -q 'pthread, 99.9: 198 µs' "$work/servers.html" || fail "the servers' percentiles are not shown"

# ---- the page itself ----

python3 - "$work/page" <<'CODE' || fail "the page is broken"
import re
import sys
import xml.etree.ElementTree
from html.parser import HTMLParser

text = open(sys.argv[1] + "/index.html", encoding="utf-8").read()
plots = re.findall(r"<svg.*?</svg>", text, re.S)
plots.append(open(sys.argv[1] + "/contended.svg", encoding="utf-8").read())
wrong = []


class Page(HTMLParser):
    void = {"meta", "link", "br", "wbr"}

    def __init__(self):
        super().__init__()
        self.ids, self.links, self.open = [], [], []

    def handle_starttag(self, tag, attributes):
        if tag not in self.void:
            self.open.append(tag)
        for name, value in attributes:
            if name == "id":
                self.ids.append(value)
            elif name in ("href", "src", "srcset", "action", "data", "poster", "xlink:href"):
                self.links.append(value)

    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag:
            wrong.append(f"</{tag}> closes something else")


page = Page()
page.feed(text)
wrong += [f"never closed: {tag}" for tag in page.open]
wrong += [f"twice: #{name}" for name in set(page.ids) if page.ids.count(name) > 1]
wrong += [f"broken link: {link}" for link in page.links if link != "data:," and link.removeprefix("#") not in page.ids]
wrong += [f"fetches: {found}" for found in re.findall(r"@import|url\(|<script|<iframe|https?://(?!www.w3.org/2000/svg)", text)]
for name in ("contended", "hand-over", "barrier", "reading", "queues", "executor", "growth", "programs", "servers", "machine",
             "why", "rows", "problems", "against", "row-lock-uncontended"):
    if name not in page.ids:
        wrong.append(f"no section {name}")
for plot in plots:
    title = xml.etree.ElementTree.fromstring(plot).find("{*}title").text
    if "nan" in plot or "inf" in plot:
        wrong.append(f"{title}: a place that is no number")
if len(plots) < 15:
    wrong.append(f"{len(plots)} plots")
print("\n".join(wrong), end="")
sys.exit(bool(wrong))
CODE

# ---- the command ----

mkdir "$work/copy"
cp -r "$source/tools" "$source/docs" "$work/copy/"
ends 2 "$work/copy/tools/compare" --last
says "no run is kept"
ends 2 "$work/copy/tools/compare" --against "$work/none-such"
says "no such file: $work/none-such"
ends 2 "$work/copy/tools/compare" --row lock
ends 2 "$work/copy/tools/compare" --row none-such/row
says "no such room: none-such"
mkdir -p "$work/copy/build/report/kept"
cp "$kept" "$work/copy/build/report/kept/2026-01-01T00-00-00.json"
ends 1 "$work/copy/tools/compare" --last --against "$work/slower.json"
says 'first in 26 rows' 'better lock/uncontended' 'The page: build/report/index.html'
[[ -s $work/copy/build/report/index.html && -s $work/copy/build/report/contended.svg ]] || fail "--last makes no page"

[[ $failures -eq 0 ]]
