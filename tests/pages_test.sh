#!/bin/bash
# SPDX-License-Identifier: MIT
#
# pages_test.sh SOURCE_DIR BUILD_DIR
#
# The manual pages say what the headers say. Each page renders, and mandoc warns of nothing in it; each public name of a header stands
# in its room's page, each prototype word for word; a page names nothing that no header has, and
# refers to no page of ours that is missing; each example compiles, runs and ends well. A name that
# ends in an underscore is internal; {a,b} in a page stands for alternatives. A result that a header's comments name
# stands in its page, too, and a header's comments name nothing that no header has. The guides in docs
# name nothing that no header has, and no example that is missing; their blocks of C and C++ compile, and those of README.md.
set -euo pipefail

command -v scdoc >/dev/null || { echo "skipped: scdoc is not installed"; exit 77; }

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

cat >"$work/pages.py" <<'CODE'
import itertools
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

CC = os.environ.get("CC", "cc")
SECTIONS = ["NAME", "SYNOPSIS", "DESCRIPTION", "RETURN VALUE", "MEMORY ORDER", "SIGNAL HANDLERS", "EXAMPLE", "SEE ALSO"]
GUIDES = ("python.md", "from-pthread.md", "from-cxx.md", "ordering.md", "containers.md", "choosing.md", "objects.md",
          "start.md", "process.md", "story.md", "porting.md")
# How a block is compiled, by what its fence says.
KINDS = {"c": ("c", "c11", ["thrum.h"]), "c pthread": ("c", "c11", ["pthread.h"]),
         "cpp": ("c++", "c++17", ["thrum.hpp", "cstdio", "stdexcept"])}
WIDTH = 69  # of a literal line, which a terminal of 80 columns shows indented by 11


def tidy(text):
    """One spelling for one declaration, however its lines are broken."""
    return re.sub(r"\s*([(),*;])\s*", r"\1", re.sub(r"\s+", " ", text)).strip()


class Header:
    def __init__(self, path, root):
        raw = re.sub(r"/\*.*?\*/", "", path.read_text(), flags=re.S).replace("\\\n", " ")
        command = [CC, "-std=c11", "-E", f"-I{root / 'include'}", str(path)]
        output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
        own, mine = [], False
        for line in output.splitlines():
            marker = re.match(r'# \d+ "([^"]*)"', line)
            if marker:
                mine = marker[1] == str(path)
            elif mine:
                own.append(line)
        self.mentioned = mentioned(path)
        self.lines = set(re.findall(r"^#define .*\S", raw, flags=re.M))
        own = re.sub(r"__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)", " ", "\n".join(own))
        self.constants = {name for body in re.findall(r"\benum\b[^{;]*\{([^}]*)\}", own)
                          for name in re.findall(r"(\w+)\s*(?:=[^,]*)?(?:,|$)", body.strip())}
        while "{" in own:  # bodies, innermost first, end a declaration
            own = re.sub(r"\{[^{}]*\}", ";", own)
        own = own.replace("_Bool", "bool")
        self.constants |= set(re.findall(r"\bstatic const \w+ (\w+)\s*=", own))
        self.types = set(re.findall(r"\btypedef\b[^;]*;?\s*(\w+)\s*;", own))
        self.prototypes = {}
        for part in own.split(";"):
            found = re.match(r"\s*(?:static|inline|extern|\s)*(\w[\w\s*]*?\b(\w+)\s*\((?:[^()]|\([^()]*\))*\))\s*$", part)
            if found:
                self.prototypes[found[2]] = tidy(found[1])
        guard = "THRUM_" + path.stem.upper() + "_H"
        self.macros = {name: tidy(name + arguments) for name, arguments in
                       re.findall(r"^\s*#\s*define\s+(THRUM_\w+|thrum_\w+(?=\())(\([^)]*\))?", raw, flags=re.M) if name != guard}
        for names in (self.constants, self.types):
            names -= {name for name in names if internal(name)}
        for table in (self.prototypes, self.macros):
            for name in [name for name in table if internal(name)]:
                del table[name]

    def names(self):
        return self.constants | self.types | set(self.prototypes) | set(self.macros)


def mentioned(path):
    """What the comments of a header name."""
    comments = re.findall(r"/\*.*?\*/|//[^\n]*", path.read_text(), flags=re.S)
    return {name for name in re.findall(r"\bTHRUM_[A-Z0-9_]*[A-Z0-9]\b", " ".join(comments))}


def code_of(path):
    return re.sub(r"/\*.*?\*/|//[^\n]*", " ", path.read_text(), flags=re.S)


def internal(name):
    """thrum_guard_...: the parts of which THRUM_WITH is made."""
    return name.endswith("_") or name.startswith("thrum_guard_") or not name.lower().startswith("thrum")


def expanded(text):
    """The text with each statement or word that has {a,b} written out once for each choice."""
    def write_out(match):
        parts = re.split(r"\{([\w\s,]+)\}", match[0])
        choices = [re.sub(r"\s", "", part).split(",") if i % 2 else [part] for i, part in enumerate(parts)]
        return "\n".join("".join(choice) for choice in itertools.product(*choices))
    text = re.sub(r"^\w[^;`]*\w_\{[\w\s,]+\}[^;`]*;", write_out, text, flags=re.M)
    return re.sub(r"\w+\{[\w,]+\}\w*", write_out, text)


def block_faults(root, path):
    """Each block of C and C++ compiles as it stands, behind the headers of its kind."""
    for kind, block in re.findall(r"^```(c|c pthread|cpp)\n(.*?)^```$", path.read_text(), flags=re.M | re.S):
        language, standard, headers = KINDS[kind]
        prelude = "".join(f"#include <{header}>\n" for header in headers)
        command = [CC, f"-std={standard}", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-pedantic", "-Werror",
                   f"-I{root / 'include'}", "-fsyntax-only", "-x", language, "-"]
        done = subprocess.run(command, input=prelude + block, capture_output=True, text=True)
        if done.returncode:
            yield f"a block does not compile\n{done.stderr}"


def example_faults(name, source, root, objects, work):
    program = work / name
    (work / f"{name}.c").write_text(source)
    flags = ["-std=c11", "-Wall", "-Wextra", "-pedantic", "-Werror", f"-I{root / 'include'}"]
    built = subprocess.run([CC, *flags, "-o", program, work / f"{name}.c", *objects,
                            "-lurcu-bp", "-lurcu-common", "-pthread"],
                           capture_output=True, text=True)
    if built.returncode:
        yield f"{name}: the example does not compile\n{built.stderr}"
    else:
        done = subprocess.run([program], capture_output=True, text=True, timeout=120)
        if done.returncode:
            yield f"{name}: the example ends with {done.returncode}\n{done.stdout}{done.stderr}"


def page_faults(path, header, known, results, pages):
    source = path.read_text()
    rendered = subprocess.run(["scdoc"], input=source, capture_output=True, text=True)
    if rendered.returncode:
        yield f"scdoc: {rendered.stderr.strip()}"
    elif shutil.which("mandoc"):
        lint = subprocess.run(["mandoc", "-Tlint", "-Wwarning"], input=rendered.stdout, capture_output=True, text=True)
        yield from (f"mandoc: {line}" for line in lint.stdout.splitlines()
                    if "skipping paragraph macro" not in line) # what scdoc writes behind each heading
    lines = source.splitlines()
    if not re.match(re.escape(path.name.split(".")[0]) + r"\([137]\) ", lines[0]):
        yield "the first line does not name the page"
    if header and re.findall(r"^# (.*)$", source, flags=re.M) != SECTIONS:
        yield f"the sections are not {', '.join(SECTIONS)}"
    for block in re.findall(r"^```\n(.*?)^```$", source, flags=re.M | re.S):
        yield from (f"too wide: {line}" for line in block.splitlines() if len(line) > WIDTH)

    text = expanded(source)
    words = set(re.findall(r"\b(?:thrum|THRUM)_\w*\w\b", text))
    yield from (f"names {word}, which no header has" for word in sorted(words - known))
    references = re.findall(r"\*(thrum[\w-]*)\*\((\d)\)", text)
    yield from (f"refers to {name}({n}), which is missing" for name, n in references if f"{name}.{n}.scd" not in pages)
    if header:
        synopsis = tidy(text[text.index("# SYNOPSIS"):text.index("# DESCRIPTION")])
        wanted = {**header.prototypes, **header.macros}
        for form in wanted.values():
            end = r"\b" if form[-1].isalnum() else ""
            if not re.search(r"(?<![\w*])" + re.escape(form) + end, synopsis):
                yield f"no {form} in the synopsis"
        yield from (f"says {line}, which the header does not" for line in re.findall(r"^#define .*", text, flags=re.M)
                    if line not in header.lines)
        yield from (f"no {name}" for name in sorted(header.names() - words))
        yield from (f"no {name}, which the header's comments name" for name in sorted(header.mentioned & results - words))
    elif path.name == "thrum.7.scd" and not {name for name in pages if name != path.name} <= {f"{name}.{n}.scd" for name, n in references}:
        yield "does not list every page"


def guide_faults(root, path, known):
    """`thrum_lock_acquire`, `_release`: a name that begins with an underscore goes on with the prefix before it."""
    text = path.read_text()
    for line in text.splitlines():
        prefixes = []
        for name in re.findall(r"`(\w+)", line):
            if name.startswith("thrum_"):
                prefixes = ["_".join(name.split("_")[:n]) for n in range(2, name.count("_") + 1)]
            elif name.startswith("_") and prefixes:
                if not any(prefix + name in known for prefix in prefixes):
                    yield f"names {name} after {prefixes[-1]}, which no header has"
    yield from (f"names {word}, which no header has"
                for word in sorted(set(re.findall(r"\b(?:thrum|THRUM)_\w*\w\b", text)) - known))
    examples = set(re.findall(r"(?:\. |, |\| )`([a-z_]+)`(?=,? (?:`[a-z_]+` )?\|$)", text, flags=re.M))
    if path.name != "python.md": # the others name no example in a last column
        examples = set()
    yield from (f"names the example {name}, which is missing" for name in sorted(examples)
                if (root / "examples").exists() and not (root / f"examples/{name}.c").exists())


def main(root, work):
    headers = {path.stem: Header(path, root) for path in sorted((root / "include/thrum").glob("*.h"))
               if path.stem != "pthread"}  # it has pthread's names, and their pages
    pages = {path.name: path for path in (root / "docs/man").glob("*.scd")}
    known = {f"thrum_{room}" for room in headers}.union(*(header.names() for header in headers.values()))
    known |= set(re.findall(r"#define (THRUM_\w+)", (root / "include/thrum.h").read_text()))
    for path in (root / "include/thrum").glob("*.h"):  # what a program may define
        known |= {name for name in re.findall(r"\bdefined\((THRUM_\w+)\)", path.read_text()) if not internal(name)}
    for path in (root / "src").glob("*/*.c"):  # what a user may set
        known |= set(re.findall(r'getenv\("(THRUM_\w+)"\)', path.read_text()))
    faults = [f"thrum_{room}.3.scd: missing" for room in headers if f"thrum_{room}.3.scd" not in pages]
    objects = []
    for source in sorted(set(root.glob("src/*/*.c")) - set(root.glob("src/pthread/*.c")) - set(root.glob("src/checked/*.c"))) if work else []:
        objects.append(work / f"{source.stem}.o")
        subprocess.run([CC, "-std=c11", "-I", root / "include", "-c", "-o", objects[-1], source], check=True)
    for name, path in sorted(pages.items()):
        room = re.match(r"thrum_(\w+)\.3\.scd", name)
        header = headers.get(room[1]) if room else None
        faults += [f"{name}: {fault}" for fault in page_faults(path, header, known, headers["result"].constants, pages)]
        is_program = path.name.endswith(".1.scd")  # what it shows is a command
        example = not is_program and re.search(r"^# EXAMPLE\n+```\n(.*?)^```$", path.read_text(), flags=re.M | re.S)
        if work and example:
            faults += example_faults(name, example[1].replace("\\\\", "\\"), root, objects, work)
    guides = [path for path in sorted((root / "docs").glob("*.md")) if path.name in GUIDES]
    for path in guides:
        faults += [f"{path.name}: {fault}" for fault in guide_faults(root, path, known)]
    for path in guides + [root / "README.md"]:
        if path.exists():
            faults += [f"{path.name}: {fault}" for fault in block_faults(root, path)]
    for path in sorted((root / "include").rglob("*.h*")):
        faults += [f"{path.name}: its comments name {name}, which no header has"
                   for name in sorted(mentioned(path) - known) if not re.search(rf"\b{name}\b", code_of(path))]
    print("\n".join(faults) or f"{len(pages)} pages say what {len(headers)} headers say")
    return 1 if faults or not headers else 0


sys.exit(main(Path(sys.argv[1]).resolve(), Path(sys.argv[2]) if len(sys.argv) > 2 else None))
CODE
mkdir "$work/examples"
python3 -IS "$work/pages.py" "$1" "$work/examples"

# What is taken out of a copy must be missed, and what is put in must be noticed.
plant() { # plant SOURCE_DIR PAGE SED_SCRIPT EXPECTED
    rm -rf "$work/copy"
    mkdir -p "$work/copy/docs"
    cp -r "$1/include" "$work/copy/"
    cp -r "$1/docs/man" "$1/docs/python.md" "$1/docs/from-pthread.md" "$1/docs/from-cxx.md" "$work/copy/docs/"
    ln -s "$(realpath "$1/examples")" "$work/copy/examples"
    sed -i "$3" "$work/copy/docs/$2" 2>/dev/null || sed -i "$3" "$work/copy/docs/man/$2"
    if python3 -IS "$work/pages.py" "$work/copy" >"$work/out"; then
        echo "FAILED: nobody noticed: sed '$3' $2"
        exit 1
    fi
    grep -qF -- "$4" "$work/out" || { echo "FAILED: sed '$3' $2 was noticed as:"; cat "$work/out"; exit 1; }
}
plant "$1" thrum_lock.3.scd '/^bool thrum_lock_locked/d' 'no bool thrum_lock_locked(const thrum_lock*lock)'
plant "$1" thrum_event.3.scd 's/_is_set(const thrum_event/_is_set(thrum_event/' 'no bool thrum_event_is_set(const'
plant "$1" thrum_atomic.3.scd 's/{add,sub,/{add,/' 'thrum_u64_fetch_sub_acquire'
plant "$1" thrum_deadline.3.scd 's/THRUM_NOW/THRUM_SOON/' 'names THRUM_SOON, which no header has'
plant "$1" thrum_park.3.scd 's/NS 10000/NS 20000/' 'says #define THRUM_PARK_SPIN_NS 20000'
plant "$1" thrum_result.3.scd '/THRUM_STATE/d' 'no THRUM_STATE'
plant "$1" thrum_self.3.scd '/^# MEMORY ORDER/d' 'the sections are not'
plant "$1" thrum.7.scd '/thrum_park/d' 'does not list every page'
plant "$1" thrum_cond.3.scd '/THRUM_OVERFLOW/d' 'no THRUM_OVERFLOW, which the header'
plant "$1" from-pthread.md 's/thrum_lock_try_acquire/thrum_lock_trylock/' 'names thrum_lock_trylock, which no header has'
plant "$1" from-pthread.md 's/^static int tickets;//' 'a block does not compile'
plant "$1" python.md 's/thrum_active_count/thrum_active/' 'names thrum_active, which no header has'
plant "$1" python.md 's/`_try_acquire`/`_maybe_acquire`/' 'names _maybe_acquire after thrum_lock'
plant "$1" python.md 's/`tracing` |/`trailing` |/' 'names the example trailing, which is missing'
plant "$1" from-cxx.md 's/thrum::executor pool/thrum::pool pool/' 'a block does not compile'
