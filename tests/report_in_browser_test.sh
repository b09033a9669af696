#!/bin/bash
# SPDX-License-Identifier: MIT
#
# report_in_browser_test.sh SOURCE_DIR BUILD_DIR
#
# The page of tools/compare on a wide screen and on a narrow one: it is not scrolled sideways, and no text of a plot is cut off
# or lies on another.
set -euo pipefail
command -v chromium >/dev/null || { echo "skipped: chromium is not installed"; exit 77; }

source=$1
# shellcheck source=tests/support/ends.sh
source "$source/tests/support/ends.sh"
kept=$source/tests/support/report

python3 "$source/tools/compare_report.py" --page "$work/page/index.html" --programs "$kept/programs.json" \
    --servers "$kept/servers.json" --against "$kept/run.json" "$kept/run.json" >/dev/null || true # a row of that run was lost

# The page tells how wide it is, and what is wrong with its plots.
cat >"$work/look.js" <<'CODE'
const meets = (a, b) => a.x < b.x + b.width - 1 && b.x < a.x + a.width - 1 && a.y < b.y + b.height - 4 && b.y < a.y + a.height - 4
const wrong = []
for (const plot of document.querySelectorAll("svg.plot")) {
    const texts = [...plot.querySelectorAll("text")], boxes = texts.map(text => text.getBBox()), all = plot.viewBox.baseVal
    boxes.forEach((box, i) => {
        if (box.x < -1 || box.x + box.width > all.width + 1 || box.y + box.height > all.height + 1)
            wrong.push("cut off: " + texts[i].textContent)
        boxes.slice(i + 1).forEach((other, j) => {
            if (meets(box, other)) wrong.push(texts[i].textContent + " lies on " + texts[i + 1 + j].textContent)
        })
    })
}
parent.document.title = "LOOK " + innerWidth + " " + document.documentElement.scrollWidth + " " + wrong.join("; ") + " END"
CODE

for width in 1280 390; do
    # in a frame, for chromium's window has a least width
    python3 - "$work" "$width" <<'CODE'
import html
import sys

folder, width = sys.argv[1:]
page = open(f"{folder}/page/index.html", encoding="utf-8").read()
page = page.replace("</body>", f"<script>{open(f'{folder}/look.js', encoding='utf-8').read()}</script></body>")
with open(f"{folder}/look.html", "w", encoding="utf-8") as file:
    file.write(f'<!DOCTYPE html><meta charset="utf-8"><title>nothing</title>'
               f'<iframe style="border:0;width:{width}px;height:900px" srcdoc="{html.escape(page)}"></iframe>')
CODE
    HOME=$work timeout 90 chromium --headless --no-sandbox --disable-gpu --disable-dev-shm-usage --user-data-dir="$work/chromium" \
        --window-size=1400,1000 --dump-dom "file://$work/look.html" >"$work/dom" 2>"$work/chromium.log" || true
    look=$(tr '\n' ' ' <"$work/dom" | sed -n 's/.*<title>LOOK \(.*\) END<.*/\1/p')
    [[ -n $look ]] || fail "chromium shows nothing: $(tail -n 3 "$work/chromium.log")"
    read -r inner scrolled wrong <<<"$look"
    [[ $inner == "$width" ]] || fail "chromium is $inner wide, not $width"
    [[ $scrolled -le $inner ]] || fail "the page is $scrolled wide on a screen of $inner"
    [[ -z $wrong ]] || fail "at $width: $wrong"
done

[[ $failures -eq 0 ]]
