# SPDX-License-Identifier: MIT
"""The mutants of a source, made by rule: one change each, and what it is called.

order      each memory order weakened
wake       each wake dropped
expected   each compare-and-swap made to ignore what it expects
bit        each named bit left out of each mask that sets, clears or bars; each other bit of that state added
operand    each operand of a && and of a || dropped
loop       each loop made a single step

A function that only writes the state as text is left alone, and so is what spins: a spin is policy.
"""
import re

WEAKER = {"acquire": ["relaxed"], "release": ["relaxed"], "acq_rel": ["acquire", "release"],
          "seq_cst": ["relaxed"]}
OPERATION = re.compile(r"thrum_u(?:32|64)_[a-z_]+?_(acquire|release|acq_rel|seq_cst)\(")
CAS = re.compile(r"thrum_u(32|64)_cas_[a-z_]+\(")
WAKE = re.compile(r"thrum_futex_wake\(")
SPIN = "thrum_park_again("
# What mutants call. The compare-and-swap that ignores what it was told to expect; the wake that is lost.
PRELUDE = """
#define MUTANT_CAS(operation, load, word, expected, desired)  \\
    __extension__({                                           \\
        const __typeof__(*(expected)) wanted = (desired);     \\
        *(expected) = load(word);                             \\
        operation(word, expected, wanted);                    \\
    })
#define MUTANT_WAKE(word, count, channels, shared) ((void)(word), (void)(count), (void)(shared), 0)
"""


def blanked(match):
    return re.sub(r"[^\n]", " ", match[0])


def without_comments(text):
    """Comments and what is quoted become blanks, so that places stay."""
    return re.sub(r"/\*.*?\*/|//[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", blanked, text, flags=re.S)


def without_directives(code):
    return re.sub(r"^[ \t]*#(?:\\\n|[^\n])*", blanked, code, flags=re.M)


def without_laws(code):
    """A law that runs is itself a check: a mutant of one would say nothing."""
    return re.sub(r"\bTHRUM_LAW\([^;]*;", blanked, code)


# --- the shape of the code ---------------------------------------------------------------------------------

PAIRS = {"(": ")", "[": "]", "{": "}"}


def closing(code, at):
    """The place of the bracket that closes the one at `at`."""
    depth = 0
    for i in range(at, len(code)):
        if code[i] in PAIRS:
            depth += 1
        elif code[i] in PAIRS.values():
            depth -= 1
            if depth == 0:
                return i
    return len(code) - 1


def skip_blanks(code, at):
    while at < len(code) and code[at].isspace():
        at += 1
    return at


def word_at(code, at):
    found = re.compile(r"\w+").match(code, at)
    return found[0] if found else ""


def statement_end(code, at):
    """The place behind the statement that begins at `at`."""
    at = skip_blanks(code, at)
    if code[at] == "{":
        return closing(code, at) + 1
    word = word_at(code, at)
    if word in ("if", "while", "for", "switch") or word.startswith("THRUM_WITH"):
        end = statement_end(code, closing(code, code.index("(", at)) + 1)
        after = skip_blanks(code, end)
        return statement_end(code, after + 4) if word == "if" and word_at(code, after) == "else" else end
    if word == "do":
        return code.index(";", statement_end(code, at + 2)) + 1
    if word in ("case", "default"):
        return statement_end(code, code.index(":", at) + 1)
    depth = 0
    for i in range(at, len(code)):
        depth += (code[i] in PAIRS) - (code[i] in PAIRS.values())
        if code[i] == ";" and depth == 0:
            return i + 1
    return len(code)


def bodies(code):
    """(signature, from, to) of whatever stands in braces at the outermost level."""
    at = 0
    while (opens := code.find("{", at)) >= 0:
        begins = max(code.rfind(";", 0, opens), code.rfind("}", 0, opens)) + 1
        ends = closing(code, opens)
        signature = code[begins:opens]
        if re.search(r'\bextern\s*$', signature) or not signature.strip():
            at = opens + 1
            continue
        yield signature, opens, ends
        at = ends + 1


def kept(code):
    """The code in which mutants are made: functions and tables of constants, all else blank."""
    result = [c if c == "\n" else " " for c in code]
    for signature, begins, ends in bodies(code):
        function = re.search(r"\)\s*(THRUM_\w+\s*)*$", signature)
        table = re.search(r"=\s*$", signature) and "const" in signature
        if (function or table) and "_describe(" not in signature:
            result[begins:ends] = code[begins:ends]
    return "".join(result)


# --- bits ----------------------------------------------------------------------------------------------------

BIT = re.compile(r"^#define (\w+) (?:\(\(uint\w+_t\)(?:1 << \d+|(?:THRUM_)\w+_)\)|0x80000000u|\w+_LOCKED_)", re.M)
MEMBER = re.compile(r"\b(THRUM_\w+_) = 1 << \d+")
NO_BITS = ("ARRIVED", "COUNT", "VALUE", "FLAGS", "READER", "WAITER")  # they count, or are several bits


def bits_of(text, header_text):
    """The names of a state's bits, as this file calls them."""
    own = [name for name in BIT.findall(text) if name not in NO_BITS]
    own += [name for name in re.findall(r"\b([A-Z]+) = THRUM_\w+_\b", text) if name not in NO_BITS]
    members = [name for name in MEMBER.findall(text) if name.split("_")[-2] not in NO_BITS]
    return own + [name for name in members if name not in own] or MEMBER.findall(header_text)


def chain_around(code, begins, ends):
    """All of `a | b | c` around the operand there, and where it is."""
    left, depth = begins, 0
    while left > 0:
        c = code[left - 1]
        if c in PAIRS.values():
            depth += 1
        elif c in PAIRS and depth:
            depth -= 1
        elif depth == 0 and (c in PAIRS or c in ";,?:=~&!<>+-/*{}" or code[left - 2:left] == "||"):
            break
        left -= 1
    right = ends
    while right < len(code):
        c = code[right]
        if c in PAIRS:
            right = closing(code, right)
        elif c in PAIRS.values() or c in ";,?:=&!<>+-/*{}" or code[right:right + 2] == "||":
            break
        right += 1
    return left, right


def is_asked(code, at):
    """Whether the mask that begins there asks (`seen & MASK`), and sets or clears nothing."""
    before = code[:at].rstrip(" (\n")
    return before.endswith("&") and not before.endswith("&&")


def opening(code, at):
    """The place of the bracket that is open at `at`; -1 for none."""
    depth = 0
    for i in range(at - 1, -1, -1):
        if code[i] in PAIRS.values():
            depth += 1
        elif code[i] in PAIRS:
            if depth == 0:
                return i
            depth -= 1
    return -1


def bits_in_any_case(code, begins):
    """`A | B | (c ? X : Y)`: what stands beside a choice, of which the chain at `begins` is a branch."""
    opens = opening(code, begins)
    if opens < 0 or code[opens] != "(" or "?" not in code[opens:begins]:
        return set()
    closes = closing(code, opens) + 1
    left, right = chain_around(code, opens, closes)
    return {operand.strip() for operand in (code[left:opens] + code[closes:right]).split("|")}


def bit_changes(code, bits):
    names = re.compile(rf"\b({'|'.join(map(re.escape, bits))})\b") if bits else None
    done = set()
    for m in names.finditer(code) if names else ():
        chain = chain_around(code, m.start(), m.end())
        there = names.findall(code[chain[0]:chain[1]])
        asked = is_asked(code, chain[0])
        if not asked or len(there) > 1:
            yield f"{m[1]} left out", m.start(), m.end(), f"((__typeof__({m[1]}))0)"
        if asked or chain in done:
            continue
        done.add(chain)
        beside = bits_in_any_case(code, chain[0])
        for other in bits:
            if other not in there and other not in beside:
                yield f"{other} beside {m[1]}", m.start(), m.end(), f"({m[1]} | {other})"


# --- operands ------------------------------------------------------------------------------------------------

def operand_left(code, at, operator):
    depth = 0
    for i in range(at - 1, -1, -1):
        c = code[i]
        if c in PAIRS.values():
            if depth == 0 and c == "}":
                return i + 1
            depth += 1
        elif c in PAIRS:
            if depth == 0:
                return i + 1
            depth -= 1
        elif depth == 0:
            if c in ";,?:" or (c == "=" and code[i + 1] != "=" and code[i - 1] not in "=<>!"):
                return i + 1
            if code[i - 1:i + 1] == "||" or (operator == "&&" and code[i - 1:i + 1] == "&&"):
                return i + 1
            if re.match(r"return\b", code[i - 5:i + 2]) and not code[i - 6].isalnum():
                return i + 1
    return 0


def operand_right(code, at, operator):
    i = at
    while i < len(code):
        c = code[i]
        if c in PAIRS:
            i = closing(code, i)
        elif c in PAIRS.values() or c in ";,?:":
            return i
        elif code[i:i + 2] == "||" or (operator == "&&" and code[i:i + 2] == "&&"):
            return i
        i += 1
    return i


def short(text):
    return re.sub(r"\s+", " ", text).strip()


def operand_changes(code):
    for m in re.finditer(r"&&|\|\|", code):
        left, right = operand_left(code, m.start(), m[0]), operand_right(code, m.end(), m[0])
        first, second = code[left:m.start()], code[m.end():right]
        if SPIN not in second:
            yield f"without {m[0]} {short(second)}", m.start(), right, ""
        leads = code[max(left - 2, 0):left] != m[0] and (m[0] == "||" or code[left - 2:left] != "&&")
        if leads and SPIN not in first:
            yield f"without {short(first)} {m[0]}", left, m.end(), " "


# --- loops ---------------------------------------------------------------------------------------------------

def loop_changes(code, text):
    """What it makes again is the text, with what is quoted."""
    tails = set()
    for m in re.finditer(r"\b(do|while|for)\b", code):
        if m[1] == "do":
            body_ends = statement_end(code, m.end())
            tail = code.index("while", body_ends)
            tails.add(tail)
            opens = code.index("(", tail)
            closes = closing(code, opens)
            condition = text[opens + 1:closes]
            if SPIN not in condition:
                yield "one step", m.start(), opens + 1, text[m.start():opens + 1] + f"((void)({condition}), 0) && "
        elif m.start() not in tails:
            opens = code.index("(", m.end())
            closes = closing(code, opens)
            ends = statement_end(code, closes + 1)
            head, body = text[opens:closes + 1], text[closes + 1:ends]
            if SPIN in head or re.search(r"thrum_cpu_pause|THRUM_ANNOUNCE", body):
                continue
            if m[1] == "while":
                yield "one step", m.start(), ends, f"{{ if {head} do {body} while (0); }}"
            else:
                yield "one step", m.start(), ends, f"for {head} {{ do {body} while (0); break; }}"


# --- all of them ---------------------------------------------------------------------------------------------

def mutants_of(file, header_text=""):
    """(its name, the changed text, whether it is one of bits, operands or loops) of every mutant of a file."""
    text = file.read_text()
    code = without_comments(text)
    seen = {}

    def mutant(change, begins, ends, put):
        line_begins = text.rfind("\n", 0, begins) + 1
        line = re.sub(r"\s*/\*.*", "", text[line_begins:text.find("\n", begins)]).strip()
        name = f"{file.name}: {change}: {line}"
        seen[name] = seen.get(name, 0) + 1
        if seen[name] > 1:
            name += f" #{seen[name]}"
        return name, text[:begins] + put + text[ends:]

    for m in OPERATION.finditer(code):
        for weaker in WEAKER[m[1]]:
            yield *mutant(f"{m[1]} to {weaker}", *m.span(), m[0].replace(f"_{m[1]}(", f"_{weaker}(")), False
    for m in CAS.finditer(code):
        yield *mutant("expected ignored", *m.span(), f"MUTANT_CAS({m[0][:-1]}, thrum_u{m[1]}_load_relaxed, "), False
    for m in WAKE.finditer(code):
        yield *mutant("wake dropped", *m.span(), "MUTANT_WAKE("), False
    shaped = kept(without_laws(without_directives(code)))
    for changes in (bit_changes(shaped, bits_of(text, header_text)), operand_changes(shaped), loop_changes(shaped, text)):
        for change in changes:
            yield *mutant(*change), True
