#!/bin/bash
# SPDX-License-Identifier: MIT
#
# site_test.sh SOURCE_DIR
#
# The site is made; each link in it leads to a page and a heading that are there; no page needs a script; each guide of docs is
# in it. A link that leads nowhere is refused.
set -euo pipefail
for tool in cmark-gfm scdoc mandoc; do
    command -v "$tool" >/dev/null || { echo "skipped: $tool is not installed"; exit 77; }
done
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

"$1/tools/site" "$work/site"
cat >"$work/look.py" <<'CODE'
import re
import sys
from pathlib import Path

site, source = Path(sys.argv[1]), Path(sys.argv[2])
faults = []
pages = {page.name: page.read_text() for page in site.glob("*.html")}
for name, text in sorted(pages.items()):
    if "<script" in text:
        faults.append(f"{name}: has a script")
    for address in re.findall(r'(?:href|src)="([^"]*)"', text):
        if re.match(r"https?:|mailto:", address):
            continue
        target, _, part = address.partition("#")
        if target and not (site / target).exists():
            faults.append(f"{name}: {address} is missing")
        elif part and f'id="{part}"' not in pages.get(target or name, ""):
            faults.append(f"{name}: {address} has no such heading")
for guide in source.glob("docs/*.md"):
    if f"{guide.stem.lower()}.html" not in pages:
        faults.append(f"docs/{guide.name} is not in the site: name it in the menu of tools/site")
for page in source.glob("docs/man/*.scd"):
    if f"{page.name[:-4]}.html" not in pages:
        faults.append(f"docs/man/{page.name} is not in the site")
print("\n".join(faults) or f"{len(pages)} pages, and every link leads somewhere")
sys.exit(bool(faults))
CODE
python3 -IS "$work/look.py" "$work/site" "$1"

mkdir "$work/copy"
cp -r "$1/tools" "$1/docs" "$1/examples" "$1"/*.md "$work/copy/"
echo '[nowhere](nowhere.md)' >>"$work/copy/docs/start.md"
! "$work/copy/tools/site" "$work/spoiled" 2>"$work/log" || { echo "FAILED: a link to nowhere was not seen"; exit 1; }
grep -q 'docs/start.md leads to nowhere.md' "$work/log" || { cat "$work/log"; exit 1; }
sed -i 's/<a href="manual.html"/<a href="other.html"/' "$work/site/index.html"
! python3 -IS "$work/look.py" "$work/site" "$1" >"$work/log" || { echo "FAILED: a missing page was not seen"; exit 1; }
grep -q 'index.html: other.html is missing' "$work/log"
